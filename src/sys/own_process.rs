//! Changes that the *program* makes to its own process at the start: signals, limits, terminal, process
//! group. The library never calls this: a process belongs to the author of its `main`.
#![expect(unsafe_code, reason = "close_range, inherited descriptors and raise, which rustix lacks")]

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::fs::{MemfdFlags, Mode, OFlags, fcntl_getfl, fcntl_setfl, memfd_create, open};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, WaitId, WaitIdOptions, getpid, getrlimit, pidfd_open,
    setrlimit, waitid,
};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::deadline::pause;
use super::signal_set::{self, SignalSet};
use super::{kill, proc};
use crate::spec::Signal;

/// Returns the number of columns of a terminal; `None` if it is not a terminal.
pub fn terminal_width(terminal: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Makes this process a subreaper: orphans below it are re-parented to it instead of pid 1. Not
/// inherited by a fork.
pub fn set_subreaper() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(getpid()))?)
}

/// Whether this process is a subreaper.
pub fn is_subreaper() -> io::Result<bool> {
    Ok(rustix::process::child_subreaper()?.is_some())
}

/// Whether orphans of this process's tree become its children.
pub(super) fn adopts_orphans() -> bool {
    std::process::id() == 1 || matches!(is_subreaper(), Ok(true))
}

/// Raises the soft limit of open descriptors to the hard one, because a process needs three. Returns
/// the previous soft limit, which children get again; `None` means unlimited.
pub fn raise_descriptor_limit() -> io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(current)
}

/// Returns the limit of open descriptors; `None` if there is no limit.
pub fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// How many descriptors this process can be allowed to have open; `None` if there is no limit.
pub fn hard_descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Marks every inherited descriptor above 2 close-on-exec, so that a project in the background holds
/// nothing of the caller: no pipe whose end is awaited, no lock.
pub fn seal_descriptors() {
    // SAFETY: changes a flag of descriptors; none is closed.
    let sealed = unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
    if sealed == 0 {
        return;
    }
    // Before Linux 5.11 each descriptor needs a call.
    for entry in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number.filter(|number: &libc::c_int| *number > 2) {
            // SAFETY: changes a flag of a descriptor; none is closed.
            unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
}

/// Takes ownership of an inherited descriptor above 2.
pub fn take_inherited(number: i32) -> io::Result<OwnedFd> {
    // SAFETY: only asks for a flag.
    if number <= 2 || unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is open, and by the contract of this function nothing else owns it.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(number) })
}

/// Creates a file in memory with this text, which a child program can inherit.
pub fn inheritable_text(text: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("procfile", MemfdFlags::empty())?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file)
}

/// Names this thread; for the first thread that is the process name in `ps` and for `pkill`. At most
/// fifteen bytes are kept.
pub fn set_name(name: &CStr) -> io::Result<()> {
    Ok(rustix::thread::set_name(name)?)
}

/// Resets SIGCHLD to its default. If a parent had it ignored, the kernel would reap our children
/// before we can ask how they ended.
pub fn default_child_signal() {
    signal_set::reset(libc::SIGCHLD);
}

/// The controlling terminal, if there is one.
pub(super) fn terminal() -> Option<OwnedFd> {
    File::options().read(true).write(true).open("/dev/tty").ok().map(OwnedFd::from)
}

/// The process group that the shell knows as its job, set by [`remember_job`].
static JOB: OnceLock<Option<Pid>> = OnceLock::new();

/// Remembers our group as that of the job, before the engine gets a separate one.
pub(super) fn remember_job() {
    _ = JOB.set(own_group());
}

/// The group of the job. `None` if its leader is outside of our pid namespace, where it has no pid.
fn job() -> Option<Pid> {
    JOB.get().copied().unwrap_or_else(own_group)
}

fn own_group() -> Option<Pid> {
    kill::pid_of(proc::stat(std::process::id())?.group).ok()
}

/// The process group id of this process; 0 if its leader is outside of the pid namespace, which
/// rustix considers impossible.
pub(super) fn group_id() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getpgrp() }.unsigned_abs()
}

/// Makes this process lead a separate process group. Terminal signals for the job then arrive through
/// the guardian, and this process may write to the terminal and change its foreground group although
/// it is never in it; see [`wait_for_terminal`].
pub(super) fn lead_own_group() -> io::Result<()> {
    // A session leader already leads a group.
    if group_id() != std::process::id() {
        rustix::process::setpgid(None, None)?;
    }
    // SAFETY: sets a disposition; no handler is involved. Children get the default at their start.
    unsafe { libc::signal(libc::SIGTTOU, libc::SIG_IGN) };
    Ok(())
}

/// Makes the job the foreground group of the controlling terminal again, after a child launched with
/// `foreground` has ended. It is no error if there is no terminal.
pub fn reclaim_terminal() -> io::Result<()> {
    set_foreground(job())
}

fn set_foreground(group: Option<Pid>) -> io::Result<()> {
    let (Some(terminal), Some(group)) = (terminal(), group) else { return Ok(()) };
    // SIGTTOU would stop a background group, which this may be now.
    let before = SignalSet::of([libc::SIGTTOU]).block()?;
    let done = tcsetpgrp(&terminal, group);
    before.set_as_mask()?;
    Ok(done?)
}

/// Makes the group of this process the foreground group of the controlling terminal, so that it may read and
/// gets the signals of the terminal. It is no error if there is no terminal. A read in the background is an
/// error from now on and does not stop the process: after a stop, the reader may continue before this is
/// called again.
pub(super) fn take_terminal() -> io::Result<()> {
    // SAFETY: sets a disposition; no handler is involved. Children get the default at their start.
    unsafe { libc::signal(libc::SIGTTIN, libc::SIG_IGN) };
    set_foreground(kill::pid_of(group_id()).ok())
}

/// Whether the group of the job is the foreground group of the controlling terminal.
pub fn in_foreground() -> bool {
    let group = terminal().and_then(|terminal| tcgetpgrp(&terminal).ok());
    group.is_some() && group == job()
}

/// Whether a write to this terminal should stop the program: the job is in the background, and
/// `stty tostop` is set. The kernel checks this only for the group that writes.
fn waits_for_terminal(terminal: impl AsFd) -> bool {
    use rustix::termios::{LocalModes, tcgetattr};
    let Ok(modes) = tcgetattr(&terminal) else { return false };
    modes.local_modes.contains(LocalModes::TOSTOP)
        // An error if it is not our controlling terminal: then the job is not in its background.
        && tcgetpgrp(&terminal).is_ok_and(|group| Some(group) != job())
}

/// Waits until this process may write to the terminal on its standard output or error. Until then it
/// is stopped like other programs in the background.
pub fn wait_for_terminal() {
    const INTERVAL: Duration = Duration::from_millis(50);
    let (out, err) = (rustix::stdio::stdout(), rustix::stdio::stderr());
    while waits_for_terminal(out) || waits_for_terminal(err) {
        // The signal of Ctrl-Z, so that timers are suspended first.
        if let Some(signal) = Signal::from_number(libc::SIGTSTP) {
            _ = kill::signal_pid(std::process::id(), signal);
        }
        pause(INTERVAL);
    }
}

/// Makes the group of a stopped child the foreground group again and continues it, if the job was
/// brought to the foreground.
pub fn hand_terminal_to(pid: u32) -> io::Result<()> {
    let (Some(terminal), Ok(group)) = (terminal(), kill::pid_of(pid)) else { return Ok(()) };
    if in_foreground() {
        tcsetpgrp(&terminal, group)?;
    }
    Ok(rustix::process::kill_process_group(group, rustix::process::Signal::CONT)?)
}

/// Whether a child is stopped (as by Ctrl-Z), without consuming that status.
pub fn is_stopped(pid: u32) -> bool {
    let Ok(pid) = kill::pid_of(pid) else { return false };
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status = waitid(WaitId::Pid(pid), options).ok().flatten();
    status.is_some_and(|status| status.stopped())
}

/// Stops this process until it is continued; does not return before that.
pub fn stop_self() {
    // SAFETY: signals this thread. One sent to the process might be taken by another thread, and
    // this thread would continue for a moment.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// Runs a program on this terminal until it ends. Ctrl-Z in it stops us too, because both are one job
/// of the shell; handling it here would leave the shell waiting for a half-stopped job.
pub fn run_beside(command: &mut Command) -> io::Result<std::process::ExitStatus> {
    // SAFETY: the disposition is put back as it was; the structure is plain data.
    unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        let mut usual: libc::sigaction = std::mem::zeroed();
        usual.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(libc::SIGTSTP, &raw const usual, &raw mut before);
        let status = command.status();
        libc::sigaction(libc::SIGTSTP, &raw const before, std::ptr::null_mut());
        status
    }
}

/// Whether a signal to pitcrew was ignored at the start and stays so, as by `nohup`.
pub fn stays_ignored(signal: Signal) -> bool {
    hang_up_stays_ignored(signal.number(), signal_set::is_ignored(signal.number()))
}

/// A SIGHUP that was ignored when we were started (nohup) stays ignored. SIGINT does not: a shell
/// without job control ignores it in everything started with `&`, without being asked to.
pub(super) fn hang_up_stays_ignored(number: i32, is_ignored: bool) -> bool {
    is_ignored && number == libc::SIGHUP
}

/// Ends this process by a signal, so that its parent sees it; returns only if the signal does not end
/// the process.
pub fn end_by(signal: Signal) {
    signal_set::reset(signal.number());
    _ = SignalSet::of([signal.number()]).unblock();
    // SAFETY: sends a signal to this thread.
    unsafe { libc::raise(signal.number()) };
}

/// Sends a signal to a child that has not been waited for, so that its pid has not been reused.
pub fn send(child: &std::process::Child, signal: Signal) -> io::Result<()> {
    kill::signal_pid(child.id(), signal)
}

/// Makes a command lead a new session, detached from this terminal.
pub fn in_own_session(command: &mut Command) {
    // SAFETY: one system call between fork and exec.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}

/// Lets a command inherit these descriptors under the same numbers.
pub fn keep_descriptors(command: &mut Command, descriptors: Vec<RawFd>) {
    // SAFETY: one system call for each between fork and exec; none is closed, and one that is not
    // open is an error that is passed over.
    unsafe {
        command.pre_exec(move || {
            for descriptor in &descriptors {
                libc::fcntl(*descriptor, libc::F_SETFD, 0);
            }
            Ok(())
        });
    }
}

/// Waits for the end of a process that is not a child.
#[derive(Debug)]
pub struct ProcessExitWatch(OwnedFd);

impl ProcessExitWatch {
    pub fn of(pid: u32) -> io::Result<Self> {
        Ok(Self(pidfd_open(kill::pid_of(pid)?, PidfdFlags::NONBLOCK)?))
    }

    /// Waits until it has ended. Cancel safe. Needs a runtime with I/O.
    pub async fn exited(self) -> io::Result<()> {
        readable(self.0.as_fd()).await
    }
}

/// Waits until a descriptor is readable, or the other end of its pipe is closed. Cancel safe. Needs a
/// runtime with I/O.
pub(super) async fn readable(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the borrow keeps the descriptor open until the end of this function.
    let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
    let _ = fd.readable().await?;
    Ok(())
}

/// Opens a file for appending, and creates it if necessary. Opening does not block on a FIFO without a
/// reader, which is an error; writing may block.
pub fn append_without_waiting(path: &Path) -> io::Result<File> {
    open_without_waiting(path, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE).map(File::from)
}

/// Opens a file without waiting for the other end of a FIFO; reads and writes may block.
pub(super) fn open_without_waiting(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = open(path, flags, Mode::from_raw_mode(0o666))?;
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::hang_up_stays_ignored;

    #[test]
    fn only_a_hang_up_stays_ignored() {
        assert!(
            hang_up_stays_ignored(libc::SIGHUP, true)
                && !hang_up_stays_ignored(libc::SIGHUP, false)
        );
        assert!(
            !hang_up_stays_ignored(libc::SIGINT, true)
                && !hang_up_stays_ignored(libc::SIGTERM, true)
        );
    }
}
