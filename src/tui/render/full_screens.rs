//! Renders the full screens.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::details::sheet;
use crate::tui::model::{Model, Screen};
use crate::tui::screens::graph::GraphView;
use crate::tui::screens::{overview, stats};

pub(super) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    match ui.view {
        Screen::Dashboard => {}
        Screen::Events => ui.timeline.draw(area, &ui.look, &ui.zone, buffer),
        Screen::Graph => graph(ui).draw(area, ui.row, &ui.look, buffer),
        Screen::Stats => {
            stats::draw((&usage(ui), ui.is_narrowed()), area, ui.row, &ui.look, buffer);
        }
        Screen::Details => ui.details.draw(&sheet(ui), area, &ui.look, buffer),
    }
}

pub fn rows(ui: &Model) -> usize {
    match ui.view {
        Screen::Graph => graph(ui).len(),
        Screen::Stats => usage(ui).len(),
        Screen::Dashboard | Screen::Events | Screen::Details => 0,
    }
}

/// What the cursor of the view is on.
pub fn name(ui: &Model) -> Option<String> {
    match ui.view {
        Screen::Graph => graph(ui).name(ui.row).map(str::to_owned),
        Screen::Stats => usage(ui).get(ui.row).map(|one| one.name.clone()),
        Screen::Dashboard | Screen::Events | Screen::Details => None,
    }
}

fn graph(ui: &Model) -> GraphView {
    let mut graph = GraphView::new(&overview::nodes(&ui.overview, &ui.took));
    if ui.is_narrowed() {
        graph.narrow(|name| ui.narrowed.shows(name));
    }
    graph
}

fn usage(ui: &Model) -> Vec<stats::ProcessUsage> {
    let mut all = ui.measured.usage(&ui.overview, &ui.took);
    all.retain(|one| ui.narrowed.shows(&one.name));
    all
}
