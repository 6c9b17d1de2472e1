//! Keys as xterm sends them.
#![expect(clippy::wildcard_enum_match_arm, reason = "few keys are special")]

use super::event::{InputModes, KeyCode, KeyEvent, Keypad, Modifiers, upper};

/// How a key without a character is written in both protocols.
pub(super) enum Form {
    /// `CSI letter`, `CSI 1 ; modifiers letter`.
    Letter(char),
    /// `CSI number ~`, `CSI number ; modifiers ~`.
    Tilde(u8),
}

const ESC: char = '\x1b';

pub(super) fn encode(event: &KeyEvent, modes: &InputModes) -> Vec<u8> {
    if let KeyCode::Keypad(key) = event.code {
        return keypad(key, event, modes);
    }
    if let Some(text) = &event.text
        && let Some(typed) = event.typed()
        && *text == typed
    {
        return typed.into_bytes();
    }
    code(event.code, event.modifiers, modes)
}

fn code(code: KeyCode, modifiers: Modifiers, modes: &InputModes) -> Vec<u8> {
    let modifiers = known(modifiers);
    let has = |modifier| modifiers.contains(modifier);
    match code {
        KeyCode::Char(character) => self::character(character, modifiers),
        KeyCode::Enter => with_alt(modifiers, if modes.newline { "\r\n" } else { "\r" }),
        KeyCode::Tab => with_alt(modifiers, if has(Modifiers::SHIFT) { "\x1b[Z" } else { "\t" }),
        KeyCode::Backspace => {
            with_alt(modifiers, if has(Modifiers::CTRL) { "\x08" } else { "\x7f" })
        }
        KeyCode::Escape => with_alt(modifiers, "\x1b"),
        KeyCode::Function(number) => function(number, modifiers),
        KeyCode::Kitty(_) | KeyCode::Keypad(_) => Vec::new(),
        KeyCode::Up
        | KeyCode::Down
        | KeyCode::Left
        | KeyCode::Right
        | KeyCode::Home
        | KeyCode::End
        | KeyCode::PageUp
        | KeyCode::PageDown
        | KeyCode::Insert
        | KeyCode::Delete => match form(code) {
            Some(form) => write(&form, modifiers, modes.application_cursor),
            None => Vec::new(),
        },
    }
}

/// The modifiers that this protocol can say.
fn known(modifiers: Modifiers) -> Modifiers {
    let all = Modifiers::SHIFT.with(Modifiers::ALT).with(Modifiers::CTRL).with(Modifiers::META);
    Modifiers::from_bits(modifiers.bits() & all.bits())
}

fn is_alt(modifiers: Modifiers) -> bool {
    modifiers.contains(Modifiers::ALT) || modifiers.contains(Modifiers::META)
}

fn with_alt(modifiers: Modifiers, text: &str) -> Vec<u8> {
    let alt = if is_alt(modifiers) { "\x1b" } else { "" };
    [alt, text].concat().into_bytes()
}

fn character(character: char, modifiers: Modifiers) -> Vec<u8> {
    let shifted = if modifiers.contains(Modifiers::SHIFT) { upper(character) } else { character };
    let character = if modifiers.contains(Modifiers::CTRL) {
        control(character).unwrap_or(shifted)
    } else {
        shifted
    };
    with_alt(modifiers, character.encode_utf8(&mut [0; 4]))
}

/// What a character is with Control held.
pub(super) fn control(character: char) -> Option<char> {
    let byte = match character {
        'a'..='z' => character as u8 - b'a' + 1,
        'A'..='Z' => character as u8 - b'A' + 1,
        ' ' | '@' | '2' => 0,
        '[' | '3' => 27,
        '\\' | '4' => 28,
        ']' | '5' => 29,
        '^' | '6' | '~' => 30,
        '_' | '7' | '/' => 31,
        '?' | '8' => 127,
        _ => return None,
    };
    Some(char::from(byte))
}

/// How a key that types nothing is written; `None` for function keys above 12.
pub(super) fn form(code: KeyCode) -> Option<Form> {
    Some(match code {
        KeyCode::Up => Form::Letter('A'),
        KeyCode::Down => Form::Letter('B'),
        KeyCode::Right => Form::Letter('C'),
        KeyCode::Left => Form::Letter('D'),
        KeyCode::Home => Form::Letter('H'),
        KeyCode::End => Form::Letter('F'),
        KeyCode::Insert => Form::Tilde(2),
        KeyCode::Delete => Form::Tilde(3),
        KeyCode::PageUp => Form::Tilde(5),
        KeyCode::PageDown => Form::Tilde(6),
        KeyCode::Function(1) => Form::Letter('P'),
        KeyCode::Function(2) => Form::Letter('Q'),
        KeyCode::Function(3) => Form::Letter('R'),
        KeyCode::Function(4) => Form::Letter('S'),
        KeyCode::Function(5) => Form::Tilde(15),
        KeyCode::Function(number @ 6..=10) => Form::Tilde(11 + number),
        KeyCode::Function(number @ 11..=12) => Form::Tilde(12 + number),
        _ => return None,
    })
}

/// Number of a set of modifiers in a sequence.
fn parameter(modifiers: Modifiers) -> u8 {
    let mut bits = modifiers.bits() & 7;
    if is_alt(modifiers) {
        bits |= Modifiers::ALT.bits();
    }
    bits + 1
}

fn write(form: &Form, modifiers: Modifiers, is_application: bool) -> Vec<u8> {
    let number = parameter(modifiers);
    match (form, number) {
        (Form::Letter(letter @ 'P'..='S'), 1) => format!("{ESC}O{letter}"),
        (Form::Letter(letter), 1) if is_application => format!("{ESC}O{letter}"),
        (Form::Letter(letter), 1) => format!("{ESC}[{letter}"),
        (Form::Letter(letter), number) => format!("{ESC}[1;{number}{letter}"),
        (Form::Tilde(key), 1) => format!("{ESC}[{key}~"),
        (Form::Tilde(key), number) => format!("{ESC}[{key};{number}~"),
    }
    .into_bytes()
}

/// F13 to F24 are F1 to F12 with Shift, as terminfo has them; F25 to F35 with Control.
fn function(number: u8, modifiers: Modifiers) -> Vec<u8> {
    let (key, extra) = match number {
        13..=24 => (number - 12, Modifiers::SHIFT),
        25..=35 => (number - 24, Modifiers::CTRL),
        _ => (number, Modifiers::NONE),
    };
    let form = form(KeyCode::Function(key));
    form.map(|form| write(&form, modifiers.with(extra), false)).unwrap_or_default()
}

fn keypad(key: Keypad, event: &KeyEvent, modes: &InputModes) -> Vec<u8> {
    let application = match key {
        Keypad::Digit(digit @ 0..=9) => Some(b'p' + digit),
        Keypad::Decimal => Some(b'n'),
        Keypad::Divide => Some(b'o'),
        Keypad::Multiply => Some(b'j'),
        Keypad::Subtract => Some(b'm'),
        Keypad::Add => Some(b'k'),
        Keypad::Separator => Some(b'l'),
        Keypad::Enter => Some(b'M'),
        Keypad::Equal => Some(b'X'),
        _ => None,
    };
    if modes.application_keypad
        && let Some(letter) = application
        && known(event.modifiers).is_empty()
    {
        return vec![0x1b, b'O', letter];
    }
    match key.plain() {
        Some(plain) => code(plain, event.modifiers, modes),
        None => write(&Form::Letter('E'), known(event.modifiers), modes.application_cursor),
    }
}
