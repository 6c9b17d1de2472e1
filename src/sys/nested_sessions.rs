//! Another project that was started in the background by something below this one: `pitcrew up
//! --detach` in a process.
//!
//! It was meant to go on after whoever started it, and it looks after its own processes, so it is no
//! stray: it and everything below it is left alone. It is known by its environment, which the one
//! that starts it in the background gives it: `PITCREW_ROLE=project` and a session of its own.

use std::collections::HashSet;
use std::ffi::OsString;
use std::process::Command;

use super::proc::{self, PROCESS, REPLICA, ROLE, RUN, SESSION, Stat};

/// What [`ROLE`] says of a project that runs in the background.
const PROJECT: &str = "project";

/// Makes a pitcrew that is about to be started in the background a project of its own, with this
/// session.
pub fn in_own_project(command: &mut Command, session: &str) {
    for name in [PROCESS, RUN, REPLICA, "PITCREW_POOL"] {
        command.env_remove(name);
    }
    command.env(SESSION, session).env(ROLE, PROJECT);
}

/// The session that this process was given by who started it in the background.
pub fn own_session(variable: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    let is_project = variable(ROLE).is_some_and(|role| role == PROJECT);
    variable(SESSION).filter(|_| is_project)?.into_string().ok()
}

/// Whether another project begins with this process, which is below us.
pub(super) fn is_project(stat: &Stat) -> bool {
    // Only these are worth a look at an environment: the guardian leads a session of the kernel, and
    // an engine that has lost its guardian is called like us.
    let may_be = stat.session == stat.pid || stat.program.starts_with("pitcrew");
    may_be && proc::marker(stat.pid).role.as_deref() == Some(PROJECT.as_bytes())
}

/// Takes other projects out of `all` (parents first), with everything below them.
pub(super) fn leave_out(all: &mut Vec<Stat>) {
    let mut others = HashSet::new();
    all.retain(|one| {
        let is_other = others.contains(&one.parent) || is_project(one);
        if is_other {
            others.insert(one.pid);
        }
        !is_other
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_taken_over_only_by_a_project_in_the_background() {
        let env = |role: Option<&'static str>| {
            move |name: &str| match name {
                SESSION => Some(OsString::from("s")),
                ROLE => role.map(OsString::from),
                _ => None,
            }
        };
        assert_eq!(own_session(env(Some("project"))), Some("s".to_owned()));
        assert_eq!(own_session(env(Some("health"))), None);
        assert_eq!(own_session(env(None)), None, "a project in the foreground of a process");
    }
}
