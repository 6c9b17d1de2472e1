//! When an action applies, and what is said where it does not.

use std::borrow::Cow;

use super::{All, Facts, Reason, Subject};
use crate::machine::StateName;

type Applies = Result<(), Reason>;

fn no(why: impl Into<Cow<'static, str>>) -> Applies {
    Err(Reason(why.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "as the others")]
pub(super) fn always(_: &Facts) -> Applies {
    Ok(())
}

pub(super) fn connected(facts: &Facts) -> Applies {
    if facts.connected { Ok(()) } else { no("the connection to the project is lost") }
}

/// Something is chosen or marked.
pub(super) fn one(facts: &Facts) -> Applies {
    match (&facts.subject, facts.marks) {
        (None, 0) => no("choose a process first"),
        _ => Ok(()),
    }
}

/// As [`one`], for what is sent to the project.
pub(super) fn some(facts: &Facts) -> Applies {
    one(facts).and_then(|()| connected(facts))
}

/// Exactly one is chosen.
fn subject(facts: &Facts) -> Result<&Subject, Reason> {
    facts.subject.as_ref().ok_or(Reason("choose a process first".into()))
}

fn single(facts: &Facts) -> Result<&Subject, Reason> {
    let subject = subject(facts)?;
    if subject.several {
        return Err(Reason(format!("{} stands for several: choose one", subject.name).into()));
    }
    Ok(subject)
}

pub(super) fn one_process(facts: &Facts) -> Applies {
    connected(facts)?;
    let subject = subject(facts)?;
    if subject.pool { no(format!("{} is a pool of jobs", subject.name)) } else { Ok(()) }
}

/// A word on one that is down; nothing where several are meant.
fn down(facts: &Facts) -> Option<(&Subject, StateName)> {
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
fn all(facts: &Facts, number: impl Fn(All) -> usize, nobody: &'static str) -> Option<Applies> {
    let all = facts.all.filter(|_| facts.marks == 0)?;
    Some(if number(all) == 0 { no(nobody) } else { connected(facts) })
}

pub(super) fn startable(facts: &Facts) -> Applies {
    let everybody = || all(facts, |all| all.down, "all that start with the project have been");
    everybody().unwrap_or_else(|| some(facts))
}

pub(super) fn stoppable(facts: &Facts) -> Applies {
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
pub(super) fn killable(facts: &Facts) -> Applies {
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

pub(super) fn signalable(facts: &Facts) -> Applies {
    killable(facts)
}

/// A restart works in every state; of all, those that run are meant.
pub(super) fn restartable(facts: &Facts) -> Applies {
    all(facts, |all| all.up, "nothing runs").unwrap_or_else(|| some(facts))
}

pub(super) fn attachable(facts: &Facts) -> Applies {
    let subject = single(facts)?;
    if subject.tty {
        no("a terminal cannot be attached to in this version")
    } else {
        no(format!("{} has tty = false", subject.name))
    }
}

pub(super) fn watchable(facts: &Facts) -> Applies {
    connected(facts)?;
    let subject = subject(facts)?;
    match subject.watch {
        Some(_) => Ok(()),
        None => no(format!("{} watches no files", subject.name)),
    }
}

/// Whether it is in a file is known to the project alone, which is asked.
pub(super) fn declared(facts: &Facts) -> Applies {
    connected(facts)?;
    subject(facts).map(drop)
}

pub(super) fn ported(facts: &Facts) -> Applies {
    let subject = single(facts)?;
    match subject.port {
        Some(_) => Ok(()),
        None => no(format!("{} has no port", subject.name)),
    }
}

pub(super) fn writable(facts: &Facts) -> Applies {
    connected(facts)?;
    let subject = single(facts)?;
    if !subject.stdin {
        return no(format!("{} takes no input: stdin is not \"pipe\"", subject.name));
    }
    if subject.state.is_alive() { Ok(()) } else { no(format!("{} has no live run", subject.name)) }
}

pub(super) fn filterable(facts: &Facts) -> Applies {
    if facts.filterable { Ok(()) } else { no("there is nothing to filter here") }
}

pub(super) fn marked(facts: &Facts) -> Applies {
    if facts.marks > 0 { Ok(()) } else { no("nothing is marked") }
}

pub(super) fn selected(facts: &Facts) -> Applies {
    if facts.selection { Ok(()) } else { no("nothing is selected: v selects") }
}

pub(super) fn searched(facts: &Facts) -> Applies {
    if facts.search { Ok(()) } else { no("nothing is searched for") }
}
