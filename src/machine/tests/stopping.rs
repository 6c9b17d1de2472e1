//! Stop, kill and restart of one process, in every state; strays; what cannot be ended.

use super::host::{OnStop, exits, immortal, stubborn, unstartable, willing};
use super::project::{follows, ms, needs, project, retried, s};
use super::{Script, StateName, World};
use crate::machine::event::EndCause;
use crate::machine::{Event, Fact, Input, RunId, SupervisorOptions};
use crate::spec::{CommandLine, Condition, ProcessSpec, Restart, StartErrorKind};

fn staying(spec: crate::spec::Spec) -> World {
    World::new(spec, SupervisorOptions { keep: true, ..SupervisorOptions::default() })
}

fn one(set: impl FnOnce(&mut ProcessSpec), script: impl IntoIterator<Item = Script>) -> World {
    staying(project().process("a", set).spec()).script("a", script).begin()
}

/// `a` brought into each state there is.
fn in_every_state() -> Vec<(StateName, World)> {
    let waits = || {
        let spec = project().plain("db").process("a", |spec| needs(spec, "db", Condition::Ready));
        staying(spec.spec())
    };
    let mut waiting = waits().script("db", [Script { spawn_after: s(3600), ..willing() }]).begin();
    waiting.advance(s(1));
    let mut skipped = waits().script("db", [exits(ms(0), 1)]);
    skipped.host.scripts.get_mut(&crate::machine::ProcessId(0)).unwrap()[0].spawn =
        Err(StartErrorKind::Other);
    let mut skipped = skipped.begin();
    skipped.advance(s(1));
    let pool = project().pool("p", 1, |_| {}).jobs("p", &["other", "a"]).spec();
    let mut queued = staying(pool).begin();
    queued.advance(s(1));
    let mut worlds = vec![
        (
            StateName::Idle,
            staying(project().plain("a").process("b", |_| {}).spec()).begin_only(&["b"]),
        ),
        (StateName::Waiting, waiting),
        (StateName::Skipped, skipped),
        (StateName::Queued, queued),
        (StateName::Starting, one(|_| {}, [Script { spawn_after: s(1), ..willing() }])),
    ];
    let mut add = |state, mut world: World, after| {
        world.advance(after);
        worlds.push((state, world));
    };
    add(StateName::Ready, one(|_| {}, [willing()]), s(1));
    add(StateName::Backoff, one(|spec| retried(spec, 3), [exits(ms(1), 1), willing()]), ms(100));
    add(StateName::Succeeded, one(|_| {}, [exits(ms(1), 0), willing()]), s(1));
    add(StateName::Failed, one(|_| {}, [exits(ms(1), 1), willing()]), s(1));
    let slow = Script { on_stop: OnStop::After(s(5)), ..willing() };
    let mut stopping = one(|_| {}, [slow, willing()]);
    stopping.advance(s(1));
    stopping.stop(&["a"]);
    add(StateName::Stopping, stopping, ms(10));
    let mut stopped = one(|_| {}, [willing()]);
    stopped.advance(s(1));
    stopped.stop(&["a"]);
    add(StateName::Stopped, stopped, s(1));
    for (state, world) in &mut worlds {
        assert_eq!(world.state("a"), *state);
        world.take_events("a");
    }
    worlds
}

#[test]
fn a_stop_in_every_state_leaves_it_down() {
    use StateName::{Failed, Idle, Stopped, Succeeded};
    for (state, mut w) in in_every_state() {
        w.stop(&["a"]);
        w.advance(s(60));
        let expected = match state {
            Idle | Succeeded | Failed => state,
            _ => Stopped,
        };
        assert_eq!(w.state("a"), expected, "from {state:?}");
        let ends = w.take_events("a").iter().filter(|event| event.starts_with("killed")).count();
        let ran = matches!(state, StateName::Starting | StateName::Ready | StateName::Stopping);
        assert_eq!(ends, usize::from(ran), "from {state:?}");
    }
}

#[test]
fn a_kill_in_every_state_ends_the_process_immediately() {
    use StateName::{Failed, Idle, Stopped, Succeeded};
    for (state, mut w) in in_every_state() {
        w.kill(&["a"]);
        w.advance(if state == StateName::Starting { ms(1002) } else { ms(2) });
        let expected = match state {
            Idle | Succeeded | Failed => state,
            _ => Stopped,
        };
        assert_eq!(w.state("a"), expected, "from {state:?}");
        for (_, event) in &w.events {
            if let Event::ProcessKilled(e) = event {
                assert_eq!(e.by, EndCause::Kill, "from {state:?}");
            }
        }
    }
}

#[test]
fn a_restart_in_every_state_gives_a_new_run() {
    for (state, mut w) in in_every_state() {
        let run = w.machine.snapshot(w.now).get(w.ids(&["a"])[0]).unwrap().run;
        w.restart(&["a"]);
        w.advance(s(60));
        let blocked = matches!(state, StateName::Waiting | StateName::Queued | StateName::Skipped);
        let view = w.machine.snapshot(w.now).get(w.ids(&["a"])[0]).unwrap().clone();
        if blocked {
            assert_eq!(view.state, state, "it goes on waiting for the same");
        } else {
            assert_eq!((view.state, view.run), (StateName::Ready, run + 1), "from {state:?}");
            assert_eq!(view.attempt, 1);
        }
    }
}

#[test]
fn a_start_in_every_state_leaves_it_up() {
    for (state, mut w) in in_every_state() {
        w.start(&["a"]);
        w.advance(s(60));
        let blocked = matches!(state, StateName::Waiting | StateName::Queued | StateName::Skipped);
        let expected = if blocked { state } else { StateName::Ready };
        assert_eq!(w.state("a"), expected, "from {state:?}");
    }
}

#[test]
fn a_stop_sends_the_signal_waits_for_the_grace_and_kills() {
    let mut w = one(|_| {}, [stubborn()]);
    w.advance(s(1));
    w.take_events("a");
    w.stop(&["a"]);
    w.advance(ms(9_999));
    assert_eq!(w.state("a"), StateName::Stopping);
    assert_eq!(w.why("a"), "stopping; killed in 1ms");
    w.advance(ms(2));
    assert_eq!(
        w.take_events("a"),
        ["stopping 1/1 TERM user", "killed 1/1 by stop sig KILL 11000ms user"]
    );
    assert_eq!(w.state("a"), StateName::Stopped);
}

#[test]
fn a_stop_command_replaces_the_signal() {
    let set = |spec: &mut ProcessSpec| {
        spec.stop.command = Some(CommandLine::Argv(vec!["bye".to_owned()]));
    };
    let mut w = one(set, [willing()]);
    w.advance(s(1));
    w.take_events("a");
    w.stop(&["a"]);
    assert_eq!(w.take_events("a"), ["stopping 1/1 command user"]);
}

#[test]
fn another_stop_joins_the_one_under_way() {
    let mut w = one(|_| {}, [stubborn()]);
    w.advance(s(1));
    w.take_events("a");
    w.stop(&["a"]);
    w.advance(s(6));
    w.stop(&["a"]);
    w.stop(&["a"]);
    w.advance(ms(4_001));
    assert_eq!(
        w.take_events("a"),
        ["stopping 1/1 TERM user", "killed 1/1 by stop sig KILL 11000ms user"]
    );
}

#[test]
fn a_kill_shortens_a_stop_in_progress() {
    let mut w = one(|_| {}, [stubborn()]);
    w.advance(s(1));
    w.take_events("a");
    w.stop(&["a"]);
    w.advance(s(1));
    w.kill(&["a"]);
    w.advance(ms(1));
    assert_eq!(
        w.take_events("a"),
        ["stopping 1/1 TERM user", "killed 1/1 by kill sig KILL 2000ms user"]
    );
}

#[test]
fn a_stop_is_never_retried() {
    let set = |spec: &mut ProcessSpec| {
        retried(spec, 3);
        spec.restart = Restart::Always;
    };
    let mut w = one(set, [willing()]);
    w.advance(s(1));
    w.stop(&["a"]);
    w.advance(s(60));
    assert_eq!((w.state("a"), w.count_of("process_retrying")), (StateName::Stopped, 0));
}

#[test]
fn a_stop_during_spawning_is_carried_out_after_exec() {
    let mut w = one(|_| {}, [Script { spawn_after: s(1), ..willing() }]);
    w.stop(&["a"]);
    w.advance(s(2));
    assert_eq!(
        w.take_events("a"),
        ["started 1/1 start", "stopping 1/1 TERM user", "killed 1/1 by stop sig TERM 10ms user"]
    );
}

#[test]
fn the_reason_of_a_stopped_process_tells_a_kill_from_a_stop() {
    let mut w = one(|_| {}, [willing()]);
    for (is_kill, why) in [(false, "stopped on request"), (true, "killed on request")] {
        w.start(&["a"]);
        w.advance(s(1));
        if is_kill {
            w.kill(&["a"]);
        } else {
            w.stop(&["a"]);
        }
        w.advance(s(5));
        assert_eq!((w.state("a"), w.why("a").as_str()), (StateName::Stopped, why));
    }
}

#[test]
fn the_last_command_during_a_stop_decides() {
    let mut w = one(|_| {}, [Script { on_stop: OnStop::After(s(1)), ..willing() }]);
    w.advance(s(1));
    w.restart(&["a"]);
    w.advance(ms(100));
    w.stop(&["a"]);
    w.advance(s(5));
    assert_eq!(w.state("a"), StateName::Stopped);
    w.start(&["a"]);
    w.advance(s(1));
    w.stop(&["a"]);
    w.start(&["a"]);
    w.advance(s(5));
    assert_eq!(w.state("a"), StateName::Ready);
}

#[test]
fn a_spawn_that_fails_after_a_stop_is_not_retried() {
    let lacking = Script { spawn_after: s(1), ..unstartable(StartErrorKind::ResourceLimit) };
    let mut w = one(|spec| retried(spec, 3), [lacking]);
    w.stop(&["a"]);
    w.advance(s(60));
    assert_eq!(w.take_events("a"), ["failed 1/1 resource_limit nothing 0ms start"]);
    assert_eq!(w.state("a"), StateName::Stopped);
}

#[test]
fn strays_are_killed_250_ms_after_a_run_ends_by_itself() {
    let mut w = one(|_| {}, [Script { strays: Some(s(60)), ..exits(ms(100), 0) }]);
    w.advance(ms(200));
    assert_eq!(w.state("a"), StateName::Stopping);
    w.advance(s(5));
    assert_eq!(w.take_events("a")[2..], ["completed 1/1 code 0 351ms well leaked exit 0"]);
    assert_eq!(w.state("a"), StateName::Succeeded);
}

#[test]
fn a_stop_while_strays_are_swept_ends_stopped_and_completed_once() {
    let mut w =
        one(|spec| retried(spec, 3), [Script { strays: Some(ms(100)), ..exits(ms(100), 1) }]);
    w.advance(ms(150));
    w.stop(&["a"]);
    w.advance(s(60));
    assert_eq!(w.take_events("a")[2..], ["completed 1/1 code 1 200ms leaked exit 1"]);
    assert_eq!(w.state("a"), StateName::Stopped);
}

#[test]
fn strays_after_a_stop_have_the_rest_of_the_grace() {
    let mut w = one(|_| {}, [Script { strays: Some(s(60)), ..willing() }]);
    w.advance(s(1));
    w.take_events("a");
    w.stop(&["a"]);
    w.advance(s(9));
    assert_eq!(w.state("a"), StateName::Stopping);
    w.advance(s(2));
    assert_eq!(w.take_events("a")[1..], ["killed 1/1 by stop sig TERM 11000ms leaked user"]);
}

#[test]
fn an_unkillable_run_is_named_and_a_later_start_waits_until_it_is_gone() {
    let mut w = one(|_| {}, [immortal(Some(s(60))), willing()]);
    w.advance(s(1));
    w.take_events("a");
    w.stop(&["a"]);
    w.advance(s(13));
    assert_eq!(
        w.take_events("a"),
        ["stopping 1/1 TERM user", "failed 1/1 unkillable nothing 12999ms user"]
    );
    assert_eq!(w.state("a"), StateName::Failed);
    assert_eq!(w.why("a"), "cannot be ended: pid 1001");
    w.start(&["a"]);
    w.advance(s(5));
    assert_eq!(w.state("a"), StateName::Waiting);
    assert_eq!(w.why("a"), "the previous run is still alive and cannot be killed");
    w.advance(s(60));
    assert_eq!(w.take_events("a"), ["started 2/1 user", "ready 2/1 user"]);
}

#[test]
fn the_reason_for_an_unkillable_run_is_reported() {
    let mut w = one(|_| {}, [immortal(None)]);
    w.advance(s(1));
    w.stop(&["a"]);
    let run = RunId { process: w.ids(&["a"])[0], run: 1 };
    let reason = "Operation not permitted".to_owned();
    w.input(Input::Fact(Fact::SignalFailed { run, reason }));
    w.advance(s(13));
    assert_eq!(w.state("a"), StateName::Failed);
    assert_eq!(w.why("a"), "cannot be ended: pid 1001: Operation not permitted");
}

#[test]
fn strays_that_cannot_be_ended_are_named_with_the_exit_of_the_leader() {
    let immortal = Script { strays: Some(s(3600)), ..immortal(None) };
    let mut w = one(|_| {}, [Script { exit: exits(ms(100), 7).exit, ..immortal }]);
    w.advance(s(10));
    assert_eq!(w.take_events("a")[2..], ["failed 1/1 unkillable code 7 2350ms leaked exit 7"]);
    assert_eq!(w.why("a"), "cannot be ended: 4242 (stray)");
}

#[test]
fn an_unkillable_run_blocks_only_itself() {
    let spec = project().plain("a").process("b", |spec| follows(spec, "a", Condition::Started));
    let mut w = staying(spec.spec()).script("a", [immortal(None)]).begin();
    w.advance(s(1));
    w.restart(&["a"]);
    w.advance(s(30));
    assert_eq!((w.state("a"), w.state("b")), (StateName::Waiting, StateName::Ready));
    w.restart(&["b"]);
    w.advance(s(1));
    assert_eq!(w.state("b"), StateName::Ready);
}

#[test]
fn facts_about_an_old_run_change_nothing() {
    use crate::machine::{Fact, Input, RunId};
    let mut w = one(|_| {}, [willing()]);
    w.advance(s(1));
    w.restart(&["a"]);
    w.advance(s(1));
    w.take_events("a");
    let run = RunId { process: w.ids(&["a"])[0], run: 1 };
    for fact in [
        Fact::Spawned { run, pid: 1 },
        Fact::Exited { run, exit: crate::spec::Exit::Code(1), strays: Vec::new(), note: None },
        Fact::Lingering { run, exit: None, left: Vec::new() },
        Fact::LastOutput { run, since: super::Moment::default() },
    ] {
        w.input(Input::Fact(fact));
        assert_eq!((w.take_events("a").len(), w.state("a")), (0, StateName::Ready));
    }
}
