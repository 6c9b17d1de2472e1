//! What all clones of a manager share: the books, and the engine once it was started.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use indexmap::IndexMap;
use tokio::runtime::Handle;
use tokio::sync::{SetOnce, watch};

use super::command::Command;
use super::error::Error;
use super::plan::{CommandPlan, is_read, plan};
use super::pool::PendingCounter;
use super::record::{CommandLimits, CommandRecord, CommandRegistry, lock};
use crate::engine::{AdmitRequest, Engine, EngineOptions, Stdio};
use crate::machine::{Intent, NewMember, ProcessId, ShutdownReason, Supervisor, SupervisorOptions};
use crate::session::Session;
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
    /// Pools so far, for their names, which nobody sees.
    pools: AtomicU64,
}

/// An engine that was started.
pub(super) struct RunningEngine {
    pub(super) session: Session,
    /// True once it has ended.
    pub(super) ended: watch::Receiver<bool>,
    /// Kills everything here and now.
    end_everything: Box<dyn Fn() + Send + Sync>,
}

impl Drop for ManagerCore {
    fn drop(&mut self) {
        if let Some(running) = self.running.get() {
            // Said first, so that the engine knows who has killed them.
            self.books.abandon();
            if !*running.ended.borrow() {
                (running.end_everything)();
            }
            // Wakes it, should nothing else.
            running.session.wish(Intent::ShutdownNow(ShutdownReason::Asked));
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
    pub(super) fn session(&self) -> Option<&Session> {
        self.running.get().map(|running| &running.session)
    }

    /// Starts nothing any more; gives the engine if it was started, and whether this was said the
    /// first time.
    pub(super) fn close(&self) -> (Option<&RunningEngine>, bool) {
        let is_first = !self.closed.swap(true, Ordering::SeqCst);
        // Taken away, so that a first command that is on its way finds nothing to start.
        drop(lock(&self.start).take());
        (self.running.get(), is_first)
    }

    pub(super) fn wish(&self, intent: Intent) {
        if let Some(running) = self.running.get() {
            running.session.wish(intent);
        }
    }

    /// The engine, started if it is not yet.
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

    /// Lets these in and starts them, all at once; their records are in the books before this
    /// engine does anything else.
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
        let session = running.session.clone();
        let admitted = Box::new(move |ids: Option<&[ProcessId]>| match ids {
            Some(ids) => {
                for (id, record) in ids.iter().zip(opened) {
                    books.open(*id, Arc::clone(&record));
                    if record.number(*id) {
                        session.wish(Intent::Kill(vec![*id]));
                    }
                }
            }
            None => {
                for record in opened {
                    record.fail(Error::Closed("the manager"));
                }
            }
        });
        let sent = running.session.admit(AdmitRequest { pool, guests, admitted });
        if !sent {
            for record in &records {
                record.fail(Error::Closed("the manager"));
            }
        }
        Ok(records)
    }
}

/// One command on its way to the engine.
pub(super) struct QueuedCommand {
    pub(super) newcomer: NewMember,
    pub(super) wiring: Stdio,
    pub(super) record: Arc<CommandRecord>,
}

impl QueuedCommand {
    /// A command that makes sense, or why it does not.
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

/// Kills a command that was let in, unless it is told that somebody has it or that it is over.
pub(super) struct KillOnDrop {
    session: Session,
    pub(super) record: Arc<CommandRecord>,
    kept: bool,
}

impl KillOnDrop {
    pub(super) fn new(session: &Session, record: Arc<CommandRecord>) -> Self {
        Self { session: session.clone(), record, kept: false }
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
        // One without a number yet is killed when it gets it.
        if let Some(id) = self.record.give_up() {
            self.session.wish(Intent::Kill(vec![id]));
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
        // Without it, strays that left their group cannot be told from others: better than nothing.
        session: journal::new_session().unwrap_or_else(|_| std::process::id().to_string()),
        witness: Some(Arc::clone(books) as Arc<_>),
        ..EngineOptions::default()
    };
    let host = Arc::new(host);
    let ending = Arc::clone(&host);
    let mut engine = Engine::new(host, Supervisor::new(spec, options), settings);
    // Notices are for a front; here they are in the diagnostics only.
    drop(engine.feed());
    let session = engine.session();
    let (over, ended) = watch::channel(false);
    let books = Arc::clone(books);
    tokio::spawn(async move {
        let _closed = CloseRegistry { books, over };
        engine.run(Vec::new(), true).await;
    });
    RunningEngine { session, ended, end_everything: Box::new(move || ending.end_everything()) }
}

/// Nobody waits for good when the engine ends, even by a fault or with its runtime.
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
