//! Runs that cannot be ended and whose process is no member any more: it was scaled away, or is not
//! in the file. One of the same name that comes later waits until they are gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Orchestra;
use crate::machine::lifecycle::Lifecycle;
use crate::machine::{Moment, ProcessId, RunId};
use crate::spec::{Name, ProcessSpec};

/// Whose run it was: the process, and which replica of it.
type Whose = (Name, u32);

/// Those runs.
#[derive(Debug, Default)]
pub(super) struct Haunts(BTreeMap<RunId, Whose>);

fn whose(one: &Lifecycle) -> Whose {
    (one.spec.name.clone(), one.replica.unwrap_or(1))
}

impl Orchestra {
    /// Remembers what is left of one that is about to be no member any more.
    pub(super) fn haunt(&mut self, process: ProcessId) {
        if let Some(one) = self.all.get(process)
            && let Some(run) = one.ghost
        {
            let whose = whose(one);
            // What was left before it came is remembered already.
            if run > 0 {
                self.haunts.0.insert(RunId { process, run }, whose);
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
        let is_haunted = self
            .haunts
            .0
            .values()
            .any(|(process, number)| *process == spec.name && *number == replica.unwrap_or(1));
        let watch = self.watch_of(&spec);
        let one = self.all.add(name, replica, spec);
        one.watch = watch;
        one.ghost = is_haunted.then_some(0);
        one
    }

    /// A run of one that is no member any more is gone after all.
    pub(super) fn lay(&mut self, now: Moment, run: RunId) {
        let Some(gone) = self.haunts.0.remove(&run) else { return };
        if self.haunts.0.values().any(|other| *other == gone) {
            return;
        }
        let waits = |one: &&Lifecycle| one.ghost == Some(0) && whose(one) == gone;
        let waiting: Vec<ProcessId> = self.all.iter().filter(waits).map(|one| one.id).collect();
        for id in waiting {
            self.with(id, |one, _, _| one.ghost_gone());
            self.reconsider(now, id, None);
        }
    }
}
