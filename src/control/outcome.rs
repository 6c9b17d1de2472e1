//! When an order has been carried out, read from snapshots.

use crate::machine::event::RunError;
use crate::machine::{ProcessView, StateName};
use crate::spec::{Condition, ProcessKind};

/// How one process stands to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Pending,
    Done,
    Failed,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// A run of which exec has succeeded; `new`: one that came after the order.
    Running { new: bool },
    /// The same, and ready.
    RunningReady { new: bool },
    /// No run, and none to come by itself.
    Down,
    /// A condition, as in `depends_on`.
    Reached(Condition),
    /// That it was asked is enough.
    Nothing,
}

/// How `now`, from a snapshot after the order, stands to `before`, from one before it.
pub(super) fn verdict(goal: Goal, before: &ProcessView, now: &ProcessView) -> Verdict {
    match goal {
        Goal::Nothing => Verdict::Done,
        Goal::Down => down(before, now),
        Goal::Reached(condition) => reached(condition, now),
        Goal::Running { new } => running(new, before, now),
        Goal::RunningReady { new } => {
            let verdict = running(new, before, now);
            if verdict == Verdict::Done { reached(Condition::Ready, now) } else { verdict }
        }
    }
}

fn running(new: bool, before: &ProcessView, now: &ProcessView) -> Verdict {
    let ran = before.state.is_alive() && before.state != StateName::Stopping && !new;
    let counts = if ran { now.run >= before.run } else { now.run > before.run };
    if counts && now.started {
        return Verdict::Done;
    }
    match now.state {
        StateName::Failed | StateName::Skipped | StateName::Stopped | StateName::Succeeded => {
            Verdict::Failed
        }
        // Not before the run that cannot be ended is gone, whenever that is.
        StateName::Waiting if now.error == Some(RunError::Unkillable) => Verdict::Failed,
        StateName::Idle
        | StateName::Waiting
        | StateName::Queued
        | StateName::Starting
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopping
        | StateName::Backoff => Verdict::Pending,
    }
}

/// Another run, or a new wish to run, means that the one that was to end has.
fn down(before: &ProcessView, now: &ProcessView) -> Verdict {
    if now.state.is_alive() && now.run <= before.run {
        Verdict::Pending
    } else if now.state == StateName::Failed && now.error == Some(RunError::Unkillable) {
        Verdict::Failed
    } else {
        Verdict::Done
    }
}

fn reached(condition: Condition, now: &ProcessView) -> Verdict {
    let done = match condition {
        Condition::Started => now.started,
        // A job that has done its work is as good as ready.
        Condition::Ready => {
            now.state == StateName::Ready
                || now.kind == ProcessKind::Job && now.state == StateName::Succeeded
        }
        Condition::Succeeded => now.state == StateName::Succeeded,
        Condition::Completed => matches!(now.state, StateName::Succeeded | StateName::Failed),
    };
    match now.state {
        _ if done => Verdict::Done,
        StateName::Failed | StateName::Skipped | StateName::Succeeded => Verdict::Failed,
        StateName::Idle
        | StateName::Waiting
        | StateName::Queued
        | StateName::Starting
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopping
        | StateName::Backoff
        | StateName::Stopped => Verdict::Pending,
    }
}
