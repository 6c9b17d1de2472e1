//! The slots and the queue of one pool.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::ProcessId;
use super::lifecycle::{Lifecycle, Outcome, State};
use crate::spec::PoolSpec;

/// A place in the queue: higher priority first, then who came first.
type QueueTicket = (Reverse<i32>, u64);

/// At most `concurrency` members hold a slot; the others queue, first in first out within one
/// priority.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Slots {
    pub(super) spec: Arc<PoolSpec>,
    /// Who waits, by ticket; a member has a ticket while it queues.
    queue: BTreeMap<QueueTicket, ProcessId>,
    tickets: HashMap<ProcessId, QueueTicket>,
    next_ticket: u64,
    holders: HashSet<ProcessId>,
    /// How many members are under way in any sense; the pool has drained when it gets to 0.
    pub(super) busy: usize,
    /// That it has drained was told, and nothing has been under way since.
    pub(super) told_drained: bool,
    /// A member failed and `on_failure = "stop"`.
    pub(super) halted: bool,
    /// Nobody gets a slot.
    pub(super) paused: bool,
    /// It goes when nothing of it is left.
    pub(super) dismissed: bool,
    /// There are more holders than slots, because the file was read again.
    crowded: bool,
    /// How many of those who are no members any more succeeded and failed since it drained.
    pub(super) gone: (u32, u32),
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
            paused: false,
            dismissed: false,
            crowded: false,
            gone: (0, 0),
        }
    }

    /// Puts a member at the end of the queue, behind all of its priority.
    pub(super) fn join(&mut self, id: ProcessId, priority: i32) {
        let ticket = (Reverse(priority), self.next_ticket);
        self.queue.insert(ticket, id);
        self.tickets.insert(id, ticket);
        self.next_ticket += 1;
    }

    /// By another spec. Nobody loses a slot: there may be more holders than slots for a while.
    pub(super) fn renew(&mut self, spec: Arc<PoolSpec>) {
        self.spec = spec;
        self.dismissed = false;
        self.crowded = self.holders.len() > self.spec.concurrency as usize;
    }

    /// It has a slot, however many there are.
    pub(super) fn hold(&mut self, id: ProcessId) {
        self.holders.insert(id);
        self.crowded |= self.holders.len() > self.spec.concurrency as usize;
    }

    /// Takes a member out of the queue, wherever it stands, or its slot away.
    pub(super) fn leave(&mut self, id: ProcessId) {
        self.holders.remove(&id);
        self.crowded &= self.holders.len() > self.spec.concurrency as usize;
        if let Some(ticket) = self.tickets.remove(&id) {
            self.queue.remove(&ticket);
        }
    }

    /// Gives the first in the queue a slot, if one is free.
    pub(super) fn grant(&mut self) -> Option<ProcessId> {
        if self.paused || self.holders.len() >= self.spec.concurrency as usize {
            return None;
        }
        let (_, id) = self.queue.pop_first()?;
        self.tickets.remove(&id);
        self.holders.insert(id);
        Some(id)
    }

    /// Counts one that is a member no more, unless that was told already.
    pub(super) fn remember(&mut self, one: &Lifecycle) {
        if self.told_drained {
            return;
        }
        let succeeded = matches!(one.state, State::Ended(Outcome::Succeeded));
        let count = if succeeded { &mut self.gone.0 } else { &mut self.gone.1 };
        *count += 1;
    }

    #[cfg(test)]
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// How many hold a slot, and how many wait for one.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.holders.len(), self.queue.len())
    }
}
