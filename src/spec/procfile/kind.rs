//! Value kinds and rules, of which the table of keys is built.

use crate::spec::list_of_words;

/// What a value can be.
#[derive(Debug)]
pub(crate) enum ValueKind {
    /// A string that follows a rule.
    Text(StringRule),
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// Only this value; the other one would have no effect.
    Only(bool),
    Integer {
        min: i64,
        max: i64,
    },
    /// A number, with or without a decimal point.
    Number {
        min: f64,
        max: f64,
    },
    /// The value of an environment variable: string, number or boolean; read as text.
    EnvValue,
    /// A program and its arguments, as an array of strings.
    Argv,
    List {
        of: &'static ValueKind,
        min: usize,
    },
    /// An array, or one entry alone; read as an array.
    OneOrMany(&'static ValueKind),
    /// A table whose keys are chosen by the user.
    Map {
        key: StringRule,
        of: &'static ValueKind,
    },
    /// A table with keys that are known.
    Table(&'static TableShape),
    /// Such a table, or its `command` alone; read as a table.
    Runnable(&'static TableShape),
    /// Any of these; the type of the value says which.
    Either(&'static [ValueKind]),
}

/// What a string must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StringRule {
    /// Any text without a NUL.
    Any,
    /// Any text that is not blank.
    Title,
    /// A command for the shell: not blank.
    Command,
    /// A path, not empty.
    Path,
    /// The path of an env file; a final `?` means that it may be missing.
    EnvFile,
    /// A name of the user's own.
    Name,
    /// A name, or `POOL.N` for a job without a name.
    Target,
    /// The name of an environment variable.
    Variable,
    /// The name of a program as the kernel shows it: no slash.
    Program,
    Duration {
        zero: bool,
    },
    Size,
    Signal,
    Regex,
    Glob,
    /// `http://…`, or a path for the process's own port.
    Url,
    /// `host:port`, or the word `port`.
    Endpoint,
    /// `restart`, `signal:HUP` or `run:NAME`.
    Action,
}

/// A table with keys that are known.
#[derive(Debug)]
pub(crate) struct TableShape {
    /// Its name in the schema and as an anchor in the documentation.
    pub(crate) name: &'static str,
    /// Its name in messages: "a process".
    pub(crate) label: &'static str,
    pub(crate) role: TableRole,
    pub(crate) keys: &'static [KeySpec],
    /// Exactly one of these keys is required; empty: no such rule.
    pub(crate) one_of: &'static [&'static str],
}

/// The role of a table among those with a common list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableRole {
    /// It has a list of its own.
    Alone,
    Pool,
    Process,
    OptionSet,
    Job,
    Ready,
    Health,
}

/// One key of a table.
#[derive(Debug)]
pub(crate) struct KeySpec {
    pub(crate) name: &'static str,
    pub(crate) kind: ValueKind,
    /// The default for the documentation; empty if there is none.
    pub(crate) default: &'static str,
    /// What it means, in whole sentences.
    pub(crate) doc: &'static str,
    pub(crate) required: bool,
    /// The roles that can have it; empty: all with this list.
    pub(crate) roles: &'static [TableRole],
}

impl KeySpec {
    pub(crate) const fn new(
        name: &'static str,
        kind: ValueKind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind, default, doc, required: false, roles: &[] }
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) const fn only(self, roles: &'static [TableRole]) -> Self {
        Self { roles, ..self }
    }

    pub(crate) fn is_for(&self, role: TableRole) -> bool {
        self.roles.is_empty() || self.roles.contains(&role)
    }
}

impl TableShape {
    /// Whether a table of this name in another file can add what is missing here.
    pub(crate) fn is_merged(&self) -> bool {
        matches!(self.role, TableRole::Process | TableRole::Pool)
    }

    /// The keys this table can have.
    pub(crate) fn own_keys(&'static self) -> impl Iterator<Item = &'static KeySpec> {
        self.keys.iter().filter(|key| key.is_for(self.role))
    }
}

impl ValueKind {
    /// For "expected …" and the documentation.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Text(rule) => rule.words().to_owned(),
            Self::Choice(words) => list_of_words(words),
            Self::Boolean => "a boolean".to_owned(),
            Self::Only(value) => format!("`{value}`"),
            Self::Integer { min, max } if *max >= i64::from(u32::MAX) => {
                format!("an integer of at least {min}")
            }
            Self::Integer { min, max } => format!("an integer from {min} to {max}"),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
            Self::EnvValue => "a string, integer, float or boolean".to_owned(),
            Self::Argv => "an array of strings".to_owned(),
            Self::List { of, .. } => format!("an array of {}", of.plural()),
            Self::OneOrMany(of) => format!("{}, or an array of {}", of.words(), of.plural()),
            Self::Map { key, of } => format!("a table from {} to {}", key.words(), of.words()),
            Self::Table(_) => "a table".to_owned(),
            Self::Runnable(_) => "a table, a command or an array of strings".to_owned(),
            Self::Either(kinds) => {
                let words: Vec<String> = kinds.iter().map(Self::words).collect();
                words.join(", or ")
            }
        }
    }

    /// The same for many of them.
    fn plural(&self) -> String {
        match self {
            Self::Text(StringRule::Name | StringRule::Target | StringRule::Variable) => {
                "names".to_owned()
            }
            Self::Text(StringRule::Program) => "program names".to_owned(),
            Self::Text(StringRule::Glob) => "globs".to_owned(),
            Self::Text(StringRule::Path | StringRule::EnvFile) => "paths".to_owned(),
            Self::Text(_) => "strings".to_owned(),
            Self::Integer { min, max } => format!("integers from {min} to {max}"),
            Self::Runnable(_) => "jobs (command, array of strings or table)".to_owned(),
            Self::Choice(_)
            | Self::Boolean
            | Self::Only(_)
            | Self::Number { .. }
            | Self::EnvValue
            | Self::Argv
            | Self::List { .. }
            | Self::OneOrMany(_)
            | Self::Map { .. }
            | Self::Table(_)
            | Self::Either(_) => format!("values, each {}", self.words()),
        }
    }
}

impl StringRule {
    /// For "expected …" and the documentation.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Any | Self::Title => "a string",
            Self::Command => "a command",
            Self::Path | Self::EnvFile => "a path",
            Self::Name => "a name",
            Self::Target => "the name of a process, job or pool",
            Self::Variable => "the name of a variable",
            Self::Program => "the name of a program",
            Self::Duration { .. } => r#"a duration such as "10s""#,
            Self::Size => r#"a size such as "10MiB""#,
            Self::Signal => r#"a signal such as "TERM""#,
            Self::Regex => "a regular expression",
            Self::Glob => "a glob",
            Self::Url => r#"a URL such as "http://127.0.0.1:8080/""#,
            Self::Endpoint => r#""host:port" or "port""#,
            Self::Action => r#""restart", "signal:NAME" or "run:NAME""#,
        }
    }
}
