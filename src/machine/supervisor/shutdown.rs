//! Project shutdown: stops dependants before dependencies, then everything, then leaves.

use std::time::Duration;

use super::Supervisor;
use crate::machine::event::{Cause, EndCause, Event, EventStamp, ProjectStopped, ProjectStopping};
use crate::machine::graph::StopOrder;
use crate::machine::lifecycle::{LastRun, Lifecycle};
use crate::machine::snapshot::ProjectPhase;
use crate::machine::{Moment, ProcessId, ProjectExit, ShutdownReason};
use crate::spec::Name;

/// The same signal again within this time counts once: terminals and `timeout` send it twice.
const SAME_SIGNAL: Duration = Duration::from_millis(300);

impl Supervisor {
    /// One rung down the ladder: stop in order, kill everything, leave. The first reason stays.
    pub(super) fn shutdown(&mut self, now: Moment, reason: ShutdownReason, kill: bool) {
        if let ShutdownReason::Signal(signal) = reason {
            let same = |(last, at)| last == signal && now.since(at) < SAME_SIGNAL;
            if self.last_signal.is_some_and(same) {
                return;
            }
            self.last_signal = Some((signal, now));
        }
        match &self.phase {
            ProjectPhase::Up => {
                self.begin_stopping(now, reason);
                if kill {
                    self.kill_everything(now);
                } else {
                    self.stop_order = StopOrder::new(&self.order, &self.all);
                    let free = |id: &ProcessId| self.stop_order.is_free(*id);
                    let free = self.ids().into_iter().filter(free).collect();
                    self.stop_all(now, free);
                }
            }
            ProjectPhase::Stopping(_) => self.kill_everything(now),
            // Everything is being killed already; nobody asked to go without waiting for it.
            ProjectPhase::Killing(_) if kill => {}
            ProjectPhase::Killing(_) => {
                self.leaving = true;
                self.finish_now();
            }
        }
    }

    /// From now on no run follows another, and what has none is down.
    fn begin_stopping(&mut self, now: Moment, reason: ShutdownReason) {
        self.phase = ProjectPhase::Stopping(reason.clone());
        let (stamp, cause) = (EventStamp::default(), Cause::from(reason));
        self.out.events.push(Event::from(ProjectStopping { stamp, cause }));
        self.reruns.clear();
        self.watching.clear();
        self.removed_members.clear();
        for one in self.all.iter_mut() {
            one.disable_restart();
        }
        let mut without_run = self.ids();
        without_run.retain(|id| !self.is_alive(*id));
        self.stop_all(now, without_run);
    }

    fn stop_all(&mut self, now: Moment, ids: Vec<ProcessId>) {
        self.end_all(now, ids, false);
    }

    fn kill_everything(&mut self, now: Moment) {
        if let ProjectPhase::Stopping(reason) = &self.phase {
            self.phase = ProjectPhase::Killing(reason.clone());
        }
        self.end_all(now, self.ids(), true);
    }

    fn end_all(&mut self, now: Moment, ids: Vec<ProcessId>, kill: bool) {
        let (ProjectPhase::Stopping(reason) | ProjectPhase::Killing(reason)) = &self.phase else {
            return;
        };
        let cause = Cause::from(reason.clone());
        for id in ids {
            let cause = cause.clone();
            self.with(id, |one, _, out| one.stop(now, EndCause::Shutdown, cause, kill, out));
        }
    }

    /// What `id` alone held up is stopped now that it has ended.
    pub(super) fn stop_next(&mut self, now: Moment, id: ProcessId) {
        if matches!(self.phase, ProjectPhase::Stopping(_)) && !self.is_alive(id) {
            let free = self.stop_order.release(id, &self.order, &self.all);
            self.stop_all(now, free);
        }
    }

    fn is_alive(&self, id: ProcessId) -> bool {
        self.all.get(id).is_some_and(Lifecycle::is_alive)
    }

    fn ids(&self) -> Vec<ProcessId> {
        self.all.iter().map(|one| one.id).collect()
    }

    /// Everything has ended.
    pub(super) fn finish_now(&mut self) {
        let reason = match &self.phase {
            ProjectPhase::Up => ShutdownReason::Done,
            ProjectPhase::Stopping(reason) | ProjectPhase::Killing(reason) => reason.clone(),
        };
        let code = |name: &Name| {
            let one = self.all.iter().find(|one| one.name == *name)?;
            one.last.as_ref().map(LastRun::shell_code)
        };
        let finish = match &reason {
            ShutdownReason::Signal(signal) => ProjectExit::Signal(*signal),
            ShutdownReason::Asked => ProjectExit::Asked,
            ShutdownReason::ShutdownOn(name) | ShutdownReason::FailFast(name) => {
                ProjectExit::Code(code(name).unwrap_or(1))
            }
            ShutdownReason::Done => ProjectExit::Quiet { well: self.totals.unwell == 0 },
            ShutdownReason::GuardianGone => ProjectExit::Quiet { well: false },
        };
        self.out.events.push(Event::from(ProjectStopped { stamp: EventStamp::default() }));
        self.finish = Some(finish);
    }
}
