//! State feed: the complete state first, then the changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::response_stream::ResponseSink;
use super::usage_sampler::{self, MAX_AGE_FEED, RunUsage, UsageByRun};
use super::wire::{
    PhaseName, ProcessOptions, ProcessState, ProjectState, StateChanges, StateUpdate, millis,
};
use super::{LocalControl, Measure};
use crate::engine::Clock;
use crate::machine::{self, Moment, ProcessId, ProcessView, Snapshot};

/// The state that was sent last.
struct SentState {
    snapshot: Arc<Snapshot>,
    views: HashMap<ProcessId, Arc<ProcessView>>,
    usage: Arc<UsageByRun>,
    file_gone: Option<String>,
}

impl SentState {
    fn new(snapshot: Arc<Snapshot>, usage: Arc<UsageByRun>, file_gone: Option<String>) -> Self {
        let views = snapshot.processes.iter().map(|view| (view.id, Arc::clone(view))).collect();
        Self { snapshot, views, usage, file_gone }
    }

    /// Returns the processes that are new or have changed.
    fn changed<'a>(&self, now: &'a Snapshot, usage: &UsageByRun) -> Vec<&'a Arc<ProcessView>> {
        let is_same = |view: &Arc<ProcessView>| {
            self.views.get(&view.id).is_some_and(|old| Arc::ptr_eq(old, view) || old == view)
                && usage_sampler::usage_of(&self.usage, view)
                    == usage_sampler::usage_of(usage, view)
        };
        now.processes.iter().filter(|view| !is_same(view)).collect()
    }
}

impl LocalControl {
    /// Sends the complete state, then each change; changes during a send are merged into one.
    pub(super) async fn send_updates(self, measure: Measure, sink: ResponseSink<StateUpdate>) {
        let mut usage = Arc::<UsageByRun>::default();
        let mut measuring = Box::pin(self.measure_after(measure, Duration::ZERO));
        let mut snapshots = self.engine.snapshots();
        let mut file_status = self.file_status.clone();
        let first = Arc::clone(&snapshots.borrow_and_update());
        let file_gone = file_status.borrow_and_update().clone();
        let Some(slot) = sink.reserve().await else { return };
        let whole = self.project_state(&first, |view| self.feed_state(view));
        slot.send(Ok(StateUpdate::Whole(whole)));
        let mut sent = SentState::new(first, Arc::clone(&usage), file_gone);
        loop {
            tokio::select! {
                changed = snapshots.changed() => if changed.is_err() {
                    return;
                },
                Ok(()) = file_status.changed() => {}
                measured = &mut measuring => {
                    usage = measured;
                    measuring.set(self.measure_after(measure, MAX_AGE_FEED));
                }
                () = sink.closed() => return,
            }
            // Computed once it can be sent, so that it is the latest.
            let Some(slot) = sink.reserve().await else { return };
            let now = Arc::clone(&snapshots.borrow_and_update());
            if let Some(changes) = self.changes(&sent, &now, &usage) {
                let file_gone = changes.file_gone.clone();
                slot.send(Ok(StateUpdate::Changed(changes)));
                sent = SentState::new(now, Arc::clone(&usage), file_gone);
            }
        }
    }

    /// Measures the usage of all processes after a pause; never completes if that is not requested.
    async fn measure_after(&self, measure: Measure, pause: Duration) -> Arc<UsageByRun> {
        if measure == Measure::No {
            return std::future::pending().await;
        }
        tokio::time::sleep(pause).await;
        self.usage_sampler.read(&self.engine, MAX_AGE_FEED).await
    }

    fn changes(
        &self,
        sent: &SentState,
        now: &Snapshot,
        usage: &UsageByRun,
    ) -> Option<StateChanges> {
        let changed = sent.changed(now, usage);
        let state = |view: &&Arc<ProcessView>| {
            self.feed_state(view).with_usage(usage_sampler::usage_of(usage, view))
        };
        let is_new = |view: &&Arc<ProcessView>| !sent.views.contains_key(&view.id);
        let order =
            changed.iter().any(is_new).then(|| now.processes.iter().map(|view| view.id).collect());
        let removed: Vec<ProcessId> = if now.processes.len() < sent.views.len() || order.is_some() {
            sent.views.keys().copied().filter(|id| now.get(*id).is_none()).collect()
        } else {
            Vec::new()
        };
        let pools = (now.pools != sent.snapshot.pools).then(|| now.pools.clone());
        let before = &sent.snapshot;
        let file_gone = self.file_gone();
        let is_same = changed.is_empty()
            && sent.file_gone == file_gone
            && removed.is_empty()
            && pools.is_none()
            && (before.ready, &before.phase) == (now.ready, &now.phase);
        let update = || StateChanges {
            ready: now.ready,
            phase: phase_name(&now.phase),
            file_gone,
            time: format!("{:.3}", Clock::wall()),
            changed: changed.iter().map(state).collect(),
            removed,
            order,
            pools,
        };
        (!is_same).then(update)
    }

    fn feed_state(&self, view: &ProcessView) -> ProcessState {
        ProcessState { why: view.reason().to_owned(), ..self.process_state(view) }
    }

    /// Returns the complete state, with each process as `process` converts it.
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

    /// Returns the state of a process without its resource usage. Its reason contains the time left.
    pub(super) fn process_state(&self, view: &ProcessView) -> ProcessState {
        process_state(view, self.engine.clock().now(), |moment| self.wall_time(moment))
    }
}

impl ProjectState {
    /// Returns the state of a project before it runs, to be shown until it is up.
    pub fn before_start(project: &str, snapshot: &Snapshot) -> Self {
        let time = format!("{:.3}", Clock::wall());
        project_state(project, std::process::id(), snapshot, |view| {
            process_state(view, Moment::default(), |_| time.clone())
        })
    }
}

impl ProcessState {
    /// Sets the resource usage.
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
        phase: phase_name(&snapshot.phase),
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
        why_names_state: view.why_names_state(),
        since: wall(view.since),
        since_ms: millis(now.since(view.since)),
        until: view.until.map(&wall),
        until_ms: view.left_until(now).map(millis),
        uptime_ms: view.alive_since.map(|since| millis(now.since(since))),
        cpu_percent: None,
        memory_bytes: None,
        options: ProcessOptions::of(view),
    }
}

fn phase_name(phase: &machine::ProjectPhase) -> PhaseName {
    match phase {
        machine::ProjectPhase::Up => PhaseName::Up,
        machine::ProjectPhase::Stopping(_) => PhaseName::Stopping,
        machine::ProjectPhase::Killing(_) => PhaseName::Killing,
    }
}
