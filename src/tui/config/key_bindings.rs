//! Key bindings of the user's configuration.
//!
//! An action with keys in the file loses its default keys, so that no key that the user did not ask
//! for stays bound. A key with a new action loses its earlier one.
#![expect(clippy::wildcard_enum_match_arm, reason = "other types of TOML values are one error")]

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigReader;
use crate::tui::action::{Action, Context, Focus, UnknownAction};
use crate::tui::keymap::Keymap;
use crate::tui::keys::Chord;

/// One key of the file.
struct KeyBinding {
    chord: Chord,
    /// `None` if the key is unbound.
    action: Option<Action>,
    span: std::ops::Range<usize>,
}

/// Applies the table of keys to the keymap.
pub(super) fn apply(reader: &mut ConfigReader<'_>, keymap: &mut Keymap, table: &DeTable<'_>) {
    let bindings = read_bindings(reader, table);
    let before = keymap.clone();
    for binding in &bindings {
        keymap.unbind(binding.chord);
    }
    // Default keys go before any key is bound, so that an action keeps all keys of the file.
    for binding in &bindings {
        // ctrl-c always interrupts.
        if let Some(action) = binding.action.filter(|action| *action != Action::Interrupt) {
            keymap.unbind_action(action);
        }
    }
    for binding in &bindings {
        let Some(action) = binding.action else { continue };
        for context in action.entry().contexts() {
            keymap.bind(context, binding.chord, action);
        }
    }
    keep_a_way_out(reader, keymap, &bindings);
    for binding in &bindings {
        warn_of_lost_keys(reader, binding, &before, keymap);
    }
}

/// Keeps the usual key that stops typing into a terminal, if no key would.
fn keep_a_way_out(reader: &mut ConfigReader<'_>, keymap: &mut Keymap, bindings: &[KeyBinding]) {
    let usual = Chord::ctrl(']');
    if !keymap.keys(Focus::Typing, Action::Leave).is_empty() {
        return;
    }
    keymap.bind(Context::Typing, usual, Action::Leave);
    if let Some(binding) = bindings.iter().find(|binding| binding.chord == usual) {
        let message =
            format!("`{usual}` is the only key that leaves a terminal, and still does there");
        reader.warn(binding.span.clone(), &message);
    }
}

/// Returns the valid bindings, in the order of the file.
fn read_bindings(reader: &mut ConfigReader<'_>, table: &DeTable<'_>) -> Vec<KeyBinding> {
    let mut bindings: Vec<KeyBinding> = Vec::new();
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
        let action = match read_action(value) {
            Ok(action) => action,
            Err(message) => {
                reader.warn(value.span(), &message);
                continue;
            }
        };
        if chord == Chord::ctrl('c') {
            if action != Some(Action::Interrupt) {
                let message = "`ctrl-c` always asks before it quits, and cannot be changed";
                reader.warn(key.span(), message);
            }
            continue;
        }
        if bindings.iter().any(|binding| binding.chord == chord) {
            reader.warn(key.span(), &format!("`{chord}` is bound twice: this one is ignored"));
            continue;
        }
        bindings.push(KeyBinding { chord, action, span: key.span() });
    }
    bindings
}

/// Returns the action, or `None` for `false`.
fn read_action(value: &Spanned<DeValue<'_>>) -> Result<Option<Action>, String> {
    match value.get_ref() {
        DeValue::String(name) => {
            name.parse().map(Some).map_err(|error: UnknownAction| error.to_string())
        }
        DeValue::Boolean(false) => Ok(None),
        _ => Err("a key is the name of an action, or `false` to unbind it".to_owned()),
    }
}

/// Warns of actions whose last key has another action now.
fn warn_of_lost_keys(
    reader: &mut ConfigReader<'_>,
    binding: &KeyBinding,
    before: &Keymap,
    now: &Keymap,
) {
    // A key that is unbound explicitly needs no warning.
    let Some(bound) = binding.action else { return };
    let chord = binding.chord;
    let mut lost: Vec<Action> = Vec::new();
    for (_, earlier, action) in before.bindings() {
        let is_lost = earlier == chord && action != bound && now.all_keys(action).is_empty();
        if is_lost && !lost.contains(&action) {
            lost.push(action);
        }
    }
    for action in lost {
        let message = format!("`{action}` no longer has a key: `{chord}` was its only one");
        reader.warn(binding.span.clone(), &message);
    }
}
