//! Progress of a running command: status messages until it completes, and the outcome.

use super::show_error;
use crate::control::ControlError;
use crate::control::wire::{CommandResponse, ProcessOutcome};
use crate::spec::{counted, list_with};
use crate::tui::model::{Model, ProgressKind, RunningCommand};
use crate::tui::msg::CommandTicket;
use crate::tui::theme::Role;

/// Most names in a text; of more there is the number.
const NAMES: usize = 3;

/// Starts to show the progress of a command.
pub(super) fn begin(ui: &mut Model, command: RunningCommand) {
    // A kill after a stop, and a restart after a start, replaces it.
    let is_about = |name: &String| command.names.contains(name);
    ui.running_commands.retain(|earlier| !earlier.names.iter().any(is_about));
    ui.running_commands.push(command);
    ui.notice = None;
}

/// `a`, `a and b`, `5 processes`.
pub(super) fn short(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names if names.len() <= NAMES => list_with("and", names),
        names => counted(names.len(), "process"),
    }
}

/// Shows the result of a command.
pub(super) fn done(
    ui: &mut Model,
    ticket: &CommandTicket,
    result: Result<Option<CommandResponse>, ControlError>,
) {
    let at = ui.running_commands.iter().position(|command| command.number == ticket.number);
    let command = at.map(|at| ui.running_commands.remove(at));
    match result {
        Ok(outcome) => {
            let (outcomes, files) = outcome
                .map(|outcome| (outcome.processes, outcome.changed_files))
                .unwrap_or_default();
            if let Some(bad) = outcomes.iter().find(|outcome| !outcome.ok) {
                let rest = outcomes.iter().filter(|outcome| !outcome.ok).count() - 1;
                let more = if rest > 0 { format!("; {rest} more") } else { String::new() };
                let text = format!("{}: {}{more}", ticket.description, bad.status.sentence());
                ui.notify(text, Role::Bad);
            } else if let Some(command) = command {
                let words = outcome_text(&command, &outcomes);
                match files.as_slice() {
                    [] => ui.notify(words, Role::Good),
                    files => {
                        let text = format!("{words}; {} changed: reload applies it", short(files));
                        ui.notify(text, Role::Warn);
                    }
                }
            }
        }
        Err(problem) => {
            ui.last_scale = None;
            show_error(ui, &problem);
        }
    }
}

fn outcome_text(command: &RunningCommand, outcomes: &[ProcessOutcome]) -> String {
    let [ProcessOutcome { status, .. }] = outcomes else {
        let is_end = matches!(command.kind, ProgressKind::Stop | ProgressKind::Kill);
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
