//! The spec of one process or job.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::{
    Check, CheckRole, CommandLine, Dependency, Environment, LogPolicy, Name, OutputPattern,
    PortBusy, Probe, Restart, RetryPolicy, ShutdownOn, StdinKind, StopPolicy, WatchSpec, choices,
};

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

impl ProcessSpec {
    /// A process with the defaults of the file for everything else.
    pub fn new(name: Name, kind: ProcessKind, command: CommandLine, cwd: PathBuf) -> Self {
        Self {
            name,
            kind,
            command,
            description: None,
            cwd,
            env: Environment::default(),
            port: None,
            port_busy: PortBusy::Fail,
            color: ColorMode::Auto,
            stdin: StdinKind::Open,
            depends_on: IndexMap::new(),
            ready: None,
            health: None,
            restart: Restart::Never,
            retry: RetryPolicy::default(),
            timeout: None,
            idle_timeout: None,
            stop: StopPolicy::default(),
            success_exit_codes: BTreeSet::from([0]),
            replicas: None,
            pool: None,
            autostart: true,
            tags: BTreeSet::new(),
            shutdown_on: ShutdownOn::Never,
            log: None,
            watch: None,
        }
    }
}

choices! {
    /// Where a process comes from.
    pub enum ProcessKind {
        /// `[process.NAME]`.
        Process = "process",
        /// An entry of `[pool.POOL] jobs`.
        Job = "job",
    }
}

choices! {
    /// When a child without a terminal is asked for colour.
    #[derive(Default)]
    pub enum ColorMode {
        /// When its output is shown in colour.
        #[default]
        Auto = "auto",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

impl ProcessSpec {
    /// The pattern of the line that makes it ready.
    pub(crate) fn ready_line(&self) -> Option<&OutputPattern> {
        match &self.ready.as_ref()?.probe {
            Probe::Log(pattern) => Some(pattern),
            Probe::Exec(_)
            | Probe::Http(..)
            | Probe::Tcp(_)
            | Probe::Unix(_)
            | Probe::File(_)
            | Probe::Delay(_)
            | Probe::Notify => None,
        }
    }

    /// One of its checks, if it has it.
    pub fn check(&self, which: CheckRole) -> Option<&Check> {
        match which {
            CheckRole::Ready => self.ready.as_ref(),
            CheckRole::Health => self.health.as_ref(),
        }
    }

    /// The port of one replica, or of the process itself.
    pub fn port_of(&self, replica: Option<u32>) -> Option<u16> {
        let first = u32::from(self.port?);
        u16::try_from(first + replica.unwrap_or(1).saturating_sub(1)).ok()
    }
}
