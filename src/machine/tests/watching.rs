//! File changes: restarts, starts, signals, run-first processes, and suspension.

use std::sync::Arc;

use super::host::{OnStop, exits, willing};
use super::project::{ms, needs, project, retried, s};
use super::{Script, StateName, World, world};
use crate::machine::{Event, ProjectExit, RunId, SupervisorOptions};
use crate::spec::{Condition, OnFailure, ProcessSpec, Signal, WatchAction, WatchSpec};

fn watched(spec: &mut ProcessSpec) {
    acts(spec, WatchAction::Restart);
}

fn acts(spec: &mut ProcessSpec, action: WatchAction) {
    spec.watch = Some(Arc::new(WatchSpec { action, ..WatchSpec::default() }));
}

/// One process `a` that is watched and has done `before`.
fn one(set: impl FnOnce(&mut ProcessSpec), scripts: impl IntoIterator<Item = Script>) -> World {
    let spec = project().process("a", |a| {
        watched(a);
        set(a);
    });
    World::new(spec.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
        .script("a", scripts)
        .begin()
}

#[test]
fn a_change_restarts_a_running_process_and_names_the_file() {
    let mut w = one(|_| {}, [willing()]);
    w.advance(s(5));
    w.take_events("a");
    w.change("a");
    let Some((_, Event::FileChanged(event))) = w.events.iter().rev().nth(1).cloned() else {
        panic!("no event")
    };
    assert_eq!((event.name.as_str(), event.path.as_str(), event.more), ("a", "src/a", 0));
    assert_eq!(event.action, WatchAction::Restart);
    w.advance(s(1));
    assert_eq!(
        w.take_events("a"),
        [
            "stopping 1/1 TERM file_changed src/a",
            "killed 1/1 by file_change sig TERM 5009ms file_changed src/a",
            "started 2/1 file_changed src/a",
            "ready 2/1 file_changed src/a",
        ]
    );
}

#[test]
fn what_a_change_does_in_each_state() {
    use StateName::{Backoff, Failed, Idle, Ready, Skipped, Stopped, Succeeded, Waiting};
    // state, whether a change makes a new run
    for (state, runs_anew) in [
        (Idle, false),
        (Waiting, false),
        (Ready, true),
        (Backoff, true),
        (Succeeded, true),
        (Failed, true),
        (Stopped, false),
        (Skipped, false),
    ] {
        let script = match state {
            Succeeded => exits(ms(10), 0),
            Failed | Backoff | Skipped => exits(ms(10), 1),
            _ => willing(),
        };
        let spec = project()
            .process("dep", |_| {})
            .process("a", |a| {
                watched(a);
                a.autostart = state != Idle;
                if state == Backoff {
                    retried(a, 1);
                    a.retry.initial = s(100);
                }
                if matches!(state, Waiting | Skipped) {
                    needs(a, "dep", Condition::Succeeded);
                }
            })
            .spec();
        let mut w =
            World::new(spec, SupervisorOptions { keep: true, ..SupervisorOptions::default() })
                .script("a", [script])
                .script("dep", [if state == Skipped { exits(ms(10), 1) } else { willing() }])
                .begin();
        w.advance(s(1));
        if state == Stopped {
            w.stop(&["a"]);
            w.advance(s(1));
        }
        assert_eq!(w.state("a"), state);
        let run = w.machine.snapshot(w.now).processes[1].run;
        w.change("a");
        w.advance(ms(100));
        let after = w.machine.snapshot(w.now).processes[1].run;
        assert_eq!(after - run, u32::from(runs_anew), "{state:?}");
        assert_eq!(w.count_of("file_changed"), usize::from(runs_anew), "{state:?}");
    }
}

#[test]
fn a_change_resets_the_retries() {
    let mut w = one(|a| retried(a, 1), [exits(ms(10), 1)]);
    w.advance(s(10));
    assert_eq!(w.count_of("process_gave_up"), 1);
    w.change("a");
    w.advance(s(10));
    assert_eq!(w.count_of("process_gave_up"), 2);
    assert_eq!(w.machine.snapshot(w.now).processes[0].run, 4);
}

#[test]
fn a_change_during_a_start_or_a_stop_makes_one_more_run() {
    let slow = Script { spawn_after: ms(500), on_stop: OnStop::After(ms(500)), ..willing() };
    for at in [100, 400, 600, 900, 1_400] {
        let mut w = one(|_| {}, [slow.clone()]);
        w.advance(ms(at));
        w.change("a");
        w.advance(ms(100));
        // It joins the new run that is already requested.
        w.change("a");
        w.advance(s(5));
        assert_eq!(w.machine.snapshot(w.now).processes[0].run, 2, "at {at}");
        assert_eq!(w.state("a"), StateName::Ready);
    }
}

#[test]
fn a_stop_after_a_change_wins() {
    let mut w = one(|_| {}, [Script { on_stop: OnStop::After(s(1)), ..willing() }]);
    w.advance(s(1));
    w.change("a");
    w.advance(ms(100));
    w.stop(&["a"]);
    w.change("a");
    w.advance(s(5));
    assert_eq!(w.state("a"), StateName::Stopped);
    w.change("a");
    assert_eq!(w.state("a"), StateName::Stopped);
}

#[test]
fn a_change_before_the_start_of_a_run_is_ignored() {
    let mut w = one(|_| {}, [willing()]);
    w.advance(s(10));
    w.restart(&["a"]);
    w.advance(ms(100));
    w.change_before("a", s(1));
    w.advance(s(5));
    assert_eq!(w.machine.snapshot(w.now).processes[0].run, 2);
    assert_eq!(w.count_of("file_changed"), 0);
}

#[test]
fn ten_restarts_in_a_row_suspend_the_watch_and_a_manual_restart_resumes_it() {
    let mut w = one(|_| {}, [willing()]);
    for round in 1..=12 {
        w.advance(s(1));
        w.change("a");
        w.advance(ms(100));
        assert_eq!(w.count_of("watch_suspended"), usize::from(round >= 10), "{round}");
    }
    assert_eq!(w.machine.snapshot(w.now).processes[0].run, 11);
    assert_eq!(w.why("a"), "running; file watching suspended by src/a");
    w.advance(s(100));
    w.change("a");
    w.advance(s(1));
    assert_eq!(w.machine.snapshot(w.now).processes[0].run, 11);
    w.restart(&["a"]);
    w.advance(s(10));
    w.change("a");
    w.advance(s(1));
    assert_eq!(w.machine.snapshot(w.now).processes[0].run, 13);
}

#[test]
fn a_pause_of_two_seconds_resets_the_restart_count() {
    let mut w = one(|_| {}, [willing()]);
    for round in 1..100 {
        w.advance(if round % 9 == 0 { s(3) } else { s(1) });
        w.change("a");
    }
    assert_eq!(w.count_of("watch_suspended"), 0);
    assert_eq!(w.count_of("file_changed"), 99);
}

#[test]
fn suspend_after_zero_never_suspends() {
    let mut w = one(
        |a| {
            let never = WatchSpec { suspend_after: 0, ..WatchSpec::default() };
            a.watch = Some(Arc::new(never));
        },
        [willing()],
    );
    for _ in 0..50 {
        w.advance(ms(100));
        w.change("a");
    }
    w.advance(s(1));
    assert_eq!(w.machine.snapshot(w.now).processes[0].run, 51);
}

#[test]
fn a_watched_process_keeps_the_project_up_until_its_watch_is_suspended() {
    let spec = project().process("a", watched).spec();
    let mut w = world(spec).script("a", [exits(ms(10), 0)]).begin();
    for round in 0..10 {
        w.advance(s(1));
        assert_eq!(w.finish(), None, "{round}");
        assert!(w.why("a").ends_with("; starts when its files change"), "{}", w.why("a"));
        w.change("a");
    }
    w.advance(s(1));
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: true }));
}

#[test]
fn without_watching_nothing_is_kept_up_or_restarted() {
    let spec = project().process("a", watched).plain("b").spec();
    let mut w =
        World::new(spec, SupervisorOptions { no_watch: true, ..SupervisorOptions::default() })
            .script("a", [exits(ms(10), 0)])
            .script("b", [exits(s(5), 0)])
            .begin();
    w.advance(s(3));
    w.change("a");
    w.advance(s(3));
    assert_eq!(w.machine.snapshot(w.now).processes[0].run, 1);
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: true }));
}

#[test]
fn every_replica_restarts_and_the_change_is_reported_once() {
    let mut w = one(|a| a.replicas = Some(3), [willing()]);
    w.advance(s(5));
    w.change("a");
    w.advance(s(1));
    assert_eq!(w.count_of("file_changed"), 1);
    assert!(w.machine.snapshot(w.now).processes.iter().all(|one| one.run == 2));
}

#[test]
fn a_change_signals_a_running_process_and_starts_one_that_is_down() {
    let hup = |a: &mut ProcessSpec| acts(a, WatchAction::Signal(Signal::HUP));
    let mut w = one(hup, [exits(s(5), 1)]);
    w.advance(s(1));
    let step = {
        w.change("a");
        w.host.signals.clone()
    };
    let process = w.ids(&["a"])[0];
    assert_eq!(step, [(RunId { process, run: 1 }, Signal::HUP)]);
    w.advance(s(10));
    assert_eq!(w.state("a"), StateName::Failed);
    w.change("a");
    w.advance(s(1));
    assert_eq!((w.state("a"), w.host.signals.len()), (StateName::Ready, 1));
}

/// `a` is restarted once `build` has succeeded.
fn built(scripts: impl IntoIterator<Item = Script>) -> World {
    built_for(willing(), scripts)
}

fn built_for(a: Script, scripts: impl IntoIterator<Item = Script>) -> World {
    let spec = project()
        .process("build", |build| build.autostart = false)
        .process("a", |a| acts(a, WatchAction::Run("build".into())))
        .spec();
    World::new(spec, SupervisorOptions { keep: true, ..SupervisorOptions::default() })
        .script("a", [a])
        .script("build", scripts)
        .begin()
}

fn runs(w: &mut World) -> (u32, u32) {
    let all = w.machine.snapshot(w.now).processes;
    (all[0].run, all[1].run)
}

#[test]
fn the_pre_restart_run_precedes_the_restart() {
    let mut w = built([exits(s(1), 0)]);
    w.advance(s(5));
    w.change("a");
    w.advance(ms(500));
    assert_eq!(runs(&mut w), (1, 1), "the old run stays while it builds");
    w.advance(s(1));
    assert_eq!(runs(&mut w), (1, 2));
    assert_eq!(w.take_events("build")[0], "started 1/1 file_changed src/a");
    assert!(w.take_events("a").contains(&"started 2/1 file_changed src/a".to_owned()));
}

#[test]
fn a_failed_pre_restart_run_keeps_the_old_run_and_is_reported() {
    let mut w = built([exits(s(1), 2), exits(s(1), 0)]);
    w.advance(s(5));
    w.change("a");
    w.advance(s(5));
    assert_eq!(runs(&mut w), (1, 1));
    let text = "src/a changed, but build did not succeed (exit 2 after 1.0s); no restart";
    assert_eq!(w.host.notices, [("a".into(), text.to_owned())]);
    w.change("a");
    w.advance(s(5));
    assert_eq!(runs(&mut w), (2, 2));
}

#[test]
fn a_change_during_a_build_builds_once_more() {
    let mut w = built([exits(s(1), 0)]);
    w.advance(s(5));
    w.change("a");
    for _ in 0..5 {
        w.advance(ms(100));
        w.change("a");
    }
    w.advance(s(10));
    assert_eq!(runs(&mut w), (2, 3));
}

#[test]
fn a_change_during_a_build_that_is_reported_after_the_new_start_builds_again() {
    // The debounce time after the change ends only when the build does.
    let mut w = built([exits(ms(400), 0)]);
    w.advance(s(5));
    w.change("a");
    w.advance(ms(500));
    assert_eq!(runs(&mut w), (1, 2));
    w.change_before("a", ms(200));
    w.advance(s(5));
    assert_eq!(runs(&mut w), (2, 3));
    // The same while the new run is only requested.
    let lazy = Script { on_stop: OnStop::After(s(3)), ..willing() };
    let mut w = built_for(lazy, [exits(ms(400), 0)]);
    w.advance(s(5));
    w.change("a");
    w.advance(ms(500));
    assert_eq!(w.state("a"), StateName::Stopping);
    w.change_before("a", ms(200));
    w.advance(s(10));
    assert_eq!(runs(&mut w), (2, 2));
}

#[test]
fn a_change_before_a_manual_start_is_built_and_a_change_before_the_build_is_included() {
    let mut w = built([exits(ms(400), 0)]);
    w.advance(s(5));
    w.restart(&["a"]);
    w.advance(ms(100));
    w.change_before("a", ms(150));
    w.advance(s(5));
    assert_eq!(runs(&mut w), (1, 3), "nobody had built");
    w.change("a");
    w.advance(ms(500));
    w.change_before("a", ms(600));
    w.advance(s(5));
    assert_eq!(runs(&mut w), (2, 4), "the build has seen the second change");
}

#[test]
fn two_processes_that_need_the_same_build_build_once() {
    let first = |one: &mut ProcessSpec| acts(one, WatchAction::Run("build".into()));
    let spec = project()
        .process("build", |build| build.autostart = false)
        .process("a", first)
        .process("b", first)
        .spec();
    let mut w = World::new(spec, SupervisorOptions { keep: true, ..SupervisorOptions::default() })
        .script("build", [exits(s(1), 0)])
        .begin();
    w.advance(s(5));
    w.change_before("a", ms(200));
    w.change_before("b", ms(200));
    w.advance(s(5));
    let all = w.machine.snapshot(w.now).processes;
    assert_eq!([all[0].run, all[1].run, all[2].run], [1, 2, 2]);
}

#[test]
fn a_build_that_writes_watched_files_is_suspended() {
    let mut w = built([exits(s(5), 0)]);
    w.advance(s(5));
    w.change("a");
    for _ in 0..30 {
        // The build runs and writes.
        w.advance(s(4));
        w.change("a");
        w.advance(s(1));
    }
    w.advance(s(20));
    assert_eq!(w.count_of("watch_suspended"), 1);
    assert_eq!(runs(&mut w), (11, 12));
}

#[test]
fn a_stopped_pool_continues_when_the_failed_job_is_mended() {
    let spec = project()
        .pool("p", 1, |pool| pool.on_failure = OnFailure::Stop)
        .process("a", |a| {
            watched(a);
            a.pool = Some("p".into());
        })
        .spec();
    let mut w = World::new(spec, SupervisorOptions { keep: true, ..SupervisorOptions::default() })
        .script("a", [exits(ms(10), 1), willing()])
        .begin();
    w.advance(s(5));
    assert_eq!(w.state("a"), StateName::Failed);
    w.change("a");
    w.advance(s(1));
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn a_change_has_no_effect_during_shutdown() {
    let mut w = one(|_| {}, [Script { on_stop: OnStop::After(s(1)), ..willing() }]);
    w.advance(s(1));
    w.shutdown();
    w.change("a");
    let took = w.run_out(s(2));
    assert_eq!((w.count_of("file_changed"), took), (0, s(1)));
    assert!(!w.events.iter().any(|(_, event)| matches!(event, Event::WatchSuspended(_))));
}

#[test]
fn a_restart_that_could_not_be_carried_out_leaves_the_run_as_it_is() {
    let mut w = built([exits(s(1), 0)]);
    w.refuses_restarts = true;
    w.advance(s(5));
    w.change("a");
    w.advance(s(5));
    assert_eq!((w.state("a"), w.count_of("process_started")), (StateName::Ready, 2));
    w.refuses_restarts = false;
    w.change("a");
    w.advance(s(5));
    assert_eq!(w.count_of("process_started"), 4);
}
