//! What can be asked of a running engine: wishes in the words of the command line, with an answer.
//!
//! The loop answers itself, so a name means what it means at that moment and nothing comes between
//! the look and the deed.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Engine;
use crate::machine::select::UnknownName;
use crate::machine::{Input, Intent, Phase, ProcessId, Snapshot, StateName};
use crate::spec::Signal;
use crate::sys::Host;

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
}

/// Where an answer goes.
type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// What can be done with processes that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing: it is asked who they are.
    Look,
    Start,
    Stop,
    Restart,
    Kill,
    Signal(Signal),
}

/// Who was meant, and how everything was right before.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) ids: Vec<ProcessId>,
    /// Any snapshot with a higher number shows what follows.
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
}

impl<H: Host> Engine<H> {
    pub(super) fn answer(&mut self, question: Question) {
        match question {
            Question::Act { names, act, answer } => _ = answer.send(self.act(&names, act)),
        }
    }

    fn act(&mut self, names: &[String], act: Act) -> Result<Accepted, Refusal> {
        let ids = self.orchestra.select(names)?;
        let before = Arc::new(self.orchestra.snapshot(self.clock.now()));
        if matches!(act, Act::Start | Act::Restart) && before.phase != Phase::Up {
            return Err(Refusal::Ending);
        }
        if let Act::Signal(_) = act {
            running(&before, &ids)?;
        }
        let list = ids.clone();
        let intent = match act {
            Act::Look => return Ok(Accepted { ids, before }),
            Act::Start => Intent::Start(list),
            Act::Stop => Intent::Stop(list),
            Act::Restart => Intent::Restart(list),
            Act::Kill => Intent::Kill(list),
            Act::Signal(signal) => Intent::Signal(list, signal),
        };
        self.take(Input::Intent(intent));
        Ok(Accepted { ids, before })
    }
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
