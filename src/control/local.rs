//! A project that runs in this process.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::outcome::{Goal, Verdict, verdict};
use super::wire::{Became, Order, Outcome, ProcessStatus, Shutdown, Status};
use super::{Control, Kind, Problem};
use crate::engine::{Accepted, Act, Clock, Question, Refusal};
use crate::machine::{Intent, Moment, Phase, ProcessView, ShutdownReason, Snapshot, StateName};
use crate::session::Session;
use crate::spec::Exit;

/// A moment is shown at the same time again while the clocks agree to this.
const STEADY: SignedDuration = SignedDuration::from_millis(50);

/// A project that runs in this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Local {
    session: Session,
    project: Arc<str>,
    pid: u32,
    /// The wall clock at moment zero, as it was used last.
    zero: Arc<Mutex<Timestamp>>,
}

impl Local {
    /// The project of this name, whose outermost process is `pid`.
    pub fn new(session: Session, project: &str, pid: u32) -> Self {
        let zero = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
        Self { session, project: project.into(), pid, zero }
    }

    /// When a moment was. The same answer for the same moment, unless one of the clocks was set or
    /// stood still.
    fn wall(&self, moment: Moment) -> String {
        let since = |moment: Moment| {
            SignedDuration::try_from(moment.since_start()).unwrap_or(SignedDuration::MAX)
        };
        let fresh = Clock::wall().saturating_sub(since(self.session.clock().now()));
        let fresh = fresh.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut zero = self.zero.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.duration_since(*zero).abs() > STEADY {
            *zero = fresh;
        }
        let time = zero.saturating_add(since(moment)).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("{time:.3}")
    }

    fn process(&self, view: &ProcessView) -> ProcessStatus {
        let now = self.session.clock().now();
        let uptime = view.alive_since.map(|since| now.since(since).as_millis() as u64);
        ProcessStatus::of(view, self.wall(view.since), view.why(now), uptime)
    }

    fn became(&self, view: &ProcessView, ok: bool) -> Became {
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
        }
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Question,
    ) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        if !self.session.ask(question(answer)) {
            return Err(Problem::ended());
        }
        Ok(answered.await.map_err(|_| Problem::ended())??)
    }

    /// Waits until everybody has got there, or the first one cannot any more.
    async fn until(&self, accepted: &Accepted, goal: Goal) -> Outcome {
        let mut snapshots = self.session.snapshots();
        let before: Vec<_> =
            accepted.ids.iter().filter_map(|id| accepted.before.get(*id)).cloned().collect();
        let is_later = |now: &Snapshot| now.number > accepted.before.number;
        if goal == Goal::Nothing {
            return self.sum_up(&before, &accepted.before, goal);
        }
        loop {
            let now = Arc::clone(&snapshots.borrow_and_update());
            if is_later(&now) {
                let outcome = |view: &Arc<ProcessView>| judge(goal, view, &now);
                let pending = before.iter().any(|view| outcome(view) == Verdict::Pending);
                let waits = matches!(goal, Goal::Reached(_) | Goal::RunningReady { .. });
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

    fn sum_up(&self, before: &[Arc<ProcessView>], now: &Snapshot, goal: Goal) -> Outcome {
        let became = |view: &Arc<ProcessView>| {
            let ok = judge(goal, view, now) == Verdict::Done;
            self.became(now.get(view.id).unwrap_or(view), ok)
        };
        let processes: Vec<Became> = before.iter().map(became).collect();
        Outcome { ok: processes.iter().all(|one| one.ok), processes }
    }
}

/// How one stands to the goal. One that is no member any more has ended.
fn judge(goal: Goal, before: &ProcessView, now: &Snapshot) -> Verdict {
    let Some(view) = now.get(before.id) else {
        return if goal == Goal::Down { Verdict::Done } else { Verdict::Failed };
    };
    let starts = !matches!(goal, Goal::Down | Goal::Nothing);
    let verdict = verdict(goal, before, view);
    // Nothing starts any more.
    let in_vain = starts && now.phase != Phase::Up && is_at_rest(view);
    if in_vain && verdict == Verdict::Pending { Verdict::Failed } else { verdict }
}

fn is_at_rest(view: &ProcessView) -> bool {
    !matches!(view.state, StateName::Starting | StateName::Ready | StateName::Stopping)
}

impl Control for Local {
    async fn status(&self) -> Result<Status, Problem> {
        let snapshot = self.session.snapshot();
        Ok(Status {
            project: self.project.to_string(),
            pid: self.pid,
            ready: snapshot.ready,
            processes: snapshot.processes.iter().map(|view| self.process(view)).collect(),
        })
    }

    async fn order(&self, order: Order) -> Result<Outcome, Problem> {
        let (names, act, goal) = match order {
            Order::Start(order) => {
                (order.names, Act::Start, start_goal(order.wait, order.no_wait, false))
            }
            Order::Restart(order) => {
                (order.names, Act::Restart, start_goal(order.wait, order.no_wait, true))
            }
            Order::Stop(order) => (order.names, Act::Stop, stop_goal(order.no_wait)),
            Order::Kill(order) => (order.names, Act::Kill, stop_goal(order.no_wait)),
            Order::Signal(order) => (order.names, Act::Signal(order.signal), Goal::Nothing),
            Order::Wait(order) => (order.names, Act::Look, Goal::Reached(order.until)),
        };
        if names.is_empty() {
            return Err(Problem::new(Kind::Wrong, "no name is given"));
        }
        let accepted = self.ask(|answer| Question::Act { names, act, answer }).await?;
        Ok(self.until(&accepted, goal).await)
    }

    async fn shutdown(&self, how: Shutdown) -> Result<(), Problem> {
        let reason = ShutdownReason::Asked;
        let intent = if how.kill { Intent::ShutdownNow(reason) } else { Intent::Shutdown(reason) };
        self.session.wish(intent);
        Ok(())
    }
}

fn start_goal(wait: bool, no_wait: bool, new: bool) -> Goal {
    match (wait, no_wait) {
        (true, _) => Goal::RunningReady { new },
        (false, true) => Goal::Nothing,
        (false, false) => Goal::Running { new },
    }
}

fn stop_goal(no_wait: bool) -> Goal {
    if no_wait { Goal::Nothing } else { Goal::Down }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match &refusal {
            Refusal::Unknown(_) => Kind::UnknownName,
            Refusal::Ending => Kind::Ended,
            Refusal::NotRunning(_) => Kind::Conflict,
        };
        Self::new(kind, refusal.to_string())
    }
}
