//! A snapshot of every kind of event in all its wordings.

use std::fmt::Write as _;

use super::words_of;
use crate::control::markers_of;
use crate::machine::event::{
    Cause, ConfigRejected, ConfigReloaded, EndCause, EndDetails, EventSubject, FileChanged,
    PoolDrained, ProcessCompleted, ProcessFailed, ProcessGaveUp, ProcessKilled, ProcessQueued,
    ProcessReady, ProcessRetrying, ProcessSkipped, ProcessStarted, ProcessStopping,
    ProcessUnhealthy, ProcessWaiting, ProjectReady, ProjectStopped, ProjectStopping, RunError,
    SkipLink, WaitingOn, WatchSuspended,
};
use crate::machine::{Event, EventText, ShutdownReason};
use crate::spec::{CheckRole, Condition, Fault, FaultItem, Name, Signal, Stray};

fn of(run: u32) -> EventSubject {
    EventSubject { id: None, name: "api".into(), process: "api".into(), run, attempt: 1 }
}

fn end(exit_code: Option<i32>, signal: Option<Signal>) -> EndDetails {
    EndDetails { exit_code, signal, duration_ms: 8_100, ..EndDetails::default() }
}

fn stray(pid: u32) -> Stray {
    Stray { pid, command: "sleep 60".to_owned() }
}

fn names(names: &[&str]) -> Vec<Name> {
    names.iter().copied().map(Name::from).collect()
}

fn reasons() -> Vec<ShutdownReason> {
    vec![
        ShutdownReason::Signal(Signal::INT),
        ShutdownReason::Asked,
        ShutdownReason::ShutdownOn("db".into()),
        ShutdownReason::FailFast("db".into()),
        ShutdownReason::Done,
        ShutdownReason::GuardianGone,
    ]
}

fn unhealthy(check: CheckRole, probe: &str, misses: u32) -> Cause {
    let (probe, answer) = (probe.to_owned(), "exit 1".to_owned());
    Cause::Unhealthy { check, probe, answer, misses }
}

const LONG: &str = "exec test -f /tmp/there && test -f /tmp/there/too";

fn causes() -> Vec<Cause> {
    let mut causes = vec![
        Cause::Start,
        Cause::User,
        Cause::Dependency { on: "db".into() },
        Cause::FileChanged { path: "src/main.rs".to_owned() },
        Cause::Reload { reload: 2 },
        Cause::Exit { exit_code: 1 },
        Cause::Signal { signal: Signal::KILL },
        Cause::Retry { retry: 1, retries: Some(5) },
        Cause::Retry { retry: 7, retries: None },
        Cause::RetriesExhausted { retries: 1 },
        Cause::RetriesExhausted { retries: 5 },
        Cause::Timeout { after_ms: 2_000 },
        Cause::IdleTimeout { after_ms: 2_000 },
        Cause::ReadyTimeout {
            after_ms: 60_000,
            probe: "tcp localhost:80".to_owned(),
            answer: None,
        },
        Cause::ReadyTimeout {
            after_ms: 60_000,
            probe: "tcp localhost:80".to_owned(),
            answer: Some("connection refused".to_owned()),
        },
        unhealthy(CheckRole::Health, "exec false", 1),
        unhealthy(CheckRole::Ready, "exec false", 3),
        unhealthy(CheckRole::Health, LONG, 3),
        Cause::Pool { pool: "build".into(), failed: "build.1".into() },
    ];
    causes.extend(reasons().into_iter().map(|reason| Cause::Shutdown { reason }));
    causes
}

/// How each run of `process_killed` was ended.
fn killed() -> Vec<(EndCause, Cause)> {
    vec![
        (EndCause::Stop, Cause::User),
        (EndCause::Kill, Cause::User),
        (EndCause::Restart, Cause::User),
        (EndCause::FileChange, Cause::FileChanged { path: "src/main.rs".to_owned() }),
        (EndCause::Reload, Cause::Reload { reload: 2 }),
        (EndCause::Health, unhealthy(CheckRole::Health, "exec false", 3)),
        (EndCause::Shutdown, Cause::Shutdown { reason: ShutdownReason::Asked }),
    ]
}

/// Why each run of `process_failed` failed.
fn failed() -> Vec<(RunError, Cause, &'static str)> {
    vec![
        (RunError::ProgramNotFound, Cause::Start, "no such program \"nmp\"; did you mean \"npm\"?"),
        (RunError::CwdNotFound, Cause::Start, "no such folder \"web\""),
        (RunError::NotExecutable, Cause::Start, "\"web\" is not executable"),
        (RunError::ArgumentsTooLong, Cause::Start, "arguments are too long"),
        (RunError::PortBusy, Cause::Start, "port 80 is in use by nginx"),
        (RunError::ResourceLimit, Cause::User, "no more processes"),
        (RunError::Other, Cause::Retry { retry: 1, retries: Some(5) }, "no output"),
        (RunError::Timeout, Cause::Timeout { after_ms: 2_000 }, "timed out after 2.0s"),
        (RunError::IdleTimeout, Cause::IdleTimeout { after_ms: 2_000 }, "no output for 2.0s"),
        (
            RunError::ReadyTimeout,
            Cause::ReadyTimeout { after_ms: 2_000, probe: "tcp :80".to_owned(), answer: None },
            "not ready after 2.0s: tcp :80",
        ),
        (RunError::Unkillable, Cause::User, "4711 (sleep 60) cannot be killed"),
    ]
}

/// Events of one process in the order of its life.
fn of_a_process() -> Vec<Event> {
    let stamp = crate::machine::event::EventStamp::default();
    let on = |name: &str, condition| WaitingOn { name: name.into(), condition };
    let (start, user) = (Cause::Start, Cause::User);
    let mut all: Vec<Event> = vec![
        ProcessQueued { stamp, of: of(0), pool: "build".into(), cause: start.clone() }.into(),
        ProcessWaiting {
            stamp,
            of: of(0),
            on: vec![
                on("db", Condition::Started),
                on("db", Condition::Ready),
                on("db", Condition::Succeeded),
                on("db", Condition::Completed),
            ],
            cause: start.clone(),
        }
        .into(),
        ProcessStarted { stamp, of: of(1), pid: 47, cause: start.clone() }.into(),
    ];
    let started = |cause| ProcessStarted { stamp, of: of(3), pid: 47, cause }.into();
    all.extend(causes().into_iter().map(started));
    let ready = |probe: Option<&str>, answer: Option<&str>| {
        let (probe, answer) = (probe.map(str::to_owned), answer.map(str::to_owned));
        ProcessReady { stamp, of: of(1), probe, answer, cause: start.clone() }.into()
    };
    all.extend([
        ready(None, None),
        ready(Some("delay 2s"), None),
        ready(Some("tcp localhost:80"), Some("connected")),
        ready(Some(LONG), Some("exit 0")),
    ]);
    let unwell = |(probe, misses)| {
        let cause = unhealthy(CheckRole::Ready, probe, misses);
        ProcessUnhealthy { stamp, of: of(1), cause }.into()
    };
    all.extend([("exec false", 1), ("exec false", 3), (LONG, 3)].map(unwell));
    let retrying = |(delay_ms, retry, retries)| {
        let cause = Cause::Exit { exit_code: 1 };
        ProcessRetrying { stamp, of: of(1), delay_ms, retry, retries, cause }.into()
    };
    all.extend([(500, 1, Some(5)), (500, 7, None), (0, 1, Some(5)), (0, 0, None)].map(retrying));
    let stopping = |(signal, cause)| ProcessStopping { stamp, of: of(1), signal, cause }.into();
    all.push(stopping((None, user.clone())));
    all.extend(causes().into_iter().map(|cause| (Some(Signal::TERM), cause)).map(stopping));
    let completed = |end, hint: Option<&str>, cause| {
        ProcessCompleted { stamp, of: of(1), end, hint: hint.map(str::to_owned), cause }.into()
    };
    let well = |code| EndDetails { success: true, ..end(Some(code), None) };
    let strays = |pids: &[u32]| EndDetails {
        leaked: true,
        strays: pids.iter().copied().map(stray).collect(),
        ..end(Some(1), None)
    };
    all.extend([
        completed(well(0), None, Cause::Exit { exit_code: 0 }),
        completed(well(0), Some("its input was empty"), Cause::Exit { exit_code: 0 }),
        completed(well(3), None, Cause::Exit { exit_code: 3 }),
        completed(end(Some(1), None), None, Cause::Exit { exit_code: 1 }),
        completed(end(None, Some(Signal::SEGV)), None, Cause::Signal { signal: Signal::SEGV }),
        completed(strays(&[4711]), None, Cause::Exit { exit_code: 1 }),
        completed(strays(&[4711, 4712]), None, Cause::Exit { exit_code: 1 }),
    ]);
    all.extend(killed().into_iter().map(|(by, cause)| {
        let end = end(None, Some(Signal::TERM));
        ProcessKilled { stamp, of: of(1), by, end, cause }.into()
    }));
    all.extend(failed().into_iter().map(|(error, cause, message)| {
        let message = message.to_owned();
        ProcessFailed { stamp, of: of(1), error, message, end: EndDetails::default(), cause }.into()
    }));
    let gave_up = |retries| {
        let cause = Cause::RetriesExhausted { retries };
        let message = "exit 1 after 8.1s".to_owned();
        let (exit_code, signal, error) = (Some(1), None, None);
        let of = of(1);
        ProcessGaveUp { stamp, of, retries, exit_code, signal, error, message, cause }.into()
    };
    all.extend([1, 5].map(gave_up));
    let link = |name: &str, condition, why: &str| SkipLink {
        name: name.into(),
        condition,
        why: why.to_owned(),
    };
    let chain = vec![
        link("db", Condition::Ready, "exit 1 after 8.1s"),
        link("disk", Condition::Succeeded, "it failed"),
    ];
    let (on, cause) = ("db".into(), Cause::Dependency { on: "db".into() });
    all.push(ProcessSkipped { stamp, of: of(0), on, chain, cause }.into());
    let (on, cause) =
        ("build".into(), Cause::Pool { pool: "build".into(), failed: "build.1".into() });
    all.push(ProcessSkipped { stamp, of: of(0), on, chain: Vec::new(), cause }.into());
    all
}

fn of_the_project() -> Vec<Event> {
    let stamp = crate::machine::event::EventStamp::default();
    let (name, process) = (|| Name::new("api"), || Name::new("api"));
    let mut all = Vec::new();
    for (more, action) in [(0, "restart"), (1, "signal:HUP"), (1_234, "run:build")] {
        let (path, action) = ("src/main.rs".to_owned(), action.parse().unwrap());
        all.push(
            FileChanged { stamp, name: name(), process: process(), path, more, action }.into(),
        );
    }
    let path = "src/out".to_owned();
    all.push(WatchSuspended { stamp, name: name(), process: process(), path, restarts: 10 }.into());
    let many: Vec<String> = (1..=12).map(|number| format!("p{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let cause = || Cause::Signal { signal: Signal::USR1 };
    for (added, changed, removed) in
        [(&["docs"][..], &["web", "api"][..], &["old"][..]), (&[], &[], &[]), (&many, &[], &[])]
    {
        let (added, changed, removed) = (names(added), names(changed), names(removed));
        all.push(
            ConfigReloaded { stamp, reload: 2, added, changed, removed, cause: cause() }.into(),
        );
    }
    for faults in [1, 2] {
        let fault = Fault::about("procfile.toml".into(), "x");
        let faults = vec![FaultItem::from(&fault); faults];
        all.push(ConfigRejected { stamp, faults, cause: Cause::User }.into());
    }
    for [succeeded, failed, stopped, skipped] in [[3, 0, 0, 0], [2, 1, 0, 0], [0, 1, 1, 2]] {
        let pool = "build".into();
        all.push(PoolDrained { stamp, pool, succeeded, failed, stopped, skipped }.into());
    }
    all.push(ProjectReady { stamp }.into());
    let stopping = |reason| ProjectStopping { stamp, cause: Cause::Shutdown { reason } }.into();
    all.extend(reasons().into_iter().map(stopping));
    all.push(ProjectStopped { stamp }.into());
    all
}

fn cause_of(event: &Event) -> Option<Cause> {
    let json = serde_json::to_value(event).unwrap();
    json.get("cause").map(|cause| serde_json::from_value(cause.clone()).unwrap())
}

#[test]
fn every_event_in_all_its_wordings() {
    let events: Vec<Event> = of_a_process().into_iter().chain(of_the_project()).collect();
    let mut kinds: Vec<&str> = events.iter().map(Event::kind).collect();
    kinds.dedup();
    assert_eq!(kinds, Event::KINDS, "each kind has its place in the table, in their order");
    let mut text = String::new();
    for event in &events {
        let cause = cause_of(event);
        let json = cause.as_ref().map(|cause| serde_json::to_string(cause).unwrap());
        _ = writeln!(text, "{} {}", event.kind(), json.unwrap_or_default());
        let plain = crate::plain::notice_of(event).unwrap_or_else(|| "-".to_owned());
        let why = cause.as_ref().and_then(Cause::origin).unwrap_or_else(|| "-".to_owned());
        let EventText { state, what, why: reason, .. } = EventText::of(event);
        let sign = state.map_or("-", crate::machine::StateName::as_str);
        _ = writeln!(text, "  plain     {plain}");
        _ = writeln!(text, "  timeline  [{sign}] {what} | {reason}");
        for mark in markers_of(event) {
            let next = mark.next.map(|next| format!(" · {next}")).unwrap_or_default();
            _ = writeln!(text, "  marker    {}{next}", mark.text);
        }
        _ = writeln!(text, "  table     {}", words_of(event).join(" | "));
        _ = writeln!(text, "  why       {why}\n");
    }
    insta::assert_snapshot!(text);
}
