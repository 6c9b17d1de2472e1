//! Orders, and when they have been carried out.

use std::sync::Arc;

use super::{Local, blocking};
use crate::control::outcome::{Goal, Verdict, verdict};
use crate::control::wire::{self, Became, Order, Outcome};
use crate::control::{Kind, Problem};
use crate::engine::{Accepted, Act, Question, Reach, Work};
use crate::machine::{Phase, ProcessId, ProcessView, Snapshot, StateName};
use crate::spec::Exit;

impl Local {
    pub(super) async fn carry_out(&self, order: Order) -> Result<Outcome, Problem> {
        let reads_nothing = matches!(order, Order::Start(_) | Order::Restart(_));
        let (names, act, goal) = match order {
            Order::Start(order) => (
                order.names,
                Act::Start(reach(order.dependants)),
                start_goal(order.wait, order.no_wait, false),
            ),
            Order::Restart(order) => (
                order.names,
                Act::Restart(reach(order.dependants)),
                start_goal(order.wait, order.no_wait, true),
            ),
            Order::Stop(order) => (order.names, Act::Stop, stop_goal(order.no_wait)),
            Order::Kill(order) => (order.names, Act::Kill, stop_goal(order.no_wait)),
            Order::Signal(order) => (order.names, Act::Signal(order.signal), Goal::Nothing),
            Order::Scale(wire::Scaled { process, replicas: count, no_wait }) => {
                let question = |answer| Question::Scale { process, count, answer };
                let accepted = self.ask(question).await?;
                return Ok(self.scaled(&accepted, count, no_wait).await);
            }
            Order::Enqueue(wire::Work { pool, name, command: argv }) => {
                if argv.first().is_none_or(String::is_empty) {
                    return Err(Problem::new(Kind::Wrong, "no command is given"));
                }
                let work = Work { pool, name, argv };
                let accepted = self.ask(|answer| Question::Enqueue { work, answer }).await?;
                return Ok(self.until(&accepted, Goal::Nothing).await);
            }
            Order::Run(wire::AdHoc { name, command: script }) => {
                if script.trim().is_empty() {
                    return Err(Problem::new(Kind::Wrong, "no command is given"));
                }
                let question = |answer| Question::Run { name, script, answer };
                let accepted = self.ask(question).await?;
                return Ok(self.until(&accepted, Goal::Running { new: true }).await);
            }
            Order::Watch(wire::WatchWish { names, on }) => {
                if names.is_empty() {
                    return Err(Problem::new(Kind::Wrong, "no name is given"));
                }
                let accepted = self.ask(|answer| Question::Watch { names, on, answer }).await?;
                return Ok(self.until(&accepted, Goal::Nothing).await);
            }
            Order::Wait(order) => return self.wait(order).await,
        };
        if names.is_empty() {
            return Err(Problem::new(Kind::Wrong, "no name is given"));
        }
        let accepted = self.ask(|answer| Question::Act { names, act, answer }).await?;
        let mut outcome = self.until(&accepted, goal).await;
        if let (true, Some(reread)) = (reads_nothing && outcome.ok, self.reread.clone()) {
            // A run that is started again has what was read before.
            outcome.changed_files = blocking(move || reread.changed()).await?;
        }
        Ok(outcome)
    }

    pub(super) fn became(&self, view: &ProcessView, ok: bool, now: &Snapshot) -> Became {
        let (exit_code, signal) = match view.exit {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        Became {
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
    async fn until(&self, accepted: &Accepted, goal: Goal) -> Outcome {
        let mut snapshots = self.session.snapshots();
        let before: Vec<_> =
            accepted.ids.iter().filter_map(|id| accepted.before.get(*id)).cloned().collect();
        let is_later = |now: &Snapshot| now.number > accepted.before.number;
        loop {
            let now = Arc::clone(&snapshots.borrow_and_update());
            if is_later(&now) {
                let outcome = |view: &Arc<ProcessView>| judge(goal, view, &now);
                let pending = before.iter().any(|view| outcome(view) == Verdict::Pending);
                let waits = matches!(goal, Goal::RunningReady { .. });
                let failed = before.iter().any(|view| outcome(view) == Verdict::Failed);
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
    async fn scaled(&self, accepted: &Accepted, count: u32, no_wait: bool) -> Outcome {
        if no_wait {
            return self.until(accepted, Goal::Nothing).await;
        }
        let goes = |id: &ProcessId| {
            let view = accepted.before.get(*id);
            view.is_some_and(|view| view.replica.unwrap_or(1) > count)
        };
        let (stop, start) = accepted.ids.iter().copied().partition(goes);
        let part = |ids| Accepted { ids, before: Arc::clone(&accepted.before) };
        let mut outcome = self.until(&part(stop), Goal::Down).await;
        let started = self.until(&part(start), Goal::Running { new: false }).await;
        outcome.ok &= started.ok;
        outcome.processes.extend(started.processes);
        outcome
    }

    fn sum_up(&self, before: &[Arc<ProcessView>], now: &Snapshot, goal: Goal) -> Outcome {
        let became = |view: &Arc<ProcessView>| {
            let ok = judge(goal, view, now) == Verdict::Done;
            match now.get(view.id) {
                Some(view) => self.became(view, ok, now),
                None => gone(self.became(view, ok, now)),
            }
        };
        let processes: Vec<Became> = before.iter().map(became).collect();
        let ok = processes.iter().all(|one| one.ok);
        let ending = if ok { None } else { self.project_end(now) };
        Outcome { ok, processes, changed_files: Vec::new(), ending }
    }
}

/// One that is no member any more.
pub(super) fn gone(one: Became) -> Became {
    let why = "it is no part of the project any more".to_owned();
    Became { state: StateName::Stopped, pid: None, why, last_output: None, ..one }
}

/// How one stands to the goal. One that is no member any more has ended.
fn judge(goal: Goal, before: &ProcessView, now: &Snapshot) -> Verdict {
    let Some(view) = now.get(before.id) else {
        return if matches!(goal, Goal::Down | Goal::Nothing) {
            Verdict::Done
        } else {
            Verdict::Failed
        };
    };
    let starts = !matches!(goal, Goal::Down | Goal::Nothing);
    let verdict = verdict(goal, before, view);
    // Nothing starts any more.
    let in_vain = starts && now.phase != Phase::Up && is_at_rest(view);
    if in_vain && verdict == Verdict::Pending { Verdict::Failed } else { verdict }
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

fn reach(dependants: bool) -> Reach {
    if dependants { Reach::Dependants } else { Reach::Own }
}

fn stop_goal(no_wait: bool) -> Goal {
    if no_wait { Goal::Nothing } else { Goal::Down }
}
