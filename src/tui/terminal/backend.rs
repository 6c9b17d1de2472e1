//! Backend of ratatui that places the cursor anew after characters whose width terminals disagree about.
//!
//! A terminal that draws such a character wider or narrower than expected would shift the rest of the row.
//! ratatui moves the cursor only where cells are left out, which is so after all wide characters.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

#[derive(Debug)]
pub(super) struct SteadyBackend<W: Write>(CrosstermBackend<W>);

impl<W: Write> SteadyBackend<W> {
    pub(super) fn new(writer: W) -> Self {
        Self(CrosstermBackend::new(writer))
    }
}

/// Whether terminals disagree about the width of a symbol: several code points, such as a variation
/// selector makes them, or a pictograph.
fn is_uncertain(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    let first = chars.next().unwrap_or(' ');
    chars.next().is_some()
        || matches!(first, '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1ffff}')
}

impl<W: Write> Backend for SteadyBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let cells: Vec<(u16, u16, &Cell)> = content.collect();
        // Each call begins with a movement of the cursor.
        for cells in cells.split_inclusive(|(.., cell)| is_uncertain(cell.symbol())) {
            self.0.draw(cells.iter().copied())?;
        }
        Ok(())
    }

    fn append_lines(&mut self, lines: u16) -> io::Result<()> {
        self.0.append_lines(lines)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.0.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.0.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.0.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.0.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;

    #[test]
    fn a_character_of_unclear_width_shifts_nothing() {
        let buffer = Buffer::with_lines(["a\u{2764}b", "e\u{301}xy"]);
        let mut written = Vec::new();
        let cells = buffer.content.iter().enumerate().map(|(at, cell)| {
            let (x, y) = buffer.pos_of(at);
            (x, y, cell)
        });
        SteadyBackend::new(&mut written).draw(cells).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert!(text.contains("\x1b[1;3Hb"), "{text:?}");
        assert!(text.contains("\x1b[2;2Hxy"), "{text:?}");
        assert!(!text.contains("\x1b[1;2H"), "{text:?}");
    }
}
