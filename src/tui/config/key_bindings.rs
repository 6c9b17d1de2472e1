//! Key bindings of the user's configuration.
//!
//! An action that is given keys has these keys only: the usual ones do not stay bound behind the
//! user's back. A key that is given away leaves what it did before.
#![expect(clippy::wildcard_enum_match_arm, reason = "values of a file")]

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigReader;
use crate::tui::action::Action;
use crate::tui::keymap::Keymap;
use crate::tui::keys::Chord;

/// What the file says of one key.
struct KeyBinding {
    chord: Chord,
    /// What it is to do.
    does: BindingTarget,
    at: std::ops::Range<usize>,
}

/// What a key is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BindingTarget {
    Action(Action),
    Nothing,
}

impl KeyBinding {
    fn action(&self) -> Option<Action> {
        match self.does {
            BindingTarget::Action(action) => Some(action),
            BindingTarget::Nothing => None,
        }
    }
}

pub(super) fn keys(reader: &mut ConfigReader<'_>, map: &mut Keymap, table: &DeTable<'_>) {
    let cmds = cmds(reader, table);
    let before = map.clone();
    for wish in &cmds {
        map.unbind(wish.chord);
    }
    // All at once, so that several keys for one action stay.
    for wish in &cmds {
        // There is always the key that leaves.
        if let Some(action) = wish.action().filter(|action| *action != Action::Interrupt) {
            map.free(action);
        }
    }
    for wish in &cmds {
        let Some(action) = wish.action() else { continue };
        for context in action.entry().contexts() {
            map.bind(context, wish.chord, action);
        }
    }
    for wish in &cmds {
        said_once(reader, wish, &before, map);
    }
}

/// What can be understood, in the order of the file.
fn cmds(reader: &mut ConfigReader<'_>, table: &DeTable<'_>) -> Vec<KeyBinding> {
    let mut cmds: Vec<KeyBinding> = Vec::new();
    let mut rows: Vec<_> = table.iter().collect();
    rows.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in rows {
        let chord: Chord = match key.get_ref().parse() {
            Ok(chord) => chord,
            Err(error) => {
                reader.warn(key.span(), &error.to_string());
                continue;
            }
        };
        let Some(does) = does(reader, value) else { continue };
        if chord == Chord::ctrl('c') {
            if does == BindingTarget::Action(Action::Interrupt) {
                continue;
            }
            reader.warn(key.span(), "`ctrl-c` always asks before it leaves, and stays as it is");
            continue;
        }
        if cmds.iter().any(|wish| wish.chord == chord) {
            reader.warn(key.span(), &format!("`{chord}` is bound twice: this one is passed over"));
            continue;
        }
        cmds.push(KeyBinding { chord, does, at: key.span() });
    }
    cmds
}

/// The action, or `false` for none; a warning where it is neither.
fn does(reader: &mut ConfigReader<'_>, value: &Spanned<DeValue<'_>>) -> Option<BindingTarget> {
    match value.get_ref() {
        DeValue::String(name) => match name.parse() {
            Ok(action) => Some(BindingTarget::Action(action)),
            Err(error) => {
                reader.warn(value.span(), &format!("{error}"));
                None
            }
        },
        DeValue::Boolean(false) => Some(BindingTarget::Nothing),
        _ => {
            reader.warn(value.span(), "a key is the name of an action, or `false` to unbind it");
            None
        }
    }
}

/// Says which actions lost their last key to this one.
fn said_once(reader: &mut ConfigReader<'_>, wish: &KeyBinding, before: &Keymap, now: &Keymap) {
    // Unbinding is meant so.
    let Some(wished) = wish.action() else { return };
    let mut lost: Vec<Action> = Vec::new();
    for (_, chord, action) in before.bindings() {
        let gone = chord == wish.chord && action != wished && now.all_keys(action).is_empty();
        if gone && !lost.contains(&action) {
            lost.push(action);
        }
    }
    for action in lost {
        let chord = wish.chord;
        let message = format!("`{chord}` was the only key of `{action}`: it has none now");
        reader.warn(wish.at.clone(), &message);
    }
}
