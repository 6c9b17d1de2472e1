//! Full screens. Each draws the data it is given, and nothing else.

pub mod details;
pub mod graph;
pub mod overview;
pub mod stats;
pub mod timeline;

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::appearance::{Appearance, put};
use super::text;
use super::theme::Role;

/// A chart of one row: the latest `columns` values, against the highest of them.
pub fn chart(values: &[f64], columns: usize, look: &Appearance) -> String {
    let latest = values.get(values.len().saturating_sub(columns)..).unwrap_or_default();
    let highest = latest.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let share = |value: &f64| if highest > 0.0 { value / highest } else { 0.0 };
    let blanks = columns - latest.len();
    let bars = latest.iter().map(|value| look.glyphs.bar(share(value)));
    std::iter::repeat_n(" ", blanks).chain(bars).collect()
}

/// Columns of a table: as wide as what is in them, `most` at most.
fn widest<'a>(cells: impl Iterator<Item = &'a str>, least: usize, most: usize) -> usize {
    cells.map(text::width).max().unwrap_or(0).clamp(least, most.max(least))
}

/// A line of cells with blanks between them, each in its own role.
fn cells(cells: Vec<(String, Role)>, look: &Appearance) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::with_capacity(cells.len() * 2);
    for (text, role) in cells {
        spans.push(look.span(text, role));
        spans.push(Span::raw(" "));
    }
    Line::from(spans)
}

/// What is said where there is nothing to show.
fn nothing(area: Rect, words: &str, look: &Appearance, buffer: &mut Buffer) {
    let words = look.fit(words, usize::from(area.width));
    put(area, 0, &Line::from(look.span(words, Role::Dim)), buffer);
}
