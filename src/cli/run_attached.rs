//! `run` with a running project: dependencies of NAME are used, or started in it and stopped again;
//! NAME itself runs here, on this terminal.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use super::engine_main::{self, Display, EngineSetup};
use super::project_ports::ProjectPorts;
use super::{GlobalOptions, ProgramExit, lifecycle_commands, project, remote, waiting};
use crate::control::wire::{
    CommandResponse, ControlCommand, ProcessState, ProjectState, StartRequest, StopRequest,
};
use crate::control::{Client, Control as _, ControlError, ControlErrorKind};
use crate::engine::Foreground;
use crate::machine::condition::ConditionStatus;
use crate::machine::{ProcessId, Supervisor, SupervisorOptions};
use crate::spec::{Condition, Name, ProcessSpec, Spec};
use crate::sys::{ProjectDirs, alive_holder};

/// The running project, if it runs.
pub(super) fn running(spec: &Spec) -> Option<ProjectDirs> {
    let folders = ProjectDirs::of(&spec.project.file).ok()?;
    alive_holder(&folders)?;
    Some(folders)
}

/// Runs `process` with what it needs from the project in `folders`.
pub(super) fn run(
    global: &GlobalOptions,
    spec: &Spec,
    id: ProcessId,
    folders: ProjectDirs,
) -> ProgramExit {
    let supervisor = Supervisor::new(spec.clone(), SupervisorOptions::default());
    let name = supervisor.names().find(|(one, _)| *one == id).map(|(_, name)| name.to_string());
    let process = supervisor.process_of(id).and_then(|name| spec.processes.get(name));
    let (Some(name), Some(process)) = (name, process) else {
        return project::wrong("the process is not in the file");
    };
    let prepared = remote::block_on(async {
        let client = remote::reach(&spec.project.name, folders.clone()).await;
        prepare(&client, spec, process).await
    });
    let StartedDependencies { started, failure, state } = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(problem)) => return remote::complain(&problem),
        Err(ending) => return ending,
    };
    let ending = if let Some((text, outcome)) = failure {
        project::failed(&text);
        lifecycle_commands::report_failures(&outcome, global);
        ProgramExit::FAILED
    } else {
        let ports = ProjectPorts::of_file(&supervisor).of_running(&state);
        let mut process = ProcessSpec::clone(process);
        // The replica's own port: here it is no replica.
        process.port = ports.port(&name);
        ports.fill_in(&mut process.env, |_| None);
        alone(global, spec, process)
    };
    put_back(&spec.project.name, folders, started);
    ending
}

/// What became of the dependencies.
struct StartedDependencies {
    /// Those that did not run before.
    started: Vec<String>,
    /// Why NAME cannot run, and how its dependency failed.
    failure: Option<(String, CommandResponse)>,
    /// The project with them.
    state: ProjectState,
}

/// Starts what is missing and waits for it.
async fn prepare(
    client: &Client,
    spec: &Spec,
    process: &ProcessSpec,
) -> Result<StartedDependencies, ControlError> {
    let before = remote::overview(client).await?;
    let own = before.processes.iter().find(|one| one.status.process == process.name.as_str());
    if own.is_some_and(|own| !is_at_rest(own)) {
        let text = format!(
            "{0} runs already in the project; `pitcrew stop {0}` ends it there",
            process.name
        );
        return Err(ControlError::new(ControlErrorKind::Conflict, text));
    }
    let needs = &process.depends_on;
    let missing: Vec<String> = needs
        .iter()
        .filter(|(on, need)| has_to_start(&before, on.as_str(), need.condition))
        .map(|(on, _)| on.to_string())
        .collect();
    if !missing.is_empty() {
        let order = StartRequest { names: missing, no_wait: true, ..StartRequest::default() };
        client.execute(ControlCommand::Start(order)).await?;
    }
    let mut failure = None;
    for (on, need) in needs {
        let outcome =
            waiting::wait_for(client, &[on.to_string()], Some(need.condition), None).await?;
        if !outcome.ok {
            let goal = need.condition.goal();
            let text = format!("{} cannot run: {on} cannot {goal}", process.name);
            failure = Some((text, outcome));
            break;
        }
    }
    let after = remote::overview(client).await?;
    let rested =
        |name: &str| before.processes.iter().any(|one| one.status.name == name && is_at_rest(one));
    let below = below(spec, process);
    let started = after.processes.iter().filter(|one| {
        let status = &one.status;
        !is_at_rest(one)
            && rested(&status.name)
            && (below.contains(status.process.as_str())
                || status.pool.as_deref().is_some_and(|pool| below.contains(pool)))
    });
    let started = started.map(|one| one.status.name.clone()).collect();
    Ok(StartedDependencies { started, failure, state: after })
}

/// Everything it needs, directly or through something else.
fn below<'a>(spec: &'a Spec, process: &'a ProcessSpec) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Name> = process.depends_on.keys().collect();
    while let Some(name) = open.pop() {
        if found.insert(name.as_str()) {
            let needs = spec.processes.get(name).map(|one| one.depends_on.keys());
            let jobs = spec.pools.get(name).map(|pool| pool.jobs.iter());
            open.extend(needs.into_iter().flatten().chain(jobs.into_iter().flatten()));
        }
    }
    found
}

fn is_at_rest(one: &ProcessState) -> bool {
    one.status.state.is_at_rest()
}

/// Whether something that is needed is neither there nor on its way.
fn has_to_start(project: &ProjectState, on: &str, condition: Condition) -> bool {
    project.processes.iter().any(|one| {
        let status = one.condition_subject().status(on, condition);
        is_at_rest(one) && status.is_some_and(|status| status != ConditionStatus::Met)
    })
}

/// The process as the only one of a project, in the foreground.
fn alone(global: &GlobalOptions, spec: &Spec, mut process: ProcessSpec) -> ProgramExit {
    process.depends_on.clear();
    (process.pool, process.replicas) = (None, None);
    let name = process.name.clone();
    let spec = Spec {
        project: spec.project.clone(),
        processes: IndexMap::from([(name, Arc::new(process))]),
        pools: IndexMap::new(),
        blank: None,
    };
    let supervisor = Supervisor::new(
        spec,
        SupervisorOptions { seed: engine_main::seed(), ..SupervisorOptions::default() },
    );
    let chosen: Vec<ProcessId> = supervisor.names().map(|(id, _)| id).collect();
    let foreground = chosen.first().map(|id| (*id, Foreground::Terminal));
    let serve = EngineSetup {
        supervisor,
        chosen,
        dependencies: true,
        shows: Display::Problems,
        events: None,
        log_file: None,
        listen: None,
        foreground,
        owned: false,
        passing: None,
        again: None,
    };
    match project::hold_alone() {
        Ok(held) => engine_main::serve(global, held, serve),
        Err(ending) => ending,
    }
}

/// Stops what was started for it. That the project has ended meanwhile is as good.
fn put_back(name: &str, folders: ProjectDirs, names: Vec<String>) {
    if names.is_empty() {
        return;
    }
    let client = remote::client(name, folders);
    let order = ControlCommand::Stop(StopRequest { names, no_wait: false });
    let stopped = remote::block_on(async { client.execute(order).await });
    if let Ok(Err(problem)) = stopped
        && !matches!(problem.error, ControlErrorKind::NotRunning | ControlErrorKind::Ended)
    {
        remote::complain(&problem);
    }
}
