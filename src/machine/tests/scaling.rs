//! More and fewer replicas while the project runs.

use std::sync::Arc;

use super::host::{OnStop, Script, immortal, willing};
use super::project::{ms, needs, project, s};
use super::{Input, Intent, ShutdownReason, StateName, World, world};
use crate::machine::SupervisorOptions;
use crate::spec::{Condition, WatchSpec};

fn names(w: &mut World) -> Vec<String> {
    let snapshot = w.machine.snapshot(w.now);
    snapshot.processes.iter().map(|view| view.name.to_string()).collect()
}

fn workers() -> World {
    let draft = project()
        .process("worker", |spec| spec.replicas = Some(2))
        .process("boss", |spec| needs(spec, "worker", Condition::Ready));
    World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
        .begin()
}

#[test]
fn added_replicas_have_the_same_dependencies_and_dependants() {
    let draft = project()
        .plain("db")
        .process("worker", |spec| {
            spec.replicas = Some(1);
            needs(spec, "db", Condition::Ready);
        })
        .process("boss", |spec| needs(spec, "worker", Condition::Ready));
    let mut w = world(draft.spec()).begin();
    w.advance(s(1));
    w.scale("worker", 3);
    w.advance(s(1));
    assert_eq!(w.state("worker.3"), StateName::Ready);
    w.events.clear();
    w.input(Input::Intent(Intent::Shutdown(ShutdownReason::Asked)));
    w.advance(s(60));
    let ended = w.order_of("process_killed");
    assert_eq!((ended.first().unwrap().as_str(), ended.last().unwrap().as_str()), ("boss", "db"));
    assert_eq!(ended.len(), 5);
}

#[test]
fn replicas_above_the_number_leave_and_are_not_waited_for() {
    let mut w = workers();
    w.advance(s(1));
    w.scale("worker", 1);
    w.advance(s(60));
    assert_eq!(names(&mut w), ["worker.1", "boss"]);
    w.scale("worker", 2);
    w.advance(ms(10));
    assert_eq!(names(&mut w), ["worker.1", "boss", "worker.2"]);
    // The first replica stays, so that it can be waited for and started.
    w.scale("worker", 0);
    w.advance(s(60));
    assert_eq!(names(&mut w), ["worker.1", "boss"]);
    assert_eq!(w.state("worker.1"), StateName::Stopped);
}

#[test]
fn a_leaving_replica_returns_when_scaled_up() {
    let mut w = workers();
    w.advance(s(1));
    w.scale("worker", 1);
    w.scale("worker", 2);
    w.advance(s(60));
    assert_eq!(names(&mut w), ["worker.1", "worker.2", "boss"]);
    assert_eq!(w.state("worker.2"), StateName::Ready);
}

#[test]
fn dependants_of_a_removed_replica_continue_without_it() {
    let draft = project().plain("gate").process("worker", |spec| spec.replicas = Some(1)).process(
        "boss",
        |spec| {
            spec.autostart = false;
            needs(spec, "worker", Condition::Ready);
        },
    );
    let mut w = world(draft.spec()).begin();
    w.advance(s(1));
    w.scale("worker", 2);
    w.advance(s(1));
    let second = w.ids(&["worker.2"])[0];
    w.input(Input::Intent(Intent::Stop(vec![second])));
    w.advance(s(60));
    let boss = w.ids(&["boss"])[0];
    // The restart starts all replicas; the second one is stopped again.
    w.input(Input::Intent(Intent::Restart(vec![boss])));
    w.input(Input::Intent(Intent::Stop(vec![second])));
    w.advance(s(60));
    assert_eq!(w.state("boss"), StateName::Waiting);
    w.scale("worker", 1);
    w.advance(s(1));
    assert_eq!(w.state("boss"), StateName::Ready);
}

/// A worker that loses one more replica, slowly, and its dependency.
fn one_goes_slowly() -> World {
    let draft = project().plain("db").process("worker", |spec| {
        spec.replicas = Some(2);
        needs(spec, "db", Condition::Ready);
    });
    let mut w = world(draft.spec())
        .script("worker", vec![Script { on_stop: OnStop::After(s(3)), ..willing() }])
        .begin();
    w.advance(s(1));
    w.scale("worker", 1);
    w
}

#[test]
fn dependencies_of_a_leaving_replica_outlive_it_across_a_reload() {
    let mut w = one_goes_slowly();
    let mut spec = w.machine.spec().clone();
    Arc::make_mut(spec.processes.get_mut("worker").unwrap()).replicas = Some(1);
    w.reload(spec);
    w.events.clear();
    w.input(Input::Intent(Intent::Shutdown(ShutdownReason::Asked)));
    w.advance(s(60));
    assert_eq!(w.order_of("process_killed").last().unwrap(), "db");
}

#[test]
fn a_leaving_replica_is_kept_if_the_file_has_it_and_runs_once() {
    let mut w = one_goes_slowly();
    let spec = w.machine.spec().clone();
    w.reload(spec);
    assert_eq!(names(&mut w), ["db", "worker.1", "worker.2"]);
    w.advance(s(60));
    assert_eq!(w.state("worker.2"), StateName::Ready);
}

#[test]
fn a_leaving_replica_that_is_started_manually_stays() {
    let mut w = one_goes_slowly();
    w.start(&["worker.2"]);
    w.advance(s(60));
    assert_eq!(w.state("worker.2"), StateName::Ready);
    let second = w.ids(&["worker.2"]);
    w.input(Input::Intent(Intent::Stop(second)));
    w.advance(s(60));
    assert_eq!(w.state("worker.2"), StateName::Stopped);
}

#[test]
fn an_added_replica_is_watched() {
    let draft = project().process("worker", |spec| {
        spec.replicas = Some(1);
        spec.watch = Some(Arc::new(WatchSpec::default()));
    });
    let mut w = world(draft.spec()).begin();
    w.advance(s(1));
    w.scale("worker", 2);
    w.advance(s(1));
    w.change("worker");
    w.advance(s(1));
    assert_eq!(w.machine.snapshot(w.now).processes[1].run, 2);
}

#[test]
fn an_unkillable_replica_is_not_overlapped_by_a_new_one_of_its_number() {
    let draft = project()
        .process("worker", |spec| spec.replicas = Some(2))
        .process("boss", |spec| needs(spec, "worker", Condition::Ready));
    let mut w =
        World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
            .script("worker.2", [immortal(Some(s(60))), willing()])
            .begin();
    w.advance(s(1));
    w.take_events("worker.2");
    w.scale("worker", 1);
    w.advance(s(13));
    assert_eq!(w.take_events("worker.2")[1..], ["failed 1/1 unkillable nothing 12999ms user"]);
    assert_eq!(names(&mut w), ["worker.1", "boss"]);
    for count in [2, 1, 2] {
        w.scale("worker", count);
        w.advance(s(5));
        assert!(
            w.take_events("worker.2").iter().all(|event| !event.starts_with("started")),
            "{count}"
        );
    }
    assert_eq!(w.state("worker.2"), StateName::Waiting);
    assert_eq!(w.why("worker.2"), "the previous run is still alive and cannot be killed");
    // The other replicas are not affected.
    w.scale("worker", 3);
    w.advance(s(1));
    assert_eq!(w.state("worker.3"), StateName::Ready);
    w.advance(s(60));
    assert_eq!(w.take_events("worker.2"), ["started 1/1 user", "ready 1/1 user"]);
    // The unkillable run has ended.
    w.scale("worker", 1);
    w.advance(s(20));
    w.scale("worker", 2);
    w.advance(s(1));
    assert_eq!(w.state("worker.2"), StateName::Ready);
}

#[test]
fn a_replica_removed_by_the_file_returns_when_scaled_up() {
    let draft = |replicas| {
        project()
            .process("worker", move |spec| spec.replicas = Some(replicas))
            .process("boss", |spec| needs(spec, "worker", Condition::Ready))
            .spec()
    };
    let slow = Script { on_stop: OnStop::After(s(4)), ..willing() };
    let mut w =
        World::new(draft(2), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
            .script("worker.2", [slow])
            .begin();
    w.advance(s(1));
    w.reload(draft(1));
    w.advance(s(1));
    assert_eq!(w.state("worker.2"), StateName::Stopping);
    w.scale("worker", 2);
    w.advance(s(60));
    assert_eq!(names(&mut w), ["worker.1", "worker.2", "boss"]);
    assert_eq!(w.state("worker.2"), StateName::Ready);
    w.scale("worker", 1);
    w.advance(s(60));
    assert_eq!(names(&mut w), ["worker.1", "boss"]);
}
