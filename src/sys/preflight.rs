//! Preflight check: finds out whether a launch would fail, so that a healthy run is not ended for one
//! that cannot start.
//!
//! A check can hang on a dead network folder. So it runs on a separate thread, with a short time limit.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::Launch;
use super::exec::{ExecFailure, ExecPlan, ExecStep};
use super::{launch_plan, spawn};
use crate::spec::StartError;

/// The maximum duration of a check.
const LIMIT: Duration = Duration::from_millis(200);
/// If this many checks hang, further ones are skipped.
const MAX_HANGING: usize = 4;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Returns why this launch would fail, as far as that can be seen. Takes at most a fifth of a second.
pub(super) fn check(launch: Launch, descriptors: usize) -> Result<(), StartError> {
    if RUNNING.load(Ordering::Relaxed) >= MAX_HANGING {
        return Ok(());
    }
    let (answer, answered) = mpsc::channel();
    RUNNING.fetch_add(1, Ordering::Relaxed);
    let work = move || {
        let result = check_now(&launch, descriptors);
        RUNNING.fetch_sub(1, Ordering::Relaxed);
        // The receiver is gone after the time limit.
        _ = answer.send(result);
    };
    if thread::Builder::new().name("pitcrew-check".to_owned()).spawn(work).is_err() {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
        return Ok(());
    }
    answered.recv_timeout(LIMIT).unwrap_or(Ok(()))
}

fn check_now(launch: &Launch, descriptors: usize) -> Result<(), StartError> {
    // Descriptors of the run to be ended do not count: another waiting start may take them.
    spawn::ensure_reserve(descriptors)
        .map_err(|error| launch_plan::resource("cannot create its pipes", &error))?;
    let plan = launch_plan::plan(launch)?;
    let failure = check_folder(&launch.cwd).or_else(|| check_program(&launch.cwd, &plan));
    failure.map_or(Ok(()), |failure| Err(launch_plan::error(failure, launch, &plan)))
}

fn check_folder(cwd: &Path) -> Option<ExecFailure> {
    let errno = match fs::metadata(cwd) {
        Ok(meta) if !meta.is_dir() => libc::ENOTDIR,
        Ok(_) if !may_execute(cwd) => libc::EACCES,
        Ok(_) => return None,
        Err(error) => errno(&error),
    };
    Some(ExecFailure { step: ExecStep::Cwd, errno, candidate: 0 })
}

/// Checks the candidates in the order in which exec tries them.
fn check_program(cwd: &Path, plan: &ExecPlan) -> Option<ExecFailure> {
    let mut failure = ExecFailure { step: ExecStep::Exec, errno: libc::ENOENT, candidate: 0 };
    for (candidate, path) in plan.candidates.as_slice().iter().enumerate() {
        let path = cwd.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
        let errno = match fs::metadata(&path) {
            Ok(meta) if meta.is_file() && may_execute(&path) => {
                let interpreter = launch_plan::interpreter(&path)?;
                return (!cwd.join(interpreter).exists()).then_some(failure);
            }
            Ok(_) => libc::EACCES,
            Err(error) => errno(&error),
        };
        if errno == libc::EACCES && failure.errno != libc::EACCES {
            failure = ExecFailure { errno, candidate, ..failure };
        }
    }
    Some(failure)
}

fn may_execute(path: &Path) -> bool {
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::spec::StartErrorKind;
    use crate::sys::{OutputFd, StdinTarget};

    fn check_argv(argv: &[&str], cwd: &Path) -> Result<(), StartErrorKind> {
        let launch = Launch {
            argv: argv.iter().map(Into::into).collect(),
            cwd: cwd.to_owned(),
            env: vec![("PATH".into(), "/nonexistent:/bin:/usr/bin".into())],
            stdin: StdinTarget::Null,
            stdout: OutputFd::Null,
            stderr: OutputFd::Null,
            foreground: false,
            terminal: None,
        };
        check(launch, 1).map_err(|error| error.kind)
    }

    #[test]
    fn what_would_fail_is_seen_and_what_would_not_passes() {
        let base = tempfile::tempdir().unwrap();
        let at = base.path();
        assert_eq!(check_argv(&["sh", "-c", "x"], at), Ok(()));
        assert_eq!(check_argv(&["/bin/sh"], at), Ok(()));
        assert_eq!(check_argv(&["no-such-program"], at), Err(StartErrorKind::ProgramNotFound));
        assert_eq!(check_argv(&["sh"], &at.join("none")), Err(StartErrorKind::CwdNotFound));
        fs::write(at.join("file"), "").unwrap();
        assert_eq!(check_argv(&["sh"], &at.join("file")), Err(StartErrorKind::CwdNotFound));
        assert_eq!(check_argv(&["./file"], at), Err(StartErrorKind::NotExecutable));
        fs::write(at.join("script"), "#!/no/such/shell\n").unwrap();
        fs::set_permissions(at.join("script"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(check_argv(&["./script"], at), Err(StartErrorKind::ProgramNotFound));
        fs::write(at.join("script"), "#!/bin/sh\n").unwrap();
        assert_eq!(check_argv(&["./script"], at), Ok(()));
    }
}
