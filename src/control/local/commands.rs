//! Orders, and when they have been carried out.

use std::sync::Arc;

use super::{LocalControl, blocking};
use crate::control::command_goal::{Goal, GoalStatus, verdict};
use crate::control::wire::{self, CommandResponse, ControlCommand, ProcessOutcome};
use crate::control::{ControlError, ControlErrorKind};
use crate::engine::{EnqueueRequest, Request, Resolved, Scope, Verb};
use crate::machine::{ProcessId, ProcessView, ProjectPhase, Snapshot, StateName};
use crate::spec::Exit;

impl LocalControl {
    pub(super) async fn carry_out(
        &self,
        order: ControlCommand,
    ) -> Result<CommandResponse, ControlError> {
        let reads_nothing = matches!(order, ControlCommand::Start(_) | ControlCommand::Restart(_));
        let (names, act, goal) = match order {
            ControlCommand::Start(order) => (
                order.names,
                Verb::Start(reach(order.dependants)),
                start_goal(order.wait, order.no_wait, false),
            ),
            ControlCommand::Restart(order) => (
                order.names,
                Verb::Restart(reach(order.dependants)),
                start_goal(order.wait, order.no_wait, true),
            ),
            ControlCommand::Stop(order) => (order.names, Verb::Stop, stop_goal(order.no_wait)),
            ControlCommand::Kill(order) => (order.names, Verb::Kill, stop_goal(order.no_wait)),
            ControlCommand::Signal(order) => {
                (order.names, Verb::Signal(order.signal), Goal::Nothing)
            }
            ControlCommand::Scale(wire::ScaleRequest { process, replicas: count, no_wait }) => {
                let question = |answer| Request::Scale { process, count, answer };
                let accepted = self.ask(question).await?;
                return Ok(self.scaled(&accepted, count, no_wait).await);
            }
            ControlCommand::Enqueue(wire::EnqueueRequest { pool, name, command: argv }) => {
                if argv.first().is_none_or(String::is_empty) {
                    return Err(ControlError::new(ControlErrorKind::Wrong, "no command is given"));
                }
                let work = EnqueueRequest { pool, name, argv };
                let accepted = self.ask(|answer| Request::Enqueue { work, answer }).await?;
                return Ok(self.until(&accepted, Goal::Nothing).await);
            }
            ControlCommand::Run(wire::RunRequest { name, command: script }) => {
                if script.trim().is_empty() {
                    return Err(ControlError::new(ControlErrorKind::Wrong, "no command is given"));
                }
                let question = |answer| Request::Run { name, script, answer };
                let accepted = self.ask(question).await?;
                return Ok(self.until(&accepted, Goal::Running { new: true }).await);
            }
            ControlCommand::Watch(wire::WatchRequest { names, on }) => {
                if names.is_empty() {
                    return Err(ControlError::new(ControlErrorKind::Wrong, "no name is given"));
                }
                let accepted = self.ask(|answer| Request::Watch { names, on, answer }).await?;
                return Ok(self.until(&accepted, Goal::Nothing).await);
            }
            ControlCommand::Wait(order) => return self.wait(order).await,
        };
        if names.is_empty() {
            return Err(ControlError::new(ControlErrorKind::Wrong, "no name is given"));
        }
        let accepted = self.ask(|answer| Request::Act { names, act, answer }).await?;
        let mut outcome = self.until(&accepted, goal).await;
        if let (true, Some(reread)) = (reads_nothing && outcome.ok, self.reread.clone()) {
            // A run that is started again has what was read before.
            outcome.changed_files = blocking(move || reread.changed()).await?;
        }
        Ok(outcome)
    }

    pub(super) fn became(&self, view: &ProcessView, ok: bool, now: &Snapshot) -> ProcessOutcome {
        let (exit_code, signal) = match view.exit {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        ProcessOutcome {
            ok,
            name: view.name.to_string(),
            state: view.state,
            pid: view.pid,
            run: view.run,
            exit_code,
            signal,
            why: view.why(self.session.clock().now()),
            checked: view.checked,
            last_output: if ok { None } else { self.last_output(view, now) },
        }
    }

    /// Waits until everybody has got there, or the first one cannot any more.
    async fn until(&self, accepted: &Resolved, goal: Goal) -> CommandResponse {
        let mut snapshots = self.session.snapshots();
        let before: Vec<_> =
            accepted.ids.iter().filter_map(|id| accepted.before.get(*id)).cloned().collect();
        let is_later = |now: &Snapshot| now.number > accepted.before.number;
        loop {
            let now = Arc::clone(&snapshots.borrow_and_update());
            if is_later(&now) {
                let outcome = |view: &Arc<ProcessView>| judge(goal, view, &now);
                let pending = before.iter().any(|view| outcome(view) == GoalStatus::Pending);
                let waits = matches!(goal, Goal::RunningReady { .. });
                let failed = before.iter().any(|view| outcome(view) == GoalStatus::Failed);
                if !pending || failed && waits {
                    return self.sum_up(&before, &now, goal);
                }
            }
            if snapshots.changed().await.is_err() {
                let last = self.session.snapshot();
                return self.sum_up(&before, &last, goal);
            }
        }
    }

    /// Waits until those above the number are gone and the others run.
    async fn scaled(&self, accepted: &Resolved, count: u32, no_wait: bool) -> CommandResponse {
        if no_wait {
            return self.until(accepted, Goal::Nothing).await;
        }
        let goes = |id: &ProcessId| {
            let view = accepted.before.get(*id);
            view.is_some_and(|view| view.replica.unwrap_or(1) > count)
        };
        let (stop, start) = accepted.ids.iter().copied().partition(goes);
        let part = |ids| Resolved { ids, before: Arc::clone(&accepted.before) };
        let mut outcome = self.until(&part(stop), Goal::Down).await;
        let started = self.until(&part(start), Goal::Running { new: false }).await;
        outcome.ok &= started.ok;
        outcome.processes.extend(started.processes);
        outcome
    }

    fn sum_up(&self, before: &[Arc<ProcessView>], now: &Snapshot, goal: Goal) -> CommandResponse {
        let became = |view: &Arc<ProcessView>| {
            let ok = judge(goal, view, now) == GoalStatus::Done;
            match now.get(view.id) {
                Some(view) => self.became(view, ok, now),
                None => gone(self.became(view, ok, now)),
            }
        };
        let processes: Vec<ProcessOutcome> = before.iter().map(became).collect();
        let ok = processes.iter().all(|one| one.ok);
        let ending = if ok { None } else { self.project_end(now) };
        CommandResponse { ok, processes, changed_files: Vec::new(), ending }
    }
}

/// One that is no member any more.
pub(super) fn gone(one: ProcessOutcome) -> ProcessOutcome {
    let why = "it is no part of the project any more".to_owned();
    ProcessOutcome { state: StateName::Stopped, pid: None, why, last_output: None, ..one }
}

/// How one stands to the goal. One that is no member any more has ended.
fn judge(goal: Goal, before: &ProcessView, now: &Snapshot) -> GoalStatus {
    let Some(view) = now.get(before.id) else {
        return if matches!(goal, Goal::Down | Goal::Nothing) {
            GoalStatus::Done
        } else {
            GoalStatus::Failed
        };
    };
    let starts = !matches!(goal, Goal::Down | Goal::Nothing);
    let verdict = verdict(goal, before, view);
    // Nothing starts any more.
    let in_vain = starts && now.phase != ProjectPhase::Up && is_at_rest(view);
    if in_vain && verdict == GoalStatus::Pending { GoalStatus::Failed } else { verdict }
}

fn is_at_rest(view: &ProcessView) -> bool {
    !view.state.is_alive()
}

fn start_goal(wait: bool, no_wait: bool, new: bool) -> Goal {
    match (wait, no_wait) {
        (true, _) => Goal::RunningReady { new },
        (false, true) => Goal::Nothing,
        (false, false) => Goal::Running { new },
    }
}

fn reach(dependants: bool) -> Scope {
    if dependants { Scope::WithDependants } else { Scope::NamedOnly }
}

fn stop_goal(no_wait: bool) -> Goal {
    if no_wait { Goal::Nothing } else { Goal::Down }
}
