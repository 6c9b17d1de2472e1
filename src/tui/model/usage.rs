//! Measured history of the processes: resource usage, and times until ready.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::control::wire::{ProcessState, ProjectState};
use crate::machine::{Event, ProcessId};

/// Time from start to ready of the latest runs, from their events.
#[derive(Debug, Clone, Default)]
pub struct ReadyTimes {
    started: HashMap<String, (u32, Timestamp)>,
    durations: HashMap<String, Duration>,
}

impl ReadyTimes {
    pub fn push(&mut self, event: &Event) {
        let Some(subject) = event.subject() else { return };
        let (name, time) = (subject.name.as_str(), event.stamp().time);
        if matches!(event, Event::ProcessStarted(_)) {
            self.started.insert(name.to_owned(), (subject.run, time));
        } else if matches!(event, Event::ProcessReady(_))
            // Removed: a run that recovers from being unhealthy was ready before.
            && let Some((run, start)) = self.started.remove(name)
            && run == subject.run
        {
            let duration = Duration::try_from(time.duration_since(start)).unwrap_or_default();
            self.durations.insert(name.to_owned(), duration);
        }
    }

    /// The time until ready of the latest run; `None` if it has not been ready.
    pub fn of(&self, name: &str) -> Option<Duration> {
        self.durations.get(name).copied()
    }
}

/// Measurements of one process, the latest last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UsageSeries {
    /// Share of one processor in percent.
    pub cpu: Vec<f64>,
    /// Bytes of the process tree.
    pub memory: Vec<f64>,
}

/// Measurements of all processes.
#[derive(Debug, Clone, Default)]
pub struct UsageHistory {
    by_id: HashMap<ProcessId, UsageSeries>,
    last_measured: Option<Duration>,
}

/// Measurements that are kept: ten minutes.
pub(in crate::tui) const MAX_MEASUREMENTS: usize = 120;
/// A state update that comes sooner contains no new measurement: they are five seconds apart.
const MIN_INTERVAL: Duration = Duration::from_millis(4500);

impl UsageHistory {
    /// Adds the measurements of a state update.
    pub fn push(&mut self, overview: &ProjectState, now: Duration) {
        let processes = &overview.processes;
        self.by_id.retain(|id, _| processes.iter().any(|process| process.id == *id));
        let is_measured = processes.iter().any(|process| process.cpu_percent.is_some());
        let is_soon =
            self.last_measured.is_some_and(|last| now.saturating_sub(last) < MIN_INTERVAL);
        if !is_measured || is_soon {
            return;
        }
        self.last_measured = Some(now);
        for process in processes {
            let (Some(cpu), Some(memory)) = (process.cpu_percent, process.memory_bytes) else {
                continue;
            };
            let usage = self.by_id.entry(process.id).or_default();
            for (values, value) in [(&mut usage.cpu, cpu), (&mut usage.memory, memory as f64)] {
                values.push(value);
                values.drain(..values.len().saturating_sub(MAX_MEASUREMENTS));
            }
        }
    }

    pub fn of(&self, id: ProcessId) -> Option<&UsageSeries> {
        self.by_id.get(&id)
    }

    /// As [`Self::of`], but `None` for a process that is down: it uses nothing now.
    pub fn current(&self, process: &ProcessState) -> Option<&UsageSeries> {
        self.of(process.id).filter(|_| process.state.is_alive())
    }
}
