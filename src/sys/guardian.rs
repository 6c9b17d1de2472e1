//! The guardian: the parent of the engine, which ends all remaining processes when the engine ends.
//!
//! It is forked before any thread exists, has no threads and no runtime, and only waits. When the
//! engine dies, everything it started is re-parented to the guardian, which is a subreaper. (In a
//! prototype: 0 left of 4, 80 and 800 descendants, among them `setsid` double forks that ignore TERM,
//! in 4 to 181 ms.) Waiting does not allocate; the final sweep does, which is safe because no other
//! thread can hold the allocator's lock.
#![expect(unsafe_code, reason = "fork, raise and exit")]

use std::io::{self, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions,
    set_dumpable_behavior, setrlimit, wait, waitid,
};

use super::deadline::Deadline;
use super::journal::{Journal, SessionStrayRules, own_kernel_session};
use super::proc::{self, ChildTable, Stat};
use super::signal_set::{self, SignalSet};
use super::sweep::end_all;
use super::{kill, nested_sessions, own_process};
use crate::spec::Signal;

/// The process name of the guardian.
pub(super) const NAME: &str = "pitcrew-guard";

/// The maximum duration of the final sweep.
const SWEEP_BOUND: Duration = Duration::from_secs(2);
/// The same signal within this time counts once, as in the engine.
const SAME_SIGNAL: Duration = Duration::from_millis(300);
/// After this many requests to end, the engine is killed after a delay.
const MAX_REQUESTS: u32 = 3;
const KILL_DELAY: Duration = Duration::from_secs(1);
/// The interval between two checks of an engine that was killed.
const KILL_INTERVAL: Duration = Duration::from_millis(10);

/// Signals forwarded to the engine, which is in another process group: the terminal and the shell
/// reach the guardian's group only.
const FORWARDED: [i32; 7] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGTSTP,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// The engine's view of its guardian.
#[derive(Debug)]
pub struct Guardian {
    /// Its pid, which is the one the shell knows.
    pub pid: u32,
    /// Closed when the guardian ends, because only the guardian has the other end.
    alive: OwnedFd,
}

impl Guardian {
    /// Waits until the guardian is gone. It never ends before the engine unless it is killed; the engine
    /// then has to end everything immediately. Returns immediately if it is gone already. Cancel safe.
    /// Needs a runtime with I/O.
    pub async fn exited(&self) -> io::Result<()> {
        own_process::readable(self.alive.as_fd()).await
    }
}

/// Continues the guardian with this pid if it is stopped: it stops together with the engine, and the
/// engine may be continued alone. Only for its engine; a stopped guardian would not notice its end.
pub fn resume(pid: u32) {
    let parent = rustix::process::getppid();
    let is_parent = parent.map(|parent| parent.as_raw_nonzero().get().cast_unsigned()) == Some(pid);
    // A running guardian forwards CONT to us.
    if is_parent && proc::suspended(pid).is_some() {
        // If it has ended by now, there is nothing to continue.
        _ = kill::signal_pid(pid, Signal::CONT);
    }
}

/// Splits the process: the caller continues as the engine, in a child; the parent becomes the
/// guardian, never returns, and ends as the engine ended (same code, or same signal without a core
/// dump). Both are subreapers and have all open descriptors, so both hold the lock.
///
/// The engine leads a separate process group, so that a signal to the group of the guardian, which is
/// the job of the shell, does not end both (`kill -9 %1`, `timeout -s KILL`).
///
/// `journal` says what the sweep leaves alive. Must be called before any thread exists; returns an
/// error if there is more than one thread.
pub fn guard(journal: Option<PathBuf>) -> io::Result<Guardian> {
    if std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() > 1) {
        return Err(io::Error::other("the guardian must be forked before any thread"));
    }
    own_process::default_child_signal();
    own_process::set_subreaper()?;
    let (alive, kept_open) = pipe_with(PipeFlags::CLOEXEC)?;
    let awaited = awaited_signals();
    // From here on no signal to either process is lost.
    let mask = awaited.block()?;
    let pid = std::process::id();
    own_process::remember_job();
    // SAFETY: there is one thread, so the child may do anything.
    match unsafe { libc::fork() } {
        -1 => {
            let error = io::Error::last_os_error();
            mask.set_as_mask()?;
            Err(error)
        }
        0 => {
            // Before any signal can be forwarded.
            own_process::lead_own_group()?;
            mask.set_as_mask()?;
            drop(kept_open);
            own_process::set_subreaper()?;
            Ok(Guardian { pid, alive })
        }
        engine => {
            drop(alive);
            let _ = own_process::set_name(c"pitcrew-guard");
            let engine = u32::try_from(engine).unwrap_or_default();
            let end = wait_for(engine, &awaited);
            report(&sweep(journal));
            // The engine, if it still exists, learns last that the guardian is gone.
            drop(kept_open);
            end_like(end.as_ref())
        }
    }
}

/// The signals that the guardian waits for.
fn awaited_signals() -> SignalSet {
    let stays_ignored =
        |number: &i32| own_process::hang_up_stays_ignored(*number, signal_set::is_ignored(*number));
    let forwarded = FORWARDED.into_iter().filter(|number| !stays_ignored(number));
    SignalSet::of(forwarded.chain([libc::SIGCHLD, libc::SIGCONT]))
}

/// The requests to end so far.
#[derive(Default)]
struct EndRequests {
    count: u32,
    /// The latest signal, and until when the same one does not count.
    latest: Option<(i32, Deadline)>,
    kill_at: Option<Deadline>,
}

impl EndRequests {
    /// Counts a request by the rules of the engine.
    fn count(&mut self, number: i32) {
        let is_same = |(latest, until): (i32, Deadline)| latest == number && !until.is_over();
        if self.latest.is_some_and(is_same) {
            return;
        }
        self.latest = Some((number, Deadline::after(SAME_SIGNAL)));
        self.count += 1;
        if self.count >= MAX_REQUESTS && self.kill_at.is_none() {
            self.kill_at = Some(Deadline::after(KILL_DELAY));
        }
    }
}

/// Waits until the engine has ended and forwards signals. Returns `None` if another process reaped
/// it.
///
/// An engine that is stopped or hangs is killed a moment after the third request to end.
fn wait_for(engine: u32, awaited: &SignalSet) -> Option<WaitIdStatus> {
    let id = WaitId::Pid(kill::pid_of(engine).ok()?);
    let changes = WaitIdOptions::EXITED
        | WaitIdOptions::STOPPED
        | WaitIdOptions::CONTINUED
        | WaitIdOptions::NOHANG;
    let mut requests = EndRequests::default();
    loop {
        // Checked before the first wait: the engine may have ended before.
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
        if let Some(signal) = stopped.filter(|_| requests.count == 0) {
            stop_with_engine(signal);
        }
        if requests.kill_at.is_some_and(Deadline::is_over) {
            _ = kill::signal_pid(engine, Signal::KILL);
        }
        let limit = requests.kill_at.map(|at| at.remaining() + KILL_INTERVAL);
        match awaited.wait(limit) {
            None | Some(libc::SIGCHLD) => {}
            Some(number) => forward(engine, number, &mut requests),
        }
    }
}

fn forward(engine: u32, number: i32, requests: &mut EndRequests) {
    let Some(signal) = Signal::from_number(number) else { return };
    _ = kill::signal_pid(engine, signal);
    if matches!(number, libc::SIGINT | libc::SIGTERM | libc::SIGHUP) {
        requests.count(number);
        // A stopped engine would not notice.
        _ = kill::signal_pid(engine, Signal::CONT);
    }
}

/// Stops together with the engine, so that the shell sees its job stopped. Without a terminal there
/// is no such shell, and nothing would continue us.
fn stop_with_engine(signal: i32) {
    if own_process::terminal().is_some() {
        // A stop by the terminal does nothing to a group without a shell, which is right here too.
        let signal = if signal == libc::SIGTSTP { libc::SIGTSTP } else { libc::SIGSTOP };
        // SAFETY: signals this process.
        unsafe { libc::raise(signal) };
    }
}

/// Ends all descendants except those that the journal keeps; returns the remaining ones.
fn sweep(journal: Option<PathBuf>) -> Vec<Stat> {
    let journal = journal.map(|path| Journal { path });
    let policies = journal.as_ref().and_then(|journal| journal.read().ok().flatten());
    let left = end_all(SWEEP_BOUND, || {
        reap_all();
        alive(policies.as_ref())
    });
    // Reap processes that died between the last reaping and the last scan.
    reap_all();
    if let Some(journal) = journal.filter(|_| left.is_empty()) {
        let _ = journal.clear();
    }
    left
}

/// Reaps any child, which is safe because nothing else waits in this process.
fn reap_all() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

fn alive(policies: Option<&SessionStrayRules>) -> Vec<Stat> {
    let children = ChildTable::read();
    let mut descendants = proc::below(&children, &children.of(std::process::id()));
    nested_sessions::leave_out(&mut descendants);
    if let Some(policies) = policies {
        policies.leave_out(&mut descendants, own_kernel_session());
    }
    descendants
}

/// Reports on stderr which processes could not be ended.
fn report(left: &[Stat]) {
    for process in left {
        let command = proc::command_line(process);
        let _ = writeln!(io::stderr(), "pitcrew: cannot kill {} ({command})", process.pid);
    }
}

/// Ends as the engine did.
fn end_like(end: Option<&WaitIdStatus>) -> ! {
    let signal = end.and_then(WaitIdStatus::terminating_signal);
    let code = end.and_then(WaitIdStatus::exit_status);
    if let Some(signal) = signal.and_then(Signal::from_number) {
        // There was one core dump already, if any.
        _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        own_process::end_by(signal);
    }
    // SAFETY: ends this process and nothing else.
    unsafe { libc::_exit(code.or(signal.map(|signal| 128 + signal)).unwrap_or(1)) }
}
