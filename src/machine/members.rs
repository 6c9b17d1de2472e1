//! Members: all processes, replicas and jobs by number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::ProcessId;
use super::lifecycle::{Lifecycle, Retention};
use crate::spec::{Name, ProcessSpec};

/// A process that is added to those of the file.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// Must have no replicas and no dependencies.
    pub spec: Arc<ProcessSpec>,
    pub retention: Retention,
    /// A higher priority is earlier in the queue of the pool.
    pub priority: i32,
    /// Delay from the first start request to the earliest start.
    pub delay: Duration,
}

impl NewMember {
    /// A member that is removed when it has ended, with priority 0 and without delay.
    pub fn one_off(spec: Arc<ProcessSpec>) -> Self {
        Self { spec, retention: Retention::RemoveOnExit, priority: 0, delay: Duration::ZERO }
    }
}

/// The lifecycles in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Members {
    lifecycles: BTreeMap<ProcessId, Lifecycle>,
    next_id: u64,
    /// The processes that are new or have changed since the last snapshot; the next one gets new views
    /// of them.
    pub(super) changed: BTreeSet<ProcessId>,
}

impl Members {
    /// Adds a lifecycle with a number that was never used before.
    pub(super) fn add(
        &mut self,
        name: Name,
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    ) -> &mut Lifecycle {
        let id = ProcessId(self.next_id);
        self.next_id += 1;
        self.changed.insert(id);
        self.lifecycles.entry(id).or_insert_with(|| Lifecycle::new(id, name, replica, spec))
    }

    /// Adds one lifecycle for each replica, or one for a process without replicas.
    pub(super) fn add_process(&mut self, process: &Arc<ProcessSpec>) {
        let name = &process.name;
        match process.replicas {
            None => _ = self.add(name.clone(), None, Arc::clone(process)),
            Some(count) => (1..=count).for_each(|number| {
                self.add(name.replica(number), Some(number), Arc::clone(process));
            }),
        }
    }

    pub(super) fn get(&self, id: ProcessId) -> Option<&Lifecycle> {
        self.lifecycles.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ProcessId) -> Option<&mut Lifecycle> {
        self.lifecycles.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: ProcessId) -> Option<Lifecycle> {
        self.lifecycles.remove(&id)
    }

    pub(super) fn mark_all_changed(&mut self) {
        self.changed = self.lifecycles.keys().copied().collect();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Lifecycle> {
        self.lifecycles.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lifecycle> {
        self.lifecycles.values_mut()
    }

    /// The numbers of the processes for which `is_included` is true.
    pub(super) fn ids_where(&self, is_included: impl Fn(&Lifecycle) -> bool) -> Vec<ProcessId> {
        self.iter().filter(|process| is_included(process)).map(|process| process.id).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lifecycles.len()
    }
}
