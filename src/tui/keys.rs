//! Keys: their notation, display, and parsing.
#![expect(clippy::wildcard_enum_match_arm, reason = "most keys have no meaning here")]

use std::fmt::{self, Write as _};
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers.
///
/// Shift is part of the character (`X`), never of the chord, except for `Tab`.
///
/// ```
/// use pitcrew::tui::keys::Chord;
///
/// let chord: Chord = "ctrl-r".parse().unwrap();
/// assert_eq!(chord.to_string(), "ctrl-r");
/// assert_eq!(chord.label(true), "^r");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chord {
    pub key: Key,
    pub ctrl: bool,
    pub alt: bool,
}

/// A key that every terminal can report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    Char(char),
    /// F1 to F12.
    F(u8),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

/// A key with a name.
type NamedKey = (Key, KeyCode, &'static str, &'static str, &'static str);

/// Key, its code in an event, name in the configuration, label, and label without Unicode.
const NAMES: &[NamedKey] = &[
    (Key::Char(' '), KeyCode::Char(' '), "space", "␣", "Space"),
    (Key::Enter, KeyCode::Enter, "enter", "↵", "Enter"),
    (Key::Esc, KeyCode::Esc, "esc", "Esc", "Esc"),
    (Key::Tab, KeyCode::Tab, "tab", "⇥", "Tab"),
    (Key::BackTab, KeyCode::BackTab, "shift-tab", "S-Tab", "S-Tab"),
    (Key::Backspace, KeyCode::Backspace, "backspace", "Bksp", "Bksp"),
    (Key::Delete, KeyCode::Delete, "delete", "Del", "Del"),
    (Key::Insert, KeyCode::Insert, "insert", "Ins", "Ins"),
    (Key::Up, KeyCode::Up, "up", "↑", "Up"),
    (Key::Down, KeyCode::Down, "down", "↓", "Down"),
    (Key::Left, KeyCode::Left, "left", "←", "Left"),
    (Key::Right, KeyCode::Right, "right", "→", "Right"),
    (Key::Home, KeyCode::Home, "home", "Home", "Home"),
    (Key::End, KeyCode::End, "end", "End", "End"),
    (Key::PageUp, KeyCode::PageUp, "pageup", "PgUp", "PgUp"),
    (Key::PageDown, KeyCode::PageDown, "pagedown", "PgDn", "PgDn"),
];

/// Returns the row of a key; `None` for characters and function keys.
fn named(key: Key) -> Option<&'static NamedKey> {
    NAMES.iter().find(|(named, ..)| *named == key)
}

impl Chord {
    pub const fn char(char: char) -> Self {
        Self { key: Key::Char(char), ctrl: false, alt: false }
    }

    pub const fn plain(key: Key) -> Self {
        Self { key, ctrl: false, alt: false }
    }

    pub const fn ctrl(char: char) -> Self {
        Self { key: Key::Char(char), ctrl: true, alt: false }
    }

    /// Converts a key event; `None` for keys without a meaning, such as modifiers alone.
    ///
    /// The kind of the event is ignored: the caller passes presses and repeats only.
    pub fn from_event(event: KeyEvent) -> Option<Self> {
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let key = match event.code {
            // A line feed, which some programs send for Enter.
            KeyCode::Char('j') if ctrl && !alt => return Some(Self::plain(Key::Enter)),
            KeyCode::Char(char) => {
                // Some terminals report Shift with the lower-case letter.
                let is_shifted = shift && !ctrl && char.is_lowercase();
                let mut upper = char.to_uppercase();
                match (is_shifted, upper.next(), upper.next()) {
                    (true, Some(upper), None) => Key::Char(upper),
                    _ if ctrl => Key::Char(with_ctrl(char)),
                    _ => Key::Char(char),
                }
            }
            KeyCode::F(number) => Key::F(number),
            KeyCode::Tab if shift => Key::BackTab,
            code => NAMES.iter().find(|(_, named, ..)| *named == code)?.0,
        };
        Some(Self { key, ctrl, alt })
    }

    /// Returns a press of this key, as a terminal reports it.
    pub fn to_event(self) -> KeyEvent {
        let code = match self.key {
            Key::Char(char) => KeyCode::Char(char),
            Key::F(number) => KeyCode::F(number),
            key => named(key).map_or(KeyCode::Null, |(_, code, ..)| *code),
        };
        let mut modifiers = KeyModifiers::NONE;
        modifiers.set(KeyModifiers::CONTROL, self.ctrl);
        modifiers.set(KeyModifiers::ALT, self.alt);
        KeyEvent::new(code, modifiers)
    }

    /// Returns the label on the screen: `^r`, `↵`, or without Unicode `Enter`.
    pub fn label(&self, unicode: bool) -> String {
        let mut label = String::new();
        if self.alt {
            label.push_str("A-");
        }
        if self.ctrl {
            label.push('^');
        }
        match (self.key, named(self.key)) {
            (_, Some((.., glyph, _))) if unicode => label.push_str(glyph),
            (_, Some((.., word))) => label.push_str(word),
            (Key::Char(char), None) => label.push(char),
            (Key::F(number), None) => _ = write!(label, "F{number}"),
            (_, None) => {}
        }
        label
    }
}

impl fmt::Display for Chord {
    /// Writes the name in the configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match (self.key, named(self.key)) {
            (_, Some((_, _, word, ..))) => f.write_str(word),
            (Key::Char(char), None) => write!(f, "{char}"),
            (Key::F(number), None) => write!(f, "f{number}"),
            (_, None) => Ok(()),
        }
    }
}

/// The character that stands for all that send the same byte together with Ctrl: crossterm reports the
/// byte of `^]` as Ctrl-5.
fn with_ctrl(char: char) -> char {
    match char {
        '4' => '\\',
        '5' => ']',
        '6' => '^',
        '7' => '_',
        char => char.to_ascii_lowercase(),
    }
}

/// A text that is not the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a key; keys are written `x`, `X`, `ctrl-r`, `alt-c`, `f5`, `enter`, `pageup`"
)]
pub struct UnknownKey(pub String);

impl FromStr for Chord {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let unknown = || UnknownKey(crate::output::safe_name(text).into_owned());
        let (mut rest, mut ctrl, mut alt, mut shift) = (text, false, false, false);
        loop {
            // A prefix needs a key after it: `^` and `-` alone are keys.
            let strip = |prefix: &str| {
                let head = rest.get(..prefix.len())?;
                let tail = rest.get(prefix.len()..).filter(|tail| !tail.is_empty());
                head.eq_ignore_ascii_case(prefix).then_some(tail).flatten()
            };
            if let Some(tail) = strip("ctrl-").or_else(|| strip("c-")).or_else(|| strip("^")) {
                (rest, ctrl) = (tail, true);
            } else if let Some(tail) = strip("alt-").or_else(|| strip("a-")) {
                (rest, alt) = (tail, true);
            } else if let Some(tail) = strip("shift-").or_else(|| strip("s-")) {
                (rest, shift) = (tail, true);
            } else {
                break;
            }
        }
        let key = parse_key(rest).ok_or_else(unknown)?;
        let key = match (key, shift) {
            (key, false) => key,
            (Key::Tab, true) => Key::BackTab,
            (Key::Char(char), true) if char.is_ascii_lowercase() => {
                Key::Char(char.to_ascii_uppercase())
            }
            _ => return Err(unknown()),
        };
        // A terminal sends the same byte for both cases.
        let key = match key {
            Key::Char(char) if ctrl => Key::Char(with_ctrl(char)),
            key => key,
        };
        Ok(Self { key, ctrl, alt })
    }
}

fn parse_key(text: &str) -> Option<Key> {
    let mut chars = text.chars();
    if let (Some(char), None) = (chars.next(), chars.next()) {
        return (!char.is_control()).then_some(Key::Char(char));
    }
    let lower = text.to_ascii_lowercase();
    let lower = match lower.as_str() {
        "escape" => "esc",
        "return" => "enter",
        "backtab" => "shift-tab",
        "pgup" | "page-up" => "pageup",
        "pgdn" | "page-down" => "pagedown",
        "del" => "delete",
        "ins" => "insert",
        other => other,
    };
    if let Some((key, ..)) = NAMES.iter().find(|(_, _, word, ..)| *word == lower) {
        return Some(*key);
    }
    let number = lower.strip_prefix('f')?.parse().ok()?;
    (1..=12).contains(&number).then_some(Key::F(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_written_in_several_ways() {
        let cases = [
            ("ctrl-r", "ctrl-r", "^r"),
            ("C-r", "ctrl-r", "^r"),
            ("^r", "ctrl-r", "^r"),
            ("^", "^", "^"),
            ("-", "-", "-"),
            ("ctrl--", "ctrl--", "^-"),
            ("x", "x", "x"),
            ("X", "X", "X"),
            ("shift-x", "X", "X"),
            ("shift-tab", "shift-tab", "S-Tab"),
            ("Tab", "tab", "⇥"),
            ("Space", "space", "␣"),
            (" ", "space", "␣"),
            ("Escape", "esc", "Esc"),
            ("f5", "f5", "F5"),
            ("alt-c", "alt-c", "A-c"),
            ("ctrl-alt-k", "ctrl-alt-k", "A-^k"),
            ("c", "c", "c"),
            ("PgUp", "pageup", "PgUp"),
            ("é", "é", "é"),
            ("^]", "ctrl-]", "^]"),
            ("ctrl-5", "ctrl-]", "^]"),
        ];
        for (text, name, label) in cases {
            let chord: Chord = text.parse().unwrap();
            assert_eq!((chord.to_string(), chord.label(true)), (name.into(), label.into()));
        }
        for text in ["", "ctrl-", "f13", "f0", "hyper-x", "shift-1", "shift-f1", "\x1b", "xx"] {
            assert!(text.parse::<Chord>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_pressed_is_what_is_written() {
        let pressed = |code, modifiers| {
            Chord::from_event(KeyEvent::new(code, modifiers)).unwrap().to_string()
        };
        assert_eq!(pressed(KeyCode::Char('r'), KeyModifiers::CONTROL), "ctrl-r");
        assert_eq!(pressed(KeyCode::Char('X'), KeyModifiers::SHIFT), "X");
        assert_eq!(pressed(KeyCode::Char('x'), KeyModifiers::SHIFT), "X");
        assert_eq!(pressed(KeyCode::Char('ß'), KeyModifiers::SHIFT), "ß");
        assert_eq!(pressed(KeyCode::Char('j'), KeyModifiers::CONTROL), "enter");
        // What crossterm makes of the byte 0x1d, and what the kitty protocol says.
        assert_eq!(pressed(KeyCode::Char('5'), KeyModifiers::CONTROL), "ctrl-]");
        assert_eq!(pressed(KeyCode::Char(']'), KeyModifiers::CONTROL), "ctrl-]");
        assert_eq!(pressed(KeyCode::BackTab, KeyModifiers::SHIFT), "shift-tab");
        assert_eq!(pressed(KeyCode::Tab, KeyModifiers::SHIFT), "shift-tab");
        assert_eq!(pressed(KeyCode::Char('|'), KeyModifiers::SHIFT), "|");
        assert_eq!(Chord::from_event(KeyEvent::new(KeyCode::CapsLock, KeyModifiers::NONE)), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(text in "\\PC{0,12}") {
            if let Ok(chord) = text.parse::<Chord>() {
                prop_assert_eq!(chord.to_string().parse::<Chord>(), Ok(chord));
            }
        }
    }
}
