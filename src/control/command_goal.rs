//! Decides from snapshots whether a command has completed.

use crate::machine::condition::ConditionStatus;
use crate::machine::event::RunError;
use crate::machine::{ProcessView, StateName};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// A run whose exec has succeeded; with `new`, a run that started after the command.
    Running { new: bool },
    /// Like `Running`, and ready or succeeded.
    RunningReady { new: bool },
    /// No run.
    Down,
    /// Nothing: the command is complete when it is accepted.
    Nothing,
}

/// Compares `now`, from a snapshot after the command, with `before`, from the one before it.
pub(super) fn process_status(
    goal: Goal,
    before: &ProcessView,
    now: &ProcessView,
) -> ConditionStatus {
    match goal {
        Goal::Nothing => ConditionStatus::Met,
        Goal::Down => down(before, now),
        Goal::Running { new } => running(new, before, now),
        Goal::RunningReady { new } => {
            let status = running(new, before, now);
            if status == ConditionStatus::Met { settled(now) } else { status }
        }
    }
}

fn running(new: bool, before: &ProcessView, now: &ProcessView) -> ConditionStatus {
    let was_running = before.state.is_up() && !new;
    let is_run = if was_running { now.run >= before.run } else { now.run > before.run };
    if is_run && now.started {
        return ConditionStatus::Met;
    }
    match now.state {
        StateName::Failed | StateName::Skipped | StateName::Stopped | StateName::Succeeded => {
            ConditionStatus::Unreachable
        }
        // A new run starts only after the unkillable run has ended, which may be never.
        StateName::Waiting if now.error == Some(RunError::Unkillable) => {
            ConditionStatus::Unreachable
        }
        StateName::Idle
        | StateName::Waiting
        | StateName::Queued
        | StateName::Starting
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopping
        | StateName::Backoff => ConditionStatus::Pending,
    }
}

/// A later run, or a state without a run, means that the run to stop has ended.
fn down(before: &ProcessView, now: &ProcessView) -> ConditionStatus {
    if now.state.is_alive() && now.run <= before.run {
        ConditionStatus::Pending
    } else if now.state == StateName::Failed && now.error == Some(RunError::Unkillable) {
        ConditionStatus::Unreachable
    } else {
        ConditionStatus::Met
    }
}

/// Whether the process is ready or has succeeded; a process that was stopped meanwhile has failed to.
fn settled(now: &ProcessView) -> ConditionStatus {
    let status = now.progress().settling();
    let is_stopped = status == ConditionStatus::Pending && now.state == StateName::Stopped;
    if is_stopped { ConditionStatus::Unreachable } else { status }
}
