//! Value kinds and rules, of which the table of keys is built.

use crate::spec::list_of_words;

/// The kind of a value.
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
    /// A table with known keys.
    Table(&'static TableShape),
    /// Such a table, or its `command` alone; read as a table.
    Runnable(&'static TableShape),
    /// Any of these; the type of the value decides which.
    Either(&'static [ValueKind]),
}

/// The rule for a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StringRule {
    /// Any text without a NUL.
    Any,
    /// Any text that is not blank.
    Title,
    /// A command for the shell: not blank.
    Command,
    /// A path, not blank.
    Path,
    /// The path of an env file; a final `?` means that it may be missing.
    EnvFile,
    /// A name that the user chooses.
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
    /// The address of a page for a browser.
    Page,
    /// `host:port`, or the word `port`.
    Endpoint,
    /// `restart`, `signal:HUP` or `run:NAME`.
    Action,
}

/// A table with known keys.
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

/// The role of a table among those that share a list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableRole {
    /// It shares its list with no other table.
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
    /// The meaning of the key, in whole sentences.
    pub(crate) doc: &'static str,
    pub(crate) required: bool,
    /// The roles that can have it; empty: all tables with this list.
    pub(crate) roles: &'static [TableRole],
}

/// A list of keys. Each has a doc comment, a name, a kind, and calls of the methods of [`KeySpec`].
macro_rules! keys {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:expr $(, $method:ident($($value:expr)?))*;)+) => {
        &[$(
            KeySpec::new(stringify!($name), $kind, concat!($($doc),+))$(.$method($($value)?))*
        ),+]
    };
}
pub(super) use keys;

impl KeySpec {
    pub(super) const fn new(name: &'static str, kind: ValueKind, doc: &'static str) -> Self {
        let doc = doc.trim_ascii_start();
        Self { name, kind, default: "", doc, required: false, roles: &[] }
    }

    pub(super) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) const fn only(self, roles: &'static [TableRole]) -> Self {
        Self { roles, ..self }
    }
}

impl TableShape {
    pub(super) const fn new(name: &'static str, label: &'static str) -> Self {
        Self { name, label, role: TableRole::Alone, keys: &[], one_of: &[] }
    }

    pub(super) const fn keys(self, keys: &'static [KeySpec]) -> Self {
        Self { keys, ..self }
    }

    pub(super) const fn role(self, role: TableRole) -> Self {
        Self { role, ..self }
    }

    pub(super) const fn one_of(self, one_of: &'static [&'static str]) -> Self {
        Self { one_of, ..self }
    }

    /// Whether a table of this name in another file can add missing keys.
    pub(crate) fn is_merged(&self) -> bool {
        matches!(self.role, TableRole::Process | TableRole::Pool)
    }

    /// The keys this table can have.
    pub(crate) fn own_keys(&self) -> impl Iterator<Item = &'static KeySpec> + use<> {
        let role = self.role;
        self.keys.iter().filter(move |key| key.roles.is_empty() || key.roles.contains(&role))
    }

    pub(crate) fn own_key(&self, name: &str) -> Option<&'static KeySpec> {
        self.own_keys().find(|key| key.name == name)
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
            Self::Either(kinds) => kinds.iter().map(Self::words).collect::<Vec<_>>().join(", or "),
        }
    }

    /// The same for the entries of an array.
    fn plural(&self) -> String {
        if let Self::Text(rule) = self {
            return rule.plural().to_owned();
        }
        if let Self::Integer { min, max } = self {
            return format!("integers from {min} to {max}");
        }
        if let Self::Runnable(_) = self {
            return "jobs (command, array of strings or table)".to_owned();
        }
        format!("values, each {}", self.words())
    }

    /// The tables with known keys that a value can be, without those behind user-defined names.
    pub(super) fn tables(&self) -> Vec<&'static TableShape> {
        if let Self::Either(kinds) = self {
            return kinds.iter().flat_map(Self::tables).collect();
        }
        if let Self::Table(shape) = self { vec![shape] } else { Vec::new() }
    }
}

impl StringRule {
    /// For "expected …" and the documentation.
    fn words(self) -> &'static str {
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
            Self::Page => r#"a URL such as "http://localhost:port/""#,
            Self::Endpoint => r#""host:port" or "port""#,
            Self::Action => r#""restart", "signal:NAME" or "run:NAME""#,
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Name | Self::Target | Self::Variable => "names",
            Self::Program => "program names",
            Self::Glob => "globs",
            Self::Path | Self::EnvFile => "paths",
            Self::Any
            | Self::Title
            | Self::Command
            | Self::Duration { .. }
            | Self::Size
            | Self::Signal
            | Self::Regex
            | Self::Url
            | Self::Page
            | Self::Endpoint
            | Self::Action => "strings",
        }
    }
}
