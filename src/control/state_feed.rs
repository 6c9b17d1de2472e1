//! State feed: the complete state first, then the changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::response_stream::ResponseSink;
use super::usage_sampler::{self, UsageByRun, WATCHED};
use super::wire::{
    DependencyState, PhaseName, ProcessState, ProcessStatus, ProjectState, StateChanges,
    StateUpdate, WatchState,
};
use super::{LocalControl, Measure};
use crate::engine::Clock;
use crate::machine::{self, Moment, ProcessId, ProcessView, Snapshot};
use crate::spec::StdinKind;

/// What was pushed last.
struct StateFeed {
    snapshot: Arc<Snapshot>,
    views: HashMap<ProcessId, Arc<ProcessView>>,
    figures: Arc<UsageByRun>,
    file_gone: Option<String>,
}

impl StateFeed {
    fn of(snapshot: Arc<Snapshot>, figures: Arc<UsageByRun>, file_gone: Option<String>) -> Self {
        let views = snapshot.processes.iter().map(|view| (view.id, Arc::clone(view))).collect();
        Self { snapshot, views, figures, file_gone }
    }

    /// Those that are new or different.
    fn changed<'a>(&self, now: &'a Snapshot, figures: &UsageByRun) -> Vec<&'a Arc<ProcessView>> {
        let is_same = |view: &Arc<ProcessView>| {
            self.views.get(&view.id).is_some_and(|old| Arc::ptr_eq(old, view) || old == view)
                && usage_sampler::of(&self.figures, view) == usage_sampler::of(figures, view)
        };
        now.processes.iter().filter(|view| !is_same(view)).collect()
    }
}

impl LocalControl {
    /// Passes on every change, or the sum of those that came while nobody took them.
    pub(super) async fn push(self, measure: Measure, sink: ResponseSink<StateUpdate>) {
        let mut figures = Arc::<UsageByRun>::default();
        let mut measuring = Box::pin(self.measured(measure, Duration::ZERO));
        let mut snapshots = self.engine.snapshots();
        let mut file_status = self.file_status.clone();
        let first = Arc::clone(&snapshots.borrow_and_update());
        let file_gone = file_status.borrow_and_update().clone();
        let Some(place) = sink.reserve().await else { return };
        place.send(Ok(StateUpdate::Whole(self.overview(&first))));
        let mut known = StateFeed::of(first, Arc::clone(&figures), file_gone);
        loop {
            tokio::select! {
                changed = snapshots.changed() => if changed.is_err() {
                    return;
                },
                Ok(()) = file_status.changed() => {}
                measured = &mut measuring => {
                    figures = measured;
                    measuring.set(self.measured(measure, WATCHED));
                }
                () = sink.gone() => return,
            }
            // Made when it can go, so that it is the latest.
            let Some(place) = sink.reserve().await else { return };
            let now = Arc::clone(&snapshots.borrow_and_update());
            if let Some(changes) = self.changes(&known, &now, &figures) {
                let file_gone = changes.file_gone.clone();
                place.send(Ok(StateUpdate::Changed(changes)));
                known = StateFeed::of(now, Arc::clone(&figures), file_gone);
            }
        }
    }

    /// What all take, after a while; never, where that is not wanted.
    async fn measured(&self, measure: Measure, pause: Duration) -> Arc<UsageByRun> {
        if measure == Measure::No {
            return std::future::pending().await;
        }
        tokio::time::sleep(pause).await;
        self.meter.read(&self.engine, WATCHED).await
    }

    fn changes(
        &self,
        known: &StateFeed,
        now: &Snapshot,
        figures: &UsageByRun,
    ) -> Option<StateChanges> {
        let changed = known.changed(now, figures);
        let member = |view: &&Arc<ProcessView>| {
            let member = self.member(view);
            ProcessState {
                status: member.status.taking(usage_sampler::of(figures, view)),
                ..member
            }
        };
        let is_new = |view: &&Arc<ProcessView>| !known.views.contains_key(&view.id);
        let order = changed
            .iter()
            .any(is_new)
            .then(|| now.processes.iter().map(|view| view.id.number()).collect());
        let removed: Vec<u64> = if now.processes.len() < known.views.len() || order.is_some() {
            let gone = known.views.keys().filter(|id| now.get(**id).is_none());
            gone.map(|id| id.number()).collect()
        } else {
            Vec::new()
        };
        let pools = (now.pools != known.snapshot.pools).then(|| now.pools.clone());
        let before = &known.snapshot;
        let file_gone = self.file_gone();
        let is_same = changed.is_empty()
            && known.file_gone == file_gone
            && removed.is_empty()
            && pools.is_none()
            && (before.ready, &before.phase) == (now.ready, &now.phase);
        let all = || StateChanges {
            ready: now.ready,
            phase: phase(&now.phase),
            file_gone,
            time: format!("{:.3}", Clock::wall()),
            changed: changed.iter().map(member).collect(),
            removed,
            order,
            pools,
        };
        (!is_same).then(all)
    }

    pub(super) fn overview(&self, snapshot: &Snapshot) -> ProjectState {
        let member = |view: &Arc<ProcessView>| self.member(view);
        ProjectState {
            file_gone: self.file_gone(),
            ..overview(&self.project, self.pid, snapshot, member)
        }
    }

    pub(super) fn member(&self, view: &ProcessView) -> ProcessState {
        let until = view.until.map(|until| self.wall(until));
        member(view, self.process(view), until, self.engine.clock().now())
    }
}

impl ProjectState {
    /// The project before anybody runs it, to be shown until it is up. This has never been pushed.
    pub fn before_start(project: &str, snapshot: &Snapshot) -> Self {
        let now = Moment::default();
        let time = format!("{:.3}", Clock::wall());
        let one = |view: &Arc<ProcessView>| {
            let status = ProcessStatus::of(view, time.clone(), String::new(), None);
            member(view, status, None, now)
        };
        overview(project, std::process::id(), snapshot, one)
    }
}

fn overview(
    project: &str,
    pid: u32,
    snapshot: &Snapshot,
    member: impl Fn(&Arc<ProcessView>) -> ProcessState,
) -> ProjectState {
    ProjectState {
        project: project.to_owned(),
        pid,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ready: snapshot.ready,
        phase: phase(&snapshot.phase),
        file_gone: None,
        time: format!("{:.3}", Clock::wall()),
        processes: snapshot.processes.iter().map(member).collect(),
        pools: snapshot.pools.clone(),
    }
}

fn member(
    view: &ProcessView,
    status: ProcessStatus,
    until: Option<String>,
    now: Moment,
) -> ProcessState {
    let spec = &view.spec;
    ProcessState {
        id: view.id.number(),
        status: ProcessStatus { why: view.reason().to_owned(), ..status },
        kind: view.kind,
        description: spec.description.clone(),
        since_ms: millis(now.since(view.since)),
        until,
        until_ms: view.left_until(now).map(millis),
        started: view.started,
        succeeded: view.succeeded,
        added: view.added,
        killed: view.killed,
        left: view.left.clone(),
        cause: view.cause.clone(),
        error: view.error,
        retry: view.retries,
        retries: spec.retry.attempts,
        watch: watch(view),
        suspended_by: view.suspended_by.clone(),
        waits_for: view.waits_for.clone(),
        chain: view.chain.clone(),
        depends_on: needed(view),
        tags: spec.tags.iter().map(ToString::to_string).collect(),
        autostart: spec.autostart,
        log_file: log_file(view),
        stdin: spec.stdin == StdinKind::Pipe,
        stop_signal: spec.stop.command.is_none().then_some(spec.stop.signal),
        grace_ms: millis(spec.stop.grace),
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn needed(view: &ProcessView) -> Vec<DependencyState> {
    let needed = view.spec.depends_on.iter().map(|(name, needed)| DependencyState {
        name: name.to_string(),
        condition: needed.condition,
        restart: needed.restart,
    });
    needed.collect()
}

pub(super) fn log_file(view: &ProcessView) -> Option<String> {
    let log = view.spec.log.as_ref()?;
    Some(log.path_for(view.replica).display().to_string())
}

fn watch(view: &ProcessView) -> Option<WatchState> {
    view.spec.watch.as_ref()?;
    Some(match (view.watched, &view.suspended_by) {
        (true, _) => WatchState::On,
        (false, Some(_)) => WatchState::Suspended,
        (false, None) => WatchState::Off,
    })
}

fn phase(phase: &machine::ProjectPhase) -> PhaseName {
    match phase {
        machine::ProjectPhase::Up => PhaseName::Up,
        machine::ProjectPhase::Stopping(_) => PhaseName::Stopping,
        machine::ProjectPhase::Killing(_) => PhaseName::Killing,
    }
}
