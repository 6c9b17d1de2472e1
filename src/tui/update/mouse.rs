//! Mouse: the wheel scrolls the pane below the pointer, a drag in the logs selects and copies.
#![expect(clippy::wildcard_enum_match_arm, reason = "the rest of the mouse does nothing")]

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{Cmds, keys, terminal};
use crate::tui::model::layout::areas;
use crate::tui::model::selection::{Selection, TextPoint};
use crate::tui::model::{Model, Pane};
use crate::tui::motion::Motion;

pub(super) fn mouse(ui: &mut Model, event: MouseEvent, cmds: &mut Cmds) {
    let at = Position { x: event.column, y: event.row };
    let wheel = match event.kind {
        MouseEventKind::ScrollUp => Some(-1),
        MouseEventKind::ScrollDown => Some(1),
        _ => None,
    };
    let screen = Rect { x: 0, y: 0, width: ui.size.width, height: ui.size.height };
    if ui.overlay.is_some() {
        if let Some(rows) = wheel {
            keys::overlay(ui, cmds, |overlay, context| overlay.scroll(rows, context));
        } else if event.kind == MouseEventKind::Down(MouseButton::Left) {
            keys::overlay(ui, cmds, |overlay, context| overlay.click(screen, at, context));
        }
        return;
    }
    if terminal::mouse(ui, event, at, cmds) {
        return;
    }
    if let Some(rows) = wheel {
        return scroll(ui, at, rows);
    }
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => press(ui, at),
        MouseEventKind::Drag(MouseButton::Left) => drag(ui, at),
        MouseEventKind::Up(MouseButton::Left) => release(ui, cmds),
        _ => {}
    }
}

fn scroll(ui: &mut Model, at: Position, rows: isize) {
    let areas = areas(ui);
    if areas.list.is_some_and(|pane| pane.outside.contains(at)) {
        ui.list.step(rows);
    } else if areas.logs.is_some_and(|pane| pane.outside.contains(at)) {
        let pane = ui.logs_area();
        ui.logs.scroll(rows * isize::try_from(ui.config.wheel).unwrap_or(1), pane);
    } else if areas.view.is_some() {
        let motion = if rows < 0 { Motion::Up } else { Motion::Down };
        super::screens::scroll(ui, motion);
    }
}

fn press(ui: &mut Model, at: Position) {
    let areas = areas(ui);
    if let Some(pane) = areas.list.filter(|pane| pane.outside.contains(at)) {
        ui.pane = Pane::List;
        if pane.inside.contains(at) {
            click_row(ui, pane.inside, at);
        }
    } else if let Some(pane) = areas.logs.filter(|pane| pane.outside.contains(at)) {
        ui.pane = Pane::Logs;
        ui.selection = None;
        ui.drag_from = point(ui, pane.inside, at).or(ui.drag_from);
    } else if areas.strip.is_some_and(|pane| pane.outside.contains(at)) {
        ui.screen = crate::tui::model::Screen::Events;
        ui.timeline.mark_read();
    }
}

fn click_row(ui: &mut Model, inside: Rect, at: Position) {
    let Some(row) = crate::tui::render::list::row_at(ui, inside, at.y) else { return };
    if ui.list.cursor_index == row {
        ui.list.fold(&ui.overview);
    }
    ui.list.go(row);
}

/// Returns the place of the text under the pointer.
fn point(ui: &Model, inside: Rect, at: Position) -> Option<TextPoint> {
    let rows = ui.logs.shown(ui.logs_area());
    let row = rows.get(usize::from(at.y.checked_sub(inside.y)?))?;
    let (key, _) = ui.logs.items().get(row.item)?;
    let gutter = crate::tui::model::viewport::gutter_width(ui);
    let column = usize::from(at.x.saturating_sub(inside.x)).saturating_sub(gutter);
    let pane = ui.logs_area();
    // All rows of a wrapped line count as one text.
    let column = if ui.logs.wrap { row.row * pane.text + column } else { ui.logs.left + column };
    Some(TextPoint { key: *key, column })
}

fn drag(ui: &mut Model, at: Position) {
    let Some(from) = ui.drag_from else { return };
    let Some(pane) = areas(ui).logs else { return };
    // A drag beyond the edge scrolls.
    let size = ui.logs_area();
    if at.y < pane.inside.y {
        ui.logs.scroll(-1, size);
    } else if at.y >= pane.inside.bottom() {
        ui.logs.scroll(1, size);
    } else if ui.logs.is_following() {
        // The selected text stays where it is.
        ui.logs.hold(size);
    }
    let y = at.y.clamp(pane.inside.y, pane.inside.bottom().saturating_sub(1));
    if let Some(to) = point(ui, pane.inside, Position { y, ..at }) {
        ui.selection = Some(Selection { from, to, is_whole_lines: false });
    }
}

fn release(ui: &mut Model, cmds: &mut Cmds) {
    ui.drag_from = None;
    let Some(selection) = ui.selection else { return };
    if !selection.is_whole_lines && !selection.is_empty() {
        cmds.extend(super::copy::copy_cmd(ui, selection));
    }
}
