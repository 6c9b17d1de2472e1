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
    /// A page of the process; see [`Self::page`].
    pub url: Option<String>,
    /// What happens when another program listens on `port` before a start.
    pub port_busy: PortBusy,
    /// Whether a child without a terminal is asked for colour.
    pub color: ColorMode,
    pub stdin: StdinKind,
    /// Whether it has a pseudo-terminal.
    pub tty: bool,
    /// Whether HUP follows the stop signal: with `tty`, unless `stop` names a signal or a command.
    pub hangs_up: bool,
    /// The condition that each of these processes, jobs and pools must fulfil before the start.
    pub depends_on: IndexMap<Name, Dependency>,
    /// The check that makes it ready; `None`: it is ready as soon as it has started.
    pub ready: Option<Check>,
    /// The check that ends the run when it fails.
    pub health: Option<Check>,
    /// Whether a run that ended by itself is followed by another.
    pub restart: Restart,
    /// The number of retries and the delays before them.
    pub retry: RetryPolicy,
    /// The maximum duration of one run.
    pub timeout: Option<Duration>,
    /// The maximum time without output on both streams.
    pub idle_timeout: Option<Duration>,
    pub stop: StopPolicy,
    /// Exit codes that mean success.
    pub success_exit_codes: BTreeSet<i32>,
    /// `None`: the name has no number; `Some(n)`: `name.1` … `name.n`.
    pub replicas: Option<u32>,
    /// The pool whose slot it takes while it is alive; always set for a job.
    pub pool: Option<Name>,
    /// Whether it starts with the project.
    pub autostart: bool,
    /// For `@TAG` on the command line.
    pub tags: BTreeSet<Name>,
    /// Whether its permanent end ends the project.
    pub shutdown_on: ShutdownOn,
    /// The log file for its raw output.
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
            url: None,
            port_busy: PortBusy::Fail,
            color: ColorMode::Auto,
            stdin: StdinKind::Open,
            tty: false,
            hangs_up: false,
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

    /// The pattern of the line that makes it ready.
    pub(crate) fn ready_line(&self) -> Option<&OutputPattern> {
        let Probe::Log(pattern) = &self.ready.as_ref()?.probe else { return None };
        Some(pattern)
    }

    /// Returns its check in this role.
    pub fn check(&self, role: CheckRole) -> Option<&Check> {
        match role {
            CheckRole::Ready => self.ready.as_ref(),
            CheckRole::Health => self.health.as_ref(),
        }
    }

    /// Returns the port of one replica, or of the process itself.
    pub fn port_of(&self, replica: Option<u32>) -> Option<u16> {
        let first = u32::from(self.port?);
        u16::try_from(first + replica.unwrap_or(1).saturating_sub(1)).ok()
    }

    /// The address of its page when it listens on `port`: its `url`, or else the root there.
    pub fn page(&self, port: Option<u16>) -> Option<String> {
        let Some(url) = &self.url else {
            return port.map(|port| format!("http://127.0.0.1:{port}"));
        };
        Some(match (split_at_port(url), port) {
            (Some((host, path)), Some(port)) => format!("{host}:{port}{path}"),
            _ => url.clone(),
        })
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

/// Splits a URL at `:port`, if that is the port of its authority: `http://localhost` and `/admin`.
pub(super) fn split_at_port(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?.strip_suffix(":port")?;
    let (before, after) = url.split_at_checked(scheme.len() + "://".len() + host.len())?;
    Some((before, after.strip_prefix(":port")?))
}
