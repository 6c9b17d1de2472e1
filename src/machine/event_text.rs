//! Event text: the words of events, causes, ends and retries for people.
//!
//! Plain output, the table of `events`, the timeline, run markers and the reasons of a snapshot take
//! their words from here.

use std::time::Duration;

use jiff::Timestamp;

use super::event::{
    Cause, ConfigReloaded, EndCause, EventStamp, FileChanged, ProcessCompleted, ProcessKilled,
};
use super::{Event, StateName};
use crate::spec::{Name, WatchAction, and_more, counted, first_of, thousands};

mod phrases;
#[cfg(feature = "control")]
mod state_reason;

pub use phrases::chain_sentence;
pub(super) use phrases::{exit_after, goals, health_failure, next_try};
pub(crate) use phrases::{
    gave_up, mistakes, next_run, origin_of_run, pool_stopped, watch_suspended,
};
use phrases::{joined, probe_and_answer};
#[cfg(feature = "control")]
pub(crate) use state_reason::StateReason;

/// How many names are listed before "and 12 more".
pub(crate) const LISTED_NAMES: usize = 8;

/// An event in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventText {
    /// The number of the event.
    pub seq: u64,
    /// When it happened.
    pub time: Timestamp,
    /// The process, job or pool; `None` for an event of the project.
    pub name: Option<String>,
    /// The run of the process.
    pub run: Option<u32>,
    /// The state that the event stands for.
    pub state: Option<StateName>,
    /// What happened, after the name: `failed: exit 1 after 8.1s`.
    pub what: String,
    /// Why; empty if `what` is complete.
    pub why: String,
    /// `what` is a clause, not a predicate: in a sentence a colon separates it from the name.
    is_clause: bool,
    /// A sentence includes the reason.
    has_reason: bool,
}

impl EventText {
    /// Words an event.
    pub fn of(event: &Event) -> Self {
        let EventStamp { seq, time, .. } = event.stamp();
        let text = Self { seq, time, ..Self::describe(event) };
        match event.subject() {
            Some(of) => Self { run: (of.run > 0).then_some(of.run), ..text.about(&of.name) },
            None => text,
        }
    }

    /// One sentence: `web failed: exit 1 after 8.1s`.
    pub fn sentence(&self) -> String {
        let reason = if self.has_reason && !self.why.is_empty() {
            format!(": {}", self.why)
        } else {
            String::new()
        };
        let subject = match (&self.name, self.is_clause) {
            (Some(name), true) => format!("{name}: "),
            (Some(name), false) => format!("{name} "),
            (None, true) => String::new(),
            (None, false) => "the project ".to_owned(),
        };
        format!("{subject}{}{reason}", self.what)
    }

    /// Name, event and reason in one line, for filters and for copying.
    pub fn line(&self) -> String {
        let sentence = self.sentence();
        if self.has_reason || self.why.is_empty() {
            sentence
        } else {
            format!("{sentence}; {}", self.why)
        }
    }

    /// Whether something went wrong.
    pub fn is_bad(&self) -> bool {
        self.state.is_some_and(StateName::is_bad)
    }

    fn new(state: StateName, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { state: Some(state), what: what.into(), why: why.into(), ..Self::default() }
    }

    fn about(self, name: &Name) -> Self {
        Self { name: Some(name.to_string()), ..self }
    }

    fn with_reason(self) -> Self {
        Self { has_reason: true, ..self }
    }

    fn clause(what: impl Into<String>) -> Self {
        Self { what: what.into(), is_clause: true, ..Self::default() }
    }

    /// Words an event, without number, time, name and run.
    fn describe(event: &Event) -> Self {
        match event {
            Event::ProcessQueued(e) => {
                let what = format!("queued in {}", e.pool);
                Self::new(StateName::Queued, what, e.cause.describe())
            }
            Event::ProcessWaiting(e) => {
                let what = format!("waits for {}", goals(&e.on));
                Self::new(StateName::Waiting, what, e.cause.describe())
            }
            Event::ProcessStarted(e) => {
                let run = if e.of.run > 1 { format!(", run {}", e.of.run) } else { String::new() };
                let what = format!("started, pid {}{run}", e.pid);
                Self::new(StateName::Starting, what, e.cause.describe())
            }
            Event::ProcessReady(e) => {
                let check = match (&e.probe, &e.answer) {
                    (Some(probe), Some(answer)) => format!(", {}", probe_and_answer(probe, answer)),
                    (Some(text), None) | (None, Some(text)) => format!(", {text}"),
                    (None, None) => String::new(),
                };
                Self::new(StateName::Ready, format!("is ready{check}"), "")
            }
            Event::ProcessUnhealthy(e) => {
                let misses = e.cause.misses().unwrap_or_default();
                Self::new(StateName::Unhealthy, "is unhealthy", misses).with_reason()
            }
            Event::ProcessRetrying(e) => {
                let what = next_run(e.retry, e.retries, e.delay_ms);
                let text = Self::new(StateName::Backoff, what, e.cause.describe());
                Self { is_clause: e.retry > 0, ..text }
            }
            Event::ProcessStopping(e) => {
                let means = e.signal.map_or_else(|| "stop command".to_owned(), |s| s.to_string());
                let what = format!("is stopping ({means})");
                let has_reason = !matches!(e.cause, Cause::Start | Cause::User);
                Self { has_reason, ..Self::new(StateName::Stopping, what, e.cause.describe()) }
            }
            Event::ProcessCompleted(e) => Self::completed(e),
            Event::ProcessKilled(e) => Self::killed(e),
            Event::ProcessFailed(e) => {
                let what = if e.error.was_spawned() { "failed" } else { "cannot start" };
                let why = e.end.survivors().unwrap_or_default();
                Self::new(StateName::Failed, format!("{what}: {}", e.message), why)
            }
            Event::ProcessGaveUp(e) => {
                Self::new(StateName::Failed, gave_up(e.retries), &*e.message).with_reason()
            }
            Event::ProcessSkipped(e) => {
                let why = if let Cause::Pool { failed, .. } = &e.cause {
                    pool_stopped(failed)
                } else {
                    chain_sentence(&e.chain)
                };
                Self::new(StateName::Skipped, "skipped", why).with_reason()
            }
            Event::FileChanged(e) => Self::clause(file_change(e)).about(&e.name),
            Event::WatchSuspended(e) => {
                let why = format!(
                    "{} changed right after each of the last {} (add it to `watch.ignore` if {} writes it)",
                    e.path,
                    counted(e.restarts, "start"),
                    e.name
                );
                let text = Self::new(StateName::Unhealthy, "file watching suspended", why);
                Self { is_clause: true, ..text.with_reason().about(&e.name) }
            }
            Event::ConfigReloaded(e) => {
                let what = format!("procfile reloaded: {}", differences(e));
                Self { why: e.cause.describe(), ..Self::clause(what) }
            }
            Event::ConfigRejected(e) => {
                let what = format!("procfile rejected: {}", mistakes(e.faults.len()));
                let (state, why) = (Some(StateName::Failed), e.cause.describe());
                Self { state, why, ..Self::clause(what) }
            }
            Event::PoolDrained(e) => {
                let others = [(e.failed, "failed"), (e.stopped, "stopped"), (e.skipped, "skipped")];
                let others = others.iter().filter(|(count, _)| *count > 0);
                let others =
                    others.map(|(count, word)| format!(", {} {word}", thousands((*count).into())));
                let succeeded = thousands(e.succeeded.into());
                let what = format!("finished: {succeeded} succeeded{}", others.collect::<String>());
                Self { what, ..Self::default() }.about(&e.pool)
            }
            Event::ProjectReady(_) => {
                Self { state: Some(StateName::Ready), ..Self::clause("project ready") }
            }
            Event::ProjectStopping(e) => {
                Self::new(StateName::Stopping, "is stopping", e.cause.describe())
            }
            Event::ProjectStopped(_) => Self { what: "has ended".to_owned(), ..Self::default() },
        }
    }

    fn completed(event: &ProcessCompleted) -> Self {
        let survivors = event.end.survivors();
        if !event.end.success {
            let what = format!("failed{}", event.end.describe());
            return Self::new(StateName::Failed, what, survivors.unwrap_or_default());
        }
        let what = format!("succeeded{}", event.end.describe());
        let why = joined(event.hint.iter().cloned().chain(survivors));
        Self { has_reason: event.hint.is_some(), ..Self::new(StateName::Succeeded, what, why) }
    }

    fn killed(event: &ProcessKilled) -> Self {
        let has_reason = event.by == EndCause::Health;
        let (state, what, why) = if has_reason {
            let after = Duration::from_millis(event.end.duration_ms);
            (StateName::Failed, health_failure(after), event.cause.misses())
        } else {
            let what = format!("{}{}", event.by.describe(), event.end.describe());
            (StateName::Stopped, what, Some(event.cause.describe()))
        };
        let why = joined(why.into_iter().chain(event.end.survivors()));
        Self { has_reason, ..Self::new(state, what, why) }
    }
}

/// The words of a run marker: a start with its origin, or an end.
#[cfg(feature = "control")]
pub(crate) fn marker(event: &Event) -> String {
    let Event::ProcessStarted(e) = event else { return EventText::of(event).what };
    let what = if e.of.run > 1 { "restarted" } else { "started" };
    e.cause.origin().map_or_else(|| what.to_owned(), |origin| format!("{what} {origin}"))
}

/// The changed files, and the action.
fn file_change(event: &FileChanged) -> String {
    let follows = match &event.action {
        WatchAction::Run(first) => format!("running {first} first"),
        WatchAction::Signal(signal) => format!("sending {signal}"),
        WatchAction::Restart => "restarting".to_owned(),
    };
    format!("{}{} changed; {follows}", event.path, and_more(event.more))
}

/// The differences after a reload.
fn differences(event: &ConfigReloaded) -> String {
    let lists = [("new", &event.added), ("changed", &event.changed), ("removed", &event.removed)];
    let lists = lists.iter().filter(|(_, names)| !names.is_empty());
    let text = joined(
        lists.map(|(label, names)| format!("{label}: {}", first_of(names.iter(), LISTED_NAMES))),
    );
    if text.is_empty() { "no changes".to_owned() } else { text }
}
