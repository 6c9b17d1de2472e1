//! Log writer threads: a small pool that grows only while writes hang.
//!
//! Two threads write. One more watches: when a file has waited for 20 ms because the others are busy
//! or blocked by a hanging disk, the watcher takes it and another thread becomes the watcher. So a
//! hung file costs one thread and delays no other file, and a thousand idle files cost none.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::wakers::{lock, now};

/// The number of threads that write immediately.
const BASE_THREADS: usize = 2;
/// The maximum number of threads, including the watcher.
const MAX_THREADS: usize = 64;
/// How long a file waits for one of the base threads.
const MAX_WAIT: Duration = Duration::from_millis(20);
/// The number of free buffers that are kept for reuse, over all files.
const MAX_SPARE_BUFFERS: usize = 16;
/// A thread that has been idle for this long ends.
const MAX_IDLE: Duration = Duration::from_secs(2);

/// A file that has data to write from time to time.
pub(super) trait WriteJob: Send + Sync {
    /// Does a bounded portion of the work.
    fn work(&self) -> NextTurn;
}

/// When a job runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextTurn {
    /// When it is scheduled again.
    Done,
    /// After the other jobs, because it has more to do.
    Again,
    /// After this delay.
    Later(Duration),
}

#[derive(Default)]
pub(super) struct WriterPool {
    state: Mutex<WriterPoolState>,
    changed: Condvar,
    spare: Mutex<Vec<Vec<u8>>>,
}

#[derive(Default)]
struct WriterPoolState {
    ready: VecDeque<(Instant, Arc<dyn WriteJob>)>,
    later: Vec<(Instant, Arc<dyn WriteJob>)>,
    threads: usize,
    /// The number of threads that are not working.
    idle: usize,
}

impl WriterPool {
    /// Schedules a job to run soon.
    pub(super) fn schedule(self: &Arc<Self>, job: Arc<dyn WriteJob>) {
        let mut state = lock(&self.state);
        state.ready.push_back((now(), job));
        self.wake(state);
    }

    /// Returns an empty buffer of this capacity, reused if possible: new memory costs as much as copying
    /// into it.
    pub(super) fn buffer(&self, size: usize) -> Vec<u8> {
        lock(&self.spare).pop().unwrap_or_else(|| Vec::with_capacity(size))
    }

    /// Returns buffers of capacity `size` for reuse; others are dropped.
    pub(super) fn recycle(&self, buffers: impl Iterator<Item = Vec<u8>>, size: usize) {
        let mut spare = lock(&self.spare);
        for mut buffer in buffers.filter(|buffer| buffer.capacity() == size) {
            if spare.len() < MAX_SPARE_BUFFERS {
                buffer.clear();
                spare.push(buffer);
            }
        }
    }

    /// Starts a thread if one is needed and none runs, as after a failed start.
    pub(super) fn ensure_thread(self: &Arc<Self>) {
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
        self.changed.notify_one();
    }

    /// Starts one more thread, up to the maximum. If the system refuses, the existing threads continue,
    /// and the next call tries again.
    fn grow(self: &Arc<Self>, state: &mut WriterPoolState) {
        if state.threads >= MAX_THREADS {
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
                    // The watcher may have gone to sleep before there was anything to watch.
                    self.changed.notify_one();
                }
                drop(state);
                let next = job.work();
                state = lock(&self.state);
                state.idle += 1;
                match next {
                    NextTurn::Done => {}
                    NextTurn::Again => state.ready.push_back((now(), job)),
                    NextTurn::Later(delay) => state.later.push((now() + delay, job)),
                }
                continue;
            }
            let sleep = state.sleep(time);
            let (woken, timeout) =
                self.changed.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            let needed = !state.ready.is_empty() || (!state.later.is_empty() && state.idle == 1);
            // A shorter sleep was for a job that is due now, so it does not count as idle time.
            if timeout.timed_out() && sleep == MAX_IDLE && !needed {
                state.threads -= 1;
                state.idle -= 1;
                return;
            }
        }
    }
}

impl WriterPoolState {
    /// Moves due jobs to the ready queue.
    fn promote(&mut self, time: Instant) {
        self.ready.extend(self.later.extract_if(.., |(due, _)| *due <= time));
    }

    /// Returns the job that an idle thread should do now.
    fn take(&mut self, time: Instant) -> Option<Arc<dyn WriteJob>> {
        let (since, _) = self.ready.front()?;
        let busy = self.threads - self.idle;
        if busy >= BASE_THREADS && time.saturating_duration_since(*since) < MAX_WAIT {
            return None;
        }
        self.ready.pop_front().map(|(_, job)| job)
    }

    /// Returns how long an idle thread sleeps unless it is woken.
    fn sleep(&self, time: Instant) -> Duration {
        let due = self.later.iter().map(|(due, _)| *due).min();
        let overdue = self.ready.front().map(|(since, _)| *since + MAX_WAIT);
        let next = due.into_iter().chain(overdue).min();
        next.map_or(MAX_IDLE, |next| next.saturating_duration_since(time).min(MAX_IDLE))
    }
}
