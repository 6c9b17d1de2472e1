//! When an action applies, and the message if it does not.

use std::borrow::Cow;

use super::{ActionFacts, ActionSubject, AllRow, InapplicableReason};
use crate::machine::StateName;

type Applicability = Result<(), InapplicableReason>;

fn no(why: impl Into<Cow<'static, str>>) -> Applicability {
    Err(InapplicableReason(why.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "as the others")]
pub(super) fn always(_: &ActionFacts) -> Applicability {
    Ok(())
}

pub(super) fn connected(facts: &ActionFacts) -> Applicability {
    if facts.connected { Ok(()) } else { no("the connection to the project is lost") }
}

/// Something is chosen or marked.
pub(super) fn one(facts: &ActionFacts) -> Applicability {
    match (&facts.subject, facts.marks) {
        (None, 0) => no("choose a process first"),
        _ => Ok(()),
    }
}

/// As [`one`], for what is sent to the project.
pub(super) fn some(facts: &ActionFacts) -> Applicability {
    one(facts).and_then(|()| connected(facts))
}

fn subject(facts: &ActionFacts) -> Result<&ActionSubject, InapplicableReason> {
    facts.subject.as_ref().ok_or(InapplicableReason("choose a process first".into()))
}

fn single(facts: &ActionFacts) -> Result<&ActionSubject, InapplicableReason> {
    let subject = subject(facts)?;
    if subject.several {
        return Err(InapplicableReason(
            format!("{} stands for several: choose one", subject.name).into(),
        ));
    }
    Ok(subject)
}

pub(super) fn one_process(facts: &ActionFacts) -> Applicability {
    connected(facts)?;
    let subject = subject(facts)?;
    if subject.pool { no(format!("{} is a pool of jobs", subject.name)) } else { Ok(()) }
}

/// A word on one that is down; nothing where several are meant.
fn down(facts: &ActionFacts) -> Option<(&ActionSubject, StateName)> {
    let subject = facts.subject.as_ref()?;
    let alone = facts.marks == 0 && !subject.several;
    let is_down = match subject.state {
        StateName::Idle
        | StateName::Stopped
        | StateName::Succeeded
        | StateName::Failed
        | StateName::Skipped => true,
        StateName::Waiting
        | StateName::Queued
        | StateName::Backoff
        | StateName::Starting
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopping => false,
    };
    (alone && is_down).then_some((subject, subject.state))
}

/// What is to be said where the row of all is meant and nobody is in that state.
fn all(
    facts: &ActionFacts,
    number: impl Fn(AllRow) -> usize,
    nobody: &'static str,
) -> Option<Applicability> {
    let all = facts.all.filter(|_| facts.marks == 0)?;
    Some(if number(all) == 0 { no(nobody) } else { connected(facts) })
}

pub(super) fn startable(facts: &ActionFacts) -> Applicability {
    let everybody = || all(facts, |all| all.down, "all that start with the project have been");
    everybody().unwrap_or_else(|| some(facts))
}

pub(super) fn stoppable(facts: &ActionFacts) -> Applicability {
    if let Some(said) = all(facts, |all| all.up, "nothing runs") {
        return said;
    }
    some(facts)?;
    match down(facts) {
        Some((subject, state)) => no(format!("{} is {state}", subject.name)),
        None => Ok(()),
    }
}

/// There is a live run.
pub(super) fn killable(facts: &ActionFacts) -> Applicability {
    if let Some(said) = all(facts, |all| all.alive, "nothing has a live run") {
        return said;
    }
    some(facts)?;
    match &facts.subject {
        Some(subject) if facts.marks == 0 && !subject.several && !subject.state.is_alive() => {
            no(format!("{} has no live run", subject.name))
        }
        _ => Ok(()),
    }
}

pub(super) fn signalable(facts: &ActionFacts) -> Applicability {
    killable(facts)
}

/// A restart works in every state; of all, those that run are meant.
pub(super) fn restartable(facts: &ActionFacts) -> Applicability {
    all(facts, |all| all.up, "nothing runs").unwrap_or_else(|| some(facts))
}

pub(super) fn attachable(facts: &ActionFacts) -> Applicability {
    let subject = single(facts)?;
    if subject.tty {
        no("a terminal cannot be attached to in this version")
    } else {
        no(format!("{} has tty = false", subject.name))
    }
}

pub(super) fn watchable(facts: &ActionFacts) -> Applicability {
    connected(facts)?;
    let subject = subject(facts)?;
    match subject.watch {
        Some(_) => Ok(()),
        None => no(format!("{} watches no files", subject.name)),
    }
}

/// Whether it is in a file is known to the project alone, which is asked.
pub(super) fn declared(facts: &ActionFacts) -> Applicability {
    connected(facts)?;
    subject(facts).map(drop)
}

pub(super) fn ported(facts: &ActionFacts) -> Applicability {
    let subject = single(facts)?;
    match subject.port {
        Some(_) => Ok(()),
        None => no(format!("{} has no port", subject.name)),
    }
}

pub(super) fn writable(facts: &ActionFacts) -> Applicability {
    connected(facts)?;
    let subject = single(facts)?;
    if !subject.stdin {
        return no(format!("{} takes no input: stdin is not \"pipe\"", subject.name));
    }
    if subject.state.is_alive() { Ok(()) } else { no(format!("{} has no live run", subject.name)) }
}

pub(super) fn filterable(facts: &ActionFacts) -> Applicability {
    if facts.filterable { Ok(()) } else { no("there is nothing to filter here") }
}

pub(super) fn marked(facts: &ActionFacts) -> Applicability {
    if facts.marks > 0 { Ok(()) } else { no("nothing is marked") }
}

pub(super) fn selected(facts: &ActionFacts) -> Applicability {
    if facts.selection { Ok(()) } else { no("nothing is selected: v selects") }
}

pub(super) fn searched(facts: &ActionFacts) -> Applicability {
    if facts.search { Ok(()) } else { no("nothing is searched for") }
}
