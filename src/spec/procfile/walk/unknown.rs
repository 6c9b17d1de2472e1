//! Keys that no table of the file has: what each was meant to be, so that one mistake is told once.

use toml::Spanned;
use toml::de::DeValue;

use super::super::foreign;
use super::super::keys::{PROCESS, ROOT};
use super::super::kind::{Key, Kind, Role, Shape};
use super::super::tree::{Entry, Fields, Node, Value};
use super::Walk;
use crate::spec::fault::{Fault, Place};
use crate::spec::nearest::nearest;

const A_PROCESS: &Kind = &Kind::Runnable(&PROCESS);

/// What an unknown key was probably meant to be.
pub(super) enum Guess {
    /// This key of the same table, with the same value.
    Key(&'static Key),
    /// This key of the same table, with a value that is written in another way.
    Unreadable(&'static Key),
    /// A process outside of `[process]`.
    Process,
}

/// The hint for an unknown key, and what it was meant to be. The words of other tools come first,
/// then a key of a table inside of this one, then what is spelt most like it.
fn guess(shape: &'static Shape, name: &str, value: &DeValue<'_>) -> (String, Option<Guess>) {
    let key = |name: &str| shape.own_keys().find(|key| key.name == name);
    if let Some(word) = foreign::find(shape, name) {
        let same = word.same_value().and_then(key).map(Guess::Key);
        let outer = || key(word.outer_key()).map(Guess::Unreadable);
        return (word.hint(), same.or_else(outer));
    }
    let inner = |key: &&Key| {
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

impl Walk<'_> {
    /// Tells an unknown key, and gives what it was probably meant to be.
    pub(super) fn unknown_key(
        &mut self,
        shape: &'static Shape,
        name: &str,
        value: &DeValue<'_>,
        place: &Place,
    ) -> Option<Guess> {
        if shape.keys.iter().any(|key| key.name == name) {
            let message = format!("{} cannot have the key `{name}`", shape.label);
            let hint = match (shape.role, name) {
                (_, "name") => Some("its name is the key of its table"),
                (Role::OptionSet, "command") => Some("every process has a command of its own"),
                (Role::Job, _) => Some("make it a process that names the pool with `pool = …`"),
                (Role::Alone | Role::Pool | Role::Process | Role::OptionSet, _) => None,
                (Role::Ready | Role::Health, _) => Some("only `ready` knows it"),
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
        place: &Place,
        fields: &mut Fields,
    ) {
        let faulty = || Node { place: place.clone(), value: Value::Faulty };
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
                let mut process = Fields::default();
                process.insert(name.to_owned(), Entry { key: place.clone(), node });
                let node = Node { place: place.clone(), value: Value::Table(process) };
                fields.fill("process", place, node);
            }
        }
    }
}

impl Kind {
    /// The tables with known keys that a value can be, not those behind names of the user's own.
    fn tables(&self) -> Vec<&'static Shape> {
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
fn keys_hint(shape: &Shape) -> String {
    const MOST: usize = 12;
    let known = shape.keys.iter().filter(|key| key.is_for(shape.role)).map(|key| key.name);
    let known: Vec<&str> = known.collect();
    if known.len() > MOST {
        return "`pitcrew schema` lists all keys".to_owned();
    }
    format!("its keys are: {}", known.join(", "))
}
