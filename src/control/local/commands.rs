//! Carries out commands through the engine, and responds once they have taken effect.

use std::sync::Arc;
use std::time::Duration;

use super::LocalControl;
use crate::control::blocking::blocking;
use crate::control::command_goal::{Goal, process_status};
use crate::control::wire::{
    CommandResponse, ControlCommand, ProcessOutcome, ScaleRequest, StartRequest,
};
use crate::control::{ControlError, ControlErrorKind, ControlResult};
use crate::engine::{AcceptedRequest, Request};
use crate::machine::condition::ConditionStatus;
use crate::machine::{ProcessId, ProcessView, ProjectPhase, Snapshot, StateName};
use crate::spec::{format_limit, io_error_text};

/// How long a process may take to read a line that is sent to it.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

impl LocalControl {
    /// Has the engine carry out a command, and responds once it has taken effect.
    pub(super) async fn execute_command(
        &self,
        command: ControlCommand,
    ) -> ControlResult<CommandResponse> {
        let in_engine = command.clone();
        let accepted = self.ask(|reply| Request::Command { command: in_engine, reply }).await?;
        match command {
            ControlCommand::Start(request) => {
                self.started(&accepted, start_goal(&request, false)).await
            }
            ControlCommand::Restart(request) => {
                self.started(&accepted, start_goal(&request, true)).await
            }
            ControlCommand::Stop(request) | ControlCommand::Kill(request) => {
                let goal = if request.no_wait { Goal::Nothing } else { Goal::Down };
                Ok(self.until(&accepted, goal).await)
            }
            ControlCommand::Signal(_) | ControlCommand::Enqueue(_) | ControlCommand::Watch(_) => {
                Ok(self.until(&accepted, Goal::Nothing).await)
            }
            ControlCommand::Run(_) => Ok(self.until(&accepted, Goal::Running { new: true }).await),
            ControlCommand::Scale(request) => Ok(self.scaled(&accepted, &request).await),
            ControlCommand::Wait(request) => self.wait(accepted, &request).await,
            ControlCommand::Send(request) => self.sent(accepted, &request.name).await,
            ControlCommand::Keys(_) => Ok(self.response_now(&accepted)),
        }
    }

    async fn started(
        &self,
        accepted: &AcceptedRequest,
        goal: Goal,
    ) -> ControlResult<CommandResponse> {
        let mut response = self.until(accepted, goal).await;
        if let (true, Some(loader)) = (response.ok, self.spec_loader.clone()) {
            // New runs use the files as they were read last, so changes since then are reported.
            response.changed_files = blocking(move || loader.changed()).await?;
        }
        Ok(response)
    }

    async fn sent(
        &self,
        mut accepted: AcceptedRequest,
        name: &str,
    ) -> ControlResult<CommandResponse> {
        let conflict = |text: String| Err(ControlError::new(ControlErrorKind::Conflict, text));
        if let Some(written) = accepted.written.take() {
            match tokio::time::timeout(READ_TIMEOUT, written).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => {
                    let error = io_error_text(&error);
                    return conflict(format!("{name} does not read its stdin: {error}"));
                }
                Ok(Err(_)) => return conflict(format!("{name} ended before it read its input")),
                Err(_) => {
                    return conflict(format!(
                        "{name} has not read its input for {}; the line stays in the pipe",
                        format_limit(READ_TIMEOUT)
                    ));
                }
            }
        }
        Ok(self.response_now(&accepted))
    }

    pub(super) fn outcome(&self, view: &ProcessView, ok: bool, now: &Snapshot) -> ProcessOutcome {
        let last_output = if ok { None } else { self.last_output(view, now) };
        ProcessOutcome { ok, status: self.process_state(view), last_output }
    }

    /// Waits until every process has reached the goal, or the first one no longer can.
    async fn until(&self, accepted: &AcceptedRequest, goal: Goal) -> CommandResponse {
        self.until_all(accepted.ids.clone(), &accepted.before, goal).await
    }

    async fn until_all(
        &self,
        ids: Vec<ProcessId>,
        snapshot: &Snapshot,
        goal: Goal,
    ) -> CommandResponse {
        let before = views(&ids, snapshot);
        let waits_for_ready = matches!(goal, Goal::RunningReady { .. });
        let time_left = |now: &Snapshot| {
            let any_is = |status| before.iter().any(|view| goal_status(goal, view, now) == status);
            if waits_for_ready && any_is(ConditionStatus::Unreachable) {
                return Some(Duration::ZERO);
            }
            if any_is(ConditionStatus::Pending) {
                return None;
            }
            let views = before.iter().filter_map(|view| now.get(view.id)).map(AsRef::as_ref);
            Some(if waits_for_ready { self.grace_left(views) } else { Duration::ZERO })
        };
        let now = self.wait_for_snapshot(snapshot.number + 1, time_left).await;
        self.response(&before, &now, goal)
    }

    /// Waits until the surplus replicas have ended and the others run.
    async fn scaled(&self, accepted: &AcceptedRequest, request: &ScaleRequest) -> CommandResponse {
        if request.no_wait {
            return self.until(accepted, Goal::Nothing).await;
        }
        let is_surplus = |id: &ProcessId| {
            let view = accepted.before.get(*id);
            view.is_some_and(|view| view.replica.unwrap_or(1) > request.replicas)
        };
        let (stop, start) = accepted.ids.iter().copied().partition(is_surplus);
        let before = &accepted.before;
        let mut outcome = self.until_all(stop, before, Goal::Down).await;
        let started = self.until_all(start, before, Goal::Running { new: false }).await;
        outcome.ok &= started.ok;
        outcome.processes.extend(started.processes);
        outcome
    }

    fn response_now(&self, accepted: &AcceptedRequest) -> CommandResponse {
        let before = views(&accepted.ids, &accepted.before);
        self.response(&before, &self.engine.snapshot(), Goal::Nothing)
    }

    fn response(&self, before: &[Arc<ProcessView>], now: &Snapshot, goal: Goal) -> CommandResponse {
        let outcome = |view: &Arc<ProcessView>| {
            let ok = goal_status(goal, view, now) == ConditionStatus::Met;
            match now.get(view.id) {
                Some(view) => self.outcome(view, ok, now),
                None => removed(self.outcome(view, ok, now)),
            }
        };
        let processes: Vec<ProcessOutcome> = before.iter().map(outcome).collect();
        let ok = processes.iter().all(|process| process.ok);
        let ending = if ok { None } else { self.project_end(now) };
        CommandResponse { ok, processes, changed_files: Vec::new(), ending }
    }
}

/// The outcome of a process that is no longer a member.
pub(super) fn removed(mut outcome: ProcessOutcome) -> ProcessOutcome {
    outcome.last_output = None;
    "no longer part of the project".clone_into(&mut outcome.status.why);
    outcome.status.why_names_state = false;
    let record = &mut outcome.status.record;
    (record.state, record.ready, record.pid) = (StateName::Stopped, false, None);
    outcome
}

/// The status of one process. A process that is no longer a member has ended.
fn goal_status(goal: Goal, before: &ProcessView, now: &Snapshot) -> ConditionStatus {
    let Some(view) = now.get(before.id) else {
        return if matches!(goal, Goal::Down | Goal::Nothing) {
            ConditionStatus::Met
        } else {
            ConditionStatus::Unreachable
        };
    };
    let starts = !matches!(goal, Goal::Down | Goal::Nothing);
    let status = process_status(goal, before, view);
    // No process starts during a shutdown.
    let cannot_start = starts && now.phase != ProjectPhase::Up && !view.state.is_alive();
    if cannot_start && status == ConditionStatus::Pending {
        ConditionStatus::Unreachable
    } else {
        status
    }
}

fn start_goal(request: &StartRequest, new: bool) -> Goal {
    match (request.wait, request.no_wait) {
        (true, _) => Goal::RunningReady { new },
        (false, true) => Goal::Nothing,
        (false, false) => Goal::Running { new },
    }
}

fn views(ids: &[ProcessId], snapshot: &Snapshot) -> Vec<Arc<ProcessView>> {
    ids.iter().filter_map(|id| snapshot.get(*id)).cloned().collect()
}
