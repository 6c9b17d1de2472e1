//! Random changes of a file.

use std::sync::Arc;

use proptest::prelude::*;

use super::laws::graph::needs_it;
use super::project::{ms, process, s};
use super::random::{check, port_busy, port_of};
use crate::spec::{
    Check, CommandLine, Condition, Dependency, PortBusy, ProcessKind, ProcessSpec, Spec,
    WatchAction, WatchSpec,
};

/// One change; numbers are taken round the end.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Remove(usize),
    Add(u32),
    Command(usize, u32),
    Limits(usize, bool),
    Replicas(usize, Option<u32>),
    Pool(usize, bool),
    Needs(usize, usize),
    NoNeeds(usize),
    Slots(u32),
    Watch(usize, bool),
    Ready(usize, Option<Check>),
    Health(usize, Option<Check>),
    /// Another port for its next run, or no port.
    Port(usize, Option<(bool, PortBusy)>),
}

pub(super) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let one = || 0_usize..16;
    let edit = prop_oneof![
        3 => one().prop_map(Edit::Remove),
        3 => (0_u32..3).prop_map(Edit::Add),
        4 => (one(), 0_u32..3).prop_map(|(a, b)| Edit::Command(a, b)),
        2 => (one(), any::<bool>()).prop_map(|(a, b)| Edit::Limits(a, b)),
        2 => (one(), proptest::option::of(1_u32..4)).prop_map(|(a, b)| Edit::Replicas(a, b)),
        2 => (one(), any::<bool>()).prop_map(|(a, b)| Edit::Pool(a, b)),
        2 => (one(), one()).prop_map(|(a, b)| Edit::Needs(a, b)),
        1 => one().prop_map(Edit::NoNeeds),
        1 => (1_u32..4).prop_map(Edit::Slots),
        1 => (one(), any::<bool>()).prop_map(|(a, b)| Edit::Watch(a, b)),
        3 => (one(), proptest::option::of(check())).prop_map(|(a, b)| Edit::Ready(a, b)),
        2 => (one(), proptest::option::of(check())).prop_map(|(a, b)| Edit::Health(a, b)),
        2 => (one(), proptest::option::of((any::<bool>(), port_busy())))
            .prop_map(|(a, b)| Edit::Port(a, b)),
    ];
    proptest::collection::vec(edit, 0..6)
}

/// The file with these changes, still without a mistake.
pub(super) fn edited(spec: &Spec, edits: &[Edit]) -> Spec {
    let mut spec = spec.clone();
    for edit in edits {
        apply(&mut spec, edit.clone());
    }
    mend(&mut spec);
    spec
}

fn apply(spec: &mut Spec, edit: Edit) {
    let count = spec.processes.len().max(1);
    match edit {
        Edit::Remove(one) => {
            let gone = spec.processes.shift_remove_index(one % count);
            for pool in spec.pools.values_mut() {
                let left = |name: &_| gone.as_ref().is_none_or(|(gone, _)| gone != name);
                Arc::make_mut(pool).jobs.retain(left);
            }
        }
        Edit::Add(number) => {
            let name = format!("n{number}");
            let new = process(&name, ProcessKind::Process);
            spec.processes.entry(name.as_str().into()).or_insert_with(|| Arc::new(new));
        }
        Edit::Slots(slots) => {
            for pool in spec.pools.values_mut() {
                Arc::make_mut(pool).concurrency = slots;
            }
        }
        Edit::Needs(one, on) => {
            // Only on earlier processes, so that there is no cycle.
            let (one, on) = (one % count, on % count);
            let Some((name, _)) = spec.processes.get_index(on.min(one)) else { return };
            let name = name.clone();
            if on < one {
                change(spec, one, |process| {
                    let needs = Dependency { condition: Condition::Ready, restart: true };
                    process.depends_on.insert(name, needs);
                });
            }
        }
        Edit::Command(one, to) => change(spec, one, |process| {
            process.command = CommandLine::Argv(vec![to.to_string()]);
        }),
        Edit::Limits(one, on) => change(spec, one, |process| {
            process.timeout = on.then(|| s(2));
            process.idle_timeout = (!on).then(|| s(3));
            process.stop.grace = ms(40);
        }),
        Edit::Replicas(one, replicas) => change(spec, one, |process| {
            if process.kind == ProcessKind::Process {
                process.replicas = replicas;
            }
        }),
        Edit::Pool(one, on) => change(spec, one, |process| {
            if process.kind == ProcessKind::Process {
                process.pool = on.then(|| "p".into());
            }
        }),
        Edit::Port(one, port) => change(spec, one, |process| {
            process.port =
                port.map(|(is_other, _)| port_of(one % count + if is_other { 100 } else { 0 }));
            process.port_busy = port.map(|(_, busy)| busy).unwrap_or_default();
        }),
        Edit::NoNeeds(one) => change(spec, one, |process| process.depends_on.clear()),
        Edit::Ready(one, check) => change(spec, one, |process| process.ready = check),
        Edit::Health(one, check) => change(spec, one, |process| {
            if process.kind == ProcessKind::Process {
                process.health = check.filter(|check| check.probe.kind().is_probed());
            }
        }),
        Edit::Watch(one, on) => change(spec, one, |process| {
            if process.kind == ProcessKind::Process {
                process.watch = on.then(|| Arc::new(WatchSpec::default()));
            }
        }),
    }
}

fn change(spec: &mut Spec, one: usize, set: impl FnOnce(&mut ProcessSpec)) {
    let count = spec.processes.len().max(1);
    if let Some((_, process)) = spec.processes.get_index_mut(one % count) {
        set(Arc::make_mut(process));
    }
}

/// Takes out what names something that is gone, and what depends on a pool that needs itself.
fn mend(spec: &mut Spec) {
    let known: Vec<_> = spec.processes.keys().chain(spec.pools.keys()).cloned().collect();
    let circular = spec.pools.keys().filter(|pool| {
        let mut members =
            spec.processes.values().filter(|process| process.pool.as_ref() == Some(*pool));
        members.any(|member| needs_it(spec, &member.name, pool))
    });
    let circular: Vec<_> = circular.cloned().collect();
    for process in spec.processes.values_mut() {
        let process = Arc::make_mut(process);
        process.depends_on.retain(|on, _| known.contains(on) && !circular.contains(on));
        let lost = |watch: &&Arc<WatchSpec>| match &watch.action {
            WatchAction::Run(first) => !known.contains(first),
            WatchAction::Restart | WatchAction::Signal(_) => false,
        };
        if process.watch.as_ref().is_some_and(|watch| lost(&watch)) {
            process.watch = None;
        }
    }
}
