//! Nested sessions: another project that a descendant started in the background with
//! `pitcrew up --detach`.
//!
//! Such a project outlives the process that started it, and it supervises its own processes,
//! so it is not a stray: it and everything below it is left alone. It is recognised by its environment, which
//! the command that detaches it sets: `PITCREW_ROLE=project` and a separate session.

use std::ffi::OsString;
use std::process::Command;

use super::proc::{self, PROCESS, REPLICA, ROLE, RUN, SESSION, Stat, Subtrees};

/// The value of [`ROLE`] for a project that runs in the background.
const PROJECT: &str = "project";

/// Configures a command that starts pitcrew in the background as a separate project with this
/// session.
pub fn in_own_project(command: &mut Command, session: &str) {
    for name in [PROCESS, RUN, REPLICA, "PITCREW_POOL"] {
        command.env_remove(name);
    }
    command.env(SESSION, session).env(ROLE, PROJECT);
}

/// Returns the session that this process was given when it was started in the background.
pub fn own_session(variable: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    let is_project = variable(ROLE).is_some_and(|role| role == PROJECT);
    variable(SESSION).filter(|_| is_project)?.into_string().ok()
}

/// Whether this descendant is the root of another project.
pub(super) fn is_project(stat: &Stat) -> bool {
    // Only of these the environment must be read: the guardian leads a kernel session, and an engine
    // that has lost its guardian has our program name.
    let may_be = stat.session == stat.pid || stat.program.starts_with("pitcrew");
    may_be && proc::marker(stat.pid).role.as_deref() == Some(PROJECT.as_bytes())
}

/// Removes other projects from `processes` (parents first), with everything below them.
pub(super) fn leave_out(processes: &mut Vec<Stat>) {
    let mut projects = Subtrees::default();
    processes.retain(|process| !projects.contains(process, || is_project(process)));
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
