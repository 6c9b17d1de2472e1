//! Events in words.

use std::time::Duration;

use super::lines::thousands;
use crate::machine::event::{
    Cause, ConfigReloaded, EndCause, EndDetails, EventSubject, FileChanged, ProcessRetrying,
    ProcessStopping, RunError,
};
use crate::machine::snapshot::{chain_sentence, retries};
use crate::machine::{Event, format_duration};
use crate::spec::{Exit, Name};

/// How many names are listed before "and 12 more".
pub(super) const NAMES: usize = 8;

/// What happened, for any event: the words of plain output, and those of what it leaves out.
#[cfg(feature = "cli")]
pub(crate) fn describe(event: &Event) -> String {
    sentence(event).unwrap_or_else(|| match event {
        Event::ProcessQueued(e) => format!("{} waits for a slot of {}", e.of.name, e.pool),
        Event::ProcessReady(e) => format!("{} is ready", e.of.name),
        Event::ProcessStopping(e) => match e.signal {
            Some(signal) => format!("{}: {signal} sent to end it", e.of.name),
            None => format!("{}: its stop command runs", e.of.name),
        },
        Event::ConfigRejected(e) => match e.faults.len() {
            1 => "the file has 1 mistake; nothing has changed".to_owned(),
            faults => format!("the file has {faults} mistakes; nothing has changed"),
        },
        Event::ProjectStopping(_) => "the project is being stopped".to_owned(),
        Event::ProjectStopped(_) => "the project has ended".to_owned(),
        Event::ProcessWaiting(_)
        | Event::ProcessStarted(_)
        | Event::ProcessUnhealthy(_)
        | Event::ProcessRetrying(_)
        | Event::ProcessCompleted(_)
        | Event::ProcessKilled(_)
        | Event::ProcessFailed(_)
        | Event::ProcessGaveUp(_)
        | Event::ProcessSkipped(_)
        | Event::FileChanged(_)
        | Event::WatchSuspended(_)
        | Event::ConfigReloaded(_)
        | Event::PoolDrained(_)
        | Event::ProjectReady(_) => event.kind().to_owned(),
    })
}

/// Why something happened, in a few words.
#[cfg(feature = "cli")]
pub(crate) fn describe_cause(cause: &Cause) -> String {
    let seconds = |ms: &u64| format_duration(Duration::from_millis(*ms));
    match cause {
        Cause::Start => "start of the project".to_owned(),
        Cause::User => "by hand".to_owned(),
        Cause::Dependency { on } => format!("because of {on}"),
        Cause::FileChanged { path } => format!("{path} changed"),
        Cause::Reload { reload } => format!("reload {reload}"),
        Cause::Exit { exit_code } => format!("exit {exit_code}"),
        Cause::Signal { signal } => format!("signal {signal}"),
        Cause::Retry { retry, retries: Some(of) } => format!("retry {retry} of {of}"),
        Cause::Retry { retry, retries: None } => format!("retry {retry}"),
        Cause::RetriesExhausted { .. } => "no retries left".to_owned(),
        Cause::Timeout { after_ms } => format!("timeout after {}", seconds(after_ms)),
        Cause::IdleTimeout { after_ms } => format!("no output for {}", seconds(after_ms)),
        Cause::ReadyTimeout { after_ms, .. } => format!("not ready after {}", seconds(after_ms)),
        Cause::Unhealthy { .. } => cause.misses().unwrap_or_default(),
        Cause::Pool { failed, .. } => format!("{failed} failed"),
        Cause::Shutdown { reason } => reason.to_string(),
    }
}

/// One sentence for an event, if it deserves one.
pub(super) fn sentence(event: &Event) -> Option<String> {
    Some(match event {
        Event::ProcessStarted(e) => {
            format!("{} started, pid {}{}", e.of.name, e.pid, run_of(&e.of))
        }
        Event::ProcessWaiting(e) => {
            let on: Vec<String> =
                e.on.iter().map(|on| format!("{} to {}", on.name, on.condition.goal())).collect();
            format!("{} waits for {}", e.of.name, on.join(" and "))
        }
        Event::ProcessReady(e) => {
            let probe = e.probe.as_ref()?;
            let answer = e.answer.as_ref().map_or_else(String::new, |said| format!(": {said}"));
            format!("{} is ready, {probe}{answer}", e.of.name)
        }
        Event::ProcessUnhealthy(e) => {
            let misses = e.cause.misses().unwrap_or_default();
            format!("{} is unhealthy, {misses}", e.of.name)
        }
        Event::ProcessRetrying(e) => retrying(e),
        Event::ProcessStopping(e) => return stopping(e),
        Event::ProcessCompleted(e) if e.end.success => {
            let hint = e.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
            format!("{} ended well{}{hint}", e.of.name, how(&e.end))
        }
        Event::ProcessCompleted(e) => format!("{} failed{}", e.of.name, how(&e.end)),
        Event::ProcessKilled(e) if e.by == EndCause::Health => {
            format!("{} failed its health check{}", e.of.name, how(&e.end))
        }
        Event::ProcessKilled(e) => format!("{} stopped{}", e.of.name, how(&e.end)),
        Event::ProcessFailed(e) => match e.error {
            RunError::Timeout
            | RunError::IdleTimeout
            | RunError::ReadyTimeout
            | RunError::Unkillable => {
                format!("{} failed: {}", e.of.name, e.message)
            }
            RunError::ProgramNotFound
            | RunError::CwdNotFound
            | RunError::NotExecutable
            | RunError::ArgumentsTooLong
            | RunError::PortBusy
            | RunError::ResourceLimit
            | RunError::Other => format!("cannot start {}: {}", e.of.name, e.message),
        },
        Event::ProcessGaveUp(e) => {
            format!("{}: gave up after {}: {}", e.of.name, retries(e.retries), e.message)
        }
        Event::ProcessSkipped(e) => {
            let why = match &e.cause {
                Cause::Pool { failed, .. } => format!("{failed} failed"),
                Cause::Start
                | Cause::User
                | Cause::Dependency { .. }
                | Cause::FileChanged { .. }
                | Cause::Reload { .. }
                | Cause::Exit { .. }
                | Cause::Signal { .. }
                | Cause::Retry { .. }
                | Cause::RetriesExhausted { .. }
                | Cause::Timeout { .. }
                | Cause::IdleTimeout { .. }
                | Cause::ReadyTimeout { .. }
                | Cause::Unhealthy { .. }
                | Cause::Shutdown { .. } => chain_sentence(&e.chain),
            };
            format!("{} skipped: {why}", e.of.name)
        }
        Event::FileChanged(e) => changed(e),
        Event::ConfigReloaded(e) => reloaded(e),
        // The mistakes themselves are told beside it.
        Event::ConfigRejected(_) => return None,
        Event::WatchSuspended(e) => format!(
            "{}: its files are not watched any more: {} changed soon after each of the last {} \
             starts; put it in `ignore` if {} writes it",
            e.name, e.path, e.restarts, e.name
        ),
        Event::PoolDrained(e) => {
            let failed = if e.failed > 0 { format!(", {} not", e.failed) } else { String::new() };
            format!("pool {} is done: {} ended well{failed}", e.pool, e.succeeded)
        }
        Event::ProjectReady(_) => "everything is ready".to_owned(),
        Event::ProcessQueued(_) | Event::ProjectStopping(_) | Event::ProjectStopped(_) => {
            return None;
        }
    })
}

fn retrying(e: &ProcessRetrying) -> String {
    let delay = match e.delay_ms {
        0 => "now".to_owned(),
        ms => format!("in {}", format_duration(Duration::from_millis(ms))),
    };
    match (e.retry, e.retries) {
        (0, _) => format!("{} runs again {delay}", e.of.name),
        (retry, Some(of)) => format!("{}: retry {retry} of {of} {delay}", e.of.name),
        (retry, None) => format!("{}: retry {retry} {delay}", e.of.name),
    }
}

/// Nothing when everything is being stopped, which is told for all of them.
fn stopping(e: &ProcessStopping) -> Option<String> {
    let why = match &e.cause {
        // A change tells of itself.
        Cause::Shutdown { .. } | Cause::FileChanged { .. } => return None,
        Cause::Reload { .. } => "by the new file, ".to_owned(),
        Cause::Timeout { after_ms } => {
            format!("it has run for {}, ", format_duration(Duration::from_millis(*after_ms)))
        }
        Cause::IdleTimeout { after_ms } => {
            format!("it was silent for {}, ", format_duration(Duration::from_millis(*after_ms)))
        }
        Cause::ReadyTimeout { .. } => "it was not ready in time, ".to_owned(),
        Cause::Unhealthy { .. } => {
            let misses = e.cause.misses().unwrap_or_default();
            format!("its health check failed ({misses}), ")
        }
        Cause::Pool { failed, .. } => format!("{failed} failed, "),
        Cause::Dependency { on } => format!("{on} has a new run, "),
        Cause::Start
        | Cause::User
        | Cause::Exit { .. }
        | Cause::Signal { .. }
        | Cause::Retry { .. }
        | Cause::RetriesExhausted { .. } => String::new(),
    };
    Some(match e.signal {
        Some(signal) => format!("{}: {why}{signal} sent to end it", e.of.name),
        None => format!("{}: {why}its stop command runs", e.of.name),
    })
}

/// What is different in the file.
fn reloaded(event: &ConfigReloaded) -> String {
    let parts = [
        ("new", &event.added),
        ("changed", &event.changed),
        ("not there any more", &event.removed),
    ];
    let part = |(what, names): &(&str, &Vec<Name>)| {
        let shown: Vec<&str> = names.iter().take(NAMES).map(Name::as_str).collect();
        let more = match names.len().saturating_sub(NAMES) {
            0 => String::new(),
            more => format!(" and {} more", thousands(more as u64)),
        };
        (!names.is_empty()).then(|| format!("{what}: {}{more}", shown.join(", ")))
    };
    let parts: Vec<String> = parts.iter().filter_map(part).collect();
    let text = if parts.is_empty() { "nothing is different".to_owned() } else { parts.join("; ") };
    format!("the file was read again: {text}")
}

/// Which files, and what they lead to.
fn changed(event: &FileChanged) -> String {
    let more = match event.more {
        0 => String::new(),
        more => format!(" and {} more", thousands(more)),
    };
    let follows = match event.action.split_once(':') {
        Some(("run", first)) => format!("{first} runs first"),
        Some((_, signal)) => format!("it gets {signal}"),
        None => "it runs anew".to_owned(),
    };
    format!("{}: {}{more} changed, {follows}", event.name, event.path)
}

/// `, run 3`, from the second run on.
fn run_of(of: &EventSubject) -> String {
    if of.run > 1 { format!(", run {}", of.run) } else { String::new() }
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
    format!("{exit} after {}", format_duration(Duration::from_millis(end.duration_ms)))
}
