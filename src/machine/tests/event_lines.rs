//! A short text form of events: `started 2/1 retry 1/5` is run 2, attempt 1, and its cause.

use crate::machine::event::{Cause, EndDetails};
use crate::machine::{Event, ShutdownReason};

/// The kind of an event as it is called in JSON.
pub(super) fn kind(event: &Event) -> String {
    let json = serde_json::to_value(event).unwrap();
    json["event"].as_str().unwrap().to_owned()
}

/// An event of a process.
pub(super) fn of_process(event: &Event) -> String {
    let Some(of) = event.subject() else { return kind(event) };
    let at = format!("{}/{}", of.run, of.attempt);
    match event {
        Event::ProcessQueued(e) => format!("queued {at} {}", cause(&e.cause)),
        Event::ProcessWaiting(e) => {
            let on: Vec<String> =
                e.on.iter().map(|w| format!("{}:{}", w.name, w.condition.as_str())).collect();
            format!("waiting {at} {} {}", on.join(","), cause(&e.cause))
        }
        Event::ProcessStarted(e) => format!("started {at} {}", cause(&e.cause)),
        Event::ProcessReady(e) => format!("ready {at} {}", cause(&e.cause)),
        Event::ProcessUnhealthy(e) => format!("unhealthy {at} {}", cause(&e.cause)),
        Event::ProcessRetrying(e) => {
            let of = e.retries.map_or("∞".to_owned(), |n| n.to_string());
            format!("retrying {at} {}/{of} {}ms {}", e.retry, e.delay_ms, cause(&e.cause))
        }
        Event::ProcessStopping(e) => {
            let signal = e.signal.map_or("command".to_owned(), |s| s.to_string());
            format!("stopping {at} {signal} {}", cause(&e.cause))
        }
        Event::ProcessCompleted(e) => {
            format!("completed {at} {} {}", ended(&e.end), cause(&e.cause))
        }
        Event::ProcessKilled(e) => {
            format!("killed {at} by {} {} {}", e.by, ended(&e.end), cause(&e.cause))
        }
        Event::ProcessFailed(e) => {
            format!("failed {at} {} {} {}", e.error.as_str(), ended(&e.end), cause(&e.cause))
        }
        Event::ProcessGaveUp(e) => format!("gave_up {at} {} {}", e.retries, cause(&e.cause)),
        Event::ProcessSkipped(e) => {
            let chain: Vec<String> =
                e.chain.iter().map(|l| format!("{}:{}", l.name, l.condition.as_str())).collect();
            format!("skipped {at} on {} [{}] {}", e.on, chain.join(" "), cause(&e.cause))
        }
        Event::FileChanged(_)
        | Event::WatchSuspended(_)
        | Event::ConfigReloaded(_)
        | Event::ConfigRejected(_)
        | Event::PoolDrained(_)
        | Event::ProjectReady(_)
        | Event::ProjectStopping(_)
        | Event::ProjectStopped(_) => kind(event),
    }
}

fn ended(end: &EndDetails) -> String {
    let how = match (end.exit_code, end.signal) {
        (Some(code), None) => format!("code {code}"),
        (None, Some(signal)) => format!("sig {signal}"),
        (None, None) => "nothing".to_owned(),
        (Some(_), Some(_)) => unreachable!("an exit has a code or a signal"),
    };
    let leaked = if end.leaked { " leaked" } else { "" };
    let success = if end.success { " well" } else { "" };
    format!("{how} {}ms{success}{leaked}", end.duration_ms)
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Start => "start".to_owned(),
        Cause::User => "user".to_owned(),
        Cause::Dependency { on } => format!("dependency {on}"),
        Cause::FileChanged { path } => format!("file_changed {path}"),
        Cause::Reload { reload } => format!("reload {reload}"),
        Cause::Exit { exit_code } => format!("exit {exit_code}"),
        Cause::Signal { signal } => format!("signal {signal}"),
        Cause::Retry { retry, retries } => {
            format!("retry {retry}/{}", retries.map_or("∞".to_owned(), |n| n.to_string()))
        }
        Cause::RetriesExhausted { retries } => format!("retries_exhausted {retries}"),
        Cause::Timeout { after_ms } => format!("timeout {after_ms}"),
        Cause::IdleTimeout { after_ms } => format!("idle_timeout {after_ms}"),
        Cause::ReadyTimeout { after_ms, answer, .. } => {
            format!("ready_timeout {after_ms} {}", answer.as_deref().unwrap_or("-"))
        }
        Cause::Unhealthy { check, answer, misses, .. } => {
            format!("unhealthy {check} {misses} {answer}")
        }
        Cause::Pool { pool, failed } => format!("pool {pool} {failed}"),
        Cause::Shutdown { reason } => match reason {
            ShutdownReason::Signal(signal) => format!("shutdown {signal}"),
            ShutdownReason::Asked => "shutdown asked".to_owned(),
            ShutdownReason::ShutdownOn(name) => format!("shutdown_on {name}"),
            ShutdownReason::FailFast(name) => format!("fail_fast {name}"),
            ShutdownReason::Done => "done".to_owned(),
            ShutdownReason::GuardianGone => "guardian gone".to_owned(),
        },
    }
}
