//! State feed: the complete state first, then the changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::response_stream::ResponseSink;
use super::usage_sampler::{self, RunUsage, UsageByRun, WATCHED};
use super::wire::{
    PhaseName, ProcessOptions, ProcessState, ProjectState, StateChanges, StateUpdate, millis,
};
use super::{LocalControl, Measure};
use crate::engine::Clock;
use crate::machine::{self, Moment, ProcessId, ProcessView, Snapshot};

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
        let whole = self.project_state(&first, |view| self.feed_state(view));
        place.send(Ok(StateUpdate::Whole(whole)));
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
        let state = |view: &&Arc<ProcessView>| {
            self.feed_state(view).with_usage(usage_sampler::of(figures, view))
        };
        let is_new = |view: &&Arc<ProcessView>| !known.views.contains_key(&view.id);
        let order =
            changed.iter().any(is_new).then(|| now.processes.iter().map(|view| view.id).collect());
        let removed: Vec<ProcessId> = if now.processes.len() < known.views.len() || order.is_some()
        {
            known.views.keys().copied().filter(|id| now.get(*id).is_none()).collect()
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
        let changes = || StateChanges {
            ready: now.ready,
            phase: phase(&now.phase),
            file_gone,
            time: format!("{:.3}", Clock::wall()),
            changed: changed.iter().map(state).collect(),
            removed,
            order,
            pools,
        };
        (!is_same).then(changes)
    }

    fn feed_state(&self, view: &ProcessView) -> ProcessState {
        ProcessState { why: view.reason().to_owned(), ..self.process_state(view) }
    }

    /// The complete state, with each process as `process` shows it.
    pub(super) fn project_state(
        &self,
        snapshot: &Snapshot,
        process: impl Fn(&ProcessView) -> ProcessState,
    ) -> ProjectState {
        ProjectState {
            file_gone: self.file_gone(),
            ..project_state(&self.project, self.pid, snapshot, process)
        }
    }

    /// The state of a process now, not measured. Its reason has the time left.
    pub(super) fn process_state(&self, view: &ProcessView) -> ProcessState {
        process_state(view, self.engine.clock().now(), |moment| self.wall(moment))
    }
}

impl ProjectState {
    /// The project before it runs, to be shown until it is up. Never pushed.
    pub fn before_start(project: &str, snapshot: &Snapshot) -> Self {
        let time = format!("{:.3}", Clock::wall());
        project_state(project, std::process::id(), snapshot, |view| {
            process_state(view, Moment::default(), |_| time.clone())
        })
    }
}

impl ProcessState {
    /// The same with its resource usage.
    pub(super) fn with_usage(self, usage: Option<RunUsage>) -> Self {
        Self {
            cpu_percent: usage.map(|usage| usage.cpu_percent),
            memory_bytes: usage.map(|usage| usage.memory_bytes),
            ..self
        }
    }
}

fn project_state(
    project: &str,
    pid: u32,
    snapshot: &Snapshot,
    process: impl Fn(&ProcessView) -> ProcessState,
) -> ProjectState {
    ProjectState {
        project: project.to_owned(),
        pid,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ready: snapshot.ready,
        phase: phase(&snapshot.phase),
        file_gone: None,
        time: format!("{:.3}", Clock::wall()),
        processes: snapshot.processes.iter().map(|view| process(view)).collect(),
        pools: snapshot.pools.clone(),
    }
}

fn process_state(view: &ProcessView, now: Moment, wall: impl Fn(Moment) -> String) -> ProcessState {
    ProcessState {
        record: view.record.clone(),
        why: view.why(now),
        since: wall(view.since),
        since_ms: millis(now.since(view.since)),
        until: view.until.map(&wall),
        until_ms: view.left_until(now).map(millis),
        uptime_ms: view.alive_since.map(|since| millis(now.since(since))),
        cpu_percent: None,
        memory_bytes: None,
        options: ProcessOptions::of(&view.spec, view.replica),
    }
}

fn phase(phase: &machine::ProjectPhase) -> PhaseName {
    match phase {
        machine::ProjectPhase::Up => PhaseName::Up,
        machine::ProjectPhase::Stopping(_) => PhaseName::Stopping,
        machine::ProjectPhase::Killing(_) => PhaseName::Killing,
    }
}
