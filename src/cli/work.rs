//! `scale`, `enqueue`, `send`: more or less to do for a running project.

use clap::Args;

use super::completion::{Wanted, names};
use super::{Ending, Global, remote, steer};
use crate::control::Control as _;
use crate::control::wire::{Order, Scaled, Sent, Work};

#[derive(Debug, Clone, Args)]
pub(super) struct ScaleArgs {
    /// The process
    #[arg(add = names(Wanted::Process))]
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
    #[arg(add = names(Wanted::Pool))]
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
    #[arg(add = names(Wanted::One))]
    name: String,
    /// Text to send; a newline is appended
    text: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn scale(global: &Global, args: ScaleArgs) -> Ending {
    let ScaleArgs { name: process, replicas, no_wait, json } = args;
    steer::carry_out(global, Order::Scale(Scaled { process, replicas, no_wait }), None, json)
}

pub(super) fn enqueue(global: &Global, args: EnqueueArgs) -> Ending {
    let EnqueueArgs { pool, name, json, command } = args;
    let order = Order::Enqueue(Work { pool, name, command });
    match remote::with(global, async |client| client.order(order).await) {
        Ok(outcome) if json => remote::print_json(&outcome),
        Ok(outcome) => {
            for job in &outcome.processes {
                remote::print(&format!("{}\n", job.name));
            }
        }
        Err(ending) => return ending,
    }
    Ending::GOOD
}

pub(super) fn send(global: &Global, args: SendArgs) -> Ending {
    let SendArgs { name, text, json } = args;
    match remote::with(global, async |client| client.send(Sent { name, text }).await) {
        Ok(()) if json => remote::print_json(&serde_json::json!({ "ok": true })),
        Ok(()) => {}
        Err(ending) => return ending,
    }
    Ending::GOOD
}
