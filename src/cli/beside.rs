//! `run` beside a running project: what NAME needs is used there, or started there and stopped
//! again; NAME itself runs here, with this terminal.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use super::front::{self, Serve, Shows};
use super::{Ending, Global, project, remote};
use crate::control::wire::{Names, Order, ProcessStatus, Started, Status, Waited};
use crate::control::{Client, Control as _, Kind, Measure, Problem};
use crate::engine::Front;
use crate::machine::{Options, Orchestra, ProcessId, StateName};
use crate::spec::{Condition, Name, ProcessSpec, Spec};
use crate::sys::{Folders, alive_holder};

/// The running project, if it runs.
pub(super) fn running(spec: &Spec) -> Option<Folders> {
    let folders = Folders::of(&spec.project.file).ok()?;
    alive_holder(&folders)?;
    Some(folders)
}

/// Runs `process` with what it needs from the project in `folders`.
pub(super) fn run(global: &Global, spec: &Spec, name: &Name, folders: Folders) -> Ending {
    let Some(process) = spec.processes.get(name) else {
        return project::wrong(&format!("unknown name `{name}`"));
    };
    let prepared = remote::block_on(async {
        let client = remote::reach(&spec.project.name, folders.clone()).await;
        prepare(&client, spec, process).await
    });
    let (started, failure) = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(problem)) => return remote::complain(&problem),
        Err(ending) => return ending,
    };
    let ending = match failure {
        Some(text) => project::failed(&text),
        None => alone(global, spec, process),
    };
    put_back(&spec.project.name, folders, started);
    ending
}

/// Starts what is missing and waits for it; gives who was started, and what cannot be had.
async fn prepare(
    client: &Client,
    spec: &Spec,
    process: &ProcessSpec,
) -> Result<(Vec<String>, Option<String>), Problem> {
    let before = client.status(Measure::No).await?;
    let own = before.processes.iter().find(|one| one.process == process.name.as_str());
    if own.is_some_and(is_alive) {
        let text = format!(
            "{0} runs already in the project; `pitcrew stop {0}` ends it there",
            process.name
        );
        return Err(Problem::new(Kind::Conflict, text));
    }
    let needs = &process.depends_on;
    let missing: Vec<String> = needs
        .iter()
        .filter(|(on, need)| members(&before, on).any(|one| !holds(one, need.condition)))
        .map(|(on, _)| on.to_string())
        .collect();
    if !missing.is_empty() {
        let order = Started { names: missing, no_wait: true, ..Started::default() };
        client.order(Order::Start(order)).await?;
    }
    let mut failure = None;
    for (on, need) in needs {
        let (names, until) = (vec![on.to_string()], need.condition);
        let outcome = client.order(Order::Wait(Waited { names, until })).await?;
        if let Some(one) = outcome.processes.iter().find(|one| !one.ok) {
            failure = Some(format!("{} cannot {}: {}", one.name, until.goal(), one.why));
            break;
        }
    }
    let rested = |name: &str| before.processes.iter().any(|one| one.name == name && !is_alive(one));
    let below = below(spec, process);
    let after = client.status(Measure::No).await?;
    let started = after.processes.iter().filter(|one| {
        is_alive(one)
            && rested(&one.name)
            && (below.contains(one.process.as_str())
                || one.pool.as_deref().is_some_and(|pool| below.contains(pool)))
    });
    Ok((started.map(|one| one.name.clone()).collect(), failure))
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

/// The replicas of a process, or the members of a pool.
fn members<'a>(status: &'a Status, on: &'a Name) -> impl Iterator<Item = &'a ProcessStatus> {
    let is_meant = |one: &&ProcessStatus| {
        one.process == on.as_str()
            || one.name == on.as_str()
            || one.pool.as_deref() == Some(on.as_str())
    };
    status.processes.iter().filter(is_meant)
}

fn is_alive(one: &ProcessStatus) -> bool {
    !matches!(
        one.state,
        StateName::Idle
            | StateName::Stopped
            | StateName::Succeeded
            | StateName::Failed
            | StateName::Skipped
    )
}

/// Whether it is there, or on its way.
fn holds(one: &ProcessStatus, condition: Condition) -> bool {
    let done = match condition {
        Condition::Started | Condition::Ready => {
            one.pool.is_some() && one.state == StateName::Succeeded
        }
        Condition::Succeeded => one.state == StateName::Succeeded,
        Condition::Completed => matches!(one.state, StateName::Succeeded | StateName::Failed),
    };
    done || is_alive(one)
}

/// The process as the only one of a project, in the foreground.
fn alone(global: &Global, spec: &Spec, process: &ProcessSpec) -> Ending {
    let mut process = process.clone();
    process.depends_on.clear();
    (process.pool, process.replicas) = (None, None);
    let name = process.name.clone();
    let spec = Spec {
        project: spec.project.clone(),
        processes: IndexMap::from([(name, Arc::new(process))]),
        pools: IndexMap::new(),
        blank: None,
    };
    let orchestra = Orchestra::new(spec, Options { seed: front::seed(), ..Options::default() });
    let chosen: Vec<ProcessId> = orchestra.names().map(|(id, _)| id).collect();
    let foreground = chosen.first().map(|id| (*id, Front::Terminal));
    let serve = Serve {
        orchestra,
        chosen,
        dependencies: true,
        shows: Shows::Problems,
        events: None,
        log_file: None,
        listen: None,
        foreground,
        owned: false,
        passing: None,
        again: None,
    };
    match project::hold_alone() {
        Ok(held) => front::serve(global, held, serve),
        Err(ending) => ending,
    }
}

/// Stops what was started for it. That the project has ended meanwhile is as good.
fn put_back(name: &str, folders: Folders, names: Vec<String>) {
    if names.is_empty() {
        return;
    }
    let client = remote::client(name, folders);
    let order = Order::Stop(Names { names, no_wait: false });
    let stopped = remote::block_on(async { client.order(order).await });
    if let Ok(Err(problem)) = stopped
        && !matches!(problem.error, Kind::NotRunning | Kind::Ended)
    {
        remote::complain(&problem);
    }
}
