//! An event in words: what happened, and why.
#![expect(clippy::wildcard_enum_match_arm, reason = "one of a later version has a name too")]

use std::time::Duration;

use jiff::Timestamp;

use crate::machine::event::{EndCause, EndDetails, RunError, SkipLink};
use crate::machine::{Cause, Event, ShutdownReason, StateName, format_duration};
use crate::spec::Exit;

/// A check of more letters than these is told after what it answered.
const LONG: usize = 40;

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventText {
    pub seq: u64,
    pub time: Timestamp,
    /// Whose event it is.
    pub name: Option<String>,
    /// The run it is about.
    pub run: Option<u32>,
    /// What it means for the one it is about.
    pub state: Option<StateName>,
    /// What happened: `exit 1 after 8.1s`.
    pub words: String,
    /// Why; empty where that is all there is to say.
    pub cause: String,
}

impl EventText {
    pub fn of(event: &Event) -> Self {
        let stamp = event.stamp();
        let subject = event.subject();
        let name = subject.map(|of| of.name.to_string()).or_else(|| of_process(event));
        let (state, words, cause) = parts(event);
        Self {
            seq: stamp.seq,
            time: stamp.time,
            name,
            run: subject.map(|of| of.run).filter(|run| *run > 0),
            state,
            words,
            cause,
        }
    }

    /// All of it in one line, for filters and to be copied.
    pub fn line(&self) -> String {
        let name = self.name.as_deref().unwrap_or("project");
        let between = if self.cause.is_empty() { "" } else { "; " };
        format!("{name} {}{between}{}", self.words, self.cause)
    }

    pub fn is_bad(&self) -> bool {
        matches!(self.state, Some(StateName::Failed | StateName::Unhealthy | StateName::Backoff))
    }
}

fn of_process(event: &Event) -> Option<String> {
    match event {
        Event::FileChanged(e) => Some(e.name.to_string()),
        Event::WatchSuspended(e) => Some(e.name.to_string()),
        Event::PoolDrained(e) => Some(e.pool.to_string()),
        _ => None,
    }
}

type EventTextParts = (Option<StateName>, String, String);

fn parts(event: &Event) -> EventTextParts {
    let all = |state, words: String, cause: String| (Some(state), words, cause);
    match event {
        Event::ProcessQueued(e) => {
            all(StateName::Queued, format!("queued for a slot of {}", e.pool), why(&e.cause))
        }
        Event::ProcessWaiting(e) => {
            let on: Vec<String> =
                e.on.iter().map(|on| format!("{} to {}", on.name, on.condition.goal())).collect();
            all(StateName::Waiting, format!("waits for {}", on.join(" and ")), why(&e.cause))
        }
        Event::ProcessStarted(e) => {
            let words = format!("started, run {}, pid {}", e.of.run, e.pid);
            all(StateName::Starting, words, why(&e.cause))
        }
        Event::ProcessReady(e) => {
            let words = match (&e.probe, &e.answer) {
                // A whole script: what it answered would not be seen.
                (Some(probe), Some(answer)) if probe.len() > LONG => {
                    format!("ready: {answer}; {probe}")
                }
                (Some(probe), Some(answer)) => format!("ready: {probe}: {answer}"),
                (Some(one), None) | (None, Some(one)) => format!("ready: {one}"),
                (None, None) => "ready".to_owned(),
            };
            all(StateName::Ready, words, why(&e.cause))
        }
        Event::ProcessUnhealthy(e) => {
            all(StateName::Unhealthy, "unhealthy".to_owned(), why(&e.cause))
        }
        Event::ProcessRetrying(e) => {
            let delay = match e.delay_ms {
                0 => "now".to_owned(),
                ms => format!("in {}", format_duration(Duration::from_millis(ms))),
            };
            let words = match (e.retry, e.retries) {
                (0, _) => format!("runs again {delay}"),
                (retry, Some(of)) => format!("retry {retry} of {of} {delay}"),
                (retry, None) => format!("retry {retry} {delay}"),
            };
            all(StateName::Backoff, words, why(&e.cause))
        }
        Event::ProcessStopping(e) => {
            let how = match e.signal {
                Some(signal) => format!("stopping by {signal}"),
                None => "stopping by its stop command".to_owned(),
            };
            all(StateName::Stopping, how, why(&e.cause))
        }
        Event::ProcessCompleted(e) if e.end.success => {
            let hint = e.hint.clone().unwrap_or_default();
            all(StateName::Succeeded, format!("ended well{}", how(&e.end)), hint)
        }
        Event::ProcessCompleted(e) => {
            all(StateName::Failed, format!("failed{}", how(&e.end)), String::new())
        }
        Event::ProcessKilled(e) => {
            let state =
                if e.by == EndCause::Health { StateName::Failed } else { StateName::Stopped };
            all(state, format!("stopped{}", how(&e.end)), why(&e.cause))
        }
        Event::ProcessFailed(e) => {
            all(StateName::Failed, failed(e.error, &e.message), why(&e.cause))
        }
        Event::ProcessGaveUp(e) => {
            let words = format!("gave up after {} retries", e.retries);
            all(StateName::Failed, words, e.message.clone())
        }
        Event::ProcessSkipped(e) => {
            all(StateName::Skipped, format!("skipped: {} cannot get there", e.on), chain(&e.chain))
        }
        _ => of_project(event),
    }
}

/// Those that are about no run.
fn of_project(event: &Event) -> EventTextParts {
    let plain = |words: String, cause: String| (None, words, cause);
    match event {
        Event::FileChanged(e) => {
            let more = if e.more > 0 { format!(" and {} more", e.more) } else { String::new() };
            plain(format!("files changed: {}", e.action), format!("{}{more}", e.path))
        }
        Event::WatchSuspended(e) => {
            let cause = format!("{} changed soon after each of {} starts", e.path, e.restarts);
            (Some(StateName::Unhealthy), "its files are not watched any more".to_owned(), cause)
        }
        Event::ConfigReloaded(e) => {
            let counts = [("new", &e.added), ("changed", &e.changed), ("gone", &e.removed)];
            let some = counts.iter().filter(|(_, names)| !names.is_empty());
            let parts: Vec<String> = some
                .map(|(what, names)| {
                    let names: Vec<&str> = names.iter().map(crate::spec::Name::as_str).collect();
                    format!("{what}: {}", names.join(", "))
                })
                .collect();
            let words =
                if parts.is_empty() { "nothing is different".to_owned() } else { parts.join("; ") };
            plain(format!("file read again (reload {}): {words}", e.reload), why(&e.cause))
        }
        Event::ConfigRejected(e) => {
            let words = format!("file read again: {} mistakes, nothing done", e.faults.len());
            (Some(StateName::Failed), words, why(&e.cause))
        }
        Event::PoolDrained(e) => {
            plain(format!("done: {} ended well, {} not", e.succeeded, e.failed), String::new())
        }
        Event::ProjectReady(_) => {
            (Some(StateName::Ready), "everything is ready".to_owned(), String::new())
        }
        Event::ProjectStopping(e) => {
            (Some(StateName::Stopping), "stopping".to_owned(), why(&e.cause))
        }
        Event::ProjectStopped(_) => plain("everything has ended".to_owned(), String::new()),
        // Told above, or of a later version.
        other => plain(other.kind().replace('_', " "), String::new()),
    }
}

fn failed(error: RunError, message: &str) -> String {
    match error {
        RunError::Timeout
        | RunError::IdleTimeout
        | RunError::ReadyTimeout
        | RunError::Unkillable => format!("failed: {message}"),
        RunError::ProgramNotFound
        | RunError::CwdNotFound
        | RunError::NotExecutable
        | RunError::ArgumentsTooLong
        | RunError::PortBusy
        | RunError::ResourceLimit
        | RunError::Other => format!("cannot be started: {message}"),
    }
}

/// `: exit 1 after 8.1s`
fn how(end: &EndDetails) -> String {
    let exit = match (end.exit_code, end.signal) {
        (Some(code), _) if end.success && code == 0 => None,
        (Some(code), _) => Some(Exit::Code(code)),
        (None, Some(signal)) => Some(Exit::Signal(signal)),
        (None, None) => None,
    };
    let exit = exit.map_or_else(String::new, |exit| format!(": {exit}"));
    let strays = match end.strays.len() {
        0 => String::new(),
        1 => ", left 1 process behind".to_owned(),
        more => format!(", left {more} processes behind"),
    };
    format!("{exit} after {}{strays}", format_duration(Duration::from_millis(end.duration_ms)))
}

fn chain(links: &[SkipLink]) -> String {
    let links: Vec<String> =
        links.iter().map(|link| format!("{} ({})", link.name, link.why)).collect();
    links.join(", ")
}

/// A cause in words; every kind has some.
pub fn why(cause: &Cause) -> String {
    let after = |ms: &u64| format_duration(Duration::from_millis(*ms));
    match cause {
        Cause::Start => "the project was started".to_owned(),
        Cause::User => "asked for".to_owned(),
        Cause::Dependency { on } => format!("because of {on}"),
        Cause::FileChanged { path } => format!("{path} changed"),
        Cause::Reload { reload } => format!("the file was read again (reload {reload})"),
        Cause::Exit { exit_code } => format!("exit {exit_code}"),
        Cause::Signal { signal } => format!("{signal:?}"),
        Cause::Retry { retry, retries: Some(of) } => format!("retry {retry} of {of}"),
        Cause::Retry { retry, retries: None } => format!("retry {retry}"),
        Cause::RetriesExhausted { retries } => format!("{retries} retries used up"),
        Cause::Timeout { after_ms } => format!("ran longer than {}", after(after_ms)),
        Cause::IdleTimeout { after_ms } => format!("silent longer than {}", after(after_ms)),
        Cause::ReadyTimeout { after_ms, probe, answer } => {
            let answer = answer.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
            format!("not ready within {}, {probe}{answer}", after(after_ms))
        }
        Cause::Unhealthy { probe, answer, misses, .. } if probe.len() > LONG => {
            let often =
                if *misses > 1 { format!(", {misses} misses in a row") } else { String::new() };
            format!("{answer}{often}; {probe}")
        }
        Cause::Unhealthy { .. } => cause.misses().unwrap_or_default(),
        Cause::Pool { failed, .. } => format!("{failed} failed"),
        Cause::Shutdown { reason } => match reason {
            ShutdownReason::Signal(signal) => format!("{signal:?}"),
            ShutdownReason::Asked => "the project is stopped".to_owned(),
            ShutdownReason::ShutdownOn(name) => format!("{name} ended and takes the project along"),
            ShutdownReason::FailFast(name) => format!("{name} failed"),
            ShutdownReason::Done => "nothing is left to run".to_owned(),
            ShutdownReason::GuardianGone => "the guardian is gone".to_owned(),
        },
    }
}
