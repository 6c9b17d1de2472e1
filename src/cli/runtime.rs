//! Creates the runtime, and handles limits of threads and descriptors.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::spec::Spec;

/// The threads of every project.
const BASE_THREADS: usize = 10;
/// The descriptors of every project, with some for clients.
const BASE_DESCRIPTORS: u64 = 32;
/// The descriptors of a run: two outputs and the process.
const RUN_DESCRIPTORS: u64 = 3;
/// The descriptors of a runtime: its poll, its waker and the pair for signals.
const RUNTIME_DESCRIPTORS: usize = 6;
/// Longer than any project runs.
const KEEP_ALIVE: Duration = Duration::from_hours(24 * 365 * 10);

/// Fails if not enough threads can be created: the runtime and the diagnostics would panic. Tries by
/// creating as many.
pub(super) fn check_threads() -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let closed = gate.lock();
        let wait = || drop(gate.lock().unwrap_or_else(PoisonError::into_inner));
        let threads: Vec<_> =
            (0..BASE_THREADS).map(|_| thread::Builder::new().spawn_scoped(scope, wait)).collect();
        drop(closed);
        // Those that were created end with the scope.
        threads.into_iter().try_for_each(|thread| thread.map(drop))
    })
}

/// Fails if the descriptors of a runtime cannot be opened: tokio panics if it gets none for signals.
/// Tries by opening as many.
fn check_descriptors() -> io::Result<()> {
    let pairs: io::Result<Vec<_>> =
        (0..RUNTIME_DESCRIPTORS / 2).map(|_| UnixStream::pair()).collect();
    pairs.map(drop)
}

/// Creates a runtime for one command.
pub(super) fn single_threaded() -> io::Result<Runtime> {
    check_descriptors()?;
    Builder::new_current_thread().enable_all().build()
}

/// Creates a runtime for the engine: one thread reads while another decides.
pub(super) fn multi_threaded() -> io::Result<Runtime> {
    check_descriptors()?;
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_keep_alive(KEEP_ALIVE).enable_all().build()?;
    // The runtime panics if it has no thread for blocking work and cannot create one. This one
    // stays.
    runtime.spawn_blocking(|| ());
    Ok(runtime)
}

/// A message if the project may need more descriptors than the limit allows.
pub(super) fn too_few_descriptors(spec: &Spec, limit: Option<u64>) -> Option<String> {
    let runs = spec.processes.values().map(|process| u64::from(process.replicas.unwrap_or(1)));
    let needed = BASE_DESCRIPTORS + runs.sum::<u64>() * RUN_DESCRIPTORS;
    let limit = limit.filter(|limit| *limit < needed)?;
    Some(format!(
        "it needs up to {needed} open files and may have {limit} (`ulimit -Hn`): the outputs of a \
         process share a pipe, and what cannot start is tried again by its retry policy"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{ProjectLocator, load};

    #[test]
    fn a_limit_that_is_too_low_is_named_with_what_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[process]\na = 'x'\n[process.b]\ncommand = 'x'\nreplicas = 9\n";
        std::fs::write(folder.path().join("procfile.toml"), text).unwrap();
        let locator =
            ProjectLocator { files: Vec::new(), dir: folder.path().to_owned(), stdin: None };
        let spec = load(&locator).unwrap().spec;
        let text = too_few_descriptors(&spec, Some(61)).unwrap();
        assert!(text.starts_with("it needs up to 62 open files and may have 61 "), "{text}");
        assert_eq!(too_few_descriptors(&spec, Some(62)), None);
        assert_eq!(too_few_descriptors(&spec, None), None);
    }
}
