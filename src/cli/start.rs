//! `start` and `restart`: start processes of the running project.

use std::time::Duration;

use clap::Args;

use super::completions::{NameKind, names};
use super::{ExitResult, GlobalOptions, outcome, value_parsers};
use crate::control::wire::{ControlCommand, StartRequest};

#[derive(Debug, Clone, Args)]
pub(super) struct StartArgs {
    /// NAME, NAME.N, @TAG, POOL or all
    #[arg(required = true, add = names(NameKind::Several))]
    names: Vec<String>,
    /// Wait until ready or succeeded, not only until started
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
    /// Stop waiting after this long; exit code 124
    #[arg(long, value_parser = value_parsers::duration, value_name = "DURATION")]
    timeout: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn start(
    global: &GlobalOptions,
    args: StartArgs,
    command: fn(StartRequest) -> ControlCommand,
) -> ExitResult {
    let StartArgs { names, wait, no_wait, timeout, json } = args;
    let request = StartRequest { names, wait, no_wait, dependants: false };
    outcome::send_command(global, command(request), timeout, json)
}
