//! Pool jobs: the future of one result, and the results of many.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::ProcessPool;
use crate::library::error::Error;
use crate::library::handle::ProcessHandle;
use crate::library::record::{CommandOutcome, CommandRecord};
use crate::library::result::ProcessResult;
use crate::machine::{Intent, ProcessId, StateName};

/// A command in a pool, as the future of its result.
///
/// Dropping it before the command has started removes the command from the queue. Dropping it later has
/// no effect.
#[must_use = "dropped, it takes the command out of the queue"]
pub struct Job {
    pool: ProcessPool,
    record: Option<Arc<CommandRecord>>,
    outcome: Pin<Box<dyn Future<Output = CommandOutcome> + Send>>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = self.record.as_ref().map(|record| &record.command);
        let mut shown = f.debug_struct("Job");
        shown.field("command", &command).field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Job {
    pub(super) fn of(pool: ProcessPool, record: Arc<CommandRecord>) -> Self {
        let awaited = Arc::clone(&record);
        let outcome = Box::pin(async move { awaited.outcome().await });
        Self { pool, record: Some(record), outcome }
    }

    /// Creates a job that will never run.
    pub(super) fn refused(pool: ProcessPool, error: Error) -> Self {
        Self { pool, record: None, outcome: Box::pin(std::future::ready(Err(error))) }
    }

    /// Its state; [`StateName::Failed`] if it was refused.
    pub fn state(&self) -> StateName {
        let state = self.record.as_ref().map(|record| record.stage.borrow().state);
        let state = state.unwrap_or(StateName::Failed);
        // Idle: the engine has not processed it yet.
        if state == StateName::Idle { StateName::Queued } else { state }
    }

    /// The number of its command, once the engine knows it.
    pub fn id(&self) -> Option<ProcessId> {
        self.record.as_ref().and_then(|record| record.id.get().copied())
    }

    /// Its command, once the engine knows it and as long as it is not over.
    pub fn handle(&self) -> Option<ProcessHandle> {
        self.pool.0.manager.get(self.id()?)
    }

    /// Detaches it from this future, also while it is queued.
    pub fn detach(mut self) {
        self.record = None;
    }
}

impl Future for Job {
    type Output = CommandOutcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CommandOutcome> {
        self.outcome.as_mut().poll(cx)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let Some(record) = self.record.take() else { return };
        if record.stage.borrow().outcome.is_some() || record.stage.borrow().started {
            return;
        }
        let id = record.id.get().copied();
        // A command without a number is killed before it can start.
        if let Some(id) = id.or_else(|| record.abandon()) {
            self.pool.0.manager.0.send(Intent::CancelUnstarted(vec![id]));
        }
    }
}

/// The results of [`ProcessPool::run_all`], by key, in the order of the jobs.
#[derive(Debug, Clone)]
pub struct PoolResults<K>(pub(super) Vec<(K, CommandOutcome)>);

impl<K> PoolResults<K> {
    /// Whether every job succeeded; true when there was none.
    pub fn success(&self) -> bool {
        self.0.iter().all(|(_, outcome)| outcome.as_ref().is_ok_and(ProcessResult::success))
    }

    /// The number of results.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys and results in the order of the jobs.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &CommandOutcome)> {
        self.0.iter().map(|(key, outcome)| (key, outcome))
    }

    /// The result of the first job with this key.
    pub fn get(&self, key: &K) -> Option<&CommandOutcome>
    where
        K: PartialEq,
    {
        self.0.iter().find(|(known, _)| known == key).map(|(_, outcome)| outcome)
    }
}

impl<'a, K> IntoIterator for &'a PoolResults<K> {
    type Item = (&'a K, &'a CommandOutcome);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl<K> IntoIterator for PoolResults<K> {
    type Item = (K, CommandOutcome);
    type IntoIter = std::vec::IntoIter<(K, CommandOutcome)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
