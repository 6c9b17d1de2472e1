//! `scale`: sets the number of replicas of a process.

use clap::Args;

use super::completions::{NameKind, names};
use super::value_parsers::number;
use super::{ExitResult, GlobalOptions, outcome};
use crate::control::wire::{ControlCommand, ScaleRequest};

#[derive(Debug, Clone, Args)]
pub(super) struct ScaleArgs {
    /// The process
    #[arg(add = names(NameKind::Process))]
    name: String,
    /// Number of replicas; 0 stops them all
    #[arg(value_parser = number::<u32>)]
    replicas: u32,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn scale(global: &GlobalOptions, args: ScaleArgs) -> ExitResult {
    let ScaleArgs { name: process, replicas, no_wait, json } = args;
    let command = ControlCommand::Scale(ScaleRequest { process, replicas, no_wait });
    outcome::send_command(global, command, None, json)
}
