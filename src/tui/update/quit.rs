//! Quitting: always possible, and never stops the project by accident.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Cmds;
use crate::control::wire::{PhaseName, ShutdownRequest};
use crate::machine::StateName;
use crate::tui::model::{ClientRole, Model, QuitState};
use crate::tui::msg::{Cmd, QuitMode};
use crate::tui::overlay::{Overlay, kill_all, quit as question};
use crate::tui::theme::Role;

/// Asks, where anything would be ended.
pub(super) fn quit(ui: &mut Model, cmds: &mut Cmds) {
    match ui.stand {
        ClientRole::Guest => cmds.push(Cmd::Leave(QuitMode::Detached)),
        ClientRole::Owner if ui.is_ending() => {
            ui.overlay = Some(Overlay::Dialog(kill_all(waiting(ui))));
        }
        ClientRole::Owner if ui.running() == 0 && !ui.is_coming() => stop(ui, cmds),
        ClientRole::Owner => {
            ui.overlay = Some(Overlay::Dialog(question(ui.running(), &stopping(ui))));
        }
    }
}

/// What stopping means for those that run: their own signals and times.
fn stopping(ui: &Model) -> String {
    let alive = || ui.overview.processes.iter().filter(|one| one.status.state.is_alive());
    let signals: BTreeSet<String> = alive()
        .map(|one| match one.stop_signal {
            Some(signal) => format!("SIG{signal}"),
            None => "its own command".to_owned(),
        })
        .collect();
    let graces = alive().map(|one| Duration::from_millis(one.grace_ms));
    let (Some(least), Some(most)) = (graces.clone().min(), graces.max()) else {
        return "nothing has a live run".to_owned();
    };
    let signals: Vec<String> = signals.into_iter().collect();
    let asked = match signals.as_slice() {
        [one] => one.clone(),
        [a, b] => format!("{a} or {b}"),
        _ => "each its own signal".to_owned(),
    };
    let limit = if least == most {
        seconds(most)
    } else {
        format!("{} to {}", seconds(least), seconds(most))
    };
    format!("{asked}, SIGKILL after {limit}")
}

fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{}s", time.as_secs())
    } else {
        format!("{:.1}s", time.as_secs_f64())
    }
}

/// Ctrl-C: asks, then stops, then kills. In the question the second one is an answer.
pub(super) fn interrupt(ui: &mut Model, cmds: &mut Cmds) {
    match (ui.stand, ui.leaving) {
        (ClientRole::Owner, QuitState::Stopping) => kill(ui, cmds),
        (ClientRole::Owner, QuitState::Killing) => cmds.push(Cmd::Leave(QuitMode::Ended)),
        (ClientRole::Owner, QuitState::No) if ui.overview.phase != PhaseName::Up => {
            kill(ui, cmds);
        }
        (ClientRole::Owner, QuitState::No) | (ClientRole::Guest, _) => quit(ui, cmds),
    }
}

/// Everything is stopped in order; the interface stays until it is.
pub(super) fn stop(ui: &mut Model, cmds: &mut Cmds) {
    ui.leaving = ui.leaving.max(QuitState::Stopping);
    ui.say("stopping all; ^c again kills", Role::Warn);
    cmds.push(Cmd::Shutdown(ShutdownRequest { kill: false }));
}

/// Everything is killed.
pub(super) fn kill(ui: &mut Model, cmds: &mut Cmds) {
    ui.leaving = QuitState::Killing;
    ui.say("killing all", Role::Bad);
    cmds.push(Cmd::Shutdown(ShutdownRequest { kill: true }));
}

/// Leaves; everything goes on.
pub(super) fn detach(_: &mut Model, cmds: &mut Cmds) {
    cmds.push(Cmd::Leave(QuitMode::Detached));
}

/// A signal said that it is to end: whoever sent it to the project as well does the rest.
pub(super) fn signal(ui: &mut Model) {
    ui.overlay = None;
    ui.leaving = ui.leaving.max(QuitState::Stopping);
    ui.say("stopping all", Role::Warn);
}

/// The project was pushed: what is said about its end may be outdated.
pub(super) fn looked(ui: &mut Model, _: &mut Cmds) {
    if let (Some(Overlay::Dialog(_)), true) = (&ui.overlay, ui.is_ending())
        && ui.leaving == QuitState::No
    {
        ui.overlay = None;
    }
}

/// Whom the end waits for.
fn waiting(ui: &Model) -> Vec<String> {
    let age = ui.age();
    let left = |ms: Option<u64>| {
        let left = Duration::from_millis(ms?).saturating_sub(age);
        Some(format!(", killed in {}s", left.as_secs_f64().ceil()))
    };
    let stopping = ui.overview.processes.iter().filter(|one| one.status.state.is_alive());
    let line = |one: &crate::control::wire::ProcessState| {
        let left = (one.status.state == StateName::Stopping).then(|| left(one.until_ms)).flatten();
        format!("{} is {}{}", one.status.name, one.status.state, left.unwrap_or_default())
    };
    stopping.take(8).map(line).collect()
}
