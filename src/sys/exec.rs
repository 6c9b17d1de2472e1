//! Child side of a start: everything between clone and exec.
//!
//! The child shares our memory while the calling thread is suspended (as with vfork), in a process
//! with other threads. So this code does not allocate, lock or panic: everything is prepared before,
//! and only system calls are made. This avoids the cost of a fork (14 ms at 64 MiB resident, 200 to
//! 400 ms at 1 GiB).
#![expect(unsafe_code, reason = "runs between clone and exec, where only system calls may be made")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicUsize, Ordering};

/// The step of a start that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExecStep {
    /// Joining its own group or session, or the limit of descriptors.
    Setup,
    /// Entering the working folder.
    Cwd,
    /// Descriptors 0, 1 and 2.
    Descriptors,
    /// Becoming the program.
    Exec,
}

/// Strings and the null-terminated array of pointers that exec takes.
#[derive(Debug)]
pub(super) struct CStringArray {
    owned: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl FromIterator<CString> for CStringArray {
    fn from_iter<I: IntoIterator<Item = CString>>(strings: I) -> Self {
        let owned: Vec<CString> = strings.into_iter().collect();
        let pointers = owned.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
        Self { owned, pointers }
    }
}

impl CStringArray {
    pub(super) fn as_slice(&self) -> &[CString] {
        &self.owned
    }
}

/// Everything the child needs.
#[derive(Debug)]
pub(super) struct ExecPlan {
    pub(super) argv: CStringArray,
    pub(super) env: CStringArray,
    /// Paths to try in turn, as execvp does.
    pub(super) candidates: CStringArray,
    pub(super) cwd: CString,
    /// The sources of descriptors 0, 1 and 2: a descriptor above 2, or `None` to keep ours.
    pub(super) stdio: [Option<RawFd>; 3],
    /// The controlling terminal whose foreground group the child becomes.
    pub(super) terminal: Option<RawFd>,
    /// Whether the child leads a session whose controlling terminal is its descriptor 0.
    pub(super) is_session: bool,
    /// Our own pid: a child with another parent lost us before it set its parent-death signal.
    pub(super) parent: libc::pid_t,
    /// The soft limit of descriptors that pitcrew was started with, and the hard one.
    pub(super) nofile: Option<libc::rlimit>,
    pub(super) report: FailureReport,
}

/// Where the child reports a failure.
#[derive(Debug, Default)]
pub(super) struct FailureReport {
    /// 0 = success; otherwise `ExecStep` + 1.
    step: AtomicI32,
    errno: AtomicI32,
    candidate: AtomicUsize,
}

/// A failed start, as reported by the child.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExecFailure {
    pub(super) step: ExecStep,
    pub(super) errno: c_int,
    /// The index of the candidate whose error is reported.
    pub(super) candidate: usize,
}

impl ExecPlan {
    /// Returns the failure, once the child has executed the program or ended.
    pub(super) fn failure(&self) -> Option<ExecFailure> {
        let step = match self.report.step.load(Ordering::Acquire) {
            0 => return None,
            1 => ExecStep::Setup,
            2 => ExecStep::Cwd,
            3 => ExecStep::Descriptors,
            _ => ExecStep::Exec,
        };
        Some(ExecFailure {
            step,
            errno: self.report.errno.load(Ordering::Acquire),
            candidate: self.report.candidate.load(Ordering::Acquire),
        })
    }
}

/// The argument of the child's entry function.
pub(super) struct ChildArguments<'a> {
    pub(super) plan: &'a ExecPlan,
    /// Where the child stores its pid first, see `Registry`.
    pub(super) launching: &'a AtomicI64,
}

/// The entry function of the child, only for `clone`: `arguments` points to [`ChildArguments`] that
/// outlive the call, which `CLONE_VFORK` ensures. Not an `unsafe fn` because `clone` takes none.
pub(super) extern "C" fn child(arguments: *mut c_void) -> c_int {
    // SAFETY: by the contract above, which the only caller keeps; only atomics are written through it.
    let arguments = unsafe { &*arguments.cast::<ChildArguments<'_>>() };
    // SAFETY: getpid has no conditions.
    let pid = unsafe { libc::getpid() };
    arguments.launching.store(pid.into(), Ordering::Release);
    let plan = arguments.plan;
    let (step, errno) = become_program(plan, pid);
    plan.report.errno.store(errno, Ordering::Release);
    plan.report.step.store(step as c_int + 1, Ordering::Release);
    // SAFETY: ends only this process, without running anything of the shared memory.
    unsafe { libc::_exit(127) }
}

fn errno() -> c_int {
    // SAFETY: the location is that of the thread that is suspended meanwhile.
    unsafe { *libc::__errno_location() }
}

/// Becomes the program; returns only on failure.
fn become_program(plan: &ExecPlan, pid: libc::pid_t) -> (ExecStep, c_int) {
    // SAFETY: system calls on numbers and on memory of `plan`, which outlives this process's use
    // of it. The descriptor table, the dispositions and the mask are this process's own.
    unsafe {
        // A session comes with a group that has the same id. It cannot fail: a new process leads no group.
        let joined = if plan.is_session { libc::setsid() } else { libc::setpgid(0, 0) };
        if joined == -1 {
            return (ExecStep::Setup, errno());
        }
        if let Some(terminal) = plan.terminal {
            // Every signal is blocked, SIGTTOU too, so a background group may do this. The start does
            // not fail if the terminal no longer exists.
            libc::ioctl(terminal, libc::TIOCSPGRP, &raw const pid);
        }
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != plan.parent {
            return (ExecStep::Setup, libc::ESRCH);
        }
        default_dispositions();
        if let Some(limit) = &plan.nofile
            && libc::setrlimit(libc::RLIMIT_NOFILE, limit) != 0
        {
            return (ExecStep::Setup, errno());
        }
        if libc::chdir(plan.cwd.as_ptr()) != 0 {
            return (ExecStep::Cwd, errno());
        }
        for (target, source) in (0..).zip(&plan.stdio) {
            let result = match source {
                Some(source) => libc::dup2(*source, target),
                None => libc::fcntl(target, libc::F_SETFD, 0),
            };
            if result == -1 && source.is_some() {
                return (ExecStep::Descriptors, errno());
            }
        }
        // Makes the leader's group the foreground group as well.
        if plan.is_session && libc::ioctl(0, libc::TIOCSCTTY, 0) != 0 {
            return (ExecStep::Descriptors, errno());
        }
        // The table is a copy. Before Linux 5.9 there is no such call; ours are close-on-exec.
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
        let no_signals = 0_u64;
        let set = libc::SYS_rt_sigprocmask;
        libc::syscall(set, libc::SIG_SETMASK, &raw const no_signals, 0_usize, 8);
    }
    (ExecStep::Exec, exec(plan))
}

/// Resets every signal to its default. Uses the bare system call, because the C library refuses to
/// touch 32 and 33, which it uses itself; a structure of zeros is `SIG_DFL` whatever its layout.
///
/// Signals that the terminal sent to our group before the child left it are discarded by ignoring
/// them for a moment: a child stopped by Ctrl-Z before exec would block the thread that waits for it.
fn default_dispositions() {
    let default = [0_u64; 8];
    let ignore = [1_u64, 0, 0, 0, 0, 0, 0, 0];
    let terminal =
        [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, libc::SIGINT, libc::SIGQUIT, libc::SIGHUP];
    for number in terminal {
        // SAFETY: reads `ignore`, which is larger than any kernel's sigaction. The table of
        // dispositions is this process's own.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, number, ignore.as_ptr(), 0_usize, 8) };
    }
    for number in 1..=64 {
        // SAFETY: as above; SIGKILL and SIGSTOP only fail.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, number, default.as_ptr(), 0_usize, 8) };
    }
}

/// Tries the candidates as execvp does; returns the error to report.
fn exec(plan: &ExecPlan) -> c_int {
    let mut decisive = libc::ENOENT;
    for (index, path) in plan.candidates.owned.iter().enumerate() {
        // SAFETY: a string and two null-terminated arrays of strings, which live in `plan`.
        let error = unsafe {
            libc::execve(path.as_ptr(), plan.argv.pointers.as_ptr(), plan.env.pointers.as_ptr());
            errno()
        };
        match error {
            libc::ENOENT | libc::ENOTDIR | libc::ENODEV | libc::ESTALE | libc::ETIMEDOUT => {}
            libc::EACCES => {
                if decisive != libc::EACCES {
                    plan.report.candidate.store(index, Ordering::Release);
                }
                decisive = libc::EACCES;
            }
            other => {
                plan.report.candidate.store(index, Ordering::Release);
                return other;
            }
        }
    }
    decisive
}
