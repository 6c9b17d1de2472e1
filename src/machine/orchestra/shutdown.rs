//! The end of the project: dependants before what they need, then everything, then leave.

use std::time::Duration;

use super::Orchestra;
use crate::machine::event::{By, Cause, Event, ProjectStopped, ProjectStopping, Stamp};
use crate::machine::lifecycle::{LastRun, Lifecycle};
use crate::machine::order::StopOrder;
use crate::machine::snapshot::Phase;
use crate::machine::{Finish, Moment, ProcessId, ShutdownReason};
use crate::spec::Name;

/// The same signal again within this time counts once: terminals and `timeout` send it twice.
const SAME_SIGNAL: Duration = Duration::from_millis(300);

impl Orchestra {
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
            Phase::Up => {
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
            Phase::Stopping(_) => self.kill_everything(now),
            // Everything is being killed already; nobody asked to go without waiting for it.
            Phase::Killing(_) if kill => {}
            Phase::Killing(_) => {
                self.leaving = true;
                self.finish_now();
            }
        }
    }

    /// From now on no run follows another, and what has none is down.
    fn begin_stopping(&mut self, now: Moment, reason: ShutdownReason) {
        self.phase = Phase::Stopping(reason.clone());
        let (stamp, cause) = (Stamp::default(), Cause::from(reason));
        self.out.events.push(Event::from(ProjectStopping { stamp, cause }));
        self.reruns.clear();
        self.watching.clear();
        self.leavers.clear();
        for one in self.all.iter_mut() {
            one.let_no_run_follow();
        }
        let mut without_run = self.ids();
        without_run.retain(|id| !self.is_alive(*id));
        self.stop_all(now, without_run);
    }

    fn stop_all(&mut self, now: Moment, ids: Vec<ProcessId>) {
        self.end_all(now, ids, false);
    }

    fn kill_everything(&mut self, now: Moment) {
        if let Phase::Stopping(reason) = &self.phase {
            self.phase = Phase::Killing(reason.clone());
        }
        self.end_all(now, self.ids(), true);
    }

    fn end_all(&mut self, now: Moment, ids: Vec<ProcessId>, kill: bool) {
        let (Phase::Stopping(reason) | Phase::Killing(reason)) = &self.phase else { return };
        let cause = Cause::from(reason.clone());
        for id in ids {
            let cause = cause.clone();
            self.with(id, |one, _, out| one.stop(now, By::Shutdown, cause, kill, out));
        }
    }

    /// What `id` alone held up is stopped now that it has ended.
    pub(super) fn stop_next(&mut self, now: Moment, id: ProcessId) {
        if matches!(self.phase, Phase::Stopping(_)) && !self.is_alive(id) {
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
            Phase::Up => ShutdownReason::Done,
            Phase::Stopping(reason) | Phase::Killing(reason) => reason.clone(),
        };
        let code = |name: &Name| {
            let one = self.all.iter().find(|one| one.name == *name)?;
            one.last.as_ref().map(LastRun::shell_code)
        };
        let finish = match &reason {
            ShutdownReason::Signal(signal) => Finish::Signal(*signal),
            ShutdownReason::Asked => Finish::Asked,
            ShutdownReason::ShutdownOn(name) | ShutdownReason::FailFast(name) => {
                Finish::Code(code(name).unwrap_or(1))
            }
            ShutdownReason::Done => Finish::Quiet { well: self.totals.unwell == 0 },
            ShutdownReason::GuardianGone => Finish::Quiet { well: false },
        };
        self.out.events.push(Event::from(ProjectStopped { stamp: Stamp::default() }));
        self.finish = Some(finish);
    }
}
