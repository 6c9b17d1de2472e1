//! Renders the latest events.

use ratatui::buffer::Buffer;

use super::Border;
use crate::tui::appearance::put;
use crate::tui::model::Model;
use crate::tui::model::layout::PaneArea;
use crate::tui::screens::timeline;
use crate::tui::text;

pub(super) fn draw(ui: &Model, pane: PaneArea, buffer: &mut Buffer) {
    let unread = ui.timeline.unread();
    let right = if unread > 0 { format!("{unread} unread · 2: all") } else { "2: all".to_owned() };
    let border = Border { title: "Events".to_owned(), right, ..Border::default() };
    border.draw(pane, &ui.look, buffer);
    let rows = usize::from(pane.inside.height);
    let told: Vec<_> = ui.timeline.latest().take(rows).collect();
    let names = told.iter().filter_map(|told| told.name.as_deref()).map(text::width).max();
    let names = names.unwrap_or(0).clamp(7, 16);
    for (at, told) in told.into_iter().enumerate() {
        let columns = usize::from(pane.inside.width);
        let line = timeline::line(told, names, columns, &ui.look, &ui.zone);
        put(pane.inside, at, &line, buffer);
    }
}
