//! Renders the screen of a process: its cells, one for one.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use crate::terminal::{self, Attributes, CellRun, Rgb, Underline, View};
use crate::tui::model::terminal::{ScreenSelection, run_cells, window_origin};
use crate::tui::text;

/// Draws the part of a screen that fits into an area; returns the position of the cursor in it.
///
/// A larger area shows the screen at its top left, and `beyond` in the other cells. A smaller one shows
/// the part around the cursor.
pub(super) fn draw(
    view: &View,
    area: Rect,
    beyond: (&str, Style),
    buffer: &mut Buffer,
) -> Option<Position> {
    let (columns, rows) = (view.size().columns(), view.size().rows());
    let (left, top) = window_origin(view, area);
    for y in 0..area.height {
        for x in 0..area.width {
            if let Some(cell) = buffer.cell_mut((area.x + x, area.y + y)) {
                cell.reset();
                if x >= columns || y >= rows {
                    cell.set_symbol(beyond.0).set_style(beyond.1);
                }
            }
        }
    }
    for (y, row) in (0..area.height).zip(view.rows().iter().skip(usize::from(top))) {
        let area = Rect { y: area.y + y, height: 1, ..area };
        let mut column = 0_u16;
        for run in &row.runs {
            draw_run(run, column, left, area, buffer);
            column = column.saturating_add(run.columns());
        }
    }
    let cursor = view.cursor();
    let (x, y) = (cursor.column.checked_sub(left)?, cursor.row.checked_sub(top)?);
    let is_shown = cursor.visible && x < area.width && y < area.height;
    is_shown.then_some(Position { x: area.x + x, y: area.y + y })
}

/// Highlights the selected cells of a screen.
pub(super) fn draw_selection(
    view: &View,
    selection: ScreenSelection,
    area: Rect,
    style: Style,
    buffer: &mut Buffer,
) {
    let (left, top) = window_origin(view, area);
    let columns = area.width.min(view.size().columns());
    for y in 0..area.height.min(view.size().rows()) {
        let Some((from, to)) = selection.columns(top + y) else { continue };
        let (from, to) =
            (from.saturating_sub(left).min(columns), to.saturating_sub(left).min(columns));
        let cells = Rect { x: area.x + from, y: area.y + y, width: to - from.min(to), height: 1 };
        buffer.set_style(cells, style);
    }
}

/// Draws a run that begins at a column of the screen into a row, whose first cell shows column `left`.
fn draw_run(run: &CellRun, column: u16, left: u16, row: Rect, buffer: &mut Buffer) {
    let style = style(&run.style);
    let is_hidden = run.style.attributes.contains(Attributes::HIDDEN);
    let width = if run.wide { 2 } else { 1 };
    for (text, at) in run_cells(run, column) {
        let Some(x) = at.checked_sub(left).filter(|x| x + width <= row.width) else { continue };
        let symbol = if is_hidden { " " } else { symbol(text, width) };
        if let Some(cell) = buffer.cell_mut((row.x + x, row.y)) {
            cell.set_symbol(symbol).set_style(style);
        }
        if width == 2
            && let Some(cell) = buffer.cell_mut((row.x + x + 1, row.y))
        {
            // The terminal fills this cell with the wide character, if there is one.
            cell.set_symbol(" ").set_style(style);
        }
    }
}

/// Returns the text to draw for a cell of the emulator. The buffer has to agree with the emulator about
/// the width, or all cells after it would be drawn in a wrong column.
fn symbol(text: &str, width: u16) -> &str {
    let fits = |text: &str| text::width(text) == usize::from(width);
    if text.contains(is_unsafe) {
        return "\u{fffd}";
    }
    if fits(text) {
        return text;
    }
    // A variation selector changes the width in some terminals only.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let first = text.get(..first).unwrap_or_default();
    if fits(first) { first } else { "\u{fffd}" }
}

/// Whether a character could act on the terminal or turn the direction of the row.
fn is_unsafe(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn color(color: terminal::Color) -> Color {
    match color {
        terminal::Color::Default => Color::Reset,
        terminal::Color::Indexed(index) => Color::Indexed(index),
        terminal::Color::Rgb(Rgb { red, green, blue }) => Color::Rgb(red, green, blue),
    }
}

fn style(look: &terminal::Style) -> Style {
    let pairs = [
        (Attributes::BOLD, Modifier::BOLD),
        (Attributes::DIM, Modifier::DIM),
        (Attributes::ITALIC, Modifier::ITALIC),
        (Attributes::INVERSE, Modifier::REVERSED),
        (Attributes::STRIKE, Modifier::CROSSED_OUT),
    ];
    let set = pairs.into_iter().filter(|(attribute, _)| look.attributes.contains(*attribute));
    let mut modifier = set.fold(Modifier::empty(), |all, (_, modifier)| all | modifier);
    if look.underline != Underline::None {
        modifier |= Modifier::UNDERLINED;
    }
    Style::new().fg(color(look.foreground)).bg(color(look.background)).add_modifier(modifier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::{Size, TerminalScreen, Version};

    fn drawn(bytes: &[u8], size: (u16, u16), area: (u16, u16)) -> (Vec<String>, Option<Position>) {
        let mut screen = TerminalScreen::new(Size::new(size.0, size.1));
        screen.advance(bytes);
        let mut view = View::default();
        view.apply(screen.frame(Version::default()));
        let area = Rect::new(1, 1, area.0, area.1);
        let mut buffer = Buffer::empty(Rect::new(0, 0, area.width + 2, area.height + 2));
        let cursor = draw(&view, area, ("·", Style::new()), &mut buffer);
        let rows = crate::tui::test_render::text(&buffer);
        let rows = rows.lines().skip(1).take(usize::from(area.height));
        (rows.map(|row| row.get(1..).unwrap_or_default().to_owned()).collect(), cursor)
    }

    #[test]
    fn a_screen_of_the_size_of_the_area_is_drawn_as_it_is() {
        let (rows, cursor) = drawn(b"ab\r\n c", (4, 2), (4, 2));
        assert_eq!(rows, ["ab", " c"]);
        assert_eq!(cursor, Some(Position { x: 3, y: 2 }));
    }

    #[test]
    fn a_larger_area_shows_where_the_screen_ends() {
        let (rows, _) = drawn(b"ab", (4, 1), (6, 2));
        assert_eq!(rows, ["ab  ··", "······"]);
    }

    #[test]
    fn a_smaller_area_follows_the_cursor() {
        let (rows, cursor) = drawn(b"abcdefgh\x1b[1;8H", (8, 3), (4, 2));
        assert_eq!(rows[0], "efgh");
        assert_eq!(cursor, Some(Position { x: 4, y: 1 }));
        let (rows, _) = drawn(b"1\r\n2\r\n3", (8, 3), (4, 2));
        assert_eq!(rows, ["2", "3"]);
    }

    #[test]
    fn wide_characters_and_clusters_take_their_cells() {
        let (rows, _) = drawn("日本e\u{301}x".as_bytes(), (8, 1), (8, 1));
        assert_eq!(rows, ["日本e\u{301}x"]);
        // Half of a wide character is not drawn.
        let (rows, _) = drawn("a日\x1b[H".as_bytes(), (4, 1), (2, 1));
        assert_eq!(rows, ["a"]);
    }

    #[test]
    fn a_cell_never_takes_another_width_than_in_the_emulator() {
        assert_eq!(symbol("a", 1), "a");
        assert_eq!(symbol("日", 2), "日");
        assert_eq!(symbol("日", 1), "\u{fffd}");
        // Wide in some terminals, narrow in the emulator.
        assert_eq!(symbol("\u{26a0}\u{fe0f}", 1), "\u{26a0}");
        assert_eq!(symbol("\u{202e}", 1), "\u{fffd}", "turns the row");
        let (rows, _) =
            drawn("\u{26a0}\u{fe0f}|\x1b[8msecret\x1b[0m|".as_bytes(), (12, 1), (12, 1));
        assert_eq!(rows, ["\u{26a0}\u{fe0f}|      |"], "hidden text is blank");
    }

    #[test]
    fn the_selection_is_where_the_text_is() {
        let mut screen = TerminalScreen::new(Size::new(8, 2));
        screen.advance(b"abcdefgh\x1b[1;8H");
        let mut view = View::default();
        view.apply(screen.frame(Version::default()));
        let (area, mut buffer) = (Rect::new(0, 0, 4, 1), Buffer::empty(Rect::new(0, 0, 4, 1)));
        let point = |column| crate::tui::model::terminal::ScreenPoint { row: 0, column };
        let selection = ScreenSelection { from: point(5), to: point(6), is_whole_rows: false };
        let style = Style::new().add_modifier(Modifier::REVERSED);
        draw_selection(&view, selection, area, style, &mut buffer);
        let is_selected = |x| buffer[(x, 0)].modifier.contains(Modifier::REVERSED);
        assert_eq!([0, 1, 2, 3].map(is_selected), [false, true, true, false]);
    }

    #[test]
    fn a_hidden_cursor_is_not_shown() {
        assert_eq!(drawn(b"ab\x1b[?25l", (4, 1), (4, 1)).1, None);
    }
}
