//! Renders the model: it reads nothing else, and draws only the visible part.

pub mod details;
pub(crate) mod graph;
pub mod header;
pub mod hints;
pub mod list;
pub mod logs;
mod screen;
pub mod screens;
pub(in crate::tui) mod stats;
mod terminal;
pub(in crate::tui) mod timeline;

use std::time::Duration;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::appearance::{Appearance, put};
use super::model::layout::{MIN_SIZE, PaneArea, areas};
use super::model::{Model, Screen, seconds_left};
use super::overlay::OverlayContext;
use super::text;
use super::theme::Role;
use crate::control::wire::ProcessState;
use crate::spec::format_age;

pub fn view(ui: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    if let Some(cursor) = draw(ui, area, frame.buffer_mut())
        && area.contains(cursor)
    {
        frame.set_cursor_position(cursor);
    }
}

/// Whether the screen shows resource usage, if it is known.
pub(super) fn shows_usage(ui: &Model) -> bool {
    match ui.screen {
        Screen::Dashboard => areas(ui).list.is_some_and(|pane| list::shows_usage(ui, pane)),
        Screen::Stats | Screen::Details => true,
        Screen::Events | Screen::Graph => false,
    }
}

/// As [`view`], into a buffer; returns the position of the cursor.
pub(super) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    // A terminal may shrink before the model is informed.
    let is_stale = ui.size.width > area.width || ui.size.height > area.height;
    let cursor = if is_stale { None } else { draw_parts(ui, area, buffer) };
    ui.look.flatten(buffer);
    cursor
}

fn draw_parts(ui: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let areas = areas(ui);
    if areas.is_tiny {
        let (columns, rows) = MIN_SIZE;
        let texts = [
            format!("too small: {columns}x{rows} is the minimum"),
            format!("need {columns}x{rows}"),
            "too small".to_owned(),
        ];
        let width = usize::from(area.width);
        let text = texts.iter().find(|text| text::width(text) <= width).or(texts.last());
        placeholder(area, text.map_or("", String::as_str), &ui.look, buffer);
        return None;
    }
    header::draw(ui, areas.header, buffer);
    if let Some(pane) = areas.list {
        list::draw(ui, pane, buffer);
    }
    if let Some(pane) = areas.logs {
        logs::draw(ui, pane, buffer);
    }
    let terminal = areas.terminal.and_then(|pane| terminal::draw(ui, pane, buffer));
    if let Some(pane) = areas.view {
        screens::draw(ui, pane.outside, buffer);
    }
    if let Some(pane) = areas.strip {
        timeline::draw_strip(ui, pane, buffer);
    }
    hints::draw(ui, areas.hints, buffer);
    let prompt = hints::draw_notes(ui, areas.notes, areas.notes != areas.hints, buffer);
    let Some(overlay) = &ui.overlay else { return prompt.or(terminal) };
    let (facts, names) = (ui.action_facts(), ui.process_names());
    let context = OverlayContext { keymap: &ui.config.keymap, facts: &facts, names: &names };
    overlay.draw(area, &ui.look, context, buffer)
}

/// A pane border with a title, and text in its other three corners.
#[derive(Debug, Default)]
struct Border {
    title: String,
    right: String,
    below: String,
    below_right: String,
    focused: bool,
}

impl Border {
    /// Draws it, if the pane has a border.
    fn draw(&self, pane: PaneArea, look: &Appearance, buffer: &mut Buffer) {
        if !pane.has_border() {
            return;
        }
        let area = pane.outside;
        look.pane(area, &self.title, self.focused, buffer);
        let role = if self.focused { Role::Focus } else { Role::Border };
        let width = usize::from(area.width).saturating_sub(4);
        let last = usize::from(area.height).saturating_sub(1);
        let mut draw_right = |row: usize, text: &str, left: &str| {
            let (columns, room) =
                (text::width(text) + 2, width.saturating_sub(text::width(left) + 3));
            if !text.is_empty() && columns <= room {
                put_right(area, row, 1, look.span(format!(" {text} "), role), buffer);
            }
        };
        draw_right(0, &self.right, &self.title);
        let below = look.fit(&self.below, width);
        draw_right(last, &self.below_right, &below);
        if !below.is_empty() && last > 0 {
            let below = look.span(format!(" {below} "), role);
            put(
                Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area },
                last,
                &below.into(),
                buffer,
            );
        }
    }
}

/// Draws a text at the right end of a row, before some blanks.
fn put_right(area: Rect, row: usize, blanks: u16, text: Span<'_>, buffer: &mut Buffer) {
    let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
    let x = area.right().saturating_sub(width.saturating_add(blanks)).max(area.x);
    put(Rect { x, width: area.right() - x, ..area }, row, &text.into(), buffer);
}

/// The area of a full screen; inside a border if there is room for one.
fn screen_pane(area: Rect, title: &str, look: &Appearance, buffer: &mut Buffer) -> Rect {
    let has_border = area.height >= 8 && area.width >= 40;
    if has_border { look.pane(area, title, true, buffer) } else { area }
}

/// Draws a text in place of rows.
fn placeholder(area: Rect, text: &str, look: &Appearance, buffer: &mut Buffer) {
    let text = look.fit(text, usize::from(area.width));
    put(area, 0, &Line::from(look.span(text, Role::Dim)), buffer);
}

/// The width of the widest cell, within limits.
fn widest<'a>(cells: impl Iterator<Item = &'a str>, least: usize, most: usize) -> usize {
    cells.map(text::width).max().unwrap_or(0).clamp(least, most.max(least))
}

/// A chart of one row: the latest `columns` values, relative to the highest of them.
pub(in crate::tui) fn chart(values: &[f64], columns: usize, look: &Appearance) -> String {
    let latest = values.get(values.len().saturating_sub(columns)..).unwrap_or_default();
    let highest = latest.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let share = |value: &f64| if highest > 0.0 { value / highest } else { 0.0 };
    let bars: String = latest.iter().map(|value| look.glyphs.bar(share(value))).collect();
    format!("{bars:>columns$}")
}

/// `7%`
fn percent(share: f64) -> String {
    format!("{share:.0}%")
}

/// `<1m`, then minutes, hours, days.
fn uptime(ms: u64, age: Duration) -> String {
    let uptime = Duration::from_millis(ms) + age;
    if uptime < Duration::from_mins(1) { "<1m".to_owned() } else { format_age(uptime) }
}

/// Why a process is in its state, with the time left.
fn reason(process: &ProcessState, ui: &Model) -> String {
    let left = seconds_left(process, ui.age()).map(|left| format!(" in {left}"));
    format!("{}{}", process.why, left.unwrap_or_default())
}

/// A time as the clock of the user shows it.
fn clock(ui: &Model, time: Timestamp) -> String {
    time.to_zoned_datetime(ui.config.zone.clone()).strftime("%H:%M:%S").to_string()
}

/// As [`clock`], for a time in RFC 3339.
fn clock_of(ui: &Model, time: &str) -> String {
    time.parse().map(|time| clock(ui, time)).unwrap_or_default()
}
