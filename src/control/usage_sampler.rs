//! Usage sampler: measures resource usage on request, once for all concurrent requests. Without requests
//! nothing is measured.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, oneshot};

use crate::engine::{EngineHandle, Request, Usage};
use crate::machine::{Moment, ProcessId, ProcessView, Snapshot};

/// The maximum age of the usage in the state feed.
pub(super) const MAX_AGE_FEED: Duration = Duration::from_secs(5);
/// The maximum age of the usage in a single response.
pub(super) const MAX_AGE_ONCE: Duration = Duration::from_secs(1);
/// The shortest time between the two samples of a measurement.
const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// The longest time between the two samples of a measurement.
const MAX_INTERVAL: Duration = Duration::from_secs(10);

/// One run of a process.
type MeasuredRun = (ProcessId, u32);

/// The resource usage of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RunUsage {
    /// Percentage of one processor, rounded to one decimal place.
    pub(super) cpu_percent: f64,
    pub(super) memory_bytes: u64,
}

pub(super) type UsageByRun = HashMap<MeasuredRun, RunUsage>;

/// The counters of all runs at one moment.
#[derive(Debug, Default)]
struct UsageSample {
    at: Moment,
    counters: HashMap<MeasuredRun, Usage>,
}

/// The latest sample, and the usage computed from it and the sample before.
#[derive(Debug)]
struct LatestUsage {
    sample: UsageSample,
    usage: Arc<UsageByRun>,
}

/// Measures for all requests. Clones share their measurements.
#[derive(Debug, Clone, Default)]
pub(super) struct UsageSampler(Arc<Mutex<Option<LatestUsage>>>);

impl UsageSampler {
    /// Returns the usage of all runs; measures it if the latest measurement is older than `max_age`.
    ///
    /// Spawns a task, because a request may be cancelled while others wait for the same measurement.
    pub(super) async fn read(&self, engine: &EngineHandle, max_age: Duration) -> Arc<UsageByRun> {
        let (sampler, engine) = (self.clone(), engine.clone());
        let read = tokio::spawn(async move { sampler.measure(&engine, max_age).await });
        read.await.unwrap_or_default()
    }

    async fn measure(&self, engine: &EngineHandle, max_age: Duration) -> Arc<UsageByRun> {
        // Requests during the measurement wait for the lock, and use its result.
        let mut latest = self.0.lock().await;
        let age = |at: Moment| engine.clock().now().since(at);
        if let Some(fresh) = latest.as_ref().filter(|latest| age(latest.sample.at) < max_age) {
            return Arc::clone(&fresh.usage);
        }
        let before = match latest.take().filter(|latest| age(latest.sample.at) <= MAX_INTERVAL) {
            Some(before) => before.sample,
            None => sample(engine).await,
        };
        tokio::time::sleep(MIN_INTERVAL.saturating_sub(age(before.at))).await;
        let (now, snapshot) = (sample(engine).await, engine.snapshot());
        let usage = Arc::new(usage_between(&before, &now, &snapshot));
        *latest = Some(LatestUsage { sample: now, usage: Arc::clone(&usage) });
        usage
    }
}

async fn sample(engine: &EngineHandle) -> UsageSample {
    let (reply, response) = oneshot::channel();
    engine.request(Request::Measure { reply });
    let by_leader = response.await.unwrap_or_default();
    // Runs that have ended since then are ignored, and runs that have started are in the next sample.
    let (at, snapshot) = (engine.clock().now(), engine.snapshot());
    let counters =
        |view: &Arc<ProcessView>| Some(((view.id, view.run), *by_leader.get(&view.pid?)?));
    UsageSample { at, counters: snapshot.processes.iter().filter_map(counters).collect() }
}

/// Computes the usage between two samples.
fn usage_between(before: &UsageSample, now: &UsageSample, snapshot: &Snapshot) -> UsageByRun {
    let run_usage = |(run, usage): (&MeasuredRun, &Usage)| {
        let (used, since) = match before.counters.get(run) {
            Some(then) => (then.cpu, before.at),
            // The run started after the first sample.
            None => (Duration::ZERO, snapshot.get(run.0)?.alive_since?),
        };
        let span = now.at.since(since).max(Duration::from_millis(1));
        // Saturates, because ended descendants that were never reaped are no longer counted.
        let share = usage.cpu.saturating_sub(used).as_secs_f64() / span.as_secs_f64();
        let cpu_percent = (share * 1000.0).round() / 10.0;
        Some((*run, RunUsage { cpu_percent, memory_bytes: usage.memory }))
    };
    now.counters.iter().filter_map(run_usage).collect()
}

/// Returns the usage of a process, if it runs and was measured.
pub(super) fn usage_of(usage: &UsageByRun, view: &ProcessView) -> Option<RunUsage> {
    view.pid?;
    usage.get(&(view.id, view.run)).copied()
}

#[cfg(test)]
pub(super) mod tests;
