//! Sends a command to the running project, and prints its outcome for each process.

use std::time::Duration;

use super::style::{OutputStyle, reason, state_colour};
use super::{
    ExitResult, GlobalOptions, ProgramExit, last_output, messages, running_project, stdout, waiting,
};
use crate::control::wire::{
    CommandResponse, ControlCommand, LastOutput, ProcessOutcome, ProcessState,
};
use crate::control::{Control as _, ControlError, ControlErrorKind};
use crate::output::safe_name;
use crate::spec::and_more;

/// Sends a command, waits at most `timeout`, and prints the outcome.
pub(super) fn send_command(
    global: &GlobalOptions,
    command: ControlCommand,
    timeout: Option<Duration>,
    json: bool,
) -> ExitResult {
    let names = if let ControlCommand::Start(start) | ControlCommand::Restart(start) = &command {
        start.names.clone()
    } else {
        Vec::new()
    };
    let response = running_project::request(global, async |client| {
        match waiting::with_timeout(timeout, client.execute(command)).await {
            Err(late) if late.error == ControlErrorKind::Timeout => {
                let pending = waiting::pending(&client, &names).await;
                let pending = pending.map(|pending| format!("; {pending}")).unwrap_or_default();
                Err(ControlError::new(late.error, format!("{}{pending}", late.message)))
            }
            response => response,
        }
    })?;
    Ok(report(&response, json, global))
}

/// Prints the state of each process, and the last output of those that failed.
pub(super) fn report(
    response: &CommandResponse,
    json: bool,
    global: &GlobalOptions,
) -> ProgramExit {
    if json {
        stdout::print_json(response);
    } else {
        let style = OutputStyle::of(global);
        for status in response.processes.iter().filter(|process| process.ok).map(|ok| &ok.status) {
            let (state, reason) = state_and_reason(status);
            let state = style.paint(state, state_colour(status.state));
            let (name, reason) = (safe_name(&status.name), safe_name(&reason));
            stdout::print(&format!("{name}: {state}{reason}\n"));
        }
        report_failures(response, global);
        if let Some(text) = changed_files(&response.changed_files) {
            messages::note(&text);
        }
    }
    if response.ok { ProgramExit::SUCCESS } else { ProgramExit::FAILURE }
}

/// Says that the processes were started with older versions of these files.
fn changed_files(files: &[String]) -> Option<String> {
    let (first, more) = files.split_first()?;
    let files = match more {
        [] => {
            let text = "has changed since it was read; `pitcrew reload` applies it";
            return Some(format!("{first} {text}"));
        }
        [second] => format!("{first} and {second}"),
        more => format!("{first}{}", and_more(more.len() as u64)),
    };
    Some(format!("{files} have changed since they were read; `pitcrew reload` applies them"))
}

/// Prints on stderr which processes failed, why, and what they printed last.
pub(super) fn report_failures(response: &CommandResponse, global: &GlobalOptions) {
    let failed = || response.processes.iter().filter(|process| !process.ok);
    // Processes that are still on their way are not the reason if others have failed.
    let is_reason = |process: &&ProcessOutcome| process.status.state.is_at_rest();
    let has_reason = failed().any(|process| is_reason(&process));
    let reasons = failed().filter(|process| !has_reason || is_reason(process)).map(|process| {
        let (state, reason) = state_and_reason(&process.status);
        (format!("{}: {state}{reason}", process.status.name), &process.last_output)
    });
    let end = response
        .ending
        .iter()
        .map(|end| (format!("the project is being stopped: {}", end.reason), &end.last_output));
    // Several may have failed because of the same process.
    let mut shown: Vec<&LastOutput> = Vec::new();
    for (text, last) in reasons.chain(end) {
        messages::note(&text);
        if let Some(last) = last.as_ref().filter(|last| !shown.contains(last)) {
            last_output::print(last, global.color);
            shown.push(last);
        }
    }
}

/// The state, and what follows it in a sentence.
fn state_and_reason(status: &ProcessState) -> (&'static str, String) {
    let state = status.state.word(status.checked);
    (state, reason(state, &status.why))
}
