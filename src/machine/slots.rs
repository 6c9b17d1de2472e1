//! The slots and the queue of one pool.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::ProcessId;
use super::lifecycle::{Lifecycle, Outcome, State};
use crate::spec::PoolSpec;

/// A place in the queue: higher priority first, then first in first out.
type QueueTicket = (Reverse<i32>, u64);

/// At most `concurrency` members hold a slot; the others queue.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent")]
pub(super) struct Slots {
    pub(super) spec: Arc<PoolSpec>,
    queue: BTreeMap<QueueTicket, ProcessId>,
    /// The tickets of the queued members.
    tickets: HashMap<ProcessId, QueueTicket>,
    next_ticket: u64,
    holders: HashSet<ProcessId>,
    /// Number of busy members; the pool has drained when it becomes 0.
    pub(super) busy: usize,
    /// The drained pool was reported, and no member has been busy since.
    pub(super) drain_reported: bool,
    /// A member failed and `on_failure = "stop"`.
    pub(super) halted: bool,
    /// No slots are granted.
    pub(super) paused: bool,
    /// The pool is removed when no member is busy.
    pub(super) removed: bool,
    /// There are more holders than slots, because of a reload.
    pub(super) crowded: bool,
    /// How the members ended that were removed since the pool last drained.
    pub(super) removed_members: EndCounts,
}

/// How many members of a pool ended in each way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EndCounts {
    pub(super) succeeded: u32,
    pub(super) failed: u32,
    pub(super) stopped: u32,
    pub(super) skipped: u32,
}

impl EndCounts {
    /// Counts a member if it has ended.
    pub(super) fn count(&mut self, process: &Lifecycle) {
        let State::Ended(outcome) = &process.state else { return };
        *match outcome {
            Outcome::Succeeded => &mut self.succeeded,
            Outcome::Failed { .. } => &mut self.failed,
            Outcome::Stopped => &mut self.stopped,
            Outcome::Skipped { .. } => &mut self.skipped,
        } += 1;
    }
}

impl Slots {
    pub(super) fn new(spec: &Arc<PoolSpec>) -> Self {
        Self {
            spec: Arc::clone(spec),
            queue: BTreeMap::new(),
            tickets: HashMap::new(),
            next_ticket: 0,
            holders: HashSet::new(),
            busy: 0,
            drain_reported: true,
            halted: false,
            paused: false,
            removed: false,
            crowded: false,
            removed_members: EndCounts::default(),
        }
    }

    /// Appends a member to the queue, after all of its priority.
    pub(super) fn enqueue(&mut self, id: ProcessId, priority: i32) {
        let ticket = (Reverse(priority), self.next_ticket);
        self.queue.insert(ticket, id);
        self.tickets.insert(id, ticket);
        self.next_ticket += 1;
    }

    fn has_too_many_holders(&self) -> bool {
        self.holders.len() > self.spec.concurrency as usize
    }

    /// Replaces the spec. No member loses its slot: there may be more holders than slots for a while.
    pub(super) fn set_spec(&mut self, spec: &Arc<PoolSpec>) {
        self.spec = Arc::clone(spec);
        self.removed = false;
        self.crowded = self.has_too_many_holders();
    }

    /// Gives a member a slot even if none is free.
    pub(super) fn force_hold(&mut self, id: ProcessId) {
        self.holders.insert(id);
        self.crowded |= self.has_too_many_holders();
    }

    /// Removes a member from the queue, or takes its slot back.
    pub(super) fn remove(&mut self, id: ProcessId) {
        self.holders.remove(&id);
        self.crowded &= self.has_too_many_holders();
        if let Some(ticket) = self.tickets.remove(&id) {
            self.queue.remove(&ticket);
        }
    }

    /// Gives a free slot to the first member in the queue.
    pub(super) fn grant(&mut self) -> Option<ProcessId> {
        if self.paused || self.holders.len() >= self.spec.concurrency as usize {
            return None;
        }
        let (_, id) = self.queue.pop_first()?;
        self.tickets.remove(&id);
        self.holders.insert(id);
        Some(id)
    }

    /// Counts the outcome of a removed member, unless it was reported already.
    pub(super) fn count_removed(&mut self, process: &Lifecycle) {
        if !self.drain_reported {
            self.removed_members.count(process);
        }
    }

    /// The number of slot holders, and of queued members.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.holders.len(), self.queue.len())
    }
}
