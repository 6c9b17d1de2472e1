//! `check`: validates the file, runs nothing.

use std::sync::Arc;

use clap::Args;

use super::{ExitResult, GlobalOptions, ProgramExit, messages, project, stdout};
use crate::output::safe_name;
use crate::spec::{self, ProcessKind, ProcessSpec, Spec, counted};

#[derive(Debug, Clone, Args)]
pub(super) struct CheckArgs {
    /// Print the mistakes as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn check(global: &GlobalOptions, args: &CheckArgs) -> ExitResult {
    project::read_stdin(global)?;
    let locator = project::locate(global)?;
    if args.json {
        let report = spec::report(&locator);
        stdout::print_json(&report);
        return Ok(if report.ok { ProgramExit::SUCCESS } else { ProgramExit::USAGE_ERROR });
    }
    let loaded = spec::inspect(&locator).map_err(|faults| {
        messages::warnings(&faults.warnings(), global.color);
        messages::faults(&faults, global.color)
    })?;
    messages::warnings(&loaded.warnings, global.color);
    let name = safe_name(&loaded.spec.project.name);
    stdout::print(&format!("{name}: no mistakes, {}\n", contents(&loaded.spec)));
    Ok(ProgramExit::SUCCESS)
}

/// The contents of a project, such as `2 processes, 1 job, 1 pool`.
fn contents(spec: &Spec) -> String {
    let is_job = |process: &&Arc<ProcessSpec>| process.kind == ProcessKind::Job;
    let jobs = spec.processes.values().filter(is_job).count();
    let counts =
        [(spec.processes.len() - jobs, "process"), (jobs, "job"), (spec.pools.len(), "pool")];
    let parts = counts.iter().filter(|(count, _)| *count > 0);
    let parts = parts.map(|(count, noun)| counted(*count, noun));
    parts.collect::<Vec<_>>().join(", ")
}
