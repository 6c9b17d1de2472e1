//! `run NAME`: one process in the foreground, with its dependencies in the background.

use std::sync::Arc;

use super::engine_main::{self, Display, EngineSetup};
use super::{GlobalOptions, ProgramExit, RunArgs, project, run_attached};
use crate::engine::Foreground;
use crate::machine::{ProcessId, Supervisor, SupervisorOptions};
use crate::spec::{CommandLine, Probe, ProcessSpec, Restart, ShutdownOn, Spec};

pub(super) fn run(global: &GlobalOptions, args: &RunArgs) -> ProgramExit {
    let spec = match project::load(global) {
        Ok(spec) => spec,
        Err(ending) => return ending,
    };
    let (spec, id) = match in_foreground(spec, args) {
        Ok(changed) => changed,
        Err(ending) => return ending,
    };
    if let Some(folders) = run_attached::running(&spec) {
        return run_attached::run(global, &spec, id, folders);
    }
    let held = match project::hold(&spec, &[]) {
        Ok(held) => held,
        Err(ending) => return ending,
    };
    // One run of it: a change of its files is for the next.
    let options = SupervisorOptions {
        no_watch: true,
        seed: engine_main::seed(),
        ..SupervisorOptions::default()
    };
    let serve = EngineSetup {
        supervisor: Supervisor::new(spec, options),
        chosen: vec![id],
        dependencies: true,
        shows: Display::Problems,
        events: None,
        log_file: None,
        listen: None,
        foreground: Some((id, Foreground::Terminal)),
        again: None,
        owned: false,
        passing: None,
    };
    engine_main::serve(global, held, serve)
}

/// The project with NAME changed: its arguments, one run, and its end is the end.
fn in_foreground(mut spec: Spec, args: &RunArgs) -> Result<(Spec, ProcessId), ProgramExit> {
    let supervisor = Supervisor::new(spec.clone(), SupervisorOptions::default());
    let chosen = supervisor
        .select(std::slice::from_ref(&args.name))
        .map_err(|error| project::wrong(&error.to_string()))?;
    if args.name.starts_with('@')
        || args.name == "all"
        || spec.pools.contains_key(args.name.as_str())
    {
        let text = format!("`run` takes one process or job, and `{}` may be several", args.name);
        return Err(project::wrong(&text));
    }
    let Some(id) = chosen.first().copied() else {
        return Err(project::wrong(&format!("`{}` has no replica that could run", args.name)));
    };
    let Some(process) = supervisor.process_of(id).and_then(|name| spec.processes.get_mut(name))
    else {
        return Err(project::wrong(&format!("unknown name `{}`", args.name)));
    };
    let mut changed = ProcessSpec::clone(process);
    changed.command =
        with_arguments(&changed.command, &args.args).map_err(|text| project::wrong(&text))?;
    changed.restart = Restart::Never;
    changed.shutdown_on = ShutdownOn::Exit;
    // Its output goes to the terminal and past us, and nobody waits for it to be ready.
    changed.ready.take_if(|check| matches!(check.probe, Probe::Log(_)));
    *process = Arc::new(changed);
    Ok((spec, id))
}

/// Appended to an array; quoted and appended to a string.
fn with_arguments(command: &CommandLine, more: &[String]) -> Result<CommandLine, String> {
    if more.is_empty() {
        return Ok(command.clone());
    }
    match command {
        CommandLine::Argv(argv) => {
            Ok(CommandLine::Argv(argv.iter().chain(more).cloned().collect()))
        }
        CommandLine::Shell { shell, script } => {
            let quoted = shlex::try_join(more.iter().map(String::as_str))
                .map_err(|error| format!("these arguments cannot be quoted: {error}"))?;
            Ok(CommandLine::Shell { shell: shell.clone(), script: format!("{script} {quoted}") })
        }
    }
}
