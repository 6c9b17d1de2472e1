//! Reload: which processes start, stop, restart or are left alone.

use std::sync::Arc;

use super::host::{OnStop, exits, immortal, stubborn, willing};
use super::project::{Draft, follows, needs, project, retried, s};
use super::{Script, StateName, World};
use crate::machine::{AddedProcesses, Event, ProjectExit, SupervisorOptions};
use crate::spec::{CommandLine, Condition, ProcessSpec, Spec, WatchSpec};

/// The project stays, whatever becomes of it.
fn world(draft: Draft) -> World {
    World::new(draft.spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
}

fn other(spec: &mut ProcessSpec) {
    spec.command = CommandLine::Argv(vec!["other".to_owned()]);
}

fn reloaded(w: &World) -> Vec<String> {
    let event = w.events.iter().rev().find_map(|(_, event)| match event {
        Event::ConfigReloaded(event) => Some(event.clone()),
        _ => None,
    });
    let event = event.expect("a reload has an event");
    let names = |all: &[crate::spec::Name]| {
        all.iter().map(crate::spec::Name::as_str).collect::<Vec<_>>().join(" ")
    };
    vec![names(&event.added), names(&event.changed), names(&event.removed)]
}

fn run(w: &mut World, name: &str) -> u32 {
    let views = w.machine.snapshot(w.now).processes;
    views.iter().find(|view| view.name.as_str() == name).map_or(0, |view| view.run)
}

fn names(w: &mut World) -> Vec<String> {
    w.machine.snapshot(w.now).processes.iter().map(|view| view.name.to_string()).collect()
}

#[test]
fn added_processes_start_and_removed_ones_stop() {
    let mut w = world(project().plain("a").plain("b")).begin();
    w.advance(s(1));
    w.take_events("b");
    w.reload(project().plain("a").plain("c").process("d", |d| d.autostart = false).spec());
    assert_eq!(reloaded(&w), ["c d", "", "b"]);
    w.advance(s(1));
    assert_eq!(
        w.take_events("b"),
        ["stopping 1/1 TERM reload 1", "killed 1/1 by reload sig TERM 1009ms reload 1"]
    );
    assert_eq!(w.take_events("c")[0], "started 1/1 reload 1");
    assert_eq!(names(&mut w), ["a", "c", "d"]);
    assert_eq!((run(&mut w, "a"), w.state("d")), (1, StateName::Idle));
}

#[test]
fn an_unchanged_file_changes_nothing() {
    let spec = || project().plain("a").pool("p", 1, |_| {}).jobs("p", &["j"]).spec();
    let mut w =
        World::new(spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
            .begin();
    w.advance(s(1));
    w.events.clear();
    w.reload(spec());
    w.advance(s(1));
    assert_eq!(w.events.len(), 1);
    assert_eq!(reloaded(&w), ["", "", ""]);
}

#[test]
fn a_changed_command_restarts_only_in_some_states() {
    use StateName::{Backoff, Failed, Idle, Ready, Stopped, Succeeded, Waiting};
    for (state, runs_anew) in [
        (Idle, false),
        (Waiting, false),
        (Ready, true),
        (Backoff, true),
        (Failed, true),
        (Succeeded, false),
        (Stopped, false),
    ] {
        let draft = |set: fn(&mut ProcessSpec)| {
            project().plain("dep").process("a", move |a| {
                a.autostart = state != Idle;
                if state == Backoff {
                    retried(a, 1);
                    a.retry.initial = s(100);
                }
                if state == Waiting {
                    needs(a, "dep", Condition::Succeeded);
                }
                set(a);
            })
        };
        let script = match state {
            Succeeded => exits(s(1), 0),
            Failed | Backoff => exits(s(1), 1),
            _ => willing(),
        };
        let mut w = world(draft(|_| {})).script("a", [script]).begin();
        w.advance(s(5));
        if state == Stopped {
            w.stop(&["a"]);
            w.advance(s(1));
        }
        assert_eq!(w.state("a"), state);
        let before = run(&mut w, "a");
        // Changed limits restart nothing; a changed command does.
        w.reload(draft(|a| (a.timeout, a.stop.grace) = (Some(s(1000)), s(3))).spec());
        assert_eq!(reloaded(&w), ["", "a", ""]);
        assert_eq!((w.state("a"), run(&mut w, "a")), (state, before), "{state:?}");
        w.reload(draft(other).spec());
        w.advance(s(1));
        assert_eq!(run(&mut w, "a") - before, u32::from(runs_anew), "{state:?}");
    }
}

#[test]
fn new_limits_apply_to_the_current_run() {
    let draft = |timeout, idle| {
        project().process("a", move |a| (a.timeout, a.idle_timeout) = (timeout, idle)).spec()
    };
    let mut w = World::new(
        draft(None, None),
        SupervisorOptions { keep: true, ..SupervisorOptions::default() },
    )
    .begin();
    w.advance(s(10));
    w.reload(draft(Some(s(15)), None));
    w.advance(s(4));
    assert_eq!(w.state("a"), StateName::Ready);
    w.advance(s(2));
    assert_eq!(w.state("a"), StateName::Failed);
    let mut w = World::new(
        draft(None, None),
        SupervisorOptions { keep: true, ..SupervisorOptions::default() },
    )
    .begin();
    w.advance(s(10));
    w.reload(draft(None, Some(s(5))));
    w.advance(s(1));
    assert_eq!(w.state("a"), StateName::Failed, "it has been silent for longer");
}

#[test]
fn removed_processes_stop_in_order() {
    let draft = project()
        .plain("db")
        .process("api", |api| needs(api, "db", Condition::Ready))
        .process("web", |web| needs(web, "api", Condition::Ready))
        .plain("stays");
    let slow = Script { on_stop: OnStop::After(s(1)), ..willing() };
    let mut w = world(draft).script("web", [slow.clone()]).script("api", [slow]).begin();
    w.advance(s(5));
    w.events.clear();
    w.reload(project().plain("stays").spec());
    w.advance(s(10));
    assert_eq!(w.order_of("process_killed"), ["web", "api", "db"]);
    let stops = w.times_of("process_stopping");
    assert!(stops[1].0 >= stops[0].0 + 1000 && stops[2].0 >= stops[1].0 + 1000, "{stops:?}");
    assert_eq!(names(&mut w), ["stays"]);
}

#[test]
fn a_process_added_again_while_it_stops_starts_after_the_old_run() {
    let slow = Script { on_stop: OnStop::After(s(5)), ..willing() };
    let both = || project().plain("a").plain("b");
    let mut w = world(both()).script("b", [slow]).begin();
    w.advance(s(1));
    w.reload(project().plain("a").spec());
    w.advance(s(1));
    assert_eq!(w.state("b"), StateName::Stopping);
    w.reload(both().spec());
    assert_eq!(reloaded(&w), ["b", "", ""]);
    w.advance(s(10));
    // The same member: the laws check that its runs do not overlap.
    assert_eq!((names(&mut w), run(&mut w, "b")), (vec!["a".to_owned(), "b".to_owned()], 2));
    assert_eq!(w.state("b"), StateName::Ready);
}

#[test]
fn replicas_are_added_and_removed_with_their_number() {
    let draft = |replicas| project().process("w", move |w| w.replicas = replicas);
    let mut w = world(draft(Some(2))).begin();
    w.advance(s(1));
    w.reload(draft(Some(3)).spec());
    w.advance(s(1));
    assert_eq!(names(&mut w), ["w.1", "w.2", "w.3"]);
    w.reload(draft(Some(1)).spec());
    w.advance(s(1));
    assert_eq!((names(&mut w), run(&mut w, "w.1")), (vec!["w.1".to_owned()], 1));
    w.reload(draft(None).spec());
    w.advance(s(1));
    assert_eq!((names(&mut w), run(&mut w, "w.1")), (vec!["w.1".to_owned()], 1));
    let mut w = world(draft(None)).begin();
    w.advance(s(1));
    w.reload(draft(Some(2)).spec());
    w.advance(s(1));
    assert_eq!((names(&mut w), run(&mut w, "w")), (vec!["w".to_owned(), "w.2".to_owned()], 1));
}

#[test]
fn dependencies_are_those_of_the_new_file() {
    let mut w =
        world(project().plain("db").process("a", |a| needs(a, "db", Condition::Succeeded))).begin();
    w.advance(s(1));
    assert_eq!(w.state("a"), StateName::Waiting);
    w.reload(project().plain("db").process("a", |a| needs(a, "db", Condition::Ready)).spec());
    w.advance(s(1));
    assert_eq!(w.state("a"), StateName::Ready);
    // A waiting process now waits for another condition.
    w.reload(project().plain("db").process("a", |a| follows(a, "db", Condition::Ready)).spec());
    w.restart(&["db"]);
    w.advance(s(1));
    assert_eq!(run(&mut w, "a"), 2);
    w.reload(project().plain("db").plain("a").spec());
    w.restart(&["db"]);
    w.advance(s(1));
    assert_eq!(run(&mut w, "a"), 2);
}

#[test]
fn jobs_that_ran_are_not_run_again_and_new_ones_are() {
    let draft = |slots, jobs: &[&str]| project().pool("p", slots, |_| {}).jobs("p", jobs);
    let script = exits(s(1), 0);
    let mut w = world(draft(1, &["x", "y"])).script("x", [script.clone()]).begin();
    w.advance(s(5));
    assert_eq!((w.state("x"), w.state("y")), (StateName::Succeeded, StateName::Ready));
    let mut spec = draft(3, &["x", "y", "z", "q"]).spec();
    other(Arc::make_mut(spec.processes.get_mut("x").unwrap()));
    w.reload(spec);
    w.advance(s(1));
    assert_eq!((run(&mut w, "x"), run(&mut w, "y")), (1, 1));
    assert_eq!((w.state("z"), w.state("q")), (StateName::Ready, StateName::Ready));
    // Fewer slots: no member loses its slot, and the next one waits for a free slot.
    w.reload(draft(1, &["x", "y", "z", "q", "r"]).spec());
    w.advance(s(1));
    assert_eq!((w.state("q"), w.state("r")), (StateName::Ready, StateName::Queued));
    w.stop(&["y", "z"]);
    w.advance(s(1));
    assert_eq!(w.state("r"), StateName::Queued);
    w.stop(&["q"]);
    w.advance(s(1));
    assert_eq!(w.state("r"), StateName::Ready);
    w.reload(project().plain("a").spec());
    w.advance(s(1));
    assert_eq!(names(&mut w), ["a"]);
}

#[test]
fn a_process_can_change_its_pool_and_takes_its_slot_along() {
    let draft = |of: Option<&'static str>| {
        let pools = project().pool("p", 1, |_| {}).pool("q", 1, |_| {});
        let pools = pools.process("a", move |a| a.pool = of.map(Into::into));
        pools
            .process("b", |b| b.pool = Some("q".into()))
            .process("c", |c| c.pool = Some("p".into()))
    };
    let mut w = world(draft(Some("p"))).begin();
    w.advance(s(1));
    assert_eq!((w.state("a"), w.state("b"), w.state("c")), {
        (StateName::Ready, StateName::Ready, StateName::Queued)
    });
    w.reload(draft(Some("q")).spec());
    w.advance(s(1));
    assert_eq!((w.state("a"), w.state("c")), (StateName::Ready, StateName::Ready));
    w.reload(draft(None).spec());
    w.advance(s(1));
    assert_eq!(run(&mut w, "a"), 1);
}

#[test]
fn the_watched_files_are_those_of_the_new_file() {
    let watched = |on: bool| {
        project()
            .process("a", move |a| {
                a.watch = on.then(|| Arc::new(WatchSpec::default()));
            })
            .spec()
    };
    let mut w = World::new(
        watched(false),
        SupervisorOptions { keep: true, ..SupervisorOptions::default() },
    )
    .begin();
    w.advance(s(5));
    w.change("a");
    w.advance(s(5));
    assert_eq!(run(&mut w, "a"), 1);
    w.reload(watched(true));
    w.change("a");
    w.advance(s(5));
    assert_eq!(run(&mut w, "a"), 2);
    w.reload(watched(false));
    w.change("a");
    w.advance(s(5));
    assert_eq!(run(&mut w, "a"), 2);
}

#[test]
fn with_chosen_names_nothing_else_starts() {
    let options = SupervisorOptions {
        keep: true,
        later: AddedProcesses::LeaveIdle,
        ..SupervisorOptions::default()
    };
    let mut w = World::new(project().plain("a").spec(), options).begin();
    w.advance(s(1));
    w.reload(project().plain("a").plain("b").spec());
    w.advance(s(1));
    assert_eq!(w.state("b"), StateName::Idle);
}

#[test]
fn a_project_without_anything_left_ends() {
    let mut w = World::new(project().plain("a").spec(), SupervisorOptions::default()).begin();
    w.advance(s(1));
    w.reload(project().process("b", |b| b.autostart = false).spec());
    w.advance(s(1));
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: true }));
}

#[test]
fn a_reload_has_no_effect_during_shutdown() {
    let spec = || -> Spec { project().plain("a").spec() };
    let mut w = World::new(spec(), SupervisorOptions::default()).script("a", [stubborn()]).begin();
    w.advance(s(1));
    w.shutdown();
    w.reload(project().plain("b").spec());
    assert_eq!(w.count_of("config_reloaded"), 0);
    w.run_out(s(11));
}

#[test]
fn an_unkillable_run_is_not_overlapped_by_a_process_that_is_added_again() {
    let spec = || project().plain("a").plain("b").spec();
    let mut w =
        World::new(spec(), SupervisorOptions { keep: true, ..SupervisorOptions::default() })
            .script("a", [immortal(Some(s(60))), willing()])
            .begin();
    w.advance(s(1));
    w.reload(project().plain("b").spec());
    w.advance(s(14));
    assert_eq!(names(&mut w), ["b"]);
    w.take_events("a");
    w.reload(spec());
    w.advance(s(5));
    assert_eq!(w.state("a"), StateName::Waiting);
    assert_eq!(w.why("a"), "the previous run is still alive and cannot be killed");
    w.advance(s(60));
    assert_eq!(w.take_events("a"), ["started 1/1 reload 2", "ready 1/1 reload 2"]);
}
