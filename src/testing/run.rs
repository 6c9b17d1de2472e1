//! Record of a run: the command, its signals, its input, how it ended.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Call;
use crate::spec::{Exit, Signal, StartError};
use crate::sys::WaitingThread;
use crate::terminal::Size;

/// The first pid of a host. No real process can have it (Linux ends at 2²²), so a signal sent outside of
/// the host reaches no process.
const FIRST_PID: u32 = 5_000_001;

/// Assigns pids, and stores when the host was created.
#[derive(Debug)]
pub(super) struct PidAllocator {
    epoch: Instant,
    next: AtomicU32,
}

impl Default for PidAllocator {
    fn default() -> Self {
        Self { epoch: now(), next: AtomicU32::new(FIRST_PID) }
    }
}

impl PidAllocator {
    pub(super) fn next(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// One process of a run, alive or not.
#[derive(Debug)]
pub(super) struct ScriptedProcess {
    pub(super) pid: u32,
    /// `None` for the leader.
    pub(super) parent: Option<u32>,
    pub(super) command: String,
    pub(super) in_group: bool,
    pub(super) signals: mpsc::UnboundedSender<Signal>,
    pub(super) exit: watch::Sender<Option<Exit>>,
}

impl ScriptedProcess {
    pub(super) fn is_alive(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// The file name of its program, truncated as by the kernel.
    pub(super) fn program(&self) -> String {
        let first = self.command.split_whitespace().next().unwrap_or_default();
        let name = first.rsplit('/').next().unwrap_or_default();
        String::from_utf8_lossy(name.as_bytes().get(..15).unwrap_or(name.as_bytes())).into_owned()
    }

    /// Sends a signal, and CONT along with TERM; no effect after its end.
    pub(super) fn send(&self, signal: Signal) {
        _ = self.signals.send(signal);
        if signal == Signal::TERM {
            _ = self.signals.send(Signal::CONT);
        }
    }

    pub(super) async fn ended(&self) -> Exit {
        let mut exit = self.exit.subscribe();
        let ended = exit.wait_for(Option::is_some).await;
        // The sender lives as long as `self`.
        ended.ok().and_then(|exit| *exit).unwrap_or(Exit::Signal(Signal::KILL))
    }
}

/// A signal that was sent to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentSignal {
    /// The signal.
    pub signal: Signal,
    /// The target.
    pub to: SignalTarget,
    /// The time since the start of the run, on the runtime's clock.
    pub after: Duration,
}

/// The target of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalTarget {
    /// The leader and all of its group.
    Group,
    /// A process that the run left behind.
    Grandchild(u32),
    /// The whole tree, in a group or not.
    Tree,
}

/// The shared state of a run.
#[derive(Debug)]
pub(super) struct RunState {
    pub(super) call: Call,
    pub(super) pids: Arc<PidAllocator>,
    pub(super) refused: Option<(StartError, bool)>,
    began: Instant,
    /// The leader first, if there is one.
    processes: Mutex<Vec<Arc<ScriptedProcess>>>,
    sent: Mutex<Vec<SentSignal>>,
    input: Mutex<(Vec<u8>, bool)>,
    /// The size of its terminal, if it has one.
    size: Mutex<Option<Size>>,
    /// The process that is blocked in a read of its input.
    reader: Mutex<Option<WaitingThread>>,
    /// The number of its reads.
    reads: AtomicU64,
    reaped: AtomicBool,
}

impl RunState {
    pub(super) fn new(
        call: Call,
        pids: &Arc<PidAllocator>,
        refused: Option<(StartError, bool)>,
    ) -> Arc<Self> {
        let size = Mutex::new(call.terminal());
        Arc::new(Self {
            call,
            pids: Arc::clone(pids),
            refused,
            began: now(),
            processes: Mutex::default(),
            sent: Mutex::default(),
            input: Mutex::default(),
            size,
            reader: Mutex::default(),
            reads: AtomicU64::new(0),
            reaped: AtomicBool::new(false),
        })
    }

    pub(super) fn add(&self, process: Arc<ScriptedProcess>) {
        lock(&self.processes).push(process);
    }

    pub(super) fn leader(&self) -> Option<Arc<ScriptedProcess>> {
        lock(&self.processes).first().cloned()
    }

    /// The live processes, including the leader.
    pub(super) fn alive(&self) -> Vec<Arc<ScriptedProcess>> {
        lock(&self.processes).iter().filter(|process| process.is_alive()).cloned().collect()
    }

    /// The live processes without the leader.
    pub(super) fn descendants(&self) -> Vec<Arc<ScriptedProcess>> {
        let mut alive = self.alive();
        alive.retain(|process| process.parent.is_some());
        alive
    }

    pub(super) fn note_sent(&self, signal: Signal, to: SignalTarget) {
        lock(&self.sent).push(SentSignal { signal, to, after: now() - self.began });
    }

    pub(super) fn note_input(&self, bytes: &[u8]) {
        lock(&self.input).0.extend_from_slice(bytes);
    }

    pub(super) fn note_input_closed(&self) {
        lock(&self.input).1 = true;
    }

    /// Changes the size of its terminal; returns whether it has one and it was another.
    pub(super) fn set_size(&self, size: Size) -> bool {
        let mut current = lock(&self.size);
        let is_new = current.is_some_and(|current| current != size);
        if is_new {
            *current = Some(size);
        }
        is_new
    }

    /// Notes that a process of the run waits for input as long as the guard exists.
    pub(super) fn begin_read(&self, pid: u32) -> ReadGuard<'_> {
        let switches = self.reads.fetch_add(1, Ordering::Relaxed);
        let (started, is_secret) = (0, false);
        *lock(&self.reader) = Some(WaitingThread { pid, started, tid: pid, switches, is_secret });
        ReadGuard(self)
    }

    pub(super) fn waiting_thread(&self) -> Option<WaitingThread> {
        *lock(&self.reader)
    }

    pub(super) fn note_reaped(&self) {
        self.reaped.store(true, Ordering::SeqCst);
    }
}

/// A process waits for input as long as this exists.
pub(super) struct ReadGuard<'a>(&'a RunState);

impl Drop for ReadGuard<'_> {
    fn drop(&mut self) {
        *lock(&self.0.reader) = None;
    }
}

/// A recorded run in its current state. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use pitcrew::testing::{Script, ScriptedHost};
/// use pitcrew::{Command, ProcessManager, Signal};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pitcrew::Error> {
/// let host = ScriptedHost::new().on("sort", Script::new().read_all().out("a\nb"));
/// let manager = ProcessManager::with_host(host.clone());
/// manager.run(Command::new("sort").stdin("b\na\n")).await?;
///
/// let run = host.assert_ran("sort");
/// assert_eq!(run.input(), b"b\na\n");
/// assert!(run.input_closed() && run.signals().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Run(pub(super) Arc<RunState>);

impl Run {
    /// The command.
    pub fn call(&self) -> &Call {
        &self.0.call
    }

    /// When it was requested, since the creation of the host, on the runtime's clock.
    pub fn at(&self) -> Duration {
        self.0.began - self.0.pids.epoch
    }

    /// The pid of its leader; `None` if it could not be started.
    pub fn pid(&self) -> Option<u32> {
        self.0.leader().map(|leader| leader.pid)
    }

    /// Why it could not be started.
    pub fn refused(&self) -> Option<&StartError> {
        self.0.refused.as_ref().map(|(error, _)| error)
    }

    /// Whether it was unexpected: without a rule, and not allowed.
    pub fn was_unexpected(&self) -> bool {
        matches!(self.0.refused, Some((_, true)))
    }

    /// Whether its leader is alive.
    pub fn is_running(&self) -> bool {
        self.0.leader().is_some_and(|leader| leader.is_alive())
    }

    /// How its leader ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        self.0.leader().and_then(|leader| *leader.exit.borrow())
    }

    /// The signals sent to it, in order, without the CONT that accompanies a TERM.
    pub fn signals(&self) -> Vec<SentSignal> {
        lock(&self.0.sent).clone()
    }

    /// Whether this signal was sent to it.
    pub fn got(&self, signal: Signal) -> bool {
        lock(&self.0.sent).iter().any(|sent| sent.signal == signal)
    }

    /// The data written to its standard input, whether the script has read it or not. For a file or the
    /// previous stage of a pipeline: the data that the script has read.
    pub fn input(&self) -> Vec<u8> {
        lock(&self.0.input).0.clone()
    }

    /// Whether its standard input was closed at the other end. For a file or the previous stage of a
    /// pipeline: whether the script has read to the end.
    pub fn input_closed(&self) -> bool {
        lock(&self.0.input).1
    }

    /// The current size of its terminal, in columns and rows; `None` without a terminal.
    pub fn terminal_size(&self) -> Option<(u16, u16)> {
        lock(&self.0.size).map(|size| (size.columns(), size.rows()))
    }

    /// The command lines of its live descendants.
    pub fn grandchildren(&self) -> Vec<String> {
        self.0.descendants().iter().map(|process| process.command.clone()).collect()
    }

    /// The rest of the run: live processes, or a leader that was not reaped.
    pub(super) fn left(&self) -> Vec<String> {
        let alive = self.0.alive().into_iter();
        let mut left: Vec<String> =
            alive.map(|process| format!("{} {} is alive", process.pid, process.command)).collect();
        if let Some(leader) = self.0.leader().filter(|leader| !leader.is_alive())
            && !self.0.reaped.load(Ordering::SeqCst)
        {
            left.push(format!("{} {} was not reaped", leader.pid, leader.command));
        }
        left
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.call)?;
        match &self.0.refused {
            Some((_, true)) => f.write_str("   (unexpected)"),
            Some((error, false)) => write!(f, "   (not started: {error})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut run = f.debug_struct("Run");
        run.field("line", &self.call().line()).field("pid", &self.pid());
        run.field("exit", &self.exit()).field("signals", &self.signals()).finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "the time of a record, which tests control")]
fn now() -> Instant {
    Instant::now()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
