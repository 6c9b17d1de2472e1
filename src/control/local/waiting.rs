//! Waits on snapshots until a condition holds, or no longer can.

use std::sync::Arc;
use std::time::Duration;

use super::LocalControl;
use crate::control::waiting::{WaitGoal, WaitStatus, start_grace_left};
use crate::control::wire::{CommandResponse, ProcessOutcome, WaitRequest};
use crate::control::{ControlError, ControlErrorKind};
use crate::engine::AcceptedRequest;
use crate::machine::condition::ConditionStatus;
use crate::machine::targets::Target;
use crate::machine::{ProcessView, Snapshot, StateName};

impl LocalControl {
    /// Waits until the condition holds or no longer can, or fails at the time limit.
    pub(in crate::control) async fn wait(
        &self,
        accepted: AcceptedRequest,
        request: &WaitRequest,
    ) -> Result<CommandResponse, ControlError> {
        let AcceptedRequest { targets, before, .. } = accepted;
        let goal = WaitGoal { targets, condition: request.until };
        let reached = self.until_reached(&goal, &before);
        let Some(limit) = request.timeout_ms.map(Duration::from_millis) else {
            return Ok(reached.await);
        };
        if let Ok(outcome) = tokio::time::timeout(limit, reached).await {
            return Ok(outcome);
        }
        let last = self.engine.snapshot();
        let status = goal.status(&last);
        if status.status == ConditionStatus::Met {
            return Ok(self.wait_outcome(&status, &before, &last));
        }
        let now = self.engine.clock().now();
        Err(ControlError::new(ControlErrorKind::Timeout, status.sentence(|view| view.why(now))))
    }

    async fn until_reached(&self, goal: &WaitGoal, before: &Snapshot) -> CommandResponse {
        let mut snapshots = self.engine.snapshots();
        loop {
            let now = Arc::clone(&snapshots.borrow_and_update());
            // The channel may still hold a snapshot from before the engine accepted the request.
            if now.number >= before.number {
                let status = goal.status(&now);
                let is_met = status.status == ConditionStatus::Met && goal.condition.is_none();
                let members = status.members.iter().map(|member| member.view.as_ref());
                let left = if is_met { self.grace_left(members) } else { Duration::ZERO };
                if left > Duration::ZERO {
                    // A change during this time is evaluated immediately; the rest of the time is waited after it.
                    match tokio::time::timeout(left, snapshots.changed()).await {
                        Ok(Err(_)) => return self.wait_outcome(&status, before, &now),
                        Ok(Ok(())) | Err(_) => continue,
                    }
                }
                if status.status != ConditionStatus::Pending {
                    return self.wait_outcome(&status, before, &now);
                }
            }
            if snapshots.changed().await.is_err() {
                let last = self.engine.snapshot();
                return self.wait_outcome(&goal.status(&last), before, &last);
            }
        }
    }

    /// Returns the longest time until all of these processes are known to run.
    pub(super) fn grace_left<'a>(&self, views: impl Iterator<Item = &'a ProcessView>) -> Duration {
        let now = self.engine.clock().now();
        views.map(|view| start_grace_left(view, now)).max().unwrap_or_default()
    }

    fn wait_outcome(
        &self,
        status: &WaitStatus,
        before: &Snapshot,
        now: &Snapshot,
    ) -> CommandResponse {
        let members = status.members.iter().map(|member| {
            let is_met = member.status == ConditionStatus::Met;
            let mut outcome = self.outcome(&member.view, is_met, now);
            if member.status == ConditionStatus::Unreachable
                && outcome.status.state == StateName::Succeeded
            {
                outcome.status.why.push_str("; it no longer runs");
            }
            outcome
        });
        let removed = status.removed.iter();
        let removed = removed.flat_map(|target| self.removed_members(target, before));
        CommandResponse {
            ok: status.status == ConditionStatus::Met,
            processes: members.chain(removed).collect(),
            changed_files: Vec::new(),
            ending: self.project_end(now),
        }
    }

    /// The processes that a target included before they were removed.
    fn removed_members(&self, target: &Target, before: &Snapshot) -> Vec<ProcessOutcome> {
        let is_included =
            |view: &&Arc<ProcessView>| target.includes(&view.name, view.replica, &view.spec);
        let views = before.processes.iter().filter(is_included);
        views.map(|view| super::commands::removed(self.outcome(view, false, before))).collect()
    }
}
