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

use super::registry::{LAUNCHING, Registry, Zombie};
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
        home: Spawners,
    },
    /// Reap a killed leader once it has ended.
    Reap(Zombie),
}

/// A handle of the threads, which live as long as there is one. A leader has one too: the end of the
/// thread that created a child would end the child.
#[derive(Debug)]
pub(super) struct Spawners(Arc<SpawnQueue>);

#[derive(Debug)]
struct SpawnQueue {
    state: Mutex<SpawnersState>,
    more: Condvar,
    registry: Arc<Registry>,
    options: HostOptions,
    /// The maximum number of threads.
    most: usize,
}

#[derive(Debug, Default)]
struct SpawnersState {
    jobs: VecDeque<SpawnJob>,
    threads: usize,
    /// The number of threads that wait for a job.
    idle: usize,
    ways: usize,
}

/// What a thread does next.
pub(super) enum SpawnerTurn {
    Job(SpawnJob),
    /// No job came in time.
    Nothing,
    /// All handles are gone.
    Over,
}

impl Spawners {
    /// Starts the first of the threads.
    pub(super) fn start(registry: Arc<Registry>, options: HostOptions) -> io::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let queue = SpawnQueue {
            state: Mutex::new(SpawnersState { ways: 1, ..SpawnersState::default() }),
            more: Condvar::new(),
            registry,
            options,
            most: processors.min(LAUNCHING),
        };
        let spawners = Self(Arc::new(queue));
        spawners.one_more(&mut spawners.0.lock())?;
        Ok(spawners)
    }

    /// Queues the launch of a child; the result is sent if a thread exists to send it.
    pub(super) fn launch(
        &self,
        launch: Box<Launch>,
    ) -> oneshot::Receiver<Result<SpawnedChild, SpawnFailure>> {
        let (answer, answered) = oneshot::channel();
        self.send(SpawnJob::Launch { launch, answer, home: self.clone() });
        answered
    }

    /// Queues the reaping of a killed leader.
    pub(super) fn reap(&self, corpse: Zombie) {
        self.send(SpawnJob::Reap(corpse));
    }

    fn send(&self, job: SpawnJob) {
        let mut state = self.0.lock();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < self.0.most {
            // If that fails, the other threads do all of it.
            _ = self.one_more(&mut state);
        }
        drop(state);
        self.0.more.notify_one();
    }

    fn one_more(&self, state: &mut SpawnersState) -> io::Result<()> {
        let queue = Arc::clone(&self.0);
        let number = state.threads;
        std::thread::Builder::new().name(NAME.to_owned()).spawn(move || {
            let (registry, options) = (Arc::clone(&queue.registry), queue.options);
            spawn::run(|longest| queue.next(longest), &registry, number, options);
        })?;
        state.threads += 1;
        Ok(())
    }
}

impl SpawnQueue {
    fn lock(&self) -> MutexGuard<'_, SpawnersState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, longest: Option<Duration>) -> SpawnerTurn {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return SpawnerTurn::Job(job);
            }
            if state.ways == 0 {
                return SpawnerTurn::Over;
            }
            state.idle += 1;
            let longer = match longest {
                None => {
                    state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
                    false
                }
                Some(longest) => {
                    let waited = self.more.wait_timeout(state, longest);
                    let (back, time) = waited.unwrap_or_else(PoisonError::into_inner);
                    state = back;
                    time.timed_out()
                }
            };
            state.idle -= 1;
            if longer && state.jobs.is_empty() {
                return SpawnerTurn::Nothing;
            }
        }
    }
}

impl Clone for Spawners {
    fn clone(&self) -> Self {
        self.0.lock().ways += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Spawners {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ways -= 1;
        let over = state.ways == 0;
        drop(state);
        if over {
            self.0.more.notify_all();
        }
    }
}
