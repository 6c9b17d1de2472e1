//! The machine: decides everything, performs nothing.
//!
//! It is the middle box of the picture in the crate's front page. Time comes in as [`Moment`]s,
//! wishes as [`Intent`]s, what happened to runs as [`Fact`]s; out come [`Effect`]s (what must be
//! done to the world) and [`Event`]s (what changed). There is no clock, no I/O, no thread and no
//! randomness without a seed in here, so a day of supervision is tested in milliseconds.

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
mod retry;
mod slots;
pub mod snapshot;
mod state_name;
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
pub use snapshot::{PoolStatus, ProbeView, ProcessView, ProjectPhase, Snapshot};
pub use state_name::StateName;
pub use supervisor::{AddedProcesses, Supervisor, SupervisorOptions};
#[cfg(feature = "control")]
pub(crate) use supervisor::{ScaleError, ScalePlan};
pub use why::Explanation;

/// A point on the logical clock: how long pitcrew has been running, time spent suspended left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// The moment that lies this long after the start.
    pub const fn after_start(duration: Duration) -> Self {
        Self(duration)
    }

    /// How long after the start it lies.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long after `earlier` it lies; zero when it does not.
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

/// What can be run once at a time: a process without replicas, one replica, or a job.
///
/// Numbered in the order of the file, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub(crate) u64);

impl ProcessId {
    /// Its number, unique within one engine.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One life of a process: which one, and its number, from 1.
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

/// A wish, the same whether it comes from a key, a signal, a client or a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Start these, and what they depend on.
    Start(Vec<ProcessId>),
    /// Ask these to end: their stop signal, then up to their grace.
    Stop(Vec<ProcessId>),
    /// End these and their trees now.
    Kill(Vec<ProcessId>),
    /// A new run of these in whatever state they are; gives the retry budget back.
    Restart(Vec<ProcessId>),
    /// Send a signal to the groups of these.
    Signal(Vec<ProcessId>, Signal),
    /// End these if they have not started.
    Withdraw(Vec<ProcessId>),
    /// A pool starts nothing until it is resumed; what runs goes on.
    Pause(Name),
    /// A paused pool goes on.
    Resume(Name),
    /// A pool that was added goes when nothing of it is left.
    Dismiss(Name),
    /// End the project in order. Said again, it ends everything at once.
    Shutdown(ShutdownReason),
    /// End every tree now.
    ShutdownNow(ShutdownReason),
}

/// What happened to a run; told by the task that owns it. A fact about an old run changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Exec has succeeded.
    Spawned {
        run: RunId,
        /// The leader, whose pid is also the id of the group.
        pid: u32,
    },
    /// There will be no such run.
    SpawnFailed { run: RunId, error: StartError },
    /// The answer to [`Effect::LookAtPort`].
    PortLooked {
        /// The run that is to start.
        run: RunId,
        /// The first of the ports on which nobody listens.
        free: Option<u16>,
        /// Who listens on the first of all, if somebody does.
        holder: Option<String>,
    },
    /// The leader has ended or everything was killed, but something of the tree is still there, or
    /// its outputs are still being read.
    Lingering {
        run: RunId,
        /// How the leader ended, if it did.
        exit: Option<Exit>,
        /// Who is still there; nobody when it is about the outputs.
        left: Vec<Stray>,
    },
    /// The answer to [`Effect::AskQuiet`]: nothing was printed since then.
    Quiet {
        run: RunId,
        /// When the last byte came, or when the run began.
        since: Moment,
    },
    /// The answer to [`Effect::Probe`].
    Probed {
        run: RunId,
        which: CheckRole,
        /// The number of the probe, as it was asked for.
        number: u32,
        answer: ProbeResult,
    },
    /// A line it printed matches its `log` check.
    Matched {
        run: RunId,
        /// The line, fit to be shown.
        line: String,
    },
    /// It spoke through its `notify` socket.
    Notified {
        run: RunId,
        /// Whether it said that it is ready.
        ready: bool,
        /// What it said about itself.
        status: Option<String>,
    },
    /// The system did not let a signal through to its group.
    SignalFailed {
        run: RunId,
        /// What the system said.
        reason: String,
    },
    /// The run is over: swept, drained and reaped.
    Exited {
        run: RunId,
        /// How the leader ended.
        exit: Exit,
        /// Descendants that outlived it.
        strays: Vec<Stray>,
        /// What it may have ended of: somebody else has its port.
        note: Option<String>,
    },
}

impl Fact {
    /// The run it is about.
    pub fn run(&self) -> RunId {
        match self {
            Self::Spawned { run, .. }
            | Self::SpawnFailed { run, .. }
            | Self::PortLooked { run, .. }
            | Self::Lingering { run, .. }
            | Self::Quiet { run, .. }
            | Self::Probed { run, .. }
            | Self::Matched { run, .. }
            | Self::Notified { run, .. }
            | Self::SignalFailed { run, .. }
            | Self::Exited { run, .. } => *run,
        }
    }
}

/// Files that a process watches have changed, and there was silence since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Whose files they are: a process with all its replicas.
    pub process: Name,
    /// The first that changed, relative to its `cwd`.
    pub path: String,
    /// How many others changed.
    pub more: u64,
    /// When the first change was seen.
    pub first: Moment,
    /// When the last change was seen.
    pub last: Moment,
}

/// One question of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeRequest {
    pub run: RunId,
    /// The leader of that run.
    pub leader: u32,
    pub which: CheckRole,
    /// Grows by one with each probe of the same check.
    pub number: u32,
    /// The number of the replica, where there are replicas.
    pub replica: Option<u32>,
    /// The port in effect.
    pub port: Option<u16>,
    /// Nothing has answered yet, and it is asked more often than the check says.
    pub is_early: bool,
    /// Holds the check.
    pub spec: Arc<ProcessSpec>,
}

/// What must be done to the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start a run; answered by [`Fact::Spawned`] or [`Fact::SpawnFailed`].
    Spawn {
        run: RunId,
        name: Name,
        /// The number of the replica, where there are replicas.
        replica: Option<u32>,
        /// The port in effect.
        port: Option<u16>,
        spec: Arc<ProcessSpec>,
    },
    /// Ask a run to end by the stop policy of `spec`; its grace is watched by the machine.
    Stop {
        run: RunId,
        /// Holds the policy.
        spec: Arc<ProcessSpec>,
    },
    /// End the whole tree of a run.
    Kill { run: RunId },
    /// Send a signal to the group of a run.
    Signal { run: RunId, signal: Signal },
    /// Ask once what a check of a run asks; answered by [`Fact::Probed`] unless that is called off.
    Probe(ProbeRequest),
    /// Look who listens on the port of a process that is to start; answered by
    /// [`Fact::PortLooked`].
    LookAtPort {
        /// The run that is to start.
        run: RunId,
        /// Its port, and those that it can have instead.
        ports: Vec<u16>,
    },
    /// What a process runs before its restart has succeeded: look whether the restart could be carried out.
    /// Answered by [`Input::RestartChecked`].
    CheckRestart { change: FileChange },
    /// Nobody waits for the answers of the probes of a run any more.
    EndProbes { run: RunId },
    /// It has ended for good and is no member any more.
    Over {
        process: ProcessId,
        /// How it was at its end.
        view: Arc<ProcessView>,
    },
    /// A run that is there goes by another spec from now on; it runs what it runs.
    Renew {
        run: RunId,
        name: Name,
        /// The number of the replica, where there are replicas.
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    },
    /// Tell the user about something that is no change of state.
    Tell {
        about: Name,
        /// One sentence.
        text: String,
    },
    /// Say since when a run has been silent; answered by [`Fact::Quiet`].
    AskQuiet { run: RunId },
}

/// Anything that can come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// What happened to a run.
    Fact(Fact),
    Intent(Intent),
    Changed(FileChange),
    /// The answer to [`Effect::CheckRestart`].
    RestartChecked {
        change: FileChange,
        /// The restart could not be carried out, so the process is left as it is.
        is_refused: bool,
    },
    Tick,
}

/// What a step asks for and tells.
#[derive(Debug, Default)]
#[must_use = "effects that are not carried out are lost"]
pub struct Step {
    /// To be carried out in this order.
    pub effects: Vec<Effect>,
    /// To be told in this order; without number and time yet.
    pub events: Vec<Event>,
}
