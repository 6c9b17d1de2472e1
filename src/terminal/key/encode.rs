//! The bytes of a key.

use super::event::{InputModes, KeyEvent, KeyKind, KittyFlags};
use super::{kitty, legacy};

/// Returns what to write to the child for a key; nothing for one that it has not asked for.
pub fn encode_key(event: &KeyEvent, modes: &InputModes) -> Vec<u8> {
    let flags = modes.kitty;
    // Alternate characters alone change nothing.
    let is_legacy = flags.bits() & !KittyFlags::ALTERNATES.bits() == 0;
    if !is_legacy {
        return kitty::encode(event, modes);
    }
    if event.kind == KeyKind::Release { Vec::new() } else { legacy::encode(event, modes) }
}
