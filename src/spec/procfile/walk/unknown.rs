//! Keys that no table of the file has: what each was meant to be, so that one mistake is told once.

use toml::Spanned;
use toml::de::DeValue;

use super::super::foreign_keys;
use super::super::keys::{PROCESS, ROOT};
use super::super::kind::{KeySpec, TableRole, TableShape, ValueKind};
use super::super::tree::{TableEntry, TableNode, Value, ValueNode};
use super::Validator;
use crate::spec::fault::{Fault, SourceSpan};
use crate::spec::nearest::nearest;

const A_PROCESS: &ValueKind = &ValueKind::Runnable(&PROCESS);

/// What an unknown key was probably meant to be.
pub(super) enum Guess {
    /// This key of the same table, with the same value.
    Key(&'static KeySpec),
    /// This key of the same table, with a value that is written in another way.
    Unreadable(&'static KeySpec),
    /// A process outside of `[process]`.
    Process,
}

/// The hint for an unknown key, and what it was meant to be. The words of other tools come first,
/// then a key of a table inside of this one, then what is spelt most like it.
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
    if shape.name == ROOT.name && A_PROCESS.fits(value) {
        return (format!("a process is written as `[process.{name}]`"), Some(Guess::Process));
    }
    (keys_hint(shape), None)
}

impl Validator<'_> {
    /// Tells an unknown key, and gives what it was probably meant to be.
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
                (TableRole::OptionSet, "command") => Some("every process has a command of its own"),
                (TableRole::Job, _) => {
                    Some("make it a process that names the pool with `pool = …`")
                }
                (
                    TableRole::Alone | TableRole::Pool | TableRole::Process | TableRole::OptionSet,
                    _,
                ) => None,
                (TableRole::Ready | TableRole::Health, _) => Some("only `ready` knows it"),
            };
            self.faults.push(Fault::at(place, message).maybe_hint(hint));
            return None;
        }
        let (hint, guess) = guess(shape, name, value);
        let message = if shape.name == ROOT.name {
            format!("unknown key `{name}`")
        } else {
            format!("unknown key `{name}` in {}", shape.label)
        };
        self.faults.push(Fault::at(place, message).with_hint(hint));
        guess
    }

    /// Puts the value of an unknown key where it was meant to be: one mistake is told once, and not
    /// also as what is missing because of it.
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
    /// The tables with known keys that a value can be, not those behind names of the user's own.
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

/// The keys there are, or where they are listed when they are many.
fn keys_hint(shape: &TableShape) -> String {
    const MOST: usize = 12;
    let known = shape.keys.iter().filter(|key| key.is_for(shape.role)).map(|key| key.name);
    let known: Vec<&str> = known.collect();
    if known.len() > MOST {
        return "`pitcrew schema` lists all keys".to_owned();
    }
    format!("its keys are: {}", known.join(", "))
}
