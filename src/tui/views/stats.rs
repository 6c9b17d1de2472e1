//! Stats: what each process uses, now and before.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{bytes, chart, nothing, widest};
use crate::machine::StateName;
use crate::tui::glyphs::state_word;
use crate::tui::look::{Look, put, tint, window};
use crate::tui::text;
use crate::tui::theme::Role;

/// What one process uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub state: StateName,
    /// A check says when it is ready.
    pub checked: bool,
    /// Share of one processor in percent, the latest last.
    pub processor: Vec<f64>,
    /// Bytes of its tree, the latest last.
    pub memory: Vec<f64>,
    /// Runs after the first.
    pub restarts: u32,
    /// Lines it has printed.
    pub lines: Option<u64>,
}

/// Draws it, with the cursor in this row.
pub fn draw(all: &[Usage], area: Rect, cursor: usize, look: &Look, buffer: &mut Buffer) {
    let framed = area.height >= 8 && area.width >= 40;
    let inside = if framed { look.pane(area, &title(all, look), true, buffer) } else { area };
    if all.is_empty() {
        return nothing(inside, "there are no processes", look, buffer);
    }
    let columns = usize::from(inside.width);
    let names = widest(all.iter().map(|one| one.name.as_str()), 4, 18.min(columns / 3));
    // What there is room for, from the left.
    let charts = match columns.saturating_sub(names + 2 + 11 + 6 + 6 + 4 + 7 + 6) {
        room @ 20.. => (room / 2).min(40),
        _ => 0,
    };
    let head = head(names, charts, look);
    put(inside, 0, &head, buffer);
    let body = Rect {
        y: inside.y + 1.min(inside.height),
        height: inside.height.saturating_sub(1),
        ..inside
    };
    let cursor = cursor.min(all.len() - 1);
    let rows = window(all.len(), cursor, usize::from(body.height));
    for (at, one) in all.get(rows.clone()).unwrap_or_default().iter().enumerate() {
        if rows.start + at == cursor {
            tint(body, at, look.style(Role::Cursor), buffer);
        }
        put(body, at, &row(one, names, charts, look), buffer);
    }
}

fn title(all: &[Usage], look: &Look) -> String {
    let sum = |of: fn(&Usage) -> &Vec<f64>| -> Option<f64> {
        let latest: Vec<f64> = all.iter().filter_map(|one| of(one).last().copied()).collect();
        (!latest.is_empty()).then(|| latest.iter().sum())
    };
    let processor = sum(|one| &one.processor).map(|all| format!("cpu {all:.0}%"));
    let memory = sum(|one| &one.memory).map(|all| format!("memory {}", bytes(all as u64)));
    let parts: Vec<String> =
        ["Stats".to_owned()].into_iter().chain(processor).chain(memory).collect();
    parts.join(&format!(" {} ", look.glyphs.dot))
}

fn head(names: usize, charts: usize, look: &Look) -> Line<'static> {
    let mut words = format!("  {}  {:9}", look.pad("NAME", names), "STATE");
    _ = write!(words, "  {:>4}", "CPU");
    if charts > 0 {
        _ = write!(words, " {:charts$}", "");
    }
    _ = write!(words, "  {:>4}", "MEM");
    if charts > 0 {
        _ = write!(words, " {:charts$}", "");
    }
    _ = write!(words, "  {:>2}", look.glyphs.restarts);
    _ = write!(words, "  {:>7}", "LINES");
    Line::from(look.span(words, Role::Dim))
}

fn row(one: &Usage, names: usize, charts: usize, look: &Look) -> Line<'static> {
    let style = look.theme.state(one.state);
    let sign = look.glyphs.state(one.state, one.checked);
    let word = text::pad(state_word(one.state, one.checked), 9, look.glyphs.ellipsis);
    let percent = one.processor.last().map(|share| format!("{share:.0}%")).unwrap_or_default();
    let memory = one.memory.last().map(|used| bytes(*used as u64)).unwrap_or_default();
    let mut spans = vec![
        Span::styled(format!("{sign} "), style),
        Span::styled(look.pad(&one.name, names), look.theme.process(&one.name)),
        Span::raw("  "),
        Span::styled(word, style),
        look.span(format!("  {percent:>4}"), Role::Text),
    ];
    if charts > 0 {
        spans.push(look.span(format!(" {}", chart(&one.processor, charts, look)), Role::Busy));
    }
    spans.push(look.span(format!("  {memory:>4}"), Role::Text));
    if charts > 0 {
        spans.push(look.span(format!(" {}", chart(&one.memory, charts, look)), Role::Busy));
    }
    let role = if one.restarts > 0 { Role::Warn } else { Role::Dim };
    spans.push(look.span(format!("  {:>2}", one.restarts), role));
    let lines = one.lines.map(|lines| lines.to_string()).unwrap_or_default();
    spans.push(look.span(format!("  {lines:>7}"), Role::Dim));
    Line::from(spans)
}
