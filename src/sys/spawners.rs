//! Spawner threads: create children from one queue, first come, first served.
//!
//! A thread is suspended from the clone of a child until its exec, which lasts until the child is
//! scheduled. So one thread alone leaves processors idle (with 16 children at a time and two
//! processors: a tenth of them); more threads start as soon as one is not enough.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::registry::{LeaderId, MAX_LAUNCHING, Registry};
use super::spawn::{self, SpawnFailure, SpawnedChild};
use super::{HostOptions, Launch};

/// The name of the threads.
pub(super) const NAME: &str = "pitcrew-spawn";

/// A job of a spawner thread.
#[derive(Debug)]
pub(super) enum SpawnJob {
    Launch {
        launch: Box<Launch>,
        answer: oneshot::Sender<Result<SpawnedChild, SpawnFailure>>,
        spawners: Spawners,
    },
    /// Reap a killed leader once it has ended.
    Reap(LeaderId),
}

/// A handle of the threads, which live as long as there is one. A leader has one too: the end of the
/// thread that created a child would end the child.
#[derive(Debug, Clone)]
pub(super) struct Spawners(Arc<OpenQueue>);

/// Closes the queue when the last handle is dropped.
#[derive(Debug)]
struct OpenQueue(Arc<SpawnQueue>);

#[derive(Debug)]
struct SpawnQueue {
    state: Mutex<SpawnersState>,
    changed: Condvar,
    registry: Arc<Registry>,
    options: HostOptions,
    max_threads: usize,
}

#[derive(Debug, Default)]
struct SpawnersState {
    jobs: VecDeque<SpawnJob>,
    threads: usize,
    /// The number of threads that wait for a job.
    idle: usize,
    closed: bool,
}

/// The next task of a thread.
pub(super) enum SpawnerTurn {
    Job(SpawnJob),
    /// No job came in time.
    Timeout,
    /// All handles are gone.
    Closed,
}

impl Spawners {
    /// Starts the first of the threads.
    pub(super) fn start(registry: Arc<Registry>, options: HostOptions) -> io::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let queue = Arc::new(SpawnQueue {
            state: Mutex::default(),
            changed: Condvar::new(),
            registry,
            options,
            max_threads: processors.min(MAX_LAUNCHING),
        });
        queue.add_thread(&mut queue.lock())?;
        Ok(Self(Arc::new(OpenQueue(queue))))
    }

    /// Queues the launch of a child; the result is sent if a thread exists to send it.
    pub(super) fn launch(
        &self,
        launch: Box<Launch>,
    ) -> oneshot::Receiver<Result<SpawnedChild, SpawnFailure>> {
        let (answer, answered) = oneshot::channel();
        self.send(SpawnJob::Launch { launch, answer, spawners: self.clone() });
        answered
    }

    /// Queues the reaping of a killed leader.
    pub(super) fn reap(&self, leader: LeaderId) {
        self.send(SpawnJob::Reap(leader));
    }

    fn send(&self, job: SpawnJob) {
        let OpenQueue(queue) = &*self.0;
        let mut state = queue.lock();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < queue.max_threads {
            // If that fails, the other threads do all of it.
            _ = queue.add_thread(&mut state);
        }
        drop(state);
        queue.changed.notify_one();
    }
}

impl Drop for OpenQueue {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl SpawnQueue {
    fn lock(&self) -> MutexGuard<'_, SpawnersState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_thread(self: &Arc<Self>, state: &mut SpawnersState) -> io::Result<()> {
        let queue = Arc::clone(self);
        let slot = state.threads;
        std::thread::Builder::new().name(NAME.to_owned()).spawn(move || {
            spawn::run(|timeout| queue.next(timeout), &queue.registry, slot, queue.options);
        })?;
        state.threads += 1;
        Ok(())
    }

    fn next(&self, timeout: Option<Duration>) -> SpawnerTurn {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return SpawnerTurn::Job(job);
            }
            if state.closed {
                return SpawnerTurn::Closed;
            }
            state.idle += 1;
            let timed_out;
            (state, timed_out) = match timeout {
                None => (self.changed.wait(state).unwrap_or_else(PoisonError::into_inner), false),
                Some(timeout) => {
                    let waited = self.changed.wait_timeout(state, timeout);
                    let (state, result) = waited.unwrap_or_else(PoisonError::into_inner);
                    (state, result.timed_out())
                }
            };
            state.idle -= 1;
            if timed_out && state.jobs.is_empty() {
                return SpawnerTurn::Timeout;
            }
        }
    }
}
