//! Shared state of all clones of a manager: the command registry, and the engine once it was started.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use indexmap::IndexMap;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::error::Error;
use super::handle::ProcessHandle;
use super::plan::QueuedCommand;
use super::record::{CommandRecord, CommandRegistry, lock};
use crate::engine::{AdHocLaunch, Engine, EngineHandle, EngineMessage, EngineOptions};
use crate::machine::{Intent, ProcessId, ShutdownReason, Supervisor, SupervisorOptions};
use crate::spec::{Name, OutputLimits, PoolSpec, Project, Spec};
use crate::sys::{Host, journal};

/// How an engine is started.
pub(super) type EngineStart =
    Box<dyn FnOnce(&Arc<CommandRegistry>) -> Result<StartedEngine, Error> + Send>;

/// The state that all clones of a manager share.
pub(super) struct ManagerCore {
    pub(super) registry: Arc<CommandRegistry>,
    /// How to start the engine; taken by the first command.
    start: Mutex<Option<EngineStart>>,
    running: OnceLock<StartedEngine>,
    closed: AtomicBool,
    /// The number of pools so far, for their internal names.
    pools: AtomicU64,
}

impl fmt::Debug for ManagerCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessManager").field("active", &self.active()).finish()
    }
}

/// An engine that was started.
pub(super) struct StartedEngine {
    pub(super) engine: EngineHandle,
    /// True once it has ended.
    pub(super) ended: watch::Receiver<bool>,
    /// Kills everything immediately.
    end_everything: Box<dyn Fn() + Send + Sync>,
}

impl Drop for ManagerCore {
    fn drop(&mut self) {
        if let Some(running) = self.running.get() {
            // First, so that the engine knows why the processes end.
            self.registry.abandon();
            if !*running.ended.borrow() {
                (running.end_everything)();
            }
            // Wakes the engine.
            running.engine.send(Intent::ShutdownNow(ShutdownReason::Asked));
        }
    }
}

impl ManagerCore {
    pub(super) fn new(start: EngineStart) -> Self {
        Self {
            registry: Arc::new(CommandRegistry::new()),
            start: Mutex::new(Some(start)),
            running: OnceLock::new(),
            closed: AtomicBool::new(false),
            pools: AtomicU64::new(0),
        }
    }

    /// Returns a unique name for a pool.
    pub(super) fn next_pool_name(&self) -> Name {
        let number = self.pools.fetch_add(1, Ordering::Relaxed) + 1;
        Name::new(&format!("pool-{number}"))
    }

    /// The engine, if it was started.
    pub(super) fn engine(&self) -> Option<&EngineHandle> {
        self.running.get().map(|running| &running.engine)
    }

    /// Closes the manager; returns the engine if it was started, and whether this is the first call.
    pub(super) fn close(&self) -> (Option<&StartedEngine>, bool) {
        let is_first = !self.closed.swap(true, Ordering::SeqCst);
        // Removed, so that a concurrent first command cannot start an engine.
        drop(lock(&self.start).take());
        (self.running.get(), is_first)
    }

    pub(super) fn send(&self, intent: Intent) {
        if let Some(running) = self.running.get() {
            running.engine.send(intent);
        }
    }

    /// Returns the engine, and starts it if necessary.
    pub(super) fn running(&self) -> Result<&StartedEngine, Error> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::Closed("the manager"));
        }
        // Held over the start, so that two first commands start one engine.
        let mut start = lock(&self.start);
        if let Some(running) = self.running.get() {
            return Ok(running);
        }
        Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let Some(make) = start.take() else { return Err(Error::Closed("the manager")) };
        let running = make(&self.registry)?;
        Ok(self.running.get_or_init(|| running))
    }

    /// Admits and starts commands together; their records are in the registry before the engine does
    /// anything else.
    pub(super) fn admit(
        &self,
        pool: Option<PoolSpec>,
        commands: Vec<QueuedCommand>,
    ) -> Result<Vec<Arc<CommandRecord>>, Error> {
        let running = self.running()?;
        let (mut records, mut members) = (Vec::new(), Vec::new());
        for QueuedCommand { member, launch, feed, record } in commands {
            let launch = AdHocLaunch::new(
                launch,
                feed,
                Arc::clone(&record.capture),
                record.terminal.clone(),
            );
            members.push((member, Arc::new(launch)));
            records.push(record);
        }
        let (registry, opened) = (Arc::clone(&self.registry), records.clone());
        let engine = running.engine.clone();
        let admitted = Box::new(move |ids: Option<&[ProcessId]>| match ids {
            Some(ids) => {
                for (id, record) in ids.iter().zip(opened) {
                    registry.open(*id, Arc::clone(&record));
                    if record.set_id(*id) {
                        engine.send(Intent::Kill(vec![*id]));
                    }
                }
            }
            None => opened.iter().for_each(|record| record.fail(Error::Closed("the manager"))),
        });
        let message = EngineMessage::Admit { pool, members, admitted };
        if running.engine.messages.send(message).is_err() {
            for record in &records {
                record.fail(Error::Closed("the manager"));
            }
        }
        Ok(records)
    }

    /// Handles of all commands that are not over.
    pub(super) fn active(&self) -> Vec<ProcessHandle> {
        let Some(engine) = self.engine() else { return Vec::new() };
        let handle = |(id, record)| ProcessHandle { engine: engine.clone(), record, id };
        self.registry.active().into_iter().map(handle).collect()
    }

    /// Admits and starts commands, which are killed when their guards are dropped.
    pub(super) fn admit_guarded(
        &self,
        commands: Vec<QueuedCommand>,
    ) -> Result<Vec<KillOnDrop>, Error> {
        let records = self.admit(None, commands)?;
        let engine = self.engine().ok_or(Error::Closed("the manager"))?;
        let guard = |record| KillOnDrop { engine: engine.clone(), record, is_kept: false };
        Ok(records.into_iter().map(guard).collect())
    }

    /// Waits until a command has its number, and returns its handle.
    pub(super) async fn wait_for_id(
        &self,
        record: &Arc<CommandRecord>,
    ) -> Result<ProcessHandle, Error> {
        let engine = self.engine().ok_or(Error::Closed("the manager"))?.clone();
        let mut stage = record.stage.subscribe();
        let stage = stage.wait_for(|stage| record.id.get().is_some() || stage.outcome.is_some());
        let outcome = stage.await.ok().and_then(|stage| stage.outcome.clone());
        match (record.id.get().copied(), outcome) {
            (Some(id), _) => Ok(ProcessHandle { engine, record: Arc::clone(record), id }),
            (None, Some(Err(error))) => Err(error),
            (None, Some(Ok(_)) | None) => Err(Error::Closed("the manager")),
        }
    }
}

/// Kills an admitted command on drop, unless it has a handle or is over.
pub(super) struct KillOnDrop {
    engine: EngineHandle,
    pub(super) record: Arc<CommandRecord>,
    is_kept: bool,
}

impl KillOnDrop {
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // A command without a number is killed when it gets one.
        if !self.is_kept
            && let Some(id) = self.record.abandon()
        {
            self.engine.send(Intent::Kill(vec![id]));
        }
    }
}

/// Starts an engine with nothing to run.
pub(super) fn start<H: Host>(host: H, registry: &Arc<CommandRegistry>) -> StartedEngine {
    let spec = Spec {
        project: Project {
            name: "library".to_owned(),
            file: "/".into(),
            dir: "/".into(),
            files: Vec::new(),
            env_files: Vec::new(),
            env_pipes: Vec::new(),
            reload: false,
            output: OutputLimits::default(),
            log_dir: None,
        },
        processes: IndexMap::new(),
        pools: IndexMap::new(),
        template: None,
    };
    let options = SupervisorOptions { keep: true, ..SupervisorOptions::default() };
    let engine_options = EngineOptions {
        // Without a session id, strays that left their group are not recognised, which is acceptable.
        session: journal::new_session().unwrap_or_else(|_| std::process::id().to_string()),
        observer: Some(Arc::clone(registry) as Arc<_>),
        ..EngineOptions::default()
    };
    let host = Arc::new(host);
    let supervisor = Supervisor::new(spec, options);
    let mut engine = Engine::new(Arc::clone(&host), supervisor, engine_options);
    // Notices are for front ends; here they go to the diagnostics only.
    drop(engine.feed());
    let handle = engine.handle();
    let (has_ended, ended) = watch::channel(false);
    let registry = Arc::clone(registry);
    tokio::spawn(async move {
        let _guard = CloseRegistry { registry, has_ended };
        engine.run(Vec::new(), true).await;
    });
    StartedEngine { engine: handle, ended, end_everything: Box::new(move || host.end_everything()) }
}

/// Ends all waits when the engine ends, even by a panic or with its runtime.
struct CloseRegistry {
    registry: Arc<CommandRegistry>,
    has_ended: watch::Sender<bool>,
}

impl Drop for CloseRegistry {
    fn drop(&mut self) {
        self.registry.close();
        self.has_ended.send_replace(true);
    }
}
