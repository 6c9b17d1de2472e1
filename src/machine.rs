//! The machine: decides everything, performs nothing.
//!
//! It is the middle box of the picture on the crate's front page. Its inputs are the time as
//! [`Moment`]s, requests as [`Intent`]s, and what happened to runs as [`Fact`]s; its outputs are
//! [`Effect`]s (what the engine must do) and [`Event`]s (what changed). It has no clock, no I/O, no
//! thread and no randomness without a seed, so a day of supervision is tested in milliseconds.

use std::fmt;
use std::ops::Add;
use std::sync::Arc;
use std::time::Duration;

use crate::spec::{CheckRole, Exit, Name, ProbeResult, ProcessSpec, Signal, StartError, Stray};

mod cause;
pub mod condition;
pub mod event;
pub mod event_text;
mod graph;
mod lifecycle;
mod members;
mod project_exit;
mod record;
mod retry;
mod slots;
pub mod snapshot;
mod state_name;
mod step_context;
mod supervisor;
pub mod targets;
#[cfg(test)]
mod tests;
mod why;

pub use event::{Cause, Event};
pub use event_text::EventText;
pub use lifecycle::Retention;
pub use members::NewMember;
pub use project_exit::{ProjectExit, ShutdownReason};
pub use record::{ProcessRecord, WatchState};
pub use snapshot::{PoolStatus, ProbeView, ProcessView, ProjectPhase, Snapshot};
pub use state_name::StateName;
pub use supervisor::{AddedProcesses, Supervisor, SupervisorOptions};
#[cfg(feature = "control")]
pub(crate) use supervisor::{ScaleError, ScalePlan};
pub use why::Explanation;

/// A point on the logical clock: the time since pitcrew started, without the time it was suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// Returns the moment this long after the start.
    pub const fn after_start(duration: Duration) -> Self {
        Self(duration)
    }

    /// Returns the time since the start.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// Returns the time since `earlier`; zero if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// The number of a member: a process without replicas, one replica, or a job.
///
/// Assigned in the order of the file, never reused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema), schema(value_type = u64))]
pub struct ProcessId(pub(crate) u64);

impl ProcessId {
    /// Returns the number, unique within one engine.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One life of a process: the process and the number of the run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    pub process: ProcessId,
    pub run: u32,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.process.0, self.run)
    }
}

/// A request, the same from a key, a signal, a client or a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Start processes and their dependencies.
    Start(Vec<ProcessId>),
    /// Stop processes: their stop signal, then up to their grace period.
    Stop(Vec<ProcessId>),
    /// Kill process trees immediately.
    Kill(Vec<ProcessId>),
    /// Restart processes, whatever their state; resets their retry budget.
    Restart(Vec<ProcessId>),
    /// Send a signal to process groups.
    Signal(Vec<ProcessId>, Signal),
    /// Stop processes that have not started yet; others are left alone.
    CancelUnstarted(Vec<ProcessId>),
    /// Start nothing in a pool until it is resumed; running members continue.
    PausePool(Name),
    /// Continue a paused pool.
    ResumePool(Name),
    /// Remove a pool as soon as it has no busy member.
    RemovePool(Name),
    /// Stop the project in order. A second request kills everything.
    Shutdown(ShutdownReason),
    /// Kill every process tree immediately.
    ShutdownNow(ShutdownReason),
}

/// What happened to a run; reported by the task that owns it. A fact about an old run is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Exec has succeeded.
    Spawned {
        run: RunId,
        /// Pid of the leader, which is also the id of the process group.
        pid: u32,
    },
    /// The run could not be spawned.
    SpawnFailed { run: RunId, error: StartError },
    /// The answer to [`Effect::CheckPort`].
    PortChecked {
        /// The run that is about to start.
        run: RunId,
        /// The ports that were to be checked.
        ports: Vec<u16>,
        /// The first of the ports that is free.
        free: Option<u16>,
        /// The process that listens on the first port, if any.
        holder: Option<String>,
    },
    /// The leader has ended or the tree was killed, but processes of the tree still exist, or the
    /// outputs are still being read.
    Lingering {
        run: RunId,
        /// How the leader ended, if it did.
        exit: Option<Exit>,
        /// The processes that still exist; empty if only the outputs are open.
        left: Vec<Stray>,
    },
    /// The answer to [`Effect::QueryLastOutput`].
    LastOutput {
        run: RunId,
        /// When the last byte was read, or when the run began.
        since: Moment,
    },
    /// The answer to [`Effect::Probe`].
    Probed {
        run: RunId,
        which: CheckRole,
        /// The number of the probe, as requested.
        number: u32,
        answer: ProbeResult,
    },
    /// A line of output matches the `log` check.
    Matched {
        run: RunId,
        /// The line, safe to display.
        line: String,
    },
    /// The process sent a message through its `notify` socket.
    Notified {
        run: RunId,
        /// Whether the message says that it is ready.
        ready: bool,
        /// The status text of the message.
        status: Option<String>,
    },
    /// Whether the run waits for input has changed.
    WaitsForInput {
        run: RunId,
        /// `None` if it does not wait any more.
        waiting: Option<InputRequest>,
    },
    /// The program in a terminal has changed what it shows beside the text.
    TerminalChanged { run: RunId, status: TerminalStatus },
    /// The system refused to send a signal to the process group.
    SignalFailed {
        run: RunId,
        /// The error of the system.
        reason: String,
    },
    /// The run is over: its tree has ended, its outputs are read, its leader is reaped.
    Exited {
        run: RunId,
        /// How the leader ended.
        exit: Exit,
        /// Descendants that outlived it.
        strays: Vec<Stray>,
        /// A possible reason of the end, such as a port that another process has.
        note: Option<String>,
    },
}

/// What a run that waits for input asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRequest {
    /// Its unfinished line of output, safe to display.
    pub prompt: Option<String>,
    /// What is typed is not shown.
    pub is_secret: bool,
}

/// What the program in a terminal shows beside the text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TerminalStatus {
    /// The title that it has set, safe to display.
    pub title: Option<String>,
    /// It draws on the alternate screen, as full-screen programs do.
    pub alternate_screen: bool,
    /// How often it has rung the bell in this run.
    pub bells: u64,
}

impl InputRequest {
    /// Returns the words for a sentence about the run.
    pub(crate) fn describe(&self) -> String {
        let what = if self.is_secret { "waits for a secret" } else { "waits for input" };
        match &self.prompt {
            Some(prompt) => format!("{what}: “{prompt}”"),
            None => what.to_owned(),
        }
    }
}

impl Fact {
    /// Returns the run.
    pub fn run(&self) -> RunId {
        match self {
            Self::Spawned { run, .. }
            | Self::SpawnFailed { run, .. }
            | Self::PortChecked { run, .. }
            | Self::Lingering { run, .. }
            | Self::LastOutput { run, .. }
            | Self::WaitsForInput { run, .. }
            | Self::TerminalChanged { run, .. }
            | Self::Probed { run, .. }
            | Self::Matched { run, .. }
            | Self::Notified { run, .. }
            | Self::SignalFailed { run, .. }
            | Self::Exited { run, .. } => *run,
        }
    }
}

/// A change of watched files, reported after a quiet period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The process, with all its replicas.
    pub process: Name,
    /// The first changed file, relative to its `cwd`.
    pub path: String,
    /// The number of further changed files.
    pub more: u64,
    /// When the first change was seen.
    pub first: Moment,
    /// When the last change was seen.
    pub last: Moment,
}

/// A request to run one probe of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeRequest {
    pub run: RunId,
    /// Pid of the leader.
    pub leader: u32,
    pub which: CheckRole,
    /// Grows by one with each probe of the same check.
    pub number: u32,
    /// The number of the replica; `None` without replicas.
    pub replica: Option<u32>,
    /// The port in effect.
    pub port: Option<u16>,
    /// No probe has succeeded yet, so probes are more frequent than `interval`.
    pub is_early: bool,
    /// Contains the check.
    pub spec: Arc<ProcessSpec>,
}

/// A task for the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start a run; answered by [`Fact::Spawned`] or [`Fact::SpawnFailed`].
    Spawn {
        run: RunId,
        name: Name,
        /// The number of the replica; `None` without replicas.
        replica: Option<u32>,
        /// The port in effect.
        port: Option<u16>,
        spec: Arc<ProcessSpec>,
    },
    /// Stop a run by the policy of `spec`; the machine watches the grace period.
    Stop {
        run: RunId,
        /// Contains the policy.
        spec: Arc<ProcessSpec>,
    },
    /// Kill the whole process tree of a run.
    Kill { run: RunId },
    /// Send a signal to the process group of a run.
    Signal { run: RunId, signal: Signal },
    /// Run one probe of a check; answered by [`Fact::Probed`] unless it is canceled.
    Probe(ProbeRequest),
    /// Find out which process listens on the port of a process that is about to start; answered by
    /// [`Fact::PortChecked`].
    CheckPort {
        /// The run that is about to start.
        run: RunId,
        /// Its port, and the ports that it can get instead.
        ports: Vec<u16>,
    },
    /// Check whether a process could be restarted, now that its pre-restart run has succeeded;
    /// answered by [`Input::RestartChecked`].
    CheckRestart { change: FileChange },
    /// Cancel the running probes of a run.
    CancelProbes { run: RunId },
    /// A member has finally ended and was removed.
    MemberRemoved {
        process: ProcessId,
        /// The last view of the process.
        view: Arc<ProcessView>,
    },
    /// Apply another spec to a live run, which keeps its command.
    UpdateSpec {
        run: RunId,
        name: Name,
        /// The number of the replica; `None` without replicas.
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    },
    /// Send the user a message that is not a state change.
    Notice {
        about: Name,
        /// One sentence.
        text: String,
    },
    /// Report when a run last printed something; answered by [`Fact::LastOutput`].
    QueryLastOutput { run: RunId },
}

/// An input of [`Supervisor::step`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Fact(Fact),
    Intent(Intent),
    Changed(FileChange),
    /// The answer to [`Effect::CheckRestart`].
    RestartChecked {
        change: FileChange,
        /// A new run could not start, so the current one is kept.
        is_refused: bool,
    },
    Tick,
}

/// The result of one input.
#[derive(Debug, Default)]
#[must_use = "effects that are not performed are lost"]
pub struct Step {
    /// To be performed in this order.
    pub effects: Vec<Effect>,
    /// To be published in this order, still without number and time.
    pub events: Vec<Event>,
}
