//! Usage sampler: measures resource usage on request, once for all concurrent requests.
//!
//! Nothing in here goes by itself: without a question nothing is measured.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, oneshot};

use crate::engine::{EngineHandle, Request, Usage};
use crate::machine::{Moment, ProcessId, ProcessView, Snapshot};

/// How old figures may be where they are shown all the time.
pub(super) const WATCHED: Duration = Duration::from_secs(5);
/// How old they may be for a single look.
pub(super) const GLANCE: Duration = Duration::from_secs(1);
/// A share of the processor is that over no less than this.
const LEAST: Duration = Duration::from_millis(100);
/// And over no more.
const MOST: Duration = Duration::from_secs(10);

/// One run of a process.
type MeasuredRun = (ProcessId, u32);

/// What one run takes, as it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RunUsage {
    /// Of one processor, with one place behind the point.
    pub(super) cpu_percent: f64,
    pub(super) memory_bytes: u64,
}

pub(super) type UsageByRun = HashMap<MeasuredRun, RunUsage>;

/// What was seen in one look.
#[derive(Debug, Default)]
struct UsageSample {
    at: Moment,
    used: HashMap<MeasuredRun, Usage>,
}

/// The latest look, and what it came to.
#[derive(Debug)]
struct LatestUsage {
    look: UsageSample,
    figures: Arc<UsageByRun>,
}

/// Measures on behalf of all who ask. A clone is the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct UsageSampler(Arc<Mutex<Option<LatestUsage>>>);

impl UsageSampler {
    /// What all take; measured now, unless that was done for somebody since `age` ago.
    ///
    /// A task of its own: whoever asks may stop listening at any moment, and others wait for it.
    pub(super) async fn read(&self, engine: &EngineHandle, age: Duration) -> Arc<UsageByRun> {
        let (meter, engine) = (self.clone(), engine.clone());
        let read = tokio::spawn(async move { meter.measure(&engine, age).await });
        read.await.unwrap_or_default()
    }

    async fn measure(&self, engine: &EngineHandle, age: Duration) -> Arc<UsageByRun> {
        // Whoever comes meanwhile waits and takes what comes of this.
        let mut latest = self.0.lock().await;
        let ago = |at: Moment| engine.clock().now().since(at);
        if let Some(fresh) = latest.as_ref().filter(|latest| ago(latest.look.at) < age) {
            return Arc::clone(&fresh.figures);
        }
        let before = match latest.take().filter(|latest| ago(latest.look.at) <= MOST) {
            Some(before) => before.look,
            None => look(engine).await,
        };
        tokio::time::sleep(LEAST.saturating_sub(ago(before.at))).await;
        let (now, snapshot) = (look(engine).await, engine.snapshot());
        let figures = Arc::new(figures(&before, &now, &snapshot));
        *latest = Some(LatestUsage { look: now, figures: Arc::clone(&figures) });
        figures
    }
}

async fn look(engine: &EngineHandle) -> UsageSample {
    let (answer, answered) = oneshot::channel();
    engine.request(Request::Measure { reply: answer });
    let by_leader = answered.await.unwrap_or_default();
    // Whoever has ended since then is with nobody, and who has started is in the next look.
    let (at, snapshot) = (engine.clock().now(), engine.snapshot());
    let of = |view: &Arc<ProcessView>| Some(((view.id, view.run), *by_leader.get(&view.pid?)?));
    UsageSample { at, used: snapshot.processes.iter().filter_map(of).collect() }
}

/// What was taken between two looks.
fn figures(before: &UsageSample, now: &UsageSample, snapshot: &Snapshot) -> UsageByRun {
    let figure = |(run, usage): (&MeasuredRun, &Usage)| {
        let (used, since) = match before.used.get(run) {
            Some(then) => (then.cpu, before.at),
            // It began meanwhile.
            None => (Duration::ZERO, snapshot.get(run.0)?.alive_since?),
        };
        let span = now.at.since(since).max(Duration::from_millis(1));
        // Those that ended unseen take their time with them.
        let share = usage.cpu.saturating_sub(used).as_secs_f64() / span.as_secs_f64();
        let cpu_percent = (share * 1000.0).round() / 10.0;
        Some((*run, RunUsage { cpu_percent, memory_bytes: usage.memory }))
    };
    now.used.iter().filter_map(figure).collect()
}

/// What this one takes, where it is measured and runs.
pub(super) fn of(figures: &UsageByRun, view: &ProcessView) -> Option<RunUsage> {
    view.pid?;
    figures.get(&(view.id, view.run)).copied()
}

#[cfg(test)]
pub(super) mod tests;
