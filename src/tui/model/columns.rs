//! Column widths of the process list, and its visible rows.

use ratatui::layout::Rect;

use super::Model;
use crate::tui::appearance::window;

/// The width of each column; 0 for a column without room.
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

/// The longest usual text: `succeeded (0)`.
const STATE_WIDTH: usize = 13;
const UPTIME_WIDTH: usize = 4;
const CPU_WIDTH: usize = 5;
const MEMORY_WIDTH: usize = 6;
/// With fewer than 100 restarts.
const RESTARTS_WIDTH: usize = 3;
const PORT_WIDTH: usize = 7;

impl ListColumns {
    /// Divides a width, with columns of CPU and memory if any process has measurements.
    pub(in crate::tui) fn new(ui: &Model, width: usize) -> Self {
        let mut processes = ui.overview.processes.iter();
        Self::with_usage(ui, width, processes.any(|process| process.cpu_percent.is_some()))
    }

    /// Divides a width, with or without the columns of CPU and memory.
    pub(in crate::tui) fn with_usage(ui: &Model, width: usize, has_usage: bool) -> Self {
        let name = name_width(ui).min(width.saturating_sub(14).max(4)) + 2;
        let state = STATE_WIDTH.min(width.saturating_sub(name + 3));
        let mut left = width.saturating_sub(3 + name + state);
        let mut allocate = |is_shown: bool, columns: usize| {
            let fits = is_shown && left >= columns;
            if fits {
                left -= columns;
            }
            if fits { columns } else { 0 }
        };
        let up = allocate(true, UPTIME_WIDTH);
        let restarts = allocate(true, restarts_width(ui));
        let cpu = allocate(has_usage, CPU_WIDTH);
        let memory = allocate(has_usage, MEMORY_WIDTH);
        let port = allocate(true, port_width(ui));
        // Up to ten of the remaining columns go to the text of the state.
        let more = left.min(10);
        Self { name, state: state + more, up, cpu, memory, restarts, port }
    }
}

fn name_width(ui: &Model) -> usize {
    ui.list.name_width.clamp(6, 26)
}

fn restarts_width(ui: &Model) -> usize {
    let processes = ui.overview.processes.iter();
    let sum: u64 = processes.map(|process| u64::from(process.restarts)).sum();
    if sum < 100 { RESTARTS_WIDTH } else { sum.to_string().len() + 1 }
}

/// Returns 0 if no process has a port.
fn port_width(ui: &Model) -> usize {
    let highest = ui.overview.processes.iter().filter_map(|process| process.port).max();
    match highest {
        None => 0,
        Some(..10_000) => PORT_WIDTH - 1,
        Some(_) => PORT_WIDTH,
    }
}

/// Returns the width of the list with all columns, for any states.
pub(super) fn full_width(ui: &Model) -> usize {
    3 + name_width(ui)
        + 2
        + STATE_WIDTH
        + UPTIME_WIDTH
        + restarts_width(ui)
        + CPU_WIDTH
        + MEMORY_WIDTH
        + port_width(ui)
}

/// Returns the number of heading rows, and the range of visible rows of the list.
pub(in crate::tui) fn visible_rows(ui: &Model, inside: Rect) -> (usize, std::ops::Range<usize>) {
    let height = usize::from(inside.height);
    let heading = usize::from(height > 3);
    (heading, window(ui.list.rows.len(), ui.list.cursor_index, height.saturating_sub(heading)))
}
