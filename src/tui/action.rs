//! Actions of the interface, from one table.
//!
//! [`TABLE`] is the only place where an action meets its name, its keys, its words and when it
//! applies: keymap, hints, help, palette, the user's file and the manual read it.

mod applicability;
mod argument;
mod manual;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use argument::{
    ActionCall, Argument, ArgumentError, ArgumentKind, LogLevelArgument, parse_call,
};
pub use manual::keymap as manual;
pub use table::{Action, TABLE};
pub(in crate::tui) use table::{
    GlobalAction, GroupedAction, ListAction, LogsAction, ProcessAction, ViewsAction,
};

use crate::machine::StateName;

/// Where a key is pressed. A key is looked up in the contexts of a [`Focus`], one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere but in prompts and dialogs.
    Global,
    List,
    /// The list or the logs: about the chosen process.
    Process,
    Logs,
    /// The views that take the whole screen: events, graph, stats, details.
    View,
    /// The details of one process.
    Details,
}

impl Context {
    pub const ALL: &'static [Self] =
        &[Self::Global, Self::List, Self::Process, Self::Logs, Self::View, Self::Details];

    /// As it is called in texts.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "everywhere",
            Self::List => "list",
            Self::Process => "list or logs",
            Self::Logs => "logs",
            Self::View => "views",
            Self::Details => "details",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Focus {
    List,
    Logs,
    /// The timeline, the graph or the stats.
    View,
    /// The details of one process.
    Details,
}

impl Focus {
    pub const ALL: &'static [Self] = &[Self::List, Self::Logs, Self::View, Self::Details];

    /// Where a key is looked up, in this order. Keys of the logs work in the list too, where the
    /// list has none of its own.
    pub fn contexts(self) -> &'static [Context] {
        match self {
            Self::List => &[Context::List, Context::Process, Context::Logs, Context::Global],
            Self::Logs => &[Context::Logs, Context::Process, Context::Global],
            Self::View => &[Context::View, Context::Process, Context::Global],
            Self::Details => &[Context::Details, Context::View, Context::Process, Context::Global],
        }
    }
}

/// Under which heading an action stands in help and manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    Process,
    List,
    Logs,
    /// Which view is shown, and moving in it.
    Views,
    Global,
}

impl Group {
    /// All of them, in the order they are shown.
    pub const ALL: &'static [Self] =
        &[Self::Process, Self::List, Self::Logs, Self::Views, Self::Global];

    pub fn title(self) -> &'static str {
        match self {
            Self::Process => "Process (list or logs focused)",
            Self::List => "List",
            Self::Logs => "Logs",
            Self::Views => "Views",
            Self::Global => "Everywhere",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct ActionEntry {
    pub action: Action,
    /// As it is called in the palette and in the user's file: `restart-tree`.
    pub name: &'static str,
    /// What it does, in a few words.
    pub words: &'static str,
    /// What the line of hints says.
    pub hint: &'static str,
    pub group: Group,
    /// What may follow its name in the palette.
    pub takes: ArgumentKind,
    /// Its keys unless the user says otherwise, the usual one first.
    pub keys: &'static [(Context, &'static str)],
    applies: fn(&ActionFacts) -> Result<(), InapplicableReason>,
}

impl ActionEntry {
    /// Whether it would do anything now; otherwise why not.
    pub fn applies(&self, facts: &ActionFacts) -> Result<(), InapplicableReason> {
        (self.applies)(facts)
    }

    /// Where it can be bound: where it has keys, or everywhere.
    pub fn contexts(&self) -> Vec<Context> {
        let mut all: Vec<Context> = self.keys.iter().map(|(context, _)| *context).collect();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            all.push(Context::Global);
        }
        all
    }
}

impl Action {
    pub fn entry(self) -> &'static ActionEntry {
        // The order of the table is that of the enum: a test holds it.
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

/// No action is called so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no action is called `{name}`{}", near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownAction {
    pub name: String,
    /// The one that is spelled most like it.
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

/// Never needed: every action has its row.
const FIRST: &ActionEntry = match TABLE.first() {
    Some(entry) => entry,
    None => unreachable!(),
};

/// Why an action does nothing now, to be shown after its name: `worker has tty = false`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InapplicableReason(pub Cow<'static, str>);

impl fmt::Display for InapplicableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What decides whether an action applies. The model fills it in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub struct ActionFacts {
    /// What the cursor is on; nothing for all.
    pub subject: Option<ActionSubject>,
    /// How many are marked: what is done to the subject is done to them instead.
    pub marks: usize,
    /// Lines are selected in the logs.
    pub selection: bool,
    pub search: bool,
    /// There are lines in the logs.
    pub lines: bool,
    /// What is shown has rows that can be filtered.
    pub filterable: bool,
    pub connected: bool,
    /// The cursor is on the row of all: what an action would be about.
    pub all: Option<AllRow>,
}

/// What the row of all stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AllRow {
    /// So many run or are about to.
    pub up: usize,
    /// So many have a live run.
    pub alive: usize,
    /// So many could be started that start with the project.
    pub down: usize,
}

/// What the cursor is on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub struct ActionSubject {
    /// `worker.1`, made safe.
    pub name: String,
    pub state: StateName,
    /// A row that stands for several: a pool, or all replicas.
    pub several: bool,
    /// It is a pool of jobs.
    pub pool: bool,
    /// It has a terminal of its own.
    pub tty: bool,
    pub port: Option<u16>,
    /// Whether its files are watched now; nothing where it names none.
    pub watch: Option<bool>,
    pub stdin: bool,
}
