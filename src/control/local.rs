//! A project that runs in this process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::marks::Marks;
use super::outcome::{Goal, Verdict, verdict};
use super::output::Wanted;
use super::ring::Ring;
use super::slice::{Choice, Cutting};
use super::wire::{
    self, Asked, Became, Because, Given, Grown, Order, Outcome, ProcessStatus, Pushed, Sent,
    Shutdown, SliceAsked, SliceGiven, Status, Told, Watched, Whose, Why,
};
use super::{Control, Flow, Kind, Problem, growth};
use crate::engine::{Accepted, Act, Clock, Parcel, Question, Refusal, Work};
use crate::machine::{
    Event, Explanation, Intent, Misfit, Moment, Phase, ProcessId, ProcessView, ShutdownReason,
    Snapshot, StateName,
};
use crate::output::Selection;
use crate::session::Session;
use crate::spec::{self, Exit, Locate, Name};

/// A moment is shown at the same time again while the clocks agree to this.
const STEADY: SignedDuration = SignedDuration::from_millis(50);

/// How long it is waited for that a line is read.
const READS: Duration = Duration::from_secs(5);

/// A project that runs in this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Local {
    pub(super) session: Session,
    pub(super) project: Arc<str>,
    pub(super) pid: u32,
    ring: Ring,
    marks: Marks,
    /// Where its files are.
    files: Arc<Locate>,
    /// The wall clock at moment zero, as it was used last.
    zero: Arc<Mutex<Timestamp>>,
}

impl Local {
    /// The project of this name, whose outermost process is `pid`, whose files are found at
    /// `files`, and which tells its `events`. Needs a runtime.
    pub fn new(
        session: Session,
        project: &str,
        pid: u32,
        files: Locate,
        events: mpsc::UnboundedReceiver<Event>,
    ) -> Self {
        let zero = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
        let marks = Marks::default();
        let noted = marks.clone();
        let ring = Ring::keep(events, move |event| noted.note(event));
        Self { session, project: project.into(), pid, ring, marks, files: Arc::new(files), zero }
    }

    /// When a moment was. The same answer for the same moment, unless one of the clocks was set or
    /// stood still.
    pub(super) fn wall(&self, moment: Moment) -> String {
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

    pub(super) fn process(&self, view: &ProcessView) -> ProcessStatus {
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

    pub(super) async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Question,
    ) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        if !self.session.ask(question(answer)) {
            return Err(Problem::ended());
        }
        Ok(answered.await.map_err(|_| Problem::ended())??)
    }

    /// Whose lines are meant. A name that is one's very own is known even after its end, and the
    /// engine is asked about the others.
    async fn choice(&self, names: Option<&str>) -> Result<Choice, Problem> {
        let Some(names) = names else {
            return Ok(Choice { selection: Selection::All, names: None });
        };
        let store = self.session.store();
        let mut meant: HashSet<String> = HashSet::new();
        let mut others = Vec::new();
        for name in names.split(',').map(str::to_owned) {
            if store.known(&name).is_some() {
                meant.insert(name);
            } else {
                others.push(name);
            }
        }
        if !others.is_empty() {
            let act = Act::Look;
            let who = self.ask(|answer| Question::Act { names: others, act, answer }).await?;
            let views = who.ids.iter().filter_map(|id| who.before.get(*id));
            meant.extend(views.map(|view| view.name.to_string()));
        }
        let sources = meant.iter().map(|name| store.source(&Name::new(name)));
        Ok(Choice { selection: Selection::only(sources), names: Some(Arc::new(meant)) })
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
                Some(now) => self.became(now, ok),
                None => gone(self.became(view, ok)),
            }
        };
        let processes: Vec<Became> = before.iter().map(became).collect();
        Outcome { ok: processes.iter().all(|one| one.ok), processes }
    }
}

/// One that is no member any more.
fn gone(one: Became) -> Became {
    let why = "it is no part of the project any more".to_owned();
    Became { state: StateName::Stopped, pid: None, why, ..one }
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
    !view.state.is_alive()
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

    async fn watch(&self, _watched: Watched) -> Result<Flow<Pushed>, Problem> {
        let local = self.clone();
        Ok(Flow::latest(|taker| local.push(taker)))
    }

    async fn slice(&self, asked: SliceAsked) -> Result<SliceGiven, Problem> {
        let choice = self.choice(asked.names.as_deref()).await?;
        let of = (Arc::clone(self.session.store()), self.marks.clone());
        let cutting = Cutting::new(of, choice, &asked)?;
        if cutting.is_quick() {
            return Ok(cutting.cut(&|| false));
        }
        // Goes with this future, by which the other side learns that nobody waits.
        let waits = Arc::new(());
        let alive = Arc::downgrade(&waits);
        let given = blocking(move || cutting.cut(&|| alive.strong_count() == 0)).await;
        drop(waits);
        given
    }

    async fn growth(&self, whose: Whose) -> Result<Flow<Grown>, Problem> {
        let choice = self.choice(whose.names.as_deref()).await?;
        let (store, marks) = (Arc::clone(self.session.store()), self.marks.clone());
        Ok(Flow::latest(|taker| growth::tell(store, choice.selection, marks, taker)))
    }

    async fn why(&self, name: &str) -> Result<Why, Problem> {
        let name = name.to_owned();
        let explained = self.ask(|answer| Question::Why { name, answer }).await?;
        let explained = explained.ok_or_else(Problem::ended)?;
        let below = explained.flat().into_iter().skip(1);
        let chain = below.map(|(depth, one)| Because {
            depth,
            name: one.name.to_string(),
            condition: one.condition,
            state: one.state,
            why: one.why.clone(),
        });
        let chain = chain.collect();
        let Explanation { name, state, why, .. } = explained;
        Ok(Why { name: name.to_string(), state, why, chain })
    }

    async fn events(&self, after: u64, follow: bool) -> Result<Flow<Vec<Told>>, Problem> {
        Ok(self.ring.flow(after, follow))
    }

    async fn output(&self, asked: Asked) -> Result<Flow<Vec<Given>>, Problem> {
        let store = self.session.store();
        let sources = match &asked.names {
            None => None,
            Some(names) => {
                let names = names.split(',').map(str::to_owned).collect();
                let act = Act::Look;
                let who = self.ask(|answer| Question::Act { names, act, answer }).await?;
                let views = who.ids.iter().filter_map(|id| who.before.get(*id));
                Some(views.map(|view| store.source(&view.name)).collect())
            }
        };
        Ok(Wanted::new(&asked, sources)?.flow(Arc::clone(store)))
    }

    async fn send(&self, sent: Sent) -> Result<(), Problem> {
        let Sent { name, mut text } = sent;
        text.push('\n');
        let (written, answered) = oneshot::channel();
        let parcel = Parcel { bytes: text.into_bytes(), written };
        let whose = name.clone();
        self.ask(|answer| Question::Send { name: whose, parcel, answer }).await?;
        let conflict = |text: String| Problem::new(Kind::Conflict, text);
        match tokio::time::timeout(READS, answered).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(conflict(format!("{name} does not read its input: {error}"))),
            Ok(Err(_)) => Err(conflict(format!("{name} ended before it read its input"))),
            Err(_) => Err(conflict(format!(
                "{name} has not read its input for {} seconds; the line waits there",
                READS.as_secs()
            ))),
        }
    }

    async fn check(&self) -> Result<serde_json::Value, Problem> {
        let files = Arc::clone(&self.files);
        let read = move || match spec::load(&files) {
            Ok(_) => spec::Faults::default().to_json(),
            Err(faults) => faults.to_json(),
        };
        let failed = |error: &dyn std::fmt::Display| Problem::new(Kind::Failed, error.to_string());
        let text = tokio::task::spawn_blocking(read).await.map_err(|error| failed(&error))?;
        serde_json::from_str(&text).map_err(|error| failed(&error))
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

/// Does something that takes longer where it holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Problem::new(Kind::Failed, error.to_string()))
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
            Refusal::Unknown(_) | Refusal::Misfit(Misfit::Unknown(_)) => Kind::UnknownName,
            Refusal::Ending => Kind::Ended,
            Refusal::Misfit(Misfit::Taken(_))
            | Refusal::NotRunning(_)
            | Refusal::NoReader(_)
            | Refusal::Unread(_) => Kind::Conflict,
            Refusal::Misfit(_) | Refusal::Several(_) | Refusal::NoInput(_) => Kind::Wrong,
        };
        Self::new(kind, refusal.to_string())
    }
}
