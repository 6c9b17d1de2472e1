//! Bells of terminals: which ones the user has not looked at, and when the terminal rings.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::control::wire::{ProcessState, ProjectState};
use crate::machine::ProcessId;

/// The shortest time between two bells of the outer terminal.
const INTERVAL: Duration = Duration::from_secs(1);

/// The bells of one process in one run.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    run: u32,
    reported: u64,
    looked_at: u64,
}

#[derive(Debug, Clone, Default)]
pub struct Bells {
    counts: BTreeMap<ProcessId, Count>,
    rung_at: Option<Duration>,
}

impl Bells {
    /// Takes the counts of a new state; returns whether the terminal has to ring. Bells from before the
    /// interface was opened count as looked at.
    pub fn update(&mut self, project: &ProjectState, is_first: bool, now: Duration) -> bool {
        let mut has_rung = false;
        for process in project.processes.iter().filter(|process| process.bells > 0) {
            let count = self.counts.entry(process.id).or_default();
            if count.run != process.run {
                *count = Count { run: process.run, ..Count::default() };
            }
            has_rung |= process.bells > count.reported;
            count.reported = process.bells;
            if is_first {
                count.looked_at = process.bells;
            }
        }
        let is_due = self.rung_at.is_none_or(|last| now >= last + INTERVAL);
        if !has_rung || is_first || !is_due {
            return false;
        }
        self.rung_at = Some(now);
        true
    }

    /// Notes that the user looks at the terminal of a process.
    pub fn look_at(&mut self, process: ProcessId) {
        if let Some(count) = self.counts.get_mut(&process) {
            count.looked_at = count.reported;
        }
    }

    /// Whether the bell of a process has rung since the user looked at it.
    pub fn has_rung(&self, process: &ProcessState) -> bool {
        let count = self.counts.get(&process.id);
        count.is_some_and(|count| count.reported > count.looked_at)
    }
}
