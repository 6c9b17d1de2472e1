//! Layout: the areas of all panes, by the size of the terminal.

use ratatui::layout::Rect;

use super::{Model, Pane, Screen};
use crate::tui::config::PaneLayout;

/// The least width with list and logs side by side.
const MIN_SIDE_WIDTH: u16 = 110;
/// The least width with both list and logs.
const MIN_BOTH_WIDTH: u16 = 60;
/// The least height with both list and logs.
const MIN_BOTH_HEIGHT: u16 = 14;
/// The least height with the latest events.
const MIN_EVENTS_HEIGHT: u16 = 30;
/// Rows of the latest events.
const EVENT_ROWS: u16 = 3;
/// The smallest size, in columns and rows, with which anything is drawn.
pub const MIN_SIZE: (u16, u16) = (20, 4);

/// The area of a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaneArea {
    pub outside: Rect,
    /// The area without the border.
    pub inside: Rect,
}

impl PaneArea {
    fn bordered(outside: Rect) -> Self {
        let inside = Rect {
            x: outside.x.saturating_add(1),
            y: outside.y.saturating_add(1),
            width: outside.width.saturating_sub(2),
            height: outside.height.saturating_sub(2),
        };
        Self { outside, inside }
    }

    fn bare(area: Rect) -> Self {
        Self { outside: area, inside: area }
    }

    pub fn has_border(&self) -> bool {
        self.outside != self.inside
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas {
    pub is_tiny: bool,
    /// The name of the project, and counts.
    pub header: Rect,
    pub list: Option<PaneArea>,
    pub logs: Option<PaneArea>,
    /// The screen of a process, in place of its logs.
    pub terminal: Option<PaneArea>,
    /// The pane of another screen, instead of list and logs.
    pub view: Option<PaneArea>,
    /// The latest events.
    pub strip: Option<PaneArea>,
    /// The status message or the prompt.
    pub notes: Rect,
    pub hints: Rect,
}

pub fn areas(ui: &Model) -> Areas {
    let (width, height) = (ui.size.width, ui.size.height);
    if width < MIN_SIZE.0 || height < MIN_SIZE.1 {
        return Areas { is_tiny: true, ..Areas::default() };
    }
    let row = |y: u16| Rect { x: 0, y, width, height: 1 };
    let is_small = width < MIN_BOTH_WIDTH || height < MIN_BOTH_HEIGHT;
    let is_terminal = ui.shown_terminal().is_some();
    // A terminal that is shown alone has all cells but those of the header and the key hints.
    let is_bare = is_small || ui.zoom && ui.pane == Pane::Logs && is_terminal;
    let mut areas = Areas { header: row(0), hints: row(height - 1), ..Areas::default() };
    let mut body = Rect { x: 0, y: 1, width, height: height - 2 };
    if is_bare {
        // The status message covers the key hints.
        areas.notes = areas.hints;
    } else {
        body.height -= 1;
        areas.notes = row(height - 2);
    }
    if ui.screen != Screen::Dashboard {
        let bare = PaneArea::bare(body);
        areas.view = Some(if is_small { bare } else { PaneArea::bordered(body) });
        return areas;
    }
    if is_small || ui.zoom {
        let pane = if is_bare { PaneArea::bare(body) } else { PaneArea::bordered(body) };
        match ui.pane {
            Pane::List => areas.list = Some(pane),
            Pane::Logs if is_terminal => areas.terminal = Some(pane),
            Pane::Logs => areas.logs = Some(pane),
        }
        return areas;
    }
    if height >= MIN_EVENTS_HEIGHT {
        let rows = EVENT_ROWS + 2;
        body.height -= rows;
        let strip = Rect { y: body.bottom(), height: rows, ..body };
        areas.strip = Some(PaneArea::bordered(strip));
    }
    let is_side = match ui.layout {
        PaneLayout::Auto => width >= MIN_SIDE_WIDTH,
        PaneLayout::Side => true,
        PaneLayout::Stacked => false,
    };
    let (list, logs) = if is_side { split_side(body, ui) } else { split_stacked(body, ui) };
    areas.list = Some(PaneArea::bordered(list));
    let logs = Some(PaneArea::bordered(logs));
    if is_terminal {
        areas.terminal = logs;
    } else {
        areas.logs = logs;
    }
    areas
}

/// Divides the area into list and logs, side by side: the list gets the width of its columns and five
/// more for the text of the state, at most 9/20.
fn split_side(body: Rect, ui: &Model) -> (Rect, Rect) {
    let needed = u16::try_from(super::columns::full_width(ui) + 2).unwrap_or(u16::MAX);
    let max = u16::try_from(u32::from(body.width) * 9 / 20).unwrap_or(body.width);
    let width = needed.saturating_add(5).min(max).max(28).min(body.width / 2);
    let list = Rect { width, ..body };
    (list, Rect { x: body.x + width, width: body.width - width, ..body })
}

/// Divides the area into list and logs, one above the other: the list gets the height of its rows, at
/// most two fifths.
fn split_stacked(body: Rect, ui: &Model) -> (Rect, Rect) {
    let needed = u16::try_from(ui.list.rows.len() + 3).unwrap_or(u16::MAX);
    let height = needed.min(body.height * 2 / 5).max(4).min(body.height);
    let list = Rect { height, ..body };
    (list, Rect { y: body.y + height, height: body.height - height, ..body })
}
