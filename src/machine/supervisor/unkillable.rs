//! Unkillable runs whose process was scaled down or removed from the file. A later process of the
//! same name waits until they are gone.

use std::sync::Arc;

use super::Supervisor;
use crate::machine::lifecycle::Lifecycle;
use crate::machine::{ProcessId, RunId};
use crate::spec::{Name, ProcessSpec};

/// The process of a run, and the number of its replica.
pub(super) type MemberKey = (Name, u32);

fn member_key(process: &Lifecycle) -> MemberKey {
    (process.spec.name.clone(), process.replica.unwrap_or(1))
}

impl Supervisor {
    /// Remembers the unkillable run of a member that is about to be removed.
    pub(super) fn remember_unkillable(&mut self, id: ProcessId) {
        // A run of an earlier member (0) is remembered already.
        if let Some(process) = self.members.get(id)
            && let Some(run) = process.unreaped_run.filter(|run| *run > 0)
        {
            self.unkillable.insert(RunId { process: id, run }, member_key(process));
        }
    }

    /// Adds a member of the file. It waits for unkillable runs of earlier members of its name.
    pub(super) fn add_member(
        &mut self,
        name: Name,
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    ) -> ProcessId {
        let watch = self.watch_of(&spec);
        let process = self.members.add(name, replica, spec);
        let key = member_key(process);
        process.watch = watch;
        process.unreaped_run = self.unkillable.values().any(|other| *other == key).then_some(0);
        process.id
    }

    /// Handles the end of an unkillable run whose member was removed.
    pub(super) fn forget_unkillable(&mut self, run: RunId) {
        let Some(key) = self.unkillable.remove(&run) else { return };
        if self.unkillable.values().any(|other| *other == key) {
            return;
        }
        let waiting = self
            .members
            .ids_where(|process| process.unreaped_run == Some(0) && member_key(process) == key);
        for id in waiting {
            self.with(id, |process, _| process.unreaped_run_gone());
            self.reconsider(id, None);
        }
    }
}
