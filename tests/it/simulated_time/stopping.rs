//! Time limits and stops.

use std::time::Duration;

use pitcrew::machine::event::RunError;
use pitcrew::machine::{Event, ProjectExit};
use pitcrew::spec::{Exit, Signal, StartErrorKind};
use pitcrew::testing::{Gate, Grandchild, Pattern, Script, ScriptedHost, SignalTarget};

use super::project::{Project, end, m, s};

fn one(script: Script) -> ScriptedHost {
    ScriptedHost::new().on(Pattern::process("a"), script)
}

fn error(project: &Project) -> Option<RunError> {
    project
        .events
        .iter()
        .find_map(|event| if let Event::ProcessFailed(e) = event { Some(e.error) } else { None })
}

#[tokio::test(start_paused = true)]
async fn a_timeout_asks_first() {
    let file = "[process.a]\ncommand = 'serve'\ntimeout = '10m'\n";
    let mut project = Project::start(file, one(Script::forever().out("serving")));
    assert_eq!(project.finish().await, ProjectExit::Quiet { well: false });
    assert_eq!(error(&project), Some(RunError::Timeout));
    assert_eq!(project.signals("a"), [("TERM".into(), 600.0)]);
}

#[tokio::test(start_paused = true)]
async fn one_that_ignores_it_is_killed_after_its_grace() {
    let file = "[process.a]\ncommand = 'serve'\ntimeout = '10m'\nstop = { grace = '90s' }\n";
    let mut project = Project::start(file, one(Script::forever().ignore(Signal::TERM)));
    project.finish().await;
    assert_eq!(error(&project), Some(RunError::Timeout));
    assert_eq!(project.signals("a"), [("TERM".into(), 600.0), ("KILL".into(), 690.0)]);
    assert_eq!(project.run("a").exit(), Some(Exit::Signal(Signal::KILL)));
}

#[tokio::test(start_paused = true)]
async fn silence_counts_from_the_last_byte_of_either_output() {
    let file = "[process.a]\ncommand = 'work'\nidle_timeout = '5m'\n";
    let script = (0..10).fold(Script::forever(), |script, n| match n % 2 {
        0 => script.wait(m(4)).out("still here"),
        _ => script.wait(m(4)).err_bytes("."),
    });
    let mut project = Project::start(file, one(script));
    project.finish().await;
    assert_eq!(error(&project), Some(RunError::IdleTimeout));
    assert_eq!(project.signals("a"), [("TERM".into(), 45.0 * 60.0)]);
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_within_its_grace_is_not_killed() {
    let file = "[process.a]\ncommand = 'serve'\nstop = { signal = 'INT', grace = '1m' }\n";
    let leave = Script::new().out("closing").wait(s(59)).out("closed").exit(3);
    let mut project = Project::start(file, one(Script::forever().on_signal(Signal::INT, leave)));
    tokio::time::sleep(m(5)).await;
    project.stop("a");
    project.finish().await;
    // The CONT that lets a stopped one notice.
    assert_eq!(project.signals("a"), [("INT".into(), 300.0), ("CONT".into(), 300.0)]);
    assert_eq!(project.run("a").exit(), Some(Exit::Code(3)));
    assert_eq!(project.printed("a"), "closing\nclosed\n");
    assert_eq!(project.story("a"), ["started", "ready", "stopping", "killed"]);
}

fn littering(end: Script) -> Script {
    let stubborn = Script::forever().ignore(Signal::TERM);
    end.leave(Grandchild::new("daemon", stubborn).outside_group())
}

/// The names and times of the signals that a stray got, each once.
fn to_strays(project: &Project) -> Vec<(String, f64)> {
    let sent = project.run("a").signals().into_iter();
    let sent = sent.filter(|sent| matches!(sent.to, SignalTarget::Grandchild(_)));
    let mut all: Vec<_> =
        sent.map(|sent| (sent.signal.to_string(), sent.after.as_secs_f64())).collect();
    all.dedup();
    all
}

#[tokio::test(start_paused = true)]
async fn a_stray_is_killed_soon_after_an_end_by_itself() {
    let file = "[process.a]\ncommand = 'daemonize'\nstop = { grace = '20s' }\n";
    let mut project = Project::start(file, one(littering(Script::new().wait(s(10)))));
    project.finish().await;
    assert_eq!(to_strays(&project), [("TERM".into(), 10.0), ("KILL".into(), 10.25)]);
    let end = project.events.iter().find_map(end).unwrap();
    assert!(end.leaked && end.strays[0].command == "daemon");
}

#[tokio::test(start_paused = true)]
async fn a_stray_has_the_whole_grace_after_a_stop() {
    let file = "[process.a]\ncommand = 'daemonize'\nstop = { grace = '20s' }\n";
    let mut project = Project::start(file, one(littering(Script::forever())));
    tokio::time::sleep(s(10)).await;
    project.stop("a");
    project.finish().await;
    assert_eq!(to_strays(&project), [("TERM".into(), 10.0), ("KILL".into(), 30.0)]);
}

#[tokio::test(start_paused = true)]
async fn a_stray_that_is_kept_stays() {
    let file = "[process.a]\ncommand = 'open'\nstop = { keep = ['browser'] }\n";
    let script = Script::new().leave(Grandchild::new("browser about:", Script::new().wait(m(9))));
    let host = one(script);
    let mut project = Project::start(file, host.clone());
    tokio::time::sleep(s(10)).await;
    assert_eq!(project.run("a").grandchildren(), ["browser about:"]);
    assert!(project.run("a").signals().is_empty());
    tokio::time::sleep(m(10)).await;
    project.finish().await;
    assert!(project.events.iter().find_map(end).unwrap().leaked);
}

#[tokio::test(start_paused = true)]
async fn an_unkillable_process_is_reported() {
    let file = "[process.a]\ncommand = 'hang'\ntimeout = '1m'\nstop = { grace = '5s' }\n";
    let host = one(Script::forever().ignore(Signal::TERM).unkillable());
    let mut project = Project::start(file, host.clone());
    while !project.story("a").contains(&"failed") {
        project.next_event().await;
    }
    assert_eq!(error(&project), Some(RunError::Unkillable));
    assert!(project.run("a").is_running());
}

#[tokio::test(start_paused = true)]
async fn a_stop_command_runs_instead_of_the_signal() {
    let file = "
        [process.a]
        command = 'serve'
        stop = { command = 'ctl stop', grace = '1m' }
    ";
    let gate = Gate::new();
    let host = ScriptedHost::new()
        .on("ctl stop", Script::new().wait(s(5)).open(&gate))
        .on("serve", Script::new().hold_until(&gate).exit(0));
    let mut project = Project::start(file, host);
    tokio::time::sleep(s(1)).await;
    project.stop("a");
    project.finish().await;
    project.host.assert_ran_in_order(["serve", "ctl stop"]);
    let [serve, ctl] = [project.host.assert_ran("serve"), project.host.assert_ran("ctl stop")];
    assert!(serve.signals().is_empty(), "{serve:?}");
    let pid = ctl.call().env("PITCREW_PID").unwrap().to_string_lossy().into_owned();
    assert_eq!(pid.parse().ok(), serve.pid());
}

#[tokio::test(start_paused = true)]
async fn a_stop_command_that_cannot_start_gives_way_to_the_signal() {
    let file = "[process.a]\ncommand = 'serve'\nstop = { command = ['ctl'], grace = '1m' }\n";
    let missing = Script::refused(StartErrorKind::ProgramNotFound);
    let host = ScriptedHost::new().on("ctl", missing).on("serve", Script::forever());
    let mut project = Project::start(file, host);
    tokio::time::sleep(s(1)).await;
    project.stop("a");
    project.finish().await;
    let sent = project.host.assert_ran("serve").signals();
    assert_eq!((sent[0].signal, sent[0].after), (Signal::TERM, Duration::from_secs(1)));
    let notices = project.notices();
    assert!(notices.iter().any(|text| text.contains("no such program \"ctl\"")), "{notices:?}");
}
