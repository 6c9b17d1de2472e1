//! Decides from a snapshot whether an awaited condition holds. Nothing here waits.

use std::sync::Arc;
use std::time::Duration;

use crate::machine::condition::{ConditionScope, ConditionStatus};
use crate::machine::event_text::StateReason;
use crate::machine::targets::Target;
use crate::machine::{Moment, ProcessView, ProjectPhase, Snapshot, StateName};
use crate::spec::{Condition, ProcessKind, first_of};

/// The most processes that a timeout message names.
const MAX_NAMED: usize = 3;

/// A process without a check is ready as soon as it has started. If it fails this soon after its start, a
/// wait for it fails too.
const START_GRACE: Duration = Duration::from_millis(100);

/// Returns the time until a process that counts as ready is known to run; zero if that is known.
pub(crate) fn start_grace_left(view: &ProcessView, now: Moment) -> Duration {
    match view.alive_since {
        Some(start) if !view.checked && view.state == StateName::Ready => {
            START_GRACE.saturating_sub(now.since(start))
        }
        Some(_) | None => Duration::ZERO,
    }
}

#[derive(Debug, Clone)]
pub(crate) struct WaitGoal {
    pub(crate) targets: Vec<Target>,
    /// `None` if the user named no condition: then each process must be ready or have succeeded.
    pub(crate) condition: Option<Condition>,
}

/// The status of one process.
#[derive(Debug, Clone)]
pub(crate) struct WaitMember {
    pub(crate) view: Arc<ProcessView>,
    pub(crate) status: ConditionStatus,
}

/// The status of all targets.
#[derive(Debug, Clone)]
pub(crate) struct WaitStatus {
    pub(crate) members: Vec<WaitMember>,
    /// Targets that no longer include any process.
    pub(crate) removed: Vec<Target>,
    pub(crate) status: ConditionStatus,
}

impl WaitGoal {
    pub(crate) fn status(&self, now: &Snapshot) -> WaitStatus {
        let mut all =
            WaitStatus { members: Vec::new(), removed: Vec::new(), status: ConditionStatus::Met };
        for target in &self.targets {
            let mut members = self.members(target, now);
            let status = match combined_status(&members, now) {
                Some(_) if *target == Target::All && self.condition.is_none() => {
                    project_status(&members, now)
                }
                Some(status) => status,
                None => status_without_members(target, now),
            };
            if status == ConditionStatus::Met {
                // The project can be ready before processes that are being removed have ended.
                members.retain(|member| member.status == ConditionStatus::Met);
            }
            if members.is_empty() && status == ConditionStatus::Unreachable {
                all.removed.push(target.clone());
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

    /// The processes that a target includes, in the order of the file.
    fn members(&self, target: &Target, now: &Snapshot) -> Vec<WaitMember> {
        let views = now.processes.iter();
        let views = views.filter(|view| target.includes(&view.name, view.replica, &view.spec));
        let member = |view: &Arc<ProcessView>, scope| {
            let progress = view.progress();
            let status = match self.condition {
                Some(condition) => condition.status(progress, scope),
                None => progress.settling(),
            };
            WaitMember { view: Arc::clone(view), status }
        };
        let process_member = |view: &Arc<ProcessView>| member(view, ConditionScope::Process);
        match target {
            Target::Process(_) => views.map(process_member).collect(),
            Target::Tag(_) => {
                views.filter(|view| view.state.is_requested()).map(process_member).collect()
            }
            Target::All => {
                let scope = |view: &ProcessView| match view.kind {
                    ProcessKind::Process => ConditionScope::Process,
                    ProcessKind::Job => ConditionScope::Pool,
                };
                let counts = |view: &&Arc<ProcessView>| {
                    let is_job = view.kind == ProcessKind::Job;
                    // The project is ready without its jobs and without ad-hoc processes.
                    view.state.is_requested()
                        && if is_job { self.condition.is_some() } else { !view.added }
                };
                views.filter(counts).map(|view| member(view, scope(view))).collect()
            }
            Target::Pool(pool) => {
                let condition = self.condition.unwrap_or(Condition::Ready);
                let pool_member = |view: &Arc<ProcessView>| {
                    let status = view.condition_subject().status(pool, condition)?;
                    Some(WaitMember { view: Arc::clone(view), status })
                };
                views.filter_map(pool_member).collect()
            }
        }
    }
}

/// Returns the status of all members together, or `None` without members.
fn combined_status(members: &[WaitMember], now: &Snapshot) -> Option<ConditionStatus> {
    let status = members.iter().map(|member| {
        // No process starts during a shutdown.
        let cannot_start = now.phase != ProjectPhase::Up && !member.view.state.is_alive();
        let is_pending = member.status == ConditionStatus::Pending;
        if is_pending && cannot_start { ConditionStatus::Unreachable } else { member.status }
    });
    status.max()
}

/// The status of the target `all` without a condition: the project itself, which knows whether it is ready.
fn project_status(members: &[WaitMember], now: &Snapshot) -> ConditionStatus {
    if now.phase != ProjectPhase::Up {
        ConditionStatus::Unreachable
    } else if now.ready {
        ConditionStatus::Met
    } else {
        let worst = members.iter().map(|member| member.status).max();
        // All members can be ready one snapshot before the project is.
        worst.unwrap_or(ConditionStatus::Pending).max(ConditionStatus::Pending)
    }
}

/// The status of a target without members.
fn status_without_members(target: &Target, now: &Snapshot) -> ConditionStatus {
    let mut views =
        now.processes.iter().filter(|view| target.includes(&view.name, view.replica, &view.spec));
    match target {
        _ if now.phase != ProjectPhase::Up => ConditionStatus::Unreachable,
        Target::All if now.ready => ConditionStatus::Met,
        Target::All => ConditionStatus::Pending,
        // One of the processes may be started later.
        Target::Tag(_) if views.next().is_some() => ConditionStatus::Pending,
        Target::Tag(_) | Target::Process(_) => ConditionStatus::Unreachable,
        Target::Pool(_) => ConditionStatus::Met,
    }
}

impl WaitStatus {
    /// Returns the awaited processes and their reasons, such as `waiting for web (starting:
    /// spawning)`.
    pub(crate) fn sentence(&self, why: impl Fn(&ProcessView) -> String) -> String {
        let pending: Vec<&ProcessView> = self
            .members
            .iter()
            .filter(|member| member.status == ConditionStatus::Pending)
            .map(|member| member.view.as_ref())
            .collect();
        if pending.is_empty() {
            return "none of these processes has been started; start one with `pitcrew start NAME`"
                .to_owned();
        }
        let named = pending.iter().map(|view| {
            let (word, names_state) = (view.state.word(view.checked), view.why_names_state());
            let reason = StateReason { word, why: &why(view), names_state };
            format!("{} ({reason})", view.name)
        });
        let idle = pending.iter().find(|view| !view.state.is_requested());
        let hint = idle.map(|view| format!("; start it with `pitcrew start {0}`", view.name));
        format!("waiting for {}{}", first_of(named, MAX_NAMED), hint.unwrap_or_default())
    }
}
