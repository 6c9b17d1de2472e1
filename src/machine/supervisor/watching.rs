//! File changes: which processes restart, what runs first, and when a watch is suspended.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Supervisor;
use crate::machine::event::{Cause, EndCause, EventStamp, FileChanged, WatchSuspended};
use crate::machine::lifecycle::{ChangeResponse, Lifecycle, Outcome, State, Watch};
use crate::machine::{Effect, FileChange, Moment, ProcessId};
use crate::spec::{Name, ProcessSpec, Signal, WatchAction};

/// A change so soon after the start of the last run may come from that run.
const SUSPICIOUS_AGE: Duration = Duration::from_secs(2);

/// State that is kept between file changes.
#[derive(Debug, Default)]
pub(super) struct WatchTracker {
    /// Number of consecutive restarts of a process that came soon after its start.
    suspicious_restarts: BTreeMap<Name, u32>,
    /// Processes that wait for their pre-restart run.
    pub(super) pre_restart_runs: BTreeMap<Name, PreRestartRun>,
    /// Number of restarts that wait for the engine's check, and may follow immediately.
    pub(super) unchecked: usize,
}

/// A run of other processes before a process is restarted.
#[derive(Debug)]
pub(super) struct PreRestartRun {
    change: FileChange,
    runners: Vec<ProcessId>,
    began: Moment,
    /// A change that came meanwhile.
    next: Option<FileChange>,
}

impl WatchTracker {
    /// Forgets a process whose watch has changed.
    pub(super) fn forget(&mut self, process: &Name) {
        self.suspicious_restarts.remove(process);
        self.pre_restart_runs.remove(process);
    }

    /// Forgets runs of members that were removed.
    pub(super) fn forget_runners(&mut self, removed: &[ProcessId]) {
        let is_removed = |id: &ProcessId| removed.contains(id);
        self.pre_restart_runs.retain(|_, run| !run.runners.iter().any(is_removed));
    }
}

impl Supervisor {
    pub(super) fn handle_file_change(&mut self, change: FileChange) {
        if !self.is_up() {
            return;
        }
        let watched: Vec<&Lifecycle> = self
            .members
            .iter()
            .filter(|process| process.spec.name == change.process && process.watch == Watch::On)
            .collect();
        let responding = |response| {
            let responses =
                watched.iter().filter(|process| self.response(process, &change) == response);
            responses.map(|process| process.id).collect::<Vec<ProcessId>>()
        };
        let acting = responding(ChangeResponse::Act);
        let restarting = responding(ChangeResponse::AlreadyRestarting);
        let Some(spec) = watched.first().and_then(|process| process.spec.watch.clone()) else {
            return;
        };
        let pre_restart_run = self.watching.pre_restart_runs.get(&change.process);
        if acting.is_empty() && restarting.is_empty()
            || pre_restart_run.is_some_and(|run| change.last < run.began)
        {
            return;
        }
        let is_building = pre_restart_run.is_some();
        let FileChange { process, path, more, .. } = change.clone();
        let (stamp, name, action) = (EventStamp::default(), process.clone(), spec.action.clone());
        self.cx.emit(FileChanged { stamp, name, process, path, more, action });
        for id in restarting {
            self.with(id, |process, _| process.reset_budget());
        }
        let cause = Cause::FileChanged { path: change.path.clone() };
        match &spec.action {
            _ if acting.is_empty() => {}
            WatchAction::Restart => {
                self.suspend_watch_if_looping(&change, &acting, false, spec.suspend_after);
                self.restart(&acting, EndCause::FileChange, &cause);
            }
            WatchAction::Signal(signal) => self.signal_or_start(&acting, *signal, &cause),
            WatchAction::Run(first) => {
                self.suspend_watch_if_looping(&change, &acting, is_building, spec.suspend_after);
                let runners = self.process_or_jobs(first);
                self.begin_pre_restart_run(first, change);
                self.start_idle_dependencies(runners);
            }
        }
    }

    /// The response of a process to a change. If something runs first, a run that began after the
    /// change has not seen it unless the other run began after it too.
    fn response(&self, process: &Lifecycle, change: &FileChange) -> ChangeResponse {
        let response = process.change_response(change.last);
        let action = process.spec.watch.as_ref().map(|watch| &watch.action);
        let Some(WatchAction::Run(first)) = action else { return response };
        // A pending restart begins later than anything that has ended.
        let began = (response != ChangeResponse::AlreadyRestarting).then_some(process.requested_at);
        if self.was_built(first, change.last, began) {
            return response;
        }
        match process.change_response(change.last.max(process.requested_at)) {
            ChangeResponse::Ignore => ChangeResponse::Ignore,
            ChangeResponse::AlreadyRestarting | ChangeResponse::Act => ChangeResponse::Act,
        }
    }

    /// Whether `first` has run from begin to end after a change, and before `began`.
    fn was_built(&self, first: &Name, change: Moment, began: Option<Moment>) -> bool {
        let runners = self.process_or_jobs(first);
        runners.iter().filter_map(|id| self.members.get(*id)).all(|runner| {
            runner.requested_at > change
                && runner.result().is_some()
                && began.is_none_or(|began| runner.entered <= began)
        })
    }

    /// Signals running processes, and starts those that are not.
    fn signal_or_start(&mut self, ids: &[ProcessId], signal: Signal, cause: &Cause) {
        for id in ids {
            let Some(process) = self.members.get(*id) else { continue };
            if matches!(process.state, State::Running { .. }) {
                self.cx.request(Effect::Signal { run: process.run_id(), signal });
            } else if !matches!(process.state, State::Starting { .. }) {
                // A starting process has read nothing yet, and a signal now would end it.
                self.restart(&[*id], EndCause::FileChange, cause);
            }
        }
    }

    /// Suspends the watch after `limit` consecutive changes that came soon after a start, or during
    /// the build that they cause: then the process seems to write the files that it watches.
    fn suspend_watch_if_looping(
        &mut self,
        change: &FileChange,
        ids: &[ProcessId],
        is_building: bool,
        limit: u32,
    ) {
        let processes = ids.iter().filter_map(|id| self.members.get(*id));
        let started = processes.map(|process| process.requested_at).max();
        let is_soon = started.is_some_and(|started| change.first.since(started) < SUSPICIOUS_AGE);
        let count = self.watching.suspicious_restarts.entry(change.process.clone()).or_default();
        *count = if is_soon || is_building { count.saturating_add(1) } else { 0 };
        if limit == 0 || *count < limit {
            return;
        }
        let (restarts, FileChange { process, path, .. }) = (*count, change.clone());
        for id in self.process_or_jobs(&process) {
            let watch = Watch::Suspended(path.clone());
            self.with(id, |process, _| process.watch = watch);
        }
        let (stamp, name) = (EventStamp::default(), process.clone());
        self.cx.emit(WatchSuspended { stamp, name, process, path, restarts });
    }

    /// The watch of a new replica: that of the other replicas.
    pub(super) fn watch_of(&self, spec: &ProcessSpec) -> Watch {
        let mut siblings = self.members.iter().filter(|process| process.spec.name == spec.name);
        let suspended = siblings.find(|process| matches!(process.watch, Watch::Suspended(_)));
        match (Watch::of(spec, self.options.no_watch), suspended) {
            (Watch::On, Some(sibling)) => sibling.watch.clone(),
            (watch, _) => watch,
        }
    }

    /// Resumes the suspended watch of processes that are started or restarted manually.
    pub(super) fn resume_watch(&mut self, ids: &[ProcessId]) {
        for id in ids {
            let Some(process) = self.members.get(*id) else { continue };
            let (name, watch) = (process.spec.name.clone(), process.watch.clone());
            self.watching.suspicious_restarts.remove(&name);
            if matches!(watch, Watch::Suspended(_)) {
                for id in self.process_or_jobs(&name) {
                    self.with(id, |process, _| process.watch = Watch::On);
                }
            }
        }
    }

    /// The replicas of a process, or the jobs of a pool.
    fn process_or_jobs(&self, name: &Name) -> Vec<ProcessId> {
        let jobs = self.spec.pools.get(name).map(|pool| &pool.jobs);
        self.members.ids_where(|process| match jobs {
            Some(jobs) => jobs.contains(&process.spec.name),
            None => process.spec.name == *name,
        })
    }

    /// Runs `first`; a change that comes meanwhile is handled afterwards.
    fn begin_pre_restart_run(&mut self, first: &Name, change: FileChange) {
        if let Some(run) = self.watching.pre_restart_runs.get_mut(&change.process) {
            run.next = Some(change);
            return;
        }
        let runners = self.process_or_jobs(first);
        let cause = Cause::FileChanged { path: change.path.clone() };
        for id in &runners {
            self.unhalt_pool(*id);
            self.with(*id, |runner, cx| {
                // A run that began after the change was caused by another watch of the same files.
                let response = runner.change_response(change.last);
                if !runner.is_alive() || response == ChangeResponse::Act {
                    runner.reset_budget();
                    runner.restart(EndCause::FileChange, cause.clone(), cx);
                }
            });
        }
        let process = change.process.clone();
        let run = PreRestartRun { change, runners, began: self.cx.now, next: None };
        self.watching.pre_restart_runs.insert(process, run);
    }

    /// Starts the direct and indirect dependencies that were never started. Stopped ones stay stopped:
    /// neither a file change nor a reload overrides the user.
    pub(super) fn start_idle_dependencies(&mut self, mut open: Vec<ProcessId>) {
        while let Some(id) = open.pop() {
            let Some(on) = self.members.get(id).map(|process| process.name.clone()) else {
                continue;
            };
            let edges = self.graph.needs(id).iter();
            let needed: Vec<ProcessId> = edges.flat_map(|edge| edge.ids.iter().copied()).collect();
            for id in needed {
                if self.members.get(id).is_some_and(|process| process.state == State::Idle) {
                    let cause = Cause::Dependency { on: on.clone() };
                    self.with(id, |process, cx| process.request_start(cause, cx));
                    open.push(id);
                }
            }
        }
    }

    /// Handles the pre-restart runs that have ended because of a change of `id`.
    pub(super) fn follow_pre_restart_runs(&mut self, id: ProcessId) {
        let ended: Vec<(Name, bool)> = self
            .watching
            .pre_restart_runs
            .iter()
            .filter(|(_, run)| run.runners.contains(&id))
            .filter_map(|(process, run)| Some((process.clone(), self.pre_restart_result(run)?)))
            .collect();
        for (process, has_succeeded) in ended {
            let Some(run) = self.watching.pre_restart_runs.remove(&process) else { continue };
            if has_succeeded {
                self.watching.unchecked += 1;
                self.cx.request(Effect::CheckRestart { change: run.change.clone() });
            } else {
                self.report_failed_run(&run, id);
            }
            let watcher = self.members.iter().find(|member| member.spec.name == process);
            let watch = watcher.and_then(|watcher| watcher.spec.watch.clone());
            // A user who stops the run does not want another one.
            let is_stopped = |id: &ProcessId| {
                self.members.get(*id).is_some_and(|runner| {
                    runner.stopped_by_user || runner.state == State::Ended(Outcome::Stopped)
                })
            };
            let next = run.next.filter(|_| !run.runners.iter().any(is_stopped));
            if let (Some(next), Some(WatchAction::Run(first))) =
                (next, watch.as_ref().map(|watch| &watch.action))
            {
                self.begin_pre_restart_run(first, next);
            }
        }
    }

    /// Whether all runners have succeeded; `None` while that is open.
    fn pre_restart_result(&self, run: &PreRestartRun) -> Option<bool> {
        let results = run.runners.iter().map(|id| self.members.get(*id)?.result());
        let results: Vec<Option<bool>> = results.collect();
        if results.contains(&Some(false)) {
            return Some(false);
        }
        results.iter().all(Option::is_some).then_some(true)
    }

    /// Restarts a process after its pre-restart run has succeeded.
    ///
    /// The result of the pre-restart run is complete only now, so the process restarts even if its
    /// run began late.
    pub(super) fn restart_checked(&mut self, change: &FileChange, is_refused: bool) {
        self.watching.unchecked = self.watching.unchecked.saturating_sub(1);
        if is_refused || !self.is_up() {
            return;
        }
        let mut ids = self.process_or_jobs(&change.process);
        ids.retain(|id| {
            let process = self.members.get(*id);
            process
                .is_some_and(|process| process.change_response(self.cx.now) == ChangeResponse::Act)
        });
        let cause = Cause::FileChanged { path: change.path.clone() };
        self.restart(&ids, EndCause::FileChange, &cause);
    }

    fn report_failed_run(&mut self, run: &PreRestartRun, failed: ProcessId) {
        let Some(runner) = self.members.get(failed) else { return };
        let last = runner.last.as_ref().filter(|last| !last.success);
        let reason = last.map_or_else(String::new, |last| format!(" ({})", last.describe()));
        let FileChange { process, path, .. } = &run.change;
        let name = &runner.name;
        let text = format!("{path} changed, but {name} did not succeed{reason}; no restart");
        self.cx.notify(process, text);
    }
}
