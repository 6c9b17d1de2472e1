//! Renders the first row: project, number of processes by state, resource usage.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{logs, percent, put_right, terminal};
use crate::control::wire::PhaseName;
use crate::spec::format_size;
use crate::tui::appearance::put;
use crate::tui::model::layout::areas;
use crate::tui::model::{ClientRole, ConnectionState, Model};
use crate::tui::text;
use crate::tui::theme::Role;

/// Columns of `FOLLOW` and `PAUSED`.
const MODE: usize = 6;

pub(super) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    let look = &ui.look;
    let project = look.span(look.fit(&ui.overview.project, 24), Role::Title);
    let mut left = Line::from(vec![" ".into(), project, "  ".into()]);
    for (state, number) in ui.counts() {
        let sign = look.glyphs.state(state, true);
        left.push_span(Span::styled(format!(" {sign} {number}"), look.theme.state(state)));
    }
    let waiting = ui.waiting_count();
    if waiting > 0 {
        let text = format!(" {} {waiting} waiting for input", look.glyphs.waits_for_input);
        left.push_span(look.span(text, Role::Warn));
    }
    let processes = &ui.overview.processes;
    let cpu =
        processes.iter().filter_map(|process| process.cpu_percent).reduce(|sum, cpu| sum + cpu);
    let memory =
        processes.iter().filter_map(|process| process.memory_bytes).reduce(|sum, used| sum + used);
    if let (Some(cpu), Some(memory)) = (cpu, memory) {
        let usage = format!("   cpu {} mem {}", percent(cpu), format_size(memory));
        left.push_span(look.span(usage, Role::Dim));
    }
    let (phase, role) = match ui.overview.phase {
        _ if ui.connection == ConnectionState::Lost => ("not connected", Role::Bad),
        PhaseName::Up if ui.overview.file_gone.is_some() => ("procfile is gone", Role::Warn),
        PhaseName::Up if ui.role == ClientRole::Guest => ("attached", Role::Dim),
        PhaseName::Up => ("", Role::Dim),
        PhaseName::Stopping => ("stopping all", Role::Warn),
        PhaseName::Killing => ("killing all", Role::Bad),
    };
    let width = usize::from(area.width);
    // Without a border around the logs their status is shown here.
    let areas = areas(ui);
    let is_bare = areas.terminal.is_some_and(|pane| !pane.has_border());
    let has_status = areas.logs.is_some_and(|pane| !pane.has_border()) || is_bare;
    let right = if is_bare && (phase.is_empty() || ui.role == ClientRole::Guest) {
        // Where the keys go matters more than the counts.
        let needed = text::width(&terminal::short_status(ui)) + 3;
        while left.spans.len() > 2 && left.width() + needed > width {
            left.spans.pop();
        }
        terminal::status(ui, width.saturating_sub(left.width() + 3))
    } else if has_status && phase.is_empty() {
        if left.width() + MODE + 3 > width {
            // Whether the logs follow matters more than the counts.
            left.spans.truncate(2);
        }
        logs::status(ui, width.saturating_sub(left.width() + 3))
    } else {
        phase.to_owned()
    };
    put(area, 0, &left, buffer);
    let room = width.saturating_sub(left.width() + 3);
    if !right.is_empty() && room > 5 {
        put_right(area, 0, 1, look.span(look.fit(&right, room), role), buffer);
    }
}
