//! `scale`, `enqueue`, `send`: change the workload of a running project.

use clap::Args;

use super::completion::{NameKind, names};
use super::{GlobalOptions, ProgramExit, lifecycle_commands, remote};
use crate::control::Control as _;
use crate::control::wire::{ControlCommand, EnqueueRequest, ScaleRequest, SendRequest};

#[derive(Debug, Clone, Args)]
pub(super) struct ScaleArgs {
    /// The process
    #[arg(add = names(NameKind::Process))]
    name: String,
    /// Number of replicas; 0 stops them all
    replicas: u32,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct EnqueueArgs {
    /// A pool of the file
    #[arg(add = names(NameKind::Pool))]
    pool: String,
    /// Name of the job; default: POOL.N
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct SendArgs {
    /// A process or replica with `stdin = "pipe"`
    #[arg(add = names(NameKind::One))]
    name: String,
    /// Text to send; a newline is appended
    text: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn scale(global: &GlobalOptions, args: ScaleArgs) -> ProgramExit {
    let ScaleArgs { name: process, replicas, no_wait, json } = args;
    lifecycle_commands::carry_out(
        global,
        ControlCommand::Scale(ScaleRequest { process, replicas, no_wait }),
        None,
        json,
    )
}

pub(super) fn enqueue(global: &GlobalOptions, args: EnqueueArgs) -> ProgramExit {
    let EnqueueArgs { pool, name, json, command } = args;
    let order = ControlCommand::Enqueue(EnqueueRequest { pool, name, command });
    match remote::with(global, async |client| client.execute(order).await) {
        Ok(outcome) if json => remote::print_json(&outcome),
        Ok(outcome) => {
            for job in &outcome.processes {
                remote::print(&format!("{}\n", job.status.name));
            }
        }
        Err(ending) => return ending,
    }
    ProgramExit::GOOD
}

pub(super) fn send(global: &GlobalOptions, args: SendArgs) -> ProgramExit {
    let SendArgs { name, text, json } = args;
    match remote::with(global, async |client| {
        client.execute(ControlCommand::Send(SendRequest { name, text })).await
    }) {
        Ok(_) if json => remote::print_json(&serde_json::json!({ "ok": true })),
        Ok(_) => {}
        Err(ending) => return ending,
    }
    ProgramExit::GOOD
}
