//! Key events, and the modes that decide how they are encoded.
#![expect(clippy::wildcard_enum_match_arm, reason = "most keys type nothing")]

use serde::{Deserialize, Serialize};

/// A set of modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Modifiers(u8);

impl Modifiers {
    /// None.
    pub const NONE: Self = Self(0);
    /// Shift.
    pub const SHIFT: Self = Self(1);
    /// Alt, the Meta of `M-x`.
    pub const ALT: Self = Self(2);
    /// Control.
    pub const CTRL: Self = Self(4);
    /// Super: the key with a logo.
    pub const SUPER: Self = Self(8);
    /// Hyper.
    pub const HYPER: Self = Self(16);
    /// Meta of a keyboard that has one beside Alt.
    pub const META: Self = Self(32);
    /// Caps Lock is on.
    pub const CAPS_LOCK: Self = Self(64);
    /// Num Lock is on.
    pub const NUM_LOCK: Self = Self(128);

    /// The bits of the kitty protocol.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set of these bits.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether all of `other` are in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set and `other`.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set but for `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A key of the numeric keypad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keypad {
    /// A digit, 0 to 9.
    Digit(u8),
    /// `.`
    Decimal,
    /// `/`
    Divide,
    /// `*`
    Multiply,
    /// `-`
    Subtract,
    /// `+`
    Add,
    /// Enter.
    Enter,
    /// `=`
    Equal,
    /// `,`
    Separator,
    /// Left, without Num Lock, as all that follow.
    Left,
    /// Right.
    Right,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Page Up.
    PageUp,
    /// Page Down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// Insert.
    Insert,
    /// Delete.
    Delete,
    /// The key in the middle.
    Begin,
}

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyCode {
    /// A key that types a character. An upper-case letter is that letter's key with Shift.
    Char(char),
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Escape.
    Escape,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page Up.
    PageUp,
    /// Page Down.
    PageDown,
    /// Insert.
    Insert,
    /// Delete.
    Delete,
    /// A function key, 1 to 35.
    Function(u8),
    /// A key of the numeric keypad.
    Keypad(Keypad),
    /// A key that only the kitty protocol knows, by its number there: 57358 (Caps Lock) to 57454.
    Kitty(u16),
}

/// What has happened to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Pressed.
    #[default]
    Press,
    /// Still held, and repeated by the keyboard.
    Repeat,
    /// Released.
    Release,
}

/// A key that was pressed, is held, or was released.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyEvent {
    /// Which key; in JSON by its name, as `pitcrew keys` takes it.
    pub code: KeyCode,
    /// Modifiers held.
    #[serde(default)]
    pub modifiers: Modifiers,
    /// What has happened to it.
    #[serde(default)]
    pub kind: KeyKind,
    /// What the key types, where the terminal has said so. Else it is derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The character that the key types with Shift, where the terminal has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shifted: Option<char>,
    /// The character at this place of a US keyboard, where the terminal has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<char>,
}

impl KeyEvent {
    /// A key pressed with modifiers.
    pub fn new(code: KeyCode, modifiers: Modifiers) -> Self {
        Self { code, modifiers, kind: KeyKind::Press, text: None, shifted: None, base: None }
    }

    /// This event with another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: KeyKind) -> Self {
        self.kind = kind;
        self
    }

    /// What the key types; nothing for one that is held with Control, Alt and the like.
    pub(super) fn typed(&self) -> Option<String> {
        if let Some(text) = &self.text {
            return Some(text.clone())
                .filter(|text| !text.is_empty() && !text.contains(char::is_control));
        }
        let quiet = Modifiers::SHIFT.with(Modifiers::CAPS_LOCK).with(Modifiers::NUM_LOCK);
        if !self.modifiers.without(quiet).is_empty() {
            return None;
        }
        match self.code {
            KeyCode::Char(character) if !character.is_control() => {
                let is_shifted = self.modifiers.contains(Modifiers::SHIFT);
                Some(if is_shifted { self.upper(character) } else { character }.to_string())
            }
            KeyCode::Keypad(key) => key.character().map(String::from),
            _ => None,
        }
    }

    fn upper(&self, character: char) -> char {
        self.shifted.unwrap_or_else(|| upper(character))
    }
}

/// The upper-case letter if it is one character.
pub(super) fn upper(character: char) -> char {
    only(character.to_uppercase()).unwrap_or(character)
}

/// The lower-case letter if it is one character.
pub(super) fn lower(character: char) -> char {
    only(character.to_lowercase()).unwrap_or(character)
}

/// Returns the character of a text that has only one.
pub(super) fn only(mut text: impl Iterator<Item = char>) -> Option<char> {
    text.next().filter(|_| text.next().is_none())
}

impl Keypad {
    /// What it types with Num Lock.
    pub(super) fn character(self) -> Option<char> {
        match self {
            Self::Digit(digit) => char::from_digit(digit.into(), 10),
            Self::Decimal => Some('.'),
            Self::Divide => Some('/'),
            Self::Multiply => Some('*'),
            Self::Subtract => Some('-'),
            Self::Add => Some('+'),
            Self::Equal => Some('='),
            Self::Separator => Some(','),
            _ => None,
        }
    }

    /// The key of the same meaning elsewhere on the keyboard.
    pub(super) fn plain(self) -> Option<KeyCode> {
        Some(match self {
            Self::Enter => KeyCode::Enter,
            Self::Left => KeyCode::Left,
            Self::Right => KeyCode::Right,
            Self::Up => KeyCode::Up,
            Self::Down => KeyCode::Down,
            Self::PageUp => KeyCode::PageUp,
            Self::PageDown => KeyCode::PageDown,
            Self::Home => KeyCode::Home,
            Self::End => KeyCode::End,
            Self::Insert => KeyCode::Insert,
            Self::Delete => KeyCode::Delete,
            Self::Begin => return None,
            other => KeyCode::Char(other.character()?),
        })
    }
}

/// Flags of the kitty keyboard protocol, as the child has set them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KittyFlags(u8);

impl KittyFlags {
    /// Escape codes that cannot be confused.
    pub const DISAMBIGUATE: Self = Self(1);
    /// Repeats and releases too.
    pub const EVENT_KINDS: Self = Self(2);
    /// The key's other characters too.
    pub const ALTERNATES: Self = Self(4);
    /// All keys as escape codes, those that type text too.
    pub const ALL_KEYS: Self = Self(8);
    /// The text that is typed too.
    pub const TEXT: Self = Self(16);

    /// The flags with these bits.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & 31)
    }

    /// The bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Which mouse events the child wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MouseTracking {
    /// None.
    #[default]
    Off,
    /// Buttons and wheel (mode 1000).
    Click,
    /// And movement with a button held (mode 1002).
    Drag,
    /// And all movement (mode 1003).
    Motion,
}

/// How mouse events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MouseEncoding {
    /// A byte a coordinate, up to 223.
    #[default]
    X10,
    /// A character a coordinate, up to 2015 (mode 1005).
    Utf8,
    /// Decimal numbers (mode 1006).
    Sgr,
}

/// The modes of a terminal that decide how input is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mode that is on or off")]
pub struct InputModes {
    /// Arrows, Home and End as SS3 (DECCKM).
    pub application_cursor: bool,
    /// The keypad as SS3 (DECKPAM).
    pub application_keypad: bool,
    /// Enter sends CR LF (LNM).
    pub newline: bool,
    /// Flags of the kitty keyboard protocol.
    pub kitty: KittyFlags,
    /// Pasted text is bracketed (mode 2004).
    pub bracketed_paste: bool,
    /// Focus is reported (mode 1004).
    pub focus: bool,
    /// The wheel is sent as arrows: the alternate screen without mouse events (mode 1007).
    pub wheel_as_arrows: bool,
    /// Which mouse events are wanted.
    pub mouse: MouseTracking,
    /// How they are written.
    pub mouse_encoding: MouseEncoding,
}
