//! Changes that the *program* makes to its own process at the start: signals, limits, terminal, process
//! group. The library never calls this: a process belongs to the author of its `main`.
#![expect(unsafe_code, reason = "close_range, sigaction and a signal mask, which rustix lacks")]

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getpid, getrlimit, setrlimit};

use super::deadline::pause;
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
    use rustix::fs::MemfdFlags;
    use std::io::{Seek as _, Write as _};
    let mut file = File::from(rustix::fs::memfd_create("procfile", MemfdFlags::empty())?);
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
    // SAFETY: sets a disposition to its default; no handler is involved.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// The controlling terminal, if there is one.
pub(super) fn terminal() -> Option<OwnedFd> {
    File::options().read(true).write(true).open("/dev/tty").ok().map(OwnedFd::from)
}

/// The process group that the shell knows as its job, set by [`remember_job`].
static JOB: OnceLock<Option<rustix::process::Pid>> = OnceLock::new();

/// Remembers our group as that of the job, before the engine gets one of its own.
pub(super) fn remember_job() {
    _ = JOB.set(own_group());
}

/// The group of the job. `None` if its leader is outside of our pid namespace, where it has no pid.
fn job() -> Option<rustix::process::Pid> {
    JOB.get().copied().unwrap_or_else(own_group)
}

fn own_group() -> Option<rustix::process::Pid> {
    let group = proc::stat(std::process::id())?.group;
    i32::try_from(group).ok().and_then(rustix::process::Pid::from_raw)
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
    let (Some(terminal), Some(job)) = (terminal(), job()) else { return Ok(()) };
    // SAFETY: sets of our own on the stack; the mask of this thread is put back. SIGTTOU is blocked
    // because a background group, which we are now, would be stopped by it.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before);
        let done = rustix::termios::tcsetpgrp(&terminal, job);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        Ok(done?)
    }
}

/// Whether the group of the job is the foreground group of the controlling terminal.
pub fn in_foreground() -> bool {
    let group = terminal().and_then(|terminal| rustix::termios::tcgetpgrp(&terminal).ok());
    group.is_some() && group == job()
}

/// Whether a write to this terminal should stop the program: the job is in the background, and
/// `stty tostop` is set. The kernel checks this only for the group that writes.
fn waits_for_terminal(terminal: impl AsFd) -> bool {
    use rustix::termios::{LocalModes, tcgetattr, tcgetpgrp};
    let Ok(modes) = tcgetattr(&terminal) else { return false };
    modes.local_modes.contains(LocalModes::TOSTOP)
        // An error when it is not our controlling terminal: then nobody is in the background of it.
        && tcgetpgrp(&terminal).is_ok_and(|group| Some(group) != job())
}

/// Waits until this process may write to the terminal on its standard output or error. Until then it
/// is stopped like other programs in the background.
pub fn wait_for_terminal() {
    const LOOK: Duration = Duration::from_millis(50);
    let (out, err) = (rustix::stdio::stdout(), rustix::stdio::stderr());
    while waits_for_terminal(out) || waits_for_terminal(err) {
        // The signal of Ctrl-Z, so that timers are suspended first.
        if let Some(signal) = Signal::from_number(libc::SIGTSTP) {
            _ = kill::pid(std::process::id(), signal);
        }
        pause(LOOK);
    }
}

/// Makes the group of a stopped child the foreground group again and continues it, if the job was
/// brought to the foreground.
pub fn hand_terminal_to(pid: u32) -> io::Result<()> {
    let group = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let (Some(terminal), Some(group)) = (terminal(), group) else { return Ok(()) };
    if in_foreground() {
        rustix::termios::tcsetpgrp(&terminal, group)?;
    }
    Ok(rustix::process::kill_process_group(group, rustix::process::Signal::CONT)?)
}

/// Whether a child is stopped (as by Ctrl-Z), without consuming that status.
pub fn is_stopped(pid: u32) -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status = waitid(WaitId::Pid(pid), options).ok().flatten();
    status.is_some_and(|status| status.stopped())
}

/// Stops this process until it is continued; does not return before that.
pub fn stop_self() {
    // SAFETY: signals this thread. One sent to the process might be taken by another thread, and
    // this one would go on for a moment.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// Runs a program on this terminal until it ends. Ctrl-Z in it stops us too, because both are one job
/// of the shell; handling it here would leave the shell waiting for a half-stopped job.
pub fn run_beside(command: &mut std::process::Command) -> io::Result<std::process::ExitStatus> {
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
    // SAFETY: only asks for the disposition; the structure is plain data.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        let is_known = libc::sigaction(signal.number(), std::ptr::null(), &raw mut now) == 0;
        let is_ignored = is_known && now.sa_sigaction == libc::SIG_IGN;
        hang_up_stays_ignored(signal.number(), is_ignored)
    }
}

/// A SIGHUP that was ignored when we were started (nohup) stays ignored. SIGINT does not: a shell
/// without job control ignores it in everything started with `&`, which nobody asked for.
pub(super) fn hang_up_stays_ignored(number: i32, is_ignored: bool) -> bool {
    is_ignored && number == libc::SIGHUP
}

/// Ends this process by a signal, so that its parent sees it; returns only if the signal does not end
/// the process.
pub fn end_by(signal: Signal) {
    // SAFETY: restores a default disposition, unblocks one signal in this thread and sends it.
    unsafe {
        libc::signal(signal.number(), libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal.number());
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::raise(signal.number());
    }
}

/// Sends a signal to a child that has not been waited for, so that its pid has not been reused.
pub fn send(child: &std::process::Child, signal: Signal) -> io::Result<()> {
    let pid = libc::pid_t::try_from(child.id());
    let pid = pid.map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: sends a signal to one process.
    match unsafe { libc::kill(pid, signal.number()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes a command lead a new session, detached from this terminal.
pub fn in_own_session(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: one system call between fork and exec.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}

/// Lets a command inherit these descriptors under the same numbers.
pub fn keep_descriptors(command: &mut std::process::Command, descriptors: Vec<RawFd>) {
    use std::os::unix::process::CommandExt as _;
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
        use rustix::process::{Pid, PidfdFlags, pidfd_open};
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(Self(pidfd_open(pid, PidfdFlags::NONBLOCK)?))
    }

    /// Returns when it has ended. Cancel safe. Needs a runtime with I/O.
    pub async fn gone(self) -> io::Result<()> {
        use tokio::io::Interest;
        use tokio::io::unix::AsyncFd;
        let pidfd = self.0.as_fd();
        // SAFETY: an open descriptor that `self` keeps open until the end of this function.
        let end = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }?;
        let _ = end.readable().await?;
        Ok(())
    }
}

/// Opens a file for appending, and creates it if necessary. Opening does not block on a FIFO without a
/// reader, which is an error; writing may block.
pub fn append_without_waiting(path: &std::path::Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o666);
    let file = File::from(open(path, flags | OFlags::NOCTTY | OFlags::NONBLOCK, mode)?);
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
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
