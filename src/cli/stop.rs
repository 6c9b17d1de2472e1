//! `stop` and `kill`: end processes of the running project.

use clap::Args;

use super::completions::{NameKind, names};
use super::{ExitResult, GlobalOptions, outcome};
use crate::control::wire::{ControlCommand, StopRequest};

#[derive(Debug, Clone, Args)]
pub(super) struct StopArgs {
    /// NAME, NAME.N, @TAG, POOL or all
    #[arg(required = true, add = names(NameKind::Several))]
    names: Vec<String>,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn stop(
    global: &GlobalOptions,
    args: StopArgs,
    command: fn(StopRequest) -> ControlCommand,
) -> ExitResult {
    let StopArgs { names, no_wait, json } = args;
    outcome::send_command(global, command(StopRequest { names, no_wait }), None, json)
}
