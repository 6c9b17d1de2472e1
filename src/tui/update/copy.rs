//! What is copied: what is selected, what is seen, and things about a process.

use super::Wishes;
use crate::control::wire::{Level, SeekAsked};
use crate::tui::msg::{Fetched, Use, Wish};
use crate::tui::overlay::{Copied, Overlay, copies};
use crate::tui::theme::Role;
use crate::tui::ui::select::{Point, Selection};
use crate::tui::ui::{Part, Ui};

/// What there is to copy of what the cursor is on.
pub(super) fn menu(ui: &mut Ui) {
    let facts = ui.facts();
    let pid = ui.chosen().and_then(|one| one.status.pid);
    let log_file = ui.chosen().is_some_and(|one| one.log_file.is_some());
    ui.overlay = Some(Overlay::Menu(copies(facts.subject.as_ref(), pid, log_file)));
}

/// Begins to select lines, from the last that is shown on.
pub(super) fn select(ui: &mut Ui) {
    if ui.selection.take().is_some() {
        return;
    }
    let pane = ui.pane();
    let shown = ui.logs.shown(pane);
    let last = shown.last().and_then(|row| ui.logs.items().get(row.item));
    if let Some((key, _)) = last {
        let point = Point { key: *key, column: 0 };
        ui.selection = Some(Selection { from: point, to: point, lines: true });
        ui.logs.hold(pane);
        ui.part = Part::Logs;
        ui.say("select with the arrows, y copies, esc leaves", Role::Text);
    }
}

/// What is selected, also where it is not at hand any more.
pub(super) fn selected(ui: &mut Ui, wishes: &mut Wishes) {
    let Some(selection) = ui.selection.take() else { return };
    let wish = wish(ui, selection);
    match &wish {
        None => ui.say("there is nothing to copy", Role::Warn),
        Some(Wish::Fetch(_)) => ui.say("copying what is selected", Role::Text),
        // What is at hand is copied at once, and that is said.
        Some(_) => {}
    }
    wishes.extend(wish);
}

/// How this is copied; nothing where nothing is in it.
pub(super) fn wish(ui: &Ui, selection: Selection) -> Option<Wish> {
    let items = ui.logs.items();
    let (start, end) = selection.ends();
    let first = items.first().is_some_and(|(key, _)| *key <= start.key);
    let last = items.last().is_some_and(|(key, _)| end.key <= *key);
    if !(first && last) {
        return Some(Wish::Fetch(Fetched::Lines(ui.logs.asked_lines(), selection)));
    }
    let text = selection.text(items);
    (!text.is_empty()).then_some(Wish::Copy(text))
}

/// What is on the screen.
pub(super) fn visible(ui: &Ui, wishes: &mut Wishes) {
    let shown = ui.logs.shown(ui.pane());
    let items = ui.logs.items();
    let key = |row: Option<&crate::tui::ui::scroll::ShownRow>| {
        row.and_then(|row| items.get(row.item)).map(|(key, _)| Point { key: *key, column: 0 })
    };
    if let (Some(from), Some(to)) = (key(shown.first()), key(shown.last())) {
        wishes.push(Wish::Copy(Selection { from, to, lines: true }.text(items)));
    }
}

/// Something about a process.
pub(super) fn of_process(ui: &mut Ui, what: Copied, wishes: &mut Wishes) {
    let chosen = ui.chosen();
    let status = chosen.map(|one| &one.status);
    let name = status.map(|one| one.name.clone());
    let wish = match what {
        Copied::Name => Some(Wish::Copy(ui.list.cursor.name().to_owned())),
        Copied::Pid => status.and_then(|one| one.pid).map(|pid| Wish::Copy(pid.to_string())),
        Copied::Url => {
            let port = status.and_then(|one| one.port);
            port.map(|port| Wish::Copy(format!("http://127.0.0.1:{port}")))
        }
        Copied::Why => name.map(|name| Wish::Fetch(Fetched::Why(name))),
        Copied::LogFile => chosen.and_then(|one| one.log_file.clone()).map(Wish::Copy),
        Copied::LastError => {
            let names = ui.logs.whom().names();
            let level = Some(Level::Error);
            let asked = SeekAsked { names, level, back: true, ..SeekAsked::default() };
            Some(Wish::Fetch(Fetched::Error(asked)))
        }
        Copied::Command => name.map(|name| Wish::Fetch(Fetched::Command(name))),
        Copied::Page => {
            visible(ui, wishes);
            return;
        }
        Copied::Output => {
            output(ui, Use::Copy, wishes);
            return;
        }
    };
    match wish {
        Some(wish) => wishes.push(wish),
        None => ui.say("there is nothing to copy", Role::Warn),
    }
}

/// All that is kept of what is shown, done with as wished.
pub(super) fn output(ui: &mut Ui, used: Use, wishes: &mut Wishes) {
    ui.say("reading all that is kept", Role::Dim);
    wishes.push(Wish::Output(ui.logs.asked_output(), used));
}
