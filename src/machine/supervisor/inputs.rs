//! Handles the inputs of the supervisor: time, facts and intents.

use std::collections::{HashSet, VecDeque};

use super::Supervisor;
use crate::machine::event::{Cause, EndCause};
use crate::machine::lifecycle::{Lifecycle, State};
use crate::machine::snapshot::ProjectPhase;
use crate::machine::{Effect, Fact, Intent, Moment, ProcessId, RunId};
use crate::spec::{Name, Signal};

impl Supervisor {
    pub(super) fn run_due_timers(&mut self, now: Moment) {
        while let Some((due, id)) = self.due.first().copied() {
            if due > now {
                break;
            }
            self.with(id, |one, jitter_rng, out| one.tick(now, jitter_rng, out));
        }
    }

    pub(super) fn fact(&mut self, now: Moment, fact: Fact) {
        let run = fact.run();
        let Some(one) = self.all.get_mut(run.process) else {
            if matches!(fact, Fact::Exited { .. }) {
                self.forget_unkillable(now, run);
            }
            return;
        };
        if one.unreaped_run == Some(run.run) {
            if matches!(fact, Fact::Exited { .. }) {
                self.with(run.process, |one, _, _| one.unreaped_run_gone());
                self.reconsider(now, run.process, None);
            }
            return;
        }
        if let Fact::PortLooked { free, holder, .. } = fact {
            if one.expects_port(run) {
                if free.is_some_and(|port| self.is_port_of_another(port, run.process)) {
                    // Two looked at the same time, and the other one has got it.
                    self.with(run.process, |one, _, out| one.look_at_port(out));
                    return;
                }
                let holds = self.order.holds(run.process, &self.all);
                self.with(run.process, |one, jitter_rng, out| {
                    one.port_looked(now, (free, holder), holds, jitter_rng, out);
                });
                self.reconsider(now, run.process, None);
            }
            return;
        }
        // The one guard: what is said about an old run changes nothing.
        if one.run != run.run {
            return;
        }
        self.with(run.process, |one, jitter_rng, out| match fact {
            Fact::Spawned { pid, .. } => one.spawned(now, pid, out),
            Fact::SpawnFailed { error, .. } => one.spawn_failed(now, &error, jitter_rng, out),
            Fact::Lingering { exit, left, .. } => one.lingering(now, exit, left, out),
            Fact::Quiet { since, .. } => one.quiet(now, since, out),
            Fact::Probed { which, number, answer, .. } => {
                one.probed(now, which, number, answer, out);
            }
            Fact::Matched { line, .. } => one.matched(now, line, out),
            Fact::Notified { ready, status, .. } => one.notified(now, ready, status, out),
            Fact::Exited { exit, strays, note, .. } => {
                one.exited(now, exit, (strays, note), jitter_rng, out);
            }
            Fact::SignalFailed { reason, .. } => one.signal_error = Some(reason),
            Fact::PortLooked { .. } => {}
        });
    }

    /// Whether another process that is alive has got this port.
    fn is_port_of_another(&self, port: u16, by: ProcessId) -> bool {
        self.all.iter().any(|one| one.id != by && one.has_taken(port))
    }

    pub(super) fn intent(&mut self, now: Moment, intent: Intent) {
        let is_up = self.phase == ProjectPhase::Up;
        match intent {
            Intent::Shutdown(reason) => self.shutdown(now, reason, false),
            Intent::ShutdownNow(reason) => self.shutdown(now, reason, true),
            Intent::Signal(ids, signal) => {
                for id in ids {
                    self.signal(id, signal);
                }
            }
            Intent::Withdraw(ids) => {
                for id in ids {
                    if self.all.get(id).is_some_and(|one| !one.is_alive() && one.run == 0) {
                        self.stop(now, &[id], EndCause::Stop);
                    }
                }
            }
            Intent::Pause(pool) => self.pause_pool(&pool, true),
            Intent::Resume(pool) => self.pause_pool(&pool, false),
            Intent::Dismiss(pool) => self.dismiss_pool(&pool),
            Intent::Stop(ids) => self.stop(now, &ids, EndCause::Stop),
            Intent::Kill(ids) => self.stop(now, &ids, EndCause::Kill),
            // Nothing starts while the project is being stopped.
            Intent::Start(_) | Intent::Restart(_) if !is_up => {}
            Intent::Start(ids) => {
                let ids = self.startable(now, ids);
                self.resume_watch(&ids);
                self.start(now, &ids, &Cause::User);
            }
            Intent::Restart(ids) => {
                let ids = self.startable(now, ids);
                self.resume_watch(&ids);
                self.start_dependencies(now, &ids);
                for id in ids {
                    self.resume_pool(id);
                    self.with(id, |one, _, out| {
                        one.reset_budget();
                        one.restart(now, EndCause::Restart, Cause::User, out);
                    });
                }
            }
        }
    }

    /// Those that may run again. Replicas that were about to go because there were too many stay
    /// now; what the file does not have any more goes all the same.
    fn startable(&mut self, now: Moment, mut ids: Vec<ProcessId>) -> Vec<ProcessId> {
        let surplus: Vec<ProcessId> =
            ids.iter().copied().filter(|id| self.is_surplus(*id)).collect();
        for id in &surplus {
            self.keep_member(now, *id);
        }
        if !surplus.is_empty() {
            self.follow_members(now);
        }
        ids.retain(|id| !self.leaves(*id));
        ids
    }

    fn stop(&mut self, now: Moment, ids: &[ProcessId], by: EndCause) {
        for id in ids {
            self.reruns.remove(id);
            self.with(*id, |one, _, out| one.stop(now, by, Cause::User, by == EndCause::Kill, out));
        }
    }

    fn signal(&mut self, id: ProcessId, signal: Signal) {
        let Some(one) = self.all.get(id) else { return };
        if matches!(one.state, State::Running { .. } | State::Stopping { .. }) {
            let run = RunId { process: id, run: one.run };
            self.out.effects.push(Effect::Signal { run, signal });
        }
    }

    pub(super) fn start(&mut self, now: Moment, ids: &[ProcessId], cause: &Cause) {
        for id in ids {
            self.resume_pool(*id);
            self.with(*id, |one, _, _| one.request_start(now, cause.clone()));
        }
        self.start_dependencies(now, ids);
    }

    /// Starts what `ids` need, directly or through something that waits, unless it is under way or
    /// has done its work.
    fn start_dependencies(&mut self, now: Moment, ids: &[ProcessId]) {
        let mut seen: HashSet<ProcessId> = ids.iter().copied().collect();
        let mut open: VecDeque<ProcessId> = ids.iter().copied().collect();
        while let Some(id) = open.pop_front() {
            let Some(on) = self.all.get(id).map(|one| one.name.clone()) else { continue };
            for needed in self.called_for(id) {
                if seen.insert(needed) {
                    self.call(now, needed, &on);
                    open.push_back(needed);
                }
            }
        }
    }

    /// The dependencies of `id` that its start starts, and those that wait themselves.
    fn called_for(&self, id: ProcessId) -> Vec<ProcessId> {
        let mut called = Vec::new();
        for need in self.order.needs(id) {
            let ones = need.ids.iter().filter_map(|id| self.all.get(*id));
            let ones = ones.filter(|one| one.is_waiting() || need.calls_for(one));
            called.extend(ones.map(|one| one.id));
        }
        called
    }

    /// Starts a dependency of `on`, unless it waits already.
    fn call(&mut self, now: Moment, id: ProcessId, on: &Name) {
        if !self.all.get(id).is_some_and(Lifecycle::is_waiting) {
            self.resume_pool(id);
            self.with(id, |one, _, _| one.request_start(now, Cause::Dependency { on: on.clone() }));
        }
    }
}
