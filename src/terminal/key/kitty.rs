//! Keys of the kitty keyboard protocol: `CSI code:shifted:base ; modifiers:kind ; text u`.
#![expect(clippy::wildcard_enum_match_arm, reason = "few keys are special")]

use std::fmt::Write as _;

use super::event::{
    InputModes, KeyCode, KeyEvent, KeyKind, Keypad, KittyFlags, Modifiers, lower, upper,
};
use super::legacy::{self, Form};

/// How a key is written.
enum KittyKey {
    /// `CSI number u`.
    Number(u32),
    /// As in the legacy protocol.
    Form(Form),
}

pub(super) fn encode(event: &KeyEvent, modes: &InputModes) -> Vec<u8> {
    let has = |flag| modes.kitty.contains(flag);
    let (all, kinds) = (has(KittyFlags::ALL_KEYS), has(KittyFlags::EVENT_KINDS));
    let is_release = event.kind == KeyKind::Release;
    if is_release && !kinds {
        return Vec::new();
    }
    let typed = event.typed();
    if let Some(text) = typed.as_ref().filter(|_| !all && !is_release) {
        return text.clone().into_bytes();
    }
    let is_escape_code = all || has(KittyFlags::DISAMBIGUATE);
    // A kind other than press has no legacy form.
    let is_plain = event.kind == KeyKind::Press || !kinds;
    match event.code {
        KeyCode::Enter | KeyCode::Tab | KeyCode::Backspace if !all => {
            // So that `reset` can be typed after a program has left the flags set.
            if is_release {
                return Vec::new();
            }
            let is_bare = visible(event, all).is_empty();
            if is_bare || (!is_escape_code && is_plain) {
                return legacy::encode(event, modes);
            }
        }
        KeyCode::Char(_) | KeyCode::Escape | KeyCode::Keypad(_) if !is_escape_code && is_plain => {
            return legacy::encode(event, modes);
        }
        KeyCode::Kitty(number) if !all && is_modifier(number) => return Vec::new(),
        _ => {}
    }
    match key(event.code, is_escape_code) {
        Some(key) => write(&key, event, modes.kitty, typed.as_deref()),
        None => Vec::new(),
    }
}

/// Modifier and lock keys, reported only if all keys are.
fn is_modifier(number: u16) -> bool {
    matches!(number, 57358..=57360 | 57441..=57454)
}

/// The modifiers that are reported. Locks are not for keys that type, unless all keys are
/// reported: they would keep plain keys from being plain.
fn visible(event: &KeyEvent, all: bool) -> Modifiers {
    let locks = Modifiers::CAPS_LOCK.with(Modifiers::NUM_LOCK);
    let types =
        matches!(event.code, KeyCode::Char(_) | KeyCode::Enter | KeyCode::Tab | KeyCode::Backspace);
    let modifiers = if types && !all { event.modifiers.without(locks) } else { event.modifiers };
    match event.code {
        KeyCode::Char(letter) if lower(letter) != letter => modifiers.with(Modifiers::SHIFT),
        _ => modifiers,
    }
}

fn key(code: KeyCode, has_keypad: bool) -> Option<KittyKey> {
    let number = match code {
        KeyCode::Char(character) => u32::from(lower(character)),
        KeyCode::Enter => 13,
        KeyCode::Tab => 9,
        KeyCode::Backspace => 127,
        KeyCode::Escape => 27,
        KeyCode::Function(number @ 13..=35) => 57376 + u32::from(number - 13),
        // Not `CSI R`, which is the answer to a query of the cursor's position.
        KeyCode::Function(3) => return Some(KittyKey::Form(Form::Tilde(13))),
        KeyCode::Keypad(key) if has_keypad => keypad(key),
        KeyCode::Keypad(key) => return self::key(key.plain()?, false),
        KeyCode::Kitty(number) => number.into(),
        code => return legacy::form(code).map(KittyKey::Form),
    };
    Some(KittyKey::Number(number))
}

fn keypad(key: Keypad) -> u32 {
    match key {
        Keypad::Digit(digit) => 57399 + u32::from(digit.min(9)),
        Keypad::Decimal => 57409,
        Keypad::Divide => 57410,
        Keypad::Multiply => 57411,
        Keypad::Subtract => 57412,
        Keypad::Add => 57413,
        Keypad::Enter => 57414,
        Keypad::Equal => 57415,
        Keypad::Separator => 57416,
        Keypad::Left => 57417,
        Keypad::Right => 57418,
        Keypad::Up => 57419,
        Keypad::Down => 57420,
        Keypad::PageUp => 57421,
        Keypad::PageDown => 57422,
        Keypad::Home => 57423,
        Keypad::End => 57424,
        Keypad::Insert => 57425,
        Keypad::Delete => 57426,
        Keypad::Begin => 57427,
    }
}

fn write(key: &KittyKey, event: &KeyEvent, flags: KittyFlags, typed: Option<&str>) -> Vec<u8> {
    let all = flags.contains(KittyFlags::ALL_KEYS);
    let modifiers = visible(event, all);
    let kind = match event.kind {
        KeyKind::Repeat if flags.contains(KittyFlags::EVENT_KINDS) => Some(2),
        KeyKind::Release => Some(3),
        KeyKind::Press | KeyKind::Repeat => None,
    };
    let mut second = String::new();
    if !modifiers.is_empty() || kind.is_some() {
        _ = write!(second, "{}", u16::from(modifiers.bits()) + 1);
    }
    if let Some(kind) = kind {
        _ = write!(second, ":{kind}");
    }
    let mut text = String::from("\x1b[");
    match key {
        KittyKey::Form(Form::Letter(letter)) if second.is_empty() => text.push(*letter),
        KittyKey::Form(Form::Letter(letter)) => _ = write!(text, "1;{second}{letter}"),
        KittyKey::Form(Form::Tilde(number)) if second.is_empty() => _ = write!(text, "{number}~"),
        KittyKey::Form(Form::Tilde(number)) => _ = write!(text, "{number};{second}~"),
        KittyKey::Number(number) => {
            _ = write!(text, "{number}");
            if flags.contains(KittyFlags::ALTERNATES) {
                alternates(&mut text, event, modifiers);
            }
            let is_told = all && flags.contains(KittyFlags::TEXT) && kind != Some(3);
            let typed = typed.filter(|_| is_told);
            if !second.is_empty() || typed.is_some() {
                _ = write!(text, ";{second}");
            }
            for (index, character) in typed.unwrap_or_default().chars().enumerate() {
                let separator = if index == 0 { ';' } else { ':' };
                _ = write!(text, "{separator}{}", u32::from(character));
            }
            text.push('u');
        }
    }
    text.into_bytes()
}

/// The key's other characters: with Shift if that is held, and at its place of a US keyboard.
fn alternates(text: &mut String, event: &KeyEvent, modifiers: Modifiers) {
    let KeyCode::Char(character) = event.code else { return };
    let own = lower(character);
    let shifted = event.shifted.unwrap_or_else(|| upper(own));
    let shifted = Some(shifted).filter(|c| modifiers.contains(Modifiers::SHIFT) && *c != own);
    if let Some(shifted) = shifted {
        _ = write!(text, ":{}", u32::from(shifted));
    }
    if let Some(base) = event.base.filter(|base| *base != own) {
        let gap = if shifted.is_none() { ":" } else { "" };
        _ = write!(text, "{gap}:{}", u32::from(base));
    }
}
