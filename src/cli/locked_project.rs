//! Locks a project for this process alone, and forks the guardian.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{ProgramExit, messages};
use crate::engine::Clock;
use crate::spec::{ProcessSpec, Spec, io_error_text};
use crate::sys::guardian::{self, Guardian};
use crate::sys::journal::{self, Journal, SessionStrayRules, StrayRules};
use crate::sys::{self, FileFollower, Holder, Lock, LockError, ProjectDirs, own_process};

/// A session of the engine: its guardian, and the project that it has locked, if any.
pub(super) struct LockedProject {
    pub(super) guardian: Guardian,
    /// The session and its stray policies.
    pub(super) policies: SessionStrayRules,
    /// Notices about processes that a killed session left.
    pub(super) recovered: Vec<String>,
    /// The soft limit of descriptors that pitcrew was started with.
    pub(super) soft_nofile: Option<u64>,
    /// `None` for a single command without a project.
    pub(super) files: Option<ProjectFiles>,
}

/// The folders of a locked project, and the files that represent it.
pub(super) struct ProjectFiles {
    pub(super) dirs: ProjectDirs,
    /// Held until the end; the guardian holds it too.
    pub(super) lock: Lock,
    /// The guardian reads the stray policies from it.
    pub(super) journal: Journal,
    pub(super) follower: Arc<Mutex<FileFollower>>,
}

/// Locks the project and forks the guardian; returns in the engine process. `names` are the
/// processes to be started. Must be called before any thread exists.
pub(super) fn lock(spec: &Spec, names: &[String]) -> Result<LockedProject, ProgramExit> {
    require_proc().map_err(|error| messages::failure(&error.to_string()))?;
    let file = &spec.project.file;
    let dirs = ProjectDirs::of(file).map_err(|error| messages::failure(&error.to_string()))?;
    let started = format!("{:.0}", Clock::wall());
    let lock = Lock::take(&dirs, &started).map_err(|error| {
        messages::failure(&match error {
            LockError::Busy(holder) => {
                format!("{}\n{}", already_running(spec, &holder), alternative(&holder, names))
            }
            LockError::Io { .. } => error.to_string(),
        })
    })?;
    let follower = Arc::new(Mutex::new(FileFollower::new(file)));
    let journal = Journal::of(&dirs.state);
    let recovered = recover(&journal);
    let policies = stray_policies(spec, &session()?);
    let path = journal.path.clone();
    journal
        .write(&policies)
        .map_err(|error| messages::cannot(&format!("write {}", path.display()), &error))?;
    let files = ProjectFiles { dirs, lock, journal, follower };
    start_guardian(Some(path), policies, recovered, Some(files))
}

/// Forks the guardian for a single command that belongs to no project.
pub(super) fn without_project() -> Result<LockedProject, ProgramExit> {
    require_proc().map_err(|error| messages::failure(&error.to_string()))?;
    let policies = SessionStrayRules { session: session()?, ..SessionStrayRules::default() };
    start_guardian(None, policies, Vec::new(), None)
}

fn start_guardian(
    journal: Option<PathBuf>,
    policies: SessionStrayRules,
    recovered: Vec<String>,
    files: Option<ProjectFiles>,
) -> Result<LockedProject, ProgramExit> {
    let guardian =
        guardian::guard(journal).map_err(|error| messages::cannot("start the guardian", &error))?;
    let soft_nofile = own_process::raise_descriptor_limit().unwrap_or_default();
    Ok(LockedProject { guardian, policies, recovered, soft_nofile, files })
}

/// Fails if `/proc` is not mounted.
pub(super) fn require_proc() -> std::io::Result<()> {
    if Path::new("/proc/self/stat").exists() {
        return Ok(());
    }
    let text = "/proc is not mounted; pitcrew needs it to find the descendants of processes";
    Err(std::io::Error::other(text))
}

fn session() -> Result<String, ProgramExit> {
    match sys::own_session(|name| std::env::var_os(name)) {
        Some(session) => Ok(session),
        None => {
            journal::new_session().map_err(|error| messages::cannot("create a session id", &error))
        }
    }
}

/// Says that the project is running, since when, and with which pid.
pub(super) fn already_running(spec: &Spec, holder: &Holder) -> String {
    let Holder { pid, started, file, .. } = holder;
    let moved = if *file == spec.project.file {
        String::new()
    } else {
        format!("; it was started from {}", file.display())
    };
    let name = &spec.project.name;
    // The kernel reports 0 for a process of another pid namespace.
    if *pid == 0 {
        return format!("{name} is already running, in another container{moved}");
    }
    format!("{name} is already running (pid {pid}, since {started}{moved})")
}

/// Says which command to use instead of starting a project that is running.
pub(super) fn alternative(holder: &Holder, names: &[String]) -> String {
    let (command, what) = match names {
        [] => ("attach".to_owned(), "to open its interface"),
        [name] => (format!("start {name}"), "to start it there"),
        names => (format!("start {}", names.join(" ")), "to start them there"),
    };
    match holder.user {
        None => format!("use `pitcrew {command}` {what}"),
        Some(0) => format!("it was started as root: use `sudo pitcrew {command}` {what}"),
        Some(user) => format!("user {user} has started it: use `pitcrew {command}` {what}"),
    }
}

/// Ends the processes of a session that was killed together with its guardian.
fn recover(journal: &Journal) -> Vec<String> {
    let recovered = match journal.recover() {
        Ok(recovered) => recovered,
        Err(error) => {
            return vec![format!(
                "cannot read {}: {}",
                journal.path.display(),
                io_error_text(&error)
            )];
        }
    };
    let ended = recovered.ended.iter().map(|stray| ("ended", stray));
    let left = recovered.unkillable.iter().map(|stray| ("cannot kill", stray));
    let strays = ended.chain(left);
    strays.map(|(what, stray)| format!("{what} {stray}, left by a previous session")).collect()
}

/// The processes that the guardian leaves alive, from the file.
pub(super) fn stray_policies(spec: &Spec, session: &str) -> SessionStrayRules {
    let rules = |process: &ProcessSpec| StrayRules {
        strays: process.stop.strays,
        keep: process.stop.keep.as_ref().clone(),
    };
    let processes = spec.processes.values();
    SessionStrayRules {
        session: session.to_owned(),
        processes: processes.map(|process| (process.name.to_string(), rules(process))).collect(),
    }
}
