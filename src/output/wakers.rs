//! Wakers: waiting without an async runtime. A `poll_…` method serves tasks and, through
//! [`block_on`], threads.
//!
//! This is the only place of the layer that reads a clock, and only to measure waiting.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Locks a mutex, and ignores that another thread panicked while it held the lock.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the time for measuring waits.
#[expect(clippy::disallowed_methods, reason = "real waiting of real threads, see the module")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// The wakers of tasks that wait for one event. Each task is in it once, however often it polls.
#[derive(Default)]
pub(super) struct WakerSet(Vec<Waker>);

impl WakerSet {
    pub(super) fn register(&mut self, waker: &Waker) {
        if !self.0.iter().any(|known| known.will_wake(waker)) {
            self.0.push(waker.clone());
        }
    }

    /// Takes all wakers, to be woken after the lock is released.
    pub(super) fn take(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.0)
    }
}

pub(super) fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

/// Blocks the thread until `poll` is ready; `None` if `timeout` has passed.
pub(super) fn block_on<T>(
    timeout: Option<Duration>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let waker = Waker::from(Arc::new(ThreadWaker(thread::current())));
    let mut context = Context::from_waker(&waker);
    let until = timeout.and_then(|timeout| now().checked_add(timeout));
    loop {
        if let Poll::Ready(value) = poll(&mut context) {
            return Some(value);
        }
        match until.map(|until| until.saturating_duration_since(now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return None,
            Some(remaining) => thread::park_timeout(remaining),
        }
    }
}

struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
