//! Keymap: maps a key to an action, by focus.

use std::collections::BTreeMap;

use super::action::{Action, Context, Focus, TABLE};
use super::keys::Chord;

/// Which key does what where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bound: BTreeMap<(Context, Chord), Action>,
    /// The order in which keys are shown: that of the table, then that of the user.
    order: Vec<(Context, Chord, Action)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut map = Self { bound: BTreeMap::new(), order: Vec::new() };
        for entry in TABLE {
            for (context, key) in entry.keys {
                // A test holds that every key of the table can be read.
                if let Ok(chord) = key.parse() {
                    map.bind(*context, chord, entry.action);
                }
            }
        }
        map
    }
}

impl Keymap {
    /// What this key does; nothing where it does nothing.
    pub fn action(&self, focus: Focus, chord: Chord) -> Option<Action> {
        let mut contexts = focus.contexts().iter();
        contexts.find_map(|context| self.bound.get(&(*context, chord)).copied())
    }

    /// The keys of an action that work with this focus, the usual one first.
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

    /// All keys of an action, with where.
    pub fn all_keys(&self, action: Action) -> Vec<(Context, Chord)> {
        let of_it = self.order.iter().filter(|(.., bound)| *bound == action);
        of_it.map(|(context, chord, _)| (*context, *chord)).collect()
    }

    /// The first key as it is shown, for hints: `^r`.
    pub fn hint(&self, focus: Focus, action: Action, unicode: bool) -> Option<String> {
        self.keys(focus, action).first().map(|chord| chord.shown(unicode))
    }

    /// Every key that does something.
    pub fn bindings(&self) -> impl Iterator<Item = (Context, Chord, Action)> + '_ {
        self.order.iter().copied()
    }

    /// This key does that there, and nothing else.
    pub(super) fn bind(&mut self, context: Context, chord: Chord, action: Action) {
        self.order.retain(|(place, key, _)| (*place, *key) != (context, chord));
        self.order.push((context, chord, action));
        self.bound.insert((context, chord), action);
    }

    /// This key does nothing any more; what it did.
    pub(super) fn unbind(&mut self, chord: Chord) -> Vec<(Context, Action)> {
        let mut gone = Vec::new();
        self.order.retain(|(context, key, action)| {
            if *key == chord {
                gone.push((*context, *action));
            }
            *key != chord
        });
        self.bound.retain(|(_, key), _| *key != chord);
        gone
    }

    /// An action has no key any more.
    pub(super) fn free(&mut self, action: Action) {
        self.order.retain(|(.., bound)| *bound != action);
        self.bound.retain(|_, bound| *bound != action);
    }
}
