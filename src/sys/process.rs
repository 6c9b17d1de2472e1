//! What the *program* does to its own process before it does anything else. The library never
//! calls this: a process belongs to whoever wrote its `main`.
#![expect(unsafe_code, reason = "close_range, sigaction and a signal mask, which rustix lacks")]

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Resource, Rlimit, getpid, getrlimit, setrlimit};

/// Makes orphans below this process come to it instead of to pid 1. Not inherited by a fork.
pub fn set_subreaper() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(getpid()))?)
}

/// Whether orphans come to this process.
pub fn is_subreaper() -> io::Result<bool> {
    Ok(rustix::process::child_subreaper()?.is_some())
}

/// Raises the soft limit of open descriptors to the hard one: a process costs three. Gives the
/// soft limit as it was, which the children are to get back; `None` means unlimited.
pub fn raise_descriptor_limit() -> io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(current)
}

/// Makes every inherited descriptor above 2 close on exec. Before Linux 5.11, where that cannot be
/// done in one call, nothing happens: the children close theirs anyway.
pub fn seal_descriptors() {
    // SAFETY: changes a flag of descriptors; none is closed.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
}

/// Names this thread; for the first one that is the process in `ps` and for `pkill`. Fifteen bytes
/// at most are kept.
pub fn set_name(name: &CStr) -> io::Result<()> {
    Ok(rustix::thread::set_name(name)?)
}

/// Gives SIGCHLD its default again. Whoever starts us with it ignored would have the kernel reap
/// our children before we can ask how they ended.
pub fn default_child_signal() {
    // SAFETY: sets a disposition to its default; no handler is involved.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// The controlling terminal, if there is one.
pub(super) fn terminal() -> Option<OwnedFd> {
    File::options().read(true).write(true).open("/dev/tty").ok().map(OwnedFd::from)
}

/// Makes our own group the foreground group of the controlling terminal, after a child that was
/// launched with `foreground` has ended. No terminal is no error.
pub fn reclaim_terminal() -> io::Result<()> {
    let Some(terminal) = terminal() else { return Ok(()) };
    // SAFETY: sets of our own on the stack; the mask of this thread is put back. SIGTTOU is blocked
    // because a background group, which we are now, would be stopped by it.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before);
        let done = rustix::termios::tcsetpgrp(&terminal, rustix::process::getpgrp());
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        Ok(done?)
    }
}
