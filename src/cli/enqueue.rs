//! `enqueue`: adds a job to a pool and prints its name.

use clap::Args;

use super::completions::{NameKind, names};
use super::{ExitResult, GlobalOptions, ProgramExit, running_project, stdout};
use crate::control::Control as _;
use crate::control::wire::{ControlCommand, EnqueueRequest};

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

pub(super) fn enqueue(global: &GlobalOptions, args: EnqueueArgs) -> ExitResult {
    let EnqueueArgs { pool, name, json, command } = args;
    let command = ControlCommand::Enqueue(EnqueueRequest { pool, name, command });
    let response = running_project::request(global, async |client| client.execute(command).await)?;
    if json {
        stdout::print_json(&response);
    } else {
        for job in &response.processes {
            stdout::print(&format!("{}\n", job.status.name));
        }
    }
    Ok(ProgramExit::SUCCESS)
}
