//! Renders the first row: project, number of processes by state, resource usage.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::list::percent;
use crate::control::wire::PhaseName;
use crate::spec::format_size;
use crate::tui::appearance::put;
use crate::tui::model::layout::areas;
use crate::tui::model::{ClientRole, ConnectionState, Model};
use crate::tui::text;
use crate::tui::theme::Role;

/// Columns of `FOLLOW` and `PAUSED`.
const FOLLOW: usize = 6;

pub(super) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    let look = &ui.look;
    let mut spans =
        vec![" ".into(), look.span(look.fit(&ui.overview.project, 24), Role::Title), "  ".into()];
    for (state, checked, number) in ui.counts() {
        let sign = look.glyphs.state(state, checked);
        spans.push(Span::styled(format!(" {sign} {number}"), look.theme.state(state)));
    }
    let all = &ui.overview.processes;
    let cpu = all.iter().filter_map(|one| one.status.cpu_percent).reduce(|a, b| a + b);
    let memory = all.iter().filter_map(|one| one.status.memory_bytes).reduce(|a, b| a + b);
    if let (Some(cpu), Some(memory)) = (cpu, memory) {
        let words = format!("   cpu {} mem {}", percent(cpu), format_size(memory));
        spans.push(look.span(words, Role::Dim));
    }
    let (phase, role) = match ui.overview.phase {
        _ if ui.link == ConnectionState::Lost => ("not connected", Role::Bad),
        PhaseName::Up if ui.overview.file_gone.is_some() => ("its file is gone", Role::Warn),
        PhaseName::Up if ui.stand == ClientRole::Guest => ("attached", Role::Dim),
        PhaseName::Up => ("", Role::Dim),
        PhaseName::Stopping => ("stopping all", Role::Warn),
        PhaseName::Killing => ("killing all", Role::Bad),
    };
    let width = usize::from(area.width);
    let mut left = Line::from(spans);
    // Where panes have no border, what stands in it is said here.
    let bare = areas(ui).logs.is_some_and(|pane| !pane.has_border());
    let (phase, role) = if bare && phase.is_empty() {
        if left.width() + FOLLOW + 3 > width {
            // Whether the lines stand still matters more than the others.
            left.spans.truncate(2);
        }
        (super::logs::status(ui, width.saturating_sub(left.width() + 3)), Role::Dim)
    } else {
        (phase.to_owned(), role)
    };
    let used = left.width();
    put(area, 0, &left, buffer);
    let room = width.saturating_sub(used + 3);
    if !phase.is_empty() && room > 5 {
        let phase = look.fit(&phase, room);
        let wide = u16::try_from(text::width(&phase) + 1).unwrap_or(area.width);
        let x = area.right().saturating_sub(wide);
        let at = Rect { x, width: area.right() - x, ..area };
        put(at, 0, &Line::from(look.span(phase, role)), buffer);
    }
}
