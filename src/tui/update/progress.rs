//! An order on its way: what is said of it until it is done, and what became of it.

use super::complain;
use crate::control::ControlError;
use crate::control::wire::{CommandResponse, ProcessOutcome};
use crate::machine::StateName;
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
        _ => format!("{} processes", names.len()),
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
                    format!("{what}: {} is {}: {}{more}", bad.name, bad.state, bad.why),
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

fn outcome_words(pursuit: &RunningCommand, all: &[ProcessOutcome]) -> String {
    let [one] = all else {
        let is_end = matches!(pursuit.action, Action::Stop | Action::Kill);
        return format!(
            "{} are {}",
            short(&pursuit.names),
            if is_end { "down" } else { "running" }
        );
    };
    let end = match (one.exit_code, one.signal) {
        (Some(code), _) if is_down(one) => format!(" (exit {code})"),
        (None, Some(signal)) if is_down(one) => format!(" ({signal})"),
        _ => String::new(),
    };
    let pid = one.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    format!("{} is {}{end}{pid}", one.name, state_word(one))
}

/// As the list says it: without a check, what has started is called running.
fn state_word(one: &ProcessOutcome) -> String {
    let is_plain = one.state == StateName::Ready && !one.checked;
    if is_plain { "running".to_owned() } else { one.state.to_string() }
}

fn is_down(one: &ProcessOutcome) -> bool {
    !one.state.is_alive()
}
