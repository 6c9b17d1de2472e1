//! `send`: writes a line to the standard input of a process, or types it into its terminal.

use clap::Args;

use super::completions::{NameKind, names};
use super::{ExitResult, GlobalOptions, outcome};
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
    outcome::send_input(global, command, json)
}
