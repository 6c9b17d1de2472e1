//! Project specification: the checked and resolved form of a `procfile.toml` (or of a library call).
//!
//! Everything here is plain data that was verified once; no later layer handles raw files, defaults
//! or merge rules. The layer does no I/O except reading the files it is given.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

mod check;
mod choices;
mod diff;
#[cfg(test)]
mod docs;
mod env_file;
mod environment;
mod exit;
mod fault;
mod format;
mod locate;
mod log;
mod nearest;
mod port;
mod process;
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
    Check, CheckRole, Endpoint, OutputPattern, Port, Probe, ProbeKind, ProbeResult, Url, one_line,
};
pub use choices::UnknownChoice;
#[cfg(feature = "control")]
pub(crate) use choices::words_schema;
pub(crate) use choices::{choices, deserialize_word, list_of_words};
pub use diff::{PlannedRestart, RestartReason, SpecDiff};
#[cfg(feature = "cli")]
pub(crate) use env_file::MAX_FILE_SIZE;
pub(crate) use env_file::silent_pipe_message;
pub(crate) use environment::NEVER_INHERITED;
pub use environment::{EnvValue, Environment};
pub use exit::{Exit, StartError, StartErrorKind, Stray};
pub use fault::{CheckReport, Fault, FaultItem, Faults};
#[cfg(feature = "control")]
pub(crate) use format::list_with;
pub(crate) use format::{and_more, first_of};
pub use format::{
    counted, format_age, format_duration, format_limit, format_size, format_time_left,
    io_error_text, thousands,
};
#[cfg(feature = "cli")]
pub(crate) use locate::is_stdin;
pub use locate::{
    FILE, LOCAL_FILE, LoadedProject, ProjectLocator, STDIN, find, inspect, load, load_with_notice,
    report,
};
pub use log::LogPolicy;
pub use nearest::nearest;
pub(crate) use nearest::{Distance, distance, suggestion};
pub use port::PortBusy;
pub(crate) use port::port_variables;
pub use process::{ColorMode, ProcessKind, ProcessSpec};
#[cfg(feature = "control")]
pub(crate) use procfile::name_fault;
pub use schema::schema;
pub use signal::{Signal, UnknownSignal};
#[cfg(feature = "control")]
pub use source_location::place_of;
pub use stdin::StdinKind;
pub(crate) use stray_allowlist::is_kept;
pub use units::{UnitError, parse_duration, parse_size};
pub use watch::{WatchAction, WatchSpec};

/// The name of a process, job, pool, tag or replica, such as `web` or `worker.2`.
///
/// Cheap to clone; compared and hashed as text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema), schema(value_type = String))]
pub struct Name(Arc<str>);

impl Name {
    /// Creates a name without validation; names in files are validated when the file is checked.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The name as text.
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

impl std::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl PartialEq<String> for Name {
    fn eq(&self, other: &String) -> bool {
        **self == **other
    }
}

impl PartialEq<Name> for String {
    fn eq(&self, other: &Name) -> bool {
        **self == **other
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A checked project: every name in it exists, and no dependency is circular.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Settings of the project.
    pub project: Project,
    /// Processes and jobs in the order of the file (processes first, then the jobs of each pool).
    pub processes: IndexMap<Name, Arc<ProcessSpec>>,
    /// Pools in the order of the file.
    pub pools: IndexMap<Name, Arc<PoolSpec>>,
    /// A process with the defaults of the file, for processes that are added while the project runs.
    pub template: Option<Arc<ProcessSpec>>,
}

/// Settings of the project as a whole, and its files.
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
    /// Every named env file that is a regular file, or optional and missing.
    pub env_files: Vec<PathBuf>,
    /// Every env file that is a pipe, a device, or a descriptor such as `/dev/fd/63`.
    pub env_pipes: Vec<PathBuf>,
    /// `[project] reload`: read all files again when one of them changes.
    pub reload: bool,
    /// Limits of the stored output.
    pub output: OutputLimits,
    /// `[project] log.dir`: the folder of the log files, if there is one.
    pub log_dir: Option<PathBuf>,
}

/// `output = { memory, line }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimits {
    /// The number of bytes in memory for all processes, including the index.
    pub memory: u64,
    /// The maximum length of a line in bytes; a longer line is split into pieces of this size.
    pub line: u64,
}

impl Default for OutputLimits {
    fn default() -> Self {
        Self { memory: 256 << 20, line: 64 << 10 }
    }
}

/// A command line; serialized as the program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(into = "Vec<String>", from = "Vec<String>")]
pub enum CommandLine {
    /// Text for a shell: `shell` is the program and its arguments, the text comes last.
    Shell {
        /// Such as `["/bin/sh", "-c"]`.
        shell: Vec<String>,
        /// The text that the shell runs.
        script: String,
    },
    /// A program and its arguments; nothing is expanded. Never empty.
    Argv(Vec<String>),
}

impl CommandLine {
    /// Returns the program and its arguments.
    pub(crate) fn argv(&self) -> Vec<String> {
        match self {
            Self::Argv(argv) => argv.clone(),
            Self::Shell { shell, script } => shell.iter().chain([script]).cloned().collect(),
        }
    }
}

impl From<CommandLine> for Vec<String> {
    fn from(command: CommandLine) -> Self {
        command.argv()
    }
}

impl From<Vec<String>> for CommandLine {
    fn from(argv: Vec<String>) -> Self {
        Self::Argv(argv)
    }
}

/// The condition that a dependant waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub struct Dependency {
    /// The condition that the dependency must reach.
    pub condition: Condition,
    /// A new run of the dependency restarts the dependant too, once the condition holds again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
}

choices! {
    /// The condition of a dependency.
    pub enum Condition {
        /// Exec has succeeded.
        Started = "started",
        /// Ready now (a level).
        Ready = "ready",
        /// The last run ended well.
        Succeeded = "succeeded",
        /// Ended permanently.
        Completed = "completed",
    }
}

impl Condition {
    /// Returns the phrase after "waits for it to".
    pub fn goal(self) -> &'static str {
        match self {
            Self::Started => "start",
            Self::Ready => "be ready",
            Self::Succeeded => "succeed",
            Self::Completed => "end",
        }
    }
}

choices! {
    /// Whether a run that ended by itself is followed by another.
    pub enum Restart {
        /// It is not.
        Never = "never",
        /// When it failed.
        OnFailure = "on-failure",
        /// After success and failure.
        Always = "always",
    }
}

/// How many times a failed run is retried, and after which delays.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub struct RetryPolicy {
    /// The number of retries; `None` means unlimited.
    pub attempts: Option<u32>,
    /// Delay before the first retry.
    #[serde(rename = "initial_ms", with = "units::milliseconds")]
    #[cfg_attr(feature = "control", schema(value_type = u64))]
    pub initial: Duration,
    /// Growth from one retry to the next, at least 1.
    pub factor: f64,
    /// Longest delay.
    #[serde(rename = "max_ms", with = "units::milliseconds")]
    #[cfg_attr(feature = "control", schema(value_type = u64))]
    pub max: Duration,
    /// Share of the delay by which it varies, 0 to 1.
    pub jitter: f64,
    /// A run of at least this duration resets the retry budget.
    #[serde(rename = "reset_after_ms", with = "units::milliseconds")]
    #[cfg_attr(feature = "control", schema(value_type = u64))]
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
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub struct StopPolicy {
    /// Sent to the group first.
    pub signal: Signal,
    /// The grace period, after which the whole tree is killed.
    #[serde(rename = "grace_ms", with = "units::milliseconds")]
    #[cfg_attr(feature = "control", schema(value_type = u64))]
    pub grace: Duration,
    /// Runs instead of the signal, with the process's folder and environment.
    #[cfg_attr(feature = "control", schema(value_type = Option<Vec<String>>))]
    pub command: Option<CommandLine>,
    /// What happens to descendants that outlive the leader.
    pub strays: StraysPolicy,
    /// Names of programs that are never ended as strays, as the kernel shows them.
    #[serde(skip)]
    pub keep: Arc<BTreeSet<String>>,
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self {
            signal: Signal::TERM,
            grace: Duration::from_secs(10),
            command: None,
            strays: StraysPolicy::default(),
            keep: stray_allowlist::default_allowlist(),
        }
    }
}

choices! {
    /// What happens to descendants that outlive the leader.
    #[derive(Default)]
    pub enum StraysPolicy {
        /// The whole tree is ended.
        #[default]
        Kill = "kill",
        /// Only the rest of the group is ended.
        Group = "group",
        /// None is ended.
        Leave = "leave",
    }
}

choices! {
    /// Whether the permanent end of a process ends the project.
    #[derive(Default)]
    pub enum ShutdownOn {
        /// It does not.
        #[default]
        Never = "never",
        /// When it failed.
        Failure = "failure",
        /// After success and failure.
        Exit = "exit",
    }
}

/// A pool: a queue with a fixed number of slots.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolSpec {
    pub name: Name,
    /// The number of slots, at least 1.
    pub concurrency: u32,
    /// What happens to the other members after the first final failure.
    pub on_failure: OnFailure,
    /// Whether its members start with the project.
    pub autostart: bool,
    /// Jobs of the file, in order.
    pub jobs: Vec<Name>,
    /// A job with the defaults of the file and the name of the pool, for jobs that are added while the
    /// project runs.
    pub template: Option<Arc<ProcessSpec>>,
}

choices! {
    /// What the first final failure of a member of a pool does to the other members.
    #[derive(Default)]
    pub enum OnFailure {
        /// Nothing.
        #[default]
        Continue = "continue",
        /// Queued ones become skipped, running ones are stopped.
        Stop = "stop",
    }
}
