//! Keys, paste, mouse and focus: events, and the bytes a child expects for them.
//!
//! Pure. The owner of the screen encodes, because it alone knows the modes at that moment.

mod encode;
mod event;
mod kitty;
mod legacy;
mod mouse;
mod paste;
mod words;

#[cfg(test)]
mod tests;

pub use self::encode::encode_key;
pub use self::event::{
    InputModes, KeyCode, KeyEvent, KeyKind, Keypad, KittyFlags, Modifiers, MouseEncoding,
    MouseTracking,
};
pub use self::mouse::{MouseAction, MouseButton, MouseEvent, encode_focus, encode_mouse};
pub use self::paste::encode_paste;
pub use self::words::{UnknownKeyError, key_names, literal, parse_word};
