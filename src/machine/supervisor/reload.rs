//! Applies a reloaded spec: added, removed and changed members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{AddedProcesses, Supervisor};
use crate::machine::event::{Cause, ConfigReloaded, EndCause, Event, EventStamp};
use crate::machine::graph::DependencyGraph;
use crate::machine::lifecycle::{Lifecycle, State, Watch};
use crate::machine::slots::Slots;
use crate::machine::snapshot::ProjectPhase;
use crate::machine::{Effect, Moment, ProcessId, Retention, RunId, Step};
use crate::spec::{Name, PlannedRestart, ProcessSpec, Spec, SpecDiff};

/// Who is not in the file any more and still here, with whom of these each of them needs.
#[derive(Debug, Default)]
pub(super) struct RemovedMembers(BTreeMap<ProcessId, Vec<ProcessId>>);

impl RemovedMembers {
    /// Nobody who goes as well needs these.
    fn free(&self) -> Vec<ProcessId> {
        let needed: BTreeSet<&ProcessId> = self.0.values().flatten().collect();
        self.0.keys().filter(|id| !needed.contains(id)).copied().collect()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Supervisor {
    /// Makes the project what `new` says, with as little as possible being restarted.
    ///
    /// Nothing happens once the project is being stopped, and there is no difference then.
    pub fn reload(&mut self, now: Moment, mut new: Spec, by: Cause) -> (Step, Option<SpecDiff>) {
        self.catch_up(now);
        let Some(difference) = self.foresee(&mut new) else {
            return (std::mem::take(&mut self.out), None);
        };
        self.reloads = self.reloads.saturating_add(1);
        let SpecDiff { added, changed, removed, .. } = difference.clone();
        let (stamp, reload) = (EventStamp::default(), self.reloads);
        let event = ConfigReloaded { stamp, reload, added, changed, removed, cause: by };
        self.out.events.push(Event::from(event));
        self.make_it(now, new);
        self.settle(now);
        (std::mem::take(&mut self.out), Some(difference))
    }

    /// What a reload would do; nothing when the project is being stopped. Jobs without a name get
    /// the one they have.
    pub fn foresee(&self, new: &mut Spec) -> Option<SpecDiff> {
        if self.phase != ProjectPhase::Up || self.finish.is_some() {
            return None;
        }
        new.keep_job_names(&self.spec);
        let mut difference = SpecDiff::of(&self.spec, new);
        for id in self.of_the_file() {
            let Some(one) = self.all.get(id) else { continue };
            let spec = new.processes.get(&one.spec.name).filter(|spec| still_fits(one, spec));
            let because = spec.map(|spec| one.spec.reasons_for_new_run(spec)).unwrap_or_default();
            if one.follows_its_file() && !because.is_empty() {
                difference.restarted.push(PlannedRestart { name: one.name.clone(), because });
            }
        }
        Some(difference)
    }

    fn make_it(&mut self, now: Moment, new: Spec) {
        self.renew_pools(&new);
        let mut added = self.take_back(now, &new);
        let (renewed, leaving) = self.renew_members(now, &new);
        added.extend(self.add_members(&new));
        let gone: Vec<Name> =
            self.spec.pools.keys().filter(|pool| !new.pools.contains_key(*pool)).cloned().collect();
        self.spec = new;
        let before = self.renew_order(&leaving, &added);
        self.see_off(now, &leaving, &before);
        for pool in gone {
            self.dismiss_pool(&pool);
        }
        self.look_again(now, &renewed);
        let starts: Vec<ProcessId> =
            self.autostart().into_iter().filter(|id| added.contains(id)).collect();
        if self.options.later == AddedProcesses::Start {
            self.start_new(now, starts);
        }
    }

    /// Nobody has asked for what they need by name: what a person has stopped stays stopped.
    fn start_new(&mut self, now: Moment, ids: Vec<ProcessId>) {
        let cause = self.this_reload();
        for id in &ids {
            self.resume_pool(*id);
            self.with(*id, |one, _, _| one.request_start(now, cause.clone()));
        }
        self.start_untouched(now, ids);
    }

    fn this_reload(&self) -> Cause {
        Cause::Reload { reload: self.reloads }
    }

    fn renew_pools(&mut self, new: &Spec) {
        for (name, pool) in &new.pools {
            match self.slots.get_mut(name) {
                Some(slots) => slots.renew(Arc::clone(pool)),
                None => _ = self.slots.insert(name.clone(), Slots::new(Arc::clone(pool))),
            }
            self.granting.insert(name.clone());
        }
    }

    /// Gives everybody from the file what it says now; gives who is something else, and who is not
    /// in it any more.
    fn renew_members(&mut self, now: Moment, new: &Spec) -> (Vec<ProcessId>, Vec<ProcessId>) {
        let (mut renewed, mut leaving) = (Vec::new(), Vec::new());
        for id in self.of_the_file() {
            let Some(one) = self.all.get(id) else { continue };
            let spec = new.processes.get(&one.spec.name).filter(|spec| still_fits(one, spec));
            match spec {
                None => leaving.push(id),
                Some(spec) if **spec == *one.spec => {}
                Some(spec) => {
                    renewed.push(id);
                    self.renew(now, id, Arc::clone(spec));
                }
            }
        }
        (renewed, leaving)
    }

    /// Those that were about to go and are in the file again: a second one of the same name would
    /// run beside them.
    fn take_back(&mut self, now: Moment, new: &Spec) -> Vec<ProcessId> {
        let mut back = Vec::new();
        for id in self.going() {
            let Some(one) = self.all.get(id) else { continue };
            let spec = new.processes.get(&one.spec.name).filter(|spec| still_fits(one, spec));
            if let Some(spec) = spec {
                self.keep_as(now, id, spec);
                back.push(id);
            }
        }
        back
    }

    /// One that was about to go stays, as the file has it now.
    pub(super) fn keep_member(&mut self, now: Moment, id: ProcessId) {
        let spec = self.all.get(id).and_then(|one| self.spec.processes.get(&one.spec.name));
        if let Some(spec) = spec.map(Arc::clone) {
            self.keep_as(now, id, &spec);
        }
    }

    fn keep_as(&mut self, now: Moment, id: ProcessId, spec: &Arc<ProcessSpec>) {
        self.removed_members.0.remove(&id);
        self.with(id, |one, _, _| one.take_notice_back());
        self.renew(now, id, Arc::clone(spec));
        let watch = self.watch_of(spec);
        self.with(id, |one, _, _| one.watch = watch);
    }

    /// Those that the file declares, without guests and without those that go already.
    fn of_the_file(&self) -> Vec<ProcessId> {
        let declared = |one: &&Lifecycle| {
            one.retention == Retention::Keep && self.spec.processes.contains_key(&one.spec.name)
        };
        self.all.iter().filter(declared).map(|one| one.id).collect()
    }

    fn renew(&mut self, now: Moment, id: ProcessId, spec: Arc<ProcessSpec>) {
        let Some(one) = self.all.get(id) else { return };
        let reruns = one.follows_its_file() && one.spec.needs_new_run(&spec);
        let (moves, watches) = (one.spec.pool != spec.pool, one.spec.watch != spec.watch);
        let (run, name, replica) =
            (RunId { process: id, run: one.run }, one.name.clone(), one.replica);
        let (alive, cause, old) = (one.is_alive(), self.this_reload(), Arc::clone(&one.spec));
        if moves {
            self.change_pool(now, id, Arc::clone(&spec));
        } else {
            self.with(id, |one, _, _| one.respec(now, Arc::clone(&spec)));
        }
        if watches {
            self.watch_anew(id, &spec);
        }
        if alive {
            self.out.effects.push(Effect::Renew { run, name, replica, spec });
        }
        self.with(id, |one, _, out| {
            if reruns {
                one.run_anew(now, EndCause::Reload, cause, out);
            } else {
                one.renew_checks(now, &old, cause, out);
            }
        });
    }

    fn watch_anew(&mut self, id: ProcessId, spec: &ProcessSpec) {
        let watch = Watch::of(spec, self.options.no_watch);
        self.watching.forget(&spec.name);
        self.with(id, |one, _, _| one.watch = watch);
    }

    /// It takes its slot along: nobody is stopped because of it.
    fn change_pool(&mut self, now: Moment, id: ProcessId, spec: Arc<ProcessSpec>) {
        self.with(id, |one, _, _| one.uncleared(now));
        let old = self.all.get(id).and_then(|one| one.spec.pool.clone());
        self.leave_pool(id);
        self.granting.extend(old.into_iter().chain(spec.pool.clone()));
        self.with(id, |one, _, _| one.respec(now, spec));
        self.join_pool(id);
    }

    fn add_members(&mut self, new: &Spec) -> Vec<ProcessId> {
        // The file has a process now that is called like one that came by hand: it is that one.
        let is_declared = |one: &&Lifecycle| {
            one.retention == Retention::KeepRecent && new.processes.contains_key(&one.spec.name)
        };
        let declared: Vec<_> = self.all.iter().filter(is_declared).map(|one| one.id).collect();
        for id in declared {
            self.with(id, |one, _, _| one.retention = Retention::Keep);
        }
        let mut added = Vec::new();
        for process in new.processes.values() {
            let there: Vec<u32> = self
                .all
                .iter()
                .filter(|one| one.spec.name == process.name && one.retention == Retention::Keep)
                .filter(|one| still_fits(one, process))
                .map(number)
                .collect();
            let wanted = 1..=process.replicas.unwrap_or(1);
            for number in wanted.filter(|number| !there.contains(number)) {
                added.push(self.add_replica(process, process.replicas.map(|_| number)));
            }
        }
        added
    }

    /// One more replica, or the process itself where it has none.
    pub(super) fn add_replica(
        &mut self,
        spec: &Arc<ProcessSpec>,
        replica: Option<u32>,
    ) -> ProcessId {
        let name = replica.map_or(spec.name.clone(), |number| spec.name.replica(number));
        self.add(name, replica, Arc::clone(spec)).id
    }

    /// Who needs whom by the new file; gives how it was before.
    fn renew_order(&mut self, leaving: &[ProcessId], added: &[ProcessId]) -> DependencyGraph {
        for id in leaving {
            self.with(*id, |one, _, _| one.give_notice());
        }
        if let Some(chosen) = &mut self.chosen {
            chosen.extend(added);
        }
        let order = self.order_anew(leaving);
        std::mem::replace(&mut self.order, order)
    }

    /// There are more or fewer members than before.
    pub(super) fn follow_members(&mut self, now: Moment) {
        self.order = self.order_anew(&[]);
        self.look_again(now, &[]);
    }

    /// Who needs whom; these leave too.
    fn order_anew(&self, leaving: &[ProcessId]) -> DependencyGraph {
        let mut going = self.going();
        let surplus: Vec<ProcessId> = going
            .iter()
            .copied()
            .filter(|id| self.is_surplus(*id) && !leaving.contains(id))
            .collect();
        going.extend(leaving);
        let mut order = DependencyGraph::new(&self.spec, &self.all, &surplus);
        let added = self.all.iter().filter(|one| one.added);
        for guest in added.filter(|one| !going.contains(&one.id)) {
            if let Some(pool) = &guest.spec.pool {
                order.join(pool, guest.id);
            }
        }
        if let Some(chosen) = &self.chosen {
            order.keep_only(chosen);
        }
        // Whoever is on the way out still has what it needs until it is down.
        for id in &going {
            order.inherit(*id, &self.order);
        }
        order
    }

    /// Whether it is a replica that goes when it has ended, because there are too many.
    pub(super) fn is_surplus(&self, id: ProcessId) -> bool {
        self.all.get(id).is_some_and(|one| {
            one.retention == Retention::RemoveOnExit
                && one.replica.is_some()
                && self.spec.processes.contains_key(&one.spec.name)
                && !self.leaves(id)
        })
    }

    /// Whether the file does not have it any more.
    pub(super) fn leaves(&self, id: ProcessId) -> bool {
        self.removed_members.0.contains_key(&id)
    }

    /// Those that a file declared and that go when they have ended.
    pub(in crate::machine) fn going(&self) -> Vec<ProcessId> {
        let surplus = self.all.iter().map(|one| one.id).filter(|id| self.is_surplus(*id));
        self.removed_members.0.keys().copied().chain(surplus).collect()
    }

    /// Dependants go before what they need.
    fn see_off(&mut self, now: Moment, leaving: &[ProcessId], before: &DependencyGraph) {
        for id in leaving {
            let needed = before.needs(*id).iter().flat_map(|need| need.ids.iter().copied());
            let needed = needed.filter(|id| leaving.contains(id)).collect();
            self.removed_members.0.insert(*id, needed);
            self.reruns.remove(id);
            // Without a run there is nothing to wait with.
            if self.all.get(*id).is_some_and(|one| !one.is_alive()) {
                self.let_go(now, *id);
            }
        }
        self.watching.forget_runners(leaving);
        self.follow_leavers(now);
    }

    /// Lets those go whom nobody needs who goes as well.
    pub(super) fn follow_leavers(&mut self, now: Moment) {
        self.removed_members.0.retain(|id, _| self.all.get(*id).is_some());
        for id in self.removed_members.free() {
            self.let_go(now, id);
        }
    }

    fn let_go(&mut self, now: Moment, id: ProcessId) {
        let cause = self.this_reload();
        self.with(id, |one, _, out| one.depart(now, cause, out));
        // One that had ended already does not move, and nobody would look at it.
        if self.all.get(id).is_some_and(|one| matches!(one.state, State::Ended(_))) {
            self.retiring.insert(id);
        }
    }

    /// What somebody waits for may be something else now.
    fn look_again(&mut self, now: Moment, renewed: &[ProcessId]) {
        let order = &self.order;
        self.reruns.retain(|id, on| {
            on.retain(|on| order.needs(*id).iter().any(|need| need.restart && need.on == *on));
            !on.is_empty()
        });
        let mut waiting = Vec::new();
        for one in self.all.iter_mut() {
            one.view = None;
            if matches!(one.state, State::Waiting { .. } | State::Queued { .. }) {
                waiting.push(one.id);
            }
        }
        for id in waiting {
            if !self.order.holds(id, &self.all) {
                self.with(id, |one, _, _| one.uncleared(now));
            }
            // Only what is new about it is told.
            self.reconsider(now, id, (!renewed.contains(&id)).then_some(id));
        }
    }
}

/// One without a number is the first.
fn number(one: &Lifecycle) -> u32 {
    one.replica.unwrap_or(1)
}

/// Whether it is one that the process has: with `replicas` as without, the first one stays.
fn still_fits(one: &Lifecycle, spec: &ProcessSpec) -> bool {
    one.spec.kind == spec.kind && number(one) <= spec.replicas.unwrap_or(1)
}
