//! `send`: writes a line to the standard input of a process, or types it into its terminal.

use clap::Args;

use super::completions::{NameKind, names};
use super::{ExitResult, GlobalOptions, ProgramExit, running_project, stdout};
use crate::control::Control as _;
use crate::control::wire::{ControlCommand, SendRequest};

#[derive(Debug, Clone, Args)]
pub(super) struct SendArgs {
    /// A process or replica with `stdin = "pipe"` or `tty = true`
    #[arg(add = names(NameKind::One))]
    name: String,
    /// Text to send; a newline is appended, or Enter for a terminal
    text: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn send(global: &GlobalOptions, args: SendArgs) -> ExitResult {
    let SendArgs { name, text, json } = args;
    let command = ControlCommand::Send(SendRequest { name, text });
    running_project::request(global, async |client| client.execute(command).await)?;
    if json {
        stdout::print_json(&serde_json::json!({ "ok": true }));
    }
    Ok(ProgramExit::SUCCESS)
}
