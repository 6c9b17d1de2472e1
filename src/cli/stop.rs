//! `stop`: stops processes of the running project.

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
    pub(super) json: bool,
}

impl From<StopArgs> for StopRequest {
    fn from(StopArgs { names, no_wait, .. }: StopArgs) -> Self {
        Self { names, no_wait }
    }
}

pub(super) fn stop(global: &GlobalOptions, args: StopArgs) -> ExitResult {
    let json = args.json;
    outcome::send_command(global, ControlCommand::Stop(args.into()), None, json)
}
