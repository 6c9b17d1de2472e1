//! Runs, their ends, and what follows by `restart` and `retry`.

use super::host::{exits, stubborn, unstartable, willing};
use super::project::{ms, process, project, retried, s};
use super::{Script, StateName, World, world};
use crate::machine::{ProjectExit, SupervisorOptions};
use crate::spec::{Exit, ProcessKind, ProcessSpec, Restart, Signal, StartErrorKind};

/// One process `a` that follows this script, in a project that stays.
fn one(set: impl FnOnce(&mut ProcessSpec), script: impl IntoIterator<Item = Script>) -> World {
    let spec = project().process("a", set).spec();
    World::new(spec, SupervisorOptions { keep: true, ..SupervisorOptions::default() })
        .script("a", script)
        .begin()
}

#[test]
fn a_run_is_started_ready_and_completed() {
    let mut w = one(|_| {}, [exits(ms(100), 0)]);
    w.advance(s(1));
    assert_eq!(
        w.take_events("a"),
        ["started 1/1 start", "ready 1/1 start", "completed 1/1 code 0 100ms well exit 0"]
    );
    assert_eq!(w.state("a"), StateName::Succeeded);
}

#[test]
fn restart_exit_and_retry_as_a_table() {
    use StateName::{Failed, Succeeded};
    let (never, on_failure, always) = (Restart::Never, Restart::OnFailure, Restart::Always);
    // restart, codes of the runs (the last is repeated), attempts → runs after a minute, state
    for (restart, codes, attempts, runs, state) in [
        (never, vec![0], 3, 1, Succeeded),
        (never, vec![1], 3, 1, Failed),
        (on_failure, vec![0], 3, 1, Succeeded),
        (on_failure, vec![1], 3, 4, Failed),
        (on_failure, vec![1], 0, 1, Failed),
        (on_failure, vec![1, 0], 3, 2, Succeeded),
        (on_failure, vec![1, 1, 0], 2, 3, Succeeded),
        (always, vec![1], 3, 4, Failed),
        (always, vec![0, 0, 0, 1], 2, 6, Failed),
    ] {
        let set = |spec: &mut ProcessSpec| {
            retried(spec, attempts);
            spec.restart = restart;
        };
        let case = format!("{restart:?} {codes:?} {attempts}");
        let mut w = one(set, codes.into_iter().map(|code| exits(ms(10), code)));
        w.advance(s(60));
        let view = w.machine.snapshot(w.now).processes[0].clone();
        assert_eq!((view.run, view.state), (runs, state), "{case}");
        let gave_up = state == Failed && restart != never;
        assert_eq!(w.count_of("process_gave_up"), usize::from(gave_up), "{case}");
    }
}

#[test]
fn the_kth_retry_follows_attempt_k_and_delays_grow() {
    let mut w = one(|spec| retried(spec, 2), [exits(ms(10), 3)]);
    w.advance(s(10));
    assert_eq!(
        w.take_events("a"),
        [
            "started 1/1 start",
            "ready 1/1 start",
            "completed 1/1 code 3 10ms exit 3",
            "retrying 1/1 1/2 500ms exit 3",
            "started 2/2 retry 1/2",
            "ready 2/2 retry 1/2",
            "completed 2/2 code 3 10ms exit 3",
            "retrying 2/2 2/2 1000ms exit 3",
            "started 3/3 retry 2/2",
            "ready 3/3 retry 2/2",
            "completed 3/3 code 3 10ms exit 3",
            "gave_up 3/3 2 retries_exhausted 2",
        ]
    );
    assert_eq!(w.state("a"), StateName::Failed);
    assert_eq!(w.why("a"), "exit 3 after 10ms; gave up after 2 retries");
}

#[test]
fn in_back_off_the_view_has_the_failed_attempt_and_the_next_retry() {
    let mut w = one(|spec| retried(spec, 5), [exits(ms(10), 1)]);
    w.advance(ms(11 + 500 + 11 + 400));
    let view = w.machine.snapshot(w.now).processes[0].clone();
    assert_eq!((view.state, view.run, view.attempt), (StateName::Backoff, 2, 2));
    assert_eq!(view.why(w.now), "exit 1 after 10ms; retry 2 of 5 in 600ms");
}

#[test]
fn unlimited_attempts_never_give_up() {
    let set = |spec: &mut ProcessSpec| {
        retried(spec, 0);
        spec.retry.attempts = None;
        spec.retry.max = ms(500);
    };
    let mut w = one(set, [exits(ms(10), 1)]);
    w.advance(s(60));
    assert!(w.order_of("process_started").len() > 100);
    assert!(w.take_events("a").contains(&"retrying 7/7 7/∞ 500ms exit 1".to_owned()));
}

#[test]
fn a_run_longer_than_reset_after_resets_the_retries() {
    let set = |spec: &mut ProcessSpec| {
        retried(spec, 2);
        spec.retry.reset_after = s(5);
    };
    let mut w = one(set, [exits(ms(10), 1), exits(ms(10), 1), exits(s(5), 1), exits(ms(10), 1)]);
    w.advance(s(60));
    let events = w.take_events("a");
    let retrying: Vec<&String> = events.iter().filter(|t| t.starts_with("retrying")).collect();
    assert_eq!(
        retrying,
        [
            "retrying 1/1 1/2 500ms exit 1",
            "retrying 2/2 2/2 1000ms exit 1",
            "retrying 3/1 1/2 500ms exit 1",
            "retrying 4/2 2/2 1000ms exit 1",
        ]
    );
    assert!(events.contains(&"completed 3/3 code 1 5000ms exit 1".to_owned()), "{events:?}");
    assert!(events.contains(&"started 4/2 retry 1/2".to_owned()), "{events:?}");
}

#[test]
fn restart_always_follows_a_success_after_the_initial_delay_and_uses_no_attempt() {
    let set = |spec: &mut ProcessSpec| {
        retried(spec, 1);
        spec.restart = Restart::Always;
    };
    let mut w = one(set, [exits(ms(10), 0)]);
    w.advance(ms(1 + 10 + 500 + 1));
    assert_eq!(
        w.take_events("a")[2..],
        [
            "completed 1/1 code 0 10ms well exit 0",
            "retrying 1/1 0/1 500ms exit 0",
            "started 2/1 exit 0",
            "ready 2/1 exit 0",
        ]
    );
}

#[test]
fn out_of_resources_is_retried_by_policy_whatever_restart_says() {
    for restart in [Restart::Never, Restart::OnFailure, Restart::Always] {
        let set = |spec: &mut ProcessSpec| {
            retried(spec, 2);
            spec.restart = restart;
        };
        let lacking = unstartable(StartErrorKind::ResourceLimit);
        let mut w = one(set, [lacking.clone(), willing()]);
        w.advance(s(5));
        assert_eq!(
            w.take_events("a"),
            [
                "failed 1/1 resource_limit nothing 0ms start",
                "retrying 1/1 1/2 500ms start",
                "started 2/2 retry 1/2",
                "ready 2/2 retry 1/2",
            ]
        );
        let mut w = one(set, [lacking]);
        w.advance(s(60));
        let events = w.take_events("a");
        assert_eq!(events.last().unwrap(), "gave_up 3/3 2 retries_exhausted 2");
    }
}

#[test]
fn other_spawn_failures_fail_immediately_and_take_a_run_number() {
    for (kind, name, code) in [
        (StartErrorKind::ProgramNotFound, "program_not_found", 127),
        (StartErrorKind::CwdNotFound, "cwd_not_found", 1),
        (StartErrorKind::NotExecutable, "not_executable", 126),
        (StartErrorKind::ArgumentsTooLong, "arguments_too_long", 1),
        (StartErrorKind::Other, "other", 1),
    ] {
        let mut w = one(|spec| retried(spec, 5), [unstartable(kind), willing()]);
        w.advance(s(60));
        assert_eq!(w.take_events("a"), [format!("failed 1/1 {name} nothing 0ms start")]);
        let view = w.machine.snapshot(w.now).processes[0].clone();
        assert_eq!((view.state, view.shell_code), (StateName::Failed, Some(code)));
        w.restart(&["a"]);
        w.advance(s(1));
        assert_eq!(w.take_events("a"), ["started 2/1 user", "ready 2/1 user"]);
    }
}

#[test]
fn success_exit_codes_decide_what_is_a_success() {
    let set = |spec: &mut ProcessSpec| {
        retried(spec, 1);
        spec.success_exit_codes = [0, 42].into();
    };
    let mut w = one(set, [exits(ms(10), 42)]);
    w.advance(s(5));
    assert_eq!(w.take_events("a")[2..], ["completed 1/1 code 42 10ms well exit 42"]);
    assert_eq!(w.state("a"), StateName::Succeeded);
}

#[test]
fn a_run_ended_by_a_foreign_signal_ended_by_itself_and_is_retried() {
    let crash = Script { exit: Some((ms(10), Exit::Signal(Signal::KILL))), ..willing() };
    let mut w = one(|spec| retried(spec, 1), [crash, willing()]);
    w.advance(ms(11));
    assert_eq!(
        w.take_events("a")[2..],
        ["completed 1/1 sig KILL 10ms signal KILL", "retrying 1/1 1/1 500ms signal KILL"]
    );
}

#[test]
fn a_timeout_stops_with_grace_fails_and_is_retried() {
    let set = |spec: &mut ProcessSpec| {
        retried(spec, 1);
        spec.timeout = Some(s(3));
        spec.stop.grace = s(1);
    };
    let mut w = one(set, [willing(), stubborn()]);
    w.advance(s(20));
    assert_eq!(
        w.take_events("a")[2..],
        [
            "stopping 1/1 TERM timeout 3000",
            "failed 1/1 timeout sig TERM 3010ms timeout 3000",
            "retrying 1/1 1/1 500ms timeout 3000",
            "started 2/2 retry 1/1",
            "ready 2/2 retry 1/1",
            "stopping 2/2 TERM timeout 3000",
            "failed 2/2 timeout sig KILL 4001ms timeout 3000",
            "gave_up 2/2 1 retries_exhausted 1",
        ]
    );
    let view = w.machine.snapshot(w.now).processes[0].clone();
    assert_eq!(view.shell_code, Some(124));
}

#[test]
fn a_timeout_without_grace_period_kills_immediately() {
    let set = |spec: &mut ProcessSpec| {
        spec.timeout = Some(s(3));
        spec.stop.grace = ms(0);
    };
    let mut w = one(set, [stubborn()]);
    w.advance(s(20));
    assert_eq!(w.take_events("a")[3..], ["failed 1/1 timeout sig KILL 3001ms timeout 3000"]);
}

#[test]
fn the_last_output_is_queried_when_the_idle_timeout_may_have_passed() {
    let set = |spec: &mut ProcessSpec| spec.idle_timeout = Some(s(3));
    let talks = Script { last_output: s(2), ..willing() };
    let mut w = one(set, [talks]);
    w.advance(ms(4_900));
    assert_eq!(w.state("a"), StateName::Ready);
    w.advance(s(5));
    assert_eq!(
        w.take_events("a")[2..],
        [
            "stopping 1/1 TERM idle_timeout 3000",
            "failed 1/1 idle_timeout sig TERM 5010ms idle_timeout 3000",
        ]
    );
    assert_eq!(w.why("a"), "no output for 3.0s");
}

#[test]
fn a_manual_restart_resets_the_retries_and_works_in_every_state() {
    let mut w = one(|spec| retried(spec, 3), [exits(ms(10), 1), exits(ms(10), 1), willing()]);
    w.advance(ms(520));
    assert_eq!(w.state("a"), StateName::Ready);
    w.advance(ms(100));
    assert_eq!(w.state("a"), StateName::Backoff);
    w.take_events("a");
    w.restart(&["a"]);
    w.advance(ms(50));
    assert_eq!(w.take_events("a"), ["started 3/1 user", "ready 3/1 user"]);
    w.restart(&["a"]);
    w.restart(&["a"]);
    w.advance(ms(50));
    assert_eq!(
        w.take_events("a"),
        [
            "stopping 3/1 TERM user",
            "killed 3/1 by restart sig TERM 59ms user",
            "started 4/1 user",
            "ready 4/1 user",
        ]
    );
}

#[test]
fn a_manually_restarted_run_keeps_its_attempt_until_it_ends() {
    let mut w = one(|spec| retried(spec, 3), [exits(ms(10), 1), willing()]);
    w.advance(s(1));
    w.take_events("a");
    w.restart(&["a"]);
    w.advance(s(1));
    let events = w.take_events("a");
    assert!(events[0].starts_with("stopping 2/2"), "{events:?}");
    assert!(events[1].starts_with("killed 2/2"), "{events:?}");
    assert_eq!(events[2], "started 3/1 user");
}

#[test]
fn a_due_timer_fires_before_the_input_that_comes_late() {
    let mut w = one(|spec| spec.timeout = Some(s(1)), [willing()]);
    w.advance(ms(500));
    w.now = w.now + s(5);
    let start = w.machine.step(w.now, super::Input::Intent(super::Intent::Start(Vec::new())));
    assert_eq!(start.events.len(), 1, "{start:?}");
}

#[test]
fn a_project_ends_well_when_everything_ended_well() {
    for (code, well) in [(0, true), (1, false)] {
        let spec = project().plain("a").plain("b").spec();
        let scripts = [exits(ms(10), code)];
        let mut w = world(spec).script("a", scripts).script("b", [exits(ms(20), 0)]).begin();
        assert_eq!(w.run_out(s(1)), ms(21));
        assert_eq!(w.finish(), Some(ProjectExit::Quiet { well }));
        assert_eq!(w.count_of("project_stopped"), 1);
    }
}

#[test]
fn a_process_without_replicas_also_has_the_name_of_replica_one() {
    let w = one(|_| {}, [willing()]);
    assert_eq!(w.ids(&["a.1"]), w.ids(&["a"]));
    let replicated = ProcessSpec { replicas: Some(2), ..process("b", ProcessKind::Process) };
    let w = world(project().process("b", |spec| *spec = replicated).spec());
    assert_eq!((w.ids(&["b"]).len(), w.ids(&["b.2"]).len()), (2, 1));
}
