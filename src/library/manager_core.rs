//! Shared state of all clones of a manager: the command registry, and the engine once it was started.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use indexmap::IndexMap;
use tokio::runtime::Handle;
use tokio::sync::{SetOnce, watch};

use super::command::Command;
use super::error::Error;
use super::handle::ProcessHandle;
use super::plan::{CommandPlan, is_read, plan};
use super::record::{CommandLimits, CommandRecord, CommandRegistry, PendingCounter, lock};
use crate::engine::{AdmitRequest, Engine, EngineHandle, EngineOptions, Stdio};
use crate::machine::{Intent, NewMember, ProcessId, ShutdownReason, Supervisor, SupervisorOptions};
use crate::spec::{Name, OutputLimits, PoolSpec, Project, Spec};
use crate::sys::{Host, journal};

/// How an engine is started.
pub(super) type EngineStart =
    Box<dyn FnOnce(&Arc<CommandRegistry>) -> Result<RunningEngine, Error> + Send>;

/// What all clones of a manager share.
pub(super) struct ManagerCore {
    pub(super) books: Arc<CommandRegistry>,
    /// How to start the engine; taken by the first command.
    start: Mutex<Option<EngineStart>>,
    running: OnceLock<RunningEngine>,
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
pub(super) struct RunningEngine {
    pub(super) engine: EngineHandle,
    /// True once it has ended.
    pub(super) ended: watch::Receiver<bool>,
    /// Kills everything immediately.
    end_everything: Box<dyn Fn() + Send + Sync>,
}

impl Drop for ManagerCore {
    fn drop(&mut self) {
        if let Some(running) = self.running.get() {
            // First, so that the engine knows the cause of the kills.
            self.books.abandon();
            if !*running.ended.borrow() {
                (running.end_everything)();
            }
            // Wakes it, should nothing else.
            running.engine.send(Intent::ShutdownNow(ShutdownReason::Asked));
        }
    }
}

impl ManagerCore {
    pub(super) fn new(start: EngineStart) -> Self {
        Self {
            books: Arc::new(CommandRegistry::new()),
            start: Mutex::new(Some(start)),
            running: OnceLock::new(),
            closed: AtomicBool::new(false),
            pools: AtomicU64::new(0),
        }
    }

    /// A name for one more pool.
    pub(super) fn name_pool(&self) -> Name {
        let number = self.pools.fetch_add(1, Ordering::Relaxed) + 1;
        Name::new(&format!("pool-{number}"))
    }

    /// The engine, if it was started.
    pub(super) fn engine(&self) -> Option<&EngineHandle> {
        self.running.get().map(|running| &running.engine)
    }

    /// Closes the manager; returns the engine if it was started, and whether this is the first call.
    pub(super) fn close(&self) -> (Option<&RunningEngine>, bool) {
        let is_first = !self.closed.swap(true, Ordering::SeqCst);
        // Removed, so that a concurrent first command cannot start an engine.
        drop(lock(&self.start).take());
        (self.running.get(), is_first)
    }

    pub(super) fn wish(&self, intent: Intent) {
        if let Some(running) = self.running.get() {
            running.engine.send(intent);
        }
    }

    /// Returns the engine, and starts it if necessary.
    pub(super) fn running(&self) -> Result<&RunningEngine, Error> {
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
        let running = make(&self.books)?;
        Ok(self.running.get_or_init(|| running))
    }

    /// Admits and starts commands together; their records are in the registry before the engine does
    /// anything else.
    pub(super) fn admit(
        &self,
        pool: Option<PoolSpec>,
        entries: Vec<QueuedCommand>,
    ) -> Result<Vec<Arc<CommandRecord>>, Error> {
        let running = self.running()?;
        let (mut records, mut guests) = (Vec::new(), Vec::new());
        for QueuedCommand { newcomer, wiring, record } in entries {
            guests.push((newcomer, Arc::new(wiring)));
            records.push(record);
        }
        let (books, opened) = (Arc::clone(&self.books), records.clone());
        let engine = running.engine.clone();
        let admitted = Box::new(move |ids: Option<&[ProcessId]>| match ids {
            Some(ids) => {
                for (id, record) in ids.iter().zip(opened) {
                    books.open(*id, Arc::clone(&record));
                    if record.number(*id) {
                        engine.send(Intent::Kill(vec![*id]));
                    }
                }
            }
            None => {
                for record in opened {
                    record.fail(Error::Closed("the manager"));
                }
            }
        });
        let sent = running.engine.admit(AdmitRequest { pool, guests, admitted });
        if !sent {
            for record in &records {
                record.fail(Error::Closed("the manager"));
            }
        }
        Ok(records)
    }

    /// Handles of all commands that are not over.
    pub(super) fn active(&self) -> Vec<ProcessHandle> {
        let Some(engine) = self.engine() else { return Vec::new() };
        let handle = |(id, record)| {
            let engine = engine.clone();
            ProcessHandle { engine, record, id }
        };
        self.books.all().into_iter().map(handle).collect()
    }

    /// Lets these in and starts them; they are killed when what is given back goes.
    pub(super) fn admit_guarded(
        &self,
        entries: Vec<QueuedCommand>,
    ) -> Result<Vec<KillOnDrop>, Error> {
        let records = self.admit(None, entries)?;
        let engine = self.engine().ok_or(Error::Closed("the manager"))?;
        let guard = |record| KillOnDrop::new(engine, record);
        Ok(records.into_iter().map(guard).collect())
    }

    /// The handle, once it has its number.
    pub(super) async fn numbered(
        &self,
        record: &Arc<CommandRecord>,
    ) -> Result<ProcessHandle, Error> {
        let engine = self.engine().ok_or(Error::Closed("the manager"))?.clone();
        let mut stage = record.stage.subscribe();
        let reached = stage.wait_for(|stage| record.id.get().is_some() || stage.outcome.is_some());
        let refused = reached.await.ok().and_then(|stage| stage.outcome.clone());
        match (record.id.get().copied(), refused) {
            (Some(id), _) => Ok(ProcessHandle { engine, record: Arc::clone(record), id }),
            (None, Some(Err(error))) => Err(error),
            (None, Some(Ok(_)) | None) => Err(Error::Closed("the manager")),
        }
    }
}

/// A command on its way to the engine.
pub(super) struct QueuedCommand {
    pub(super) newcomer: NewMember,
    pub(super) wiring: Stdio,
    pub(super) record: Arc<CommandRecord>,
}

impl QueuedCommand {
    /// Validates a command.
    pub(super) fn new(
        command: &Command,
        tally: Option<Arc<PendingCounter>>,
    ) -> Result<Self, Error> {
        let CommandPlan { spec, wiring, command: line, input } = plan(command)?;
        let record = Arc::new(CommandRecord {
            id: OnceLock::new(),
            name: spec.name.to_string(),
            command: line,
            limits: CommandLimits { timeout: spec.timeout, idle_timeout: spec.idle_timeout },
            capture: Arc::clone(&wiring.capture),
            is_read: is_read(command.output),
            input: Mutex::new(input),
            stage: watch::Sender::default(),
            over: SetOnce::new(),
            tally,
            unwanted: AtomicBool::new(false),
        });
        Ok(Self { newcomer: NewMember::one_off(Arc::new(spec)), wiring, record })
    }
}

/// Kills an admitted command on drop, unless it has a handle or is over.
pub(super) struct KillOnDrop {
    engine: EngineHandle,
    pub(super) record: Arc<CommandRecord>,
    kept: bool,
}

impl KillOnDrop {
    pub(super) fn new(engine: &EngineHandle, record: Arc<CommandRecord>) -> Self {
        Self { engine: engine.clone(), record, kept: false }
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // A command without a number is killed when it gets one.
        if let Some(id) = self.record.give_up() {
            self.engine.send(Intent::Kill(vec![id]));
        }
    }
}

/// Starts an engine with nothing to run.
pub(super) fn start<H: Host>(host: H, books: &Arc<CommandRegistry>) -> RunningEngine {
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
        blank: None,
    };
    let options = SupervisorOptions { keep: true, ..SupervisorOptions::default() };
    let settings = EngineOptions {
        // Without a session id, strays that left their group are not recognised, which is acceptable.
        session: journal::new_session().unwrap_or_else(|_| std::process::id().to_string()),
        witness: Some(Arc::clone(books) as Arc<_>),
        ..EngineOptions::default()
    };
    let host = Arc::new(host);
    let ending = Arc::clone(&host);
    let mut engine = Engine::new(host, Supervisor::new(spec, options), settings);
    // Notices are for front ends; here they go to the diagnostics only.
    drop(engine.feed());
    let handle = engine.handle();
    let (over, ended) = watch::channel(false);
    let books = Arc::clone(books);
    tokio::spawn(async move {
        let _closed = CloseRegistry { books, over };
        engine.run(Vec::new(), true).await;
    });
    RunningEngine {
        engine: handle,
        ended,
        end_everything: Box::new(move || ending.end_everything()),
    }
}

/// Ends all waits when the engine ends, even by a panic or with its runtime.
struct CloseRegistry {
    books: Arc<CommandRegistry>,
    over: watch::Sender<bool>,
}

impl Drop for CloseRegistry {
    fn drop(&mut self) {
        self.books.close();
        self.over.send_replace(true);
    }
}
