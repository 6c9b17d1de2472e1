//! Keymap: maps a key to an action, by focus.

use std::collections::BTreeMap;

use super::action::{Action, Context, Focus, TABLE};
use super::keys::Chord;

/// The keys of the actions in each context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: BTreeMap<(Context, Chord), Action>,
    /// The order in which keys are shown: first those of the table, then those of the user.
    order: Vec<(Context, Chord, Action)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut keymap = Self { bindings: BTreeMap::new(), order: Vec::new() };
        for entry in TABLE {
            for (context, key) in entry.keys {
                // A test checks that every key of the table is valid.
                if let Ok(chord) = key.parse() {
                    keymap.bind(*context, chord, entry.action);
                }
            }
        }
        keymap
    }
}

impl Keymap {
    /// Returns the action of a key; `None` if it has none.
    pub fn action(&self, focus: Focus, chord: Chord) -> Option<Action> {
        let mut contexts = focus.contexts().iter();
        contexts.find_map(|context| self.bindings.get(&(*context, chord)).copied())
    }

    /// Returns the keys of an action that work with this focus, the primary one first.
    pub fn keys(&self, focus: Focus, action: Action) -> Vec<Chord> {
        let mut keys = Vec::new();
        for (_, chord, bound) in &self.order {
            let works = *bound == action && self.action(focus, *chord) == Some(action);
            if works && !keys.contains(chord) {
                keys.push(*chord);
            }
        }
        keys
    }

    /// Returns all keys of an action with their contexts.
    pub fn all_keys(&self, action: Action) -> Vec<(Context, Chord)> {
        let bindings = self.order.iter().filter(|(.., bound)| *bound == action);
        bindings.map(|(context, chord, _)| (*context, *chord)).collect()
    }

    /// Returns the label of the first key, for hints: `^r`.
    pub fn hint(&self, focus: Focus, action: Action, unicode: bool) -> Option<String> {
        self.keys(focus, action).first().map(|chord| chord.label(unicode))
    }

    /// Returns every binding in the order of display.
    pub fn bindings(&self) -> impl Iterator<Item = (Context, Chord, Action)> + '_ {
        self.order.iter().copied()
    }

    /// Binds a key in a context; it loses its earlier action there.
    pub(super) fn bind(&mut self, context: Context, chord: Chord, action: Action) {
        self.order.retain(|(bound, key, _)| (*bound, *key) != (context, chord));
        self.order.push((context, chord, action));
        self.bindings.insert((context, chord), action);
    }

    /// Removes the bindings of a key in every context.
    pub(super) fn unbind(&mut self, chord: Chord) {
        self.order.retain(|(_, key, _)| *key != chord);
        self.bindings.retain(|(_, key), _| *key != chord);
    }

    /// Removes all keys of an action.
    pub(super) fn unbind_action(&mut self, action: Action) {
        self.order.retain(|(.., bound)| *bound != action);
        self.bindings.retain(|_, bound| *bound != action);
    }
}
