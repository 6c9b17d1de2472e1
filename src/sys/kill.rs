//! Sending signals by number; rustix supports named signals only.
#![expect(unsafe_code, reason = "kill and pidfd_send_signal with any signal number")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::proc::{self, Stat};
use crate::spec::Signal;

fn check(result: libc::c_long) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether `error` says that the process or group does not exist (any more).
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESRCH)
}

/// Signals a process group. The caller makes sure that its leader has not been reaped.
pub(super) fn group(leader: u32, signal: Signal) -> io::Result<()> {
    let Ok(leader @ 2..) = i32::try_from(leader) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // SAFETY: kill touches no memory; the number is above 1, so never "everybody" or our own group.
    check(unsafe { libc::kill(-leader, signal.number()) }.into())
}

/// Signals one process by number; for a child that has not been reaped.
pub(super) fn pid(pid: u32, signal: Signal) -> io::Result<()> {
    let Ok(pid @ 1..) = i32::try_from(pid) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // SAFETY: kill touches no memory; the number is positive, so it names one process.
    check(unsafe { libc::kill(pid, signal.number()) }.into())
}

/// Whether this process could be signalled; for a child that has not been reaped.
pub(super) fn may_signal(pid: u32) -> io::Result<()> {
    let Ok(pid @ 1..) = i32::try_from(pid) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // SAFETY: kill touches no memory, and signal 0 does nothing.
    match check(unsafe { libc::kill(pid, 0) }.into()) {
        Err(error) if is_gone(&error) => Ok(()),
        done => done,
    }
}

/// Signals the process of a pidfd.
pub(super) fn pidfd(fd: impl AsFd, signal: Signal) -> io::Result<()> {
    // SAFETY: the descriptor is open for the call; the absent siginfo is allowed.
    check(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            fd.as_fd().as_raw_fd(),
            signal.number(),
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    })
}

/// Signals exactly the process that `seen` describes.
///
/// The pidfd pins the process that has the pid now; if its start time still equals the one seen
/// before, it is the same process.
pub(super) fn seen(seen: &Stat, signal: Signal) -> io::Result<()> {
    let gone = || io::Error::from_raw_os_error(libc::ESRCH);
    let number = i32::try_from(seen.pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
    let fd = pidfd_open(number, PidfdFlags::empty())?;
    match proc::stat(seen.pid) {
        Some(now) if now.start == seen.start => pidfd(&fd, signal),
        _ => Err(gone()),
    }
}
