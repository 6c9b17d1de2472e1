//! Prepares a start: turns a [`Launch`] into the arguments of exec, and failures into error messages.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Launch;
use super::exec::{ExecFailure, ExecPlan, ExecStep, FailureReport};
use super::proc::ProcessMarker;
use crate::spec::{Distance, StartError, StartErrorKind, distance, io_error_text};

/// The search path if the child has no `PATH`, as in execvp.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

fn failed(kind: StartErrorKind, message: impl Into<String>) -> StartError {
    StartError { kind, message: message.into() }
}

/// Prepares everything the child will need, except for its descriptors and limits.
pub(super) fn plan(launch: &Launch) -> Result<ExecPlan, StartError> {
    let Some(program) = launch.argv.first().filter(|program| !program.is_empty()) else {
        return Err(failed(StartErrorKind::ProgramNotFound, "the command is empty"));
    };
    let argument = |argument: &OsString| {
        c_string(argument.as_bytes(), || format!("argument {}", quoted(argument)))
    };
    let path =
        |path: PathBuf| c_string(path.into_os_string().into_vec(), || "the program".to_owned());
    let candidates = candidates(program, &launch.env).into_iter();
    Ok(ExecPlan {
        argv: launch.argv.iter().map(argument).collect::<Result<_, _>>()?,
        env: launch.env.iter().map(variable).collect::<Result<_, _>>()?,
        cwd: c_string(launch.cwd.as_os_str().as_bytes(), || "the working folder".to_owned())?,
        candidates: candidates.map(path).collect::<Result<_, _>>()?,
        stdio: [None; 3],
        terminal: None,
        is_session: launch.terminal.is_some(),
        parent: 0,
        nofile: None,
        report: FailureReport::default(),
    })
}

fn c_string(
    bytes: impl Into<Vec<u8>>,
    what: impl FnOnce() -> String,
) -> Result<CString, StartError> {
    CString::new(bytes).map_err(|_| {
        let rule = "contains a NUL byte, which is not allowed in arguments and variables";
        failed(StartErrorKind::Other, format!("{} {rule}", what()))
    })
}

fn variable((name, value): &(OsString, OsString)) -> Result<CString, StartError> {
    if name.is_empty() || name.as_bytes().contains(&b'=') {
        let message = format!("{} is not a valid variable name", quoted(name));
        return Err(failed(StartErrorKind::Other, message));
    }
    // With room for the NUL byte, so that it stays where it is.
    let mut entry = Vec::with_capacity(name.len() + value.len() + 2);
    entry.extend_from_slice(name.as_bytes());
    entry.push(b'=');
    entry.extend_from_slice(value.as_bytes());
    c_string(entry, || format!("the variable {}", quoted(name)))
}

/// Returns the paths to try: the program itself if it contains a slash, else one per `PATH` entry.
fn candidates(program: &OsStr, env: &[(OsString, OsString)]) -> Vec<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return vec![program.into()];
    }
    path_of(env)
        .as_bytes()
        .split(|byte| *byte == b':')
        .map(|folder| {
            // An empty entry means the working folder.
            let folder = if folder.is_empty() { b"." } else { folder };
            Path::new(OsStr::from_bytes(folder)).join(program)
        })
        .collect()
}

fn path_of(env: &[(OsString, OsString)]) -> &OsStr {
    let path = env.iter().find(|(name, _)| name == "PATH");
    path.map_or(OsStr::new(DEFAULT_PATH), |(_, value)| value)
}

/// Returns the markers that the descendants of this launch carry.
pub(super) fn marker(env: &[(OsString, OsString)]) -> Option<ProcessMarker> {
    let mut marker = ProcessMarker::default();
    for (name, value) in env {
        marker.take(name.as_bytes(), value.as_bytes());
    }
    marker.is_complete().then_some(marker)
}

/// Returns the error for a shortage (or another failure) while preparing.
pub(super) fn resource(what: &str, error: &io::Error) -> StartError {
    let kind = match error.raw_os_error() {
        Some(code) if is_shortage(code) => StartErrorKind::ResourceLimit,
        _ => StartErrorKind::Other,
    };
    failed(kind, format!("{what}: {}", reason(error)))
}

fn is_shortage(code: i32) -> bool {
    matches!(code, libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE | libc::ENOSPC)
}

/// Returns the message of the system, as part of a sentence.
fn reason(error: &io::Error) -> String {
    let text = io_error_text(error);
    if error.raw_os_error().is_some() { text.to_lowercase() } else { text }
}

fn quoted(text: &OsStr) -> String {
    let shown: String = text.to_string_lossy().chars().take(100).collect();
    format!("{shown:?}")
}

/// Returns the error for a failure reported by the child.
pub(super) fn error(failure: ExecFailure, launch: &Launch, plan: &ExecPlan) -> StartError {
    let reason = reason(&io::Error::from_raw_os_error(failure.errno));
    if is_shortage(failure.errno) {
        return failed(StartErrorKind::ResourceLimit, reason);
    }
    match failure.step {
        ExecStep::Cwd => folder_error(failure.errno, launch.cwd.as_os_str(), &reason),
        ExecStep::Exec => exec_error(failure, launch, plan, &reason),
        ExecStep::Setup => failed(StartErrorKind::Other, format!("its set-up failed: {reason}")),
        ExecStep::Descriptors => {
            failed(StartErrorKind::Other, format!("its descriptors: {reason}"))
        }
    }
}

fn folder_error(errno: i32, cwd: &OsStr, reason: &str) -> StartError {
    let (kind, problem) = match errno {
        libc::ENOENT => (StartErrorKind::CwdNotFound, " does not exist".to_owned()),
        libc::ENOTDIR => (StartErrorKind::CwdNotFound, " is not a folder".to_owned()),
        libc::EACCES => (StartErrorKind::NotExecutable, format!(" is not accessible: {reason}")),
        _ => (StartErrorKind::CwdNotFound, format!(": {reason}")),
    };
    failed(kind, format!("the working folder {}{problem}", quoted(cwd)))
}

fn exec_error(failure: ExecFailure, launch: &Launch, plan: &ExecPlan, reason: &str) -> StartError {
    let program = launch.argv.first().map(OsString::as_os_str).unwrap_or_default();
    let at = |candidate: &CString| launch.cwd.join(OsStr::from_bytes(candidate.as_bytes()));
    let tried = plan.candidates.as_slice();
    let path = tried.get(failure.candidate).map(at).unwrap_or_default();
    let exists = |candidate: &CString| fs::symlink_metadata(at(candidate)).is_ok();
    let name = quoted(program);
    let (kind, message) = match failure.errno {
        libc::ENOENT | libc::ENOTDIR => {
            let existing = tried.iter().map(at).find(|path| path.is_file());
            return not_found(program, launch, existing.as_deref());
        }
        // An inaccessible folder of PATH gives this error for any program searched in it.
        libc::EACCES if !program.as_bytes().contains(&b'/') && !tried.iter().any(exists) => {
            return not_found(program, launch, None);
        }
        libc::EACCES if path.is_dir() => {
            (StartErrorKind::NotExecutable, format!("{name} is a folder, not a program"))
        }
        libc::EACCES if fs::metadata(&path).is_ok_and(|meta| !has_execute_bit(&meta)) => {
            let message = format!("{name} is not executable; run `chmod +x` on it");
            (StartErrorKind::NotExecutable, message)
        }
        libc::EACCES | libc::EPERM => {
            (StartErrorKind::NotExecutable, format!("{name} may not be executed: {reason}"))
        }
        libc::ENOEXEC => {
            let why = match head(&path).as_slice() {
                [] => "it is empty",
                [0x7f, b'E', b'L', b'F', ..] => "it is built for another architecture",
                _ => "it has no #! line",
            };
            (StartErrorKind::NotExecutable, format!("{name} is not a program: {why}"))
        }
        libc::E2BIG => {
            let message =
                format!("arguments and environment of {name} are too long for the kernel");
            (StartErrorKind::ArgumentsTooLong, message)
        }
        libc::ETXTBSY => (StartErrorKind::Other, format!("{name} is open for writing elsewhere")),
        _ => (StartErrorKind::Other, format!("{name}: {reason}")),
    };
    failed(kind, message)
}

/// Returns the error for a missing program. An existing file that "does not exist" lacks its
/// interpreter.
fn not_found(program: &OsStr, launch: &Launch, existing: Option<&Path>) -> StartError {
    let name = quoted(program);
    let message = match existing.map(interpreter) {
        Some(Some(interpreter)) => {
            format!("no such program {}, which {name} names in its #! line", quoted(&interpreter))
        }
        Some(None) => format!("the loader that {name} needs does not exist"),
        None if !program.as_bytes().contains(&b'/') => match similar(program, &launch.env) {
            Some(similar) => format!("no such program {name}; did you mean {similar:?}?"),
            None => format!("no such program {name}"),
        },
        None if Path::new(program).is_relative() => {
            format!("no such program {name} in {}", quoted(launch.cwd.as_os_str()))
        }
        None => format!("no such program {name}"),
    };
    failed(StartErrorKind::ProgramNotFound, message)
}

fn head(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        let _ = file.take(256).read_to_end(&mut bytes);
    }
    bytes
}

pub(super) fn interpreter(path: &Path) -> Option<OsString> {
    let head = head(path);
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = line.trim_ascii_start().split(|byte| matches!(byte, b' ' | b'\t')).next()?;
    // A CRLF line end is the most common reason; the quotes in the message show it.
    Some(OsString::from_vec(word.to_vec()))
}

/// Returns the program in `PATH` with the most similar name: takes a millisecond for 2,000 programs,
/// and runs only after a failed start.
fn similar(program: &OsStr, env: &[(OsString, OsString)]) -> Option<String> {
    let program = program.to_str()?;
    let folders: BTreeSet<&[u8]> = path_of(env).as_bytes().split(|byte| *byte == b':').collect();
    let mut best: Option<(Distance, String)> = None;
    for folder in folders.into_iter().filter(|folder| folder.starts_with(b"/")) {
        let Ok(entries) = fs::read_dir(OsStr::from_bytes(folder)) else { continue };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Some(distance) = distance(program, &name) else { continue };
            let found = (distance, name);
            if best.as_ref().is_none_or(|best| found < *best) && is_program(&entry.path()) {
                best = Some(found);
            }
        }
    }
    best.map(|(_, name)| name)
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && has_execute_bit(&meta))
}

fn has_execute_bit(meta: &fs::Metadata) -> bool {
    meta.permissions().mode() & 0o111 != 0
}
