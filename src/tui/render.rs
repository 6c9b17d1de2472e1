//! Renders the model. It reads nothing else, and only the visible part.

pub mod details;
pub mod event_strip;
pub mod full_screens;
pub mod header;
pub mod hints;
pub mod list;
pub mod logs;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::appearance::{Appearance, put};
use super::model::layout::{LEAST, PaneArea, areas};
use super::model::{Model, Screen};
use super::overlay::OverlayContext;
use super::theme::Role;

pub fn view(ui: &Model, frame: &mut Frame<'_>) {
    let whole = frame.area();
    if let Some(cursor) = draw(ui, whole, frame.buffer_mut())
        && whole.contains(cursor)
    {
        frame.set_cursor_position(cursor);
    }
}

/// Whether what the processes take is shown, where it is known.
pub(super) fn shows_figures(ui: &Model) -> bool {
    match ui.view {
        Screen::Dashboard => areas(ui).list.is_some_and(|pane| list::shows_figures(ui, pane)),
        Screen::Stats | Screen::Details => true,
        Screen::Events | Screen::Graph => false,
    }
}

/// The same, into a buffer; where the cursor is.
pub(super) fn draw(ui: &Model, whole: Rect, buffer: &mut Buffer) -> Option<Position> {
    let cursor = drawn(ui, whole, buffer);
    ui.look.flatten(buffer);
    cursor
}

fn drawn(ui: &Model, whole: Rect, buffer: &mut Buffer) -> Option<Position> {
    let areas = areas(ui);
    // The terminal may have become smaller since the model was told.
    if ui.size.width > whole.width || ui.size.height > whole.height {
        return None;
    }
    if areas.is_tiny {
        let least = format!("{}x{}", LEAST.0, LEAST.1);
        let whole_words = format!("too small: {least} is the least");
        let width = usize::from(whole.width);
        let all = [whole_words, format!("need {least}")];
        let fits = all.into_iter().find(|words| super::text::width(words) <= width);
        let words = ui.look.fit(&fits.unwrap_or_else(|| "too small".to_owned()), width);
        put(whole, 0, &Line::from(ui.look.span(words, Role::Dim)), buffer);
        return None;
    }
    header::draw(ui, areas.header, buffer);
    if let Some(pane) = areas.list {
        list::draw(ui, pane, buffer);
    }
    if let Some(pane) = areas.logs {
        logs::draw(ui, pane, buffer);
    }
    if let Some(pane) = areas.view {
        full_screens::draw(ui, pane.outside, buffer);
    }
    if let Some(pane) = areas.strip {
        event_strip::draw(ui, pane, buffer);
    }
    hints::draw(ui, areas.hints, buffer);
    let typing = hints::notes(ui, areas.notes, areas.notes != areas.hints, buffer);
    let over = ui.overlay.as_ref().map(|overlay| {
        let (facts, names) = (ui.facts(), ui.names());
        let known = OverlayContext { keymap: &ui.config.keymap, facts: &facts, names: &names };
        overlay.draw(whole, &ui.look, known, buffer)
    });
    over.unwrap_or(typing)
}

/// A border with words in it: above on the left and on the right, below likewise.
#[derive(Debug, Default)]
struct Border {
    title: String,
    right: String,
    below: String,
    below_right: String,
    focused: bool,
}

impl Border {
    /// Draws it, if the pane has one.
    fn draw(&self, pane: PaneArea, look: &Appearance, buffer: &mut Buffer) {
        if !pane.has_border() {
            return;
        }
        let area = pane.outside;
        look.pane(area, &self.title, self.focused, buffer);
        let role = if self.focused { Role::Focus } else { Role::Border };
        let room = usize::from(area.width).saturating_sub(4);
        let title = super::text::width(&self.title) + 3;
        on_right(area, 0, &self.right, room.saturating_sub(title), look, role, buffer);
        let last = usize::from(area.height).saturating_sub(1);
        let below = look.fit(&self.below, room);
        if !below.is_empty() && last > 0 {
            let at = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
            put(at, last, &Line::from(look.span(format!(" {below} "), role)), buffer);
        }
        let left = room.saturating_sub(super::text::width(&below) + 3);
        on_right(area, last, &self.below_right, left, look, role, buffer);
    }
}

fn on_right(
    area: Rect,
    row: usize,
    words: &str,
    room: usize,
    look: &Appearance,
    role: Role,
    buffer: &mut Buffer,
) {
    let wide = super::text::width(words);
    if words.is_empty() || wide + 2 > room {
        return;
    }
    let wide = u16::try_from(wide + 2).unwrap_or(u16::MAX);
    let x = area.right().saturating_sub(wide + 1);
    let at = Rect { x, width: wide, ..area };
    put(at, row, &Line::from(look.span(format!(" {words} "), role)), buffer);
}
