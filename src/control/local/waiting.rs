//! Waiting on the snapshots of a project until a goal is reached, or cannot be any more.

use std::sync::Arc;
use std::time::Duration;

use super::LocalControl;
use crate::control::waiting::{WaitGoal, WaitStatus};
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
        let status = goal.judge(&self.session.snapshot());
        let now = self.session.clock().now();
        Err(ControlError::new(ControlErrorKind::Timeout, status.sentence(|view| view.why(now))))
    }

    async fn reached(&self, goal: &WaitGoal, before: &Snapshot) -> CommandResponse {
        let mut snapshots = self.session.snapshots();
        loop {
            let now = Arc::clone(&snapshots.borrow_and_update());
            // An older one may still be there while the engine has answered already.
            if now.number >= before.number {
                let status = goal.judge(&now);
                if status.status != ConditionStatus::Pending {
                    return self.wait_outcome(&status, before, &now);
                }
            }
            if snapshots.changed().await.is_err() {
                let last = self.session.snapshot();
                return self.wait_outcome(&goal.judge(&last), before, &last);
            }
        }
    }

    fn wait_outcome(
        &self,
        status: &WaitStatus,
        before: &Snapshot,
        now: &Snapshot,
    ) -> CommandResponse {
        let members = status.members.iter().map(|member| {
            let one = self.became(&member.view, member.status == ConditionStatus::Met, now);
            let is_over =
                member.status == ConditionStatus::Unreachable && one.state == StateName::Succeeded;
            let why =
                if is_over { format!("{}; it does not run any more", one.why) } else { one.why };
            ProcessOutcome { why, ..one }
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
        meant.map(|view| super::commands::gone(self.became(view, false, before))).collect()
    }
}
