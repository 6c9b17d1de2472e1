//! Parses palette input: the name of an action and its arguments.

use super::{Action, UnknownAction};
use crate::spec::{Signal, choices};
use crate::tui::cycle::following;
use crate::tui::theme::ThemeName;

/// What may follow the name of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgumentKind {
    Nothing,
    /// The name of a process.
    Name,
    /// Names of processes; what is chosen without them.
    Names,
    /// Name and number of replicas, or the number alone.
    Scale,
    Signal,
    /// A text; a prompt asks for it where there is none.
    Text,
    /// All that follows; a prompt asks for it where there is none.
    Rest,
    /// A line for the input of what is chosen.
    Line,
    Level,
    /// The name of a theme.
    Theme,
}

impl ArgumentKind {
    /// As it is shown after the name: `NAME N`.
    pub fn shape(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Name => "[NAME]",
            Self::Names => "[NAME…]",
            Self::Scale => "[NAME] N",
            Self::Signal => "[SIGNAL] [NAME…]",
            Self::Text | Self::Line => "[TEXT]",
            Self::Rest => "COMMAND",
            Self::Level => "[all|debug|info|warn|error]",
            Self::Theme => "[THEME]",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// Nothing: what is chosen is meant, or a prompt or a menu asks.
    None,
    /// Names of processes, as in `pitcrew stop`.
    Names(Vec<String>),
    /// So many replicas of it; of what is chosen without a name.
    Scale {
        name: Option<String>,
        replicas: u32,
    },
    Signal {
        signal: Signal,
        /// For them; what is chosen without names.
        names: Vec<String>,
    },
    Theme(ThemeName),
    /// This level and those above it.
    Level(LogLevelArgument),
    /// A text or a command.
    Text(String),
}

impl Argument {
    /// A text that came with the action.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::None
            | Self::Names(_)
            | Self::Scale { .. }
            | Self::Theme(_)
            | Self::Level(_)
            | Self::Signal { .. } => None,
        }
    }
}

choices! {
    /// How much a line matters.
    #[derive(PartialOrd, Ord, Default)]
    pub enum LogLevelArgument {
        /// Any.
        #[default]
        All = "all",
        /// Told for those who look for a fault.
        Debug = "debug",
        /// Told.
        Info = "info",
        /// To be looked at.
        Warn = "warn",
        /// Something went wrong.
        Error = "error",
    }
}

impl LogLevelArgument {
    /// The one after it; after the last the first.
    #[must_use]
    pub fn next(self) -> Self {
        following(Self::ALL, self)
    }
}

/// An action with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionCall {
    pub action: Action,
    pub argument: Argument,
}

impl From<Action> for ActionCall {
    fn from(action: Action) -> Self {
        Self { action, argument: Argument::None }
    }
}

/// Why a line of the palette cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    #[error(transparent)]
    Unknown(#[from] UnknownAction),
    /// Something follows an action that takes nothing.
    #[error("`{0}` takes nothing after its name")]
    TakesNothing(&'static str),
    #[error("`{0}` takes one name")]
    TakesOne(&'static str),
    /// No number, or none that fits.
    #[error("`{0}` takes a number of replicas: {0} web 3")]
    NoNumber(&'static str),
    #[error("{0}")]
    NoSignal(String),
    #[error("levels are all, debug, info, warn, error")]
    NoLevel,
    #[error("themes are dark, light, contrast, colour-blind, terminal, none")]
    NoTheme,
}

/// Takes a line of the palette apart.
///
/// ```
/// use pitcrew::tui::action::{Action, Argument, parse_call};
///
/// let call = parse_call("scale web 3").unwrap();
/// assert_eq!(call.action, Action::Scale);
/// assert_eq!(call.argument, Argument::Scale { name: Some("web".into()), replicas: 3 });
/// ```
pub fn parse_call(line: &str) -> Result<ActionCall, ArgumentError> {
    let line = line.trim();
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let action: Action = name.parse()?;
    let argument = argument(action, rest.trim())?;
    Ok(ActionCall { action, argument })
}

fn argument(action: Action, rest: &str) -> Result<Argument, ArgumentError> {
    let entry = action.entry();
    let mut words = rest.split_whitespace().map(str::to_owned);
    if rest.is_empty() {
        return match entry.takes {
            ArgumentKind::Scale => Err(ArgumentError::NoNumber(entry.name)),
            ArgumentKind::Nothing
            | ArgumentKind::Name
            | ArgumentKind::Names
            | ArgumentKind::Signal
            | ArgumentKind::Text
            | ArgumentKind::Rest
            | ArgumentKind::Line
            | ArgumentKind::Level
            | ArgumentKind::Theme => Ok(Argument::None),
        };
    }
    Ok(match entry.takes {
        ArgumentKind::Nothing => return Err(ArgumentError::TakesNothing(entry.name)),
        ArgumentKind::Name => match (words.next(), words.next()) {
            (Some(name), None) => Argument::Names(vec![name]),
            _ => return Err(ArgumentError::TakesOne(entry.name)),
        },
        ArgumentKind::Names => Argument::Names(words.collect()),
        ArgumentKind::Scale => scale(entry.name, &words.collect::<Vec<_>>())?,
        ArgumentKind::Signal => {
            let word = words.next().unwrap_or_default();
            let signal = word.parse::<Signal>();
            let signal = signal.map_err(|error| ArgumentError::NoSignal(error.to_string()))?;
            Argument::Signal { signal, names: words.collect() }
        }
        ArgumentKind::Level => Argument::Level(rest.parse().map_err(|_| ArgumentError::NoLevel)?),
        ArgumentKind::Theme => Argument::Theme(rest.parse().map_err(|_| ArgumentError::NoTheme)?),
        ArgumentKind::Text | ArgumentKind::Rest | ArgumentKind::Line => {
            Argument::Text(rest.to_owned())
        }
    })
}

fn scale(name: &'static str, words: &[String]) -> Result<Argument, ArgumentError> {
    let (whose, number) = match words {
        [number] => (None, number),
        [whose, number] => (Some(whose.clone()), number),
        _ => return Err(ArgumentError::NoNumber(name)),
    };
    let replicas = number.parse().map_err(|_| ArgumentError::NoNumber(name))?;
    Ok(Argument::Scale { name: whose, replicas })
}
