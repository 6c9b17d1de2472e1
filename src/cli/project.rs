//! From the command line to a project that is ours: its file, its folders, its lock, its guardian.

use std::io::Write as _;
use std::path::PathBuf;

use super::{ColorChoice, Ending, Global, input};
use crate::engine::Clock;
use crate::output::safe_name;
use crate::spec::{self, Locate, ProcessSpec, Spec};
use crate::sys::guardian::{self, Guardian};
use crate::sys::journal::{self, Journal, Leftovers, Policies};
use crate::sys::{self, Folders, Lock, LockError, process};

/// A project that nobody else runs, as seen from the engine's side of the fork.
pub(super) struct Held {
    /// Where diagnostics go when nothing else is said.
    pub(super) log: Option<PathBuf>,
    pub(super) guardian: Guardian,
    pub(super) session: String,
    pub(super) policies: Policies,
    /// Where the guardian finds them.
    pub(super) journal: Option<Journal>,
    /// What a session before left behind and was ended now, one sentence each.
    pub(super) recovered: Vec<String>,
    pub(super) descriptors: Option<u64>,
    /// Where its sockets are; nothing where there is no project.
    pub(super) folders: Option<Folders>,
    /// Held until the end; the guardian holds it too.
    pub(super) _lock: Option<Lock>,
}

/// Says what is wrong with the file or the command line.
pub(super) fn wrong(text: &str) -> Ending {
    say(text);
    Ending::WRONG
}

/// Says why what was asked for failed.
pub(super) fn failed(text: &str) -> Ending {
    say(text);
    Ending::FAILED
}

/// Says something to who looks.
pub(super) fn say(text: &str) {
    let lines = text.lines().map(safe_name).collect::<Vec<_>>().join("\n");
    _ = writeln!(std::io::stderr(), "pitcrew: {lines}");
}

/// Where to look for the file. Standard input is not read here.
pub(super) fn locate(global: &Global) -> Result<Locate, Ending> {
    let dir = std::env::current_dir()
        .map_err(|error| failed(&format!("cannot tell the current folder: {error}")))?;
    Ok(Locate { files: global.file.clone(), dir, stdin: input::known(global) })
}

/// Reads and checks the file; shows every mistake, or every warning.
pub(super) fn load(global: &Global) -> Result<Spec, Ending> {
    let colour = colour(global.color, &std::io::stderr());
    input::read(global)?;
    match spec::load(&locate(global)?) {
        Ok(spec::Loaded { spec, warnings }) => {
            _ = write!(std::io::stderr(), "{}", warnings.render_warnings(colour));
            Ok(spec)
        }
        Err(faults) => {
            show(&faults, colour);
            Err(Ending::WRONG)
        }
    }
}

/// Shows every mistake of a file, and how many there are.
pub(super) fn show(faults: &spec::Faults, colour: bool) {
    let number = count(faults.len());
    _ = writeln!(std::io::stderr(), "{}\npitcrew: {number}", faults.render(colour).trim_end());
}

/// So many mistakes.
pub(super) fn count(mistakes: usize) -> String {
    if mistakes == 1 { "1 mistake".to_owned() } else { format!("{mistakes} mistakes") }
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

/// Takes the project for us alone and splits off the guardian; returns as the engine.
///
/// Must come before any thread exists.
pub(super) fn hold(spec: &Spec) -> Result<Held, Ending> {
    let file = spec.project.file.clone();
    let folders = Folders::of(&file).map_err(|error| failed(&error.to_string()))?;
    let started = format!("{:.0}", Clock::wall());
    let lock = Lock::take(&folders, &file, &started).map_err(|error| refuse(spec, &error))?;
    let journal = Journal::of(&folders.runtime);
    let recovered = recover(&journal);
    let session = session()?;
    let policies = policies(spec, &session);
    journal
        .write(&policies)
        .map_err(|error| failed(&format!("cannot write {}: {error}", journal.path().display())))?;
    let guardian = guard(Some(journal.path().to_owned()))?;
    let log = Some(folders.state.join("pitcrew.log"));
    let descriptors = process::raise_descriptor_limit().unwrap_or_default();
    Ok(Held {
        log,
        guardian,
        session,
        policies,
        journal: Some(journal),
        recovered,
        descriptors,
        folders: Some(folders),
        _lock: Some(lock),
    })
}

/// The same for one command that belongs to no project.
pub(super) fn hold_alone() -> Result<Held, Ending> {
    let session = session()?;
    let policies = Policies { session: session.clone(), ..Policies::default() };
    let guardian = guard(None)?;
    let descriptors = process::raise_descriptor_limit().unwrap_or_default();
    Ok(Held {
        log: None,
        guardian,
        session,
        policies,
        recovered: Vec::new(),
        journal: None,
        descriptors,
        folders: None,
        _lock: None,
    })
}

fn session() -> Result<String, Ending> {
    if let Some(session) = sys::own_session(|name| std::env::var_os(name)) {
        return Ok(session);
    }
    journal::new_session().map_err(|error| failed(&format!("cannot make a session id: {error}")))
}

fn guard(journal: Option<PathBuf>) -> Result<Guardian, Ending> {
    guardian::guard(journal).map_err(|error| failed(&format!("cannot start the guardian: {error}")))
}

fn refuse(spec: &Spec, error: &LockError) -> Ending {
    let name = &spec.project.name;
    failed(&match error {
        LockError::Busy(first) => format!(
            "{name} is running already: pid {}, since {}\n`pitcrew attach` shows it",
            first.pid, first.started
        ),
        LockError::Io { .. } => error.to_string(),
    })
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
pub(super) fn policies(spec: &Spec, session: &str) -> Policies {
    let of = |process: &ProcessSpec| Leftovers {
        strays: process.stop.strays,
        keep: process.stop.keep.as_ref().clone(),
    };
    let processes = spec.processes.values().map(|one| (one.name.to_string(), of(one))).collect();
    Policies { session: session.to_owned(), processes }
}
