//! Columns of the process list, and which of its rows are visible.

use ratatui::layout::Rect;

use super::Model;
use crate::tui::appearance::window;

/// How wide each column is; nothing for those there is no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct ListColumns {
    pub(in crate::tui) name: usize,
    pub(in crate::tui) state: usize,
    pub(in crate::tui) up: usize,
    pub(in crate::tui) cpu: usize,
    pub(in crate::tui) memory: usize,
    pub(in crate::tui) restarts: usize,
    pub(in crate::tui) port: usize,
}

/// The longest there usually is: `succeeded (0)`.
const STATE: usize = 13;
const UP: usize = 4;
const CPU: usize = 5;
const MEMORY: usize = 6;
/// Where nothing was started again a hundred times.
const RESTARTS: usize = 3;
const PORT: usize = 7;

impl ListColumns {
    pub(in crate::tui) fn of(ui: &Model, width: usize) -> Self {
        let all = &ui.overview.processes;
        Self::with(ui, width, all.iter().any(|one| one.cpu_percent.is_some()))
    }

    pub(in crate::tui) fn with(ui: &Model, width: usize, is_measured: bool) -> Self {
        let name = names(ui).min(width.saturating_sub(14).max(4)) + 2;
        let state = STATE.min(width.saturating_sub(name + 3));
        let mut left = width.saturating_sub(3 + name + state);
        let mut take = |wanted: bool, columns: usize| {
            let fits = wanted && left >= columns;
            if fits {
                left -= columns;
            }
            if fits { columns } else { 0 }
        };
        let up = take(true, UP);
        let restarts = take(true, restarts(ui));
        let cpu = take(is_measured, CPU);
        let memory = take(is_measured, MEMORY);
        let port = take(true, port(ui));
        // What is left makes room for words.
        let more = left.min(10);
        Self { name, state: state + more, up, cpu, memory, restarts, port }
    }
}

fn names(ui: &Model) -> usize {
    ui.list.name_width.clamp(6, 26)
}

fn restarts(ui: &Model) -> usize {
    let all = &ui.overview.processes;
    let sum: u64 = all.iter().map(|one| u64::from(one.restarts)).sum();
    if sum < 100 { RESTARTS } else { sum.to_string().len() + 1 }
}

/// Nothing where nobody has one.
fn port(ui: &Model) -> usize {
    let highest = ui.overview.processes.iter().filter_map(|one| one.port).max();
    match highest {
        None => 0,
        Some(..10_000) => PORT - 1,
        Some(_) => PORT,
    }
}

/// Columns with which nothing is left out, whatever the states are.
pub(super) fn wanted(ui: &Model) -> usize {
    3 + names(ui) + 2 + STATE + UP + restarts(ui) + CPU + MEMORY + port(ui)
}

/// Rows of the heading, and which of the list are shown.
pub(in crate::tui) fn visible(ui: &Model, inside: Rect) -> (usize, std::ops::Range<usize>) {
    let height = usize::from(inside.height);
    let head = usize::from(height > 3);
    (head, window(ui.list.rows.len(), ui.list.cursor_index, height.saturating_sub(head)))
}
