//! More and fewer replicas while the project runs.

use super::host::{OnStop, immortal, willing};
use super::project::{ms, needs, project, s};
use super::{Script, StateName, World, world};
use crate::machine::Options;
use crate::spec::Condition;

fn names(w: &mut World) -> Vec<String> {
    let snapshot = w.machine.snapshot(w.now);
    snapshot.processes.iter().map(|view| view.name.to_string()).collect()
}

fn workers() -> World {
    let draft = project()
        .process("worker", |spec| spec.replicas = Some(2))
        .process("boss", |spec| needs(spec, "worker", Condition::Ready));
    World::new(draft.spec(), Options { keep: true, ..Options::default() }).begin()
}

#[test]
fn more_of_them_need_and_are_needed_like_the_others() {
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
    w.input(super::Input::Intent(super::Intent::Shutdown(super::ShutdownReason::Asked)));
    w.advance(s(60));
    let ended = w.order_of("process_killed");
    assert_eq!((ended.first().unwrap().as_str(), ended.last().unwrap().as_str()), ("boss", "db"));
    assert_eq!(ended.len(), 5);
}

#[test]
fn those_above_the_number_go_and_nobody_waits_for_them() {
    let mut w = workers();
    w.advance(s(1));
    w.scale("worker", 1);
    w.advance(s(60));
    assert_eq!(names(&mut w), ["worker.1", "boss"]);
    w.scale("worker", 2);
    w.advance(ms(10));
    assert_eq!(names(&mut w), ["worker.1", "boss", "worker.2"]);
    // The first one stays, so that it can be waited for and started.
    w.scale("worker", 0);
    w.advance(s(60));
    assert_eq!(names(&mut w), ["worker.1", "boss"]);
    assert_eq!(w.state("worker.1"), StateName::Stopped);
}

#[test]
fn one_that_is_going_comes_back_when_there_are_to_be_more_again() {
    let mut w = workers();
    w.advance(s(1));
    w.scale("worker", 1);
    w.scale("worker", 2);
    w.advance(s(60));
    assert_eq!(names(&mut w), ["worker.1", "worker.2", "boss"]);
    assert_eq!(w.state("worker.2"), StateName::Ready);
}

#[test]
fn what_waits_for_one_too_many_goes_on_without_it() {
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
    w.input(super::Input::Intent(super::Intent::Stop(vec![second])));
    w.advance(s(60));
    let boss = w.ids(&["boss"])[0];
    // Its start calls for all of them; the second one is stopped again.
    w.input(super::Input::Intent(super::Intent::Restart(vec![boss])));
    w.input(super::Input::Intent(super::Intent::Stop(vec![second])));
    w.advance(s(60));
    assert_eq!(w.state("boss"), StateName::Waiting);
    w.scale("worker", 1);
    w.advance(s(1));
    assert_eq!(w.state("boss"), StateName::Ready);
}

#[test]
fn one_that_cannot_be_ended_is_not_overlapped_by_a_new_one_of_its_number() {
    let draft = project()
        .process("worker", |spec| spec.replicas = Some(2))
        .process("boss", |spec| needs(spec, "worker", Condition::Ready));
    let mut w = World::new(draft.spec(), Options { keep: true, ..Options::default() })
        .script("worker.2", [immortal(Some(s(60))), willing()])
        .begin();
    w.advance(s(1));
    w.told("worker.2");
    w.scale("worker", 1);
    w.advance(s(13));
    assert_eq!(w.told("worker.2")[1..], ["failed 1/1 unkillable nothing 12999ms user"]);
    assert_eq!(names(&mut w), ["worker.1", "boss"]);
    for count in [2, 1, 2] {
        w.scale("worker", count);
        w.advance(s(5));
        assert!(w.told("worker.2").iter().all(|told| !told.starts_with("started")), "{count}");
    }
    assert_eq!(w.state("worker.2"), StateName::Waiting);
    assert_eq!(w.why("worker.2"), "the run before cannot be ended and is still there");
    // Its sisters are none of that matter.
    w.scale("worker", 3);
    w.advance(s(1));
    assert_eq!(w.state("worker.3"), StateName::Ready);
    w.advance(s(60));
    assert_eq!(w.told("worker.2"), ["started 1/1 user", "ready 1/1 user"]);
    // It is over and done with.
    w.scale("worker", 1);
    w.advance(s(20));
    w.scale("worker", 2);
    w.advance(s(1));
    assert_eq!(w.state("worker.2"), StateName::Ready);
}

#[test]
fn one_that_goes_by_the_file_comes_back_when_there_are_to_be_more_again() {
    let draft = |replicas| {
        project()
            .process("worker", move |spec| spec.replicas = Some(replicas))
            .process("boss", |spec| needs(spec, "worker", Condition::Ready))
            .spec()
    };
    let slow = Script { on_stop: OnStop::After(s(4)), ..willing() };
    let mut w = World::new(draft(2), Options { keep: true, ..Options::default() })
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
