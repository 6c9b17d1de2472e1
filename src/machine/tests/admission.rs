//! Members that are added and removed while the project runs.

use std::time::Duration;

use super::host::{exits, stubborn, unstartable, willing};
use super::project::{Draft, ms, needs, project, s};
use super::{Input, Intent, StateName, World, world};
use crate::machine::supervisor::membership::RECENT;
use crate::machine::{Event, NewMember, ProcessId, ProjectExit, Retention, SupervisorOptions};
use crate::spec::{Condition, OnFailure, StartErrorKind};

fn pool(slots: u32) -> Draft {
    project().pool("p", slots, |_| {})
}

fn keeping(draft: Draft) -> World {
    World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
        .begin()
}

fn passing(_: &mut NewMember) {}

fn is_member(w: &mut World, id: ProcessId) -> bool {
    w.machine.snapshot(w.now).get(id).is_some()
}

fn first(priority: i32) -> impl FnOnce(&mut NewMember) {
    move |one| one.priority = priority
}

fn later(delay: Duration) -> impl FnOnce(&mut NewMember) {
    move |one| one.delay = delay
}

#[test]
fn an_admitted_process_runs_normally_and_is_removed_after_its_end() {
    let mut w = keeping(project());
    let id = w.admit(None, passing, exits(ms(50), 3)).unwrap();
    w.advance(ms(10));
    assert_eq!(w.state("added1"), StateName::Ready);
    w.advance(s(1));
    assert_eq!(
        w.take_events("added1"),
        ["started 1/1 user", "ready 1/1 user", "completed 1/1 code 3 50ms exit 3"]
    );
    assert!(!is_member(&mut w, id));
    assert_eq!(w.finish(), None);
}

#[test]
fn a_kept_process_can_be_started_again() {
    let mut w = keeping(project());
    let id = w.admit(None, |one| one.retention = Retention::Keep, exits(ms(50), 0)).unwrap();
    w.advance(s(1));
    assert!(is_member(&mut w, id));
    w.input(Input::Intent(Intent::Start(vec![id])));
    w.advance(s(1));
    assert_eq!(w.order_of("process_completed"), ["added1", "added1"]);
}

#[test]
fn numbers_are_never_reused() {
    let mut w = keeping(project());
    let first = w.admit(None, passing, exits(ms(1), 0)).unwrap();
    w.advance(s(1));
    assert!(w.admit(None, passing, willing()).unwrap() > first);
}

#[test]
fn an_admitted_process_that_cannot_start_fails_alone() {
    let mut w = keeping(project());
    let bad = w.admit(None, passing, unstartable(StartErrorKind::ProgramNotFound)).unwrap();
    let good = w.admit(None, passing, willing()).unwrap();
    w.advance(s(1));
    assert_eq!((is_member(&mut w, bad), is_member(&mut w, good)), (false, true));
}

#[test]
fn an_admitted_process_does_not_make_the_project_unready_or_fail() {
    let mut w = world(project().process("web", |_| {}).spec()).begin();
    w.advance(ms(10));
    w.admit(None, passing, exits(ms(5), 1));
    w.advance(s(1));
    assert_eq!(w.count_of("project_ready"), 1);
    w.stop(&["web"]);
    w.advance(s(1));
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: true }));
}

#[test]
fn nothing_is_admitted_during_shutdown() {
    let mut w = world(project().process("web", |_| {}).spec()).script("web", [stubborn()]).begin();
    w.advance(ms(10));
    w.shutdown();
    assert_eq!(w.admit(None, passing, willing()), None);
    w.run_out(s(20));
}

#[test]
fn an_admitted_process_is_stopped_with_the_project() {
    let mut w = keeping(project());
    w.admit(None, passing, willing());
    w.advance(ms(10));
    w.shutdown();
    w.run_out(s(1));
    assert_eq!(
        w.take_events("added1").last().unwrap(),
        "killed 1/1 by shutdown sig TERM 19ms shutdown asked"
    );
}

#[test]
fn jobs_start_by_priority_and_then_in_order_of_arrival() {
    let mut w = keeping(pool(1));
    for priority in [0, 0, 5, -1, 5] {
        w.admit(Some("p"), first(priority), exits(ms(10), 0));
    }
    w.advance(s(1));
    let order = ["added1", "added3", "added5", "added2", "added4"];
    assert_eq!(w.order_of("process_started"), order);
}

#[test]
fn a_delayed_job_queues_after_its_delay_and_takes_no_slot_before() {
    let mut w = keeping(pool(1));
    w.admit(Some("p"), later(s(60)), exits(ms(10), 0));
    w.admit(Some("p"), passing, exits(ms(10), 0));
    assert_eq!(w.why("added1"), "delayed; starts in 1m 0s");
    w.advance(s(1));
    assert_eq!(w.order_of("process_completed"), ["added2"]);
    w.advance(s(58));
    assert_eq!(w.state("added1"), StateName::Waiting);
    w.advance(s(2));
    assert_eq!(w.order_of("process_completed"), ["added2", "added1"]);
}

#[test]
fn a_stopped_delayed_job_never_starts() {
    let mut w = keeping(project());
    w.admit(None, later(s(5)), willing());
    w.stop(&["added1"]);
    w.advance(s(10));
    assert_eq!(w.count_of("process_started"), 0);
}

#[test]
fn a_paused_pool_starts_nothing_and_continues_when_it_is_resumed() {
    let mut w = keeping(pool(2));
    w.admit(Some("p"), passing, exits(s(1), 0));
    w.input(Input::Intent(Intent::PausePool("p".into())));
    w.admit(Some("p"), passing, exits(s(1), 0));
    w.advance(s(10));
    assert_eq!(w.order_of("process_completed"), ["added1"]);
    assert_eq!(w.state("added2"), StateName::Queued);
    w.input(Input::Intent(Intent::ResumePool("p".into())));
    w.advance(s(10));
    assert_eq!(w.order_of("process_completed"), ["added1", "added2"]);
}

#[test]
fn a_cancelled_job_never_starts_and_a_running_job_continues() {
    let mut w = keeping(pool(1));
    let runs = w.admit(Some("p"), passing, exits(ms(50), 0)).unwrap();
    let queued = w.admit(Some("p"), passing, exits(ms(50), 0)).unwrap();
    w.advance(ms(10));
    w.input(Input::Intent(Intent::CancelUnstarted(vec![runs, queued])));
    w.advance(s(1));
    assert_eq!(w.order_of("process_started"), ["added1"]);
    assert_eq!(w.order_of("process_completed"), ["added1"]);
}

#[test]
fn removed_jobs_count_in_the_totals_of_a_drained_pool() {
    let mut w = keeping(pool(1));
    for code in [0, 1, 0] {
        w.admit(Some("p"), passing, exits(ms(10), code));
    }
    w.advance(s(1));
    w.admit(Some("p"), passing, exits(ms(10), 0));
    w.advance(s(1));
    let drained = w.events.iter().filter_map(|(_, event)| match event {
        Event::PoolDrained(e) => Some((e.succeeded, e.failed)),
        _ => None,
    });
    assert_eq!(drained.collect::<Vec<_>>(), [(2, 1), (1, 0)]);
}

#[test]
fn a_dependant_of_a_completed_pool_waits_for_admitted_jobs() {
    let draft = pool(1).jobs("p", &["j"]).process("after", |spec| {
        needs(spec, "p", Condition::Completed);
    });
    let mut w = world(draft.spec()).script("j", [exits(ms(50), 0)]).begin();
    w.admit(Some("p"), passing, exits(ms(100), 0));
    w.advance(ms(100));
    assert_eq!(
        (w.order_of("process_completed"), w.state("after")),
        (vec!["j".to_owned()], StateName::Waiting)
    );
    w.advance(ms(100));
    assert_eq!(w.state("after"), StateName::Ready);
}

#[test]
fn a_failure_stops_admitted_jobs_of_the_pool() {
    let draft = project().pool("p", 1, |pool| pool.on_failure = OnFailure::Stop);
    let mut w = keeping(draft);
    w.admit(Some("p"), passing, exits(ms(10), 1));
    w.admit(Some("p"), passing, willing());
    w.admit(Some("p"), later(s(5)), willing());
    w.advance(s(10));
    assert_eq!(w.order_of("process_skipped"), ["added2", "added3"]);
    assert_eq!(w.machine.len(), 0);
}

#[test]
fn a_released_pool_finishes_its_jobs() {
    let mut w = keeping(pool(1));
    w.admit(Some("p"), passing, exits(ms(10), 0));
    w.admit(Some("p"), passing, exits(ms(10), 0));
    w.input(Input::Intent(Intent::RemovePool("p".into())));
    w.advance(s(1));
    assert_eq!(w.order_of("process_completed"), ["added1", "added2"]);
}

fn aside(one: &mut NewMember) {
    one.retention = Retention::KeepRecent;
}

#[test]
fn the_end_of_an_ad_hoc_process_does_not_affect_the_project() {
    for fail_fast in [false, true] {
        let options = SupervisorOptions { fail_fast, ..SupervisorOptions::default() };
        let spec = project().process("web", |_| {}).spec();
        let mut w = World::new(spec, options).begin();
        w.advance(ms(10));
        let id = w.admit(None, aside, exits(ms(5), 1)).unwrap();
        w.advance(s(1));
        assert_eq!((w.state("added1"), w.count_of("project_ready")), (StateName::Failed, 1));
        assert!(w.machine.snapshot(w.now).ready);
        w.input(Input::Intent(Intent::Restart(vec![id])));
        w.advance(s(1));
        assert_eq!(w.machine.snapshot(w.now).get(id).unwrap().run, 2);
        w.stop(&["web"]);
        w.advance(s(1));
        assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: true }));
    }
}

#[test]
fn the_latest_ended_ad_hoc_processes_and_all_running_ones_are_kept() {
    let mut w = keeping(project());
    let runs = w.admit(None, aside, willing()).unwrap();
    let ended: Vec<ProcessId> = (0..3 * RECENT)
        .map(|_| {
            let id = w.admit(None, aside, exits(ms(1), 0)).unwrap();
            w.advance(ms(100));
            id
        })
        .collect();
    // The oldest are removed when the next one is admitted, which has not ended then.
    let (gone, kept) = ended.split_at(2 * RECENT - 1);
    assert!(gone.iter().all(|id| !is_member(&mut w, *id)));
    assert!(kept.iter().all(|id| is_member(&mut w, *id)) && is_member(&mut w, runs));
    w.shutdown();
    w.run_out(s(20));
}
