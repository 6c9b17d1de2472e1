//! Details of scripts, tested directly on the `Host`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pitcrew::spec::StraysPolicy;
use pitcrew::sys::{Child, Host, Launch, OutputFd, StdinTarget};
use pitcrew::testing::{Gate, Grandchild, Script, ScriptedChild, ScriptedHost};
use pitcrew::{Exit, Signal};
use tokio::io::AsyncReadExt;

const fn s(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn launch() -> Launch {
    Launch {
        argv: vec!["x".into()],
        cwd: PathBuf::from("/"),
        env: Vec::new(),
        stdin: StdinTarget::Null,
        stdout: OutputFd::Pipe,
        stderr: OutputFd::Null,
        foreground: false,
        terminal: None,
    }
}

async fn start(script: Script) -> (ScriptedHost, ScriptedChild) {
    let host = ScriptedHost::new().on("x", script);
    let child = host.launch(launch()).await.unwrap();
    (host, child)
}

async fn text(child: &mut ScriptedChild) -> String {
    let mut text = String::new();
    child.stdout().unwrap().read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_interrupted_ends_when_it_would_have() {
    let hup = Script::new().out("hup").wait(s(2)).out("hup done");
    let script = Script::new().wait(s(10)).out("waited").interrupted_by(Signal::HUP, hup);
    let (_host, mut child) = start(script).await;
    let from = tokio::time::Instant::now();
    tokio::time::sleep(s(3)).await;
    child.signal(Signal::HUP).unwrap();
    assert_eq!(text(&mut child).await, "hup\nhup done\nwaited\n");
    assert_eq!(from.elapsed(), s(10));
    child.exited().await.unwrap();
    child.reap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_print_that_is_interrupted_repeats_and_loses_nothing() {
    let script = Script::new()
        .out_bytes(vec![b'x'; 1_000_000])
        .interrupted_by(Signal::HUP, Script::new().out_bytes("|"));
    let (_host, mut child) = start(script).await;
    for _ in 0..3 {
        // It is still writing, as nothing reads.
        tokio::time::sleep(s(1)).await;
        child.signal(Signal::HUP).unwrap();
    }
    let text = text(&mut child).await;
    assert_eq!(text.matches('x').count(), 1_000_000);
    assert_eq!(text.matches('|').count(), 3);
    assert!(text.starts_with('x') && text.ends_with('x'));
}

#[tokio::test(start_paused = true)]
async fn the_same_signal_does_not_begin_an_answer_again() {
    let leave = Script::new().out("leaving").wait(s(5)).out("left").exit(3);
    let (_host, mut child) = start(Script::forever().on_signal(Signal::TERM, leave)).await;
    for _ in 0..3 {
        child.signal(Signal::TERM).unwrap();
        tokio::time::sleep(s(1)).await;
    }
    assert_eq!(text(&mut child).await, "leaving\nleft\n");
    assert_eq!(child.exited().await.unwrap(), Exit::Code(3));
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_have_answers_of_its_own() {
    let leave = Script::forever().out("leaving").on_signal(Signal::INT, Script::new().exit(9));
    let script = Script::forever().ignore(Signal::INT).on_signal(Signal::TERM, leave);
    let (_host, mut child) = start(script).await;
    child.signal(Signal::INT).unwrap();
    tokio::time::sleep(s(1)).await;
    child.signal(Signal::TERM).unwrap();
    child.signal(Signal::INT).unwrap();
    assert_eq!(child.exited().await.unwrap(), Exit::Code(9));
}

#[tokio::test(start_paused = true)]
async fn ignored_signals_end_no_run() {
    let (_host, mut child) = start(Script::new().wait(s(10)).exit(5)).await;
    for name in ["CHLD", "CONT", "URG", "WINCH"] {
        child.signal(name.parse().unwrap()).unwrap();
    }
    assert_eq!(child.exited().await.unwrap(), Exit::Code(5));
}

#[tokio::test(start_paused = true)]
async fn one_that_ignores_a_broken_pipe_goes_on() {
    let script = Script::new().wait(s(1)).out("lost").wait(s(1)).exit(7).ignore(Signal::PIPE);
    let (_host, mut child) = start(script).await;
    drop(child.stdout());
    assert_eq!(child.exited().await.unwrap(), Exit::Code(7));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_keeps_all_below_it() {
    let gate = Gate::new();
    let below = Grandchild::new("/bin/compiler -c", Script::forever().open(&gate));
    let kept = Grandchild::new("sccache --daemon", Script::forever().leave(below));
    let script = Script::forever()
        .leave(kept.outside_group())
        .leave(Grandchild::new("/usr/bin/other one", Script::forever()));
    let (host, child) = start(script).await;
    gate.opened().await;
    let keep = Arc::new(BTreeSet::from(["sccache".to_owned()]));
    let strays = child.strays(StraysPolicy::Kill, &keep).await;
    let names = |all: &[pitcrew::sys::Descendant]| -> Vec<String> {
        all.iter().map(|one| one.program.clone()).collect()
    };
    assert_eq!(names(&strays.to_end), ["other"]);
    assert_eq!(names(&strays.kept), ["sccache", "compiler"]);
    child.signal_strays(Signal::KILL, StraysPolicy::Kill, &keep).await;
    tokio::time::sleep(s(1)).await;
    assert_eq!(host.assert_ran("x").grandchildren(), ["sccache --daemon", "/bin/compiler -c"]);
    assert_eq!(names(&child.strays(StraysPolicy::Kill, &keep).await.kept).len(), 2);
    child.kill_tree().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_cannot_be_killed_is_named_in_the_error() {
    let hung = Grandchild::new("hung", Script::forever().unkillable());
    let (host, mut child) = start(Script::forever().leave(hung).out("x")).await;
    let mut out = child.stdout().unwrap();
    out.read_u8().await.unwrap();
    let from = tokio::time::Instant::now();
    let error = child.kill_tree().await.unwrap_err().to_string();
    assert_eq!(from.elapsed(), s(2));
    let left = child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end;
    assert_eq!(error, format!("cannot end {}", left[0].stray.pid));
    assert_eq!(child.exited().await.unwrap(), Exit::Signal(Signal::KILL));
    child.reap().unwrap();
    assert_eq!(host.assert_ran("x").grandchildren(), ["hung"]);
}
