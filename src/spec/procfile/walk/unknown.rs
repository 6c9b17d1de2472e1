//! Unknown keys: what each was meant to be, so that one mistake is reported once.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::foreign_keys;
use super::super::keys::{PROCESS, ROOT, UNPROBED};
use super::super::kind::{KeySpec, TableRole, TableShape, ValueKind};
use super::super::tree::{TableEntry, TableNode, Value, ValueNode};
use super::Validator;
use crate::spec::fault::{Fault, SourceSpan};
use crate::spec::nearest::nearest;

const A_PROCESS: &ValueKind = &ValueKind::Runnable(&PROCESS);

/// The guess what an unknown key means.
pub(super) enum Guess {
    /// A key of the same table, with the same value.
    Key(&'static KeySpec),
    /// A key of the same table, with a value in a different form.
    Unreadable(&'static KeySpec),
    /// A process outside of `[process]`.
    Process,
}

/// Returns the hint and the guess for an unknown key. Keys of other tools come first, then keys of
/// tables inside of this one, then similar spellings.
fn guess(shape: &'static TableShape, name: &str, value: &DeValue<'_>) -> (String, Option<Guess>) {
    let key = |name: &str| shape.own_keys().find(|key| key.name == name);
    if let Some(word) = foreign_keys::find(shape, name) {
        let same = word.same_value().and_then(key).map(Guess::Key);
        let outer = || key(word.outer_key()).map(Guess::Unreadable);
        return (word.hint(), same.or_else(outer));
    }
    let inner = |key: &&KeySpec| {
        key.kind.tables().iter().any(|inner| inner.own_keys().any(|key| key.name == name))
    };
    if let Some(outer) = shape.own_keys().find(inner) {
        return (format!("did you mean `{}.{name}`?", outer.name), None);
    }
    if let Some(near) = nearest(name, shape.own_keys().map(|key| key.name)) {
        return (format!("did you mean `{near}`?"), key(near).map(Guess::Key));
    }
    if shape.name == ROOT.name && is_process(value) {
        return (format!("a process is written as `[process.{name}]`"), Some(Guess::Process));
    }
    (keys_hint(shape), None)
}

/// Whether a value can only be meant as a process: a command, or a table with a key of a process.
fn is_process(value: &DeValue<'_>) -> bool {
    let has_own_key =
        |table: &DeTable<'_>| PROCESS.own_keys().any(|key| table.contains_key(key.name));
    A_PROCESS.fits(value) && value.as_table().is_none_or(has_own_key)
}

impl Validator<'_> {
    /// Reports an unknown key, and returns the guess.
    pub(super) fn unknown_key(
        &mut self,
        shape: &'static TableShape,
        name: &str,
        value: &DeValue<'_>,
        place: &SourceSpan,
    ) -> Option<Guess> {
        if shape.keys.iter().any(|key| key.name == name) {
            let message = format!("{} cannot have the key `{name}`", shape.label);
            let hint = match (shape.role, name) {
                (_, "name") => Some("its name is the key of its table"),
                (TableRole::OptionSet, "command") => Some("each process has its own command"),
                (TableRole::Job, _) => {
                    Some("make it a process that names the pool with `pool = …`")
                }
                (
                    TableRole::Alone | TableRole::Pool | TableRole::Process | TableRole::OptionSet,
                    _,
                ) => None,
                (TableRole::Ready | TableRole::Health, _) => Some("only `ready` has it"),
            };
            self.faults.push(Fault::at(place, message).maybe_hint(hint));
            // A check of the wrong kind is a check: that there is none would be a second mistake.
            let is_check = shape.role == TableRole::Health && UNPROBED.contains(&name);
            let other = shape.own_keys().find(|key| shape.one_of.contains(&key.name));
            return other.filter(|_| is_check).map(Guess::Unreadable);
        }
        let (hint, guess) = guess(shape, name, value);
        let message = if shape.name == ROOT.name {
            format!("unknown key `{name}`")
        } else {
            format!("unknown key `{name}` in {}", shape.label)
        };
        self.faults.push(Fault::at(place, message).with_hint(hint));
        self.is_unclear |= guess.is_none() && shape.name == ROOT.name && value.is_table();
        guess
    }

    /// Uses the value of an unknown key for the key it was meant to be, so that the mistake is not reported
    /// again as a missing key.
    pub(super) fn stand_in(
        &mut self,
        guess: Option<&Guess>,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        place: &SourceSpan,
        fields: &mut TableNode,
    ) {
        let faulty = || ValueNode { place: place.clone(), value: Value::Faulty };
        match guess {
            Some(Guess::Unreadable(key)) => fields.fill(key.name, place, faulty()),
            Some(Guess::Key(key)) if !fields.has(key.name) || value.get_ref().is_table() => {
                let fits = key.kind.fits(value.get_ref());
                let node = if fits { self.node(&key.kind, value) } else { faulty() };
                fields.fill(key.name, place, node);
            }
            None | Some(Guess::Key(_)) => {}
            Some(Guess::Process) => {
                let node = self.node(A_PROCESS, value);
                let mut process = TableNode::default();
                process.insert(name.to_owned(), TableEntry { key: place.clone(), node });
                let node = ValueNode { place: place.clone(), value: Value::Table(process) };
                fields.fill("process", place, node);
            }
        }
    }
}

impl ValueKind {
    /// Returns the tables with known keys that a value can be, without those behind user-defined names.
    fn tables(&self) -> Vec<&'static TableShape> {
        match self {
            Self::Table(shape) => vec![shape],
            Self::Either(kinds) => kinds.iter().flat_map(Self::tables).collect(),
            Self::Text(_)
            | Self::Choice(_)
            | Self::Boolean
            | Self::Only(_)
            | Self::Integer { .. }
            | Self::Number { .. }
            | Self::EnvValue
            | Self::Argv
            | Self::List { .. }
            | Self::OneOrMany(_)
            | Self::Map { .. }
            | Self::Runnable(_) => Vec::new(),
        }
    }
}

/// Lists the keys, or says where they are listed if there are many.
fn keys_hint(shape: &TableShape) -> String {
    const MOST: usize = 12;
    let known = shape.keys.iter().filter(|key| key.is_for(shape.role)).map(|key| key.name);
    let known: Vec<&str> = known.collect();
    if known.len() > MOST {
        return "`pitcrew schema` lists all keys".to_owned();
    }
    format!("its keys are: {}", known.join(", "))
}
