//! When an action applies, and the message if it does not.

use std::borrow::Cow;

use super::{ActionFacts, ActionSubject, AllRow, InapplicableReason};

/// The message if an action is about a process and none is selected.
pub const NO_SUBJECT: &str = "select a process first";

/// The message, after the name of the process, if an action needs a live run.
pub const NOT_RUNNING: &str = "not running";

type Applicability = Result<(), InapplicableReason>;

fn no(why: impl Into<Cow<'static, str>>) -> Applicability {
    Err(why.into())
}

#[expect(clippy::unnecessary_wraps, reason = "as the others")]
pub(super) fn always(_: &ActionFacts) -> Applicability {
    Ok(())
}

pub(super) fn connected(facts: &ActionFacts) -> Applicability {
    if facts.connected { Ok(()) } else { no("the connection to the project is lost") }
}

/// Whether a process is at the cursor or marked.
pub(super) fn one(facts: &ActionFacts) -> Applicability {
    match (&facts.subject, facts.marks) {
        (None, 0) => no(NO_SUBJECT),
        _ => Ok(()),
    }
}

/// As [`one`], for commands to the project.
pub(super) fn some(facts: &ActionFacts) -> Applicability {
    one(facts).and_then(|()| connected(facts))
}

fn subject(facts: &ActionFacts) -> Result<&ActionSubject, InapplicableReason> {
    facts.subject.as_ref().ok_or(NO_SUBJECT.into())
}

fn single(facts: &ActionFacts) -> Result<&ActionSubject, InapplicableReason> {
    let subject = subject(facts)?;
    if subject.several {
        return Err(format!("{} selects several processes; select one", subject.name).into());
    }
    Ok(subject)
}

pub(super) fn one_process(facts: &ActionFacts) -> Applicability {
    connected(facts)?;
    let subject = subject(facts)?;
    if subject.pool { no(format!("{} is a pool of jobs", subject.name)) } else { Ok(()) }
}

/// The subject, if the action is about this single process only.
fn only_subject(facts: &ActionFacts) -> Option<&ActionSubject> {
    facts.subject.as_ref().filter(|subject| facts.marks == 0 && !subject.several)
}

/// Applicability on the row of all: there are processes that it can be applied to.
fn on_all(
    facts: &ActionFacts,
    count: impl Fn(AllRow) -> usize,
    reason: &'static str,
) -> Option<Applicability> {
    let all = facts.all.filter(|_| facts.marks == 0)?;
    Some(if count(all) == 0 { no(reason) } else { connected(facts) })
}

pub(super) fn startable(facts: &ActionFacts) -> Applicability {
    on_all(facts, |all| all.down, "all autostart processes are already started")
        .unwrap_or_else(|| some(facts))
}

pub(super) fn stoppable(facts: &ActionFacts) -> Applicability {
    restartable(facts)?;
    match only_subject(facts) {
        Some(subject) if subject.state.is_at_rest() => {
            no(format!("{} is {}", subject.name, subject.state))
        }
        _ => Ok(()),
    }
}

/// Whether there is a live run.
pub(super) fn killable(facts: &ActionFacts) -> Applicability {
    on_all(facts, |all| all.alive, "nothing is running").unwrap_or_else(|| some(facts))?;
    match only_subject(facts) {
        Some(subject) if !subject.state.is_alive() => no_live_run(&subject.name),
        _ => Ok(()),
    }
}

fn no_live_run(subject: &str) -> Applicability {
    no(format!("{subject} is {NOT_RUNNING}"))
}

/// A restart works in every state; on the row of all it restarts the processes that run.
pub(super) fn restartable(facts: &ActionFacts) -> Applicability {
    on_all(facts, |all| all.up, "nothing is running").unwrap_or_else(|| some(facts))
}

/// Whether the user can type into the terminal of the process.
pub(super) fn attachable(facts: &ActionFacts) -> Applicability {
    terminal(facts)?;
    connected(facts)?;
    let subject = single(facts)?;
    if subject.state.is_alive() { Ok(()) } else { no_live_run(&subject.name) }
}

/// Whether the process has a terminal.
pub(super) fn terminal(facts: &ActionFacts) -> Applicability {
    if facts.marks > 1 {
        return no("several processes are marked");
    }
    let subject = single(facts)?;
    if subject.tty {
        Ok(())
    } else if subject.stdin {
        no(format!("{} has no terminal (tty = false); `:send` sends it a line", subject.name))
    } else {
        no(format!("{} has no terminal (tty = false)", subject.name))
    }
}

pub(super) fn typing(facts: &ActionFacts) -> Applicability {
    if facts.typing { Ok(()) } else { no("keys do not go to a process") }
}

pub(super) fn awaited(facts: &ActionFacts) -> Applicability {
    if facts.waiting > 0 { Ok(()) } else { no("no process waits for input") }
}

pub(super) fn watchable(facts: &ActionFacts) -> Applicability {
    connected(facts)?;
    let subject = subject(facts)?;
    match subject.watch {
        Some(_) => Ok(()),
        None => no(format!("{} has no `watch`", subject.name)),
    }
}

/// Only the project knows whether a process is in a file, so it is asked.
pub(super) fn declared(facts: &ActionFacts) -> Applicability {
    connected(facts)?;
    subject(facts).map(drop)
}

pub(super) fn browsable(facts: &ActionFacts) -> Applicability {
    let subject = single(facts)?;
    match subject.url {
        Some(_) => Ok(()),
        None => no(format!("{} has no `url` and no `port`", subject.name)),
    }
}

pub(super) fn writable(facts: &ActionFacts) -> Applicability {
    connected(facts)?;
    let subject = single(facts)?;
    if !subject.stdin && !subject.tty {
        return no(format!("{} takes no input: stdin is not \"pipe\"", subject.name));
    }
    if subject.state.is_alive() { Ok(()) } else { no_live_run(&subject.name) }
}

pub(super) fn filterable(facts: &ActionFacts) -> Applicability {
    if facts.filterable { Ok(()) } else { no("nothing to filter here") }
}

pub(super) fn marked(facts: &ActionFacts) -> Applicability {
    if facts.marks > 0 { Ok(()) } else { no("nothing is marked") }
}

pub(super) fn selected(facts: &ActionFacts) -> Applicability {
    if facts.selection { Ok(()) } else { no("nothing selected (v selects lines)") }
}

pub(super) fn searched(facts: &ActionFacts) -> Applicability {
    if facts.search { Ok(()) } else { no("nothing is searched for") }
}
