//! Reload requests through an `EngineHandle`, and their reports.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pitcrew::engine::{
    Engine, EngineHandle, EngineOptions, EventFeed, ReloadMode, ReloadReport, SpecLoader,
};
use pitcrew::machine::{Intent, ProjectExit, ShutdownReason, Supervisor, SupervisorOptions};
use pitcrew::spec::{
    Fault, Faults, LoadedProject, PlannedRestart, ProjectLocator, RestartReason, Spec, SpecDiff,
    load,
};
use pitcrew::testing::{Pattern, Script, ScriptedHost};
use tokio::task::JoinHandle;

/// Reads the file of a folder.
#[derive(Debug)]
struct Reader {
    dir: PathBuf,
    read: AtomicUsize,
    prepared: AtomicUsize,
    /// Nothing new may be started.
    stuck: AtomicBool,
}

impl SpecLoader for Reader {
    fn read(&self, _waiting: &dyn Fn(&Path)) -> Result<LoadedProject, Faults> {
        self.read.fetch_add(1, Ordering::SeqCst);
        load(&ProjectLocator { files: Vec::new(), dir: self.dir.clone(), stdin: None })
    }

    fn prepare(&self, _spec: &Spec) -> Result<(), Faults> {
        if self.stuck.load(Ordering::SeqCst) {
            return Err(Fault::about(self.dir.clone(), "the disk is full").into());
        }
        self.prepared.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

struct Project {
    folder: tempfile::TempDir,
    host: ScriptedHost,
    reader: Arc<Reader>,
    handle: EngineHandle,
    feed: EventFeed,
    engine: JoinHandle<ProjectExit>,
}

impl Project {
    fn start(text: &str, can_reload: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("procfile.toml"), text).unwrap();
        let dir = folder.path().to_owned();
        let spec = load(&ProjectLocator { files: Vec::new(), dir: dir.clone(), stdin: None })
            .unwrap()
            .spec;
        let (read, prepared) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let reader = Arc::new(Reader { dir, read, prepared, stuck: AtomicBool::new(false) });
        let supervisor =
            Supervisor::new(spec, SupervisorOptions { keep: true, ..SupervisorOptions::default() });
        let chosen = supervisor.autostart();
        let host = ScriptedHost::new().on(Pattern::any(), Script::forever());
        let reread = can_reload.then(|| Arc::clone(&reader) as Arc<dyn SpecLoader>);
        let mut settings = EngineOptions::default();
        settings.loader = reread;
        let mut engine = Engine::new(Arc::new(host.clone()), supervisor, settings);
        let (feed, handle) = (engine.feed().unwrap(), engine.handle());
        let engine = tokio::spawn(engine.run(chosen, true));
        Self { folder, host, reader, handle, feed, engine }
    }

    fn write(&self, text: &str) {
        std::fs::write(self.folder.path().join("procfile.toml"), text).unwrap();
    }

    fn counts(&self) -> (usize, usize) {
        (self.reader.read.load(Ordering::SeqCst), self.reader.prepared.load(Ordering::SeqCst))
    }

    /// What ran, in order, once this ran.
    async fn ran(&self, last: &str) -> Vec<String> {
        let mut snapshots = self.handle.snapshots();
        loop {
            let ran: Vec<String> =
                self.host.ran().iter().map(|run| run.call().line().to_owned()).collect();
            if ran.iter().any(|line| line == last) {
                return ran;
            }
            snapshots.changed().await.unwrap();
        }
    }

    async fn end(mut self) -> Vec<&'static str> {
        self.handle.send(Intent::Shutdown(ShutdownReason::Asked));
        self.engine.await.unwrap();
        let mut kinds = Vec::new();
        while let Some(event) = self.feed.events.recv().await {
            kinds.push(event.kind());
        }
        self.host.assert_nothing_left();
        kinds
    }
}

const OLD: &str = "[process]\na = 'one'\nb = 'b'\nc = 'c'\n";
const NEW: &str = "[process]\na = 'two'\nb = { command = 'b', tags = ['x'] }\nd = 'd'\n";

fn difference() -> SpecDiff {
    let names = |all: &[&str]| all.iter().map(|name| (*name).into()).collect();
    SpecDiff {
        added: names(&["d"]),
        changed: names(&["a", "b"]),
        removed: names(&["c"]),
        restarted: vec![PlannedRestart { name: "a".into(), because: vec![RestartReason::Command] }],
    }
}

#[tokio::test]
async fn a_dry_run_reports_changes_and_applies_none() {
    let project = Project::start(OLD, true);
    project.ran("c").await;
    project.write(NEW);
    let planned = project.handle.reload_and_wait(ReloadMode::DryRun).await;
    assert_eq!(planned, ReloadReport::Planned(difference()));
    assert_eq!((project.counts(), project.host.ran().len()), ((1, 0), 3));
    let applied = project.handle.reload_and_wait(ReloadMode::Apply).await;
    assert_eq!(applied, ReloadReport::Applied(difference()));
    assert_eq!(project.counts(), (2, 1));
    let mut ran = project.ran("two").await;
    ran.sort_unstable();
    let again = project.handle.reload_and_wait(ReloadMode::DryRun).await;
    assert_eq!(again, ReloadReport::Planned(SpecDiff::default()));
    let kinds = project.end().await;
    assert_eq!(kinds.iter().filter(|kind| **kind == "config_reloaded").count(), 1);
}

#[tokio::test]
async fn mistakes_are_returned_to_the_caller() {
    let project = Project::start(OLD, true);
    project.ran("c").await;
    project.write("[process]\na = 1\nb = true\n");
    for how in [ReloadMode::DryRun, ReloadMode::Apply] {
        let ReloadReport::Rejected(faults) = project.handle.reload_and_wait(how).await else {
            panic!("it has mistakes")
        };
        assert_eq!(faults.iter().filter_map(Fault::line).collect::<Vec<_>>(), [2, 3]);
    }
    // A good file for which nothing can be made ready changes nothing either.
    project.write(NEW);
    project.reader.stuck.store(true, Ordering::SeqCst);
    let outcome = project.handle.reload_and_wait(ReloadMode::Apply).await;
    assert!(matches!(&outcome, ReloadReport::Rejected(_)), "{outcome:?}");
    assert_eq!(project.host.ran().len(), 3);
    // Only a reload that applies the file makes an event.
    let kinds = project.end().await;
    assert_eq!(kinds.iter().filter(|kind| **kind == "config_rejected").count(), 2);
    assert!(!kinds.contains(&"config_reloaded"));
}

#[tokio::test]
async fn an_unreadable_file_is_reported() {
    let project = Project::start(OLD, false);
    let refused = project.handle.reload_and_wait(ReloadMode::Apply).await;
    assert_eq!(refused, ReloadReport::Refused("this project has no file to reload".to_owned()));
    let handle = project.handle.clone();
    project.end().await;
    let refused = handle.reload_and_wait(ReloadMode::Apply).await;
    assert_eq!(refused, ReloadReport::Refused("the project has ended".to_owned()));
    // The project is on its way down, or gone by then.
    let project = Project::start(OLD, true);
    project.ran("c").await;
    let reload = project.handle.reload_and_wait(ReloadMode::Apply);
    project.handle.send(Intent::Shutdown(ShutdownReason::Asked));
    let refused = reload.await;
    assert!(matches!(&refused, ReloadReport::Refused(_)), "{refused:?}");
    assert!(!project.end().await.contains(&"config_reloaded"));
}

#[tokio::test]
async fn requests_during_a_read_get_the_result_of_the_next_read() {
    let project = Project::start(OLD, true);
    project.ran("c").await;
    let handle = &project.handle;
    // All requests are sent before the first response.
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..20 {
        let handle = handle.clone();
        let how = if n % 3 == 0 { ReloadMode::DryRun } else { ReloadMode::Apply };
        asked.spawn(async move { (how, handle.reload_and_wait(how).await) });
    }
    while let Some(answer) = asked.join_next().await {
        let (how, outcome) = answer.unwrap();
        let wanted = match how {
            ReloadMode::Apply => ReloadReport::Applied(SpecDiff::default()),
            ReloadMode::DryRun => ReloadReport::Planned(SpecDiff::default()),
        };
        assert_eq!(outcome, wanted);
    }
    let (read, _) = project.counts();
    assert!(read < 20, "{read} times, and once or twice is enough");
    project.write(NEW);
    assert_eq!(
        handle.reload_and_wait(ReloadMode::Apply).await,
        ReloadReport::Applied(difference())
    );
    project.end().await;
}
