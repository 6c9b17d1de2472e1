//! Layout: positions of all parts by the size of the terminal.

use ratatui::layout::Rect;

use super::{Model, Pane, Screen};
use crate::tui::config::PaneLayout;

/// From this width on list and logs are side by side.
const SIDE: u16 = 110;
/// From this width on there is room for both.
const BOTH: u16 = 60;
/// From this height on too.
const HIGH: u16 = 14;
/// From this height on the latest events are shown.
const EVENTS: u16 = 30;
/// Rows of events.
const STRIP: u16 = 3;
/// Smaller than this nothing can be shown.
pub const LEAST: (u16, u16) = (20, 4);

/// One part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaneArea {
    pub outside: Rect,
    /// Without its border.
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

    /// Whether it has a border.
    pub fn has_border(&self) -> bool {
        self.outside != self.inside
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas {
    pub is_tiny: bool,
    /// Name and counts.
    pub header: Rect,
    pub list: Option<PaneArea>,
    pub logs: Option<PaneArea>,
    /// Another view, instead of both.
    pub view: Option<PaneArea>,
    /// The latest events.
    pub strip: Option<PaneArea>,
    /// What was said, or is typed.
    pub notes: Rect,
    pub hints: Rect,
}

pub fn areas(ui: &Model) -> Areas {
    let (width, height) = (ui.size.width, ui.size.height);
    if width < LEAST.0 || height < LEAST.1 {
        return Areas { is_tiny: true, ..Areas::default() };
    }
    let row = |y: u16| Rect { x: 0, y, width, height: 1 };
    let is_small = width < BOTH || height < HIGH;
    let mut areas = Areas { header: row(0), hints: row(height - 1), ..Areas::default() };
    let mut body = Rect { x: 0, y: 1, width, height: height - 2 };
    if is_small {
        // What is said takes the place of the keys.
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
        let pane = if is_small { PaneArea::bare(body) } else { PaneArea::bordered(body) };
        match ui.pane {
            Pane::List => areas.list = Some(pane),
            Pane::Logs => areas.logs = Some(pane),
        }
        return areas;
    }
    if height >= EVENTS {
        let rows = STRIP + 2;
        body.height -= rows;
        let strip = Rect { y: body.bottom(), height: rows, ..body };
        areas.strip = Some(PaneArea::bordered(strip));
    }
    let is_side = match ui.layout {
        PaneLayout::Auto => width >= SIDE,
        PaneLayout::Side => true,
        PaneLayout::Stacked => false,
    };
    let (list, logs) = if is_side { side(body, ui) } else { stacked(body, ui) };
    areas.list = Some(PaneArea::bordered(list));
    areas.logs = Some(PaneArea::bordered(logs));
    areas
}

/// The list takes what its columns need and a few for words, not quite half at most.
fn side(body: Rect, ui: &Model) -> (Rect, Rect) {
    let wanted = u16::try_from(super::columns::wanted(ui) + 2).unwrap_or(u16::MAX);
    let most = u16::try_from(u32::from(body.width) * 9 / 20).unwrap_or(body.width);
    let width = wanted.saturating_add(5).min(most).max(28).min(body.width / 2);
    let list = Rect { width, ..body };
    (list, Rect { x: body.x + width, width: body.width - width, ..body })
}

/// The list takes what it needs, two fifths at most.
fn stacked(body: Rect, ui: &Model) -> (Rect, Rect) {
    let needed = u16::try_from(ui.list.rows.len() + 3).unwrap_or(u16::MAX);
    let height = needed.min(body.height * 2 / 5).max(4).min(body.height);
    let list = Rect { height, ..body };
    (list, Rect { y: body.y + height, height: body.height - height, ..body })
}
