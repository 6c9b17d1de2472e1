use tokio::sync::watch;

use super::*;
use crate::control::usage_sampler::tests::snapshot;
use crate::control::wire::{
    ControlCommand, ShutdownRequest, SignalRequest, StartRequest, WaitRequest,
};
use crate::engine::terminal::Terminals;
use crate::engine::{Engine, EngineOptions};
use crate::machine::{Supervisor, SupervisorOptions};
use crate::output::{LineSplitter, LogStore, Stream};
use crate::spec::{OutputLimits, Signal, StartError, load};
use crate::sys::{Host, Launch};
use crate::testing::{Pattern, Script, ScriptedHost};

/// A project without an engine: only its output exists.
fn local(store: Arc<LogStore>) -> LocalControl {
    let (messages, _) = mpsc::unbounded_channel();
    let (_, snapshots) = watch::channel(snapshot(None, 0));
    let (terminals, clock) = (Terminals::default(), Clock::start());
    let engine = EngineHandle { messages, snapshots, store, terminals, clock };
    let files = ProjectLocator { files: Vec::new(), dir: std::env::temp_dir(), stdin: None };
    let (_, events) = mpsc::unbounded_channel();
    LocalControl::new(engine, "shop", 1, files, events)
}

/// A million lines; only the first contains `needle`.
fn haystack() -> Arc<LogStore> {
    let store = LogStore::new(OutputLimits::default());
    let source = store.source(&Name::new("web"));
    let mut intake = LineSplitter::new(&store, source, 1, None);
    intake.push(Stream::Out, b"needle\n", Timestamp::UNIX_EPOCH);
    let lines: Vec<String> = (0..1000).map(|line| format!("GET /v1/items/{line} 200\n")).collect();
    let lines = lines.concat();
    for _ in 0..1000 {
        intake.push(Stream::Out, lines.as_bytes(), Timestamp::UNIX_EPOCH);
    }
    drop(intake);
    store
}

#[tokio::test]
async fn a_filter_that_finds_little_in_a_million_lines_answers_in_time_and_says_where_to_go_on() {
    let local = local(haystack());
    let mut query = SliceQuery {
        // A slow pattern, so that the scan hits the time limit on every machine.
        grep: Some("(?i)n.{0,8}e.{0,8}edle".to_owned()),
        rows: Some(5),
        ..SliceQuery::default()
    };
    let mut responses = 0;
    loop {
        #[expect(clippy::disallowed_methods, reason = "a measurement")]
        let start = std::time::Instant::now();
        let response = local.slice(query.clone()).await.unwrap();
        let took = start.elapsed();
        println!("{took:?}, on to {:?}", response.before_from);
        // The time limit is a quarter of a second; the rest is for a busy machine.
        assert!(took < Duration::from_secs(10), "{took:?}");
        responses += 1;
        let Some(place) = response.before_from else {
            assert_eq!((response.rows.len(), response.before), (1, false));
            break;
        };
        assert!(response.before && response.rows.is_empty());
        query.before = Some(place);
    }
    println!("{responses} responses");
}

/// A host whose runs act as another user: no signal reaches them.
struct ForeignRuns(ScriptedHost);

impl Host for ForeignRuns {
    type Child = <ScriptedHost as Host>::Child;

    fn launch(
        &self,
        launch: Launch,
    ) -> impl Future<Output = Result<Self::Child, StartError>> + Send + use<> {
        self.0.launch(launch)
    }

    fn may_end(&self, _pid: u32) -> std::io::Result<()> {
        Err(std::io::Error::from_raw_os_error(1))
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_and_a_restart_of_a_run_that_may_not_be_signalled_fail_and_leave_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("procfile.toml"), "[process]\nweb = 'serve'\n").unwrap();
    let files = ProjectLocator { files: Vec::new(), dir: folder.path().to_owned(), stdin: None };
    let spec = load(&files).unwrap().spec;
    let supervisor = Supervisor::new(spec, SupervisorOptions::default());
    let chosen = supervisor.autostart();
    let host = ScriptedHost::new().on(Pattern::any(), Script::forever());
    let foreign = ForeignRuns(host.clone());
    let mut engine = Engine::new(Arc::new(foreign), supervisor, EngineOptions::default());
    let (handle, events) = (engine.handle(), engine.observe());
    let running = tokio::spawn(engine.run(chosen, true));
    let local = LocalControl::new(handle, "shop", 1, files, events);
    let names = || vec!["web".to_owned()];
    let wait = WaitRequest { names: names(), until: None, timeout_ms: None };
    assert!(local.execute(ControlCommand::Wait(wait)).await.unwrap().ok);
    let signal = SignalRequest { names: names(), signal: Signal::HUP };
    let error = local.execute(ControlCommand::Signal(signal)).await.unwrap_err();
    let pid = host.ran()[0].pid().unwrap();
    let reason = "Operation not permitted";
    assert_eq!(error.message, format!("web cannot be signalled: pid {pid}: {reason}"));
    let restart = StartRequest { names: names(), ..StartRequest::default() };
    let error = local.execute(ControlCommand::Restart(restart)).await.unwrap_err();
    assert_eq!(error.error, ControlErrorKind::Conflict);
    let text = format!("web cannot be ended: pid {pid}: {reason}; it keeps running");
    assert_eq!(error.message, text);
    assert_eq!(host.ran().len(), 1);
    local.shutdown(ShutdownRequest { kill: false }).await.unwrap();
    running.await.unwrap();
}

mod terminals;
