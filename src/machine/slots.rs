//! The slots and the queue of one pool.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::ProcessId;
use crate::spec::PoolSpec;

/// At most `concurrency` members hold a slot; the others queue, first in first out.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) spec: Arc<PoolSpec>,
    queue: VecDeque<ProcessId>,
    holders: BTreeSet<ProcessId>,
    /// How many members are under way in any sense; the pool has drained when it gets to 0.
    pub(super) busy: usize,
    /// That it has drained was told, and nothing has been under way since.
    pub(super) told_drained: bool,
    /// A member failed and `on_failure = "stop"`.
    pub(super) halted: bool,
}

impl Slots {
    pub(super) fn new(spec: Arc<PoolSpec>) -> Self {
        Self {
            spec,
            queue: VecDeque::new(),
            holders: BTreeSet::new(),
            busy: 0,
            told_drained: true,
            halted: false,
        }
    }

    /// Puts a member at the end of the queue.
    pub(super) fn join(&mut self, id: ProcessId) {
        self.queue.push_back(id);
    }

    /// Takes a member out of the queue, wherever it stands, and its slot away.
    pub(super) fn leave(&mut self, id: ProcessId) {
        if !self.holders.remove(&id) {
            self.queue.retain(|queued| *queued != id);
        }
    }

    /// Gives the first in the queue a slot, if one is free.
    pub(super) fn grant(&mut self) -> Option<ProcessId> {
        if self.holders.len() >= self.spec.concurrency as usize {
            return None;
        }
        let id = self.queue.pop_front()?;
        self.holders.insert(id);
        Some(id)
    }

    /// Who holds a slot, and who waits for one.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.holders.len(), self.queue.len())
    }
}
