//! What can be asked of a running engine: wishes in the words of the command line, with an answer.
//!
//! The loop answers itself, so a name means what it means at that moment and nothing comes between
//! the look and the deed.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::{Engine, Parcel};
use crate::machine::select::{Target, UnknownName};
use crate::machine::{
    Explanation, Input, Intent, Misfit, Phase, ProcessId, Scaled, ShutdownReason, Snapshot,
    StateName,
};
use crate::spec::{CommandLine, Signal};
use crate::sys::{Host, Usage};

/// Something that has an answer.
#[derive(Debug)]
pub(crate) enum Question {
    /// That something be done with these.
    Act {
        /// As on the command line.
        names: Vec<String>,
        act: Act,
        answer: Answer<Accepted>,
    },
    /// What these names stand for.
    Targets { names: Vec<String>, answer: Answer<ResolvedTargets> },
    /// So many replicas of a process.
    Scale { process: String, count: u32, answer: Answer<Accepted> },
    /// One more job for a pool.
    Enqueue { work: Work, answer: Answer<Accepted> },
    /// Something for its standard input.
    Send { name: String, parcel: Parcel, answer: Answer<()> },
    /// A line for the shell, as a process of its own.
    Run { name: Option<String>, script: String, answer: Answer<Accepted> },
    /// Whether changes of their files count.
    Watch { names: Vec<String>, on: bool, answer: Answer<Accepted> },
    /// Whoever the project belongs to is gone without a word.
    HangUp,
    /// What each live run takes, by the number of its leader.
    Measure { answer: oneshot::Sender<HashMap<u32, Usage>> },
    /// Why it is where it is.
    Why { name: String, answer: Answer<Option<Explanation>> },
}

/// A job that comes while the project runs.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) pool: String,
    pub(crate) name: Option<String>,
    pub(crate) argv: Vec<String>,
}

/// Where an answer goes.
type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// What can be done with processes that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing: it is asked who they are.
    Look,
    Start(Reach),
    Stop,
    Restart(Reach),
    Kill,
    Signal(Signal),
}

/// Who is meant besides those that are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Own,
    /// Whoever depends on them, directly or not.
    Dependants,
}

/// Who was meant, and how everything was right before.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) ids: Vec<ProcessId>,
    /// Any snapshot with a higher number shows what follows.
    pub(crate) before: Arc<Snapshot>,
}

/// What names stand for, and how everything was right then.
#[derive(Debug)]
pub(crate) struct ResolvedTargets {
    pub(crate) targets: Vec<Target>,
    pub(crate) before: Arc<Snapshot>,
}

/// Why something was not done at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    #[error("the project is being stopped; nothing starts any more")]
    Ending,
    #[error("{0} is not running, so there is nothing to signal")]
    NotRunning(String),
    #[error(transparent)]
    Misfit(#[from] Misfit),
    #[error("{0}; its run goes on")]
    CannotStart(String),
    #[error("`{0}` means several; name one, such as `{0}.1`")]
    Several(String),
    #[error("{0} does not run, so nothing reads its input")]
    NoReader(String),
    #[error("{0} has no input to send to; `stdin = \"pipe\"` gives it one")]
    NoInput(String),
    #[error("{0} does not read its input, and much is waiting there already")]
    Unread(String),
}

impl<H: Host> Engine<H> {
    pub(super) fn answer(&mut self, question: Question) {
        match question {
            Question::Act { names, act, answer } => _ = answer.send(self.act(&names, act)),
            Question::Targets { names, answer } => _ = answer.send(self.targets(&names)),
            Question::Scale { process, count, answer } => {
                _ = answer.send(self.scale(&process, count));
            }
            Question::Enqueue { work, answer } => _ = answer.send(self.enqueue(work)),
            Question::Send { name, parcel, answer } => {
                _ = answer.send(self.send(&name, parcel));
            }
            Question::Run { name, script, answer } => {
                _ = answer.send(self.run_by_hand(name.as_deref(), script));
            }
            Question::Watch { names, on, answer } => _ = answer.send(self.watch(&names, on)),
            Question::HangUp => {
                // Said while it stops already, it would mean that all is to be killed.
                if self.orchestra.snapshot(self.clock.now()).phase == Phase::Up {
                    let reason = ShutdownReason::Signal(Signal::HUP);
                    self.take(Input::Intent(Intent::Shutdown(reason)));
                }
            }
            Question::Measure { answer } => {
                let measured = self.host.measure();
                tokio::spawn(async move { answer.send(measured.await) });
            }
            Question::Why { name, answer } => {
                let now = self.clock.now();
                let snapshot = self.orchestra.snapshot(now);
                let why = self.one(&name).map(|id| Explanation::of(&snapshot, id, now));
                _ = answer.send(why);
            }
        }
    }

    fn targets(&mut self, names: &[String]) -> Result<ResolvedTargets, Refusal> {
        let targets = self.orchestra.targets(names)?;
        let before = Arc::new(self.orchestra.snapshot(self.clock.now()));
        Ok(ResolvedTargets { targets, before })
    }

    fn scale(&mut self, process: &str, count: u32) -> Result<Accepted, Refusal> {
        let now = self.clock.now();
        if self.orchestra.snapshot(now).phase != Phase::Up {
            return Err(Refusal::Ending);
        }
        let Scaled { start, stop } = self.orchestra.scale(now, process, count)?;
        let before = Arc::new(self.orchestra.snapshot(now));
        let ids = start.iter().chain(&stop).copied().collect();
        // Those to go first: a port or a slot of theirs may be needed.
        self.take(Input::Intent(Intent::Stop(stop)));
        self.take(Input::Intent(Intent::Start(start)));
        Ok(Accepted { ids, before })
    }

    fn enqueue(&mut self, work: Work) -> Result<Accepted, Refusal> {
        let command = CommandLine::Argv(work.argv);
        let job = self.orchestra.job(&work.pool, work.name.as_deref(), command)?;
        let ids = self.orchestra.admit(vec![job]).ok_or(Refusal::Ending)?;
        let before = Arc::new(self.orchestra.snapshot(self.clock.now()));
        self.take(Input::Intent(Intent::Start(ids.clone())));
        Ok(Accepted { ids, before })
    }

    fn run_by_hand(&mut self, name: Option<&str>, script: String) -> Result<Accepted, Refusal> {
        let newcomer = self.orchestra.by_hand(name, script)?;
        let ids = self.orchestra.admit(vec![newcomer]).ok_or(Refusal::Ending)?;
        let before = Arc::new(self.orchestra.snapshot(self.clock.now()));
        self.take(Input::Intent(Intent::Start(ids.clone())));
        Ok(Accepted { ids, before })
    }

    fn watch(&mut self, names: &[String], on: bool) -> Result<Accepted, Refusal> {
        let ids = self.orchestra.select(names)?;
        self.orchestra.set_watch(&ids, on)?;
        let before = Arc::new(self.orchestra.snapshot(self.clock.now()));
        Ok(Accepted { ids, before })
    }

    fn send(&mut self, name: &str, parcel: Parcel) -> Result<(), Refusal> {
        let id = self.one(name)?;
        let name = || name.to_owned();
        match self.inputs.get(&id) {
            Some(input) => input.try_send(parcel).map_err(|error| match error {
                TrySendError::Full(_) => Refusal::Unread(name()),
                TrySendError::Closed(_) => Refusal::NoReader(name()),
            }),
            None if self.orchestra.reads_input(id) => Err(Refusal::NoReader(name())),
            None => Err(Refusal::NoInput(name())),
        }
    }

    /// A name that means exactly one.
    fn one(&self, name: &str) -> Result<ProcessId, Refusal> {
        match self.orchestra.select(&[name.to_owned()])?.as_slice() {
            [id] => Ok(*id),
            _ => Err(Refusal::Several(name.to_owned())),
        }
    }

    fn act(&mut self, names: &[String], act: Act) -> Result<Accepted, Refusal> {
        let mut ids = self.orchestra.select(names)?;
        let before = Arc::new(self.orchestra.snapshot(self.clock.now()));
        if let Act::Start(Reach::Dependants) | Act::Restart(Reach::Dependants) = act {
            let mut more = self.orchestra.dependants_of(&ids);
            if matches!(act, Act::Restart(_)) {
                more.retain(|id| before.get(*id).is_some_and(|view| is_wanted(view.state)));
            }
            ids.extend(more);
        }
        if matches!(act, Act::Start(_) | Act::Restart(_)) && before.phase != Phase::Up {
            return Err(Refusal::Ending);
        }
        if let Act::Restart(_) = act
            && let Some(refused) = self.refused_restarts(&ids).into_iter().next()
        {
            return Err(Refusal::CannotStart(refused));
        }
        if let Act::Signal(_) = act {
            running(&before, &ids)?;
        }
        let list = ids.clone();
        let intent = match act {
            Act::Look => return Ok(Accepted { ids, before }),
            Act::Start(_) => Intent::Start(list),
            Act::Stop => Intent::Stop(list),
            Act::Restart(_) => Intent::Restart(list),
            Act::Kill => Intent::Kill(list),
            Act::Signal(signal) => Intent::Signal(list, signal),
        };
        self.take(Input::Intent(intent));
        Ok(Accepted { ids, before })
    }
}

/// Whether somebody wants it to run, or wanted it and it failed.
fn is_wanted(state: StateName) -> bool {
    !matches!(state, StateName::Idle | StateName::Stopped | StateName::Succeeded)
}

/// A signal reaches those that run; one name that means several is content with one of them.
fn running(now: &Snapshot, ids: &[ProcessId]) -> Result<(), Refusal> {
    let views = || ids.iter().filter_map(|id| now.get(*id));
    let idle = |state| !matches!(state, StateName::Ready | StateName::Stopping);
    match views().find(|view| view.pid.is_none() || idle(view.state)) {
        Some(view) if views().all(|view| view.pid.is_none()) => {
            Err(Refusal::NotRunning(view.name.to_string()))
        }
        _ => Ok(()),
    }
}
