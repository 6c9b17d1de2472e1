//! File changes: which processes restart, what runs first, and when a watch is suspended.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Supervisor;
use crate::machine::event::{Cause, EndCause, Event, EventStamp, FileChanged, WatchSuspended};
use crate::machine::lifecycle::{Lifecycle, Outcome, State, Watch, WatchCall};
use crate::machine::snapshot::ProjectPhase;
use crate::machine::{Effect, FileChange, Moment, ProcessId, RunId};
use crate::spec::{Name, ProcessSpec, Signal, WatchAction};

/// A change so soon after the start of the run before may come from that run.
const SOON: Duration = Duration::from_secs(2);

/// What is kept about changes from one to the next.
#[derive(Debug, Default)]
pub(super) struct WatchTracker {
    /// How often in a row a process was restarted soon after its start.
    in_a_row: BTreeMap<Name, u32>,
    /// Processes for which something else runs first.
    errands: BTreeMap<Name, PreRestartRun>,
    /// Restarts that wait to be known as possible.
    unchecked: usize,
}

/// What runs before a process is restarted.
#[derive(Debug)]
struct PreRestartRun {
    change: FileChange,
    runners: Vec<ProcessId>,
    began: Moment,
    /// A change that came meanwhile.
    next: Option<FileChange>,
}

impl WatchTracker {
    pub(super) fn clear(&mut self) {
        self.errands.clear();
    }

    /// Whether a restart may follow immediately.
    pub(super) fn has_unchecked(&self) -> bool {
        self.unchecked > 0
    }

    /// What a process watches is something else now.
    pub(super) fn forget(&mut self, process: &Name) {
        self.in_a_row.remove(process);
        self.errands.remove(process);
    }

    /// These will not run any more.
    pub(super) fn forget_runners(&mut self, gone: &[ProcessId]) {
        self.errands.retain(|_, errand| !errand.runners.iter().any(|id| gone.contains(id)));
    }
}

impl Supervisor {
    /// Files of a process have changed.
    pub(super) fn changed(&mut self, now: Moment, change: FileChange) {
        if self.phase != ProjectPhase::Up {
            return;
        }
        let watched = |one: &&Lifecycle| one.spec.name == change.process && one.watch == Watch::On;
        let calls: Vec<(ProcessId, WatchCall)> = self
            .all
            .iter()
            .filter(watched)
            .map(|one| (one.id, self.call_for(one, &change)))
            .collect();
        let spec = self.all.iter().find(watched).and_then(|one| one.spec.watch.clone());
        let Some(spec) = spec.filter(|_| calls.iter().any(|(_, call)| *call != WatchCall::Nothing))
        else {
            return;
        };
        let errand = self.watching.errands.get(&change.process);
        if errand.is_some_and(|errand| change.last < errand.began) {
            return;
        }
        let meanwhile = errand.is_some();
        self.tell_change(&change, &spec.action);
        let acting: Vec<ProcessId> =
            calls.iter().filter(|(_, call)| *call == WatchCall::Acts).map(|(id, _)| *id).collect();
        for (id, _) in calls.iter().filter(|(_, call)| *call == WatchCall::Joins) {
            self.with(*id, |one, _, _| one.reset_budget());
        }
        let cause = Cause::FileChanged { path: change.path.clone() };
        match &spec.action {
            _ if acting.is_empty() => {}
            WatchAction::Restart => {
                self.count_change(&change, &acting, false, spec.suspend_after);
                self.rerun_for_files(now, &acting, &cause);
            }
            WatchAction::Signal(signal) => self.signal_for_files(now, &acting, *signal, &cause),
            WatchAction::Run(first) => {
                self.count_change(&change, &acting, meanwhile, spec.suspend_after);
                let runners = self.ids_of(first);
                self.run_errand(now, first, change);
                self.start_untouched(now, runners);
            }
        }
    }

    /// What a change means to one of those who watch. Where something runs first, a run that began
    /// after the change has seen nothing of it unless that other one began after it too.
    fn call_for(&self, one: &Lifecycle, change: &FileChange) -> WatchCall {
        let call = one.call_of(change.last);
        let action = one.spec.watch.as_ref().map(|watch| &watch.action);
        let Some(WatchAction::Run(first)) = action else { return call };
        // A run that is on its way begins later than whatever has ended.
        let began = (call != WatchCall::Joins).then_some(one.asked);
        if self.was_built(first, change.last, began) {
            return call;
        }
        match one.call_of(change.last.max(one.asked)) {
            WatchCall::Nothing => WatchCall::Nothing,
            WatchCall::Joins | WatchCall::Acts => WatchCall::Acts,
        }
    }

    /// Whether `first` has run from beginning to end after a change, and before `began`.
    fn was_built(&self, first: &Name, change: Moment, began: Option<Moment>) -> bool {
        let mut runners = self.ids_of(first).into_iter().filter_map(|id| self.all.get(id));
        runners.all(|one| {
            one.asked > change
                && one.verdict().is_some()
                && began.is_none_or(|began| one.entered <= began)
        })
    }

    fn tell_change(&mut self, change: &FileChange, action: &WatchAction) {
        let FileChange { process, path, more, .. } = change.clone();
        let (stamp, name, action) = (EventStamp::default(), process.clone(), action.to_string());
        let event = FileChanged { stamp, name, process, path, more, action };
        self.out.events.push(Event::from(event));
    }

    fn rerun_for_files(&mut self, now: Moment, ids: &[ProcessId], cause: &Cause) {
        for id in ids {
            self.resume_pool(*id);
            self.with(*id, |one, _, out| {
                one.run_anew(now, EndCause::FileChange, cause.clone(), out);
            });
        }
    }

    /// One that is up gets the signal; one that is down is started.
    fn signal_for_files(&mut self, now: Moment, ids: &[ProcessId], signal: Signal, cause: &Cause) {
        for id in ids {
            let Some(one) = self.all.get(*id) else { continue };
            let run = RunId { process: *id, run: one.run };
            match one.state {
                State::Running { .. } => self.out.effects.push(Effect::Signal { run, signal }),
                // It has read nothing yet, and a signal now would end it.
                State::Starting { .. } => {}
                State::Idle
                | State::Waiting { .. }
                | State::Queued { .. }
                | State::Stopping { .. }
                | State::Backoff { .. }
                | State::Ended(_) => self.rerun_for_files(now, &[*id], cause),
            }
        }
    }

    /// So many in a row, each soon after a start or while the build runs that it causes, and the
    /// process seems to write what it watches.
    fn count_change(&mut self, change: &FileChange, ids: &[ProcessId], meanwhile: bool, most: u32) {
        let started = ids.iter().filter_map(|id| self.all.get(*id)).map(|one| one.asked).max();
        let soon = started.is_some_and(|started| change.first.since(started) < SOON);
        let count = self.watching.in_a_row.entry(change.process.clone()).or_default();
        *count = if soon || meanwhile { count.saturating_add(1) } else { 0 };
        if most == 0 || *count < most {
            return;
        }
        let (restarts, FileChange { process, path, .. }) = (*count, change.clone());
        for id in self.ids_of(&process) {
            let watch = Watch::Suspended(path.clone());
            self.with(id, |one, _, _| one.watch = watch);
        }
        let (stamp, name) = (EventStamp::default(), process.clone());
        let event = WatchSuspended { stamp, name, process, path, restarts };
        self.out.events.push(Event::from(event));
    }

    /// How it stands with the files of one more replica: as with those that are there.
    pub(super) fn watch_of(&self, spec: &ProcessSpec) -> Watch {
        let siblings = self.all.iter().filter(|one| one.spec.name == spec.name);
        let mut suspended = siblings.filter(|one| matches!(one.watch, Watch::Suspended(_)));
        match (Watch::of(spec, self.options.no_watch), suspended.next()) {
            (Watch::On, Some(sibling)) => sibling.watch.clone(),
            (watch, _) => watch,
        }
    }

    /// What is restarted or started by hand is watched again.
    pub(super) fn resume_watch(&mut self, ids: &[ProcessId]) {
        for id in ids {
            let Some(one) = self.all.get(*id) else { continue };
            let (name, suspended) =
                (one.spec.name.clone(), matches!(one.watch, Watch::Suspended(_)));
            self.watching.in_a_row.remove(&name);
            if suspended {
                for id in self.ids_of(&name) {
                    self.with(id, |one, _, _| one.watch = Watch::On);
                }
            }
        }
    }

    /// A process, or the jobs of a pool.
    fn ids_of(&self, name: &Name) -> Vec<ProcessId> {
        let jobs = self.spec.pools.get(name).map(|pool| &pool.jobs);
        let is_meant = |one: &&Lifecycle| match jobs {
            Some(jobs) => jobs.contains(&one.spec.name),
            None => one.spec.name == *name,
        };
        self.all.iter().filter(is_meant).map(|one| one.id).collect()
    }

    /// Lets `first` run; a change that comes while it does is next.
    fn run_errand(&mut self, now: Moment, first: &Name, change: FileChange) {
        if let Some(errand) = self.watching.errands.get_mut(&change.process) {
            errand.next = Some(change);
            return;
        }
        let runners = self.ids_of(first);
        let cause = Cause::FileChanged { path: change.path.clone() };
        let process = change.process.clone();
        for id in &runners {
            self.resume_pool(*id);
            self.with(*id, |one, _, out| {
                // One that began after the change runs for somebody else who watches the same files.
                if !one.is_alive() || one.call_of(change.last) == WatchCall::Acts {
                    one.reset_budget();
                    one.restart(now, EndCause::FileChange, cause.clone(), out);
                }
            });
        }
        let errand = PreRestartRun { change, runners, began: now, next: None };
        self.watching.errands.insert(process, errand);
    }

    /// Starts what `ids` need, directly or not, where nobody has ever asked for it. What was stopped
    /// stays stopped: a file is no person.
    pub(super) fn start_untouched(&mut self, now: Moment, ids: Vec<ProcessId>) {
        let mut open = ids;
        while let Some(id) = open.pop() {
            let Some(on) = self.all.get(id).map(|one| one.name.clone()) else { continue };
            let needed: Vec<ProcessId> =
                self.order.needs(id).iter().flat_map(|need| need.ids.iter().copied()).collect();
            for id in needed {
                if self.all.get(id).is_some_and(|one| one.state == State::Idle) {
                    let cause = Cause::Dependency { on: on.clone() };
                    self.with(id, |one, _, _| one.request_start(now, cause));
                    open.push(id);
                }
            }
        }
    }

    /// Looks whether something that runs first has come to its end.
    pub(super) fn follow_errands(&mut self, now: Moment, id: ProcessId) {
        let over = |errand: &PreRestartRun| -> Option<bool> {
            let runs = errand.runners.contains(&id);
            let verdicts = errand.runners.iter().map(|id| self.all.get(*id)?.verdict());
            let verdicts: Vec<Option<bool>> = verdicts.filter(|_| runs).collect();
            if verdicts.contains(&Some(false)) {
                return Some(false);
            }
            (runs && verdicts.iter().all(Option::is_some)).then_some(true)
        };
        let over: Vec<(Name, bool)> = self
            .watching
            .errands
            .iter()
            .filter_map(|(process, errand)| Some((process.clone(), over(errand)?)))
            .collect();
        for (process, well) in over {
            let Some(errand) = self.watching.errands.remove(&process) else { continue };
            if well {
                self.watching.unchecked += 1;
                let change = errand.change.clone();
                self.out.effects.push(Effect::CheckRestart { change });
            } else {
                self.tell_failed_errand(&errand, id);
            }
            let action = self.all.iter().find(|one| one.spec.name == process);
            let action = action.and_then(|one| one.spec.watch.as_ref()).map(|w| w.action.clone());
            // Who stops it does not want it to begin again.
            let stopped = |id: &ProcessId| {
                self.all.get(*id).is_some_and(|one| {
                    one.is_stopped() || one.state == State::Ended(Outcome::Stopped)
                })
            };
            let next = errand.next.filter(|_| !errand.runners.iter().any(stopped));
            if let (Some(next), Some(WatchAction::Run(first))) = (next, action) {
                self.run_errand(now, &first, next);
            }
        }
    }

    /// Restarts a process for which another one has run first.
    ///
    /// What it needs is new only now, however late its own run began.
    pub(super) fn restart_checked(&mut self, now: Moment, change: &FileChange, is_refused: bool) {
        self.watching.unchecked = self.watching.unchecked.saturating_sub(1);
        if is_refused || self.phase != ProjectPhase::Up {
            return;
        }
        let mut ids = self.ids_of(&change.process);
        ids.retain(|id| self.all.get(*id).is_some_and(|one| one.call_of(now) == WatchCall::Acts));
        let cause = Cause::FileChanged { path: change.path.clone() };
        self.rerun_for_files(now, &ids, &cause);
    }

    fn tell_failed_errand(&mut self, errand: &PreRestartRun, failed: ProcessId) {
        let Some(one) = self.all.get(failed) else { return };
        let how = one.last.as_ref().filter(|last| !last.success);
        let how = how.map_or_else(String::new, |last| format!(" ({})", last.describe()));
        let path = &errand.change.path;
        let text =
            format!("{path} has changed, but {} did not succeed{how}: it stays as it is", one.name);
        self.out.effects.push(Effect::Tell { about: errand.change.process.clone(), text });
    }
}
