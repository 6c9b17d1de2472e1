//! Full screens: drawn instead of the dashboard.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::graph::Graph;
use super::{details, graph, stats, timeline};
use crate::tui::model::{Model, Screen};

pub(super) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    match ui.screen {
        Screen::Dashboard => {}
        Screen::Events => timeline::draw(ui, area, buffer),
        Screen::Graph => graph::draw(ui, area, buffer),
        Screen::Stats => stats::draw(ui, area, buffer),
        Screen::Details => details::draw(ui, area, buffer),
    }
}

/// Number of rows that the cursor of the screen can be on.
pub fn rows(ui: &Model) -> usize {
    match ui.screen {
        Screen::Graph => Graph::of(ui).len(),
        Screen::Stats => stats::processes(ui).len(),
        Screen::Dashboard | Screen::Events | Screen::Details => 0,
    }
}

/// The name of the process at the cursor of the screen.
pub fn name(ui: &Model) -> Option<String> {
    match ui.screen {
        Screen::Graph => Graph::of(ui).name(ui.row).map(str::to_owned),
        Screen::Stats => Some(stats::processes(ui).get(ui.row)?.name.to_string()),
        Screen::Dashboard | Screen::Events | Screen::Details => None,
    }
}
