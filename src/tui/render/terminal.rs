//! Renders the terminal pane: the screen of a process, and where the keys go.

use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::Color;

use super::{Border, placeholder, screen};
use crate::output::safe_name;
use crate::terminal::View;
use crate::tui::action::{Action, Focus};
use crate::tui::model::layout::PaneArea;
use crate::tui::model::terminal::StreamState;
use crate::tui::model::{Model, Pane};
use crate::tui::text;
use crate::tui::theme::Role;

/// Draws the pane; returns the position of the cursor if keys go to the process.
pub(super) fn draw(ui: &Model, pane: PaneArea, buffer: &mut Buffer) -> Option<Position> {
    border(ui, pane).draw(pane, &ui.look, buffer);
    let open = ui.visible_terminal().map(|(open, _)| open);
    let Some(open) = open.filter(|open| !open.view.rows().is_empty()) else {
        let text = match open.map(|open| &open.stream) {
            Some(StreamState::Lost(reason)) => reason.as_str(),
            Some(StreamState::Opening | StreamState::Live) | None => "connecting",
        };
        placeholder(pane.inside, text, &ui.look, buffer);
        return None;
    };
    let beyond = ("·", ui.look.style(Role::Dim));
    let cursor = screen::draw(&open.view, pane.inside, beyond, buffer);
    if !ui.look.theme.coloured() {
        for position in pane.inside.positions() {
            if let Some(cell) = buffer.cell_mut(position) {
                (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
            }
        }
    }
    if let Some(selection) = ui.terminal.selection {
        let style = ui.look.style(Role::Selection);
        screen::draw_selection(&open.view, selection, pane.inside, style, buffer);
    }
    cursor.filter(|_| ui.is_typing())
}

fn border(ui: &Model, pane: PaneArea) -> Border {
    let mut notes = Vec::new();
    if let Some((open, _)) = ui.visible_terminal().filter(|(open, _)| !open.view.rows().is_empty())
    {
        let (size, inside) = (open.view.size(), pane.inside);
        if (size.columns(), size.rows()) != (inside.width, inside.height) {
            notes.push(format!("{}x{}", size.columns(), size.rows()));
        }
        if open.view.modes().alternate_screen {
            notes.push("full screen".to_owned());
        }
    }
    Border {
        title: title(ui),
        right: String::new(),
        below: mode(ui),
        below_right: notes.join(" · "),
        focused: ui.pane == Pane::Logs,
    }
}

/// `web · vim notes.txt`
fn title(ui: &Model) -> String {
    let name = ui.shown_terminal().map(|process| process.name.to_string()).unwrap_or_default();
    let name = safe_name(&name);
    let program = ui.visible_terminal().and_then(|(open, _)| program_title(&open.view));
    match program {
        Some(program) => format!("{name} {} {program}", ui.look.glyphs.dot),
        None => name.into_owned(),
    }
}

fn program_title(view: &View) -> Option<String> {
    let title = view.title().map(safe_name)?;
    let title = title.trim();
    (!title.is_empty()).then(|| title.to_owned())
}

/// Where the keys go, or why they cannot go to the process.
fn mode(ui: &Model) -> String {
    let key = |focus, action| ui.config.keymap.hint(focus, action, ui.look.glyphs.unicode);
    if ui.is_typing() {
        let leave = key(Focus::Typing, Action::Leave).unwrap_or_default();
        return format!("TYPING · {leave} leaves");
    }
    if ui.terminal.selection.is_some() {
        return "SELECT".to_owned();
    }
    if ui.terminal.open.as_ref().is_some_and(|open| matches!(open.stream, StreamState::Lost(_))) {
        return "NOT CONNECTED".to_owned();
    }
    if !ui.shown_terminal().is_some_and(|process| process.state.is_alive()) {
        return "NOT RUNNING".to_owned();
    }
    match key(Focus::Terminal, Action::Attach) {
        Some(attach) => format!("LIVE · {attach} types into it"),
        None => "LIVE".to_owned(),
    }
}

/// The name of the process, and where the keys go: shown in place of counts if there is no room for both.
pub(super) fn short_status(ui: &Model) -> String {
    let name = ui.shown_terminal().map(|process| process.name.to_string()).unwrap_or_default();
    format!("{}  {}", safe_name(&name), mode(ui))
}

/// The status of a terminal without a border: as much as fits, but always where the keys go.
pub(super) fn status(ui: &Model, room: usize) -> String {
    let mode = mode(ui);
    let short = mode.split(" · ").next().unwrap_or_default().to_owned();
    let candidates = [format!("{}  {mode}", title(ui)), short_status(ui), mode];
    let fits = candidates.into_iter().find(|status| text::width(status) <= room);
    fits.unwrap_or(short)
}
