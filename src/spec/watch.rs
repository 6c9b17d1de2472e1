//! `watch`: files whose change restarts a process.

use std::time::Duration;

use super::{Name, Signal};

/// Files whose change restarts a process, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchSpec {
    /// Globs relative to `cwd`, at least one; each was checked.
    pub paths: Vec<String>,
    /// Globs of what does not count.
    pub ignore: Vec<String>,
    /// Honour `.gitignore`.
    pub gitignore: bool,
    /// Silence after the last change before anything happens.
    pub debounce: Duration,
    pub action: WatchAction,
    /// So many restarts in a row, each soon after the start before, suspend the watch; 0: never.
    pub suspend_after: u32,
}

impl Default for WatchSpec {
    /// As if only `paths` were written, which are still to be filled in.
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            ignore: Vec::new(),
            gitignore: true,
            debounce: Duration::from_millis(200),
            action: WatchAction::Restart,
            suspend_after: 10,
        }
    }
}

/// What a change of a watched file does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchAction {
    Restart,
    /// A signal to the group.
    Signal(Signal),
    /// A run of this process or job first, and a new run only if that succeeded.
    Run(Name),
}

impl std::fmt::Display for WatchAction {
    /// As in the file.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Restart => f.write_str("restart"),
            Self::Signal(signal) => write!(f, "signal:{signal}"),
            Self::Run(name) => write!(f, "run:{name}"),
        }
    }
}

impl std::str::FromStr for WatchAction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "restart" => Ok(Self::Restart),
            Some(("signal", signal)) => signal.parse().map(Self::Signal).map_err(|_| ()),
            Some(("run", name)) => Ok(Self::Run(Name::new(name))),
            Some(_) | None => Err(()),
        }
    }
}
