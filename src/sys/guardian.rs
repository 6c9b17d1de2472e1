//! The guardian: the parent of the engine, which ends all remaining processes when the engine ends.
//!
//! It is forked before any thread exists, has no threads and no runtime, and only waits. When the
//! engine dies, everything it started is re-parented to the guardian, which is a subreaper. (In a
//! prototype: 0 left of 4, 80 and 800 descendants, among them `setsid` double forks that ignore TERM,
//! in 4 to 181 ms.) Waiting does not allocate; the final sweep does, which is safe because no other
//! thread can hold the allocator's lock.
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

use super::deadline::Deadline;
use super::journal::{Journal, SessionStrayRules};
use super::kill;
use super::nested_sessions;
use super::own_process;
use super::proc::{self, ChildTable, Stat};
use super::sweep::end_all;
use crate::spec::Signal;

/// The process name of the guardian.
pub(super) const NAME: &str = "pitcrew-guard";

/// The maximum duration of the final sweep.
const SWEEP_BOUND: Duration = Duration::from_secs(2);
/// The same signal within this time counts once, as in the engine.
const SAME_SIGNAL: Duration = Duration::from_millis(300);
/// After this many requests to end, the engine is given a moment and then killed.
const LAST_REQUEST: u32 = 3;
const LAST_MOMENT: Duration = Duration::from_secs(1);

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
    pid: u32,
    /// Closed when the guardian ends, because only the guardian has the other end.
    alive: OwnedFd,
}

impl Guardian {
    /// Its pid, which is the one the shell knows.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until the guardian is gone. It never ends before the engine unless it is killed; the engine
    /// then has to end everything immediately. Returns immediately if it is gone already. Cancel safe.
    /// Needs a runtime with I/O.
    pub async fn gone(&self) -> io::Result<()> {
        let alive = self.alive.as_fd();
        // SAFETY: an open descriptor that `self`, borrowed here, keeps open.
        let alive = unsafe { AsyncFd::register_with_interest(alive, Interest::READABLE) }?;
        let _ = alive.readable().await?;
        Ok(())
    }
}

/// Continues the guardian with this pid if it is stopped: it stops together with the engine, and the
/// engine may be continued alone. Only for its engine; a stopped guardian would not notice its end.
pub fn resume(pid: u32) {
    let parent = rustix::process::getppid();
    let is_parent = parent.map(|one| one.as_raw_nonzero().get().cast_unsigned()) == Some(pid);
    // A running guardian forwards CONT to us.
    if is_parent && proc::suspended(pid).is_some() {
        // It may be gone by now, which is fine.
        _ = kill::pid(pid, Signal::CONT);
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
    let waited = SignalSet::to_wait_for();
    // From here on no signal to either process is lost.
    let before = waited.block()?;
    let pid = std::process::id();
    own_process::remember_job();
    // SAFETY: there is one thread, so the child may do anything.
    match unsafe { libc::fork() } {
        -1 => {
            let error = io::Error::last_os_error();
            before.set()?;
            Err(error)
        }
        0 => {
            // Before any signal can be forwarded.
            own_process::lead_own_group()?;
            before.set()?;
            drop(kept_open);
            own_process::set_subreaper()?;
            Ok(Guardian { pid, alive })
        }
        engine => {
            drop(alive);
            let _ = own_process::set_name(c"pitcrew-guard");
            let engine = u32::try_from(engine).unwrap_or_default();
            let end = wait_for(engine, &waited);
            let left = sweep(journal);
            report(&left);
            // The engine, if it still exists, learns last that the guardian is gone.
            drop(kept_open);
            end_like(end.as_ref())
        }
    }
}

struct SignalSet(libc::sigset_t);

impl SignalSet {
    /// The signals that the guardian waits for.
    fn to_wait_for() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset makes it a set; sigaction only reads a disposition.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for number in FORWARDED {
                let mut now = MaybeUninit::<libc::sigaction>::zeroed();
                libc::sigaction(number, std::ptr::null(), now.as_mut_ptr());
                let is_ignored = now.assume_init().sa_sigaction == libc::SIG_IGN;
                if !own_process::hang_up_stays_ignored(number, is_ignored) {
                    libc::sigaddset(set.as_mut_ptr(), number);
                }
            }
            libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGCONT);
            Self(set.assume_init())
        }
    }

    /// Blocks these signals too; returns the previous mask.
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

    /// Waits for one of these blocked signals, for at most `limit`. `None` if interrupted.
    fn wait(&self, limit: Option<Duration>) -> Option<i32> {
        let limit = limit.map(|limit| libc::timespec {
            tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        });
        let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: a set and a limit that live for the call; no information is asked for.
        match unsafe { libc::sigtimedwait(&raw const self.0, std::ptr::null_mut(), limit) } {
            number @ 1.. => Some(number),
            _ => None,
        }
    }
}

/// The requests to end so far.
#[derive(Default)]
struct Requests {
    count: u32,
    last: Option<(i32, Deadline)>,
    /// When the engine is killed.
    until: Option<Deadline>,
}

impl Requests {
    /// Counts a request by the rules of the engine.
    fn note(&mut self, number: i32) {
        let same = |(last, until): &(i32, Deadline)| *last == number && !until.is_over();
        if self.last.as_ref().is_some_and(same) {
            return;
        }
        self.last = Some((number, Deadline::after(SAME_SIGNAL)));
        self.count += 1;
        if self.count >= LAST_REQUEST && self.until.is_none() {
            self.until = Some(Deadline::after(LAST_MOMENT));
        }
    }
}

/// Waits until the engine has ended and forwards signals. Returns `None` if another process reaped
/// it.
///
/// An engine that is stopped or hangs is killed a moment after the third request to end.
fn wait_for(engine: u32, waited: &SignalSet) -> Option<WaitIdStatus> {
    let id = WaitId::Pid(Pid::from_raw(i32::try_from(engine).ok()?)?);
    let changes = WaitIdOptions::EXITED
        | WaitIdOptions::STOPPED
        | WaitIdOptions::CONTINUED
        | WaitIdOptions::NOHANG;
    let mut requests = Requests::default();
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
            stop_along(signal);
        }
        if requests.until.is_some_and(Deadline::is_over) {
            _ = kill::pid(engine, Signal::KILL);
        }
        match waited.wait(requests.until.map(|until| until.left() + PAUSE)) {
            None | Some(libc::SIGCHLD) => {}
            Some(number) => hand_on(engine, number, &mut requests),
        }
    }
}

/// The interval between two checks of an engine that was killed.
const PAUSE: Duration = Duration::from_millis(10);

fn hand_on(engine: u32, number: i32, requests: &mut Requests) {
    let Some(signal) = Signal::from_number(number) else { return };
    _ = kill::pid(engine, signal);
    if matches!(number, libc::SIGINT | libc::SIGTERM | libc::SIGHUP) {
        requests.note(number);
        // A stopped engine would not notice.
        _ = kill::pid(engine, Signal::CONT);
    }
}

/// Stops together with the engine, so that the shell sees its job stopped. Without a terminal there
/// is no such shell, and nothing would continue us.
fn stop_along(signal: i32) {
    if own_process::terminal().is_some() {
        // A stop by the terminal does nothing to a group without a shell, which is right here too.
        let signal = if signal == libc::SIGTSTP { libc::SIGTSTP } else { libc::SIGSTOP };
        // SAFETY: signals this process.
        unsafe { libc::raise(signal) };
    }
}

/// Ends everything below us except what the journal leaves; returns what is left nevertheless.
fn sweep(journal: Option<PathBuf>) -> Vec<Stat> {
    let journal = journal.map(Journal::at);
    let policies = journal.as_ref().and_then(|journal| journal.read().ok().flatten());
    let left = end_all(SWEEP_BOUND, || {
        reap_all();
        alive(policies.as_ref())
    });
    // Reap those that died between the last reaping and the last scan.
    reap_all();
    if let Some(journal) = journal.filter(|_| left.is_empty()) {
        let _ = journal.clear();
    }
    left
}

/// Nothing else waits in this process, so "any child" is safe.
fn reap_all() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

fn alive(policies: Option<&SessionStrayRules>) -> Vec<Stat> {
    let mut all = proc::below(&ChildTable::look().of(std::process::id()));
    nested_sessions::leave_out(&mut all);
    if let Some(policies) = policies {
        policies.leave_out(&mut all);
    }
    all
}

/// Reports on stderr which processes could not be ended.
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
            let _ = SignalSet(set.assume_init()).set();
            libc::raise(signal);
        }
        libc::_exit(code.or(signal.map(|signal| 128 + signal)).unwrap_or(1))
    }
}
