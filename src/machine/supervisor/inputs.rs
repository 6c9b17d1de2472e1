//! Handles the inputs of the supervisor: time, facts and intents.

use std::collections::{HashSet, VecDeque};

use super::Supervisor;
use crate::machine::event::{Cause, EndCause};
use crate::machine::lifecycle::{Lifecycle, State};
use crate::machine::{Effect, Fact, Intent, ProcessId};
use crate::spec::Signal;

impl Supervisor {
    pub(super) fn run_due_timers(&mut self) {
        while let Some((due, id)) = self.deadlines.first().copied() {
            if due > self.cx.now {
                break;
            }
            self.with(id, Lifecycle::tick);
        }
    }

    pub(super) fn handle_fact(&mut self, fact: Fact) {
        let run = fact.run();
        let Some(process) = self.members.get(run.process) else {
            if matches!(fact, Fact::Exited { .. }) {
                self.forget_unkillable(run);
            }
            return;
        };
        if process.unreaped_run == Some(run.run) {
            if matches!(fact, Fact::Exited { .. }) {
                self.with(run.process, |process, _| process.unreaped_run_gone());
                self.reconsider(run.process, None);
            }
            return;
        }
        if let Fact::PortChecked { ports, free, holder, .. } = fact {
            if process.expects_port(run) {
                // A reload may have changed the port since the request, and another process that
                // checked at the same time may have got the free port.
                if ports != process.candidate_ports()
                    || free.is_some_and(|port| self.is_port_of_another(port, run.process))
                {
                    self.with(run.process, Lifecycle::check_port);
                    return;
                }
                let again = matches!(process.state, State::Starting { again: true, .. });
                let holds = self.graph.holds(run.process, &self.members)
                    && (again || self.graph.blocker(run.process, None, &self.members).is_none());
                self.with(run.process, |process, cx| process.port_checked(free, holder, holds, cx));
                self.reconsider(run.process, None);
            }
            return;
        }
        // The one guard against facts about old runs.
        if process.run != run.run {
            return;
        }
        self.with(run.process, |process, cx| match fact {
            Fact::Spawned { pid, .. } => process.spawned(pid, cx),
            Fact::SpawnFailed { error, .. } => process.spawn_failed(&error, cx),
            Fact::Lingering { exit, left, .. } => process.lingering(exit, left, cx),
            Fact::LastOutput { since, .. } => process.check_idle_timeout(since, cx),
            Fact::Probed { which, number, answer, .. } => process.probed(which, number, answer, cx),
            Fact::Matched { line, .. } => process.matched(line, cx),
            Fact::Notified { ready, status, .. } => process.notified(ready, status, cx),
            Fact::Exited { exit, strays, note, .. } => process.exited(exit, (strays, note), cx),
            Fact::WaitsForInput { waiting, .. } => process.waiting_for_input = waiting,
            Fact::TerminalChanged { status, .. } => process.terminal = status,
            Fact::SignalFailed { reason, .. } => process.signal_error = Some(reason),
            Fact::PortChecked { .. } => {}
        });
    }

    /// Whether another process has got this port instead of its own.
    fn is_port_of_another(&self, port: u16, by: ProcessId) -> bool {
        self.members.iter().any(|process| process.id != by && process.has_taken(port))
    }

    pub(super) fn handle_intent(&mut self, intent: Intent) {
        match intent {
            Intent::Shutdown(reason) => self.shutdown(reason, false),
            Intent::ShutdownNow(reason) => self.shutdown(reason, true),
            Intent::Signal(ids, signal) => ids.iter().for_each(|id| self.signal(*id, signal)),
            Intent::CancelUnstarted(mut ids) => {
                let is_unstarted = |process: &Lifecycle| !process.is_alive() && process.run == 0;
                ids.retain(|id| self.members.get(*id).is_some_and(is_unstarted));
                self.stop(&ids, EndCause::Stop);
            }
            Intent::PausePool(pool) => self.pause_pool(&pool, true),
            Intent::ResumePool(pool) => self.pause_pool(&pool, false),
            Intent::RemovePool(pool) => self.remove_pool(&pool),
            Intent::Stop(ids) => self.stop(&ids, EndCause::Stop),
            Intent::Kill(ids) => self.stop(&ids, EndCause::Kill),
            // Nothing starts while the project is being stopped.
            Intent::Start(_) | Intent::Restart(_) if !self.is_up() => {}
            Intent::Start(ids) => {
                let ids = self.startable(ids);
                self.resume_watch(&ids);
                self.start(&ids, &Cause::User);
            }
            Intent::Restart(ids) => {
                let ids = self.startable(ids);
                self.resume_watch(&ids);
                self.start_dependencies(&ids);
                self.restart(&ids, EndCause::Restart, &Cause::User);
            }
        }
    }

    /// Restarts these with a full retry budget, and lets their pools continue.
    pub(super) fn restart(&mut self, ids: &[ProcessId], by: EndCause, cause: &Cause) {
        for id in ids {
            self.unhalt_pool(*id);
            self.with(*id, |process, cx| {
                process.reset_budget();
                process.restart(by, cause.clone(), cx);
            });
        }
    }

    /// Keeps those that may run again. Surplus replicas stay members from now on; processes that were
    /// removed from the file still leave.
    fn startable(&mut self, mut ids: Vec<ProcessId>) -> Vec<ProcessId> {
        let surplus: Vec<ProcessId> =
            ids.iter().copied().filter(|id| self.is_surplus(*id)).collect();
        for id in &surplus {
            self.keep_member(*id);
        }
        if !surplus.is_empty() {
            self.members_changed();
        }
        ids.retain(|id| !self.is_removed(*id));
        ids
    }

    fn stop(&mut self, ids: &[ProcessId], by: EndCause) {
        for id in ids {
            self.reruns.remove(id);
            let kill = by == EndCause::Kill;
            self.with(*id, |process, cx| process.stop(by, Cause::User, kill, cx));
        }
    }

    fn signal(&mut self, id: ProcessId, signal: Signal) {
        let Some(process) = self.members.get(id) else { return };
        if matches!(process.state, State::Running { .. } | State::Stopping { .. }) {
            self.cx.request(Effect::Signal { run: process.run_id(), signal });
        }
    }

    pub(super) fn start(&mut self, ids: &[ProcessId], cause: &Cause) {
        self.request_starts(ids, cause);
        self.start_dependencies(ids);
    }

    /// Requests a start of these members, without their dependencies.
    pub(super) fn request_starts(&mut self, ids: &[ProcessId], cause: &Cause) {
        for id in ids {
            self.unhalt_pool(*id);
            self.with(*id, |process, cx| process.request_start(cause.clone(), cx));
        }
    }

    /// Starts the direct dependencies, and those of waiting dependencies, unless they are running or
    /// have already met their condition.
    fn start_dependencies(&mut self, ids: &[ProcessId]) {
        let mut seen: HashSet<ProcessId> = ids.iter().copied().collect();
        let mut open: VecDeque<ProcessId> = ids.iter().copied().collect();
        while let Some(id) = open.pop_front() {
            let Some(on) = self.members.get(id).map(|process| process.name.clone()) else {
                continue;
            };
            let cause = Cause::Dependency { on };
            for dependency in self.dependencies_to_start(id) {
                if seen.insert(dependency) {
                    if !self.members.get(dependency).is_some_and(Lifecycle::is_waiting) {
                        self.request_starts(&[dependency], &cause);
                    }
                    open.push_back(dependency);
                }
            }
        }
    }

    /// The dependencies that a start of `id` starts too, including dependencies that wait
    /// themselves.
    fn dependencies_to_start(&self, id: ProcessId) -> Vec<ProcessId> {
        let edges = self.graph.needs(id).iter();
        let found = edges.flat_map(|edge| {
            let processes = edge.ids.iter().filter_map(|id| self.members.get(*id));
            processes.filter(|process| process.is_waiting() || edge.starts(process))
        });
        found.map(|process| process.id).collect()
    }
}
