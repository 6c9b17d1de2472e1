//! Unknown keys: guesses which key was intended, so that one mistake is reported once.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::foreign_keys;
use super::super::keys::{PROCESS, ROOT, UNPROBED_CHECKS};
use super::super::kind::{KeySpec, TableRole, TableShape, ValueKind};
use super::super::tree::{TableNode, Value, ValueNode};
use super::Validator;
use crate::spec::fault::{Fault, SourceSpan};
use crate::spec::nearest::nearest;

const A_PROCESS: &ValueKind = &ValueKind::Runnable(&PROCESS);
/// The maximum number of keys in a hint.
const MAX_LISTED_KEYS: usize = 12;

/// The key that an unknown key was probably intended to be.
pub(super) enum Guess {
    /// A key of the same table, with the same value.
    Key(&'static KeySpec),
    /// A key of the same table, with a value in a different form.
    Unreadable(&'static KeySpec),
    /// A process outside of `[process]`.
    Process,
}

/// Returns the message, the hint and the guess for an unknown key. Keys of other tools come first,
/// then keys of tables inside of this one, then similar spellings.
fn guess(
    shape: &'static TableShape,
    name: &str,
    value: &DeValue<'_>,
) -> (String, String, Option<Guess>) {
    let is_root = shape.name == ROOT.name;
    let table = if is_root { String::new() } else { format!(" in {}", shape.label) };
    if let Some(foreign) = foreign_keys::find(shape, name) {
        let same = foreign.same_value().and_then(|key| shape.own_key(key)).map(Guess::Key);
        let outer = || shape.own_key(foreign.outer_key()).map(Guess::Unreadable);
        let (message, hint) = foreign.message_and_hint(name, &table);
        return (message, hint, same.or_else(outer));
    }
    let (hint, guess) = guess_own(shape, name, value);
    (foreign_keys::unknown(name, &table), hint, guess)
}

/// Returns the hint and the guess for a key that no other tool has.
fn guess_own(
    shape: &'static TableShape,
    name: &str,
    value: &DeValue<'_>,
) -> (String, Option<Guess>) {
    let has_inner = |key: &&KeySpec| key.kind.tables().iter().any(|t| t.own_key(name).is_some());
    if let Some(outer) = shape.own_keys().find(has_inner) {
        return (format!("did you mean `{}.{name}`?", outer.name), None);
    }
    if let Some(near) = nearest(name, shape.own_keys().map(|key| key.name)) {
        return (format!("did you mean `{near}`?"), shape.own_key(near).map(Guess::Key));
    }
    if shape.name == ROOT.name && is_process(value) {
        return (format!("a process is written as `[process.{name}]`"), Some(Guess::Process));
    }
    let known: Vec<&str> = shape.own_keys().map(|key| key.name).collect();
    if known.len() > MAX_LISTED_KEYS {
        return ("`pitcrew schema` lists all keys".to_owned(), None);
    }
    let subject = if shape.name == ROOT.name { "the top-level keys" } else { "its keys" };
    (format!("{subject} are: {}", known.join(", ")), None)
}

/// Whether a value can only be a process: a command, or a table with a key of a process.
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
                (_, "name") => Some("the name is `NAME` in `[process.NAME]`"),
                (TableRole::OptionSet, "command") => Some("each process has its own command"),
                (TableRole::Job, _) => {
                    Some("make it a process that names the pool with `pool = …`")
                }
                (TableRole::Ready | TableRole::Health, _) => Some("only allowed in `ready`"),
                (
                    TableRole::Alone | TableRole::Pool | TableRole::Process | TableRole::OptionSet,
                    _,
                ) => None,
            };
            self.faults.push(Fault::at(place, message).maybe_hint(hint));
            // A check of the wrong kind is still a check: a missing check would be a second mistake.
            let is_check = shape.role == TableRole::Health && UNPROBED_CHECKS.contains(&name);
            let check = shape.own_keys().find(|key| shape.one_of.contains(&key.name));
            return check.filter(|_| is_check).map(Guess::Unreadable);
        }
        let (message, hint, guess) = guess(shape, name, value);
        self.faults.push(Fault::at(place, message).with_hint(hint));
        self.is_unclear |= guess.is_none() && shape.name == ROOT.name && value.is_table();
        guess
    }

    /// Uses the value of an unknown key for the guessed key, so that the mistake is not reported again as a
    /// missing key.
    pub(super) fn stand_in(
        &mut self,
        guess: Option<&Guess>,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        place: &SourceSpan,
        fields: &mut TableNode,
    ) {
        let node = |value| ValueNode { place: place.clone(), value };
        match guess {
            Some(Guess::Unreadable(key)) => fields.fill(key.name, place, node(Value::Faulty)),
            Some(Guess::Key(key)) if !fields.has(key.name) || value.get_ref().is_table() => {
                let fits = key.kind.fits(value.get_ref());
                let node = if fits { self.node(&key.kind, value) } else { node(Value::Faulty) };
                fields.fill(key.name, place, node);
            }
            None | Some(Guess::Key(_)) => {}
            Some(Guess::Process) => {
                let mut processes = TableNode::default();
                processes.insert(name, place, self.node(A_PROCESS, value));
                fields.fill("process", place, node(Value::Table(processes)));
            }
        }
    }
}
