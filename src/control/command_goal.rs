//! Decides from snapshots whether a command has completed.

use crate::machine::condition::ConditionStatus;
use crate::machine::event::RunError;
use crate::machine::{ProcessView, StateName};

/// How one process stands to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GoalStatus {
    Pending,
    Done,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// A run of which exec has succeeded; `new`: one that came after the order.
    Running { new: bool },
    /// The same, and ready; or done, and successful.
    RunningReady { new: bool },
    /// No run, and none to come by itself.
    Down,
    /// That it was asked is enough.
    Nothing,
}

/// How `now`, from a snapshot after the order, stands to `before`, from one before it.
pub(super) fn verdict(goal: Goal, before: &ProcessView, now: &ProcessView) -> GoalStatus {
    match goal {
        Goal::Nothing => GoalStatus::Done,
        Goal::Down => down(before, now),
        Goal::Running { new } => running(new, before, now),
        Goal::RunningReady { new } => {
            let verdict = running(new, before, now);
            if verdict == GoalStatus::Done { settled(now) } else { verdict }
        }
    }
}

fn running(new: bool, before: &ProcessView, now: &ProcessView) -> GoalStatus {
    let ran = before.state.is_alive() && before.state != StateName::Stopping && !new;
    let counts = if ran { now.run >= before.run } else { now.run > before.run };
    if counts && now.started {
        return GoalStatus::Done;
    }
    match now.state {
        StateName::Failed | StateName::Skipped | StateName::Stopped | StateName::Succeeded => {
            GoalStatus::Failed
        }
        // Not before the run that cannot be ended is gone, whenever that is.
        StateName::Waiting if now.error == Some(RunError::Unkillable) => GoalStatus::Failed,
        StateName::Idle
        | StateName::Waiting
        | StateName::Queued
        | StateName::Starting
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopping
        | StateName::Backoff => GoalStatus::Pending,
    }
}

/// Another run, or a new wish to run, means that the one that was to end has.
fn down(before: &ProcessView, now: &ProcessView) -> GoalStatus {
    if now.state.is_alive() && now.run <= before.run {
        GoalStatus::Pending
    } else if now.state == StateName::Failed && now.error == Some(RunError::Unkillable) {
        GoalStatus::Failed
    } else {
        GoalStatus::Done
    }
}

/// Whether it is ready or has succeeded. One that was stopped meanwhile will not be.
fn settled(now: &ProcessView) -> GoalStatus {
    match now.progress().settling() {
        ConditionStatus::Met => GoalStatus::Done,
        ConditionStatus::Unreachable => GoalStatus::Failed,
        ConditionStatus::Pending if now.state == StateName::Stopped => GoalStatus::Failed,
        ConditionStatus::Pending => GoalStatus::Pending,
    }
}
