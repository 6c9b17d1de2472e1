//! Project shutdown: stops dependants before dependencies, then everything, then leaves.

use std::time::Duration;

use super::Supervisor;
use crate::machine::event::{Cause, EndCause, EventStamp, ProjectStopped, ProjectStopping};
use crate::machine::graph::StopOrder;
use crate::machine::lifecycle::{LastRun, Lifecycle};
use crate::machine::snapshot::ProjectPhase;
use crate::machine::{ProcessId, ProjectExit, ShutdownReason};
use crate::spec::Name;

/// The same signal again within this time counts once: terminals and `timeout` send it twice.
const SAME_SIGNAL: Duration = Duration::from_millis(300);

impl Supervisor {
    /// Escalates the shutdown: stop in order, kill everything, leave. The first reason stays.
    pub(super) fn shutdown(&mut self, reason: ShutdownReason, kill: bool) {
        if let ShutdownReason::Signal(signal) = reason {
            let now = self.cx.now;
            let is_same = |(last, at)| last == signal && now.since(at) < SAME_SIGNAL;
            if self.last_signal.is_some_and(is_same) {
                return;
            }
            self.last_signal = Some((signal, now));
        }
        match &self.phase {
            ProjectPhase::Up => {
                self.begin_stopping(reason);
                if kill {
                    self.kill_everything();
                } else {
                    self.stop_order = StopOrder::new(&self.graph, &self.members);
                    let free =
                        self.members.ids_where(|process| self.stop_order.is_free(process.id));
                    self.stop_for_shutdown(free, false);
                }
            }
            ProjectPhase::Stopping(_) => self.kill_everything(),
            // Everything is being killed already, and this request is not one to leave without
            // waiting for the end.
            ProjectPhase::Killing(_) if kill => {}
            ProjectPhase::Killing(_) => {
                self.leaving = true;
                self.finish_now();
            }
        }
    }

    /// Disables restarts, and ends everything that has no run.
    fn begin_stopping(&mut self, reason: ShutdownReason) {
        self.phase = ProjectPhase::Stopping(reason.clone());
        let (stamp, cause) = (EventStamp::default(), Cause::Shutdown { reason });
        self.cx.emit(ProjectStopping { stamp, cause });
        self.reruns.clear();
        self.watching.pre_restart_runs.clear();
        self.removed_members.clear();
        self.members.iter_mut().for_each(|process| process.restart_disabled = true);
        let without_run = self.members.ids_where(|process| !process.has_run());
        self.stop_for_shutdown(without_run, false);
    }

    fn kill_everything(&mut self) {
        if let ProjectPhase::Stopping(reason) = &self.phase {
            self.phase = ProjectPhase::Killing(reason.clone());
        }
        self.stop_for_shutdown(self.members.ids_where(|_| true), true);
    }

    fn stop_for_shutdown(&mut self, ids: Vec<ProcessId>, kill: bool) {
        let (ProjectPhase::Stopping(reason) | ProjectPhase::Killing(reason)) = &self.phase else {
            return;
        };
        let reason = reason.clone();
        for id in ids {
            let cause = Cause::Shutdown { reason: reason.clone() };
            self.with(id, |process, cx| process.stop(EndCause::Shutdown, cause, kill, cx));
        }
    }

    /// Stops the dependencies that only waited for the end of `id`.
    pub(super) fn stop_next(&mut self, id: ProcessId) {
        let is_alive = self.members.get(id).is_some_and(Lifecycle::is_alive);
        if matches!(self.phase, ProjectPhase::Stopping(_)) && !is_alive {
            let free = self.stop_order.release(id, &self.graph, &self.members);
            self.stop_for_shutdown(free, false);
        }
    }

    /// Ends the project.
    pub(super) fn finish_now(&mut self) {
        let reason = match &self.phase {
            ProjectPhase::Up => ShutdownReason::Done,
            ProjectPhase::Stopping(reason) | ProjectPhase::Killing(reason) => reason.clone(),
        };
        let exit_code = |name: &Name| {
            let process = self.members.iter().find(|process| process.name == *name)?;
            process.last.as_ref().map(LastRun::shell_code)
        };
        self.finish = Some(match &reason {
            ShutdownReason::Signal(signal) => ProjectExit::Signal(*signal),
            ShutdownReason::Asked => ProjectExit::Asked,
            ShutdownReason::ShutdownOn(name) | ShutdownReason::FailFast(name) => {
                ProjectExit::Code(exit_code(name).unwrap_or(1))
            }
            ShutdownReason::Done => ProjectExit::Quiet { well: self.totals.unwell == 0 },
            ShutdownReason::GuardianGone => ProjectExit::Quiet { well: false },
        });
        self.cx.emit(ProjectStopped { stamp: EventStamp::default() });
    }
}
