//! Laws about dependencies and the order of states.

use crate::machine::{ProcessId, ProcessView, StateName, Supervisor};
use crate::spec::{Name, Spec};

/// Everything that is named by `on`: a process with all replicas, or the jobs of a pool.
pub(super) fn those<'a>(
    spec: &'a Spec,
    views: &'a [&ProcessView],
    on: &'a Name,
) -> impl Iterator<Item = &'a &'a ProcessView> {
    let pool = spec.pools.get(on);
    views.iter().filter(move |view| match pool {
        Some(pool) => pool.jobs.contains(&view.process),
        None => view.process == *on,
    })
}

/// Whether `one` needs `other`, directly or not.
pub(super) fn needs_it(spec: &Spec, one: &Name, other: &Name) -> bool {
    let Some(one) = spec.processes.get(one) else { return false };
    one.depends_on.keys().any(|on| {
        let names = match spec.pools.get(on) {
            Some(pool) => pool.jobs.clone(),
            None => vec![on.clone()],
        };
        on == other || names.iter().any(|name| name == other || needs_it(spec, name, other))
    })
}

/// These and all they need.
pub(super) fn needed_by(machine: &Supervisor, spec: &Spec, ids: &[ProcessId]) -> Vec<ProcessId> {
    let process_of = |id: ProcessId| {
        let (_, name) = machine.names().find(|(known, _)| *known == id)?;
        let found = spec
            .processes
            .keys()
            .find(|process| *process == name || name.as_str().starts_with(&format!("{process}.")));
        found.cloned()
    };
    let roots: Vec<Name> = ids.iter().filter_map(|id| process_of(*id)).collect();
    let all = machine.names().map(|(id, _)| id);
    all.filter(|id| {
        let needed = |name: &Name| roots.iter().any(|root| needs_it(spec, root, name));
        // A guest is in no file: it comes with the pool that it is in.
        let of = process_of(*id);
        let pool = || spec.pools.keys().any(&needed);
        ids.contains(id) || of.map_or_else(pool, |name| needed(&name))
    })
    .collect()
}

/// What one step may do to a process; it can pass through `waiting` and `queued` on the way.
pub(super) fn is_legal(from: StateName, to: StateName) -> bool {
    use StateName::{
        Backoff, Failed, Idle, Queued, Ready, Skipped, Starting, Stopped, Stopping, Succeeded,
        Unhealthy, Waiting,
    };
    match from {
        Idle | Stopped | Succeeded | Failed => {
            matches!(to, Waiting | Queued | Starting | Skipped)
        }
        Skipped => matches!(to, Waiting | Queued | Starting | Stopped),
        Waiting => matches!(to, Queued | Starting | Stopped | Skipped),
        Queued => matches!(to, Waiting | Starting | Stopped | Skipped),
        Starting => matches!(
            to,
            Ready | Stopping | Backoff | Succeeded | Failed | Stopped | Waiting | Queued | Skipped
        ),
        Unhealthy => matches!(
            to,
            Ready | Stopping | Backoff | Succeeded | Failed | Waiting | Queued | Starting | Skipped
        ),
        // From its end it goes on at once when a change came while it ran before something else.
        Ready => matches!(
            to,
            Unhealthy
                | Stopping
                | Backoff
                | Succeeded
                | Failed
                | Waiting
                | Queued
                | Starting
                | Skipped
        ),
        Stopping => matches!(
            to,
            Stopped | Succeeded | Failed | Backoff | Waiting | Queued | Starting | Skipped
        ),
        Backoff => matches!(to, Waiting | Queued | Starting | Stopped | Skipped),
    }
}
