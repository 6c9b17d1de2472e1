//! Sends a command to the running project, and prints its outcome for each process.

use std::time::Duration;

use super::style::{OutputStyle, state_colour};
use super::waiting::CommandTimeout;
use super::{
    ExitResult, GlobalOptions, ProgramExit, last_output, messages, running_project, stdout, waiting,
};
use crate::control::wire::{CommandResponse, ControlCommand, LastOutput, ProcessOutcome};
use crate::control::{Control as _, ControlError, ControlErrorKind};
use crate::output::safe_name;
use crate::spec::list_with;

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
    let timeout = CommandTimeout::start(timeout);
    let response = running_project::request(global, async |client| {
        match waiting::with_timeout(&timeout, client.execute(command)).await {
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

/// Sends a command that writes to a process; the outcome is that it was written.
pub(super) fn send_input(
    global: &GlobalOptions,
    command: ControlCommand,
    json: bool,
) -> ExitResult {
    running_project::request(global, async |client| client.execute(command).await)?;
    if json {
        stdout::print_json(&serde_json::json!({ "ok": true }));
    }
    Ok(ProgramExit::SUCCESS)
}

/// Prints the state of each process, and the last output of failed ones.
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
            let reason = status.reason();
            let state = style.paint(reason.word, state_colour(status.state));
            let (name, reason) = (safe_name(&status.name), reason.after_word());
            let reason = safe_name(&reason);
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
    let (has, it, they) = match files.len() {
        0 => return None,
        1 => ("has", "it", "it was"),
        _ => ("have", "them", "they were"),
    };
    let files = list_with("and", files);
    Some(format!("{files} {has} changed since {they} read; `pitcrew reload` applies {it}"))
}

/// Prints on stderr which processes failed, why, and what they printed last.
pub(super) fn report_failures(response: &CommandResponse, global: &GlobalOptions) {
    let failed = || response.processes.iter().filter(|process| !process.ok);
    // Processes that are still on their way are not the reason if others have failed.
    let is_reason = |process: &&ProcessOutcome| process.status.state.is_at_rest();
    let has_reason = failed().any(|process| is_reason(&process));
    let reasons = failed()
        .filter(|process| !has_reason || is_reason(process))
        .map(|process| (process.status.sentence(), &process.last_output));
    let end = response
        .ending
        .iter()
        .map(|end| (format!("the project is shutting down: {}", end.reason), &end.last_output));
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
