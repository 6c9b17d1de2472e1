//! What was asked, after checking: the resolved form of a `procfile.toml` (or of a library call).
//!
//! Everything in here is plain data that was verified once; no later layer has to look at a raw
//! file, a default or a merge rule again. The layer does no I/O but reading the files it is given.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

mod check;
mod diff;
#[cfg(test)]
mod docs;
mod env_file;
mod environment;
mod exit;
mod fault;
mod locate;
mod log;
mod nearest;
mod port;
mod procfile;
mod resolve;
mod schema;
mod signal;
#[cfg(feature = "control")]
mod source_location;
mod stdin;
mod stray_allowlist;
mod units;
mod watch;

pub use check::{
    Check, CheckRole, Endpoint, OutputPattern, Port, Probe, ProbeResult, Url, one_line,
};
pub use diff::{PlannedRestart, RestartReason, SpecDiff};
pub(crate) use env_file::waits_for;
pub(crate) use environment::NEVER_INHERITED;
pub use environment::{EnvValue, Environment};
pub use exit::{Exit, StartError, StartErrorKind, Stray};
pub use fault::{CheckReport, Fault, Faults};
pub use locate::{
    FILE, LOCAL_FILE, LoadedProject, ProjectLocator, STDIN, find, inspect, load, load_and_tell,
    report,
};
#[cfg(feature = "cli")]
pub(crate) use locate::{LARGEST, is_stdin};
pub use log::LogPolicy;
pub use nearest::nearest;
pub(crate) use nearest::{Distance, distance};
pub use port::PortBusy;
#[cfg(feature = "control")]
pub(crate) use procfile::name_fault;
pub use schema::schema;
pub use signal::{Signal, UnknownSignal};
#[cfg(feature = "control")]
pub use source_location::place_of;
pub use stdin::StdinKind;
pub(crate) use stray_allowlist::is_kept;
pub use units::{UnitError, format_size, parse_duration, parse_size};
pub use watch::{WatchAction, WatchSpec};

/// The name of a process, job, pool, tag or replica, such as `web` or `worker.2`.
///
/// Cheap to clone; compared and hashed as text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Name(Arc<str>);

impl Name {
    /// Takes the text as it is; whether it is a *valid* name is decided where a file is checked.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of replica `number` of this process: `worker` and 2 give `worker.2`.
    #[must_use]
    pub fn replica(&self, number: u32) -> Self {
        Self(Arc::from(format!("{}.{number}", self.0)))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A whole project, checked: every name that is mentioned exists, and no dependency is circular.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// What holds for the project as a whole.
    pub project: Project,
    /// Processes and jobs in the order of the file (processes first, then the jobs of each pool).
    pub processes: IndexMap<Name, Arc<ProcessSpec>>,
    /// Pools in the order of the file.
    pub pools: IndexMap<Name, Arc<PoolSpec>>,
    /// What the file says of every process; for those that come while the project runs.
    pub blank: Option<Arc<ProcessSpec>>,
}

/// What holds for the project as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// `[project] name`, or the name of the folder.
    pub name: String,
    /// Canonical path of the first file: this *is* the project's identity.
    pub file: PathBuf,
    /// Folder of that file; the default `cwd`.
    pub dir: PathBuf,
    /// Every file that was read, the first one first; env files are not in here.
    pub files: Vec<PathBuf>,
    /// Every env file that is named and is a file, also those that may be missing and are.
    pub env_files: Vec<PathBuf>,
    /// Every env file that is a pipe, a device, or a descriptor such as `/dev/fd/63`.
    pub env_pipes: Vec<PathBuf>,
    /// `[project] reload`: read it all again when one of these files changes.
    pub reload: bool,
    /// Bounds of what is kept of the output.
    pub output: OutputLimits,
    /// `[project] log.dir`: the folder of the log files, if there is one.
    pub log_dir: Option<PathBuf>,
}

/// `output = { memory, line }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimits {
    /// Bytes kept in memory over all processes, text and index counted.
    pub memory: u64,
    /// Longest line kept whole, in bytes; a longer one is cut in pieces of this size.
    pub line: u64,
}

impl Default for OutputLimits {
    fn default() -> Self {
        Self { memory: 256 << 20, line: 64 << 10 }
    }
}

/// How a command is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// Text for a shell: `shell` is the program and its arguments, the text comes last.
    Shell {
        /// Such as `["/bin/sh", "-c"]`.
        shell: Vec<String>,
        /// What the shell runs.
        script: String,
    },
    /// A program and its arguments; nothing is expanded. Never empty.
    Argv(Vec<String>),
}

/// One process or job, every option set and default already merged in.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessSpec {
    /// Name of the process (not of a replica).
    pub name: Name,
    /// Whether it is a `[process.*]` or a job of a pool.
    pub kind: ProcessKind,
    pub command: CommandLine,
    /// Free text for the interface.
    pub description: Option<String>,
    /// Absolute working folder.
    pub cwd: PathBuf,
    /// The environment, layered; see [`Environment`].
    pub env: Environment,
    /// `port`: sets `PORT` (replica N: port + N − 1) and fills the PORT column.
    pub port: Option<u16>,
    /// What happens when somebody else listens on `port` before a start.
    pub port_busy: PortBusy,
    /// When colour is asked of a child that has no terminal.
    pub color: ColorMode,
    pub stdin: StdinKind,
    /// Process, job or pool → what it must have reached first.
    pub depends_on: IndexMap<Name, Dependency>,
    /// When it counts as ready; nothing: as soon as it has started.
    pub ready: Option<Check>,
    /// Failing it ends the run.
    pub health: Option<Check>,
    /// Whether a run that ended by itself is followed by another.
    pub restart: Restart,
    /// How often and when it is tried again.
    pub retry: RetryPolicy,
    /// Longest life of one run.
    pub timeout: Option<Duration>,
    /// Longest silence on both outputs.
    pub idle_timeout: Option<Duration>,
    pub stop: StopPolicy,
    /// Exit codes that mean success.
    pub success_exit_codes: BTreeSet<i32>,
    /// `None`: the key is not there and the name stays plain; `Some(n)`: `name.1` … `name.n`.
    pub replicas: Option<u32>,
    /// The pool whose slot it takes while alive. Always there for a job.
    pub pool: Option<Name>,
    /// Whether it starts with the project.
    pub autostart: bool,
    /// For `@TAG` on the command line.
    pub tags: BTreeSet<Name>,
    /// Whether its end for good ends the project.
    pub shutdown_on: ShutdownOn,
    /// Where its raw output goes.
    pub log: Option<LogPolicy>,
    /// Files whose change restarts it.
    pub watch: Option<Arc<WatchSpec>>,
}

/// Where a process comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessKind {
    /// `[process.NAME]`.
    Process,
    /// An entry of `[pool.POOL] jobs`.
    Job,
}

/// When a child without a terminal is asked for colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ColorMode {
    /// When its output is shown in colour.
    #[default]
    Auto,
    Always,
    Never,
}

/// What a dependant waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dependency {
    pub condition: Condition,
    /// A new run of the dependency restarts the dependant too, once the condition holds again.
    pub restart: bool,
}

/// The condition of a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Exec has succeeded.
    Started,
    /// Ready now (a level).
    Ready,
    /// The last run ended well.
    Succeeded,
    /// Ended for good.
    Completed,
}

impl Condition {
    /// What a dependency has to do, after "waits for it to".
    pub fn goal(self) -> &'static str {
        match self {
            Self::Started => "start",
            Self::Ready => "be ready",
            Self::Succeeded => "succeed",
            Self::Completed => "end",
        }
    }

    /// As in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Succeeded => "succeeded",
            Self::Completed => "completed",
        }
    }
}

/// Whether a run that ended by itself is followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Restart {
    Never,
    OnFailure,
    Always,
}

/// How often and when something is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Extra tries after the first; `None` means unlimited.
    pub attempts: Option<u32>,
    /// Delay before the first retry.
    pub initial: Duration,
    /// Growth from one retry to the next, at least 1.
    pub factor: f64,
    /// Longest delay.
    pub max: Duration,
    /// Share of the delay by which it varies, 0 to 1.
    pub jitter: f64,
    /// A run that lasted this long gives the whole budget back.
    pub reset_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: Some(5),
            initial: Duration::from_millis(500),
            factor: 2.0,
            max: Duration::from_secs(30),
            jitter: 0.1,
            reset_after: Duration::from_secs(30),
        }
    }
}

/// How a process is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopPolicy {
    /// Sent to the group first.
    pub signal: Signal,
    /// How long it may take before everything left is killed.
    pub grace: Duration,
    /// Runs instead of the signal, with the process's folder and environment.
    pub command: Option<CommandLine>,
    /// What happens to descendants that are left when the leader has ended.
    pub strays: StraysPolicy,
    /// Program names that are never ended as strays, by the name the kernel shows.
    pub keep: Arc<BTreeSet<String>>,
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self {
            signal: Signal::TERM,
            grace: Duration::from_secs(10),
            command: None,
            strays: StraysPolicy::default(),
            keep: stray_allowlist::usual(),
        }
    }
}

/// What happens to descendants that are left when the leader has ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum StraysPolicy {
    /// The whole tree is ended.
    #[default]
    Kill,
    /// Only the rest of the group is ended.
    Group,
    /// None is ended.
    Leave,
}

/// Whether the end of a process for good ends the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ShutdownOn {
    /// It does not.
    #[default]
    Never,
    /// When it failed.
    Failure,
    /// Whatever happened.
    Exit,
}

/// A pool: a queue with a fixed number of slots.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolSpec {
    /// Its name.
    pub name: Name,
    /// Slots, at least 1.
    pub concurrency: u32,
    /// What the first member that fails for good does to the others.
    pub on_failure: OnFailure,
    /// Whether its members start with the project.
    pub autostart: bool,
    /// Jobs of the file, in order.
    pub jobs: Vec<Name>,
    /// A job that says nothing for itself but what comes from the file; `POOL` is its name. For
    /// jobs that come while the project runs.
    pub blank: Option<Arc<ProcessSpec>>,
}

/// What the first member of a pool that fails for good does to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// Nothing.
    Continue,
    /// Queued ones become skipped, running ones are stopped.
    Stop,
}
