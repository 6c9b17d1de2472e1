//! Quitting: always possible, and never stops the project by accident.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Cmds;
use crate::control::wire::{PhaseName, ProcessState, ShutdownRequest};
use crate::machine::StateName;
use crate::spec::{format_limit, list_with};
use crate::tui::model::{ClientRole, Model, QuitState, seconds_left};
use crate::tui::msg::{Cmd, ExitReason};
use crate::tui::overlay::{Overlay, kill_all, quit as question};
use crate::tui::theme::Role;

/// Quits; asks first if that would end processes.
pub(super) fn quit(ui: &mut Model, cmds: &mut Cmds) {
    match ui.role {
        ClientRole::Guest => cmds.push(Cmd::Leave(ExitReason::Detached)),
        ClientRole::Owner if ui.is_ending() => {
            ui.overlay = Some(Overlay::Dialog(kill_all(waiting(ui))));
        }
        ClientRole::Owner if ui.running_count() == 0 && !ui.may_start_soon() => stop(ui, cmds),
        ClientRole::Owner => {
            ui.overlay = Some(Overlay::Dialog(question(ui.running_count(), &stopping(ui))));
        }
    }
}

/// Returns how the running processes are stopped: their signals and grace periods.
fn stopping(ui: &Model) -> String {
    let alive = || ui.overview.processes.iter().filter(|one| one.state.is_alive());
    let signals: BTreeSet<String> = alive()
        .map(|one| match one.options.stop_signal {
            Some(signal) => format!("SIG{signal}"),
            None => "its own command".to_owned(),
        })
        .collect();
    let graces = alive().map(|one| Duration::from_millis(one.options.grace_ms));
    let (Some(least), Some(most)) = (graces.clone().min(), graces.max()) else {
        return "nothing is running".to_owned();
    };
    let signals: Vec<String> = signals.into_iter().collect();
    let asked = match signals.as_slice() {
        few @ ([_] | [_, _]) => list_with("or", few),
        _ => "each its own signal".to_owned(),
    };
    let limit = if least == most {
        format_limit(most)
    } else {
        format!("{} to {}", format_limit(least), format_limit(most))
    };
    format!("{asked}, SIGKILL after {limit}")
}

/// Ctrl-C: asks, then stops, then kills. In the dialog the second one is an answer.
pub(super) fn interrupt(ui: &mut Model, cmds: &mut Cmds) {
    match (ui.role, ui.quitting) {
        (ClientRole::Owner, QuitState::Stopping) => kill(ui, cmds),
        (ClientRole::Owner, QuitState::Killing) => cmds.push(Cmd::Leave(ExitReason::Ended)),
        (ClientRole::Owner, QuitState::No) if ui.overview.phase != PhaseName::Up => {
            kill(ui, cmds);
        }
        (ClientRole::Owner, QuitState::No) | (ClientRole::Guest, _) => quit(ui, cmds),
    }
}

/// Stops everything in order; the interface stays until then.
pub(super) fn stop(ui: &mut Model, cmds: &mut Cmds) {
    ui.quitting = ui.quitting.max(QuitState::Stopping);
    ui.notify("stopping all; ^c again kills", Role::Warn);
    cmds.push(Cmd::Shutdown(ShutdownRequest { kill: false }));
}

pub(super) fn kill(ui: &mut Model, cmds: &mut Cmds) {
    ui.quitting = QuitState::Killing;
    ui.notify("killing all", Role::Bad);
    cmds.push(Cmd::Shutdown(ShutdownRequest { kill: true }));
}

/// Shows that a signal ends the interface; the project has received the signal too.
pub(super) fn on_signal(ui: &mut Model) {
    ui.overlay = None;
    ui.quitting = ui.quitting.max(QuitState::Stopping);
    ui.notify("stopping all", Role::Warn);
}

/// Closes a dialog if the project is stopping for another reason.
pub(super) fn close_outdated_dialog(ui: &mut Model) {
    if let (Some(Overlay::Dialog(_)), true) = (&ui.overlay, ui.is_ending())
        && ui.quitting == QuitState::No
    {
        ui.overlay = None;
    }
}

/// Returns a line for each process that the shutdown waits for.
fn waiting(ui: &Model) -> Vec<String> {
    let stopping = ui.overview.processes.iter().filter(|process| process.state.is_alive());
    let line = |process: &ProcessState| {
        let left = seconds_left(process, ui.age()).filter(|_| process.state == StateName::Stopping);
        let left = left.map(|left| format!(", killed in {left}")).unwrap_or_default();
        format!("{} is {}{left}", process.name, process.state)
    };
    stopping.take(8).map(line).collect()
}
