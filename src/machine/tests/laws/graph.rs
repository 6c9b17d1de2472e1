//! Laws about dependencies and the order of states.

use crate::machine::{ProcessId, ProcessView, StateName, Supervisor};
use crate::spec::{Name, Spec};

/// The processes of the file that `on` names: a process with all replicas, or the members of a pool.
pub(super) fn those<'a>(
    spec: &'a Spec,
    views: &'a [&ProcessView],
    on: &'a Name,
) -> impl Iterator<Item = &'a &'a ProcessView> {
    views.iter().filter(move |view| members(spec, on).contains(&&view.process))
}

/// The members of a pool, or the process itself.
fn members<'a>(spec: &'a Spec, on: &'a Name) -> Vec<&'a Name> {
    if spec.pools.contains_key(on) {
        spec.processes
            .values()
            .filter(|one| one.pool.as_ref() == Some(on))
            .map(|one| &one.name)
            .collect()
    } else {
        vec![on]
    }
}

/// Whether `one` needs `other`, directly or not.
pub(in crate::machine::tests) fn needs_it(spec: &Spec, one: &Name, other: &Name) -> bool {
    let Some(one) = spec.processes.get(one) else { return false };
    one.depends_on.keys().any(|on| {
        let mut members = members(spec, on).into_iter();
        on == other || members.any(|name| name == other || needs_it(spec, name, other))
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
        // An admitted member is in no file: it belongs to its pool.
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
        // A change during a pre-restart run starts it again as soon as it has ended.
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
