//! The end of the project: order, escalation, reasons; and readiness.

use super::host::{OnStop, exits, immortal, stubborn, willing};
use super::project::{Draft, ms, needs, project, retried, s};
use super::{Script, ShutdownReason, StateName, World, world};
use crate::machine::{Event, Input, Intent, ProjectExit, SupervisorOptions};
use crate::spec::{CommandLine, Condition, ProcessSpec, Restart, ShutdownOn, Signal, StdinKind};

fn lazy(seconds: u64) -> Script {
    Script { on_stop: OnStop::After(s(seconds)), ..willing() }
}

fn up(w: World) -> World {
    let mut w = w.begin();
    w.advance(s(1));
    w.events.clear();
    w
}

/// `web` needs `api` needs `db`.
fn chain() -> Draft {
    project()
        .plain("db")
        .process("api", |spec| needs(spec, "db", Condition::Ready))
        .process("web", |spec| needs(spec, "api", Condition::Ready))
}

#[test]
fn dependants_are_stopped_before_what_they_need() {
    let w = world(chain().spec()).script("web", [lazy(2)]).script("api", [lazy(3)]);
    let mut w = up(w);
    w.shutdown();
    assert_eq!(w.run_out(s(60)), ms(5_010));
    assert_eq!(w.order_of("process_stopping"), ["web", "api", "db"]);
    assert_eq!(w.finish(), Some(ProjectExit::Asked));
    assert_eq!((w.count_of("project_stopping"), w.count_of("project_stopped")), (1, 1));
    assert_eq!(w.take_events("db")[0], "stopping 1/1 TERM shutdown asked");
}

#[test]
fn the_stop_order_holds_across_a_process_that_has_ended() {
    let draft = project()
        .plain("db")
        .process("migrate", |spec| needs(spec, "db", Condition::Ready))
        .process("api", |spec| needs(spec, "migrate", Condition::Succeeded));
    let w = world(draft.spec()).script("migrate", [exits(ms(10), 0)]).script("api", [lazy(2)]);
    let mut w = up(w);
    w.shutdown();
    w.run_out(s(60));
    assert_eq!(w.order_of("process_stopping"), ["api", "db"]);
    assert_eq!(w.times_of("process_killed")[0].1, "api");
}

#[test]
fn a_process_that_ends_during_shutdown_keeps_the_order_and_is_not_retried() {
    let draft = project()
        .plain("db")
        .process("api", |spec| {
            needs(spec, "db", Condition::Ready);
            retried(spec, 5);
            spec.restart = Restart::Always;
        })
        .process("web", |spec| needs(spec, "api", Condition::Ready));
    let w = world(draft.spec()).script("web", [lazy(5)]).script("api", [exits(s(3), 1)]);
    let mut w = up(w);
    w.shutdown();
    assert_eq!(w.run_out(s(60)), ms(5_010));
    assert_eq!(w.order_of("process_stopping"), ["web", "db"]);
    assert_eq!(w.take_events("api"), ["completed 1/1 code 1 3000ms exit 1"]);
    assert_eq!(w.state("api"), StateName::Failed);
}

#[test]
fn a_restart_under_way_does_not_outlive_the_shutdown() {
    let w = world(chain().spec()).script("db", [lazy(3)]).script("web", [lazy(1)]);
    let mut w = up(w);
    w.restart(&["db"]);
    w.shutdown();
    assert_eq!(w.run_out(s(60)), ms(3_000));
    assert_eq!(w.state("db"), StateName::Stopped);
}

#[test]
fn independent_processes_stop_at_the_same_time_and_twenty_stubborn_processes_take_one_grace_period()
{
    let draft = (0..20).fold(project(), |draft, n| draft.plain(&format!("p{n}")));
    let mut w = world(draft.spec());
    for n in 0..20 {
        w = w.script(&format!("p{n}"), [stubborn()]);
    }
    let mut w = up(w);
    w.shutdown();
    assert_eq!(w.run_out(s(60)), ms(10_001));
}

#[test]
fn a_second_signal_kills_and_a_third_leaves() {
    let w = world(chain().spec()).script("web", [stubborn()]).script("db", [immortal(None)]);
    let mut w = up(w);
    w.signal(Signal::INT);
    w.advance(s(1));
    assert_eq!(w.order_of("process_stopping"), ["web"]);
    w.signal(Signal::INT);
    w.advance(ms(500));
    assert_eq!(w.state("web"), StateName::Stopped);
    assert_eq!(w.take_events("api")[0], "stopping 1/1 KILL shutdown INT");
    assert_eq!(w.finish(), None);
    w.signal(Signal::TERM);
    assert_eq!(w.finish(), Some(ProjectExit::Signal(Signal::INT)));
}

#[test]
fn the_same_signal_within_300_ms_counts_once() {
    let mut w = up(world(chain().spec()).script("web", [stubborn()]));
    w.signal(Signal::INT);
    w.advance(ms(299));
    w.signal(Signal::INT);
    w.advance(ms(50));
    assert_eq!(w.state("web"), StateName::Stopping, "not killed");
    w.signal(Signal::INT);
    w.advance(ms(1));
    assert_eq!(w.state("web"), StateName::Stopped, "350 ms after the one that counted");
    let mut w = up(world(chain().spec()).script("web", [stubborn()]));
    w.signal(Signal::INT);
    w.signal(Signal::TERM);
    w.advance(ms(1));
    assert_eq!(w.state("web"), StateName::Stopped, "another signal counts");
}

#[test]
fn down_with_kill_kills_everything_immediately_and_keeps_the_first_reason() {
    let mut w = up(world(chain().spec()).script("web", [stubborn()]));
    w.input(Input::Intent(Intent::ShutdownNow(ShutdownReason::Asked)));
    assert_eq!(w.order_of("process_stopping"), ["db", "api", "web"]);
    assert_eq!(w.run_out(s(60)), ms(1));
    let mut w = up(world(chain().spec()).script("web", [stubborn()]));
    w.signal(Signal::TERM);
    w.input(Input::Intent(Intent::ShutdownNow(ShutdownReason::Asked)));
    w.run_out(s(60));
    assert_eq!(w.finish(), Some(ProjectExit::Signal(Signal::TERM)));
}

#[test]
fn a_process_can_be_killed_during_shutdown_and_nothing_starts() {
    let mut w = up(world(chain().spec()).script("web", [stubborn()]));
    w.shutdown();
    w.start(&["web"]);
    w.restart(&["web", "db"]);
    w.kill(&["web"]);
    assert_eq!(w.run_out(s(60)), ms(21));
}

#[cfg(feature = "control")]
#[test]
fn during_a_shutdown_a_wait_for_a_process_that_does_not_run_fails() {
    use crate::control::waiting::WaitGoal;
    use crate::machine::condition::ConditionStatus::{Pending, Unreachable};
    let draft = chain().process("late", |spec| spec.autostart = false);
    let mut w = up(world(draft.spec()).script("web", [stubborn()]));
    let targets = w.machine.targets(&["late".to_owned()]).unwrap();
    let goal = WaitGoal { targets, condition: Some(Condition::Started) };
    assert_eq!(goal.status(&w.machine.snapshot(w.now)).status, Pending);
    w.shutdown();
    assert_eq!(goal.status(&w.machine.snapshot(w.now)).status, Unreachable);
    w.run_out(s(60));
}

#[test]
fn an_unkillable_run_does_not_block_the_shutdown() {
    let mut w = up(world(chain().spec()).script("web", [immortal(None)]));
    w.shutdown();
    assert_eq!(w.run_out(s(60)), ms(12_020));
}

#[test]
fn waiting_processes_are_stopped_without_an_event() {
    let draft = project().process("a", |spec| retried(spec, 5)).plain("b");
    let mut w = world(draft.spec()).script("a", [exits(ms(1), 1)]).begin();
    w.advance(ms(100));
    w.take_events("a");
    w.shutdown();
    w.run_out(s(1));
    assert_eq!((w.state("a"), w.take_events("a").len()), (StateName::Stopped, 0));
}

#[test]
fn shutdown_on_ends_the_project_with_the_code_of_the_process() {
    for (on, code, expected) in [
        (ShutdownOn::Failure, 7, Some(7)),
        (ShutdownOn::Failure, 0, None),
        (ShutdownOn::Exit, 0, Some(0)),
        (ShutdownOn::Exit, 3, Some(3)),
        (ShutdownOn::Never, 3, None),
    ] {
        let draft = project().process("a", |spec| spec.shutdown_on = on).plain("b");
        let mut w = world(draft.spec()).script("a", [exits(s(1), code)]).begin();
        w.advance(s(5));
        assert_eq!(w.finish(), expected.map(ProjectExit::Code), "{on:?} {code}");
        if expected.is_some() {
            assert_eq!(w.take_events("b")[2], "stopping 1/1 TERM shutdown_on a");
        }
    }
}

#[test]
fn shutdown_on_waits_for_the_final_end_and_ignores_a_stop() {
    let set = |spec: &mut ProcessSpec| {
        spec.shutdown_on = ShutdownOn::Exit;
        retried(spec, 1);
    };
    let mut w = world(project().process("a", set).plain("b").spec());
    w = w.script("a", [exits(s(1), 4)]).begin();
    w.advance(s(2));
    assert_eq!(w.finish(), None);
    w.advance(s(2));
    assert_eq!(w.finish(), Some(ProjectExit::Code(4)));
    let mut w = up(world(project().process("a", set).plain("b").spec()));
    w.stop(&["a"]);
    w.advance(s(5));
    assert_eq!((w.state("a"), w.finish()), (StateName::Stopped, None));
}

#[test]
fn fail_fast_ends_the_project_with_the_code_of_the_first_failure() {
    let draft = project().process("a", |spec| retried(spec, 1)).plain("b");
    let options = SupervisorOptions { fail_fast: true, ..SupervisorOptions::default() };
    let mut w = World::new(draft.spec(), options).script("a", [exits(s(1), 9)]).begin();
    w.advance(s(2));
    assert_eq!(w.finish(), None);
    w.advance(s(2));
    assert_eq!(w.finish(), Some(ProjectExit::Code(9)));
    assert_eq!(w.take_events("b")[2], "stopping 1/1 TERM fail_fast a");
}

#[test]
fn keep_stays_when_nothing_runs_any_more() {
    for (keep, finish) in [(false, Some(ProjectExit::Quiet { well: true })), (true, None)] {
        let options = SupervisorOptions { keep, ..SupervisorOptions::default() };
        let mut w = World::new(project().plain("a").spec(), options);
        w = w.script("a", [exits(s(1), 0)]).begin();
        w.advance(s(60));
        assert_eq!(w.finish(), finish);
    }
}

#[test]
fn a_skipped_process_makes_the_project_fail_and_a_stopped_process_does_not() {
    let mut w = up(world(project().plain("a").spec()));
    w.stop(&["a"]);
    w.run_out(s(1));
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: true }));
    let draft = project().plain("a").process("b", |spec| needs(spec, "a", Condition::Succeeded));
    let mut w = world(draft.spec()).script("a", [exits(s(1), 1)]).begin();
    w.run_out(s(2));
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: false }));
}

#[test]
fn the_project_is_ready_when_every_process_is_ready_or_has_succeeded() {
    let draft = project().plain("a").plain("b").pool("p", 1, |_| {}).jobs("p", &["j"]);
    let slow = Script { spawn_after: s(2), ..willing() };
    let slow_job = Script { spawn_after: s(9), ..willing() };
    let w = world(draft.spec()).script("a", [exits(s(1), 0)]).script("b", [slow]);
    let mut w = w.script("j", [slow_job]).begin();
    w.advance(ms(1_999));
    assert!(!w.machine.snapshot(w.now).ready);
    w.advance(ms(1));
    assert!(w.machine.snapshot(w.now).ready, "jobs do not count");
    assert_eq!(w.times_of("project_ready"), [(2_000, String::new())]);
    w.restart(&["b"]);
    assert!(!w.machine.snapshot(w.now).ready);
    w.advance(s(5));
    assert_eq!(w.count_of("project_ready"), 2);
}

#[test]
fn a_project_of_jobs_alone_is_ready_from_the_start() {
    let mut w = world(project().pool("p", 1, |_| {}).jobs("p", &["j", "k"]).spec()).begin();
    w.advance(s(5));
    assert_eq!(w.count_of("project_ready"), 1);
}

#[test]
fn the_project_is_not_ready_while_a_process_has_failed() {
    let draft = project().plain("a").plain("b");
    let mut w = world(draft.spec()).script("a", [exits(ms(0), 1)]).begin();
    w.advance(s(5));
    assert!(!w.machine.snapshot(w.now).ready);
    w.stop(&["b"]);
    w.advance(s(1));
    assert_eq!(w.finish(), Some(ProjectExit::Quiet { well: false }));
}

#[test]
fn a_watcher_that_ends_immediately_with_an_empty_input_is_explained() {
    let empty = StdinKind::Null;
    let shell = |script: &str| CommandLine::Shell {
        shell: vec!["sh".to_owned(), "-c".to_owned()],
        script: script.to_owned(),
    };
    let argv = |words: &str| CommandLine::Argv(words.split(' ').map(str::to_owned).collect());
    let table = [
        (argv("esbuild a.js --watch"), empty, 4_999, 0, true),
        (argv("tailwindcss -w"), empty, 10, 0, true),
        (argv("esbuild --watch=forever"), empty, 10, 0, true),
        (shell("cd web && esbuild --watch"), empty, 10, 0, true),
        (shell("sh -c 'tsc -w; true'"), empty, 10, 0, true),
        (shell("echo '--watches' --watcher-off x-w"), empty, 10, 0, false),
        (argv("-w"), empty, 10, 0, false),
        (argv("esbuild --watch"), empty, 5_000, 0, false),
        (argv("esbuild --watch"), empty, 10, 1, false),
        (argv("esbuild --watch"), StdinKind::Open, 10, 0, false),
        (argv("esbuild --watch"), StdinKind::Pipe, 10, 0, false),
        (argv("esbuild"), empty, 10, 0, false),
    ];
    for (command, stdin, after, code, has_hint) in table {
        let set = |spec: &mut ProcessSpec| (spec.command, spec.stdin) = (command.clone(), stdin);
        let w = world(project().process("a", set).spec()).script("a", [exits(ms(after), code)]);
        let mut w = w.begin();
        w.advance(s(6));
        let hint = w.events.iter().find_map(|(_, event)| match event {
            Event::ProcessCompleted(e) => e.hint.clone(),
            _ => None,
        });
        assert_eq!(hint.is_some(), has_hint, "{command:?} {after} {code}");
        assert_eq!(w.why("a").contains("`stdin = \"open\"` keeps"), has_hint, "{command:?}");
    }
    // In the command of a job, `-w` usually has another meaning.
    for (words, has_hint) in [("gofmt -w .", false), ("tailwindcss --watch", true)] {
        let set = |spec: &mut ProcessSpec| (spec.command, spec.stdin) = (argv(words), empty);
        let draft = project().pool("p", 1, |_| {}).job("p", "j", set);
        let mut w = world(draft.spec()).script("j", [exits(ms(10), 0)]).begin();
        w.advance(s(1));
        assert_eq!(w.why("j").contains("its input is empty"), has_hint, "{words}");
    }
}
