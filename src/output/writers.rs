//! The threads that write log files: few, more only when some are stuck, none when nothing is written.
//!
//! Two threads write. One more watches: when a file has waited for 20 ms because the others are
//! busy, or stuck in a disk that hangs, the watcher takes it and another thread becomes the watcher.
//! So a hung file costs one thread and delays nobody, and a thousand idle files cost none.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::wakers::{lock, now};

/// Threads that write without being asked for.
const BASE: usize = 2;
/// Threads at most, the watcher included.
const MOST: usize = 64;
/// How long a file waits for one of the base threads.
const PATIENCE: Duration = Duration::from_millis(20);
/// Buffers that are kept for the next flood, over all files.
const SPARE: usize = 16;
/// A thread that has had nothing to do for this long ends.
const IDLE: Duration = Duration::from_secs(2);

/// Something that has work now and then.
pub(super) trait WriteJob: Send + Sync {
    /// Does a bounded portion of the work.
    fn work(&self) -> NextTurn;
}

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextTurn {
    /// It will be scheduled when there is work again.
    Done,
    /// There is more to do; others come first.
    Again,
    /// It wants to try again then.
    Later(Duration),
}

#[derive(Default)]
pub(super) struct WriterPool {
    state: Mutex<WriterPoolState>,
    bell: Condvar,
    spare: Mutex<Vec<Vec<u8>>>,
}

#[derive(Default)]
struct WriterPoolState {
    ready: VecDeque<(Instant, Arc<dyn WriteJob>)>,
    later: Vec<(Instant, Arc<dyn WriteJob>)>,
    threads: usize,
    /// Threads that are not at work.
    idle: usize,
}

impl WriterPool {
    /// Has the job worked on soon.
    pub(super) fn schedule(self: &Arc<Self>, job: Arc<dyn WriteJob>) {
        let mut state = lock(&self.state);
        state.ready.push_back((now(), job));
        self.wake(state);
    }

    /// An empty buffer for so many bytes, used before if there is one: fresh memory costs as much as
    /// what is copied into it.
    pub(super) fn buffer(&self, size: usize) -> Vec<u8> {
        lock(&self.spare).pop().unwrap_or_else(|| Vec::with_capacity(size))
    }

    /// Takes back buffers of `size`; others are dropped.
    pub(super) fn give_back(&self, buffers: impl Iterator<Item = Vec<u8>>, size: usize) {
        let mut spare = lock(&self.spare);
        for mut buffer in buffers.filter(|buffer| buffer.capacity() == size) {
            if spare.len() < SPARE {
                buffer.clear();
                spare.push(buffer);
            }
        }
    }

    /// Starts a thread when there should be one and is not, as after a failed start.
    pub(super) fn ensure(self: &Arc<Self>) {
        let state = lock(&self.state);
        if !state.ready.is_empty() {
            self.wake(state);
        }
    }

    fn wake(self: &Arc<Self>, mut state: std::sync::MutexGuard<'_, WriterPoolState>) {
        if state.idle == 0 {
            self.grow(&mut state);
        }
        drop(state);
        self.bell.notify_one();
    }

    /// Starts one more thread, if there may be one. When the system has none to give, those that are
    /// there go on, and the next call tries again.
    fn grow(self: &Arc<Self>, state: &mut WriterPoolState) {
        if state.threads >= MOST {
            return;
        }
        let pool = Arc::clone(self);
        let thread = thread::Builder::new().name("pitcrew-log".into());
        if thread.spawn(move || pool.run()).is_ok() {
            state.threads += 1;
            state.idle += 1;
        }
    }

    fn run(self: Arc<Self>) {
        let mut state = lock(&self.state);
        loop {
            let time = now();
            state.promote(time);
            if let Some(job) = state.take(time) {
                state.idle -= 1;
                if state.idle == 0 {
                    self.grow(&mut state);
                } else if !(state.ready.is_empty() && state.later.is_empty()) {
                    // Who watches now may have gone to sleep before there was something to watch.
                    self.bell.notify_one();
                }
                drop(state);
                let after = job.work();
                state = lock(&self.state);
                state.idle += 1;
                match after {
                    NextTurn::Done => {}
                    NextTurn::Again => state.ready.push_back((now(), job)),
                    NextTurn::Later(delay) => state.later.push((now() + delay, job)),
                }
                continue;
            }
            let sleep = state.sleep(time);
            let (woken, timeout) =
                self.bell.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            let needed = !state.ready.is_empty() || (!state.later.is_empty() && state.idle == 1);
            // One that slept for less did so to do what is due now.
            if timeout.timed_out() && sleep == IDLE && !needed {
                state.threads -= 1;
                state.idle -= 1;
                return;
            }
        }
    }
}

impl WriterPoolState {
    /// Makes ready what is due.
    fn promote(&mut self, time: Instant) {
        self.ready.extend(self.later.extract_if(.., |(due, _)| *due <= time));
    }

    /// The job an idle thread is to do now.
    fn take(&mut self, time: Instant) -> Option<Arc<dyn WriteJob>> {
        let (since, _) = self.ready.front()?;
        let at_work = self.threads - self.idle;
        if at_work >= BASE && time.saturating_duration_since(*since) < PATIENCE {
            return None;
        }
        self.ready.pop_front().map(|(_, job)| job)
    }

    /// How long an idle thread sleeps if nobody wakes it.
    fn sleep(&self, time: Instant) -> Duration {
        let due = self.later.iter().map(|(due, _)| *due).min();
        let impatient = self.ready.front().map(|(since, _)| *since + PATIENCE);
        let next = due.into_iter().chain(impatient).min();
        next.map_or(IDLE, |next| next.saturating_duration_since(time).min(IDLE))
    }
}
