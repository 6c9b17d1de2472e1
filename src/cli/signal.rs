//! `signal`: sends a signal to processes of the running project.

use clap::Args;

use super::completions::{NameKind, names, signals};
use super::{ExitResult, GlobalOptions, outcome};
use crate::control::wire::{ControlCommand, SignalRequest};
use crate::spec::Signal;

#[derive(Debug, Clone, Args)]
pub(super) struct SignalArgs {
    /// A name or number, such as HUP, SIGUSR1 or 10
    #[arg(add = signals())]
    signal: Signal,
    /// NAME, NAME.N, @TAG, POOL or all
    #[arg(required = true, add = names(NameKind::Several))]
    names: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn signal(global: &GlobalOptions, args: SignalArgs) -> ExitResult {
    let SignalArgs { signal, names, json } = args;
    let command = ControlCommand::Signal(SignalRequest { names, signal });
    outcome::send_command(global, command, None, json)
}
