//! `watch`: files whose change restarts a process.

use std::time::Duration;

use super::{Name, Signal};

/// Files whose change restarts a process, and how.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WatchSpec {
    /// Globs relative to `cwd`, at least one; each was checked.
    pub paths: Vec<String>,
    /// Globs of files that are ignored.
    pub ignore: Vec<String>,
    /// Whether `.gitignore` files apply.
    pub gitignore: bool,
    /// The quiet time after the last change before the action.
    #[serde(rename = "debounce_ms", with = "super::units::milliseconds")]
    #[cfg_attr(feature = "control", schema(value_type = u64))]
    pub debounce: Duration,
    #[cfg_attr(feature = "control", schema(value_type = String))]
    pub action: WatchAction,
    /// The number of consecutive restarts, each soon after the start before, that suspends the watch; 0: never.
    pub suspend_after: u32,
}

impl Default for WatchSpec {
    /// The defaults of the file, without paths.
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

/// The action after a change of a watched file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchAction {
    Restart,
    /// Send a signal to the process group.
    Signal(Signal),
    /// Run this process or job first, and restart only if it succeeded.
    Run(Name),
}

impl std::fmt::Display for WatchAction {
    /// Writes the action as in the file.
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

impl serde::Serialize for WatchAction {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for WatchAction {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|()| {
            let expected = &"restart, signal:NAME or run:NAME";
            serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), expected)
        })
    }
}
