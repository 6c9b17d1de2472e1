//! Reload: checks and dependencies of live runs.

use super::checks::{asked, check};
use super::host::{OnStop, always, replies, willing};
use super::project::{Draft, follows, ms, project, s};
use super::{Input, Script, StateName, World};
use crate::machine::{Fact, RunId, SupervisorOptions};
use crate::spec::{
    Check, CheckRole, CommandLine, Condition, OutputPattern, Probe, ProbeResult, ProcessSpec,
};

fn world(draft: Draft) -> World {
    World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
}

fn other(spec: &mut ProcessSpec) {
    spec.command = CommandLine::Argv(vec!["other".to_owned()]);
}

fn line(text: &str) -> Check {
    check(Probe::Log(OutputPattern::new(text).unwrap()))
}

fn web(ready: Option<Check>, health: Option<Check>) -> Draft {
    project().process("web", |web| (web.ready, web.health) = (ready, health))
}

fn run(w: &mut World, name: &str) -> u32 {
    let id = w.ids(&[name])[0];
    w.machine.snapshot(w.now).get(id).unwrap().run
}

fn silent() -> Script {
    Script { speaks: None, ..willing() }
}

#[test]
fn a_process_whose_check_is_removed_becomes_ready_by_the_reload() {
    for ready in [None, Some(check(Probe::Delay(s(2)))), Some(check(Probe::Delay(s(0))))] {
        let mut w = world(web(Some(line("never")), None)).script("web", [silent()]).begin();
        w.advance(s(5));
        w.take_events("web");
        w.reload(web(ready.clone(), None).spec());
        w.advance(ms(1));
        // A delay check that is over now has become ready by its timer.
        let events = w.take_events("web");
        assert_eq!((events.len(), w.state("web")), (1, StateName::Ready), "{ready:?}: {events:?}");
        assert!(events[0].starts_with("ready 1/1"), "{events:?}");
    }
}

#[test]
fn the_deadline_of_becoming_ready_counts_from_the_start() {
    let within = |time| web(Some(Check { timeout: time, ..line("never") }), None);
    let mut w = world(within(None)).script("web", [silent()]).begin();
    w.advance(s(5));
    w.reload(within(Some(s(8))).spec());
    w.advance(s(2));
    assert_eq!(w.state("web"), StateName::Starting);
    w.advance(s(2));
    assert_eq!(w.state("web"), StateName::Failed);
    // A longer timeout gives it more time.
    let mut w = world(within(Some(s(8)))).script("web", [silent()]).begin();
    w.advance(s(5));
    w.reload(within(Some(s(20))).spec());
    w.advance(s(10));
    assert_eq!(w.state("web"), StateName::Starting);
    w.advance(s(6));
    assert_eq!(w.state("web"), StateName::Failed);
    // A ready process has no deadline.
    let mut w = world(within(None)).begin();
    w.advance(s(5));
    w.reload(within(Some(s(1))).spec());
    w.advance(s(5));
    assert_eq!(w.state("web"), StateName::Ready);
}

#[test]
fn a_ready_process_stays_ready_until_the_new_check_has_missed_too_often() {
    let bad = Script { ready: always(false), ..willing() };
    let mut w = world(web(None, None)).script("web", [bad]).begin();
    w.advance(s(5));
    w.reload(web(Some(Check { failures: 3, ..asked() }), None).spec());
    w.advance(ms(150));
    assert_eq!(w.state("web"), StateName::Ready);
    assert_eq!(w.why("web"), "ready: tcp localhost:1: no (2 of 3 misses)");
    w.advance(ms(100));
    assert_eq!(w.state("web"), StateName::Unhealthy);
    w.take_events("web");
    w.reload(web(None, None).spec());
    assert_eq!(w.take_events("web"), ["ready 1/1 reload 2"]);
    assert_eq!(w.why("web"), "running");
}

#[test]
fn a_reload_adds_and_removes_the_health_check() {
    let sick = Script { health: always(false), ..willing() };
    let mut w = world(web(None, None)).script("web", [sick.clone()]).begin();
    w.advance(s(5));
    w.reload(web(None, Some(asked())).spec());
    w.advance(ms(150));
    // Two misses of three.
    w.reload(web(None, None).spec());
    w.advance(s(5));
    assert_eq!((w.state("web"), run(&mut w, "web")), (StateName::Ready, 1));
    w.reload(web(None, Some(asked())).spec());
    w.advance(ms(150));
    assert_eq!(w.state("web"), StateName::Ready, "they are counted anew");
    w.advance(s(1));
    assert!(w.take_events("web").iter().any(|event| event.contains("by health")), "it was ended");
    // Before it is ready, its health is not probed.
    let starting = Script { speaks: None, ..sick };
    let mut w = world(web(Some(line("never")), None)).script("web", [starting]).begin();
    w.advance(s(1));
    w.reload(web(Some(line("never")), Some(asked())).spec());
    w.advance(s(5));
    assert_eq!(w.state("web"), StateName::Starting);
}

#[test]
fn an_answer_to_the_old_check_is_ignored_by_the_new_one() {
    let never = Script { ready: vec![None, Some((s(100), true))], ..willing() };
    let mut w = world(web(Some(asked()), None)).script("web", [never]).begin();
    w.advance(s(1));
    let run = RunId { process: w.ids(&["web"])[0], run: 1 };
    w.reload(web(Some(Check { probe: Probe::File("/x".into()), ..asked() }), None).spec());
    w.advance(ms(1));
    let answer = |number| {
        let answer = ProbeResult::good("late");
        Input::Fact(Fact::Probed { run, which: CheckRole::Ready, number, answer })
    };
    w.input(answer(1));
    assert_eq!(w.state("web"), StateName::Starting);
    w.input(answer(2));
    assert_eq!(w.state("web"), StateName::Ready);
}

#[test]
fn the_probe_interval_is_that_of_the_new_file() {
    let every = |interval| web(Some(Check { interval, failures: 1, ..asked() }), None);
    let fails_later = Script { ready: replies(&[true, false]), ..willing() };
    let mut w = world(every(s(1000))).script("web", [fails_later]).begin();
    w.advance(s(5));
    assert_eq!(w.state("web"), StateName::Ready);
    w.reload(every(s(2)).spec());
    w.advance(ms(2010));
    assert_eq!(w.state("web"), StateName::Unhealthy);
}

#[test]
fn a_change_to_a_notify_check_needs_a_new_run() {
    let mut w = world(web(None, None)).begin();
    w.advance(s(1));
    w.reload(web(Some(check(Probe::Notify)), None).spec());
    w.advance(s(1));
    assert_eq!((w.state("web"), run(&mut w, "web")), (StateName::Ready, 2));
    w.reload(web(None, None).spec());
    w.advance(s(1));
    assert_eq!(run(&mut w, "web"), 2);
}

/// `web` follows both, with `restart = true`.
fn three(set: fn(&mut ProcessSpec), own: fn(&mut ProcessSpec)) -> Draft {
    let base = move |one: &mut ProcessSpec| {
        one.ready = Some(line("up"));
        set(one);
    };
    project().process("db", base).process("cache", base).process("web", move |web| {
        follows(web, "db", Condition::Ready);
        follows(web, "cache", Condition::Ready);
        own(web);
    })
}

#[test]
fn a_dependant_restarts_once_when_both_dependencies_restart() {
    for own in [(|_| {}) as fn(&mut ProcessSpec), other] {
        // They take different times to stop and to be ready again.
        let slow = Script { on_stop: OnStop::After(s(3)), speaks: Some(s(4)), ..willing() };
        let mut w = world(three(|_| {}, |_| {})).script("db", [slow]).begin();
        w.advance(s(20));
        assert_eq!(run(&mut w, "web"), 1);
        w.events.clear();
        w.reload(three(other, own).spec());
        w.advance(s(60));
        assert_eq!([run(&mut w, "db"), run(&mut w, "cache"), run(&mut w, "web")], [2, 2, 2]);
        assert_eq!(w.order_of("process_ready").last().map(String::as_str), Some("web"));
        let started = w.times_of("process_started");
        let ready = w.times_of("process_ready");
        let of = |all: &[(u128, String)], name: &str| {
            all.iter().find(|(_, who)| who == name).map(|(at, _)| *at).unwrap()
        };
        assert!(of(&started, "web") >= of(&ready, "db"), "{started:?} {ready:?}");
    }
}

#[test]
fn a_removed_dependant_does_not_restart() {
    let mut w = world(three(|_| {}, |_| {})).begin();
    w.advance(s(10));
    let two = project().process("db", |db| {
        db.ready = Some(line("up"));
        other(db);
    });
    w.reload(two.process("cache", |one| one.ready = Some(line("up"))).spec());
    w.advance(s(10));
    assert_eq!(w.count_of("process_started"), 4, "three, and db once more");
}
