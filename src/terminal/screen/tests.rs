//! Tests of the screen from outside.

mod faults;
mod frames;
mod programs;
mod properties;
mod queries;
mod sequences;
mod split;

use super::*;

/// A screen that has got these bytes.
fn screen(columns: u16, rows: u16, bytes: impl AsRef<[u8]>) -> TerminalScreen {
    let mut screen = TerminalScreen::new(Size::new(columns, rows));
    let advance = screen.advance(bytes.as_ref());
    assert!(!advance.failed);
    screen
}

/// What the child gets as answers.
fn replies(bytes: &str) -> String {
    let mut screen = TerminalScreen::new(Size::new(20, 6));
    let advance = screen.advance(bytes.as_bytes());
    String::from_utf8(advance.replies).unwrap()
}
