//! Dependencies: waiting, skipping, and restarts of dependants.

use super::checks::asked;
use super::host::{OnStop, always, exits, immortal, unstartable, willing};
use super::project::{Draft, follows, ms, needs, project, retried, s};
use super::{Script, StateName, World};
use crate::machine::SupervisorOptions;
use crate::spec::{Condition, Restart, StartErrorKind};

fn staying(draft: Draft) -> World {
    World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
}

/// `a` needs `db` to be like this.
fn pair(condition: Condition) -> Draft {
    project().plain("db").process("a", |spec| needs(spec, "db", condition))
}

fn slow() -> Script {
    Script { spawn_after: s(1), ..willing() }
}

#[test]
fn a_dependant_starts_when_the_condition_holds() {
    for (condition, script, at) in [
        (Condition::Started, slow(), 1000),
        (Condition::Ready, slow(), 1000),
        (Condition::Succeeded, exits(s(2), 0), 2001),
        (Condition::Completed, exits(s(2), 0), 2001),
        (Condition::Completed, exits(s(2), 9), 2001),
        (Condition::Completed, unstartable(StartErrorKind::Other), 1),
    ] {
        let mut w = staying(pair(condition)).script("db", [script]).begin();
        w.advance(s(5));
        assert_eq!(w.state("a"), StateName::Ready, "{condition:?}");
        let started = w.times_of("process_started").pop().unwrap();
        assert_eq!(started, (at + 1, "a".to_owned()), "{condition:?}");
        let waiting = format!("waiting 0/1 db:{} start", condition.as_str());
        assert_eq!(w.take_events("a"), [waiting.as_str(), "started 1/1 start", "ready 1/1 start"]);
    }
}

#[test]
fn completed_means_finally_ended() {
    let draft = project()
        .process("db", |spec| retried(spec, 1))
        .process("a", |spec| needs(spec, "db", Condition::Completed));
    let mut w = staying(draft).script("db", [exits(s(1), 1)]).begin();
    w.advance(s(2));
    assert_eq!(w.state("a"), StateName::Waiting);
    assert_eq!(w.why("a"), "waiting for db to end");
    w.advance(s(2));
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn all_replicas_must_meet_the_condition() {
    let draft = project()
        .process("db", |spec| spec.replicas = Some(3))
        .process("a", |spec| needs(spec, "db", Condition::Ready));
    let mut w = staying(draft).script("db.2", [slow()]).begin();
    w.advance(ms(900));
    assert_eq!((w.state("db.1"), w.state("a")), (StateName::Ready, StateName::Waiting));
    w.advance(ms(200));
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn a_pool_has_succeeded_when_all_its_jobs_have_and_is_completed_when_none_is_left() {
    for (condition, code, state) in [
        (Condition::Succeeded, 0, StateName::Ready),
        (Condition::Succeeded, 1, StateName::Skipped),
        (Condition::Completed, 1, StateName::Ready),
    ] {
        let draft = project()
            .pool("p", 1, |_| {})
            .jobs("p", &["j1", "j2"])
            .process("a", |spec| needs(spec, "p", condition));
        let scripts = [exits(s(1), 0)];
        let w = staying(draft).script("j1", scripts.clone());
        let mut w = w.script("j2", [exits(s(1), code)]).begin();
        w.advance(ms(1500));
        assert_eq!(w.state("a"), StateName::Waiting);
        w.advance(s(1));
        assert_eq!(w.state("a"), state, "{condition:?} {code}");
    }
}

#[test]
fn a_pool_is_ready_when_each_job_is_up_or_has_succeeded() {
    let draft = project()
        .pool("p", 1, |_| {})
        .jobs("p", &["j1", "j2"])
        .process("a", |spec| needs(spec, "p", Condition::Ready));
    let mut w = staying(draft).script("j1", [exits(s(1), 0)]).begin();
    w.advance(ms(900));
    assert_eq!(w.state("a"), StateName::Waiting);
    w.advance(s(1));
    assert_eq!((w.state("j2"), w.state("a")), (StateName::Ready, StateName::Ready));
}

#[test]
fn starting_a_dependant_starts_what_waits_to_be_started() {
    let draft = project()
        .process("db", |spec| spec.autostart = false)
        .process("other", |spec| {
            spec.autostart = false;
            needs(spec, "db", Condition::Ready);
        })
        .pool("p", 1, |pool| pool.autostart = false)
        .jobs("p", &["j"])
        .process("a", |spec| {
            needs(spec, "db", Condition::Ready);
            needs(spec, "p", Condition::Succeeded);
        });
    let mut w = staying(draft).script("j", [exits(s(1), 0)]).begin();
    w.advance(s(2));
    assert_eq!(w.take_events("db")[0], "started 1/1 dependency a", "not other, which comes first");
    assert_eq!(w.take_events("j")[0], "queued 0/1 dependency a");
    assert_eq!((w.state("a"), w.state("other")), (StateName::Ready, StateName::Idle));
}

#[test]
fn a_running_process_does_not_start_dependencies_again() {
    let draft = project()
        .plain("cache")
        .process("db", |spec| needs(spec, "cache", Condition::Ready))
        .process("a", |spec| {
            spec.autostart = false;
            needs(spec, "db", Condition::Ready);
        });
    let mut w = staying(draft).begin();
    w.advance(s(1));
    w.stop(&["cache"]);
    w.advance(s(1));
    w.start(&["a"]);
    w.advance(s(1));
    assert_eq!((w.state("cache"), w.state("a")), (StateName::Stopped, StateName::Ready));
}

#[test]
fn a_start_brings_back_a_dependency_that_is_being_stopped() {
    let mut w = staying(pair(Condition::Ready))
        .script("db", [Script { on_stop: OnStop::After(s(1)), ..willing() }])
        .begin_only(&["db"]);
    w.advance(s(1));
    w.stop(&["db"]);
    w.start(&["a"]);
    w.advance(s(5));
    assert_eq!((w.state("db"), w.state("a")), (StateName::Ready, StateName::Ready));
}

#[test]
fn a_dependant_starts_only_dependencies_that_cannot_become_ready() {
    for (condition, code, runs) in [
        (Condition::Completed, 1, 1),
        (Condition::Succeeded, 0, 1),
        (Condition::Succeeded, 1, 2),
        (Condition::Ready, 0, 2),
    ] {
        let draft = pair(condition).process("first", |_| {});
        let mut w = staying(draft).script("db", [exits(ms(10), code)]).begin_only(&["db"]);
        w.advance(s(1));
        w.start(&["a"]);
        w.advance(s(1));
        let run = w.machine.snapshot(w.now).processes[0].run;
        assert_eq!(run, runs, "{condition:?} {code}");
    }
}

#[test]
fn a_dependency_that_cannot_meet_its_condition_skips_its_dependants_with_the_chain_to_the_root() {
    let draft = project()
        .process("db", |spec| retried(spec, 1))
        .process("api", |spec| needs(spec, "db", Condition::Succeeded))
        .process("web", |spec| needs(spec, "api", Condition::Started));
    let mut w = staying(draft).script("db", [exits(s(1), 3)]).begin();
    w.advance(s(10));
    assert_eq!(
        w.take_events("web"),
        [
            "waiting 0/1 api:started start",
            "skipped 0/1 on api [api:started db:succeeded] dependency api"
        ]
    );
    assert_eq!(
        w.why("web"),
        "api cannot start: it was skipped; db cannot succeed: exit 3 after 1.0s; \
         gave up after 1 retry"
    );
    assert_eq!(w.state("api"), StateName::Skipped);
}

#[test]
fn skipped_processes_wait_again_when_the_dependency_gets_a_new_run() {
    let draft = project()
        .plain("db")
        .process("api", |spec| needs(spec, "db", Condition::Succeeded))
        .process("web", |spec| needs(spec, "api", Condition::Ready));
    let mut w = staying(draft).script("db", [exits(s(1), 3), exits(s(1), 0)]).begin();
    w.advance(s(2));
    assert_eq!(w.state("web"), StateName::Skipped);
    w.take_events("web");
    w.restart(&["db"]);
    w.advance(ms(500));
    assert_eq!((w.state("api"), w.state("web")), (StateName::Waiting, StateName::Waiting));
    w.advance(s(2));
    assert_eq!(w.take_events("web").last().unwrap(), "ready 1/1 dependency api");
}

#[test]
fn a_process_that_exits_successfully_cannot_be_ready_and_suggests_the_condition() {
    let mut w = staying(project().plain("slow").process("db", |_| {}).process("a", |spec| {
        needs(spec, "slow", Condition::Ready);
        needs(spec, "db", Condition::Ready);
    }))
    .script("slow", [slow()])
    .script("db", [exits(ms(10), 0)])
    .begin();
    w.advance(s(2));
    assert_eq!(w.state("a"), StateName::Skipped);
    assert!(w.why("a").contains("did you mean \"succeeded\"?"), "{}", w.why("a"));
}

#[test]
fn a_dependency_stopped_by_a_user_leaves_its_dependants_waiting() {
    let mut w = staying(pair(Condition::Ready)).script("db", [slow()]).begin();
    w.stop(&["db"]);
    w.advance(s(60));
    assert_eq!((w.state("db"), w.state("a")), (StateName::Stopped, StateName::Waiting));
    w.start(&["db"]);
    w.advance(s(60));
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn a_skipped_process_that_is_stopped_does_not_start_again() {
    let mut w = staying(pair(Condition::Ready))
        .script("db", [unstartable(StartErrorKind::Other), willing()]);
    w = w.begin();
    w.advance(s(1));
    assert_eq!(w.state("a"), StateName::Skipped);
    w.stop(&["a"]);
    w.restart(&["db"]);
    w.advance(s(1));
    assert_eq!((w.state("db"), w.state("a")), (StateName::Ready, StateName::Stopped));
}

#[test]
fn a_dependant_that_has_started_is_left_alone() {
    let mut w = staying(pair(Condition::Ready)).script("db", [exits(s(1), 1)]).begin();
    w.advance(s(5));
    assert_eq!((w.state("db"), w.state("a")), (StateName::Failed, StateName::Ready));
}

#[test]
fn a_retry_ignores_a_dependency_that_failed_meanwhile_but_waits_for_one_that_restarts() {
    let draft =
        project().plain("gone").process("back", |spec| retried(spec, 5)).process("a", |spec| {
            needs(spec, "gone", Condition::Ready);
            needs(spec, "back", Condition::Ready);
            retried(spec, 5);
        });
    let mut w = staying(draft)
        .script("gone", [exits(s(1), 1)])
        .script("back", [exits(ms(1800), 1), slow()])
        .script("a", [exits(s(2), 1), willing()])
        .begin();
    w.advance(ms(2_600));
    assert_eq!(w.state("a"), StateName::Waiting);
    assert_eq!(w.why("a"), "waiting for back to be ready");
    w.advance(s(2));
    assert_eq!((w.state("gone"), w.state("a")), (StateName::Failed, StateName::Ready));
}

#[test]
fn restart_true_gives_the_dependant_a_new_run_once_the_condition_holds_again() {
    let draft = project().plain("db").process("a", |spec| follows(spec, "db", Condition::Ready));
    let mut w = staying(draft).script("db", [willing(), slow()]).begin();
    w.advance(s(1));
    w.take_events("a");
    w.restart(&["db"]);
    w.advance(ms(900));
    assert_eq!(w.take_events("a").len(), 0, "db is not ready yet");
    w.advance(s(1));
    assert_eq!(
        w.take_events("a"),
        [
            "stopping 1/1 TERM dependency db",
            "killed 1/1 by restart sig TERM 2018ms dependency db",
            "started 2/1 dependency db",
            "ready 2/1 dependency db",
        ]
    );
}

#[test]
fn two_dependencies_that_restart_together_restart_the_dependant_once() {
    for condition in [Condition::Ready, Condition::Started] {
        let draft = project().plain("x").plain("y").process("a", |spec| {
            follows(spec, "x", condition);
            follows(spec, "y", condition);
        });
        let lazy = Script { on_stop: OnStop::After(s(2)), ..willing() };
        let mut w = staying(draft).script("y", [lazy]).begin();
        w.advance(s(1));
        w.take_events("a");
        w.restart(&["x", "y"]);
        w.advance(s(10));
        let events = w.take_events("a");
        assert_eq!(events.iter().filter(|t| t.starts_with("started")).count(), 1, "{events:?}");
        let run = w.machine.snapshot(w.now).processes[2].run;
        assert_eq!(run, 2, "{condition:?}");
    }
}

#[test]
fn a_restarting_dependant_keeps_running_if_the_new_run_of_its_dependency_fails() {
    for condition in [Condition::Ready, Condition::Succeeded] {
        let draft = project().process("db", |db| db.ready = Some(asked())).process("a", |spec| {
            follows(spec, "db", condition);
        });
        let good = if condition == Condition::Ready { willing() } else { exits(s(1), 0) };
        let bad = Script { ready: always(false), ..exits(s(1), 1) };
        let mut w = staying(draft).script("db", [good.clone(), bad, good]).begin();
        w.advance(s(5));
        w.restart(&["db"]);
        w.advance(s(5));
        let of_a = |w: &mut World| w.machine.snapshot(w.now).processes[1].run;
        assert_eq!((w.state("db"), of_a(&mut w)), (StateName::Failed, 1), "{condition:?}");
        w.restart(&["db"]);
        w.advance(s(5));
        assert_eq!(of_a(&mut w), 2, "{condition:?}");
    }
}

#[test]
fn a_dependant_of_two_restarts_for_the_dependency_that_is_ready_again() {
    let draft = project().plain("x").plain("y").process("a", |spec| {
        follows(spec, "x", Condition::Ready);
        follows(spec, "y", Condition::Ready);
    });
    let scripts = [willing(), unstartable(StartErrorKind::Other)];
    let mut w = staying(draft).script("x", scripts).script("y", [willing(), slow()]).begin();
    w.advance(s(1));
    w.take_events("a");
    w.restart(&["x", "y"]);
    w.advance(s(5));
    assert_eq!(w.state("x"), StateName::Failed);
    assert_eq!(w.take_events("a")[0], "stopping 1/1 TERM dependency y");
}

#[test]
fn a_dependant_of_a_chain_restarts_once() {
    let orders: [[&str; 3]; 2] = [["x", "y", "a"], ["a", "y", "x"]];
    for order in orders {
        let draft = order.iter().fold(project(), |draft, name| {
            draft.process(name, |spec| match *name {
                "y" => follows(spec, "x", Condition::Ready),
                "a" => {
                    follows(spec, "x", Condition::Ready);
                    follows(spec, "y", Condition::Ready);
                }
                _ => {}
            })
        });
        let mut w = staying(draft).begin();
        w.advance(s(1));
        w.restart(&["x"]);
        w.advance(s(5));
        let runs = w.machine.snapshot(w.now).processes.iter().map(|one| one.run).max();
        assert_eq!(runs, Some(2), "{order:?}");
        assert_eq!(w.take_events("a").iter().filter(|t| t.starts_with("started")).count(), 2);
    }
}

#[test]
fn a_pending_restart_is_dropped_by_a_stop() {
    let draft = project().plain("db").process("a", |spec| follows(spec, "db", Condition::Ready));
    let mut w = staying(draft).script("db", [willing(), slow()]).begin();
    w.advance(s(1));
    w.restart(&["db"]);
    w.advance(ms(100));
    w.stop(&["a"]);
    w.advance(s(10));
    assert_eq!(w.state("a"), StateName::Stopped);
    assert_eq!(w.machine.snapshot(w.now).processes[1].run, 1);
}

#[test]
fn without_dependencies_nothing_is_waited_for() {
    let mut w = staying(pair(Condition::Succeeded));
    w.laws.as_mut().unwrap().ignores_dependencies = true;
    let ids = w.ids(&["a"]);
    w.begin_with(&ids, false);
    w.advance(s(1));
    assert_eq!((w.state("db"), w.state("a")), (StateName::Idle, StateName::Ready));
}

#[test]
fn an_always_running_dependency_that_ended_well_has_succeeded() {
    let draft = project()
        .process("tick", |spec| spec.restart = Restart::Always)
        .process("a", |spec| needs(spec, "tick", Condition::Succeeded));
    let mut w = staying(draft).script("tick", [exits(s(1), 0)]).begin();
    w.advance(ms(1_100));
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn a_dependant_waits_for_an_unkillable_dependency() {
    let mut w = staying(pair(Condition::Ready)).script("db", [immortal(None), willing()]);
    w = w.begin();
    w.advance(s(1));
    w.stop(&["a"]);
    w.restart(&["db"]);
    w.advance(s(30));
    w.start(&["a"]);
    w.advance(s(1));
    assert_eq!(w.why("a"), "waiting for db to be ready");
}
