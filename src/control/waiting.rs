//! Decides from a snapshot whether an awaited condition holds. Nothing here waits.

use std::sync::Arc;
use std::time::Duration;

use crate::machine::condition::{ConditionScope, ConditionStatus};
use crate::machine::targets::Target;
use crate::machine::{Moment, ProcessView, ProjectPhase, Snapshot, StateName};
use crate::spec::{Condition, ProcessKind};

/// How many processes are named in a sentence about those that are not there.
const NAMED: usize = 3;

/// A process without a check is ready as soon as it has started. One that fails this soon after its
/// start was never ready for those who wait for it.
const FIRST_STEPS: Duration = Duration::from_millis(100);

/// How long to wait before a process that counts as ready is known to run: zero where that is known.
pub(crate) fn first_steps_left(view: &ProcessView, now: Moment) -> Duration {
    match view.alive_since {
        Some(start) if !view.checked && view.state == StateName::Ready => {
            FIRST_STEPS.saturating_sub(now.since(start))
        }
        Some(_) | None => Duration::ZERO,
    }
}

#[derive(Debug, Clone)]
pub(crate) struct WaitGoal {
    pub(crate) targets: Vec<Target>,
    /// Nothing where people named none: then one that is ready or has succeeded is there.
    pub(crate) condition: Option<Condition>,
}

/// How one process stands to the goal.
#[derive(Debug, Clone)]
pub(crate) struct WaitMember {
    pub(crate) view: Arc<ProcessView>,
    pub(crate) status: ConditionStatus,
}

/// How all of it stands.
#[derive(Debug, Clone)]
pub(crate) struct WaitStatus {
    pub(crate) members: Vec<WaitMember>,
    /// Those that mean nothing any more.
    pub(crate) gone: Vec<Target>,
    pub(crate) status: ConditionStatus,
}

impl WaitGoal {
    pub(crate) fn judge(&self, now: &Snapshot) -> WaitStatus {
        let mut all =
            WaitStatus { members: Vec::new(), gone: Vec::new(), status: ConditionStatus::Met };
        for target in &self.targets {
            let mut members = self.members(target, now);
            let status = match combined(&members, now) {
                Some(_) if *target == Target::All && self.condition.is_none() => {
                    whole_project(&members, now)
                }
                Some(status) => status,
                None => nobody(target, now),
            };
            if status == ConditionStatus::Met {
                // The project is ready without those that are about to leave it.
                members.retain(|member| member.status == ConditionStatus::Met);
            }
            if members.is_empty() && status == ConditionStatus::Unreachable {
                all.gone.push(target.clone());
            }
            all.status = all.status.max(status);
            for member in members {
                if !all.members.iter().any(|other| other.view.id == member.view.id) {
                    all.members.push(member);
                }
            }
        }
        all
    }

    /// Everyone it is about, in the order of the file.
    fn members(&self, target: &Target, now: &Snapshot) -> Vec<WaitMember> {
        let all = now.processes.iter();
        let meant = all.filter(|view| target.includes(&view.name, view.replica, &view.spec));
        let member = |view: &Arc<ProcessView>, scope| {
            let progress = view.progress();
            let status = match self.condition {
                Some(condition) => condition.status(progress, scope),
                None => progress.settling(),
            };
            WaitMember { view: Arc::clone(view), status }
        };
        let own = |view: &Arc<ProcessView>| member(view, ConditionScope::Process);
        match target {
            Target::Process(_) => meant.map(own).collect(),
            Target::Tag(_) => meant.filter(|view| is_wanted(view)).map(own).collect(),
            Target::All => {
                let scope = |view: &ProcessView| match view.kind {
                    ProcessKind::Process => ConditionScope::Process,
                    ProcessKind::Job => ConditionScope::Pool,
                };
                let counts = |view: &&Arc<ProcessView>| {
                    let is_job = view.kind == ProcessKind::Job;
                    // The project is ready without its jobs, and whatever was run beside it.
                    is_wanted(view) && if is_job { self.condition.is_some() } else { !view.added }
                };
                meant.filter(counts).map(|view| member(view, scope(view))).collect()
            }
            Target::Pool(pool) => {
                let condition = self.condition.unwrap_or(Condition::Ready);
                let job = |view: &Arc<ProcessView>| {
                    let status = view.condition_subject().status(pool, condition)?;
                    Some(WaitMember { view: Arc::clone(view), status })
                };
                let jobs: Vec<WaitMember> = meant.clone().filter_map(job).collect();
                // A pool without jobs is there for the processes that take its slots.
                if jobs.is_empty() { meant.map(own).collect() } else { jobs }
            }
        }
    }
}

/// Whether somebody has started it, and nobody has stopped it since.
fn is_wanted(view: &ProcessView) -> bool {
    !matches!(view.state, StateName::Idle | StateName::Stopped)
}

/// The status of all members together; nothing where there are none.
fn combined(members: &[WaitMember], now: &Snapshot) -> Option<ConditionStatus> {
    let status = members.iter().map(|member| {
        // Nothing starts any more.
        let in_vain = now.phase != ProjectPhase::Up && !member.view.state.is_alive();
        let is_pending = member.status == ConditionStatus::Pending;
        if is_pending && in_vain { ConditionStatus::Unreachable } else { member.status }
    });
    status.max()
}

/// `all` without a condition is the project itself, which says of itself when it is ready.
fn whole_project(members: &[WaitMember], now: &Snapshot) -> ConditionStatus {
    if now.phase != ProjectPhase::Up {
        ConditionStatus::Unreachable
    } else if now.ready {
        ConditionStatus::Met
    } else {
        let worst = members.iter().map(|member| member.status).max();
        // It is ready as soon as they all are; a snapshot between the two says nothing new.
        worst.unwrap_or(ConditionStatus::Pending).max(ConditionStatus::Pending)
    }
}

/// What a name comes to that no started process answers to.
fn nobody(target: &Target, now: &Snapshot) -> ConditionStatus {
    let mut meant =
        now.processes.iter().filter(|view| target.includes(&view.name, view.replica, &view.spec));
    match target {
        _ if now.phase != ProjectPhase::Up => ConditionStatus::Unreachable,
        Target::All if now.ready => ConditionStatus::Met,
        Target::All => ConditionStatus::Pending,
        // Somebody may start one of them.
        Target::Tag(_) if meant.next().is_some() => ConditionStatus::Pending,
        Target::Tag(_) | Target::Process(_) => ConditionStatus::Unreachable,
        Target::Pool(_) => ConditionStatus::Met,
    }
}

/// The state and the reason for it; the state alone says nothing where the reason begins with it, as in
/// `waiting for db to be ready`.
fn state_and_reason(state: StateName, reason: &str) -> String {
    let state = state.as_str();
    match reason.strip_prefix(state) {
        Some(rest) if rest.is_empty() || rest.starts_with([' ', ':']) => reason.to_owned(),
        Some(_) | None => format!("{state}: {reason}"),
    }
}

impl WaitStatus {
    /// Who is waited for and why, such as `waiting for web (starting: being spawned)`.
    pub(crate) fn sentence(&self, why: impl Fn(&ProcessView) -> String) -> String {
        let open: Vec<&ProcessView> = self
            .members
            .iter()
            .filter(|member| member.status == ConditionStatus::Pending)
            .map(|member| member.view.as_ref())
            .collect();
        let named: Vec<String> = open
            .iter()
            .take(NAMED)
            .map(|view| format!("{} ({})", view.name, state_and_reason(view.state, &why(view))))
            .collect();
        let more = match open.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let hint = open.iter().find(|view| !is_wanted(view)).map_or_else(String::new, |view| {
            format!("; `pitcrew start {0}` starts {0}", view.name)
        });
        if named.is_empty() {
            return "none of these processes is started; `pitcrew start NAME` starts one"
                .to_owned();
        }
        format!("waiting for {}{more}{hint}", named.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_not_said_twice() {
        let said = |state, reason| state_and_reason(state, reason);
        assert_eq!(said(StateName::Starting, "being spawned"), "starting: being spawned");
        assert_eq!(said(StateName::Waiting, "waiting for db"), "waiting for db");
        assert_eq!(said(StateName::Stopped, "stopped on request"), "stopped on request");
        assert_eq!(said(StateName::Ready, "ready"), "ready");
    }
}
