//! Opens a project for running: its file, folders, lock and guardian.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::{ColorChoice, GlobalOptions, ProgramExit};
use crate::engine::Clock;
use crate::output::safe_name;
use crate::spec::{self, ProcessSpec, ProjectLocator, Spec, counted};
use crate::sys::guardian::{self, Guardian};
use crate::sys::journal::{self, Journal, SessionStrayRules, StrayRules};
use crate::sys::{self, FileFollower, Holder, Lock, LockError, ProjectDirs, own_process};

/// A project that nobody else runs, as seen from the engine's side of the fork.
pub(super) struct LockedProject {
    /// Where diagnostics go when nothing else is said.
    pub(super) log: Option<PathBuf>,
    pub(super) guardian: Guardian,
    pub(super) session: String,
    pub(super) policies: SessionStrayRules,
    /// What a session before left behind and was ended now, one sentence each.
    pub(super) recovered: Vec<String>,
    pub(super) descriptors: Option<u64>,
    /// What makes it known to others; nothing where there is no project.
    pub(super) project: Option<HeldProject>,
}

/// A locked project: its folders, and the files that stand for it.
pub(super) struct HeldProject {
    pub(super) folders: ProjectDirs,
    /// Held until the end; the guardian holds it too.
    pub(super) lock: Lock,
    /// Where the guardian finds the policies.
    pub(super) journal: Journal,
    /// Where its file is, or what has become of it.
    pub(super) follower: Arc<Mutex<FileFollower>>,
}

/// Says what is wrong with the file or the command line.
pub(super) fn wrong(text: &str) -> ProgramExit {
    say(text);
    ProgramExit::WRONG
}

/// Says why what was asked for failed.
pub(super) fn failed(text: &str) -> ProgramExit {
    say(text);
    ProgramExit::FAILED
}

/// Says something to who looks.
pub(super) fn say(text: &str) {
    let lines = text.lines().map(safe_name).collect::<Vec<_>>().join("\n");
    _ = writeln!(std::io::stderr(), "pitcrew: {lines}");
}

/// Reads standard input if `-f -` is among the files.
pub(super) fn read_stdin(global: &GlobalOptions) -> Result<(), ProgramExit> {
    let read = global.stdin.read(&global.file, global.stdin_fd);
    read.map_err(|error| failed(&format!("cannot read standard input: {error}")))
}

/// Where to look for the file. Standard input is not read here.
pub(super) fn locate(global: &GlobalOptions) -> Result<ProjectLocator, ProgramExit> {
    let dir = match std::env::current_dir() {
        Ok(dir) => dir,
        // A folder that was removed: what was started from it is found by its inode.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => PathBuf::from("."),
        Err(error) => return Err(failed(&format!("cannot tell the current folder: {error}"))),
    };
    Ok(ProjectLocator { files: global.file.clone(), dir, stdin: global.stdin.get() })
}

/// Reads and checks the file to run it; shows every mistake, or every warning.
pub(super) fn load(global: &GlobalOptions) -> Result<Spec, ProgramExit> {
    loaded(global, |locate| spec::load_and_tell(locate, &|path| say(&spec::waits_for(path))))
}

/// The same to look at it only: no env file is opened that is a pipe.
pub(super) fn inspect(global: &GlobalOptions) -> Result<Spec, ProgramExit> {
    loaded(global, spec::inspect)
}

fn loaded(
    global: &GlobalOptions,
    load: impl FnOnce(&ProjectLocator) -> Result<spec::LoadedProject, spec::Faults>,
) -> Result<Spec, ProgramExit> {
    let colour = colour(global.color, &std::io::stderr());
    read_stdin(global)?;
    match load(&locate(global)?) {
        Ok(spec::LoadedProject { spec, warnings }) => {
            _ = write!(std::io::stderr(), "{}", warnings.render_warnings(colour));
            Ok(spec)
        }
        Err(faults) => {
            show(&faults, colour);
            Err(ProgramExit::WRONG)
        }
    }
}

/// Shows every mistake of a file, and how many there are.
pub(super) fn show(faults: &spec::Faults, colour: bool) {
    let number = counted(faults.len(), "mistake");
    _ = writeln!(std::io::stderr(), "{}\npitcrew: {number}", faults.render(colour).trim_end());
}

/// Whether to use colour on `stream`.
pub(super) fn colour(choice: ColorChoice, stream: &impl std::io::IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            stream.is_terminal() && !dumb && !set("NO_COLOR")
        }
    }
}

/// Fails if `/proc` is not mounted.
pub(super) fn has_proc() -> std::io::Result<()> {
    if std::path::Path::new("/proc/self/stat").exists() {
        return Ok(());
    }
    let text = "/proc is not mounted here; without it nothing can be found that a process leaves";
    Err(std::io::Error::other(text))
}

/// Takes the project for us alone and splits off the guardian; returns as the engine.
///
/// `names` is what was to be started of it. Must come before any thread exists.
pub(super) fn hold(spec: &Spec, names: &[String]) -> Result<LockedProject, ProgramExit> {
    has_proc().map_err(|error| failed(&error.to_string()))?;
    let file = &spec.project.file;
    let folders = ProjectDirs::of(file).map_err(|error| failed(&error.to_string()))?;
    let started = format!("{:.0}", Clock::wall());
    let lock = Lock::take(&folders, &started).map_err(|error| refuse(spec, names, &error))?;
    let follower = Arc::new(Mutex::new(FileFollower::new(file)));
    let journal = Journal::of(&folders.state);
    let recovered = recover(&journal);
    let session = session()?;
    let policies = policies(spec, &session);
    journal
        .write(&policies)
        .map_err(|error| failed(&format!("cannot write {}: {error}", journal.path().display())))?;
    let guardian = guard(Some(journal.path().to_owned()))?;
    let log = Some(folders.state.join("pitcrew.log"));
    let descriptors = own_process::raise_descriptor_limit().unwrap_or_default();
    Ok(LockedProject {
        log,
        guardian,
        session,
        policies,
        recovered,
        descriptors,
        project: Some(HeldProject { folders, lock, journal, follower }),
    })
}

/// The same for one command that belongs to no project.
pub(super) fn hold_alone() -> Result<LockedProject, ProgramExit> {
    has_proc().map_err(|error| failed(&error.to_string()))?;
    let session = session()?;
    let policies = SessionStrayRules { session: session.clone(), ..SessionStrayRules::default() };
    let guardian = guard(None)?;
    let descriptors = own_process::raise_descriptor_limit().unwrap_or_default();
    Ok(LockedProject {
        log: None,
        guardian,
        session,
        policies,
        recovered: Vec::new(),
        descriptors,
        project: None,
    })
}

fn session() -> Result<String, ProgramExit> {
    if let Some(session) = sys::own_session(|name| std::env::var_os(name)) {
        return Ok(session);
    }
    journal::new_session().map_err(|error| failed(&format!("cannot make a session id: {error}")))
}

fn guard(journal: Option<PathBuf>) -> Result<Guardian, ProgramExit> {
    guardian::guard(journal).map_err(|error| failed(&format!("cannot start the guardian: {error}")))
}

fn refuse(spec: &Spec, names: &[String], error: &LockError) -> ProgramExit {
    failed(&match error {
        LockError::Busy(first) => {
            format!("{}\n{}", runs_already(spec, first), way_in(first, names))
        }
        LockError::Io { .. } => error.to_string(),
    })
}

/// That a project runs, since when, and as which process.
pub(super) fn runs_already(spec: &Spec, holder: &Holder) -> String {
    let Holder { pid, started, file, .. } = holder;
    let moved = if *file == spec.project.file {
        String::new()
    } else {
        format!("; it was started from {}", file.display())
    };
    let name = &spec.project.name;
    // The kernel gives 0 for a process of another pid namespace.
    if *pid == 0 {
        return format!("{name} is running already, in another container{moved}");
    }
    format!("{name} is running already: pid {pid}, since {started}{moved}")
}

/// What the user can do instead of starting a project that runs.
pub(super) fn way_in(holder: &Holder, names: &[String]) -> String {
    let (command, what) = match names {
        [] => ("attach".to_owned(), "shows it"),
        [_] => (format!("start {}", names.join(" ")), "starts it there"),
        _ => (format!("start {}", names.join(" ")), "starts them there"),
    };
    match holder.user {
        None => format!("`pitcrew {command}` {what}"),
        Some(0) => format!("it was started as root: `sudo pitcrew {command}` {what}"),
        Some(user) => format!("user {user} has started it; `pitcrew {command}` {what}"),
    }
}

/// Ends what a session left that was killed with its guardian.
fn recover(journal: &Journal) -> Vec<String> {
    match journal.recover() {
        Ok(recovered) => {
            let ended = recovered.ended.iter().map(|one| ("ended", one));
            let left = recovered.unkillable.iter().map(|one| ("cannot end", one));
            ended
                .chain(left)
                .map(|(what, one)| {
                    format!("{what} {} {}, left by a session before", one.pid, one.command)
                })
                .collect()
        }
        Err(error) => vec![format!("cannot read {}: {error}", journal.path().display())],
    }
}

/// What the guardian leaves alive, from the file.
pub(super) fn policies(spec: &Spec, session: &str) -> SessionStrayRules {
    let of = |process: &ProcessSpec| StrayRules {
        strays: process.stop.strays,
        keep: process.stop.keep.as_ref().clone(),
    };
    let processes = spec.processes.values().map(|one| (one.name.to_string(), of(one))).collect();
    SessionStrayRules { session: session.to_owned(), processes }
}
