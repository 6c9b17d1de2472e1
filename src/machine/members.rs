//! Members: all processes, replicas and jobs by number.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::ProcessId;
use super::lifecycle::{Lifecycle, Retention};
use crate::spec::{Name, ProcessSpec};

/// Something to run beside what the file declares.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// What to run; without replicas and dependencies.
    pub spec: Arc<ProcessSpec>,
    pub retention: Retention,
    /// In the queue of its pool it stands before all with a lower one.
    pub priority: i32,
    /// How long after its first start it may run at the earliest.
    pub delay: Duration,
}

impl NewMember {
    /// Stays until it has ended, in its turn, without delay.
    pub fn one_off(spec: Arc<ProcessSpec>) -> Self {
        Self { spec, retention: Retention::RemoveOnExit, priority: 0, delay: Duration::ZERO }
    }
}

/// Lifecycles in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Members {
    all: BTreeMap<ProcessId, Lifecycle>,
    next: u64,
}

impl Members {
    /// A new one in it, with a number that nothing had before.
    pub(super) fn add(
        &mut self,
        name: Name,
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    ) -> &mut Lifecycle {
        let id = ProcessId(self.next);
        self.next += 1;
        self.all.entry(id).or_insert_with(|| Lifecycle::new(id, name, replica, spec))
    }

    /// One lifecycle for each replica, or one for the process itself.
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
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ProcessId) -> Option<&mut Lifecycle> {
        self.all.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: ProcessId) -> Option<Lifecycle> {
        self.all.remove(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Lifecycle> {
        self.all.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lifecycle> {
        self.all.values_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}
