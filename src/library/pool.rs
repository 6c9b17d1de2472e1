//! Process pool: a queue of commands with a fixed number of slots.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::command::Command;
use super::error::Error;
use super::handle::ProcessHandle;
use super::manager::ProcessManager;
use super::plan::QueuedCommand;
use super::record::{CommandRecord, PendingCounter, lock};
use crate::machine::Intent;
use crate::spec::{OnFailure, PoolSpec};

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
    spec: PoolSpec,
    is_closed: AtomicBool,
    pending: Arc<PendingCounter>,
    /// Submitted commands that may not be over.
    records: Mutex<Vec<Arc<CommandRecord>>>,
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ProcessPool");
        shown.field("concurrency", &self.0.spec.concurrency);
        shown.field("queued", &self.queued()).field("running", &self.running().len());
        shown.finish_non_exhaustive()
    }
}

impl Drop for PoolInner {
    fn drop(&mut self) {
        self.manager.0.send(Intent::RemovePool(self.spec.name.clone()));
    }
}

/// A command for a pool, with its priority and delay.
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
        Self::with_policy(manager, concurrency, OnFailure::Continue)
    }

    fn with_policy(manager: &ProcessManager, concurrency: u32, on_failure: OnFailure) -> Self {
        Self(Arc::new(PoolInner {
            manager: manager.clone(),
            spec: PoolSpec {
                name: manager.0.next_pool_name(),
                concurrency,
                on_failure,
                autostart: true,
                jobs: Vec::new(),
                template: None,
            },
            is_closed: AtomicBool::new(false),
            pending: Arc::default(),
            records: Mutex::default(),
        }))
    }

    /// Sets what follows the first final failure of a job: with [`OnFailure::Stop`] queued jobs become
    /// [`Error::Skipped`] and running ones are stopped; submitting another job resumes the pool. Call it
    /// before anything is submitted.
    #[must_use]
    pub fn on_failure(self, on_failure: OnFailure) -> Self {
        Self::with_policy(&self.0.manager, self.0.spec.concurrency, on_failure)
    }

    /// Queues a command and returns a future of its result; see [`Job`] for what happens when it is
    /// dropped.
    pub fn submit(&self, job: impl Into<PoolJob>) -> Job {
        let mut jobs = self.submit_all([job.into()]);
        jobs.pop().unwrap_or_else(|| Job::refused(self.clone(), Error::Closed("the pool")))
    }

    /// Queues commands together: none starts before the last one is queued.
    pub fn submit_all<J: Into<PoolJob>>(&self, jobs: impl IntoIterator<Item = J>) -> Vec<Job> {
        self.enqueue(jobs, true)
    }

    fn enqueue<J: Into<PoolJob>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
        has_handle: bool,
    ) -> Vec<Job> {
        let PoolInner { manager, spec, pending, .. } = &*self.0;
        let is_closed = self.0.is_closed.load(Ordering::SeqCst);
        let (mut commands, mut results) = (Vec::new(), Vec::new());
        for job in jobs {
            let PoolJob { command, priority, delay } = job.into();
            let queued = if is_closed {
                Err(Error::Closed("the pool"))
            } else {
                QueuedCommand::new(&command, has_handle, Some((&spec.name, pending)))
            };
            results.push(queued.map(|mut queued| {
                (queued.member.priority, queued.member.delay) = (priority, delay);
                let record = Arc::clone(&queued.record);
                commands.push(queued);
                record
            }));
        }
        let count = commands.len();
        pending.add(count);
        let refused = match manager.0.admit(Some(spec.clone()), commands) {
            Ok(records) => {
                self.remember(records);
                None
            }
            Err(error) => {
                pending.remove(count);
                Some(error)
            }
        };
        let job = |result: Result<Arc<CommandRecord>, Error>| match (result, &refused) {
            (Ok(record), None) => Job::of(self.clone(), record),
            (Ok(_), Some(error)) => Job::refused(self.clone(), error.clone()),
            (Err(error), _) => Job::refused(self.clone(), error),
        };
        results.into_iter().map(job).collect()
    }

    fn remember(&self, records: Vec<Arc<CommandRecord>>) {
        let mut known = lock(&self.0.records);
        // Cleaned up only when it has doubled, so that a long-lived pool forgets finished commands.
        if known.len() + records.len() > known.capacity() {
            known.retain(|record| record.stage.borrow().outcome.is_none());
        }
        known.extend(records);
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
        for (key, job) in keys.into_iter().zip(self.enqueue(jobs, false)) {
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
        if self.0.manager.0.admit(Some(self.0.spec.clone()), Vec::new()).is_ok() {
            self.0.manager.0.send(Intent::PausePool(self.0.spec.name.clone()));
        }
    }

    /// Resumes the pool.
    pub fn resume(&self) {
        self.0.manager.0.send(Intent::ResumePool(self.0.spec.name.clone()));
    }

    /// Closes the pool; submitted commands still run.
    pub fn close(&self) {
        self.0.is_closed.store(true, Ordering::SeqCst);
    }

    /// Waits until all submitted commands are over. Never returns while the pool is paused with queued
    /// commands. Cancel safe.
    pub async fn drain(&self) {
        let mut pending = self.0.pending.0.subscribe();
        // No error: the sender lives as long as the pool.
        _ = pending.wait_for(|pending| *pending == 0).await;
    }

    /// Closes the pool, cancels commands that have not started, stops running ones by their stop policies,
    /// all at the same time, and returns when all are over.
    pub async fn stop(&self) {
        self.close();
        let records = lock(&self.0.records).clone();
        let active = records.into_iter().filter(|record| record.stage.borrow().outcome.is_none());
        let mut ids = Vec::new();
        for record in active {
            if let Ok(handle) = self.0.manager.0.wait_for_id(&record).await {
                ids.push(handle.id);
            }
        }
        self.0.manager.0.send(Intent::Stop(ids));
        self.drain().await;
    }
}
