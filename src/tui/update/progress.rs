//! Progress of a running command: status messages until it completes, and the outcome.

use super::complain;
use crate::control::ControlError;
use crate::control::wire::{CommandResponse, ProcessOutcome};
use crate::spec::counted;
use crate::tui::action::Action;
use crate::tui::model::{Model, RunningCommand};
use crate::tui::theme::Role;

/// Names that are told one by one; of more there is the number.
const TOLD: usize = 3;

/// Begins to say how it goes on.
pub(super) fn begin(ui: &mut Model, action: Action, names: &[String], words: &str) {
    // A kill after a stop, and a restart after a start, is what is wanted now.
    let is_about = |one: &RunningCommand| one.names.iter().any(|name| names.contains(name));
    ui.pursuits.retain(|one| !is_about(one));
    let (words, names) = (words.to_owned(), names.to_vec());
    ui.pursuits.push(RunningCommand { action, words, names });
    ui.note = None;
}

/// `a`, `a and b`, `5 processes`.
pub(super) fn short(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [a] => a.clone(),
        [a, b] => format!("{a} and {b}"),
        [rest @ .., last] if names.len() <= TOLD => format!("{} and {last}", rest.join(", ")),
        _ => counted(names.len(), "process"),
    }
}

/// What became of an order.
pub(super) fn done(
    ui: &mut Model,
    what: &str,
    result: Result<Option<CommandResponse>, ControlError>,
) {
    let at = ui.pursuits.iter().position(|one| one.words == what);
    let pursuit = at.map(|at| ui.pursuits.remove(at));
    match result {
        Ok(outcome) => {
            let (all, files) = outcome
                .map(|outcome| (outcome.processes, outcome.changed_files))
                .unwrap_or_default();
            if let Some(bad) = all.iter().find(|one| !one.ok) {
                let rest = all.iter().filter(|one| !one.ok).count() - 1;
                let more = if rest > 0 { format!("; {rest} more") } else { String::new() };
                ui.say(
                    format!(
                        "{what}: {}{}{}: {}{more}",
                        bad.status.name,
                        bad.status.state.verb(),
                        bad.status.state,
                        bad.status.why
                    ),
                    Role::Bad,
                );
            } else if let Some(pursuit) = pursuit {
                let words = outcome_words(&pursuit, &all);
                match files.as_slice() {
                    [] => ui.say(words, Role::Good),
                    files => {
                        let text = format!("{words}; {} changed: reload applies it", short(files));
                        ui.say(text, Role::Warn);
                    }
                }
            }
        }
        Err(problem) => {
            ui.last_scale = None;
            complain(ui, &problem);
        }
    }
}

fn outcome_words(command: &RunningCommand, all: &[ProcessOutcome]) -> String {
    let [ProcessOutcome { status, .. }] = all else {
        let is_end = matches!(command.action, Action::Stop | Action::Kill);
        let state = if is_end { "down" } else { "running" };
        return format!("{} are {state}", short(&command.names));
    };
    let end = match (status.exit_code, status.signal) {
        (Some(code), _) if !status.state.is_alive() => format!(" (exit {code})"),
        (None, Some(signal)) if !status.state.is_alive() => format!(" ({signal})"),
        _ => String::new(),
    };
    let pid = status.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    let state = status.state.word(status.checked);
    format!("{}{}{state}{end}{pid}", status.name, status.state.verb())
}
