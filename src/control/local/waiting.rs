//! Waits on snapshots until a condition holds, or no longer can.

use std::sync::Arc;
use std::time::Duration;

use super::LocalControl;
use crate::control::waiting::{WaitGoal, WaitStatus, start_grace_left};
use crate::control::wire::{CommandResponse, ProcessOutcome, WaitRequest};
use crate::control::{ControlError, ControlErrorKind, ControlResult};
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
    ) -> ControlResult<CommandResponse> {
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
        let time_left = |now: &Snapshot| {
            let status = goal.status(now);
            let members = status.members.iter().map(|member| member.view.as_ref());
            match status.status {
                ConditionStatus::Pending => None,
                ConditionStatus::Met if goal.condition.is_none() => Some(self.grace_left(members)),
                ConditionStatus::Met | ConditionStatus::Unreachable => Some(Duration::ZERO),
            }
        };
        let now = self.wait_for_snapshot(before.number, time_left).await;
        self.wait_outcome(&goal.status(&now), before, &now)
    }

    /// Returns the first snapshot for which no time is left to wait, or the last one if the engine ends.
    /// `time_left` is `None` while another snapshot is needed. Snapshots below `number` are skipped: the
    /// channel may still hold one from before the engine accepted the request.
    pub(super) async fn wait_for_snapshot(
        &self,
        number: u64,
        time_left: impl Fn(&Snapshot) -> Option<Duration>,
    ) -> Arc<Snapshot> {
        let mut snapshots = self.engine.snapshots();
        loop {
            let now = Arc::clone(&snapshots.borrow_and_update());
            match Some(&now).filter(|now| now.number >= number).and_then(|now| time_left(now)) {
                Some(Duration::ZERO) => return now,
                // A change during this time is evaluated immediately; the rest of the time is waited after it.
                Some(left) => {
                    if let Ok(Err(_)) = tokio::time::timeout(left, snapshots.changed()).await {
                        return now;
                    }
                }
                None if snapshots.changed().await.is_err() => return self.engine.snapshot(),
                None => {}
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
