//! Keys of other tools. Each is a mistake whose hint is the corresponding key of pitcrew. The table is
//! `foreign_keys.toml`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::kind::TableShape;

/// The names of one setting in other tools.
#[derive(Debug, Deserialize)]
pub(crate) struct ForeignKey {
    pub(crate) theirs: Vec<String>,
    /// Our key, with dots if it is nested; empty if there is none.
    #[serde(default)]
    pub(crate) ours: String,
    /// What to write if the value has a different form.
    hint: Option<String>,
    /// The first name is a planned key of pitcrew.
    #[serde(default)]
    is_planned: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ForeignKeys {
    /// By the kind of table they occur in.
    pub(crate) keys: HashMap<String, Vec<ForeignKey>>,
    /// Our value for each value of another tool.
    pub(crate) values: HashMap<String, String>,
}

pub(crate) static FOREIGN_KEYS: LazyLock<ForeignKeys> =
    LazyLock::new(|| toml::from_str(include_str!("foreign_keys.toml")).unwrap_or_default());

impl ForeignKey {
    /// Returns the message for a key of this name, in a table such as ` in a process`, and its hint.
    pub(crate) fn message_and_hint(&self, name: &str, table: &str) -> (String, String) {
        let hint = self.hint.clone().unwrap_or_else(|| format!("write `{}` instead", self.ours));
        match self.planned() {
            Some(planned) if planned == name => (not_supported(name), hint),
            Some(planned) => (unknown(name, table), format!("{}; {hint}", not_supported(planned))),
            None => (unknown(name, table), hint),
        }
    }

    /// The planned key of pitcrew with this meaning.
    pub(crate) fn planned(&self) -> Option<&str> {
        self.theirs.first().filter(|_| self.is_planned).map(String::as_str)
    }

    /// What to write if the value has a different form; empty if it has not.
    #[cfg(test)]
    pub(crate) fn hint(&self) -> &str {
        self.hint.as_deref().unwrap_or_default()
    }

    /// Our key with the same value, if it is a key of the same table.
    pub(crate) fn same_value(&self) -> Option<&str> {
        (self.hint.is_none() && !self.ours.contains('.')).then_some(&self.ours)
    }

    /// Our key in the same table, whatever the value is.
    pub(crate) fn outer_key(&self) -> &str {
        self.ours.split('.').next().unwrap_or_default()
    }
}

/// The message for a key that is not supported yet.
pub(crate) fn not_supported(key: &str) -> String {
    format!("`{key}` is not supported yet")
}

/// The message for an unknown key in a table such as ` in a process`.
pub(crate) fn unknown(key: &str, table: &str) -> String {
    format!("unknown key `{key}`{table}")
}

/// The name of the foreign keys that can occur in a table of this shape.
pub(crate) fn section(shape: &TableShape) -> &'static str {
    match shape.name {
        "options" | "job" => "process",
        "ready" | "health" => "check",
        "project-log" => "log",
        name => name,
    }
}

/// Finds a foreign key in a table of this shape.
pub(crate) fn find(shape: &TableShape, key: &str) -> Option<&'static ForeignKey> {
    let key = folded(key);
    let known = FOREIGN_KEYS.keys.get(section(shape))?;
    known.iter().find(|row| row.theirs.iter().any(|theirs| folded(theirs) == key))
}

/// Finds our value for a value of another tool, among `words`.
pub(crate) fn find_value(value: &str, words: &[&str]) -> Option<&'static str> {
    let ours = FOREIGN_KEYS.values.get(value)?;
    words.contains(&ours.as_str()).then_some(ours)
}

/// Returns the hint for a line that is not TOML: a section of supervisord, a line of a Procfile.
pub(crate) fn line_hint(line: &str) -> Option<String> {
    let line = line.trim();
    if let Some(section) = line.strip_prefix('[') {
        let (kind, name) = section.strip_suffix(']')?.split_once(':')?;
        return match kind {
            "program" | "fcgi-program" | "eventlistener" => {
                Some(format!("write `[process.{name}]`"))
            }
            "group" => Some(format!("write `tags = [\"{name}\"]` in each of its processes")),
            _ => None,
        };
    }
    let (name, command) = line.split_once(": ")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_line = !name.is_empty() && name.chars().all(is_name) && !command.trim().is_empty();
    is_line.then(|| format!("write `{name} = {:?}` under `[process]`", command.trim()))
}

fn folded(key: &str) -> String {
    key.to_lowercase().replace(['_', '-'], "")
}
