//! `start`: starts processes of the running project.

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
    pub(super) timeout: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl From<StartArgs> for StartRequest {
    fn from(StartArgs { names, wait, no_wait, .. }: StartArgs) -> Self {
        Self { names, wait, no_wait, dependants: false }
    }
}

pub(super) fn start(global: &GlobalOptions, args: StartArgs) -> ExitResult {
    let (timeout, json) = (args.timeout, args.json);
    outcome::send_command(global, ControlCommand::Start(args.into()), timeout, json)
}
