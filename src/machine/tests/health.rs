//! Health checks, and probes of runs that start and end.

use super::checks::{asked, check, pair, staying};
use super::host::{always, exits, replies, willing};
use super::project::{ms, project, retried, s};
use super::{Input, Script, StateName};
use crate::machine::{Fact, RunId};
use crate::spec::{Check, CheckRole, Endpoint, Port, Probe, ProbeResult, Restart};

#[test]
fn a_failed_health_check_ends_the_run_and_uses_an_attempt() {
    let draft = project().process("web", |spec| {
        spec.health = Some(asked());
        retried(spec, 1);
    });
    let sick = Script { health: replies(&[true, false]), ..willing() };
    let mut w = staying(draft).script("web", [sick]).begin();
    w.advance(ms(250));
    assert_eq!(w.why("web"), "running; health: tcp localhost:1: no (2 of 3 misses)");
    w.advance(ms(300));
    assert_eq!(
        w.why("web"),
        "failed its health check after 311ms: tcp localhost:1: no; 3 misses in a row; retry 1 of 1 in 262ms"
    );
    w.advance(s(60));
    assert_eq!(
        w.take_events("web"),
        [
            "started 1/1 start",
            "ready 1/1 start",
            "stopping 1/1 TERM unhealthy health 3 no",
            "killed 1/1 by health sig TERM 311ms unhealthy health 3 no",
            "retrying 1/1 1/1 500ms unhealthy health 3 no",
            "started 2/2 retry 1/1",
            "ready 2/2 retry 1/1",
            "stopping 2/2 TERM unhealthy health 3 no",
            "killed 2/2 by health sig TERM 311ms unhealthy health 3 no",
            "gave_up 2/2 1 retries_exhausted 1",
        ]
    );
    assert_eq!(w.state("web"), StateName::Failed);
}

#[test]
fn health_decides_when_restart_is_never_or_always() {
    for (restart, state) in
        [(Restart::Never, StateName::Failed), (Restart::Always, StateName::Backoff)]
    {
        let draft = project().process("web", |spec| {
            spec.health = Some(asked());
            spec.restart = restart;
        });
        let sick = Script { health: always(false), ..willing() };
        let mut w = staying(draft).script("web", [sick]).begin();
        w.advance(ms(300));
        assert_eq!(w.state("web"), state, "{restart:?}");
    }
}

#[test]
fn health_probes_begin_when_a_process_is_ready_and_continue_while_it_is_unhealthy() {
    let draft = project().process("web", |spec| {
        spec.ready = Some(Check { failures: 1, ..asked() });
        spec.health = Some(Check { initial_delay: s(1), failures: 5, ..asked() });
    });
    let script =
        Script { ready: replies(&[false, false, true, false]), health: always(false), ..willing() };
    let mut w = staying(draft).script("web", [script]).begin();
    w.advance(s(1));
    assert_eq!(w.state("web"), StateName::Unhealthy);
    w.advance(s(5));
    let at = w.times_of("process_stopping");
    // Ready after 202 ms; a second later the first of five probes.
    assert_eq!(at, [(1603, "web".to_owned())]);
}

#[test]
fn misses_of_health_are_forgotten_after_enough_successes() {
    let draft = |successes| {
        project().process("web", |spec| spec.health = Some(Check { successes, ..asked() }))
    };
    // Two of three probes miss, but never three in a row.
    let limping =
        Script { health: replies(&[false, false, true, false, false, true, false]), ..willing() };
    for (successes, ends_at) in [(1, 802), (2, 302)] {
        let mut w = staying(draft(successes)).script("web", [limping.clone()]).begin();
        w.advance(s(2));
        assert_eq!(w.times_of("process_stopping"), [(ends_at, "web".to_owned())]);
    }
}

#[test]
fn a_stop_cancels_probes_and_late_answers_are_ignored() {
    let late = Script { ready: vec![Some((s(3), true))], ..willing() };
    let mut w = staying(pair(|_| {})).script("db", [late]).begin();
    w.advance(s(1));
    w.stop(&["db"]);
    w.start(&["db"]);
    // The answer of the first run comes while the second run is probed in the same way.
    w.advance(ms(2500));
    assert_eq!(w.state("db"), StateName::Starting);
    w.advance(s(1));
    assert_eq!(w.state("db"), StateName::Ready);
    assert_eq!(w.count_of("process_ready"), 2);
}

#[test]
fn an_unrequested_answer_is_ignored() {
    let silent = Script { ready: vec![None], ..willing() };
    let mut w = staying(pair(|_| {})).script("db", [silent]).begin();
    w.advance(s(1));
    let run = RunId { process: w.ids(&["db"])[0], run: 1 };
    for (which, number) in [(CheckRole::Ready, 2), (CheckRole::Ready, 0), (CheckRole::Health, 1)] {
        let answer = ProbeResult::good("yes");
        w.input(Input::Fact(Fact::Probed { run, which, number, answer }));
    }
    w.input(Input::Fact(Fact::Matched { run, line: "up".to_owned() }));
    w.input(Input::Fact(Fact::Notified { run, ready: true, status: None }));
    assert_eq!(w.state("db"), StateName::Starting);
    assert_eq!(w.why("db"), "waiting for tcp localhost:1; 1st probe");
}

#[test]
fn a_probe_that_takes_longer_than_the_interval_is_followed_immediately_by_the_next() {
    let slow = Script { ready: vec![Some((ms(250), false))], ..willing() };
    let mut w = staying(pair(|_| {})).script("db", [slow]).begin();
    w.advance(s(1));
    // At 1, 251, 501 and 751 ms.
    assert!(w.why("db").ends_with("4th probe"), "{}", w.why("db"));
}

#[test]
fn a_run_whose_leader_has_ended_is_not_probed() {
    let script =
        Script { strays: Some(ms(200)), ready: vec![Some((ms(90), true))], ..exits(ms(50), 0) };
    let mut w = staying(pair(|_| {})).script("db", [script]).begin();
    w.advance(s(5));
    assert_eq!(w.count_of("process_ready"), 0);
    assert_eq!(w.state("a"), StateName::Skipped);
}

#[test]
fn each_replica_is_probed_on_its_own_port() {
    let own = Probe::Tcp(Endpoint { host: "::1".to_owned(), port: Port::Own });
    let draft = project().process("web", |spec| {
        (spec.port, spec.replicas) = (Some(8000), Some(2));
        spec.ready = Some(check(own));
    });
    let mut w = staying(draft).begin();
    w.advance(s(1));
    assert_eq!(w.why("web.2"), "ready: tcp [::1]:8001: yes");
}
