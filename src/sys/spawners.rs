//! The threads that make children, and their queue: first come, first served.
//!
//! A thread stands still from the clone of a child until its exec, which takes as long as it takes the
//! child to get a processor. So one thread alone leaves processors idle while others wait (with 16
//! children at a time and two processors: a tenth of them); there are more as soon as one is not enough.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::registry::{LAUNCHING, Registry, Zombie};
use super::spawn::{self, SpawnFailure, SpawnedChild};
use super::{HostOptions, Launch};

/// What the threads are called.
pub(super) const NAME: &str = "pitcrew-spawn";

/// What a thread is asked.
#[derive(Debug)]
pub(super) enum SpawnJob {
    Launch {
        launch: Box<Launch>,
        answer: oneshot::Sender<Result<SpawnedChild, SpawnFailure>>,
        home: Spawners,
    },
    /// Reap a killed leader when it has ended.
    Reap(Zombie),
}

/// The way to ask. The threads live as long as there is one, that of a leader too: the end of the
/// thread that made a child would end the child.
#[derive(Debug)]
pub(super) struct Spawners(Arc<SpawnQueue>);

#[derive(Debug)]
struct SpawnQueue {
    state: Mutex<SpawnersState>,
    more: Condvar,
    registry: Arc<Registry>,
    options: HostOptions,
    /// So many threads at most.
    most: usize,
}

#[derive(Debug, Default)]
struct SpawnersState {
    jobs: VecDeque<SpawnJob>,
    threads: usize,
    /// Threads that wait for a job.
    idle: usize,
    ways: usize,
}

/// What a thread does next.
pub(super) enum SpawnerTurn {
    Job(SpawnJob),
    /// Nothing came in time.
    Nothing,
    /// Nothing will ever come.
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

    /// Queues the launch of a child; what comes of it is told if the thread is there to tell it.
    pub(super) fn launch(
        &self,
        launch: Box<Launch>,
    ) -> oneshot::Receiver<Result<SpawnedChild, SpawnFailure>> {
        let (answer, answered) = oneshot::channel();
        self.send(SpawnJob::Launch { launch, answer, home: self.clone() });
        answered
    }

    /// Queues the reaping of a leader that was killed.
    pub(super) fn reap(&self, corpse: Zombie) {
        self.send(SpawnJob::Reap(corpse));
    }

    fn send(&self, job: SpawnJob) {
        let mut state = self.0.lock();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < self.0.most {
            // Without it the others do all of it.
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
