//! Input of the outer terminal as input for the terminal of a process.
#![expect(clippy::wildcard_enum_match_arm, reason = "other keys have no name in a terminal")]

use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyEventState, KeyModifiers, MouseButton, MouseEvent,
    MouseEventKind,
};

use crate::terminal::key;

/// Returns the key event for a process; `None` for a key that no terminal can send.
pub(in crate::tui) fn key_event(event: &KeyEvent) -> Option<key::KeyEvent> {
    let is_keypad = event.state.contains(KeyEventState::KEYPAD);
    let mut modifiers = modifiers(event.modifiers);
    let mut typed = None;
    let code = match event.code {
        KeyCode::Char(character) if is_keypad => keypad(character),
        KeyCode::Char(character) => {
            // An upper-case letter is that letter's key with Shift.
            let mut lower = character.to_lowercase();
            if let (true, Some(lower), None) =
                (character.is_uppercase(), lower.next(), lower.next())
            {
                modifiers = modifiers.with(key::Modifiers::SHIFT);
                key::KeyCode::Char(lower)
            } else {
                // Which key types `!` depends on the keyboard: what it types is known.
                let plain = modifiers.without(key::Modifiers::SHIFT).is_empty();
                typed = plain.then(|| character.to_string());
                key::KeyCode::Char(character)
            }
        }
        KeyCode::Enter if is_keypad => key::KeyCode::Keypad(key::Keypad::Enter),
        KeyCode::Enter => key::KeyCode::Enter,
        KeyCode::Tab => key::KeyCode::Tab,
        KeyCode::BackTab => {
            modifiers = modifiers.with(key::Modifiers::SHIFT);
            key::KeyCode::Tab
        }
        KeyCode::Backspace => key::KeyCode::Backspace,
        KeyCode::Esc => key::KeyCode::Escape,
        KeyCode::Up => key::KeyCode::Up,
        KeyCode::Down => key::KeyCode::Down,
        KeyCode::Left => key::KeyCode::Left,
        KeyCode::Right => key::KeyCode::Right,
        KeyCode::Home => key::KeyCode::Home,
        KeyCode::End => key::KeyCode::End,
        KeyCode::PageUp => key::KeyCode::PageUp,
        KeyCode::PageDown => key::KeyCode::PageDown,
        KeyCode::Insert => key::KeyCode::Insert,
        KeyCode::Delete => key::KeyCode::Delete,
        KeyCode::F(number) => key::KeyCode::Function(number),
        KeyCode::Null => {
            modifiers = modifiers.with(key::Modifiers::CTRL);
            key::KeyCode::Char(' ')
        }
        KeyCode::KeypadBegin => key::KeyCode::Keypad(key::Keypad::Begin),
        _ => return None,
    };
    let kind = match event.kind {
        KeyEventKind::Press => key::KeyKind::Press,
        KeyEventKind::Repeat => key::KeyKind::Repeat,
        KeyEventKind::Release => key::KeyKind::Release,
    };
    Some(key::KeyEvent { text: typed, ..key::KeyEvent::new(code, modifiers).with_kind(kind) })
}

fn keypad(character: char) -> key::KeyCode {
    let named = match character {
        '0'..='9' => key::Keypad::Digit(character as u8 - b'0'),
        '.' => key::Keypad::Decimal,
        '/' => key::Keypad::Divide,
        '*' => key::Keypad::Multiply,
        '-' => key::Keypad::Subtract,
        '+' => key::Keypad::Add,
        '=' => key::Keypad::Equal,
        ',' => key::Keypad::Separator,
        other => return key::KeyCode::Char(other),
    };
    key::KeyCode::Keypad(named)
}

fn modifiers(held: KeyModifiers) -> key::Modifiers {
    let pairs = [
        (KeyModifiers::SHIFT, key::Modifiers::SHIFT),
        (KeyModifiers::ALT, key::Modifiers::ALT),
        (KeyModifiers::CONTROL, key::Modifiers::CTRL),
        (KeyModifiers::SUPER, key::Modifiers::SUPER),
        (KeyModifiers::HYPER, key::Modifiers::HYPER),
        (KeyModifiers::META, key::Modifiers::META),
    ];
    let set = pairs.into_iter().filter(|(outer, _)| held.contains(*outer));
    set.fold(key::Modifiers::NONE, |all, (_, modifier)| all.with(modifier))
}

/// Returns the mouse event for a process whose screen begins at this column and row.
pub(in crate::tui) fn mouse_event(event: MouseEvent, origin: (u16, u16)) -> key::MouseEvent {
    let button = |button| match button {
        MouseButton::Left => key::MouseButton::Left,
        MouseButton::Middle => key::MouseButton::Middle,
        MouseButton::Right => key::MouseButton::Right,
    };
    let action = match event.kind {
        MouseEventKind::Down(which) => key::MouseAction::Press(button(which)),
        MouseEventKind::Up(which) => key::MouseAction::Release(button(which)),
        MouseEventKind::Drag(which) => key::MouseAction::Move(Some(button(which))),
        MouseEventKind::Moved => key::MouseAction::Move(None),
        MouseEventKind::ScrollUp => key::MouseAction::ScrollUp,
        MouseEventKind::ScrollDown => key::MouseAction::ScrollDown,
        MouseEventKind::ScrollLeft => key::MouseAction::ScrollLeft,
        MouseEventKind::ScrollRight => key::MouseAction::ScrollRight,
    };
    let (column, row) = origin;
    key::MouseEvent {
        action,
        column: event.column.saturating_sub(column),
        row: event.row.saturating_sub(row),
        modifiers: modifiers(event.modifiers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::key::{InputModes, KittyFlags, encode_key};

    fn sent(code: KeyCode, held: KeyModifiers) -> String {
        let event = key_event(&KeyEvent::new(code, held)).expect("a key that terminals have");
        String::from_utf8(encode_key(&event, &InputModes::default())).unwrap()
    }

    #[test]
    fn keys_are_passed_on_as_a_terminal_sends_them() {
        let (none, ctrl, alt) = (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT);
        for (code, held, expected) in [
            (KeyCode::Char('a'), none, "a"),
            (KeyCode::Char('A'), KeyModifiers::SHIFT, "A"),
            (KeyCode::Char('!'), KeyModifiers::SHIFT, "!"),
            (KeyCode::Char('ä'), none, "ä"),
            (KeyCode::Char('日'), none, "日"),
            (KeyCode::Char('c'), ctrl, "\x03"),
            (KeyCode::Char(' '), ctrl, "\0"),
            (KeyCode::Char('x'), alt, "\x1bx"),
            (KeyCode::Enter, none, "\r"),
            (KeyCode::Esc, none, "\x1b"),
            (KeyCode::Backspace, none, "\x7f"),
            (KeyCode::BackTab, none, "\x1b[Z"),
            (KeyCode::Up, none, "\x1b[A"),
            (KeyCode::Up, ctrl, "\x1b[1;5A"),
            (KeyCode::F(5), none, "\x1b[15~"),
        ] {
            assert_eq!(sent(code, held), expected, "{code:?} {held:?}");
        }
        assert!(key_event(&KeyEvent::new(KeyCode::CapsLock, none)).is_none());
    }

    #[test]
    fn the_text_of_a_shifted_sign_is_kept_for_the_kitty_protocol() {
        let event = key_event(&KeyEvent::new(KeyCode::Char('!'), KeyModifiers::SHIFT)).unwrap();
        let modes = InputModes { kitty: KittyFlags::DISAMBIGUATE, ..InputModes::default() };
        assert_eq!(encode_key(&event, &modes), b"!");
    }

    #[test]
    fn the_place_of_the_mouse_is_that_on_the_screen() {
        let kind = MouseEventKind::Down(MouseButton::Left);
        let event = MouseEvent { kind, column: 32, row: 5, modifiers: KeyModifiers::NONE };
        let event = mouse_event(event, (30, 2));
        assert_eq!((event.column, event.row), (2, 3));
        assert_eq!(event.action, key::MouseAction::Press(key::MouseButton::Left));
    }
}
