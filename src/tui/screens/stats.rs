//! Stats screen: current and past resource usage of each process.

use std::fmt::Write as _;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{chart, nothing, widest};
use crate::machine::StateName;
use crate::spec::{format_duration, format_size};
use crate::tui::appearance::{Appearance, put, tint, window};
use crate::tui::text;
use crate::tui::theme::Role;

#[derive(Debug, Clone, PartialEq)]
pub struct ProcessUsage {
    pub name: String,
    pub state: StateName,
    /// A check says when it is ready.
    pub checked: bool,
    /// Share of one processor in percent, the latest last.
    pub processor: Vec<f64>,
    /// Bytes of its tree, the latest last.
    pub memory: Vec<f64>,
    /// Runs after the first.
    pub restarts: u32,
    /// How long its latest run took to be ready.
    pub took: Option<Duration>,
}

/// Which columns there are: those of which something is known.
#[derive(Debug, Clone, Copy)]
struct StatsColumns {
    names: usize,
    /// Columns of a chart, or none.
    charts: usize,
    measured: bool,
}

/// Draws it, with the cursor in this row; whether some are left out by a filter.
pub fn draw(
    (all, filtered): (&[ProcessUsage], bool),
    area: Rect,
    cursor: usize,
    look: &Appearance,
    buffer: &mut Buffer,
) {
    let framed = area.height >= 8 && area.width >= 40;
    let mut title = title(all, look);
    if filtered {
        _ = write!(title, " {} filtered", look.glyphs.dot);
    }
    let inside = if framed { look.pane(area, &title, true, buffer) } else { area };
    if all.is_empty() {
        let words = if filtered { "nothing fits the filter" } else { "there are no processes" };
        return nothing(inside, words, look, buffer);
    }
    let columns = usize::from(inside.width);
    let names = widest(all.iter().map(|one| one.name.as_str()), 4, 18.min(columns / 3));
    let measured = all.iter().any(|one| !one.processor.is_empty());
    // What there is room for, from the left.
    let charts = match columns.saturating_sub(names + 2 + 11 + 6 + 6 + 4 + 7 + 6) {
        room @ 20.. if measured => (room / 2).min(40),
        _ => 0,
    };
    let shown = StatsColumns { names, charts, measured };
    put(inside, 0, &head(shown, look), buffer);
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
        put(body, at, &row(one, shown, look), buffer);
    }
}

fn title(all: &[ProcessUsage], look: &Appearance) -> String {
    let sum = |of: fn(&ProcessUsage) -> &Vec<f64>| -> Option<f64> {
        let latest: Vec<f64> = all.iter().filter_map(|one| of(one).last().copied()).collect();
        (!latest.is_empty()).then(|| latest.iter().sum())
    };
    let processor = sum(|one| &one.processor).map(|all| format!("cpu {all:.0}%"));
    let memory = sum(|one| &one.memory).map(|all| format!("memory {}", format_size(all as u64)));
    let parts: Vec<String> =
        ["Stats".to_owned()].into_iter().chain(processor).chain(memory).collect();
    parts.join(&format!(" {} ", look.glyphs.dot))
}

fn head(shown: StatsColumns, look: &Appearance) -> Line<'static> {
    let StatsColumns { names, charts, measured } = shown;
    let mut words = format!("  {}  {:9}", look.pad("NAME", names), "STATE");
    if measured {
        let chart = if charts > 0 { format!(" {:charts$}", "") } else { String::new() };
        _ = write!(words, "  {:>4}{chart}  {:>4}{chart}", "CPU", "MEM");
    }
    _ = write!(words, "  {:>2}  {:>7}", look.glyphs.restarts, "READY");
    Line::from(look.span(words, Role::Dim))
}

fn row(one: &ProcessUsage, shown: StatsColumns, look: &Appearance) -> Line<'static> {
    let StatsColumns { names, charts, measured } = shown;
    let style = look.theme.state(one.state);
    let sign = look.glyphs.state(one.state, one.checked);
    let word = text::pad(one.state.word(one.checked), 9, look.glyphs.ellipsis);
    let mut spans = vec![
        Span::styled(format!("{sign} "), style),
        Span::styled(look.pad(&one.name, names), look.theme.process(&one.name)),
        Span::raw("  "),
        Span::styled(word, style),
    ];
    let percent = one.processor.last().map(|share| format!("{share:.0}%")).unwrap_or_default();
    let memory = one.memory.last().map(|used| format_size(*used as u64)).unwrap_or_default();
    for (words, values) in [(percent, &one.processor), (memory, &one.memory)] {
        if measured {
            spans.push(look.span(format!("  {words:>4}"), Role::Text));
        }
        if charts > 0 {
            spans.push(look.span(format!(" {}", chart(values, charts, look)), Role::Busy));
        }
    }
    let role = if one.restarts > 0 { Role::Warn } else { Role::Dim };
    spans.push(look.span(format!("  {:>2}", one.restarts), role));
    let took = one.took.map(format_duration).unwrap_or_default();
    spans.push(look.span(format!("  {took:>7}"), Role::Dim));
    Line::from(spans)
}
