//! Creates the runtime, and copes with few threads and descriptors.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::spec::Spec;

/// Threads that are at work whatever the project is.
const OWN: usize = 10;
/// Descriptors that are open whatever the project is, with some for those who ask.
const OWN_DESCRIPTORS: u64 = 32;
/// Descriptors of each run: two outputs and the process itself.
const DESCRIPTORS: u64 = 3;
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

/// Descriptors that a runtime opens: its poll, its waker and the pair for signals.
const RUNTIME_DESCRIPTORS: usize = 6;

/// Whether the descriptors of a runtime can be had, found out by opening as many: tokio panics where
/// it gets none for signals.
pub(super) fn for_descriptors() -> io::Result<()> {
    let pairs: io::Result<Vec<_>> =
        (0..RUNTIME_DESCRIPTORS / 2).map(|_| UnixStream::pair()).collect();
    pairs.map(drop)
}

/// A runtime for one command.
pub(super) fn small_runtime() -> io::Result<Runtime> {
    for_descriptors()?;
    Builder::new_current_thread().enable_all().build()
}

/// A runtime for the engine: one thread reads while another decides.
pub(super) fn runtime() -> io::Result<Runtime> {
    for_descriptors()?;
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_keep_alive(FOREVER).enable_all().build()?;
    // It panics where there is no thread for what blocks, and none to be had: this one stays.
    runtime.spawn_blocking(|| ());
    Ok(runtime)
}

/// What is to be said where a project needs more descriptors than there may be.
pub(super) fn too_few_descriptors(spec: &Spec, limit: Option<u64>) -> Option<String> {
    let runs = spec.processes.values().map(|one| u64::from(one.replicas.unwrap_or(1)));
    let needed = OWN_DESCRIPTORS + runs.sum::<u64>() * DESCRIPTORS;
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
        let locate =
            ProjectLocator { files: Vec::new(), dir: folder.path().to_owned(), stdin: None };
        let spec = load(&locate).unwrap().spec;
        let told = too_few_descriptors(&spec, Some(61)).unwrap();
        assert!(told.starts_with("it needs up to 62 open files and may have 61 "), "{told}");
        assert_eq!(too_few_descriptors(&spec, Some(62)), None);
        assert_eq!(too_few_descriptors(&spec, None), None);
    }
}
