//! Actions of the interface, from one table.
//!
//! [`TABLE`] is the only place that defines the name, keys and text of an action, and when it applies: keymap,
//! hints, help, palette, configuration and manual read it.

mod applicability;
mod argument;
mod manual;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

pub use applicability::{NO_SUBJECT, NOT_RUNNING};
pub use argument::{ActionCall, Argument, ArgumentError, ArgumentKind, parse_call};
pub use manual::keymap as manual;
pub use table::{Action, TABLE};
pub(in crate::tui) use table::{
    GlobalAction, GroupedAction, ListAction, LogsAction, ProcessAction, TerminalAction, ViewsAction,
};

use crate::machine::StateName;
use crate::spec::choices;

choices! {
    /// Where a key has an effect; its word is the text for the user.
    #[derive(PartialOrd, Ord)]
    pub enum Context {
        /// Everywhere but in prompts and dialogs.
        Global = "everywhere",
        List = "list",
        /// The list or the logs: about the process at the cursor.
        Process = "list or logs",
        Logs = "logs",
        /// The screen of a process, while keys do not go to it.
        Terminal = "terminal",
        /// The screen of a process, while keys go to it.
        Typing = "typing into a terminal",
        /// The full screens: events, graph, stats, details.
        View = "views",
        /// The details of one process.
        Details = "details",
    }
}

/// The focused part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Focus {
    List,
    Logs,
    /// The screen of a process.
    Terminal,
    /// The process itself: all keys without a meaning here are its own.
    Typing,
    /// The timeline, the graph or the stats.
    View,
    /// The details of one process.
    Details,
}

impl Focus {
    pub const ALL: &'static [Self] =
        &[Self::List, Self::Logs, Self::Terminal, Self::Typing, Self::View, Self::Details];

    /// Returns the contexts in which a key is looked up, in this order. Keys of the logs also work in the
    /// list, unless the list uses them.
    pub fn contexts(self) -> &'static [Context] {
        match self {
            Self::List => &[Context::List, Context::Process, Context::Logs, Context::Global],
            Self::Logs => &[Context::Logs, Context::Process, Context::Global],
            Self::Terminal => {
                &[Context::Terminal, Context::Logs, Context::Process, Context::Global]
            }
            Self::Typing => &[Context::Typing],
            Self::View => &[Context::View, Context::Process, Context::Global],
            Self::Details => &[Context::Details, Context::View, Context::Process, Context::Global],
        }
    }
}

choices! {
    /// The heading of an action in help and manual.
    #[derive(PartialOrd, Ord)]
    pub enum Group {
        Process = "Process (list or logs focused)",
        List = "List",
        Logs = "Logs",
        Terminal = "Terminal",
        /// Which screen is shown, and moving in it.
        Views = "Views",
        Global = "Everywhere",
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct ActionEntry {
    pub action: Action,
    /// The name in the palette and in the configuration: `restart-tree`.
    pub name: &'static str,
    /// Its effect, in a few words.
    pub description: &'static str,
    /// The text in the line of hints.
    pub hint: &'static str,
    pub group: Group,
    /// The argument that may follow its name in the palette.
    pub takes: ArgumentKind,
    /// The default keys, the usual one first.
    pub keys: &'static [(Context, &'static str)],
    applies: fn(&ActionFacts) -> Result<(), InapplicableReason>,
}

impl ActionEntry {
    /// Checks whether the action has an effect now.
    pub fn applies(&self, facts: &ActionFacts) -> Result<(), InapplicableReason> {
        (self.applies)(facts)
    }

    /// Returns the contexts in which it can be bound: those of its keys, or everywhere.
    pub fn contexts(&self) -> Vec<Context> {
        let contexts: BTreeSet<Context> = self.keys.iter().map(|(context, _)| *context).collect();
        if contexts.is_empty() { vec![Context::Global] } else { contexts.into_iter().collect() }
    }
}

impl Action {
    pub fn entry(self) -> &'static ActionEntry {
        // The table has the order of the enum, which a test checks.
        TABLE.get(self as usize).unwrap_or(FIRST)
    }

    /// `restart-tree`
    pub fn name(self) -> &'static str {
        self.entry().name
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no action of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown action `{name}`{}", crate::spec::suggestion(*near))]
pub struct UnknownAction {
    pub name: String,
    /// The action with the most similar name.
    pub near: Option<&'static str>,
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(name: &str) -> Result<Self, UnknownAction> {
        let found = TABLE.iter().find(|entry| entry.name == name);
        found.map(|entry| entry.action).ok_or_else(|| {
            let near = crate::spec::nearest(name, TABLE.iter().map(|entry| entry.name));
            UnknownAction { name: crate::output::safe_name(name).into_owned(), near }
        })
    }
}

/// A fallback that is never needed, as every action has its row.
const FIRST: &ActionEntry = match TABLE.first() {
    Some(entry) => entry,
    None => unreachable!(),
};

/// Why an action has no effect now, shown after its name: `worker is stopped`.
pub type InapplicableReason = Cow<'static, str>;

/// The facts that decide whether an action applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub struct ActionFacts {
    /// The row at the cursor; `None` for the row of all.
    pub subject: Option<ActionSubject>,
    /// The number of marked processes, to which actions are applied instead of the subject.
    pub marks: usize,
    /// Whether text is selected in the logs or on the screen of a process.
    pub selection: bool,
    pub search: bool,
    /// Whether keys go to a process.
    pub typing: bool,
    /// The number of processes that wait for input.
    pub waiting: usize,
    /// Whether the screen has rows that can be filtered.
    pub filterable: bool,
    pub connected: bool,
    /// The row of all, if the cursor is on it.
    pub all: Option<AllRow>,
}

/// The numbers of processes to which an action on the row of all is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AllRow {
    /// Processes that run or are about to.
    pub up: usize,
    /// Processes with a live run.
    pub alive: usize,
    /// Processes that start with the project and do not run.
    pub down: usize,
}

/// The row at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub struct ActionSubject {
    /// `worker.1`, safe for the terminal.
    pub name: String,
    pub state: StateName,
    /// Whether the row stands for several processes: a pool, or all replicas.
    pub several: bool,
    pub pool: bool,
    /// Whether the process has a terminal.
    pub tty: bool,
    /// The address of its page.
    pub url: Option<String>,
    /// Whether its files are watched now; `None` if it declares none.
    pub watch: Option<bool>,
    pub stdin: bool,
}
