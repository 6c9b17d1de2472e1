//! Waiting without a runtime: the same `poll_…` serves tasks and, through [`block_on`], threads.
//!
//! The only place of the layer that reads a clock; it is used for waiting, never for a time that is
//! shown or kept.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Locks; a thread that panicked while it held the lock does not take the others along.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The clock by which waiting is measured.
#[expect(clippy::disallowed_methods, reason = "real waiting of real threads, see the module")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Those who wait for one thing. Each is there once, however often it polls.
#[derive(Default)]
pub(super) struct WakerSet(Vec<Waker>);

impl WakerSet {
    pub(super) fn register(&mut self, waker: &Waker) {
        if !self.0.iter().any(|known| known.will_wake(waker)) {
            self.0.push(waker.clone());
        }
    }

    /// Takes all out, to be woken once the lock is released.
    pub(super) fn take(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.0)
    }
}

pub(super) fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

/// Lets the thread sleep until `poll` is ready, or gives `None` when `timeout` has passed.
pub(super) fn block_on<T>(
    timeout: Option<Duration>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let bell = Arc::new(ThreadWaker::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    let until = timeout.and_then(|timeout| now().checked_add(timeout));
    loop {
        if let Poll::Ready(value) = poll(&mut context) {
            return Some(value);
        }
        if !bell.sleep(until) {
            return None;
        }
    }
}

#[derive(Default)]
struct ThreadWaker {
    rung: Mutex<bool>,
    change: Condvar,
}

impl ThreadWaker {
    /// Sleeps until it has been rung, or until then: `false`.
    fn sleep(&self, until: Option<Instant>) -> bool {
        let mut rung = lock(&self.rung);
        while !*rung {
            rung = match until.map(|until| until.saturating_duration_since(now())) {
                None => self.change.wait(rung).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    self.change.wait_timeout(rung, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *rung = false;
        true
    }
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        *lock(&self.rung) = true;
        self.change.notify_one();
    }
}
