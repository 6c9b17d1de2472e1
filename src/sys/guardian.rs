//! The guardian: the parent of the engine, which ends what is left when the engine is gone.
//!
//! It is forked before any thread exists, has no thread and no runtime, and does nothing but wait.
//! When the engine dies, however it dies, everything it started is re-parented to the guardian,
//! which is a subreaper. (In a prototype: 0 left of 4, 80 and 800 descendants, `setsid` double
//! forks that ignore TERM among them, in 4 to 181 ms.) Waiting does not allocate; the final sweep
//! does, and may: with no other thread there is nobody who could hold the allocator's lock.
#![expect(unsafe_code, reason = "fork, signal sets and ending by a signal")]

use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, wait, waitid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::journal::{Journal, Policies};
use super::kill;
use super::nested;
use super::proc::{self, Children, Stat};
use super::process;
use super::sweep::end_all;
use crate::spec::Signal;

/// How long the final sweep may take.
const SWEEP_BOUND: Duration = Duration::from_secs(2);

/// Handed on to the engine.
const FORWARDED: [i32; 6] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];

/// The engine's view of its guardian.
#[derive(Debug)]
pub struct Guardian {
    pid: u32,
    /// Ends when the guardian does, as only the guardian has the other end.
    alive: OwnedFd,
}

impl Guardian {
    /// Its pid, which is the one the shell knows.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until the guardian is gone, which it never is before the engine unless somebody kills
    /// it; the engine then has to end everything at once. True at once if it is gone already.
    /// Cancel safe. Needs a runtime with I/O.
    pub async fn gone(&self) -> io::Result<()> {
        let alive = self.alive.as_fd();
        // SAFETY: an open descriptor that `self`, borrowed here, keeps open.
        let alive = unsafe { AsyncFd::register_with_interest(alive, Interest::READABLE) }?;
        let _ = alive.readable().await?;
        Ok(())
    }

    /// Continues a guardian that has stopped itself along with the engine. For the engine when it
    /// was continued alone.
    pub fn resume(&self) -> io::Result<()> {
        if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().cast_unsigned())
            == Some(self.pid)
        {
            kill::pid(self.pid, Signal::CONT)?;
        }
        Ok(())
    }
}

/// Splits the process: the caller goes on as the engine, in a child; its parent becomes the
/// guardian, never returns, and ends as the engine ended (same code, or same signal without a core
/// dump). Both are subreapers and have all open descriptors, so both hold the lock.
///
/// `journal` says what the sweep leaves alive. To be called before any thread exists; an error when
/// there is more than one.
pub fn guard(journal: Option<PathBuf>) -> io::Result<Guardian> {
    if std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() > 1) {
        return Err(io::Error::other("the guardian must be forked before any thread"));
    }
    process::default_child_signal();
    process::set_subreaper()?;
    let (alive, kept_open) = pipe_with(PipeFlags::CLOEXEC)?;
    let waited = Signals::to_wait_for();
    // From here on nothing that is sent to either of us is lost.
    let before = waited.block()?;
    let pid = std::process::id();
    // SAFETY: there is one thread, so the child may do anything.
    match unsafe { libc::fork() } {
        -1 => {
            let error = io::Error::last_os_error();
            before.set()?;
            Err(error)
        }
        0 => {
            before.set()?;
            drop(kept_open);
            process::set_subreaper()?;
            Ok(Guardian { pid, alive })
        }
        engine => {
            drop(alive);
            let _ = process::set_name(c"pitcrew-guard");
            let engine = u32::try_from(engine).unwrap_or_default();
            let end = wait_for(engine, &waited);
            let left = sweep(journal);
            report(&left);
            // The engine is told last that we are gone, if it is still there at all.
            drop(kept_open);
            end_like(end.as_ref())
        }
    }
}

/// A hang-up that was ignored when we were started (nohup) stays ignored. SIGINT does not: a shell
/// without job control makes whatever it starts with `&` ignore it, which is no wish of anybody.
pub(super) fn stays_ignored(number: i32, is_ignored: bool) -> bool {
    is_ignored && number == libc::SIGHUP
}

/// A set of signals.
struct Signals(libc::sigset_t);

impl Signals {
    /// What the guardian waits for.
    fn to_wait_for() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset makes it a set; sigaction only reads a disposition.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for number in FORWARDED {
                let mut now = MaybeUninit::<libc::sigaction>::zeroed();
                libc::sigaction(number, std::ptr::null(), now.as_mut_ptr());
                let is_ignored = now.assume_init().sa_sigaction == libc::SIG_IGN;
                if !stays_ignored(number, is_ignored) {
                    libc::sigaddset(set.as_mut_ptr(), number);
                }
            }
            libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGCONT);
            Self(set.assume_init())
        }
    }

    /// Blocks these as well; gives the mask as it was.
    fn block(&self) -> io::Result<Self> {
        self.apply(libc::SIG_BLOCK)
    }

    /// Makes this the mask.
    fn set(&self) -> io::Result<()> {
        self.apply(libc::SIG_SETMASK).map(drop)
    }

    fn apply(&self, how: i32) -> io::Result<Self> {
        let mut before = MaybeUninit::zeroed();
        // SAFETY: two sets that live for the call.
        match unsafe { libc::pthread_sigmask(how, &raw const self.0, before.as_mut_ptr()) } {
            // SAFETY: the call has filled it in.
            0 => Ok(Self(unsafe { before.assume_init() })),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Waits for one of these, which are blocked. An interruption gives none.
    fn wait(&self) -> Option<i32> {
        // SAFETY: a set that lives for the call; no information is asked for.
        match unsafe { libc::sigwaitinfo(&raw const self.0, std::ptr::null_mut()) } {
            number @ 1.. => Some(number),
            _ => None,
        }
    }
}

/// Waits until the engine has ended, handing on what is sent to us. Gives nothing if somebody else
/// reaped it.
fn wait_for(engine: u32, waited: &Signals) -> Option<WaitIdStatus> {
    let id = WaitId::Pid(Pid::from_raw(i32::try_from(engine).ok()?)?);
    let changes = WaitIdOptions::EXITED
        | WaitIdOptions::STOPPED
        | WaitIdOptions::CONTINUED
        | WaitIdOptions::NOHANG;
    loop {
        // Before the wait: its end may have come before the first one.
        let mut stopped = None;
        loop {
            match waitid(id.clone(), changes) {
                Ok(Some(status)) if status.exited() || status.killed() || status.dumped() => {
                    return Some(status);
                }
                Ok(Some(status)) => stopped = status.stopping_signal(),
                Ok(None) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
            }
        }
        if let Some(signal) = stopped {
            stop_along(signal);
        }
        match waited.wait() {
            None | Some(libc::SIGCHLD) => {}
            Some(number) => {
                if let Some(signal) = Signal::from_number(number) {
                    let _ = kill::pid(engine, signal);
                }
            }
        }
    }
}

/// Stops with the engine, so that the shell sees its job stopped. Without a terminal there is no
/// such shell, and nobody who would continue us.
fn stop_along(signal: i32) {
    if process::terminal().is_some() {
        // A stop by the terminal does nothing to a group without a shell, which is right here too.
        let signal = if signal == libc::SIGTSTP { libc::SIGTSTP } else { libc::SIGSTOP };
        // SAFETY: signals this process.
        unsafe { libc::raise(signal) };
    }
}

/// Ends everything below us but for what the journal leaves; gives who is left nevertheless.
fn sweep(journal: Option<PathBuf>) -> Vec<Stat> {
    let journal = journal.map(Journal::at);
    let policies = journal.as_ref().and_then(|journal| journal.read().ok().flatten());
    let left = end_all(SWEEP_BOUND, || {
        reap_all();
        alive(policies.as_ref())
    });
    // Those that died between the last reaping and the last look.
    reap_all();
    if let Some(journal) = journal.filter(|_| left.is_empty()) {
        let _ = journal.clear();
    }
    left
}

/// Nobody else waits in this process, so "any child" is right.
fn reap_all() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

fn alive(policies: Option<&Policies>) -> Vec<Stat> {
    let mut all = proc::below(&Children::look().of(std::process::id()));
    nested::leave_out(&mut all);
    if let Some(policies) = policies {
        policies.leave_out(&mut all);
    }
    all
}

/// Names on stderr who could not be ended.
fn report(left: &[Stat]) {
    for one in left {
        let command = proc::command_line(one);
        let _ = writeln!(io::stderr(), "pitcrew: cannot end {} ({command})", one.pid);
    }
}

/// Ends as the engine did.
fn end_like(end: Option<&WaitIdStatus>) -> ! {
    let signal = end.and_then(WaitIdStatus::terminating_signal);
    let code = end.and_then(WaitIdStatus::exit_status);
    // SAFETY: ends this process and nothing else. There was one core dump already, if any.
    unsafe {
        if let Some(signal) = signal {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
            libc::prctl(libc::PR_SET_DUMPABLE, 0);
            libc::signal(signal, libc::SIG_DFL);
            let mut set = MaybeUninit::uninit();
            libc::sigemptyset(set.as_mut_ptr());
            let _ = Signals(set.assume_init()).set();
            libc::raise(signal);
        }
        libc::_exit(code.or(signal.map(|signal| 128 + signal)).unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::stays_ignored;

    #[test]
    fn only_a_hang_up_stays_ignored() {
        assert!(stays_ignored(libc::SIGHUP, true) && !stays_ignored(libc::SIGHUP, false));
        assert!(!stays_ignored(libc::SIGINT, true) && !stays_ignored(libc::SIGTERM, true));
    }
}
