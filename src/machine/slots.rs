//! The slots and the queue of one pool.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::ProcessId;
use crate::spec::PoolSpec;

/// At most `concurrency` members hold a slot; the others queue, first in first out.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) spec: Arc<PoolSpec>,
    /// Who waits, by ticket; a member has a ticket while it queues.
    queue: BTreeMap<u64, ProcessId>,
    tickets: HashMap<ProcessId, u64>,
    next_ticket: u64,
    holders: HashSet<ProcessId>,
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
            queue: BTreeMap::new(),
            tickets: HashMap::new(),
            next_ticket: 0,
            holders: HashSet::new(),
            busy: 0,
            told_drained: true,
            halted: false,
        }
    }

    /// Puts a member at the end of the queue.
    pub(super) fn join(&mut self, id: ProcessId) {
        self.queue.insert(self.next_ticket, id);
        self.tickets.insert(id, self.next_ticket);
        self.next_ticket += 1;
    }

    /// Takes a member out of the queue, wherever it stands, or its slot away.
    pub(super) fn leave(&mut self, id: ProcessId) {
        self.holders.remove(&id);
        if let Some(ticket) = self.tickets.remove(&id) {
            self.queue.remove(&ticket);
        }
    }

    /// Gives the first in the queue a slot, if one is free.
    pub(super) fn grant(&mut self) -> Option<ProcessId> {
        if self.holders.len() >= self.spec.concurrency as usize {
            return None;
        }
        let (_, id) = self.queue.pop_first()?;
        self.tickets.remove(&id);
        self.holders.insert(id);
        Some(id)
    }

    /// Who holds a slot, and who waits for one.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.holders.len(), self.queue.len())
    }
}
