//! Parses palette input: the name of an action and its arguments.

use super::{Action, UnknownAction};
use crate::control::wire::Severity;
use crate::spec::{Signal, UnknownChoice};
use crate::tui::theme::ThemeName;

/// The kind of argument that an action takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgumentKind {
    Nothing,
    /// The name of a process.
    Name,
    /// Names of processes; default: the row at the cursor.
    Names,
    /// The number of replicas, with an optional name before it.
    Scale,
    Signal,
    /// A text; default: a prompt asks for it.
    Text,
    /// A shell command; default: a prompt asks for it.
    Rest,
    /// A line for the input of the process at the cursor.
    Line,
    Level,
    /// The name of a theme.
    Theme,
}

impl ArgumentKind {
    /// Returns the text after the name in help: `NAME N`.
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

    /// Returns the words that complete the argument, apart from names of processes.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            // `trace` shows the same lines as `all`.
            Self::Level => {
                let words = Severity::WORDS.iter().copied();
                std::iter::once("all").chain(words.filter(|word| *word != "trace")).collect()
            }
            Self::Theme => ThemeName::WORDS.to_vec(),
            Self::Signal => {
                vec!["HUP", "INT", "TERM", "USR1", "USR2", "QUIT", "KILL", "STOP", "CONT"]
            }
            Self::Nothing
            | Self::Name
            | Self::Names
            | Self::Scale
            | Self::Text
            | Self::Rest
            | Self::Line => Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// None: the action uses the row at the cursor, or a prompt or a menu.
    None,
    /// Names of processes, as in `pitcrew stop`.
    Names(Vec<String>),
    Scale {
        /// Default: the row at the cursor.
        name: Option<String>,
        replicas: u32,
    },
    Signal {
        signal: Signal,
        /// Default: the row at the cursor.
        names: Vec<String>,
    },
    Theme(ThemeName),
    /// The lowest level; `None` for all lines.
    Level(Option<Severity>),
    /// A text or a command.
    Text(String),
}

impl Argument {
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// An action with its argument.
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

/// Why a line of the palette is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    #[error(transparent)]
    Unknown(#[from] UnknownAction),
    #[error("`{0}` takes nothing after its name")]
    TakesNothing(&'static str),
    #[error("`{0}` takes one name")]
    TakesOne(&'static str),
    #[error("`{0}` takes a number of replicas: {0} web 3")]
    NoNumber(&'static str),
    #[error("{0}")]
    NoSignal(String),
    #[error(transparent)]
    Choice(#[from] UnknownChoice),
}

/// Parses a line of the palette.
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
    if rest.is_empty() && entry.takes != ArgumentKind::Scale {
        return Ok(Argument::None);
    }
    Ok(match entry.takes {
        ArgumentKind::Nothing => return Err(ArgumentError::TakesNothing(entry.name)),
        ArgumentKind::Name => match (words.next(), words.next()) {
            (Some(name), None) => Argument::Names(vec![name]),
            _ => return Err(ArgumentError::TakesOne(entry.name)),
        },
        ArgumentKind::Names => Argument::Names(words.collect()),
        ArgumentKind::Scale => {
            let (number, name) = (words.next_back(), words.next());
            let number = number.filter(|_| words.next().is_none());
            let replicas = number.and_then(|number| number.parse().ok());
            let replicas = replicas.ok_or(ArgumentError::NoNumber(entry.name))?;
            Argument::Scale { name, replicas }
        }
        ArgumentKind::Signal => {
            let word = words.next().unwrap_or_default();
            let signal = word.parse::<Signal>();
            let signal = signal.map_err(|error| ArgumentError::NoSignal(error.to_string()))?;
            Argument::Signal { signal, names: words.collect() }
        }
        ArgumentKind::Level if rest == "all" => Argument::Level(None),
        ArgumentKind::Level => {
            let unknown = |_| UnknownChoice::new(rest, &entry.takes.words());
            Argument::Level(Some(rest.parse().map_err(unknown)?))
        }
        ArgumentKind::Theme => Argument::Theme(rest.parse()?),
        ArgumentKind::Text | ArgumentKind::Rest | ArgumentKind::Line => {
            Argument::Text(rest.to_owned())
        }
    })
}
