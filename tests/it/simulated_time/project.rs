//! A project on a scripted host.

use std::sync::Arc;
use std::time::Duration;

use pitcrew::engine::{Engine, EngineHandle, EngineOptions, Notice};
use pitcrew::machine::event::EndDetails;
use pitcrew::machine::{
    Event, Intent, ProcessId, ProjectExit, ShutdownReason, Supervisor, SupervisorOptions,
};
use pitcrew::output::{ReadLimit, SourceSelection};
use pitcrew::spec::{ProjectLocator, Spec, load};
use pitcrew::testing::{Pattern, Run, ScriptedHost};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Everything that is kept.
pub(crate) const ALL: ReadLimit = ReadLimit { lines: usize::MAX, bytes: usize::MAX };

pub(crate) const fn s(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn m(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

fn spec(file: &str) -> Spec {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("procfile.toml"), file).unwrap();
    load(&ProjectLocator { files: Vec::new(), dir: folder.path().to_owned(), stdin: None })
        .expect("a good file")
        .spec
}

/// A project that runs.
pub(crate) struct Project {
    pub(crate) host: ScriptedHost,
    pub(crate) handle: EngineHandle,
    pub(crate) events: Vec<Event>,
    coming: mpsc::UnboundedReceiver<Event>,
    notices: mpsc::UnboundedReceiver<Notice>,
    engine: JoinHandle<ProjectExit>,
    ids: Vec<(ProcessId, String)>,
}

impl Project {
    /// Starts what starts by itself.
    pub(crate) fn start(file: &str, host: ScriptedHost) -> Self {
        let supervisor = Supervisor::new(spec(file), SupervisorOptions::default());
        let ids = supervisor.names().map(|(id, name)| (id, name.to_string())).collect();
        let chosen = supervisor.autostart();
        let mut engine = Engine::new(Arc::new(host.clone()), supervisor, EngineOptions::default());
        let feed = engine.feed().unwrap();
        let handle = engine.handle();
        Self {
            host,
            handle,
            events: Vec::new(),
            coming: feed.events,
            notices: feed.notices,
            engine: tokio::spawn(engine.run(chosen, true)),
            ids,
        }
    }

    /// Runs it to its end; nothing may be left then.
    pub(crate) async fn finish(&mut self) -> ProjectExit {
        // Far beyond any time in these tests: a project that does not end fails here.
        let end = tokio::time::timeout(m(24 * 60 * 7), &mut self.engine).await;
        let finish = end.expect("it does not end").unwrap();
        while let Some(event) = self.coming.recv().await {
            self.events.push(event);
        }
        self.host.assert_nothing_left();
        finish
    }

    pub(crate) async fn shut_down(&mut self) -> ProjectExit {
        self.handle.send(Intent::Shutdown(ShutdownReason::Asked));
        self.finish().await
    }

    /// The next event, which is kept as well.
    pub(crate) async fn next_event(&mut self) -> Event {
        let event = tokio::time::timeout(m(24 * 60 * 7), self.coming.recv()).await;
        let event = event.expect("nothing happens").expect("it has ended");
        self.events.push(event.clone());
        event
    }

    pub(crate) fn id(&self, name: &str) -> ProcessId {
        self.ids.iter().find(|(_, known)| known == name).expect("no such process").0
    }

    pub(crate) fn stop(&self, name: &str) {
        self.handle.send(Intent::Stop(vec![self.id(name)]));
    }

    /// All runs of a process.
    pub(crate) fn runs(&self, name: &str) -> Vec<Run> {
        self.host.ran_like(Pattern::process(name))
    }

    /// The only run of a process.
    pub(crate) fn run(&self, name: &str) -> Run {
        let [run] = self.runs(name).try_into().expect("not one run");
        run
    }

    /// Signals its only run got, by name and moment in seconds.
    pub(crate) fn signals(&self, name: &str) -> Vec<(String, f64)> {
        let sent = self.run(name).signals().into_iter();
        sent.map(|sent| (sent.signal.to_string(), sent.after.as_secs_f64())).collect()
    }

    /// Everything a process has printed.
    pub(crate) fn printed(&self, name: &str) -> String {
        let source = self.handle.store().source(&name.into());
        let slice = self.handle.store().read(&SourceSelection::only([source]), 0, ALL);
        slice.lines().map(|line| String::from_utf8_lossy(line.bytes).into_owned()).collect()
    }

    /// The kinds of all events about a process, without the word they begin with.
    pub(crate) fn story(&self, name: &str) -> Vec<&'static str> {
        let about = |event: &&Event| event.subject().is_some_and(|of| of.name.as_str() == name);
        let kinds = self.events.iter().filter(about).map(Event::kind);
        kinds.map(|kind| kind.trim_start_matches("process_")).collect()
    }

    /// The texts of all notices.
    pub(crate) fn notices(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(notice) = self.notices.try_recv() {
            all.push(notice.text);
        }
        all
    }
}

/// The end of a run, if this event is one.
pub(crate) fn end(event: &Event) -> Option<&EndDetails> {
    if let Event::ProcessCompleted(e) = event {
        Some(&e.end)
    } else if let Event::ProcessKilled(e) = event {
        Some(&e.end)
    } else if let Event::ProcessFailed(e) = event {
        Some(&e.end)
    } else {
        None
    }
}

/// When each of these was requested, in seconds.
pub(crate) fn moments(runs: &[Run]) -> Vec<f64> {
    runs.iter().map(|run| run.at().as_secs_f64()).collect()
}
