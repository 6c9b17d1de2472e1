//! Stats screen: current and past resource usage of each process.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{chart, percent, placeholder, screen_pane, widest};
use crate::control::wire::ProcessState;
use crate::spec::{format_duration, format_size};
use crate::tui::appearance::{put, skip_rows};
use crate::tui::model::Model;
use crate::tui::model::usage::UsageSeries;
use crate::tui::theme::Role;

/// Widths of the columns that depend on the processes and the size of the screen.
#[derive(Debug, Clone, Copy)]
struct StatsColumns {
    names: usize,
    /// 0 if there is no room for charts.
    charts: usize,
    is_measured: bool,
}

/// The processes that match the filter of the screen.
pub(super) fn processes(ui: &Model) -> Vec<&ProcessState> {
    let processes = ui.overview.processes.iter();
    processes.filter(|process| ui.row_filter.shows(&process.name)).collect()
}

pub(in crate::tui) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    let look = &ui.look;
    let processes = processes(ui);
    let inside = screen_pane(area, &title(ui, &processes), look, buffer);
    if processes.is_empty() {
        let text =
            if ui.has_row_filter() { "no process matches the filter" } else { "no processes" };
        return placeholder(inside, text, look, buffer);
    }
    let width = usize::from(inside.width);
    let names = processes.iter().map(|process| process.name.as_str());
    let names = widest(names, 4, 18.min(width / 3));
    let is_measured = processes.iter().any(|process| ui.usage.current(process).is_some());
    let charts = match width.saturating_sub(names + 2 + 11 + 6 + 6 + 4 + 7 + 6) {
        room @ 20.. if is_measured => (room / 2).min(40),
        _ => 0,
    };
    let columns = StatsColumns { names, charts, is_measured };
    put(inside, 0, &heading(ui, columns), buffer);
    let cursor = ui.row.min(processes.len() - 1);
    look.draw_rows(skip_rows(inside, 1), processes.len(), cursor, buffer, |index| {
        processes.get(index).map(|process| row(ui, process, columns)).unwrap_or_default()
    });
}

fn title(ui: &Model, processes: &[&ProcessState]) -> String {
    let sum = |values: fn(&UsageSeries) -> &[f64]| {
        let usage = processes.iter().filter_map(|process| ui.usage.current(process));
        usage.filter_map(|usage| values(usage).last().copied()).reduce(|sum, value| sum + value)
    };
    let cpu = sum(|usage| &usage.cpu).map(|sum| format!("cpu {}", percent(sum)));
    let memory =
        sum(|usage| &usage.memory).map(|sum| format!("memory {}", format_size(sum as u64)));
    let filtered = ui.has_row_filter().then(|| "filtered".to_owned());
    let parts = [Some("Stats".to_owned()), cpu, memory, filtered].into_iter().flatten();
    parts.collect::<Vec<_>>().join(&format!(" {} ", ui.look.glyphs.dot))
}

fn heading(ui: &Model, columns: StatsColumns) -> Line<'static> {
    let StatsColumns { names, charts, is_measured } = columns;
    let mut text = format!("  {}  {:9}", ui.look.pad("NAME", names), "STATE");
    if is_measured {
        let chart = if charts > 0 { format!(" {:charts$}", "") } else { String::new() };
        _ = write!(text, "  {:>4}{chart}  {:>4}{chart}", "CPU", "MEM");
    }
    _ = write!(text, "  {:>2}  {:>7}", ui.look.glyphs.restarts, "READY");
    Line::from(ui.look.span(text, Role::Dim))
}

fn row(ui: &Model, process: &ProcessState, columns: StatsColumns) -> Line<'static> {
    let look = &ui.look;
    let StatsColumns { names, charts, is_measured } = columns;
    let style = look.theme.state(process.state);
    let sign = look.glyphs.state(process.state, process.checked);
    let mut spans = vec![
        Span::styled(format!("{sign} "), style),
        Span::styled(look.pad(&process.name, names), look.theme.process(&process.name)),
        Span::raw("  "),
        Span::styled(look.pad(process.state.word(process.checked), 9), style),
    ];
    let usage = ui.usage.current(process).cloned().unwrap_or_default();
    let cpu = usage.cpu.last().map(|share| percent(*share));
    let memory = usage.memory.last().map(|bytes| format_size(*bytes as u64));
    for (latest, values) in [(cpu, &usage.cpu), (memory, &usage.memory)] {
        if is_measured {
            spans.push(look.span(format!("  {:>4}", latest.unwrap_or_default()), Role::Text));
        }
        if charts > 0 {
            spans.push(look.span(format!(" {}", chart(values, charts, look)), Role::Busy));
        }
    }
    let role = if process.restarts > 0 { Role::Warn } else { Role::Dim };
    spans.push(look.span(format!("  {:>2}", process.restarts), role));
    let ready = ui.ready_times.of(&process.name).map(format_duration).unwrap_or_default();
    spans.push(look.span(format!("  {ready:>7}"), Role::Dim));
    Line::from(spans)
}
