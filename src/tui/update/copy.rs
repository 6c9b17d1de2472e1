//! Copying: the selection, the visible text, and facts about a process.

use super::Cmds;
use crate::control::wire::{SeekQuery, Severity};
use crate::tui::model::selection::{Selection, TextPoint};
use crate::tui::model::{Model, Pane};
use crate::tui::msg::{Cmd, CopySource, OutputAction};
use crate::tui::overlay::{CopyChoice, Overlay, copies};
use crate::tui::theme::Role;

/// What there is to copy of what the cursor is on.
pub(super) fn menu(ui: &mut Model) {
    let facts = ui.facts();
    let pid = ui.chosen().and_then(|one| one.status.pid);
    let log_file = ui.chosen().is_some_and(|one| one.log_file.is_some());
    ui.overlay = Some(Overlay::Menu(copies(facts.subject.as_ref(), pid, log_file)));
}

/// Begins to select lines, from the last that is shown on.
pub(super) fn select(ui: &mut Model) {
    if ui.selection.take().is_some() {
        return;
    }
    let pane = ui.pane();
    let shown = ui.logs.shown(pane);
    let last = shown.last().and_then(|row| ui.logs.items().get(row.item));
    if let Some((key, _)) = last {
        let point = TextPoint { key: *key, column: 0 };
        ui.selection = Some(Selection { from: point, to: point, lines: true });
        ui.logs.hold(pane);
        ui.part = Pane::Logs;
        ui.say("select with the arrows, y copies, esc leaves", Role::Text);
    }
}

/// What is selected, also where it is not at hand any more.
pub(super) fn selected(ui: &mut Model, cmds: &mut Cmds) {
    let Some(selection) = ui.selection.take() else { return };
    let wish = wish(ui, selection);
    match &wish {
        None => ui.say("there is nothing to copy", Role::Warn),
        Some(Cmd::Fetch(_)) => ui.say("copying what is selected", Role::Text),
        // What is at hand is copied at once, and that is said.
        Some(_) => {}
    }
    cmds.extend(wish);
}

/// How this is copied; nothing where nothing is in it.
pub(super) fn wish(ui: &Model, selection: Selection) -> Option<Cmd> {
    let items = ui.logs.items();
    let (start, end) = selection.ends();
    let first = items.first().is_some_and(|(key, _)| *key <= start.key);
    let last = items.last().is_some_and(|(key, _)| end.key <= *key);
    if !(first && last) {
        return Some(Cmd::Fetch(CopySource::Lines(ui.logs.asked_lines(), selection)));
    }
    let text = selection.text(items);
    (!text.is_empty()).then_some(Cmd::Copy(text))
}

/// What is on the screen.
pub(super) fn visible(ui: &Model, cmds: &mut Cmds) {
    let shown = ui.logs.shown(ui.pane());
    let items = ui.logs.items();
    let key = |row: Option<&crate::tui::model::logs::scroll::ShownRow>| {
        row.and_then(|row| items.get(row.item)).map(|(key, _)| TextPoint { key: *key, column: 0 })
    };
    if let (Some(from), Some(to)) = (key(shown.first()), key(shown.last())) {
        cmds.push(Cmd::Copy(Selection { from, to, lines: true }.text(items)));
    }
}

/// Something about a process.
pub(super) fn of_process(ui: &mut Model, what: CopyChoice, cmds: &mut Cmds) {
    let chosen = ui.chosen();
    let status = chosen.map(|one| &one.status);
    let name = status.map(|one| one.name.clone());
    let wish = match what {
        CopyChoice::Name => Some(Cmd::Copy(ui.list.cursor.name().to_owned())),
        CopyChoice::Pid => status.and_then(|one| one.pid).map(|pid| Cmd::Copy(pid.to_string())),
        CopyChoice::Url => {
            let port = status.and_then(|one| one.port);
            port.map(|port| Cmd::Copy(format!("http://127.0.0.1:{port}")))
        }
        CopyChoice::Why => name.map(|name| Cmd::Fetch(CopySource::Why(name))),
        CopyChoice::LogFile => chosen.and_then(|one| one.log_file.clone()).map(Cmd::Copy),
        CopyChoice::LastError => {
            let names = ui.logs.whom().names();
            let level = Some(Severity::Error);
            let asked = SeekQuery { names, level, back: true, ..SeekQuery::default() };
            Some(Cmd::Fetch(CopySource::Error(asked)))
        }
        CopyChoice::Command => name.map(|name| Cmd::Fetch(CopySource::Command(name))),
        CopyChoice::Page => {
            visible(ui, cmds);
            return;
        }
        CopyChoice::Output => {
            output(ui, OutputAction::Copy, cmds);
            return;
        }
    };
    match wish {
        Some(wish) => cmds.push(wish),
        None => ui.say("there is nothing to copy", Role::Warn),
    }
}

/// All that is kept of what is shown, done with as wished.
pub(super) fn output(ui: &mut Model, used: OutputAction, cmds: &mut Cmds) {
    ui.say("reading all that is kept", Role::Dim);
    cmds.push(Cmd::Output(ui.logs.asked_output(), used));
}
