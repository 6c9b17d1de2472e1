//! `wait` on the socket: when the condition holds for names.

use super::checks::check;
use super::host::{exits, willing};
use super::project::{ms, needs, project, s};
use super::{Script, World, world};
use crate::control::waiting::{WaitGoal, WaitStatus};
use crate::machine::SupervisorOptions;
use crate::machine::condition::ConditionStatus::{self, Met, Pending, Unreachable};
use crate::spec::Condition::{Completed, Ready, Started, Succeeded};
use crate::spec::{Condition, OnFailure, Probe};

fn goal(w: &World, names: &[&str], condition: Option<Condition>) -> WaitGoal {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    WaitGoal { targets: w.machine.targets(&names).unwrap(), condition }
}

fn judge(w: &mut World, names: &[&str], condition: Option<Condition>) -> WaitStatus {
    goal(w, names, condition).status(&w.machine.snapshot(w.now))
}

/// The status of the wait, with and without a condition.
#[track_caller]
fn stands(w: &mut World, name: &str, there: ConditionStatus, ready: ConditionStatus) {
    assert_eq!(judge(w, &[name], None).status, there, "{name}");
    assert_eq!(judge(w, &[name], Some(Ready)).status, ready, "{name} for ready");
}

#[test]
fn a_succeeded_process_satisfies_the_wait_unless_a_condition_is_given() {
    let draft = project().plain("once").plain("bad").plain("web");
    let mut w = world(draft.spec())
        .script("once", [exits(ms(5), 0)])
        .script("bad", [exits(ms(5), 3)])
        .script("web", [willing()])
        .begin();
    w.advance(ms(100));
    stands(&mut w, "once", Met, Unreachable);
    stands(&mut w, "web", Met, Met);
    stands(&mut w, "bad", Unreachable, Unreachable);
    for (condition, once, bad) in
        [(Started, Met, Met), (Completed, Met, Met), (Succeeded, Met, Unreachable)]
    {
        assert_eq!(judge(&mut w, &["once"], Some(condition)).status, once, "{condition:?}");
        assert_eq!(judge(&mut w, &["bad"], Some(condition)).status, bad, "{condition:?}");
    }
    // All members must meet the condition; one that cannot decides.
    assert_eq!(judge(&mut w, &["web", "once"], None).status, Met);
    assert_eq!(judge(&mut w, &["web", "bad"], None).status, Unreachable);
    assert_eq!(judge(&mut w, &["all"], None).status, Unreachable);
}

/// As `up --detach --wait` does.
#[test]
fn all_is_what_the_project_has_started_without_its_jobs() {
    let draft = project()
        .pool("p", 1, |_| {})
        .job("p", "job", |_| {})
        .process("once", |spec| spec.tags = ["t".into()].into())
        .process("lazy", |spec| {
            (spec.autostart, spec.tags) = (false, ["t".into()].into());
        })
        .process("web", |spec| {
            // Not ready unless the test reports it.
            spec.ready = Some(check(Probe::Notify));
        });
    let mut w =
        World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
            .script("once", [exits(ms(5), 0)])
            .script("job", [exits(ms(500), 1)])
            .script("web", [Script { speaks: None, ..willing() }])
            .script("lazy", [willing()])
            .begin();
    w.advance(ms(100));
    assert_eq!(judge(&mut w, &["all"], None).status, Pending, "web is not ready");
    assert_eq!(judge(&mut w, &["@t"], None).status, Met, "lazy was not started");
    assert_eq!(judge(&mut w, &["lazy"], None).status, Pending, "somebody may start it");
    assert_eq!(judge(&mut w, &["all"], Some(Completed)).status, Pending);
    w.stop(&["web"]);
    w.advance(s(1));
    assert!(w.machine.snapshot(w.now).ready);
    assert_eq!(judge(&mut w, &["all"], None).status, Met, "the failed job does not count");
    assert_eq!(judge(&mut w, &["all"], Some(Succeeded)).status, Unreachable, "here it does");
    assert_eq!(judge(&mut w, &["all"], Some(Completed)).status, Met);
    let waits = judge(&mut w, &["lazy"], None).sentence(|view| view.reason().to_owned());
    let hint = "waiting for lazy (idle: not started); start it with `pitcrew start lazy`";
    assert_eq!(waits, hint);
}

#[test]
fn all_does_not_hold_if_nothing_was_started() {
    let draft = project().process("lazy", |spec| spec.autostart = false);
    let mut w =
        World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
            .begin();
    assert_eq!(judge(&mut w, &["all"], None).status, Pending);
    w.start(&["lazy"]);
    w.advance(ms(10));
    assert_eq!(judge(&mut w, &["all"], None).status, Met);
}

/// What `depends_on` counts as there.
#[test]
fn a_pool_that_stopped_is_completed() {
    let draft = project()
        .pool("p", 1, |pool| pool.on_failure = OnFailure::Stop)
        .jobs("p", &["a", "b"])
        .process("after", |spec| needs(spec, "p", Completed));
    let mut w = world(draft.spec()).script("a", [exits(ms(5), 1)]).begin();
    w.advance(s(1));
    assert_eq!(judge(&mut w, &["p"], Some(Completed)).status, Met);
    assert_eq!(judge(&mut w, &["after"], None).status, Met);
    assert_eq!(judge(&mut w, &["b"], Some(Completed)).status, Unreachable, "b itself never ran");
    assert_eq!(judge(&mut w, &["p"], None).status, Unreachable);
}

#[test]
fn all_present_replicas_must_satisfy_the_condition() {
    let draft = project().process("web", |spec| spec.replicas = Some(2)).plain("db");
    let mut w = World::new(
        draft.clone().spec(),
        SupervisorOptions { keep: true, ..SupervisorOptions::default() },
    )
    .script("db", [willing()])
    .begin();
    w.advance(ms(10));
    let (web, second) = (goal(&w, &["web"], None), goal(&w, &["web.2"], None));
    assert_eq!(web.status(&w.machine.snapshot(w.now)).status, Met);
    w.scale("web", 1);
    w.advance(s(1));
    assert_eq!(web.status(&w.machine.snapshot(w.now)).status, Met);
    let gone = second.status(&w.machine.snapshot(w.now));
    assert_eq!((gone.status, gone.removed.len()), (Unreachable, 1));
    // It was removed from the file.
    w.reload(project().plain("db").spec());
    w.advance(s(1));
    assert_eq!(web.status(&w.machine.snapshot(w.now)).status, Unreachable);
}

#[test]
fn during_shutdown_a_process_that_is_down_cannot_become_ready() {
    let draft = project().plain("web").process("lazy", |spec| spec.autostart = false);
    let mut w = world(draft.spec()).script("web", [willing()]).begin();
    w.advance(ms(10));
    assert_eq!(judge(&mut w, &["lazy"], None).status, Pending);
    w.shutdown();
    assert_eq!(judge(&mut w, &["lazy"], None).status, Unreachable);
    assert_eq!(judge(&mut w, &["all"], None).status, Unreachable, "at once");
}
