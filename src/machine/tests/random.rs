//! Random worlds: any graph, policy, host, and intents at any time. The laws are checked after
//! every step, and every shutdown ends.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::edits::{Edit, edited, edits};
use super::host::{Script, willing};
use super::project::{Draft, follows, ms, needs, project, s};
use super::{Input, Intent, Moment, ProcessId, ShutdownReason, World};
use crate::machine::{Fact, Retention, RunId, SupervisorOptions};
use crate::spec::{
    Check, CheckRole, Condition, Exit, OnFailure, PortBusy, ProbeResult, ProcessSpec, Restart,
    ShutdownOn, Signal, StartErrorKind, WatchAction, WatchSpec,
};

mod scripts;

pub(super) use scripts::check;
use scripts::{PortDraft, port, script};
pub(super) use scripts::{port_busy, port_of};

/// One process or job before it has a name.
#[derive(Clone, Debug)]
struct Member {
    /// Dependency on the process at this distance before it: condition, and whether it follows its restarts.
    needs: Vec<(usize, Condition, bool)>,
    needs_pool: Option<Condition>,
    place: Place,
    restart: Restart,
    attempts: Option<u32>,
    initial: Duration,
    grace: Duration,
    timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    shutdown_on: ShutdownOn,
    autostart: bool,
    watch: Option<Act>,
    ready: Option<Check>,
    health: Option<Check>,
    port: Option<PortDraft>,
    scripts: Vec<Script>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Plain,
    Replicas(u32),
    InPool,
    Job,
}

/// What a change of its files does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Restart,
    Signal,
    /// The process at this distance before it is its pre-restart run.
    Run(usize),
}

#[derive(Clone, Debug)]
enum Happening {
    /// The file is something else.
    Reload(Vec<Edit>),
    /// Files of this one have changed, so long ago.
    Change(usize, Duration),
    Pass(u8),
    Wait(Duration),
    Start(Vec<usize>),
    Stop(Vec<usize>),
    Kill(Vec<usize>),
    Restart(Vec<usize>),
    Signal(usize),
    /// An unrequested fact about some run, true or not.
    Rumour(usize, u32, u8),
    /// Admits and starts an ad-hoc process, with or without the pool and with either retention.
    Come {
        in_pool: bool,
        stays: bool,
        priority: i32,
        delay: Duration,
        script: Script,
    },
    Withdraw(Vec<usize>),
    /// This number of replicas of the process of this replica.
    #[cfg_attr(not(feature = "control"), expect(dead_code, reason = "scaled over the socket"))]
    Scale(usize, u32),
    Pause,
    Resume,
    Shutdown,
    ShutdownNow,
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(ms(0)), Just(ms(1)), Just(ms(40)), Just(ms(250)), Just(s(1)), Just(s(5))]
}

fn maybe<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.25, strategy)
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        1 => Just(Condition::Started),
        3 => Just(Condition::Ready),
        1 => Just(Condition::Succeeded),
        1 => Just(Condition::Completed)
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![3 => Just(Act::Restart), 1 => Just(Act::Signal), 2 => (1_usize..5).prop_map(Act::Run)]
}

fn member() -> impl Strategy<Value = Member> {
    let place = prop_oneof![
        4 => Just(Place::Plain),
        1 => (1_u32..4).prop_map(Place::Replicas),
        1 => Just(Place::InPool),
        3 => Just(Place::Job)
    ];
    let restart =
        prop_oneof![Just(Restart::Never), Just(Restart::OnFailure), Just(Restart::Always)];
    let shutdown_on = prop_oneof![12 => Just(ShutdownOn::Never), 1 => Just(ShutdownOn::Failure), 1 => Just(ShutdownOn::Exit)];
    let needs = proptest::collection::vec((1_usize..5, condition(), any::<bool>()), 0..3);
    (
        (needs, maybe(condition()), place, restart, maybe(0_u32..4)),
        (duration(), duration(), maybe(duration()), maybe(duration()), shutdown_on),
        (prop::bool::weighted(0.85), maybe(act()), proptest::collection::vec(script(), 1..4)),
        (proptest::option::weighted(0.4, check()), maybe(check()), maybe(port())),
    )
        .prop_map(
            |(
                (needs, needs_pool, place, restart, attempts),
                rest,
                (autostart, watch, scripts),
                (ready, health, port),
            )| {
                let (initial, grace, timeout, idle_timeout, shutdown_on) = rest;
                Member {
                    needs,
                    needs_pool,
                    place,
                    restart,
                    attempts,
                    initial,
                    grace,
                    timeout,
                    idle_timeout,
                    shutdown_on,
                    autostart,
                    watch,
                    ready,
                    health: health.filter(|check| check.probe.kind().is_probed()),
                    port,
                    scripts,
                }
            },
        )
}

fn happening() -> impl Strategy<Value = Happening> {
    let some = || proptest::collection::vec(0_usize..24, 1..4);
    prop_oneof![
        12 => (1_u8..8).prop_map(Happening::Pass),
        4 => duration().prop_map(|time| Happening::Wait(time.min(s(1)))),
        3 => some().prop_map(Happening::Start),
        4 => some().prop_map(Happening::Stop),
        2 => some().prop_map(Happening::Kill),
        5 => some().prop_map(Happening::Restart),
        1 => (0_usize..24).prop_map(Happening::Signal),
        2 => (0_usize..24, 0_u32..4, 0_u8..10).prop_map(|(a, b, c)| Happening::Rumour(a, b, c)),
        3 => (any::<bool>(), prop::bool::weighted(0.2), -1_i32..2, duration(), script()).prop_map(
            |(in_pool, stays, priority, delay, script)| Happening::Come {
                in_pool, stays, priority, delay, script
            }),
        6 => (0_usize..24, duration()).prop_map(|(a, ago)| Happening::Change(a, ago)),
        4 => edits().prop_map(Happening::Reload),
        1 => some().prop_map(Happening::Withdraw),
        3 => (0_usize..24, 0_u32..5).prop_map(|(pick, count)| Happening::Scale(pick, count)),
        1 => Just(Happening::Pause),
        2 => Just(Happening::Resume),
        1 => Just(Happening::Shutdown),
        1 => Just(Happening::ShutdownNow),
    ]
}

/// Suspended early, so that it happens.
fn usual_watch() -> WatchSpec {
    WatchSpec { suspend_after: 3, ..WatchSpec::default() }
}

/// The members of the pool come before everything that depends on it, so that there is no circle.
fn draft(members: &[Member], slots: u32, on_failure: OnFailure) -> Draft {
    let mut draft = project().pool("p", slots, |pool| pool.on_failure = on_failure);
    for (index, member) in members.iter().enumerate() {
        let set = |spec: &mut ProcessSpec| {
            for (back, condition, restart) in &member.needs {
                let Some(on) = index.checked_sub(*back) else { continue };
                let add = if *restart { follows } else { needs };
                add(spec, &format!("m{on}"), *condition);
            }
            let is_in_pool = matches!(member.place, Place::Job | Place::InPool);
            if let (Some(condition), false) = (member.needs_pool, is_in_pool) {
                needs(spec, "p", condition);
            }
            spec.restart = member.restart;
            spec.retry.attempts = member.attempts;
            // At least this long, so that a crash loop takes few steps.
            spec.retry.initial = member.initial.max(ms(200));
            spec.stop.grace = member.grace;
            spec.timeout = member.timeout;
            spec.idle_timeout = member.idle_timeout.map(|limit| limit.max(ms(1)));
            spec.shutdown_on = member.shutdown_on;
            spec.autostart = member.autostart;
            let action = member.watch.and_then(|act| match act {
                Act::Restart => Some(WatchAction::Restart),
                Act::Signal => Some(WatchAction::Signal(Signal::HUP)),
                Act::Run(back) => {
                    Some(WatchAction::Run(format!("m{}", index.checked_sub(back)?).as_str().into()))
                }
            });
            let watch = action.filter(|_| member.place != Place::Job);
            spec.watch = watch.map(|action| Arc::new(WatchSpec { action, ..usual_watch() }));
            (spec.ready, spec.health) = (member.ready.clone(), member.health.clone());
            if let Some(port) = member.port {
                (spec.port, spec.port_busy) = (Some(port_of(index)), port.busy);
            }
            match member.place {
                Place::Plain | Place::Job => {}
                Place::Replicas(count) => spec.replicas = Some(count),
                Place::InPool => spec.pool = Some("p".into()),
            }
        };
        let name = format!("m{index}");
        draft = match member.place {
            Place::Job => draft.job("p", &name, set),
            Place::Plain | Place::Replicas(_) | Place::InPool => draft.process(&name, set),
        };
    }
    draft
}

fn world_of(
    mut members: Vec<Member>,
    slots: u32,
    halts: bool,
    options: SupervisorOptions,
) -> World {
    let in_pool = [Place::InPool, Place::Job];
    members.sort_by_key(|member| Reverse(in_pool.iter().position(|place| *place == member.place)));
    let on_failure = if halts { OnFailure::Stop } else { OnFailure::Continue };
    let spec = draft(&members, slots, on_failure).spec();
    let mut world = World::new(spec, options);
    for (index, member) in members.iter().enumerate() {
        world = world.script(&format!("m{index}"), member.scripts.clone());
        if let Some(port) = member.port {
            world.host.taken.insert(port_of(index), Moment::after_start(port.taken_for));
        }
    }
    world
}

fn happen(world: &mut World, happening: &Happening) {
    let all: Vec<ProcessId> = world.machine.names().map(|(id, _)| id).collect();
    let ids = |picks: &[usize]| -> Vec<ProcessId> {
        picks.iter().filter_map(|pick| all.get(pick % all.len().max(1)).copied()).collect()
    };
    let intent = match happening {
        Happening::Pass(times) => return (0..*times).for_each(|_| world.pass()),
        Happening::Wait(time) => return world.advance(*time),
        Happening::Rumour(pick, run, kind) => {
            let Some(id) = ids(&[*pick]).first().copied() else { return };
            return rumour(world, id, *run, *kind);
        }
        Happening::Come { in_pool, stays, priority, delay, script } => {
            let pool = in_pool.then_some("p");
            let retention = if *stays { Retention::Keep } else { Retention::RemoveOnExit };
            world.admit(
                pool,
                |one| {
                    (one.retention, one.priority, one.delay) = (retention, *priority, *delay);
                },
                script.clone(),
            );
            return;
        }
        #[cfg(not(feature = "control"))]
        Happening::Scale(..) => return,
        #[cfg(feature = "control")]
        Happening::Scale(pick, count) => {
            let Some(id) = ids(&[*pick]).first().copied() else { return };
            let name = world.machine.process_of(id).map(ToString::to_string);
            return world.scale(&name.unwrap_or_default(), *count);
        }
        Happening::Change(pick, ago) => {
            let Some(id) = ids(&[*pick]).first().copied() else { return };
            let process = world.machine.process_of(id).unwrap().clone();
            // Due timers first, so that their effects are not mixed up with those of the change.
            world.input(Input::Tick);
            return world.change_before(process.as_str(), *ago);
        }
        Happening::Reload(edits) => {
            let spec = edited(world.machine.spec(), edits);
            return world.reload(spec);
        }
        Happening::Withdraw(picks) => Intent::CancelUnstarted(ids(picks)),
        Happening::Pause => Intent::PausePool("p".into()),
        Happening::Resume => Intent::ResumePool("p".into()),
        Happening::Start(picks) => Intent::Start(ids(picks)),
        Happening::Stop(picks) => Intent::Stop(ids(picks)),
        Happening::Kill(picks) => Intent::Kill(ids(picks)),
        Happening::Restart(picks) => Intent::Restart(ids(picks)),
        Happening::Signal(pick) => Intent::Signal(ids(&[*pick]), Signal::HUP),
        Happening::Shutdown => Intent::Shutdown(ShutdownReason::Signal(Signal::TERM)),
        Happening::ShutdownNow => Intent::ShutdownNow(ShutdownReason::Asked),
    };
    world.input(Input::Intent(intent));
}

/// Tells something about a run that is over, or was never there: nothing may follow.
fn rumour(world: &mut World, process: ProcessId, back: u32, kind: u8) {
    let snapshot = world.machine.snapshot(world.now);
    let Some(view) = snapshot.get(process) else { return };
    let dead = view.run.checked_sub(back + 1).filter(|run| *run > 0).unwrap_or(view.run + 1);
    let run = RunId { process, run: dead };
    if world.host.alive().any(|alive| alive == run) {
        return;
    }
    let fact = match kind {
        0 => Fact::Spawned { run, pid: 1 },
        1 => Fact::Exited { run, exit: Exit::Code(0), strays: Vec::new(), note: None },
        2 => Fact::Lingering { run, exit: Some(Exit::Code(0)), left: Vec::new() },
        3 => Fact::LastOutput { run, since: Moment::default() },
        4 => Fact::Probed {
            run,
            which: CheckRole::Ready,
            number: 1,
            answer: ProbeResult::good("yes"),
        },
        5 => Fact::Probed {
            run,
            which: CheckRole::Health,
            number: 1,
            answer: ProbeResult::bad("no"),
        },
        6 => Fact::Matched { run, line: "up".to_owned() },
        7 => Fact::Notified { run, ready: true, status: None },
        // The next run may be waiting for this answer.
        8 if dead <= view.run => {
            let port = view.port.unwrap_or(3000);
            Fact::PortChecked { run, ports: vec![port], free: Some(port), holder: None }
        }
        _ => {
            let (kind, message) = (StartErrorKind::Other, String::new());
            Fact::SpawnFailed { run, error: crate::spec::StartError { kind, message } }
        }
    };
    world.input(Input::Tick);
    let (before, count) = (world.states(), world.events.len());
    world.input(Input::Fact(fact));
    assert_eq!((before, count), (world.states(), world.events.len()), "{run} is dead");
}

/// How long quitting may take: a spawn to be answered, then each level its grace and 2 s.
fn bound(world: &World) -> Duration {
    let specs = world.machine.spec().processes.values();
    let grace = specs.clone().map(|spec| spec.stop.grace).max().unwrap_or_default();
    // Admitted members have the default grace period and no dependants.
    s(6) + (grace + s(2)) * (specs.count() as u32) + if world.admitted > 0 { s(12) } else { s(0) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_shrink_time: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_in_any_world_and_quitting_always_ends(
        members in proptest::collection::vec(member(), 1..9),
        slots in 1_u32..4,
        halts in any::<bool>(),
        (keep, fail_fast, dependencies) in
            (any::<bool>(), prop::bool::weighted(0.1), prop::bool::weighted(0.9)),
        happenings in proptest::collection::vec(happening(), 0..60),
        seed in any::<u64>(),
    ) {
        let mut world = world_of(members, slots, halts, SupervisorOptions { keep, fail_fast, seed, ..SupervisorOptions::default() });
        world.laws.as_mut().unwrap().ignores_dependencies = !dependencies;
        let chosen = world.machine.autostart();
        world.begin_with(&chosen, dependencies);
        for happening in &happenings {
            happen(&mut world, happening);
        }
        world.now = world.now + s(1);
        world.input(Input::Tick);
        world.shutdown();
        let most = bound(&world);
        world.run_out(most);
        assert_eq!(world.count_of("project_stopped"), 1);
    }

    #[test]
    fn killing_ends_within_two_seconds_of_the_last_spawn(
        members in proptest::collection::vec(member(), 1..9),
        happenings in proptest::collection::vec(happening(), 0..30),
    ) {
        let mut world = world_of(members, 2, false, SupervisorOptions { keep: true, ..SupervisorOptions::default() });
        let chosen = world.machine.autostart();
        world.begin_with(&chosen, true);
        for happening in &happenings {
            happen(&mut world, happening);
        }
        world.input(Input::Tick);
        world.input(Input::Intent(Intent::ShutdownNow(ShutdownReason::Asked)));
        world.run_out(s(7));
    }

    #[test]
    fn a_project_of_well_behaved_processes_becomes_ready(
        members in proptest::collection::vec(member(), 1..9),
    ) {
        let mut members = members;
        for member in &mut members {
            member.scripts = vec![willing()];
            if let Some(port) = &mut member.port {
                port.busy = PortBusy::Wait;
            }
            (member.timeout, member.idle_timeout, member.needs_pool) = (None, None, None);
            if let Some(check) = &mut member.ready {
                check.timeout = None;
            }
            for need in &mut member.needs {
                need.1 = Condition::Ready;
            }
        }
        let mut world = world_of(members, 99, false, SupervisorOptions::default());
        let chosen = world.machine.autostart();
        world.begin_with(&chosen, true);
        world.advance(s(60));
        for view in world.machine.snapshot(world.now).processes {
            let is_up = view.state == super::StateName::Ready;
            assert!(is_up || !chosen.contains(&view.id), "{} is {:?}", view.name, view.state);
        }
    }
}
