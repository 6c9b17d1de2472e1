//! Unkillable runs whose process was scaled down or removed from the file. A later process of the
//! same name waits until they are gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Supervisor;
use crate::machine::lifecycle::Lifecycle;
use crate::machine::{Moment, ProcessId, RunId};
use crate::spec::{Name, ProcessSpec};

/// Whose run it was: the process, and which replica of it.
type MemberKey = (Name, u32);

#[derive(Debug, Default)]
pub(super) struct UnkillableRuns(BTreeMap<RunId, MemberKey>);

fn member_key(one: &Lifecycle) -> MemberKey {
    (one.spec.name.clone(), one.replica.unwrap_or(1))
}

impl Supervisor {
    /// Remembers what is left of one that is about to be no member any more.
    pub(super) fn remember_unkillable(&mut self, process: ProcessId) {
        if let Some(one) = self.all.get(process)
            && let Some(run) = one.unreaped_run
        {
            let whose = member_key(one);
            // What was left before it came is remembered already.
            if run > 0 {
                self.unkillable.0.insert(RunId { process, run }, whose);
            }
        }
    }

    /// A new member of the file; its files are watched if they are to be, and it waits for what is
    /// left of one before it.
    pub(super) fn add(
        &mut self,
        name: Name,
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    ) -> &mut Lifecycle {
        let is_blocked = self
            .unkillable
            .0
            .values()
            .any(|(process, number)| *process == spec.name && *number == replica.unwrap_or(1));
        let watch = self.watch_of(&spec);
        let one = self.all.add(name, replica, spec);
        one.watch = watch;
        one.unreaped_run = is_blocked.then_some(0);
        one
    }

    /// A run of one that is no member any more is gone after all.
    pub(super) fn forget_unkillable(&mut self, now: Moment, run: RunId) {
        let Some(gone) = self.unkillable.0.remove(&run) else { return };
        if self.unkillable.0.values().any(|other| *other == gone) {
            return;
        }
        let waits = |one: &&Lifecycle| one.unreaped_run == Some(0) && member_key(one) == gone;
        let waiting: Vec<ProcessId> = self.all.iter().filter(waits).map(|one| one.id).collect();
        for id in waiting {
            self.with(id, |one, _, _| one.unreaped_run_gone());
            self.reconsider(now, id, None);
        }
    }
}
