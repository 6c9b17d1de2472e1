//! Names of keys, as tmux's `send-keys` has them: `C-c`, `Enter`, `M-x`, `F5`, `S-Tab`, `text`.
#![expect(clippy::wildcard_enum_match_arm, reason = "all others have a name")]

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::event::{KeyCode, KeyEvent, Keypad, Modifiers, only};

/// Names and keys; the first name of a key is the one it is shown by.
const NAMES: &[(&str, KeyCode)] = &[
    ("Enter", KeyCode::Enter),
    ("Return", KeyCode::Enter),
    ("Tab", KeyCode::Tab),
    ("BSpace", KeyCode::Backspace),
    ("Backspace", KeyCode::Backspace),
    ("Escape", KeyCode::Escape),
    ("Esc", KeyCode::Escape),
    ("Space", KeyCode::Char(' ')),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PageUp", KeyCode::PageUp),
    ("PPage", KeyCode::PageUp),
    ("PgUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
    ("NPage", KeyCode::PageDown),
    ("PgDn", KeyCode::PageDown),
    ("IC", KeyCode::Insert),
    ("Insert", KeyCode::Insert),
    ("DC", KeyCode::Delete),
    ("Delete", KeyCode::Delete),
    ("KPEnter", KeyCode::Keypad(Keypad::Enter)),
    ("KP/", KeyCode::Keypad(Keypad::Divide)),
    ("KP*", KeyCode::Keypad(Keypad::Multiply)),
    ("KP-", KeyCode::Keypad(Keypad::Subtract)),
    ("KP+", KeyCode::Keypad(Keypad::Add)),
    ("KP.", KeyCode::Keypad(Keypad::Decimal)),
    ("KP=", KeyCode::Keypad(Keypad::Equal)),
    ("KP,", KeyCode::Keypad(Keypad::Separator)),
    ("KPLeft", KeyCode::Keypad(Keypad::Left)),
    ("KPRight", KeyCode::Keypad(Keypad::Right)),
    ("KPUp", KeyCode::Keypad(Keypad::Up)),
    ("KPDown", KeyCode::Keypad(Keypad::Down)),
    ("KPPageUp", KeyCode::Keypad(Keypad::PageUp)),
    ("KPPageDown", KeyCode::Keypad(Keypad::PageDown)),
    ("KPHome", KeyCode::Keypad(Keypad::Home)),
    ("KPEnd", KeyCode::Keypad(Keypad::End)),
    ("KPInsert", KeyCode::Keypad(Keypad::Insert)),
    ("KPDelete", KeyCode::Keypad(Keypad::Delete)),
    ("KPBegin", KeyCode::Keypad(Keypad::Begin)),
];

/// A word with modifiers and no key that exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such key {name:?} in {word:?}; to type it as text, write '{word:?}'")]
pub struct UnknownKeyError {
    /// The whole word.
    pub word: String,
    /// What stands after its modifiers.
    pub name: String,
}

/// The names of keys, for a hint at the nearest one.
pub fn key_names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// Reads a word: a key with modifiers (`C-M-x`, `^c`, `S-F5`), or text to type.
///
/// A word in double quotes is always text. One that begins with modifiers in capitals and has no
/// known key after them is an error, as it is more often a slip than text.
pub fn parse_word(word: &str) -> Result<Vec<KeyEvent>, UnknownKeyError> {
    let quoted = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    if let Some(text) = quoted {
        return Ok(literal(text));
    }
    if let Some(event) = parse_key(word) {
        return Ok(vec![event]);
    }
    let (modifiers, name) = split(word);
    let is_capital = word.starts_with(|c: char| c.is_ascii_uppercase());
    if !modifiers.is_empty() && !name.is_empty() && is_capital {
        return Err(UnknownKeyError { word: word.to_owned(), name: name.to_owned() });
    }
    Ok(literal(word))
}

/// The keys that type a text. Line ends are Enter.
pub fn literal(text: &str) -> Vec<KeyEvent> {
    let text = text.replace("\r\n", "\n");
    text.chars().map(|character| typed(character, Modifiers::NONE)).collect()
}

/// The key that types a character.
fn typed(character: char, modifiers: Modifiers) -> KeyEvent {
    let (code, extra) = match character {
        '\n' | '\r' => (KeyCode::Enter, Modifiers::NONE),
        '\t' => (KeyCode::Tab, Modifiers::NONE),
        '\x1b' => (KeyCode::Escape, Modifiers::NONE),
        '\x7f' => (KeyCode::Backspace, Modifiers::NONE),
        '\0' => (KeyCode::Char(' '), Modifiers::CTRL),
        '\x01'..='\x1a' => (KeyCode::Char(char::from(character as u8 - 1 + b'a')), Modifiers::CTRL),
        '\x1c'..='\x1f' => {
            (KeyCode::Char(char::from(character as u8 - 0x1c + b'\\')), Modifiers::CTRL)
        }
        _ => (KeyCode::Char(character), Modifiers::NONE),
    };
    KeyEvent::new(code, modifiers.with(extra))
}

/// Modifiers and the rest of a word.
fn split(word: &str) -> (Modifiers, &str) {
    let mut modifiers = Modifiers::NONE;
    let mut rest = word;
    loop {
        let step = |prefix: &str| rest.strip_prefix(prefix).filter(|rest| !rest.is_empty());
        let found = [
            ("C-", Modifiers::CTRL),
            ("c-", Modifiers::CTRL),
            ("M-", Modifiers::ALT),
            ("m-", Modifiers::ALT),
            ("S-", Modifiers::SHIFT),
            ("s-", Modifiers::SHIFT),
            ("^", Modifiers::CTRL),
        ]
        .into_iter()
        .find_map(|(prefix, modifier)| step(prefix).map(|rest| (rest, modifier)));
        let Some((next, modifier)) = found else { return (modifiers, rest) };
        modifiers = modifiers.with(modifier);
        rest = next;
    }
}

fn parse_key(word: &str) -> Option<KeyEvent> {
    let (modifiers, name) = split(word);
    if let Some(character) = only(name.chars()) {
        return Some(typed(character, modifiers));
    }
    if name.eq_ignore_ascii_case("BTab") {
        return Some(KeyEvent::new(KeyCode::Tab, modifiers.with(Modifiers::SHIFT)));
    }
    named(name).map(|code| KeyEvent::new(code, modifiers))
}

fn named(name: &str) -> Option<KeyCode> {
    if let Some((_, code)) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Some(*code);
    }
    let number = |prefix: &str| {
        let (start, digits) = name.split_at_checked(prefix.len())?;
        let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if !start.eq_ignore_ascii_case(prefix) || !(is_number || digits == "0") {
            return None;
        }
        digits.parse::<u16>().ok()
    };
    if let Some(number) = number("F").filter(|number| (1..=35).contains(number)) {
        return Some(KeyCode::Function(number as u8));
    }
    if let Some(digit) = number("KP").filter(|digit| *digit <= 9) {
        return Some(KeyCode::Keypad(Keypad::Digit(digit as u8)));
    }
    if let Some(number) = number("Kitty").filter(|number| (57358..=57454).contains(number)) {
        return Some(KeyCode::Kitty(number));
    }
    let digits = name.strip_prefix("0x").or_else(|| name.strip_prefix("0X"))?;
    let character = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
    Some(typed(character, Modifiers::NONE).code)
}

impl fmt::Display for KeyCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| code == self) {
            return formatter.write_str(name);
        }
        match self {
            Self::Char(character) => write!(formatter, "{character}"),
            Self::Function(number) => write!(formatter, "F{number}"),
            Self::Keypad(Keypad::Digit(digit)) => write!(formatter, "KP{digit}"),
            Self::Kitty(number) => write!(formatter, "Kitty{number}"),
            // All others have a name.
            other => write!(formatter, "{other:?}"),
        }
    }
}

impl std::str::FromStr for KeyCode {
    type Err = UnknownKeyError;

    /// Reads a key without modifiers.
    fn from_str(name: &str) -> Result<Self, UnknownKeyError> {
        let code = only(name.chars()).map(Self::Char).or_else(|| named(name));
        code.ok_or_else(|| UnknownKeyError { word: name.to_owned(), name: name.to_owned() })
    }
}

impl Serialize for KeyCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
