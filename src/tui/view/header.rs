//! The first row: which project, how many are where, what it all takes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::list::{bytes, percent};
use crate::control::wire::Phase;
use crate::tui::look::put;
use crate::tui::theme::Role;
use crate::tui::ui::{Stand, Ui};

pub(super) fn draw(ui: &Ui, area: Rect, buffer: &mut Buffer) {
    let look = &ui.look;
    let mut spans = vec![
        " ".into(),
        look.span(look.fit(&ui.overview.project, 24), Role::Title),
        "  ".into(),
    ];
    for (state, checked, number) in ui.counts() {
        let sign = look.glyphs.state(state, checked);
        spans.push(Span::styled(format!(" {sign} {number}"), look.theme.state(state)));
    }
    let all = &ui.overview.processes;
    let cpu = all.iter().filter_map(|one| one.status.cpu_percent).reduce(|a, b| a + b);
    let memory = all.iter().filter_map(|one| one.status.memory_bytes).reduce(|a, b| a + b);
    if let (Some(cpu), Some(memory)) = (cpu, memory) {
        let words = format!("   cpu {} mem {}", percent(cpu), bytes(memory));
        spans.push(look.span(words, Role::Dim));
    }
    let (phase, role) = match ui.overview.phase {
        _ if !ui.connected => ("not connected", Role::Bad),
        Phase::Up if ui.stand == Stand::Guest => ("attached", Role::Dim),
        Phase::Up => ("", Role::Dim),
        Phase::Stopping => ("stopping all", Role::Warn),
        Phase::Killing => ("killing all", Role::Bad),
    };
    let left = Line::from(spans);
    let (used, width) = (left.width(), usize::from(area.width));
    put(area, 0, &left, buffer);
    if !phase.is_empty() && used + phase.len() + 3 < width {
        let x = area.right().saturating_sub(phase.len() as u16 + 1);
        let at = Rect { x, width: area.right() - x, ..area };
        put(at, 0, &Line::from(look.span(phase, role)), buffer);
    }
}
