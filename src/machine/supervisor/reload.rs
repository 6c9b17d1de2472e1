//! Applies a reloaded spec: added, removed and changed members.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AddedProcesses, Supervisor};
use crate::machine::event::{Cause, ConfigReloaded, EndCause, EventStamp};
use crate::machine::graph::DependencyGraph;
use crate::machine::lifecycle::{Lifecycle, State, Watch};
use crate::machine::slots::Slots;
use crate::machine::{Effect, Moment, ProcessId, Retention, Step};
use crate::spec::{Name, PlannedRestart, ProcessSpec, Spec, SpecDiff};

impl Supervisor {
    /// Applies the spec `new` with as few restarts as possible.
    ///
    /// Does nothing once the project is being stopped; then there is no difference.
    pub fn reload(&mut self, now: Moment, mut new: Spec, by: Cause) -> (Step, Option<SpecDiff>) {
        self.catch_up(now);
        let diff = self.plan_reload(&mut new);
        if let Some(diff) = &diff {
            self.reloads = self.reloads.saturating_add(1);
            let SpecDiff { added, changed, removed, .. } = diff.clone();
            let (stamp, reload) = (EventStamp::default(), self.reloads);
            self.cx.emit(ConfigReloaded { stamp, reload, added, changed, removed, cause: by });
            self.apply_spec(new);
            self.settle();
        }
        (self.take_step(), diff)
    }

    /// Returns the differences that a reload would apply; `None` if the project is being stopped.
    /// Jobs without a name get the names they have now.
    pub fn plan_reload(&self, new: &mut Spec) -> Option<SpecDiff> {
        if !self.is_up() || self.finish.is_some() {
            return None;
        }
        new.keep_job_names(&self.spec);
        let mut diff = SpecDiff::of(&self.spec, new);
        let declared = self.declared_members();
        for process in declared.iter().filter_map(|id| self.members.get(*id)) {
            let spec = spec_of(process, new);
            let because =
                spec.map(|spec| process.spec.reasons_for_new_run(spec)).unwrap_or_default();
            if process.restarts_on_reload() && !because.is_empty() {
                diff.restarted.push(PlannedRestart { name: process.name.clone(), because });
            }
        }
        Some(diff)
    }

    fn apply_spec(&mut self, new: Spec) {
        self.update_pools(&new);
        let mut added = self.keep_members_added_again(&new);
        let (updated, removed) = self.update_members(&new);
        added.extend(self.add_members(&new));
        let old_pools = self.spec.pools.keys().filter(|pool| !new.pools.contains_key(*pool));
        let removed_pools: Vec<Name> = old_pools.cloned().collect();
        self.spec = new;
        let old_graph = self.update_graph(&removed, &added);
        self.remove_members(&removed, &old_graph);
        for pool in removed_pools {
            self.remove_pool(&pool);
        }
        self.reconsider_all(&updated);
        if self.options.later == AddedProcesses::Start {
            let mut starting = self.autostart();
            starting.retain(|id| added.contains(id));
            self.request_starts(&starting, &self.reload_cause());
            // Dependencies that a user has stopped stay stopped: no user has asked for them by name.
            self.start_idle_dependencies(starting);
        }
    }

    fn reload_cause(&self) -> Cause {
        Cause::Reload { reload: self.reloads }
    }

    fn update_pools(&mut self, new: &Spec) {
        for (name, pool) in &new.pools {
            match self.slots.get_mut(name) {
                Some(slots) => slots.set_spec(pool),
                None => _ = self.slots.insert(name.clone(), Slots::new(pool)),
            }
            self.granting.insert(name.clone());
        }
    }

    /// Updates the declared members; returns the changed members, and the members that are no
    /// longer in the file.
    fn update_members(&mut self, new: &Spec) -> (Vec<ProcessId>, Vec<ProcessId>) {
        let (mut updated, mut removed) = (Vec::new(), Vec::new());
        for id in self.declared_members() {
            let Some(process) = self.members.get(id) else { continue };
            match spec_of(process, new) {
                None => removed.push(id),
                Some(spec) if **spec == *process.spec => {}
                Some(spec) => {
                    updated.push(id);
                    self.update_member(id, spec);
                }
            }
        }
        (updated, removed)
    }

    /// Keeps departing members that are in the file again: otherwise a second one of the same name
    /// would run beside them.
    fn keep_members_added_again(&mut self, new: &Spec) -> Vec<ProcessId> {
        let mut kept = Vec::new();
        for id in self.departing() {
            if let Some(spec) = self.members.get(id).and_then(|process| spec_of(process, new)) {
                self.keep_member_as(id, spec);
                kept.push(id);
            }
        }
        kept
    }

    /// Keeps a departing member, with its current spec in the file.
    pub(super) fn keep_member(&mut self, id: ProcessId) {
        let process = self.members.get(id);
        let spec = process.and_then(|process| self.spec.processes.get(&process.spec.name));
        if let Some(spec) = spec.map(Arc::clone) {
            self.keep_member_as(id, &spec);
        }
    }

    fn keep_member_as(&mut self, id: ProcessId, spec: &Arc<ProcessSpec>) {
        self.removed_members.remove(&id);
        self.with(id, |process, _| process.mark_kept());
        self.update_member(id, spec);
        let watch = self.watch_of(spec);
        self.with(id, |process, _| process.watch = watch);
    }

    /// The members that the file declares, without ad-hoc processes and departing members.
    fn declared_members(&self) -> Vec<ProcessId> {
        self.members.ids_where(|process| {
            process.retention == Retention::Keep
                && self.spec.processes.contains_key(&process.spec.name)
        })
    }

    fn update_member(&mut self, id: ProcessId, spec: &Arc<ProcessSpec>) {
        let Some(process) = self.members.get(id) else { return };
        let restarts = process.restarts_on_reload() && process.spec.needs_new_run(spec);
        let old = Arc::clone(&process.spec);
        let update = process.has_run().then(|| Effect::UpdateSpec {
            run: process.run_id(),
            name: process.name.clone(),
            replica: process.replica,
            spec: Arc::clone(spec),
        });
        if old.pool == spec.pool {
            self.with(id, |process, cx| process.set_spec(Arc::clone(spec), cx));
        } else {
            self.change_pool(id, spec);
        }
        if old.watch != spec.watch {
            self.watching.forget(&spec.name);
            let watch = Watch::of(spec, self.options.no_watch);
            self.with(id, |process, _| process.watch = watch);
        }
        self.cx.step.effects.extend(update);
        let cause = self.reload_cause();
        self.with(id, |process, cx| {
            if restarts {
                process.reset_budget();
                process.restart(EndCause::Reload, cause, cx);
            } else {
                process.update_checks(&old, cause, cx);
            }
        });
    }

    /// Moves a process to another pool; a running one takes its slot along and is not stopped.
    fn change_pool(&mut self, id: ProcessId, spec: &Arc<ProcessSpec>) {
        self.with(id, |process, cx| process.dependencies_lost(cx));
        let old = self.members.get(id).and_then(|process| process.spec.pool.clone());
        self.leave_pool(id);
        self.granting.extend(old.into_iter().chain(spec.pool.clone()));
        self.with(id, |process, cx| process.set_spec(Arc::clone(spec), cx));
        self.join_pool(id);
    }

    fn add_members(&mut self, new: &Spec) -> Vec<ProcessId> {
        // An ad-hoc process whose name is in the file now is the process of the file.
        let declared = self.members.ids_where(|process| {
            process.retention == Retention::KeepRecent
                && new.processes.contains_key(&process.spec.name)
        });
        for id in declared {
            self.with(id, |process, _| process.retention = Retention::Keep);
        }
        let mut added = Vec::new();
        for spec in new.processes.values() {
            let is_member = |process: &&Lifecycle| {
                process.spec.name == spec.name
                    && process.retention == Retention::Keep
                    && still_fits(process, spec)
            };
            let existing: Vec<u32> =
                self.members.iter().filter(is_member).map(replica_number).collect();
            let wanted = 1..=spec.replicas.unwrap_or(1);
            for number in wanted.filter(|number| !existing.contains(number)) {
                added.push(self.add_replica(spec, spec.replicas.map(|_| number)));
            }
        }
        added
    }

    /// Adds one replica, or the process itself if `replica` is `None`.
    pub(super) fn add_replica(
        &mut self,
        spec: &Arc<ProcessSpec>,
        replica: Option<u32>,
    ) -> ProcessId {
        let name = replica.map_or(spec.name.clone(), |number| spec.name.replica(number));
        self.add_member(name, replica, Arc::clone(spec))
    }

    /// Builds the graph of the new file; returns the old one.
    fn update_graph(&mut self, removed: &[ProcessId], added: &[ProcessId]) -> DependencyGraph {
        for id in removed {
            self.with(*id, |process, _| process.mark_removed());
        }
        if let Some(chosen) = &mut self.chosen {
            chosen.extend(added);
        }
        let graph = self.build_graph(removed);
        std::mem::replace(&mut self.graph, graph)
    }

    /// Rebuilds the graph after members were added or removed.
    pub(super) fn members_changed(&mut self) {
        self.graph = self.build_graph(&[]);
        self.reconsider_all(&[]);
    }

    /// Builds the graph; `removed` members depart too.
    fn build_graph(&self, removed: &[ProcessId]) -> DependencyGraph {
        let mut departing = self.departing();
        let mut surplus = departing.clone();
        surplus.retain(|id| self.is_surplus(*id) && !removed.contains(id));
        departing.extend(removed);
        let mut graph = DependencyGraph::new(&self.spec, &self.members, &surplus);
        let added = self.members.iter().filter(|process| process.added);
        for process in added.filter(|process| !departing.contains(&process.id)) {
            if let Some(pool) = &process.spec.pool {
                graph.add_pool_member(pool, process.id);
            }
        }
        if let Some(chosen) = &self.chosen {
            graph.keep_only(chosen);
        }
        // Departing members keep their dependencies until they have ended.
        for id in &departing {
            graph.inherit(*id, &self.graph);
        }
        graph
    }

    /// Whether a replica leaves when it has ended, because there are too many.
    pub(super) fn is_surplus(&self, id: ProcessId) -> bool {
        self.members.get(id).is_some_and(|process| {
            process.retention == Retention::RemoveOnExit
                && process.replica.is_some()
                && self.spec.processes.contains_key(&process.spec.name)
                && !self.is_removed(id)
        })
    }

    /// Whether a member is no longer in the file.
    pub(super) fn is_removed(&self, id: ProcessId) -> bool {
        self.removed_members.contains_key(&id)
    }

    /// The members declared by a file that leave when they have ended.
    pub(in crate::machine) fn departing(&self) -> Vec<ProcessId> {
        let surplus = self.members.ids_where(|process| self.is_surplus(process.id));
        self.removed_members.keys().copied().chain(surplus).collect()
    }

    /// Removes members, dependants before their dependencies.
    fn remove_members(&mut self, removed: &[ProcessId], old_graph: &DependencyGraph) {
        for id in removed {
            let needed = old_graph.needs(*id).iter().flat_map(|edge| edge.ids.iter().copied());
            let needed = needed.filter(|id| removed.contains(id)).collect();
            self.removed_members.insert(*id, needed);
            self.reruns.remove(id);
            // Without a run there is no reason to wait.
            if self.members.get(*id).is_some_and(|process| !process.is_alive()) {
                self.let_leave(*id);
            }
        }
        self.watching.forget_runners(removed);
        self.release_removed_members();
    }

    /// Stops the removed members that no other removed member depends on.
    pub(super) fn release_removed_members(&mut self) {
        self.removed_members.retain(|id, _| self.members.get(*id).is_some());
        let needed: BTreeSet<&ProcessId> = self.removed_members.values().flatten().collect();
        let free = self.removed_members.keys().filter(|id| !needed.contains(id));
        for id in free.copied().collect::<Vec<_>>() {
            self.let_leave(id);
        }
    }

    fn let_leave(&mut self, id: ProcessId) {
        let cause = self.reload_cause();
        self.with(id, |process, cx| process.leave(cause, cx));
        // A process that had ended already does not change its state, so it is not propagated.
        if self.members.get(id).is_some_and(Lifecycle::has_ended) {
            self.retiring.insert(id);
        }
    }

    /// Reconsiders all waiting processes, as their dependencies may have changed.
    fn reconsider_all(&mut self, updated: &[ProcessId]) {
        let graph = &self.graph;
        self.reruns.retain(|id, on| {
            on.retain(|on| graph.needs(*id).iter().any(|edge| edge.restart && edge.on == *on));
            !on.is_empty()
        });
        self.members.mark_all_changed();
        let waiting = self.members.ids_where(|process| {
            matches!(process.state, State::Waiting { .. } | State::Queued { .. })
        });
        for id in waiting {
            if !self.graph.holds(id, &self.members) {
                self.with(id, |process, cx| process.dependencies_lost(cx));
            }
            // Only an updated process emits `process_waiting` again.
            self.reconsider(id, (!updated.contains(&id)).then_some(id));
        }
    }
}

/// A process without replicas counts as replica 1.
fn replica_number(process: &Lifecycle) -> u32 {
    process.replica.unwrap_or(1)
}

/// The spec of a member in `new`; `None` if the member is no longer declared there.
fn spec_of<'a>(process: &Lifecycle, new: &'a Spec) -> Option<&'a Arc<ProcessSpec>> {
    new.processes.get(&process.spec.name).filter(|spec| still_fits(process, spec))
}

/// Whether a spec declares a member. Replica 1 stays, with `replicas` as without.
fn still_fits(process: &Lifecycle, spec: &ProcessSpec) -> bool {
    process.spec.kind == spec.kind && replica_number(process) <= spec.replicas.unwrap_or(1)
}
