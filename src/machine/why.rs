//! Explanation: why a process is in its state, down to the root cause.

use std::fmt;

use serde::Serialize;

use super::condition::ConditionStatus;
use super::event::{Cause, SkipLink, WaitingOn};
use super::event_text::{StateReason, origin_and_watch};
use super::{Moment, ProcessId, ProcessView, Snapshot, StateName};
use crate::spec::{Condition, Name};

/// No chain of dependencies that people read is longer; the graph has no cycle, but the number of
/// ways through it can be large.
const DEEPEST: usize = 32;
/// So many entries say enough.
const MOST: usize = 200;

/// One process, why it is in its state, and the same for what that is because of.
///
/// Its text is a line for each, indented; its JSON holds the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub name: Name,
    pub state: StateName,
    /// What it is to reach for the one above, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// One sentence.
    pub why: String,
    /// It has a check that says whether it is ready.
    pub checked: bool,
    /// What its run was started for, or is ended for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The file because of which its files are not watched any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_by: Option<String>,
    /// What that is because of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Self>,
}

impl Explanation {
    /// It and everything below it in the order of its text, each with how deep it lies.
    pub fn flat(&self) -> Vec<(u32, &Self)> {
        fn add<'a>(one: &'a Explanation, depth: u32, all: &mut Vec<(u32, &'a Explanation)>) {
            all.push((depth, one));
            one.because.iter().for_each(|below| add(below, depth.saturating_add(1), all));
        }
        let mut all = Vec::new();
        add(self, 0, &mut all);
        all
    }

    /// Of a process of this snapshot; nothing when it is not in there.
    pub fn of(snapshot: &Snapshot, id: ProcessId, now: Moment) -> Option<Self> {
        let view = snapshot.get(id)?;
        let mut left = MOST;
        Some(explain(snapshot, view, None, now, (DEEPEST, &mut left)))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(self, 0, f)
    }
}

fn write_lines(one: &Explanation, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if depth > 0 {
        writeln!(f)?;
    }
    write!(f, "{:indent$}{} ({}): {}", "", one.name, one.state, one.why, indent = depth * 2)?;
    let (cause, suspended_by) = (one.cause.as_ref(), one.suspended_by.as_deref());
    let reason = StateReason { state: one.state, why: &one.why, cause, suspended_by };
    f.write_str(&origin_and_watch(reason))?;
    one.because.iter().try_for_each(|below| write_lines(below, depth + 1, f))
}

fn explain(
    snapshot: &Snapshot,
    view: &ProcessView,
    condition: Option<Condition>,
    now: Moment,
    (deep, left): (usize, &mut usize),
) -> Explanation {
    let mut because = Vec::new();
    let below = needs(snapshot, view).into_iter().filter(|_| deep > 0);
    for (below, condition) in below {
        if *left == 0 {
            break;
        }
        *left -= 1;
        because.push(explain(snapshot, below, condition, now, (deep - 1, &mut *left)));
    }
    Explanation {
        name: view.name.clone(),
        state: view.state,
        condition,
        why: view.why(now),
        checked: view.checked,
        cause: view.cause.clone(),
        suspended_by: view.suspended_by.clone(),
        because,
    }
}

type ExplanationTarget<'a> = (&'a ProcessView, Option<Condition>);

/// What it waits for, or was skipped because of, or who has the slots that it queues for.
fn needs<'a>(snapshot: &'a Snapshot, view: &'a ProcessView) -> Vec<ExplanationTarget<'a>> {
    let by_name = |name: &Name| {
        let all = snapshot.processes.iter().map(AsRef::as_ref);
        all.filter(|one: &&ProcessView| one.name == *name).collect::<Vec<_>>()
    };
    match view.state {
        StateName::Waiting => {
            let ones = view.waits_for.iter().flat_map(|on| {
                let all = snapshot.processes.iter().map(AsRef::as_ref);
                let lacking = all.filter(|one| is_missing(one, on));
                lacking.map(|one| (one, Some(on.condition)))
            });
            ones.collect()
        }
        StateName::Skipped | StateName::Stopped => {
            let first = view.chain.first();
            let of = |link: &SkipLink| {
                by_name(&link.name).into_iter().map(|one| (one, Some(link.condition))).collect()
            };
            let failed = view.halted_by.iter().flat_map(by_name);
            let failed = || failed.map(|one| (one, None)).collect();
            first.map_or_else(failed, of)
        }
        StateName::Queued => {
            let all = snapshot.processes.iter().map(AsRef::as_ref);
            let holders = all.filter(|one| one.pool == view.pool && one.state.is_alive());
            holders.map(|one| (one, None)).collect()
        }
        StateName::Idle
        | StateName::Starting
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopping
        | StateName::Backoff
        | StateName::Succeeded
        | StateName::Failed => Vec::new(),
    }
}

/// Whether it is one of those that are waited for, and not there yet.
fn is_missing(view: &ProcessView, on: &WaitingOn) -> bool {
    let status = view.condition_subject().status(on.name.as_str(), on.condition);
    status.is_some_and(|status| status != ConditionStatus::Met)
}
