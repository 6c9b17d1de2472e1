//! Phrases: causes, ends, retries and dependencies in words, for sentences and reasons.

use std::fmt;
use std::time::Duration;

use crate::machine::event::{Cause, EndCause, EndDetails, SkipLink, WaitingOn};
use crate::machine::{ShutdownReason, StateName};
use crate::spec::{CheckRole, Exit, Name, counted, first_of, format_duration};

/// A probe that is longer than this comes after its answer.
const LONG_PROBE: usize = 40;

impl Cause {
    /// The cause as a phrase: `src/main.rs changed`.
    pub fn describe(&self) -> String {
        match self {
            Self::Start => "project start".to_owned(),
            Self::User => "manual".to_owned(),
            Self::Dependency { on } => format!("because of {on}"),
            Self::FileChanged { path } => format!("{path} changed"),
            Self::Reload { reload } => format!("procfile reloaded (reload {reload})"),
            Self::Exit { exit_code } => Exit::Code(*exit_code).to_string(),
            Self::Signal { signal } => Exit::Signal(*signal).to_string(),
            Self::Retry { retry, retries } => next_try(*retry, *retries),
            Self::RetriesExhausted { retries } => format!("{} used up", counted(*retries, "retry")),
            Self::Timeout { after_ms } => format!("timed out after {}", milliseconds(*after_ms)),
            Self::IdleTimeout { after_ms } => {
                format!("no output for {}", milliseconds(*after_ms))
            }
            Self::ReadyTimeout { after_ms, probe, answer } => {
                let answer =
                    answer.as_ref().map(|answer| format!(": {answer}")).unwrap_or_default();
                format!("not ready after {}: {probe}{answer}", milliseconds(*after_ms))
            }
            Self::Unhealthy { check: CheckRole::Health, .. } => {
                format!("its health check failed: {}", self.misses().unwrap_or_default())
            }
            Self::Unhealthy { check: CheckRole::Ready, .. } => self.misses().unwrap_or_default(),
            Self::Pool { failed, .. } => format!("{failed} failed"),
            Self::Shutdown { reason } => reason.to_string(),
        }
    }

    /// The origin of a run, in words that follow the state or the start: `because db failed`.
    /// `None` if the run was simply requested.
    pub fn origin(&self) -> Option<String> {
        match self {
            Self::FileChanged { .. } | Self::Pool { .. } => {
                Some(format!("because {}", self.describe()))
            }
            Self::Reload { reload } => {
                Some(format!("because the procfile was reloaded (reload {reload})"))
            }
            Self::Unhealthy { .. } => Some("because its health check failed".to_owned()),
            Self::Dependency { .. } => Some(self.describe()),
            Self::Retry { .. } => Some(format!("as {}", self.describe())),
            Self::Start
            | Self::User
            | Self::Exit { .. }
            | Self::Signal { .. }
            | Self::RetriesExhausted { .. }
            | Self::Timeout { .. }
            | Self::IdleTimeout { .. }
            | Self::ReadyTimeout { .. }
            | Self::Shutdown { .. } => None,
        }
    }

    /// The probe that missed, its answer and the number of misses, if that is the cause.
    pub fn misses(&self) -> Option<String> {
        let Self::Unhealthy { probe, answer, misses, .. } = self else { return None };
        let count = if *misses > 1 { format!("; {misses} misses in a row") } else { String::new() };
        Some(format!("{}{count}", probe_and_answer(probe, answer)))
    }
}

impl fmt::Display for ShutdownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => Exit::Signal(*signal).fmt(f),
            Self::Asked => f.write_str("stop requested"),
            Self::ShutdownOn(name) => write!(f, "{name} ended (shutdown_on)"),
            Self::FailFast(name) => write!(f, "{name} failed (fail-fast)"),
            Self::Done => f.write_str("nothing left to run"),
            Self::GuardianGone => f.write_str("the guardian is gone"),
        }
    }
}

impl EndCause {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Stop => "stopped",
            Self::Kill => "killed",
            Self::Restart => "stopped for a restart",
            Self::FileChange => "stopped for changed files",
            Self::Reload => "stopped for a reload",
            Self::Health => "failed its health check",
            Self::Shutdown => "stopped with the project",
        }
    }
}

impl EndDetails {
    /// How the leader ended, if it did.
    pub fn exit(&self) -> Option<Exit> {
        self.exit_code.map(Exit::Code).or(self.signal.map(Exit::Signal))
    }

    /// `: exit 1 after 8.1s`; without the exit if it is 0.
    pub(super) fn describe(&self) -> String {
        let exit = self.exit().filter(|exit| !self.success || *exit != Exit::Code(0));
        let exit = exit.map(|exit| format!(": {exit}")).unwrap_or_default();
        format!("{exit} after {}", milliseconds(self.duration_ms))
    }

    /// `left 1 process running: 4711 (sleep 60)`
    pub(super) fn survivors(&self) -> Option<String> {
        let number = counted(self.strays.len(), "process");
        let strays = || first_of(&self.strays, usize::MAX);
        (!self.strays.is_empty()).then(|| format!("left {number} running: {}", strays()))
    }
}

/// `exit 1 after 8.1s`
pub(in crate::machine) fn exit_after(exit: Exit, after: Duration) -> String {
    format!("{exit} after {}", format_duration(after))
}

/// The end of a run whose health check failed, without the misses.
pub(in crate::machine) fn health_failure(after: Duration) -> String {
    format!("{} after {}", EndCause::Health.describe(), format_duration(after))
}

/// `retry 1 of 5`; retry 0 is the next run of a process that is always restarted.
pub(in crate::machine) fn next_try(retry: u32, retries: Option<u32>) -> String {
    match (retry, retries) {
        (0, _) => "runs again".to_owned(),
        (retry, Some(retries)) => format!("retry {retry} of {retries}"),
        (retry, None) => format!("retry {retry}"),
    }
}

/// `retry 1 of 5 in 500ms`
pub(crate) fn next_run(retry: u32, retries: Option<u32>, delay_ms: u64) -> String {
    let delay = match delay_ms {
        0 => "now".to_owned(),
        ms => format!("in {}", milliseconds(ms)),
    };
    format!("{} {delay}", next_try(retry, retries))
}

/// `gave up after 5 retries`
pub(crate) fn gave_up(retries: u32) -> String {
    format!("gave up after {}", counted(retries, "retry"))
}

/// `2 mistakes; nothing has changed`: the result of a rejected reload.
pub(crate) fn mistakes(number: usize) -> String {
    format!("{}; nothing has changed", counted(number, "mistake"))
}

/// `db to be ready and migrate to succeed`
pub(in crate::machine) fn goals(on: &[WaitingOn]) -> String {
    let goals: Vec<String> =
        on.iter().map(|on| format!("{} to {}", on.name, on.condition.goal())).collect();
    goals.join(" and ")
}

/// Why a member of a pool does not run: another one failed.
pub(crate) fn pool_stopped(failed: &Name) -> String {
    format!("pool stopped because {failed} failed")
}

/// Why file changes have no effect: this file changed too often.
pub(crate) fn watch_suspended(path: &str) -> String {
    format!("file watching suspended by {path}")
}

/// The origin of the run, after the reason of a state: `; started because src/main.rs changed`.
pub(crate) fn origin_of_run(state: StateName, cause: Option<&Cause>) -> String {
    // The end of the last run already says why another one follows.
    let cause = cause.filter(|_| state != StateName::Backoff);
    // While the run is being stopped, the cause is that of the stop.
    let started = if state == StateName::Stopping { "" } else { "started " };
    cause.and_then(Cause::origin).map(|origin| format!("; {started}{origin}")).unwrap_or_default()
}

/// A chain of dependencies as one sentence.
pub fn chain_sentence(chain: &[SkipLink]) -> String {
    let link =
        |link: &SkipLink| format!("{} cannot {}: {}", link.name, link.condition.goal(), link.why);
    if chain.is_empty() { "pool stopped".to_owned() } else { joined(chain.iter().map(link)) }
}

/// A long probe comes last, as it would hide its answer.
pub(super) fn probe_and_answer(probe: &str, answer: &str) -> String {
    if probe.len() > LONG_PROBE {
        format!("{answer}; {probe}")
    } else {
        format!("{probe}: {answer}")
    }
}

pub(super) fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}

fn milliseconds(ms: u64) -> String {
    format_duration(Duration::from_millis(ms))
}
