//! Process pool: a queue of commands with a fixed number of slots.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::command::Command;
use super::error::Error;
use super::handle::ProcessHandle;
use super::manager::ProcessManager;
use super::manager_core::QueuedCommand;
use super::plan::held;
use super::record::{CommandRecord, PendingCounter, lock};
use crate::machine::Intent;
use crate::spec::{Name, OnFailure, PoolSpec};

mod job;

pub use job::{Job, PoolResults};

/// A queue of commands with a limited number of slots.
///
/// There are never more live commands than slots, and no slot is idle while a command is queued. A
/// command in back-off holds no slot. A command that cannot start fails alone. Cheap to clone; clones are
/// the same pool. When the last one is dropped, submitted commands still run; only the clones keep the
/// manager alive until then.
///
/// ```
/// use pitcrew::{Command, ProcessManager, ProcessPool};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pitcrew::Error> {
/// let manager = ProcessManager::new();
/// let pool = ProcessPool::new(&manager, 2);
/// let jobs = ["a", "b", "c"].map(|key| (key, Command::new("echo").arg(key)));
/// let results = pool.run_all(jobs).await;
/// assert!(results.success());
/// assert_eq!(results.get(&"b").unwrap().as_ref().unwrap().stdout(), b"b\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ProcessPool(Arc<PoolInner>);

struct PoolInner {
    manager: ProcessManager,
    name: Name,
    concurrency: u32,
    on_failure: OnFailure,
    closed: AtomicBool,
    tally: Arc<PendingCounter>,
    /// Submitted commands that may not be over.
    records: Mutex<Vec<Arc<CommandRecord>>>,
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ProcessPool");
        shown.field("concurrency", &self.0.concurrency);
        shown.field("queued", &self.queued()).field("running", &self.running().len());
        shown.finish_non_exhaustive()
    }
}

impl Drop for PoolInner {
    fn drop(&mut self) {
        self.manager.0.wish(Intent::Dismiss(self.name.clone()));
    }
}

/// A command for a pool, with its place in the queue.
///
/// ```
/// use std::time::Duration;
/// use pitcrew::{Command, PoolJob};
///
/// let soon = PoolJob::from(Command::new("backup")).priority(10);
/// let later = PoolJob::from(Command::new("report")).delay(Duration::from_secs(60));
/// # let _ = (soon, later);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a job does nothing before it is submitted"]
pub struct PoolJob {
    command: Command,
    priority: i32,
    delay: Duration,
}

impl From<Command> for PoolJob {
    fn from(command: Command) -> Self {
        Self { command, priority: 0, delay: Duration::ZERO }
    }
}

impl PoolJob {
    /// Sets its priority, default 0: it starts before all with a lower one. Within a priority, commands
    /// start in order of submission.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Delays its queueing; it holds no slot until then.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

impl ProcessPool {
    /// Creates a pool with this number of slots; 0 is taken as 1.
    pub fn new(manager: &ProcessManager, slots: usize) -> Self {
        let concurrency = u32::try_from(slots).unwrap_or(u32::MAX).max(1);
        Self(Arc::new(PoolInner {
            manager: manager.clone(),
            name: manager.0.name_pool(),
            concurrency,
            on_failure: OnFailure::Continue,
            closed: AtomicBool::new(false),
            tally: Arc::default(),
            records: Mutex::default(),
        }))
    }

    /// Sets what follows the first final failure of a job: with [`OnFailure::Stop`] queued jobs become
    /// [`Error::Skipped`] and running ones are stopped; submitting another job resumes the pool. Call it
    /// before anything is submitted.
    #[must_use]
    pub fn on_failure(self, on_failure: OnFailure) -> Self {
        let new = Self::new(&self.0.manager, self.0.concurrency as usize);
        match Arc::try_unwrap(new.0) {
            Ok(mut inner) => {
                inner.on_failure = on_failure;
                Self(Arc::new(inner))
            }
            Err(_) => self,
        }
    }

    /// Queues a command and returns a future of its result; see [`Job`] for what happens when it is
    /// dropped.
    pub fn submit(&self, job: impl Into<PoolJob>) -> Job {
        let mut jobs = self.submit_all([job.into()]);
        jobs.pop().unwrap_or_else(|| self.refused(Error::Closed("the pool")))
    }

    /// Queues commands together: none starts before the last one is queued.
    pub fn submit_all<J: Into<PoolJob>>(&self, jobs: impl IntoIterator<Item = J>) -> Vec<Job> {
        self.enter(jobs, |_| Ok(()))
    }

    /// Like [`Self::submit_all`] with an additional check.
    fn enter<J: Into<PoolJob>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
        check: impl Fn(&Command) -> Result<(), Error>,
    ) -> Vec<Job> {
        let inner = &self.0;
        let is_closed = inner.closed.load(Ordering::SeqCst);
        let (mut entries, mut answers) = (Vec::new(), Vec::new());
        for job in jobs {
            let PoolJob { command, priority, delay } = job.into();
            let entry = if is_closed {
                Err(Error::Closed("the pool"))
            } else {
                let tally = Some(Arc::clone(&inner.tally));
                QueuedCommand::new(&command, tally)
                    .and_then(|entry| check(&command).map(|()| entry))
            };
            match entry {
                Ok(mut entry) => {
                    let mut spec = (*entry.newcomer.spec).clone();
                    spec.pool = Some(inner.name.clone());
                    entry.newcomer.spec = Arc::new(spec);
                    (entry.newcomer.priority, entry.newcomer.delay) = (priority, delay);
                    answers.push(Ok(Arc::clone(&entry.record)));
                    entries.push(entry);
                }
                Err(error) => answers.push(Err(error)),
            }
        }
        inner.tally.submitted(entries.len());
        let count = entries.len();
        let refused = match inner.manager.0.admit(Some(self.spec()), entries) {
            Ok(records) => {
                self.remember(records);
                None
            }
            Err(error) => {
                (0..count).for_each(|_| inner.tally.finished());
                Some(error)
            }
        };
        let job = |answer: Result<Arc<CommandRecord>, Error>| match (answer, &refused) {
            (Ok(record), None) => Job::of(self.clone(), record),
            (Ok(_), Some(error)) => self.refused(error.clone()),
            (Err(error), _) => self.refused(error),
        };
        answers.into_iter().map(job).collect()
    }

    fn spec(&self) -> PoolSpec {
        PoolSpec {
            name: self.0.name.clone(),
            concurrency: self.0.concurrency,
            on_failure: self.0.on_failure,
            autostart: true,
            jobs: Vec::new(),
            blank: None,
        }
    }

    fn remember(&self, records: Vec<Arc<CommandRecord>>) {
        let mut known = lock(&self.0.records);
        // Cleaned up only when it has doubled, so that a long-lived pool forgets finished commands.
        if known.len() + records.len() > known.capacity() {
            known.retain(|record| record.stage.borrow().outcome.is_none());
        }
        known.extend(records);
    }

    fn refused(&self, error: Error) -> Job {
        Job::refused(self.clone(), error)
    }

    /// Runs jobs and waits for all of them. Results are returned by key in the order of the jobs, whatever
    /// order they ended in; a key that occurs twice has two results. If the future is dropped, jobs that have
    /// not started never will; the others continue.
    pub async fn run_all<K, J: Into<PoolJob>>(
        &self,
        jobs: impl IntoIterator<Item = (K, J)>,
    ) -> PoolResults<K> {
        let (keys, jobs): (Vec<K>, Vec<J>) = jobs.into_iter().unzip();
        let mut results = Vec::with_capacity(keys.len());
        for (key, job) in keys.into_iter().zip(self.enter(jobs, held)) {
            results.push((key, job.await));
        }
        PoolResults(results)
    }

    /// The number of commands that are queued, delayed, or waiting for a retry.
    pub fn queued(&self) -> usize {
        let waiting = |record: &&Arc<CommandRecord>| {
            let stage = record.stage.borrow();
            stage.outcome.is_none() && stage.pid.is_none()
        };
        lock(&self.0.records).iter().filter(waiting).count()
    }

    /// The live commands, in order of submission.
    pub fn running(&self) -> Vec<ProcessHandle> {
        let records = lock(&self.0.records).clone();
        let alive = records.iter().filter(|record| record.stage.borrow().pid.is_some());
        alive.filter_map(|record| self.0.manager.get(*record.id.get()?)).collect()
    }

    /// Pauses the pool: it starts nothing until it is resumed; running commands continue.
    pub fn pause(&self) {
        // The engine must know the pool before it can pause it.
        if self.0.manager.0.admit(Some(self.spec()), Vec::new()).is_ok() {
            self.0.manager.0.wish(Intent::Pause(self.0.name.clone()));
        }
    }

    /// Resumes the pool.
    pub fn resume(&self) {
        self.0.manager.0.wish(Intent::Resume(self.0.name.clone()));
    }

    /// Closes the pool; submitted commands still run.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
    }

    /// Waits until all submitted commands are over. Never returns while the pool is paused with queued
    /// commands. Cancel safe.
    pub async fn drain(&self) {
        let mut open = self.0.tally.0.subscribe();
        // The sender lives as long as we do.
        _ = open.wait_for(|open| *open == 0).await;
    }

    /// Closes the pool, cancels commands that have not started, stops running ones by their stop policies,
    /// all at the same time, and returns when all are over.
    pub async fn stop(&self) {
        self.close();
        let records = lock(&self.0.records).clone();
        let open = records.into_iter().filter(|record| record.stage.borrow().outcome.is_none());
        let mut ids = Vec::new();
        for record in open {
            if let Ok(handle) = self.0.manager.0.numbered(&record).await {
                ids.push(handle.id);
            }
        }
        self.0.manager.0.wish(Intent::Stop(ids));
        self.drain().await;
    }
}
