//! The screen of a process: scrolling back into its logs, selecting and copying.

use super::super::Cmds;
use super::{end_typing, start_typing};
use crate::tui::action::LogsAction;
use crate::tui::model::terminal::{ScreenPoint, ScreenSelection, ShownLog};
use crate::tui::model::{Model, Pane};
use crate::tui::motion::Motion;
use crate::tui::msg::Cmd;
use crate::tui::theme::Role;

/// Performs an action of the logs while a terminal is shown in their place. `None` if it needs the logs,
/// which are shown then.
pub(in crate::tui::update) fn logs_action(
    ui: &mut Model,
    action: LogsAction,
    cmds: &mut Cmds,
) -> Option<bool> {
    let name = ui.shown_terminal()?.name.to_string();
    match action {
        LogsAction::LineUp => go(ui, Motion::Up, cmds),
        LogsAction::LineDown => go(ui, Motion::Down, cmds),
        LogsAction::HalfUp => go(ui, Motion::HalfUp, cmds),
        LogsAction::HalfDown => go(ui, Motion::HalfDown, cmds),
        LogsAction::PageUp => go(ui, Motion::PageUp, cmds),
        LogsAction::PageDown => go(ui, Motion::PageDown, cmds),
        LogsAction::Bottom => go(ui, Motion::Last, cmds),
        LogsAction::Top if ui.terminal.selection.is_some() => go(ui, Motion::First, cmds),
        LogsAction::Select => select(ui),
        LogsAction::CopySelection => copy_selection(ui, cmds),
        LogsAction::CopyVisible => copy_all(ui, cmds),
        LogsAction::Top
        | LogsAction::Follow
        | LogsAction::Search
        | LogsAction::NextMatch
        | LogsAction::PreviousMatch
        | LogsAction::FilterLines
        | LogsAction::NextError
        | LogsAction::PreviousError
        | LogsAction::PreviousRun
        | LogsAction::NextRun
        | LogsAction::Level
        | LogsAction::Timestamps
        | LogsAction::Wrap
        | LogsAction::ScrollLeft
        | LogsAction::ScrollRight
        | LogsAction::LineStart
        | LogsAction::LineEnd
        | LogsAction::ClearView
        | LogsAction::Marker
        | LogsAction::PrettyJson
        | LogsAction::Save
        | LogsAction::Pipe
        | LogsAction::Pager => {
            ui.terminal.log = Some(ShownLog { name, is_scrollback: false, typing_from: None });
            return None;
        }
    }
    Some(true)
}

/// Moves the end of the selection; without one, upwards is back into the logs.
fn go(ui: &mut Model, motion: Motion, cmds: &mut Cmds) {
    let rows = motion.rows(usize::try_from(page(ui)).unwrap_or(1));
    if let (Some(selection), Some(open)) = (&mut ui.terminal.selection, &ui.terminal.open) {
        selection.extend(rows, &open.view);
    } else if rows < 0 {
        scroll_back(ui, rows.saturating_neg(), cmds);
    }
}

/// Returns the number of rows that a page scrolls.
pub(super) fn page(ui: &Model) -> isize {
    let rows = ui.terminal_size().map_or(1, crate::terminal::Size::rows);
    isize::try_from(rows.saturating_sub(1).max(1)).unwrap_or(1)
}

/// Shows the logs of the terminal, this many rows above the latest line. Keys do not go to the process
/// meanwhile.
pub(super) fn scroll_back(ui: &mut Model, rows: isize, cmds: &mut Cmds) {
    let Some(name) = ui.shown_terminal().map(|process| process.name.to_string()) else { return };
    let typing_from = end_typing(ui, cmds).map(|typing| typing.from);
    ui.terminal.selection = None;
    ui.terminal.log = Some(ShownLog { name, is_scrollback: true, typing_from });
    ui.pane = Pane::Logs;
    let area = ui.logs_area();
    ui.logs.scroll_back(rows, area);
}

/// Shows the screen again in place of the logs, and types into it if the user did before.
pub(in crate::tui::update) fn return_to_screen(ui: &mut Model, cmds: &mut Cmds) {
    let Some(log) = ui.terminal.log.take() else { return };
    ui.selection = None;
    let is_alive = ui.shown_terminal().is_some_and(|process| process.state.is_alive());
    if let Some(from) = log.typing_from.filter(|_| is_alive) {
        start_typing(ui, from, cmds);
    }
}

/// Returns to the screen from its latest line; forgets the logs of a process that is not at the cursor.
pub(super) fn settle(ui: &mut Model, cmds: &mut Cmds) {
    let Some(log) = ui.shown_log() else {
        if ui.terminal_process().is_some() && ui.shown_terminal().is_some() {
            ui.terminal.log = None;
        }
        return;
    };
    let is_busy = ui.logs.is_loading() || ui.prompt.is_some() || ui.logs.search.is_some();
    if log.is_scrollback && !is_busy && ui.logs.is_following() {
        if ui.logs.items().is_empty() {
            ui.notify("there is no output to scroll back to", Role::Dim);
        }
        return_to_screen(ui, cmds);
    }
}

/// Starts to select rows at the row of the cursor, or ends it.
fn select(ui: &mut Model) {
    if ui.terminal.selection.take().is_some() {
        return;
    }
    let Some((open, _)) = ui.visible_terminal() else { return };
    let point = ScreenPoint { row: open.view.cursor().row, column: 0 };
    ui.terminal.selection = Some(ScreenSelection { from: point, to: point, is_whole_rows: true });
    ui.pane = Pane::Logs;
    ui.notify("the screen stands still; select with the arrows, y copies, esc leaves", Role::Text);
}

/// Copies the selected part of the screen.
pub(in crate::tui::update) fn copy_selection(ui: &mut Model, cmds: &mut Cmds) {
    let Some(selection) = ui.terminal.selection.take() else { return };
    copy(ui, selection, cmds);
}

fn copy_all(ui: &mut Model, cmds: &mut Cmds) {
    let Some(open) = &ui.terminal.open else { return };
    copy(ui, ScreenSelection::all(&open.view), cmds);
}

fn copy(ui: &mut Model, selection: ScreenSelection, cmds: &mut Cmds) {
    let text = ui.terminal.open.as_ref().map(|open| selection.text(&open.view));
    match text.filter(|text| !text.is_empty()) {
        Some(text) => cmds.push(Cmd::Copy(text)),
        None => ui.notify("there is nothing to copy", Role::Warn),
    }
}
