//! Random behaviour of runs and their probes.

use std::time::Duration;

use proptest::prelude::*;

use super::super::host::{OnKill, OnStop, Reply, Script};
use super::super::project::{ms, s};
use super::{duration, maybe};
use crate::spec::{
    Check, Endpoint, Exit, OutputPattern, Port, PortBusy, Probe, Signal, StartErrorKind,
};

/// Answers at any time, in any order, or never.
fn replies() -> impl Strategy<Value = Vec<Reply>> {
    let reply = proptest::option::weighted(0.9, (duration(), prop::bool::weighted(0.6)));
    proptest::collection::vec(reply, 1..5)
}

pub(in crate::machine::tests) fn check() -> impl Strategy<Value = Check> {
    let endpoint = Endpoint { host: "localhost".to_owned(), port: Port::Number(1) };
    let probe = prop_oneof![
        5 => Just(Probe::Tcp(endpoint)),
        1 => Just(Probe::Log(OutputPattern::new("up").unwrap())),
        1 => Just(Probe::Notify),
        1 => duration().prop_map(Probe::Delay),
    ];
    (probe, duration(), duration(), maybe(duration()), 1_u32..3, 1_u32..3).prop_map(
        |(probe, interval, initial_delay, timeout, successes, failures)| Check {
            probe,
            // Rarely enough that a world does not consist of probes only.
            interval: interval.max(ms(250)),
            probe_timeout: s(5),
            initial_delay,
            successes,
            failures,
            timeout,
            foreign: false,
        },
    )
}

pub(super) fn script() -> impl Strategy<Value = Script> {
    let spawn = prop_oneof![
        8 => Just(Ok(())),
        1 => Just(Err(StartErrorKind::ResourceLimit)),
        1 => Just(Err(StartErrorKind::ProgramNotFound))
    ];
    let exit = prop_oneof![
        2 => Just(Exit::Code(0)),
        2 => Just(Exit::Code(1)),
        1 => Just(Exit::Signal(Signal::HUP))
    ];
    let on_stop = prop_oneof![4 => duration().prop_map(OnStop::After), 1 => Just(OnStop::Ignore)];
    let on_kill = prop_oneof![
        8 => Just(OnKill::After(ms(1))),
        1 => Just(OnKill::After(s(7))),
        1 => Just(OnKill::Never)
    ];
    let life = (
        duration(),
        spawn,
        maybe((duration(), exit)),
        on_stop,
        on_kill,
        maybe(duration()),
        duration(),
    );
    (life, replies(), replies(), proptest::option::weighted(0.7, duration())).prop_map(
        |(
            (spawn_after, spawn, exit, on_stop, on_kill, strays, last_output),
            ready,
            health,
            speaks,
        )| Script {
            spawn_after: spawn_after.max(ms(1)),
            spawn,
            exit,
            on_stop,
            on_kill,
            strays,
            last_output,
            ready,
            health,
            speaks,
        },
    )
}

/// The port of a process, and for how long another program listens on it.
#[derive(Clone, Copy, Debug)]
pub(in crate::machine::tests) struct PortDraft {
    pub(in crate::machine::tests) busy: PortBusy,
    pub(in crate::machine::tests) taken_for: Duration,
}

pub(super) fn port() -> impl Strategy<Value = PortDraft> {
    (port_busy(), duration()).prop_map(|(busy, taken_for)| PortDraft { busy, taken_for })
}

pub(in crate::machine::tests) fn port_busy() -> impl Strategy<Value = PortBusy> {
    prop_oneof![Just(PortBusy::Fail), Just(PortBusy::Wait), Just(PortBusy::Next)]
}

/// The port of a member: its replicas and their alternatives come before the port of the next one.
pub(in crate::machine::tests) fn port_of(member: usize) -> u16 {
    3000 + member as u16 * 40
}
