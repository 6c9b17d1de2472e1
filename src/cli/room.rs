//! Room for pitcrew's own threads, where the system may have few to give.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// Threads that are at work whatever the project is.
const OWN: usize = 10;
/// Longer than any project runs.
const FOREVER: Duration = Duration::from_hours(24 * 365 * 10);

/// Whether the threads of the start can be made, found out by making as many: the runtime and the
/// diagnostics panic where they get none.
pub(super) fn for_threads() -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let held = gate.lock();
        let wait = || drop(gate.lock().unwrap_or_else(PoisonError::into_inner));
        let all: Vec<_> =
            (0..OWN).map(|_| thread::Builder::new().spawn_scoped(scope, wait)).collect();
        drop(held);
        let mut made = Ok(());
        for one in all {
            match one {
                Ok(one) => _ = one.join(),
                Err(error) => made = Err(error),
            }
        }
        made
    })
}

/// A runtime for the engine: one thread reads while another decides.
pub(super) fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_keep_alive(FOREVER).enable_all().build()?;
    // It panics where there is no thread for what blocks, and none to be had: this one stays.
    runtime.spawn_blocking(|| ());
    Ok(runtime)
}
