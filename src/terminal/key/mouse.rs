//! Mouse and focus.
#![expect(clippy::wildcard_enum_match_arm, reason = "only the wheel can be arrows")]

use serde::{Deserialize, Serialize};

use super::encode::encode_key;
use super::event::{InputModes, KeyCode, KeyEvent, Modifiers, MouseEncoding, MouseTracking};

/// A mouse button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MouseButton {
    /// The left one.
    Left,
    /// The middle one.
    Middle,
    /// The right one.
    Right,
    /// The one at the side that goes back.
    Back,
    /// The one at the side that goes forward.
    Forward,
}

/// What the mouse has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MouseAction {
    /// A button was pressed.
    Press(MouseButton),
    /// A button was released.
    Release(MouseButton),
    /// It was moved, with a button held or none.
    Move(Option<MouseButton>),
    /// The wheel was turned up.
    ScrollUp,
    /// The wheel was turned down.
    ScrollDown,
    /// The wheel was pushed to the left.
    ScrollLeft,
    /// The wheel was pushed to the right.
    ScrollRight,
}

/// Something that the mouse has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MouseEvent {
    /// What.
    pub action: MouseAction,
    /// Column of the screen, from 0.
    pub column: u16,
    /// Row of the screen, from 0.
    pub row: u16,
    /// Modifiers held.
    #[serde(default)]
    pub modifiers: Modifiers,
}

/// Rows that a step of the wheel is worth where it is sent as arrow keys.
const STEP: usize = 3;

/// Returns what to write to the child for a mouse event; nothing if it has not asked for it.
pub fn encode_mouse(event: &MouseEvent, modes: &InputModes) -> Vec<u8> {
    let is_wanted = match (modes.mouse, event.action) {
        (MouseTracking::Off, action) => return arrows(action, modes),
        (MouseTracking::Drag, MouseAction::Move(button)) => button.is_some(),
        (MouseTracking::Click, MouseAction::Move(_)) => false,
        (MouseTracking::Motion | MouseTracking::Drag | MouseTracking::Click, _) => true,
    };
    if !is_wanted {
        return Vec::new();
    }
    match modes.mouse_encoding {
        MouseEncoding::Sgr => {
            let last = if matches!(event.action, MouseAction::Release(_)) { 'm' } else { 'M' };
            let (code, column, row) =
                (code(*event, true), u32::from(event.column) + 1, u32::from(event.row) + 1);
            format!("\x1b[<{code};{column};{row}{last}").into_bytes()
        }
        MouseEncoding::X10 => {
            // The largest is 223, as a byte has room for 32 more only.
            let place = |value: u16| u8::try_from(u32::from(value) + 33).ok();
            match (place(event.column), place(event.row)) {
                (Some(column), Some(row)) => {
                    vec![0x1b, b'[', b'M', code(*event, false).saturating_add(32), column, row]
                }
                _ => Vec::new(),
            }
        }
        MouseEncoding::Utf8 => {
            // Two bytes of UTF-8 at most.
            let place = |value: u32| char::from_u32(value).filter(|c| c.len_utf8() <= 2);
            let column = place(u32::from(event.column) + 33);
            let row = place(u32::from(event.row) + 33);
            match (place(u32::from(code(*event, false)) + 32), column, row) {
                (Some(code), Some(column), Some(row)) => {
                    format!("\x1b[M{code}{column}{row}").into_bytes()
                }
                _ => Vec::new(),
            }
        }
    }
}

/// The wheel as arrow keys.
fn arrows(action: MouseAction, modes: &InputModes) -> Vec<u8> {
    let code = match action {
        MouseAction::ScrollUp => KeyCode::Up,
        MouseAction::ScrollDown => KeyCode::Down,
        _ => return Vec::new(),
    };
    if !modes.wheel_as_arrows {
        return Vec::new();
    }
    encode_key(&KeyEvent::new(code, Modifiers::NONE), modes).repeat(STEP)
}

/// Button and modifiers as a number. Only the newer encoding says which button was released.
fn code(event: MouseEvent, says_released: bool) -> u8 {
    let button = |button| match button {
        MouseButton::Left => 0,
        MouseButton::Middle => 1,
        MouseButton::Right => 2,
        MouseButton::Back => 128,
        MouseButton::Forward => 129,
    };
    let code = match event.action {
        MouseAction::Press(which) => button(which),
        MouseAction::Release(which) if says_released => button(which),
        MouseAction::Release(_) => 3,
        MouseAction::Move(which) => which.map_or(3, button) + 32,
        MouseAction::ScrollUp => 64,
        MouseAction::ScrollDown => 65,
        MouseAction::ScrollLeft => 66,
        MouseAction::ScrollRight => 67,
    };
    let has = |modifier| event.modifiers.contains(modifier);
    code + 4 * u8::from(has(Modifiers::SHIFT))
        + 8 * u8::from(has(Modifiers::ALT))
        + 16 * u8::from(has(Modifiers::CTRL))
}

/// Returns what to write to the child when it gets or loses the focus.
pub fn encode_focus(has_focus: bool, modes: &InputModes) -> Vec<u8> {
    match (modes.focus, has_focus) {
        (false, _) => Vec::new(),
        (true, true) => b"\x1b[I".to_vec(),
        (true, false) => b"\x1b[O".to_vec(),
    }
}
