//! Slots, the queue, back-off, and what a failure does to the others.

use super::host::{exits, unstartable, willing};
use super::project::{Draft, ms, needs, project, retried, s};
use super::{Script, StateName, World, world};
use crate::machine::{Event, ProjectExit, SupervisorOptions};
use crate::spec::{Condition, OnFailure, PoolSpec, StartErrorKind};

const NAMES: [&str; 6] = ["j1", "j2", "j3", "j4", "j5", "j6"];

fn pool(slots: u32, set: impl FnOnce(&mut PoolSpec)) -> Draft {
    project().pool("p", slots, set).jobs("p", &NAMES)
}

fn alive(w: &mut World) -> usize {
    let up = [StateName::Starting, StateName::Ready, StateName::Stopping];
    let views = w.machine.snapshot(w.now).processes;
    views.iter().filter(|view| up.contains(&view.state)).count()
}

/// How many members succeeded, failed, were stopped and were skipped.
fn drained(w: &World) -> Vec<[u32; 4]> {
    let of = w.events.iter().filter_map(|(_, event)| match event {
        Event::PoolDrained(e) => Some([e.succeeded, e.failed, e.stopped, e.skipped]),
        _ => None,
    });
    of.collect()
}

#[test]
fn jobs_start_in_queue_order_and_never_more_than_there_are_slots() {
    let mut w = world(pool(2, |_| {}).spec());
    for name in NAMES {
        w = w.script(name, [exits(ms(100), 0)]);
    }
    let mut w = w.begin();
    assert_eq!((alive(&mut w), w.state("j3")), (2, StateName::Queued));
    assert_eq!(w.why("j3"), "waiting for a free slot of p");
    assert_eq!(w.run_out(s(10)), ms(303));
    assert_eq!(w.order_of("process_started"), NAMES);
    assert_eq!(drained(&w), [[6, 0, 0, 0]]);
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: true }));
}

#[test]
fn a_member_in_back_off_holds_no_slot_and_queues_at_the_end() {
    let mut draft = project().pool("p", 1, |_| {});
    for name in NAMES {
        draft = draft.job("p", name, |spec| retried(spec, 1));
    }
    let mut w = world(draft.spec()).script("j1", [exits(ms(10), 1), exits(ms(10), 0)]);
    for name in &NAMES[1..] {
        w = w.script(name, [exits(ms(300), 0)]);
    }
    let mut w = w.begin();
    w.advance(ms(100));
    assert_eq!((w.state("j1"), w.state("j2")), (StateName::Backoff, StateName::Ready));
    w.run_out(s(10));
    assert_eq!(w.order_of("process_started"), ["j1", "j2", "j3", "j4", "j5", "j6", "j1"]);
    assert!(w.take_events("j1").contains(&"queued 1/1 retry 1/1".to_owned()));
}

#[test]
fn a_process_that_names_a_pool_takes_a_slot_of_it_while_alive() {
    let draft = project()
        .process("web", |spec| spec.pool = Some("p".into()))
        .pool("p", 1, |_| {})
        .jobs("p", &["j"]);
    let mut w = world(draft.spec()).script("j", [exits(s(1), 0)]).begin();
    w.advance(s(5));
    assert_eq!((w.state("web"), w.state("j")), (StateName::Ready, StateName::Queued));
    w.stop(&["web"]);
    w.advance(s(1));
    assert_eq!(w.state("j"), StateName::Ready);
}

#[test]
fn a_pool_without_jobs_stands_for_the_processes_that_use_its_slots() {
    let draft = project()
        .pool("slots", 2, |_| {})
        .process("user", |spec| spec.pool = Some("slots".into()))
        .process("bad", |spec| spec.pool = Some("slots".into()))
        .process("after", |spec| needs(spec, "slots", Condition::Completed));
    let w = world(draft.spec()).script("user", [exits(s(2), 0)]);
    let mut w = w.script("bad", [exits(s(1), 1)]).begin();
    w.advance(ms(1_900));
    assert_eq!((w.state("bad"), w.state("after")), (StateName::Failed, StateName::Waiting));
    w.advance(ms(200));
    assert_eq!((w.state("user"), w.state("after")), (StateName::Succeeded, StateName::Ready));
}

#[test]
fn a_restarted_member_queues_again() {
    let mut w = world(pool(1, |_| {}).spec()).begin();
    w.advance(s(1));
    w.restart(&["j1"]);
    w.advance(s(1));
    assert_eq!((w.state("j1"), w.state("j2")), (StateName::Queued, StateName::Ready));
}

#[test]
fn a_job_that_cannot_start_fails_alone() {
    let mut w = world(pool(2, |_| {}).spec());
    for name in NAMES {
        w = w.script(name, [exits(ms(100), 0)]);
    }
    let missing = unstartable(StartErrorKind::ProgramNotFound);
    let mut w = w.script("j2", [missing]).begin();
    w.run_out(s(10));
    assert_eq!(w.state("j2"), StateName::Failed);
    assert_eq!(drained(&w), [[5, 1, 0, 0]]);
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: false }));
}

#[test]
fn on_failure_stop_skips_the_queued_and_stops_the_running() {
    let mut w = world(pool(2, |pool| pool.on_failure = OnFailure::Stop).spec());
    w = w.script("j1", [exits(s(1), 1)]);
    let mut w = w.begin();
    w.run_out(s(10));
    assert_eq!(w.take_events("j3").last().unwrap(), "skipped 0/1 on j1 [] pool p j1");
    assert_eq!(
        w.take_events("j2")[3..],
        ["stopping 1/1 TERM pool p j1", "killed 1/1 by stop sig TERM 1010ms pool p j1"]
    );
    assert_eq!((w.state("j1"), w.state("j2")), (StateName::Failed, StateName::Stopped));
    assert_eq!(
        (w.state("j6"), w.why("j6").as_str()),
        (StateName::Skipped, "pool stopped because j1 failed")
    );
    assert_eq!(drained(&w), [[0, 1, 1, 4]]);
}

#[test]
fn on_failure_stop_waits_until_no_tries_are_left() {
    let mut draft = project().pool("p", 2, |pool| pool.on_failure = OnFailure::Stop);
    for name in NAMES {
        draft = draft.job("p", name, |spec| retried(spec, 1));
    }
    let mut w = world(draft.spec()).script("j1", [exits(ms(10), 1), exits(ms(10), 0)]);
    for name in &NAMES[1..] {
        w = w.script(name, [exits(ms(300), 0)]);
    }
    let mut w = w.begin();
    w.run_out(s(10));
    assert_eq!(drained(&w), [[6, 0, 0, 0]]);
}

#[test]
fn a_stopped_pool_resumes_when_a_member_is_started_manually() {
    let spec = pool(2, |pool| pool.on_failure = OnFailure::Stop).spec();
    let w = World::new(spec, SupervisorOptions { keep: true, ..SupervisorOptions::default() });
    let mut w = w.script("j1", [exits(s(1), 1)]).script("j3", [exits(s(1), 0)]).begin();
    w.advance(s(5));
    w.start(&["j3"]);
    w.advance(s(5));
    assert_eq!(w.state("j3"), StateName::Succeeded);
    assert_eq!(drained(&w), [[0, 1, 1, 4], [1, 1, 1, 3]]);
}

#[test]
fn a_member_queues_once_its_dependencies_hold_and_leaves_when_they_do_not() {
    let draft =
        project()
            .plain("db")
            .pool("p", 1, |_| {})
            .jobs("p", &["first"])
            .job("p", "j", |spec| needs(spec, "db", Condition::Ready));
    let slow = Script { spawn_after: s(1), ..willing() };
    let w =
        World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() });
    let mut w = w.script("db", [slow]).script("first", [exits(s(10), 0)]).begin();
    assert_eq!(w.state("j"), StateName::Waiting);
    w.advance(s(2));
    assert_eq!(w.state("j"), StateName::Queued);
    w.stop(&["db"]);
    w.advance(s(20));
    assert_eq!((w.state("first"), w.state("j")), (StateName::Succeeded, StateName::Waiting));
    w.start(&["db"]);
    w.advance(s(20));
    assert_eq!(w.state("j"), StateName::Ready);
}

#[test]
fn a_pool_with_autostart_false_waits_to_be_started() {
    let spec = pool(2, |pool| pool.autostart = false).spec();
    let mut w =
        World::new(spec, SupervisorOptions { keep: true, ..SupervisorOptions::default() }).begin();
    w.advance(s(1));
    assert_eq!(w.count_of("process_queued"), 0);
    w.start(&["p"]);
    w.advance(s(1));
    assert_eq!(w.order_of("process_started"), ["j1", "j2"]);
}
