//! Large worlds, which are fast unless something is quadratic.

use super::host::{exits, willing};
use super::project::{Draft, ms, needs, project, s};
use super::{World, world};
use crate::machine::{ProjectExit, SupervisorOptions};
use crate::spec::{Condition, OnFailure};

fn many(count: usize, draft: Draft) -> Draft {
    (0..count).fold(draft, |draft, n| draft.plain(&format!("p{n}")))
}

/// Every process behaves like this; the laws are not checked, as they look at everything after each step.
fn all(mut w: World, script: &super::Script) -> World {
    let ids: Vec<_> = w.machine.names().map(|(id, _)| id).collect();
    w.host.scripts.extend(ids.into_iter().map(|id| (id, vec![script.clone()])));
    w.unchecked()
}

fn jobs(count: usize) -> Draft {
    let draft = project().pool("p", 16, |pool| pool.on_failure = OnFailure::Stop);
    (0..count).fold(draft, |draft, n| draft.job("p", &format!("j{n}"), |_| {}))
}

#[test]
fn ten_thousand_jobs_in_sixteen_slots_with_a_dependant_of_all() {
    let draft = jobs(10_000).process("after", |spec| needs(spec, "p", Condition::Succeeded));
    let mut w = all(world(draft.spec()), &exits(ms(9), 0)).begin();
    assert_eq!(w.run_out(s(3600)), ms(625 * 10 + 10));
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: true }));
    w.machine.check();
}

#[test]
fn ten_thousand_queued_jobs_are_stopped() {
    let mut w = all(world(jobs(10_000).spec()), &willing()).begin();
    w.advance(s(1));
    w.shutdown();
    assert_eq!(w.run_out(s(60)), ms(10));
    w.machine.check();
}

#[test]
fn ten_thousand_queued_jobs_are_skipped_because_one_failed() {
    let draft = jobs(10_000).process("after", |spec| needs(spec, "p", Condition::Succeeded));
    let mut w = all(world(draft.spec()), &willing()).script("j0", [exits(s(1), 1)]).begin();
    assert_eq!(w.run_out(s(60)), ms(1_011));
}

#[test]
fn a_thousand_independent_processes_start_and_stop() {
    let mut w = all(world(many(1_000, project()).spec()), &willing()).begin();
    w.advance(s(1));
    assert_eq!(w.count_of("process_ready"), 1_000);
    w.shutdown();
    assert_eq!(w.run_out(s(60)), ms(10));
}

#[test]
fn a_chain_of_a_thousand_starts_and_stops_in_order() {
    let draft = (1..1_000).fold(project().plain("p0"), |draft, n| {
        let on = format!("p{}", n - 1);
        draft.process(&format!("p{n}"), |spec| needs(spec, &on, Condition::Ready))
    });
    let w = World::new(draft.spec(), SupervisorOptions::default());
    let mut w = all(w, &willing()).begin();
    w.advance(s(2));
    assert_eq!(w.count_of("process_ready"), 1_000);
    w.shutdown();
    assert_eq!(w.run_out(s(60)), s(10));
}

#[test]
fn a_thousand_processes_depend_on_the_same_hundred() {
    let draft = many(100, project());
    let draft = (0..1_000).fold(draft, |draft, n| {
        draft.process(&format!("q{n}"), |spec| {
            for on in 0..100 {
                needs(spec, &format!("p{on}"), Condition::Ready);
            }
        })
    });
    let mut w = all(world(draft.spec()), &willing()).begin();
    w.advance(s(1));
    assert_eq!(w.count_of("process_ready"), 1_100);
    w.shutdown();
    assert_eq!(w.run_out(s(60)), ms(20));
}
