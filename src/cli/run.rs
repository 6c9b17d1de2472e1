//! `run NAME`: runs one process in the foreground, with its dependencies in the background.

use std::sync::Arc;

use clap::Args;

use super::completions::{NameKind, names};
use super::engine_main::{self, EngineSetup};
use super::{
    ExitResult, GlobalOptions, ProgramExit, locked_project, messages, project, running_project,
};
use crate::control::Control as _;
use crate::control::wire::{DetailsQuery, ProcessDetails};
use crate::engine::Foreground;
use crate::machine::{ProcessId, Supervisor, SupervisorOptions};
use crate::spec::{CommandLine, Probe, ProcessSpec, Restart, ShutdownOn, Spec};

mod in_project;

#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
    /// The process, replica or job
    #[arg(add = names(NameKind::One))]
    name: String,
    /// Arguments to append to its command
    #[arg(last = true)]
    args: Vec<String>,
}

pub(super) fn run(global: &GlobalOptions, args: &RunArgs) -> ExitResult {
    let (spec, id) = prepare(with_added_member(project::load(global)?, &args.name), args)?;
    if let Some(dirs) = running_project::dirs_if_running(&spec) {
        return in_project::run(global, &spec, id, dirs);
    }
    let locked = locked_project::lock(&spec, &[])?;
    engine_main::run(global, locked, setup(spec, id))
}

/// Runs one process of a project in the foreground of this terminal, as `run` does.
pub(super) fn setup(spec: Spec, id: ProcessId) -> EngineSetup {
    // It runs once: a change of its files affects the next `run`.
    let options = SupervisorOptions {
        no_watch: true,
        seed: engine_main::seed(),
        ..SupervisorOptions::default()
    };
    EngineSetup::foreground(Supervisor::new(spec, options), id, Foreground::Terminal)
}

/// Adds the job or process of this name if it is not in the file but was added to the running project.
fn with_added_member(mut spec: Spec, name: &str) -> Spec {
    let is_in_file = spec.processes.contains_key(name);
    let dirs = running_project::dirs_if_running(&spec).filter(|_| !is_in_file);
    let Some(dirs) = dirs else { return spec };
    let details = running_project::block_on(async {
        let client = running_project::client(&spec.project.name, dirs);
        client.details(name, DetailsQuery::default()).await
    });
    let Ok(Ok(ProcessDetails { member, mut command, script, .. })) = details else { return spec };
    let template = match &member.pool {
        Some(pool) => spec.pools.get(pool).and_then(|pool| pool.template.as_ref()),
        None => spec.template.as_ref(),
    };
    let (true, Some(template)) = (member.added, template) else { return spec };
    let command = match script {
        Some(script) => {
            command.pop();
            CommandLine::Shell { shell: command, script }
        }
        None => CommandLine::Argv(command),
    };
    let added = ProcessSpec { name: member.name.clone(), command, ..template.as_ref().clone() };
    spec.processes.insert(member.name.clone(), Arc::new(added));
    spec
}

/// Changes the process as `run` needs it: [`run_once`], with the given arguments.
fn prepare(mut spec: Spec, args: &RunArgs) -> Result<(Spec, ProcessId), ProgramExit> {
    let RunArgs { name, args } = args;
    let supervisor = Supervisor::new(spec.clone(), SupervisorOptions::default());
    let chosen = supervisor
        .select(std::slice::from_ref(name))
        .map_err(|_| supervisor.unknown_name(name, NameKind::One))
        .map_err(|error| messages::usage_error(&error.to_string()))?;
    if name.starts_with('@') || name == "all" || spec.pools.contains_key(name.as_str()) {
        let text = format!("`run` takes one process or job, but `{name}` names several");
        return Err(messages::usage_error(&text));
    }
    let Some(id) = chosen.first().copied() else {
        return Err(messages::usage_error(&format!("`{name}` has no replica to run")));
    };
    let process = supervisor.process_of(id).and_then(|name| spec.processes.get_mut(name));
    let process =
        process.ok_or_else(|| messages::usage_error(&format!("unknown name `{name}`")))?;
    let changed = Arc::make_mut(process);
    append_arguments(&mut changed.command, args).map_err(|text| messages::usage_error(&text))?;
    run_once(changed);
    Ok((spec, id))
}

/// Changes a process so that it runs once, and its end ends the project.
pub(super) fn run_once(process: &mut ProcessSpec) {
    process.restart = Restart::Never;
    process.shutdown_on = ShutdownOn::Exit;
    // Its output goes directly to the terminal, and nothing waits until it is ready.
    process.ready.take_if(|check| matches!(check.probe, Probe::Log(_)));
}

/// Appends arguments to an array; quotes and appends them to a string.
fn append_arguments(command: &mut CommandLine, more: &[String]) -> Result<(), String> {
    match command {
        CommandLine::Argv(argv) => argv.extend_from_slice(more),
        CommandLine::Shell { script, .. } if !more.is_empty() => {
            let quoted = shlex::try_join(more.iter().map(String::as_str))
                .map_err(|error| format!("these arguments cannot be quoted: {error}"))?;
            *script = format!("{script} {quoted}");
        }
        CommandLine::Shell { .. } => {}
    }
    Ok(())
}
