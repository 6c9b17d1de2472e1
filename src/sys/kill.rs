//! Sending signals by number.
#![expect(unsafe_code, reason = "rustix gives real-time signals only by an unchecked number")]

use std::io;

use rustix::process::{
    Pid, PidfdFlags, kill_process, kill_process_group, pidfd_open, pidfd_send_signal,
    test_kill_process,
};

use super::proc::{self, Stat};
use crate::spec::Signal;

fn raw(signal: Signal) -> rustix::process::Signal {
    // SAFETY: a number from 1 to 64. It is sent only; signals that the C library reserves for
    // itself (32 and 33) are sent if the user names them, as by the command `kill`.
    unsafe { rustix::process::Signal::from_raw_unchecked(signal.number()) }
}

/// Converts a pid; an error of kind `InvalidInput` if no process can have it.
pub(super) fn pid_of(number: u32) -> io::Result<Pid> {
    let pid = i32::try_from(number).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Whether `error` says that the process or group does not exist (any more).
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESRCH)
}

/// Takes it for a success that the process or group does not exist.
pub(super) fn unless_gone(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if is_gone(&error) { Ok(()) } else { Err(error) })
}

/// Signals a process group. The caller makes sure that its leader has not been reaped.
pub(super) fn signal_group(leader: u32, signal: Signal) -> io::Result<()> {
    let leader = pid_of(leader)?;
    if leader.is_init() {
        // The kernel takes -1 for "every process".
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(kill_process_group(leader, raw(signal))?)
}

/// Signals one process by number; for a child that has not been reaped.
pub(super) fn signal_pid(pid: u32, signal: Signal) -> io::Result<()> {
    Ok(kill_process(pid_of(pid)?, raw(signal))?)
}

/// Whether this process could be signalled; for a child that has not been reaped.
pub(super) fn may_signal(pid: u32) -> io::Result<()> {
    unless_gone(test_kill_process(pid_of(pid)?).map_err(io::Error::from))
}

/// Signals exactly the process that `stat` describes.
///
/// The pidfd pins the process that has the pid now; if its start time still equals the one in `stat`,
/// it is the same process.
pub(super) fn signal_process(stat: &Stat, signal: Signal) -> io::Result<()> {
    let gone = || io::Error::from_raw_os_error(libc::ESRCH);
    let fd = pidfd_open(pid_of(stat.pid).map_err(|_| gone())?, PidfdFlags::empty())?;
    match proc::stat(stat.pid) {
        Some(now) if now.start == stat.start => Ok(pidfd_send_signal(fd, raw(signal))?),
        _ => Err(gone()),
    }
}
