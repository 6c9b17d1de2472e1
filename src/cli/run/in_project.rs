//! `run` while the project is running: missing dependencies are started in it and stopped again;
//! the process itself runs outside of it, on this terminal.

use std::collections::BTreeSet;

use super::super::project_ports::ProjectPorts;
use super::super::waiting::CommandTimeout;
use super::super::{
    ExitResult, GlobalOptions, ProgramExit, messages, outcome, running_project, standalone, waiting,
};
use crate::control::wire::{
    CommandResponse, ControlCommand, ProcessState, ProjectState, StartRequest, StopRequest,
};
use crate::control::{Client, Control as _, ControlError, ControlErrorKind, ControlResult};
use crate::engine::Foreground;
use crate::machine::condition::ConditionStatus;
use crate::machine::{ProcessId, Supervisor, SupervisorOptions};
use crate::spec::{Condition, Name, ProcessSpec, Spec};
use crate::sys::ProjectDirs;

/// Runs the process with this id; its dependencies are in the running project of these folders.
pub(super) fn run(
    global: &GlobalOptions,
    spec: &Spec,
    id: ProcessId,
    dirs: ProjectDirs,
) -> ExitResult {
    let supervisor = Supervisor::new(spec.clone(), SupervisorOptions::default());
    let name = supervisor.names().find(|(known, _)| *known == id).map(|(_, name)| name.to_string());
    let process = supervisor.process_of(id).and_then(|name| spec.processes.get(name));
    let (Some(name), Some(process)) = (name, process) else {
        return Err(messages::usage_error("the process is not in the file"));
    };
    let started = running_project::block_on(async {
        let client = running_project::connect(&spec.project.name, dirs.clone()).await;
        start_dependencies(&client, spec, process).await
    })?;
    let StartedDependencies { names, failure, state } =
        started.map_err(|error| messages::control_error(&error))?;
    let exit = if let Some((text, response)) = failure {
        messages::note(&text);
        outcome::report_failures(&response, global);
        Ok(ProgramExit::FAILURE)
    } else {
        let ports = ProjectPorts::of_file(&supervisor).with_ports_of(&state);
        let mut process = ProcessSpec::clone(process);
        process.port = ports.port(&name);
        ports.fill_in(&mut process.env, |_| None);
        process.depends_on.clear();
        (process.pool, process.replicas) = (None, None);
        standalone::run(global, spec.project.clone(), process, Foreground::Terminal, None)
    };
    stop_dependencies(&spec.project.name, dirs, names);
    exit
}

struct StartedDependencies {
    /// The names of the processes that were not running before.
    names: Vec<String>,
    /// Why the process cannot run, and how its dependency failed.
    failure: Option<(String, CommandResponse)>,
    /// The project with its dependencies.
    state: ProjectState,
}

/// Starts the missing dependencies and waits for all of them.
async fn start_dependencies(
    client: &Client,
    spec: &Spec,
    process: &ProcessSpec,
) -> ControlResult<StartedDependencies> {
    let before = running_project::state(client).await?;
    let is_same = |state: &&ProcessState| state.process == process.name.as_str();
    if before.processes.iter().find(is_same).is_some_and(|state| !state.state.is_at_rest()) {
        let name = &process.name;
        let text =
            format!("{name} is running in the project; `pitcrew stop {name}` stops it there");
        return Err(ControlError::new(ControlErrorKind::Conflict, text));
    }
    let missing: Vec<String> = process
        .depends_on
        .iter()
        .filter(|(name, dependency)| must_start(&before, name.as_str(), dependency.condition))
        .map(|(name, _)| name.to_string())
        .collect();
    if !missing.is_empty() {
        let request = StartRequest { names: missing, no_wait: true, ..StartRequest::default() };
        client.execute(ControlCommand::Start(request)).await?;
    }
    let (mut failure, no_timeout) = (None, CommandTimeout::start(None));
    for (name, dependency) in &process.depends_on {
        let condition = dependency.condition;
        let response =
            waiting::wait_for(client, &[name.to_string()], Some(condition), &no_timeout).await?;
        if !response.ok {
            let text = format!("{} cannot run: {name} cannot {}", process.name, condition.goal());
            failure = Some((text, response));
            break;
        }
    }
    let state = running_project::state(client).await?;
    let was_at_rest = |name: &str| {
        before.processes.iter().any(|state| state.name == name && state.state.is_at_rest())
    };
    let needed = all_dependencies(spec, process);
    let is_needed = |state: &&ProcessState| {
        needed.contains(state.process.as_str())
            || state.pool.as_deref().is_some_and(|pool| needed.contains(pool))
    };
    let running = state.processes.iter().filter(|state| !state.state.is_at_rest());
    let names = running
        .filter(is_needed)
        .map(|state| state.name.to_string())
        .filter(|name| was_at_rest(name))
        .collect();
    Ok(StartedDependencies { names, failure, state })
}

/// Everything that the process depends on, directly or indirectly.
fn all_dependencies<'a>(spec: &'a Spec, process: &'a ProcessSpec) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Name> = process.depends_on.keys().collect();
    while let Some(name) = open.pop() {
        if found.insert(name.as_str()) {
            let process = spec.processes.get(name);
            open.extend(process.iter().flat_map(|process| process.depends_on.keys()));
            // The members of a pool; processes and pools share one namespace.
            let members = spec.processes.values().filter(|one| one.pool.as_ref() == Some(name));
            open.extend(members.map(|member| &member.name));
        }
    }
    found
}

/// Whether a dependency neither fulfils the condition nor is on its way.
fn must_start(project: &ProjectState, name: &str, condition: Condition) -> bool {
    project.processes.iter().any(|process| {
        let status = process.condition_subject().status(name, condition);
        process.state.is_at_rest() && status.is_some_and(|status| status != ConditionStatus::Met)
    })
}

/// Stops the dependencies that were started for the process. A project that has ended meanwhile is
/// not a failure.
fn stop_dependencies(name: &str, dirs: ProjectDirs, names: Vec<String>) {
    if names.is_empty() {
        return;
    }
    let client = running_project::client(name, dirs);
    let command = ControlCommand::Stop(StopRequest { names, no_wait: false });
    let stopped = running_project::block_on(async { client.execute(command).await });
    if let Ok(Err(error)) = stopped
        && !matches!(error.error, ControlErrorKind::NotRunning | ControlErrorKind::Ended)
    {
        messages::control_error(&error);
    }
}
