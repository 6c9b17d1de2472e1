//! Reload: shows the differences first, and applies them after confirmation.

use super::{Cmds, show_error};
use crate::control::ControlError;
use crate::control::wire::{ReloadResponse, RestartedProcess};
use crate::machine::event_text::mistakes;
use crate::spec::RestartReason;
use crate::tui::model::Model;
use crate::tui::msg::Cmd;
use crate::tui::overlay::{Dialog, Overlay};
use crate::tui::theme::Role;

/// Reads the file again, and shows the differences or applies them. Changes of the file since they were
/// shown are applied too.
pub(super) fn start(ui: &mut Model, dry_run: bool, cmds: &mut Cmds) {
    ui.notify(if dry_run { "reading the file" } else { "applying the file" }, Role::Text);
    cmds.push(Cmd::Reload { dry_run });
}

pub(super) fn done(ui: &mut Model, result: Result<ReloadResponse, ControlError>) {
    let reloaded = match result {
        Ok(reloaded) => reloaded,
        Err(problem) => return show_error(ui, &problem),
    };
    let differences = differences(&reloaded);
    if !reloaded.ok {
        show_dialog(ui, rejected(&reloaded));
    } else if differences.is_empty() {
        ui.notify("no changes in the procfile", Role::Text);
    } else if reloaded.dry_run {
        show_dialog(ui, Dialog::reload(differences));
    } else {
        ui.notify(summary(&reloaded), Role::Good);
    }
}

fn show_dialog(ui: &mut Model, dialog: Dialog) {
    ui.notice = None;
    ui.overlay = Some(Overlay::Dialog(dialog));
}

fn rejected(reloaded: &ReloadResponse) -> Dialog {
    let number = mistakes(reloaded.faults.len());
    let report = reloaded.report.as_deref().unwrap_or_default().trim_end();
    let lines = report.lines().map(str::to_owned);
    Dialog::notice("The file has mistakes", std::iter::once(number).chain(lines).collect())
}

/// Returns a line for each process that is added, changed or removed, with the effect on its run.
fn differences(reloaded: &ReloadResponse) -> Vec<String> {
    // The process of a replica or job.
    let process = |name: &str| name.rsplit_once('.').map(|(process, _)| process.to_owned());
    let new_run = |name: &String, restarted: &RestartedProcess| {
        let reasons: Vec<&str> =
            restarted.because.iter().copied().map(RestartReason::as_str).collect();
        format!("~ {name}  restarts: changed {}", reasons.join(", "))
    };
    let changed = |name: &String| {
        let is_of_it = |restarted: &&RestartedProcess| {
            restarted.name == *name || process(&restarted.name).as_ref() == Some(name)
        };
        match reloaded.restarted.iter().find(is_of_it) {
            Some(restarted) => new_run(name, restarted),
            None => format!("~ {name}  no restart"),
        }
    };
    // A changed env file causes a new run without a change of the process.
    let unchanged = reloaded.restarted.iter().filter(|restarted| {
        let names = [Some(restarted.name.clone()), process(&restarted.name)];
        !reloaded.changed.iter().any(|name| names.iter().flatten().any(|other| other == name))
    });
    let added = reloaded.added.iter().map(|name| format!("+ {name}"));
    let removed = reloaded.removed.iter().map(|name| format!("- {name}  is stopped and removed"));
    let restarted = unchanged.map(|restarted| new_run(&restarted.name, restarted));
    added.chain(reloaded.changed.iter().map(changed)).chain(restarted).chain(removed).collect()
}

fn summary(reloaded: &ReloadResponse) -> String {
    let parts = [
        (reloaded.added.len(), "added"),
        (reloaded.changed.len(), "changed"),
        (reloaded.removed.len(), "removed"),
        (reloaded.restarted.len(), "restarted"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, what)| format!("{number} {what}")).collect();
    format!("reloaded: {}", parts.join(", "))
}
