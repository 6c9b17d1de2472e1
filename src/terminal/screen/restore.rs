//! Sequences that undo the modes which a program has left set.

use alacritty_terminal::term::TermMode;

use super::frame::CursorShape;
use super::{ScreenCursor, TerminalScreen};
use crate::terminal::key::{MouseEncoding, MouseTracking};

impl TerminalScreen {
    /// Returns the sequences that bring a terminal which was given the same output back to its usual modes:
    /// main screen, cursor shown, no mouse events, keys in their usual encoding. Empty if nothing is set.
    pub fn restore_sequence(&self) -> String {
        let modes = self.input_modes();
        let is_alternate = self.is_alternate();
        let has_kitty = modes.kitty.bits() != 0;
        let ScreenCursor { shape, .. } = self.cursor();
        let sequences = [
            (self.is_updating(), "\x1b[?2026l"),
            // Each screen has flags; these are those of the screen that is shown.
            (has_kitty, "\x1b[=0;1u"),
            (is_alternate, "\x1b[?1049l"),
            (has_kitty && is_alternate, "\x1b[=0;1u"),
            (modes.mouse != MouseTracking::Off, "\x1b[?1003l\x1b[?1002l\x1b[?1000l"),
            (modes.mouse_encoding != MouseEncoding::X10, "\x1b[?1006l\x1b[?1005l"),
            (modes.focus, "\x1b[?1004l"),
            (modes.bracketed_paste, "\x1b[?2004l"),
            (modes.application_cursor, "\x1b[?1l"),
            (modes.application_keypad, "\x1b>"),
            (shape != CursorShape::Block, "\x1b[0 q"),
            (!self.state().has(TermMode::SHOW_CURSOR), "\x1b[?25h"),
        ];
        let set: String =
            sequences.iter().filter(|(is_set, _)| *is_set).map(|(_, text)| *text).collect();
        if set.is_empty() { set } else { format!("\x1b[0m{set}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Size;

    #[test]
    fn what_a_program_has_set_is_undone_and_nothing_else() {
        let mut screen = TerminalScreen::new(Size::default());
        screen.advance(b"hello\r\n\x1b[31mred\x1b[0m");
        assert_eq!(screen.restore_sequence(), "");
        screen.advance(b"\x1b[?1049h\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?25l\x1b[?1h\x1b[>1u");
        let undo = screen.restore_sequence();
        for sequence in
            ["[?1049l", "[?1000l", "[?1006l", "[?2004l", "[?25h", "[?1l", "[=0;1u", "[0m"]
        {
            assert!(undo.contains(sequence), "{sequence} in {undo:?}");
        }
        screen.advance(undo.as_bytes());
        assert_eq!(screen.restore_sequence(), "");
    }
}
