//! Pasted text.

use super::event::InputModes;

const END: &str = "\x1b[201~";

/// Returns what to write to the child for pasted text.
///
/// Control characters other than tab and line ends are taken out, so the text can neither end its
/// own brackets nor press keys.
pub fn encode_paste(text: &str, modes: &InputModes) -> Vec<u8> {
    let text = text.replace(END, "");
    let keep =
        |character: &char| !character.is_control() || matches!(character, '\t' | '\n' | '\r');
    let text: String = text.chars().filter(keep).collect();
    if modes.bracketed_paste {
        return ["\x1b[200~", &text, END].concat().into_bytes();
    }
    text.replace("\r\n", "\r").replace('\n', "\r").into_bytes()
}
