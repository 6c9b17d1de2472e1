//! The views that take the whole screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::sheet::sheet;
use crate::tui::ui::{Ui, View};
use crate::tui::views::graph::Graph;
use crate::tui::views::{overview, stats};

pub(super) fn draw(ui: &Ui, area: Rect, buffer: &mut Buffer) {
    match ui.view {
        View::Dashboard => {}
        View::Events => ui.timeline.draw(area, &ui.look, &ui.zone, buffer),
        View::Graph => graph(ui).draw(area, ui.row, &ui.look, buffer),
        View::Stats => stats::draw((&usage(ui), ui.is_narrowed()), area, ui.row, &ui.look, buffer),
        View::Details => ui.details.draw(&sheet(ui), area, &ui.look, buffer),
    }
}

/// Rows of the view.
pub fn rows(ui: &Ui) -> usize {
    match ui.view {
        View::Graph => graph(ui).len(),
        View::Stats => usage(ui).len(),
        View::Dashboard | View::Events | View::Details => 0,
    }
}

/// What the cursor of the view is on.
pub fn name(ui: &Ui) -> Option<String> {
    match ui.view {
        View::Graph => graph(ui).name(ui.row).map(str::to_owned),
        View::Stats => usage(ui).get(ui.row).map(|one| one.name.clone()),
        View::Dashboard | View::Events | View::Details => None,
    }
}

fn graph(ui: &Ui) -> Graph {
    let mut graph = Graph::new(&overview::nodes(&ui.overview, &ui.took));
    if ui.is_narrowed() {
        graph.narrow(|name| ui.narrowed.shows(name));
    }
    graph
}

fn usage(ui: &Ui) -> Vec<stats::Usage> {
    let mut all = ui.measured.usage(&ui.overview, &ui.took);
    all.retain(|one| ui.narrowed.shows(&one.name));
    all
}
