//! Prepares a start: turns a [`Launch`] into the arguments of exec, and failures into error messages.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Launch;
use super::exec::{CStringArray, ExecFailure, ExecPlan, ExecStep};
use super::proc::ProcessMarker;
use crate::spec::{Distance, StartError, StartErrorKind, distance};

/// The search path if the child has no `PATH`, as in execvp.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

fn failed(kind: StartErrorKind, message: impl Into<String>) -> StartError {
    StartError { kind, message: message.into() }
}

/// Prepares everything the child will need.
pub(super) fn plan(launch: &Launch) -> Result<ExecPlan, StartError> {
    let Some(program) = launch.argv.first().filter(|program| !program.is_empty()) else {
        return Err(failed(StartErrorKind::ProgramNotFound, "the command is empty"));
    };
    let argv = launch
        .argv
        .iter()
        .map(|argument| c_string(argument.as_bytes(), || format!("argument {}", quoted(argument))))
        .collect::<Result<Vec<_>, _>>()?;
    let env = launch.env.iter().map(variable).collect::<Result<Vec<_>, _>>()?;
    let cwd = c_string(launch.cwd.as_os_str().as_bytes(), || "the working folder".to_owned())?;
    let candidates = candidates(program, &launch.env)
        .into_iter()
        .map(|path| c_string(path.as_os_str().as_bytes(), || "the program".to_owned()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ExecPlan::new(
        CStringArray::new(argv),
        CStringArray::new(env),
        CStringArray::new(candidates),
        cwd,
    ))
}

fn c_string(
    bytes: impl Into<Vec<u8>>,
    what: impl FnOnce() -> String,
) -> Result<CString, StartError> {
    CString::new(bytes).map_err(|_| {
        failed(
            StartErrorKind::Other,
            format!(
                "{} contains a NUL byte, which is not allowed in arguments and variables",
                what()
            ),
        )
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

/// Returns the message of the system, without std's "(os error 2)".
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text.get(..at).unwrap_or_default().to_lowercase(),
        None => text,
    }
}

fn quoted(text: &OsStr) -> String {
    let shown: String = text.to_string_lossy().chars().take(100).collect();
    format!("{shown:?}")
}

/// Returns the error for a failure reported by the child.
pub(super) fn error(failure: ExecFailure, launch: &Launch, plan: &ExecPlan) -> StartError {
    let system = io::Error::from_raw_os_error(failure.errno);
    let words = reason(&system);
    if is_shortage(failure.errno) {
        return failed(StartErrorKind::ResourceLimit, words);
    }
    match failure.step {
        ExecStep::Cwd => folder_error(failure.errno, launch.cwd.as_os_str(), &words),
        ExecStep::Exec => exec_error(failure, launch, plan, &words),
        ExecStep::Setup => failed(StartErrorKind::Other, format!("its set-up failed: {words}")),
        ExecStep::Descriptors => failed(StartErrorKind::Other, format!("its descriptors: {words}")),
    }
}

fn folder_error(errno: i32, cwd: &OsStr, words: &str) -> StartError {
    let cwd = quoted(cwd);
    match errno {
        libc::ENOENT => {
            failed(StartErrorKind::CwdNotFound, format!("the working folder {cwd} does not exist"))
        }
        libc::ENOTDIR => {
            failed(StartErrorKind::CwdNotFound, format!("the working folder {cwd} is not a folder"))
        }
        libc::EACCES => {
            let message = format!("the working folder {cwd} is not accessible: {words}");
            failed(StartErrorKind::NotExecutable, message)
        }
        _ => failed(StartErrorKind::CwdNotFound, format!("the working folder {cwd}: {words}")),
    }
}

fn exec_error(failure: ExecFailure, launch: &Launch, plan: &ExecPlan, words: &str) -> StartError {
    let program = launch.argv.first().map(OsString::as_os_str).unwrap_or_default();
    let at = |candidate: &CString| launch.cwd.join(OsStr::from_bytes(candidate.as_bytes()));
    let decisive = plan.candidates.as_slice().get(failure.candidate).map(at).unwrap_or_default();
    let name = quoted(program);
    match failure.errno {
        libc::ENOENT | libc::ENOTDIR => {
            let there = plan.candidates.as_slice().iter().map(at).find(|path| path.is_file());
            not_found(program, launch, there.as_deref())
        }
        // An inaccessible folder of PATH gives this error for any program searched in it.
        libc::EACCES if !program.as_bytes().contains(&b'/') && !is_there(plan, at) => {
            not_found(program, launch, None)
        }
        libc::EACCES if decisive.is_dir() => {
            failed(StartErrorKind::NotExecutable, format!("{name} is a folder, not a program"))
        }
        libc::EACCES
            if fs::metadata(&decisive).is_ok_and(|m| m.permissions().mode() & 0o111 == 0) =>
        {
            let message = format!("{name} is not executable; run `chmod +x` on it");
            failed(StartErrorKind::NotExecutable, message)
        }
        libc::EACCES | libc::EPERM => {
            failed(StartErrorKind::NotExecutable, format!("{name} may not be executed: {words}"))
        }
        libc::ENOEXEC => {
            let why = match head(&decisive).as_slice() {
                [] => "it is empty",
                [0x7f, b'E', b'L', b'F', ..] => "it is built for another architecture",
                _ => "it has no #! line",
            };
            failed(StartErrorKind::NotExecutable, format!("{name} is not a program: {why}"))
        }
        libc::E2BIG => failed(
            StartErrorKind::ArgumentsTooLong,
            format!("arguments and environment of {name} are too long for the kernel"),
        ),
        libc::ETXTBSY => {
            failed(StartErrorKind::Other, format!("{name} is open for writing elsewhere"))
        }
        _ => failed(StartErrorKind::Other, format!("{name}: {words}")),
    }
}

/// Whether any of the tried candidates exists.
fn is_there(plan: &ExecPlan, at: impl Fn(&CString) -> PathBuf) -> bool {
    plan.candidates.as_slice().iter().any(|one| fs::symlink_metadata(at(one)).is_ok())
}

/// An existing file that "does not exist" lacks its interpreter.
fn not_found(program: &OsStr, launch: &Launch, there: Option<&Path>) -> StartError {
    let name = quoted(program);
    let message = match there {
        Some(path) => match interpreter(path) {
            Some(wanted) => {
                format!("no such program {}, which {name} names in its #! line", quoted(&wanted))
            }
            None => format!("the loader that {name} needs does not exist"),
        },
        None if program.as_bytes().contains(&b'/') => {
            let folder = quoted(launch.cwd.as_os_str());
            let relative = Path::new(program).is_relative();
            if relative {
                format!("no such program {name} in {folder}")
            } else {
                format!("no such program {name}")
            }
        }
        None => match similar(program, &launch.env) {
            Some(other) => format!("no such program {name}; did you mean {other:?}?"),
            None => format!("no such program {name}"),
        },
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
    // A CRLF line end is the most common reason; the quotes will show it.
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
            let nearer = best
                .as_ref()
                .is_none_or(|(least, other)| (distance, name.as_str()) < (*least, other.as_str()));
            if nearer && is_program(&entry.path()) {
                best = Some((distance, name));
            }
        }
    }
    best.map(|(_, name)| name)
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}
