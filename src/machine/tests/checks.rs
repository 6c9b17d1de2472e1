//! Checks: what makes a process ready, unhealthy, and ends it.

use std::time::Duration;

use super::host::{always, exits, replies, willing};
use super::project::{Draft, follows, ms, needs, project, retried, s};
use super::{Input, Script, StateName, World};
use crate::machine::{Explanation, Fact, RunId, SupervisorOptions};
use crate::spec::{Check, Condition, Endpoint, OutputPattern, Port, Probe, ProcessSpec};

fn tcp(port: u16) -> Probe {
    Probe::Tcp(Endpoint { host: "localhost".to_owned(), port: Port::Number(port) })
}

pub(super) fn check(probe: Probe) -> Check {
    Check {
        probe,
        interval: ms(100),
        probe_timeout: s(5),
        initial_delay: ms(0),
        successes: 1,
        failures: 3,
        timeout: None,
        foreign: false,
    }
}

pub(super) fn asked() -> Check {
    check(tcp(1))
}

fn within(timeout: Duration) -> Check {
    Check { timeout: Some(timeout), ..asked() }
}

/// `db` with a check, and `a` that needs it to be ready.
pub(super) fn pair(set: impl FnOnce(&mut ProcessSpec)) -> Draft {
    let db = |spec: &mut ProcessSpec| {
        spec.ready = Some(asked());
        set(spec);
    };
    project().process("db", db).process("a", |spec| needs(spec, "db", Condition::Ready))
}

pub(super) fn staying(draft: Draft) -> World {
    World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
}

/// Answers like this to the ready check.
pub(super) fn answering(all: &[bool]) -> Script {
    Script { ready: replies(all), ..willing() }
}

fn never_ready() -> Script {
    answering(&[false])
}

#[test]
fn a_dependant_starts_with_the_answer_that_makes_its_dependency_ready() {
    let mut w = staying(pair(|_| {})).script("db", [answering(&[false, false, true])]).begin();
    w.advance(ms(150));
    assert_eq!(w.state("db"), StateName::Starting);
    assert_eq!(w.why("db"), "waiting for tcp localhost:1: no; 2nd probe");
    assert_eq!(w.why("a"), "waiting for db to be ready");
    w.advance(s(1));
    // Spawned after 1 ms, probed then and every 100 ms, answered after 1 ms.
    assert_eq!(w.times_of("process_ready"), [(202, "db".to_owned()), (203, "a".to_owned())]);
    assert_eq!(w.why("db"), "ready: tcp localhost:1: yes");
}

#[test]
fn until_the_first_success_probes_do_not_wait_for_the_interval() {
    let slow = || pair(|spec| spec.ready = Some(Check { interval: s(10), ..asked() }));
    let answers = [false, false, false, true];
    let mut w = staying(slow()).script("db", [answering(&answers)]).begin();
    w.advance(s(1));
    // Probed after 0, 100, 250 and 475 ms.
    assert_eq!(w.times_of("process_ready")[0], (477, "db".to_owned()));
    // Probes are never more than a second apart, and misses are not counted.
    let mut w = staying(slow()).script("db", [never_ready()]).begin();
    w.advance(s(60));
    assert_eq!(w.state("db"), StateName::Starting);
    let why = w.why("db");
    assert_eq!(why, "waiting for tcp localhost:1: no; 64th probe");
    // Nor more than the interval apart; the second success comes after the interval.
    let often = Check { interval: ms(120), successes: 2, ..asked() };
    let draft = pair(|spec| spec.ready = Some(often));
    let mut w = staying(draft).script("db", [answering(&[false, false, true])]).begin();
    w.advance(s(1));
    assert_eq!(w.times_of("process_ready")[0], (342, "db".to_owned()));
}

#[test]
fn readiness_needs_the_configured_number_of_consecutive_successes() {
    let draft = pair(|spec| spec.ready = Some(Check { successes: 2, ..asked() }));
    let mut w = staying(draft).script("db", [answering(&[true, false, true, true])]).begin();
    w.advance(ms(250));
    assert_eq!(w.state("db"), StateName::Starting);
    assert_eq!(w.why("db"), "waiting for tcp localhost:1: yes; 3rd probe; 1 of 2 successes");
    w.advance(ms(100));
    assert_eq!(w.state("db"), StateName::Ready);
}

#[test]
fn the_first_probe_waits_for_its_delay() {
    let draft = pair(|spec| spec.ready = Some(Check { initial_delay: s(2), ..asked() }));
    let mut w = staying(draft).begin();
    w.advance(ms(1900));
    assert_eq!(w.why("db"), "waiting for tcp localhost:1");
    w.advance(ms(200));
    assert_eq!(w.times_of("process_ready")[0], (2002, "db".to_owned()));
}

#[test]
fn consecutive_misses_make_a_process_unhealthy_and_one_success_restores_it() {
    let ready = Check { successes: 2, ..asked() };
    let answers = [true, true, false, false, true, false, false, false, false, true];
    let mut w =
        staying(pair(|spec| spec.ready = Some(ready))).script("db", [answering(&answers)]).begin();
    w.advance(ms(650));
    assert_eq!(w.state("db"), StateName::Ready);
    assert_eq!(w.why("db"), "ready: tcp localhost:1: no (2 of 3 misses)");
    w.advance(ms(200));
    assert_eq!(w.state("db"), StateName::Unhealthy);
    assert_eq!(w.why("db"), "tcp localhost:1: no; 4 misses in a row");
    // A dependant that has started is left alone.
    assert_eq!(w.state("a"), StateName::Ready);
    w.advance(ms(100));
    assert_eq!(w.state("db"), StateName::Ready);
    assert_eq!(
        w.take_events("db"),
        [
            "started 1/1 start",
            "ready 1/1 start",
            "unhealthy 1/1 unhealthy ready 3 no",
            "ready 1/1 start"
        ]
    );
    assert_eq!(w.count_of("project_ready"), 2);
}

#[test]
fn one_shot_checks_stay_ready() {
    for probe in [Probe::Delay(s(1)), Probe::Log(OutputPattern::new("up").unwrap()), Probe::Notify]
    {
        let draft = pair(|spec| spec.ready = Some(check(probe.clone())));
        let script = Script { speaks: Some(s(1)), ..never_ready() };
        let mut w = staying(draft).script("db", [script]).begin();
        w.advance(ms(500));
        let why = match probe {
            Probe::Delay(_) => "delay; ready in 501ms",
            Probe::Log(_) => "waiting for a line that matches /up/",
            _ => "waiting for notify READY=1",
        };
        assert_eq!(w.why("db"), why);
        w.advance(s(60));
        assert_eq!(w.take_events("db"), ["started 1/1 start", "ready 1/1 start"]);
        assert_eq!(w.times_of("process_ready"), [(1002, "a".to_owned())]);
    }
}

#[test]
fn a_delay_check_of_zero_is_ready_with_the_start() {
    let delay = Check { timeout: Some(s(1)), ..check(Probe::Delay(ms(0))) };
    let mut w = staying(pair(|spec| spec.ready = Some(delay))).begin();
    w.advance(s(5));
    assert_eq!(w.take_events("db"), ["started 1/1 start", "ready 1/1 start"]);
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn the_notify_status_is_shown() {
    let draft = pair(|spec| {
        spec.ready = Some(Check { timeout: Some(s(9)), ..check(Probe::Notify) });
    });
    let mut w = staying(draft).script("db", [Script { speaks: None, ..willing() }]).begin();
    w.advance(ms(1));
    let run = RunId { process: w.ids(&["db"])[0], run: 1 };
    let says = |ready, status: Option<&str>| {
        Input::Fact(Fact::Notified { run, ready, status: status.map(str::to_owned) })
    };
    w.input(says(false, Some("half way")));
    assert_eq!(w.why("db"), "waiting for notify READY=1; status: half way; fails in 9.0s");
    w.input(says(true, None));
    assert_eq!(w.state("db"), StateName::Ready);
    w.input(says(false, Some("at work")));
    assert_eq!(w.why("db"), "ready: notify READY=1; status: at work");
}

#[test]
fn a_ready_timeout_is_a_failure_and_is_retried() {
    let draft = pair(|spec| {
        spec.ready = Some(within(s(1)));
        retried(spec, 1);
    });
    let mut w = staying(draft).script("db", [never_ready(), answering(&[true])]).begin();
    w.advance(ms(901));
    assert_eq!(w.why("db"), "waiting for tcp localhost:1: no; 10th probe; fails in 100ms");
    w.advance(s(5));
    assert_eq!(
        w.take_events("db"),
        [
            "started 1/1 start",
            "stopping 1/1 TERM ready_timeout 1000 no",
            "failed 1/1 ready_timeout sig TERM 1010ms ready_timeout 1000 no",
            "retrying 1/1 1/1 500ms ready_timeout 1000 no",
            "started 2/2 retry 1/1",
            "ready 2/2 retry 1/1",
        ]
    );
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn a_deadline_is_only_for_becoming_ready() {
    let mut w = staying(pair(|spec| spec.ready = Some(within(s(1)))))
        .script("db", [answering(&[true, false])])
        .begin();
    w.advance(s(60));
    assert_eq!(w.state("db"), StateName::Unhealthy);
    assert_eq!(w.count_of("process_failed"), 0);
}

#[test]
fn a_dependency_that_never_gets_ready_skips_its_dependants_with_the_reason() {
    let draft = pair(|spec| {
        spec.ready = Some(within(s(1)));
        retried(spec, 1);
    })
    .process("b", |spec| needs(spec, "a", Condition::Ready));
    let mut w = staying(draft).script("db", [never_ready()]).begin();
    w.advance(s(60));
    let why =
        "db cannot be ready: not ready after 1.0s: tcp localhost:1: no; gave up after 1 retry";
    assert_eq!(w.why("a"), why);
    assert_eq!(w.why("b"), format!("a cannot be ready: it was skipped; {why}"));
    let b = w.ids(&["b"])[0];
    let chain = Explanation::of(&w.machine.snapshot(w.now), b, w.now).unwrap();
    let lines: Vec<String> = chain.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].starts_with("  a (skipped): "), "{lines:?}");
    assert!(lines[2].starts_with("    db (failed): not ready after 1.0s"), "{lines:?}");
    let json = serde_json::to_value(&chain).unwrap();
    assert_eq!(json["because"][0]["because"][0]["state"], "failed");
    // Started manually, and this time it succeeds.
    w = w.script("db", [answering(&[true])]);
    w.start(&["db"]);
    w.advance(s(1));
    assert_eq!((w.state("a"), w.state("b")), (StateName::Ready, StateName::Ready));
}

#[test]
fn every_way_in_which_a_dependency_is_not_ready_ends_in_a_state_with_a_reason() {
    let slow = Script { ready: vec![None], ..willing() };
    for (script, state, why) in [
        // It ends by itself before it is ready, with success or not.
        (
            Script { ready: always(false), ..exits(s(1), 0) },
            StateName::Skipped,
            "it has already ended",
        ),
        (Script { ready: always(false), ..exits(s(1), 7) }, StateName::Skipped, "exit 7"),
        (never_ready(), StateName::Waiting, "waiting for db to be ready"),
        (slow, StateName::Waiting, "waiting for db to be ready"),
    ] {
        let mut w = staying(pair(|_| {})).script("db", [script]).begin();
        w.advance(s(30));
        assert_eq!(w.state("a"), state);
        assert!(w.why("a").contains(why), "{} has {why}", w.why("a"));
        w.shutdown();
        w.run_out(s(1));
    }
}

#[test]
fn dependants_of_a_stopped_process_wait_until_it_is_ready_again() {
    let mut w =
        staying(pair(|_| {})).script("db", [never_ready(), answering(&[false, true])]).begin();
    w.advance(s(1));
    w.stop(&["db"]);
    w.advance(s(1));
    assert_eq!((w.state("db"), w.state("a")), (StateName::Stopped, StateName::Waiting));
    let a = w.ids(&["a"])[0];
    let chain = Explanation::of(&w.machine.snapshot(w.now), a, w.now).unwrap();
    assert_eq!(
        chain.to_string(),
        "a (waiting): waiting for db to be ready\n  db (stopped): stopped on request"
    );
    w.start(&["db"]);
    w.advance(ms(50));
    assert_eq!(w.state("a"), StateName::Waiting);
    w.advance(ms(100));
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn dependants_keep_waiting_for_a_process_that_restarts() {
    let script = |answers| Script { ready: replies(answers), ..willing() };
    let mut w = staying(pair(|_| {})).script("db", [never_ready(), script(&[false, true])]).begin();
    w.advance(ms(250));
    w.restart(&["db"]);
    w.advance(ms(50));
    assert_eq!((w.state("db"), w.state("a")), (StateName::Starting, StateName::Waiting));
    w.advance(ms(200));
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn a_dependant_that_starts_again_waits_for_an_unhealthy_dependency() {
    let mut w = staying(pair(|_| {}))
        .script("db", [answering(&[true, false, false, false, false, true])])
        .begin();
    w.advance(ms(350));
    assert_eq!(w.state("db"), StateName::Unhealthy);
    w.restart(&["a"]);
    w.advance(ms(100));
    assert_eq!(
        (w.state("a"), w.why("a")),
        (StateName::Waiting, "waiting for db to be ready".into())
    );
    w.advance(ms(150));
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn two_dependencies_that_restart_together_restart_a_dependant_once_when_both_are_ready_again() {
    for condition in [Condition::Ready, Condition::Started] {
        let checked = |spec: &mut ProcessSpec| spec.ready = Some(asked());
        let draft = project().process("x", checked).process("y", checked).process("a", |spec| {
            follows(spec, "x", condition);
            follows(spec, "y", condition);
        });
        let mut w = staying(draft)
            .script("x", [willing(), answering(&[false, true])])
            .script("y", [willing(), answering(&[false, false, false, true])])
            .begin();
        w.advance(s(1));
        w.take_events("a");
        w.restart(&["x", "y"]);
        w.advance(s(2));
        // Once both are ready again, or once both have started again.
        let lived = if condition == Condition::Ready { 1319 } else { 1019 };
        let killed = format!("killed 1/1 by restart sig TERM {lived}ms dependency y");
        assert_eq!(
            w.take_events("a"),
            [
                "stopping 1/1 TERM dependency y",
                &killed,
                "started 2/1 dependency y",
                "ready 2/1 dependency y",
            ],
            "{condition:?}"
        );
    }
}
