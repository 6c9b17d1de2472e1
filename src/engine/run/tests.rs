//! Tests with real children: the end of a run whose output readers are slow.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

mod terminal;

use super::RawChunk;
use crate::engine::{Engine, EngineOptions, Foreground};
use crate::machine::event::RunError;
use crate::machine::{Event, Supervisor, SupervisorOptions};
use crate::output::Stream;
use crate::spec::{ProjectLocator, Spec, load};
use crate::sys::{HostOptions, RealHost};

/// Much more than any of these tests takes, and less than they took when they hung.
const LIMIT: Duration = Duration::from_secs(8);

/// A project of one process with these keys.
fn project(keys: &str) -> Spec {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("[process.a]\n{keys}\n");
    std::fs::write(folder.path().join("procfile.toml"), file).unwrap();
    let request = ProjectLocator { files: Vec::new(), dir: folder.path().to_owned(), stdin: None };
    let mut spec = load(&request).unwrap().spec;
    let process = spec.processes.values_mut().next().map(Arc::make_mut).unwrap();
    process.cwd = "/".into();
    spec
}

/// An engine whose one process is passed on through `tap`, if there is one.
fn engine(keys: &str, tap: Option<mpsc::Sender<RawChunk>>) -> Engine<RealHost> {
    let supervisor = Supervisor::new(project(keys), SupervisorOptions::default());
    let first = supervisor.autostart().first().copied().unwrap();
    let settings = EngineOptions {
        inherited: std::env::vars_os().collect(),
        // A unique session, which identifies the strays of a run.
        session: crate::sys::journal::new_session().unwrap(),
        foreground: tap.map(|tap| (first, Foreground::Passed(tap))),
        ..EngineOptions::default()
    };
    Engine::new(Arc::new(RealHost::new(HostOptions::default()).unwrap()), supervisor, settings)
}

/// The end event of the one run.
async fn run(mut engine: Engine<RealHost>) -> Event {
    let chosen = engine.supervisor.autostart();
    let mut events = engine.observe();
    timeout(LIMIT, engine.run(chosen, true)).await.expect("it has to end");
    while let Some(event) = events.recv().await {
        if let Event::ProcessCompleted(_) | Event::ProcessKilled(_) | Event::ProcessFailed(_) =
            event
        {
            return event;
        }
    }
    panic!("it did not end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_tap_delays_no_timeout() {
    let (tap, _never_read) = mpsc::channel(1);
    let event =
        run(engine("command = ['yes']\ntimeout = '300ms'\nstop = { grace = '0s' }", Some(tap)))
            .await;
    let Event::ProcessFailed(end) = event else { panic!("{event:?}") };
    assert_eq!(end.error, RunError::Timeout, "{}", end.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_tap_gets_all_output() {
    let (tap, mut chunks) = mpsc::channel(1);
    let keys = "command = 'dd if=/dev/zero bs=60000 count=5 2>/dev/null; echo last >&2'";
    let ended = tokio::spawn(run(engine(keys, Some(tap))));
    let (mut out, mut err) = (0, Vec::new());
    while let Some((stream, bytes)) = chunks.recv().await {
        // Longer than silence may last after the end of the leader.
        tokio::time::sleep(super::DRAIN_QUIET * 2).await;
        match stream {
            Stream::Out => out += bytes.len(),
            Stream::Err => err.extend(bytes),
        }
    }
    assert_eq!((out, err.as_slice()), (300_000, b"last\n".as_slice()));
    assert!(matches!(ended.await.unwrap(), Event::ProcessCompleted(end) if end.end.success));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stray_that_is_left_and_goes_on_printing_makes_no_kill_look_failed() {
    // It ends by SIGPIPE once its outputs are closed.
    let keys = r#"
        command = "setsid sh -c 'while :; do echo x; sleep 0.02; done' & while :; do sleep 1; done"
        timeout = "200ms"
        stop = { grace = "0s", strays = "leave" }
    "#;
    let event = run(engine(keys, None)).await;
    let Event::ProcessFailed(end) = event else { panic!("{event:?}") };
    assert_eq!(end.error, RunError::Timeout, "{}", end.message);
    assert!(end.end.leaked, "the stray is named");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ended_in_time_does_not_time_out_while_its_output_is_read() {
    let keys = r#"
        command = "setsid sh -c 'while :; do echo x; sleep 0.02; done' & sleep 0.2; exit 0"
        timeout = "1s"
        idle_timeout = "1s"
        stop = { strays = "leave" }
    "#;
    let event = run(engine(keys, None)).await;
    let Event::ProcessCompleted(end) = event else { panic!("{event:?}") };
    assert!(end.end.success && end.end.leaked);
    assert!(end.end.duration_ms >= 1_000, "the outputs were read beyond the timeout");
}
