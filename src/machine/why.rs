//! Explanation: why a process is in its state, down to the root cause.

use std::fmt;

use serde::Serialize;

use super::condition::ConditionStatus;
use super::event::{Cause, WaitingOn};
use super::event_text::origin_of_run;
use super::{Moment, ProcessId, ProcessView, Snapshot, StateName};
use crate::spec::{Condition, Name};

/// The length of the longest chain of dependencies that is explained. The graph has no cycle, but may
/// have many paths.
const MAX_DEPTH: usize = 32;
/// The maximum number of links.
const MAX_LINKS: usize = 200;

/// The state of a process and its reason, with the same for the processes that are the reason.
///
/// Its text is an indented line for each; its JSON contains the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub name: Name,
    pub state: StateName,
    /// The condition that the process above waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// One sentence.
    pub why: String,
    /// `why` begins with the state.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub why_names_state: bool,
    /// It has a `ready` check.
    pub checked: bool,
    /// Why the run was started, or why it is being ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The file because of which the watch is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_by: Option<String>,
    /// The processes that are the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Self>,
}

impl Explanation {
    /// Explains a process of a snapshot; `None` if the snapshot does not contain it.
    pub fn of(snapshot: &Snapshot, id: ProcessId, now: Moment) -> Option<Self> {
        let view = snapshot.get(id)?;
        let mut links_left = MAX_LINKS;
        Some(explain(snapshot, view, None, now, (MAX_DEPTH, &mut links_left)))
    }

    /// Returns all explanations in the order of the text, each with its depth.
    pub fn flatten(&self) -> Vec<(u32, &Self)> {
        let mut links = vec![(0, self)];
        for below in &self.because {
            links.extend(below.flatten().into_iter().map(|(depth, link)| (depth + 1, link)));
        }
        links
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, link) in self.flatten() {
            if depth > 0 {
                writeln!(f)?;
            }
            let (Self { name, state, why, .. }, indent) = (link, depth as usize * 2);
            write!(f, "{:indent$}{name} ({state}): {why}", "")?;
            f.write_str(&origin_of_run(*state, link.cause.as_ref()))?;
        }
        Ok(())
    }
}

fn explain(
    snapshot: &Snapshot,
    view: &ProcessView,
    condition: Option<Condition>,
    now: Moment,
    (depth_left, links_left): (usize, &mut usize),
) -> Explanation {
    let mut because = Vec::new();
    let reasons = if depth_left > 0 { reasons(snapshot, view) } else { Vec::new() };
    for (reason, condition) in reasons {
        if *links_left == 0 {
            break;
        }
        *links_left -= 1;
        because.push(explain(snapshot, reason, condition, now, (depth_left - 1, &mut *links_left)));
    }
    Explanation {
        name: view.name.clone(),
        state: view.state,
        condition,
        why: view.why_with_files(now),
        why_names_state: view.why_names_state(),
        checked: view.checked,
        cause: view.cause.clone(),
        suspended_by: view.suspended_by.clone(),
        because,
    }
}

/// The processes that the state of `view` is because of: the missing dependencies, the dependency of a
/// skipped process, or the holders of the slots that it queues for.
fn reasons<'a>(
    snapshot: &'a Snapshot,
    view: &ProcessView,
) -> Vec<(&'a ProcessView, Option<Condition>)> {
    let views = || snapshot.processes.iter().map(AsRef::as_ref);
    let named = |name: &Name, condition| {
        views().filter(|other| other.name == *name).map(|other| (other, condition)).collect()
    };
    match view.state {
        StateName::Waiting => {
            let missing = view.waits_for.iter().flat_map(|on| {
                let missing = views().filter(|other| is_missing(other, on));
                missing.map(|other| (other, Some(on.condition)))
            });
            missing.collect()
        }
        StateName::Skipped | StateName::Stopped => match (view.chain.first(), &view.halted_by) {
            (Some(link), _) => named(&link.name, Some(link.condition)),
            (None, Some(failed)) => named(failed, None),
            (None, None) => Vec::new(),
        },
        StateName::Queued => {
            let holders = views().filter(|other| other.pool == view.pool && other.state.is_alive());
            holders.map(|holder| (holder, None)).collect()
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

/// Whether the condition is about this process and does not hold for it.
fn is_missing(view: &ProcessView, on: &WaitingOn) -> bool {
    let status = view.condition_subject().status(on.name.as_str(), on.condition);
    status.is_some_and(|status| status != ConditionStatus::Met)
}
