//! Copying: the selection, the visible text, and facts about a process.

use super::Cmds;
use crate::control::wire::{SeekQuery, Severity};
use crate::tui::model::selection::{Selection, TextPoint};
use crate::tui::model::{Model, Pane};
use crate::tui::msg::{Cmd, CopySource, ExportTarget, NOTHING_TO_COPY};
use crate::tui::overlay::{CopyChoice, Overlay, copies};
use crate::tui::theme::Role;

/// Opens the menu of texts to copy from the process at the cursor.
pub(super) fn menu(ui: &mut Model) {
    let facts = ui.action_facts();
    let process = ui.cursor_process();
    let pid = process.and_then(|process| process.pid);
    let log_file = process.is_some_and(|process| process.options.log_file.is_some());
    ui.overlay = Some(Overlay::Dialog(copies(facts.subject.as_ref(), pid, log_file)));
}

/// Starts to select lines, at the last visible one.
pub(super) fn select(ui: &mut Model) {
    if ui.selection.take().is_some() {
        return;
    }
    let pane = ui.logs_area();
    let shown = ui.logs.shown(pane);
    let last = shown.last().and_then(|row| ui.logs.items().get(row.item));
    if let Some((key, _)) = last {
        let point = TextPoint { key: *key, column: 0 };
        ui.selection = Some(Selection { from: point, to: point, is_whole_lines: true });
        ui.logs.hold(pane);
        ui.pane = Pane::Logs;
        ui.notify("select with the arrows, y copies, esc leaves", Role::Text);
    }
}

/// Copies the selection, also if it is not loaded any more.
pub(super) fn selected(ui: &mut Model, cmds: &mut Cmds) {
    let Some(selection) = ui.selection.take() else { return };
    let cmd = copy_cmd(ui, selection);
    match &cmd {
        None => ui.notify(NOTHING_TO_COPY, Role::Warn),
        Some(Cmd::CopyFrom(_)) => ui.notify("copying the selection", Role::Text),
        // The result of a copy is a notice.
        Some(_) => {}
    }
    cmds.extend(cmd);
}

/// Returns the command that copies a selection; `None` if it is empty.
pub(super) fn copy_cmd(ui: &Model, selection: Selection) -> Option<Cmd> {
    let items = ui.logs.items();
    let (start, end) = selection.bounds();
    let first = items.first().is_some_and(|(key, _)| *key <= start.key);
    let last = items.last().is_some_and(|(key, _)| end.key <= *key);
    if !(first && last) {
        return Some(Cmd::CopyFrom(CopySource::Lines(ui.logs.slice_query(), selection)));
    }
    let text = selection.text(items);
    (!text.is_empty()).then_some(Cmd::Copy(text))
}

/// Copies the visible lines.
pub(super) fn visible(ui: &Model, cmds: &mut Cmds) {
    let shown = ui.logs.shown(ui.logs_area());
    let items = ui.logs.items();
    let key = |row: Option<&crate::tui::model::logs::scroll::ShownRow>| {
        row.and_then(|row| items.get(row.item)).map(|(key, _)| TextPoint { key: *key, column: 0 })
    };
    if let (Some(from), Some(to)) = (key(shown.first()), key(shown.last())) {
        cmds.push(Cmd::Copy(Selection { from, to, is_whole_lines: true }.text(items)));
    }
}

/// Copies a text about the process at the cursor.
pub(super) fn of_process(ui: &mut Model, what: CopyChoice, cmds: &mut Cmds) {
    let chosen = ui.cursor_process();
    let name = chosen.map(|process| process.name.to_string());
    let cmd = match what {
        CopyChoice::Name => Some(Cmd::Copy(ui.list.cursor.name().to_owned())),
        CopyChoice::Pid => chosen.and_then(|one| one.pid).map(|pid| Cmd::Copy(pid.to_string())),
        CopyChoice::Url => chosen.and_then(|one| one.options.url.clone()).map(Cmd::Copy),
        CopyChoice::Why => name.map(|name| Cmd::CopyFrom(CopySource::Why(name))),
        CopyChoice::LogFile => chosen.and_then(|one| one.options.log_file.clone()).map(Cmd::Copy),
        CopyChoice::LastError => {
            let names = ui.logs.source.names();
            let level = Some(Severity::Error);
            let query = SeekQuery { names, level, back: true, ..SeekQuery::default() };
            Some(Cmd::CopyFrom(CopySource::Error(query)))
        }
        CopyChoice::Command => name.map(|name| Cmd::CopyFrom(CopySource::Command(name))),
        CopyChoice::Page => {
            visible(ui, cmds);
            return;
        }
        CopyChoice::Output => {
            output(ui, ExportTarget::Copy, cmds);
            return;
        }
    };
    match cmd {
        Some(cmd) => cmds.push(cmd),
        None => ui.notify(NOTHING_TO_COPY, Role::Warn),
    }
}

/// Exports the whole output of the shown processes.
pub(super) fn output(ui: &mut Model, target: ExportTarget, cmds: &mut Cmds) {
    ui.notify("loading full log…", Role::Dim);
    cmds.push(Cmd::Export(ui.logs.output_query(), target));
}
