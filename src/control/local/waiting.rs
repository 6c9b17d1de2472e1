//! Waits on snapshots until a goal is reached, or no longer can be.

use std::sync::Arc;
use std::time::Duration;

use super::LocalControl;
use crate::control::waiting::{WaitGoal, WaitStatus, first_steps_left};
use crate::control::wire::{CommandResponse, ProcessOutcome, WaitRequest};
use crate::control::{ControlError, ControlErrorKind};
use crate::engine::Accepted;
use crate::machine::condition::ConditionStatus;
use crate::machine::targets::Target;
use crate::machine::{ProcessView, Snapshot, StateName};

impl LocalControl {
    /// Waits until the condition holds, cannot hold any more, or the time is over.
    pub(in crate::control) async fn wait(
        &self,
        accepted: Accepted,
        request: &WaitRequest,
    ) -> Result<CommandResponse, ControlError> {
        let Accepted { targets, before, .. } = accepted;
        let goal = WaitGoal { targets, condition: request.until };
        let reached = self.reached(&goal, &before);
        let Some(limit) = request.timeout_ms.map(Duration::from_millis) else {
            return Ok(reached.await);
        };
        if let Ok(outcome) = tokio::time::timeout(limit, reached).await {
            return Ok(outcome);
        }
        let last = self.engine.snapshot();
        let status = goal.judge(&last);
        if status.status == ConditionStatus::Met {
            return Ok(self.wait_outcome(&status, &before, &last));
        }
        let now = self.engine.clock().now();
        Err(ControlError::new(ControlErrorKind::Timeout, status.sentence(|view| view.why(now))))
    }

    async fn reached(&self, goal: &WaitGoal, before: &Snapshot) -> CommandResponse {
        let mut snapshots = self.engine.snapshots();
        loop {
            let now = Arc::clone(&snapshots.borrow_and_update());
            // An older one may still be there while the engine has answered already.
            if now.number >= before.number {
                let status = goal.judge(&now);
                let is_met = status.status == ConditionStatus::Met && goal.condition.is_none();
                let members = status.members.iter().map(|member| member.view.as_ref());
                let left = if is_met { self.first_steps(members) } else { Duration::ZERO };
                if left > Duration::ZERO {
                    // A change meanwhile is judged at once, and the rest of the time waited then.
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
                return self.wait_outcome(&goal.judge(&last), before, &last);
            }
        }
    }

    /// How long it takes at most until all of these are known to run.
    pub(super) fn first_steps<'a>(&self, views: impl Iterator<Item = &'a ProcessView>) -> Duration {
        let now = self.engine.clock().now();
        views.map(|view| first_steps_left(view, now)).max().unwrap_or_default()
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
                outcome.status.why.push_str("; it does not run any more");
            }
            outcome
        });
        let gone = status.gone.iter().flat_map(|target| self.gone_members(target, before));
        CommandResponse {
            ok: status.status == ConditionStatus::Met,
            processes: members.chain(gone).collect(),
            changed_files: Vec::new(),
            ending: self.project_end(now),
        }
    }

    /// Those that a name meant before it lost its meaning.
    fn gone_members(&self, target: &Target, before: &Snapshot) -> Vec<ProcessOutcome> {
        let is_meant =
            |view: &&Arc<ProcessView>| target.includes(&view.name, view.replica, &view.spec);
        let meant = before.processes.iter().filter(is_meant);
        meant.map(|view| super::commands::gone(self.outcome(view, false, before))).collect()
    }
}
