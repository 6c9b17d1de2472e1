//! Changes each key of a process in each state: which processes restart because of it, and that
//! everything else continues.

use std::path::PathBuf;
use std::sync::Arc;

use super::checks::asked;
use super::host::{OnStop, exits, replies, willing};
use super::project::{Draft, needs, project, retried, s};
use super::{Script, StateName, World};
use crate::machine::SupervisorOptions;
use crate::spec::{
    Check, ColorMode, CommandLine, Condition, Environment, LogPolicy, OutputPattern, PortBusy,
    Probe, ProcessSpec, Restart, ShutdownOn, Signal, StartErrorKind, StdinKind, StopPolicy,
    WatchSpec,
};

/// A state of a process, and the steps that bring it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Idle,
    Waiting,
    Queued,
    Spawning,
    /// It is up, and not ready.
    Starting,
    Ready,
    Unhealthy,
    /// Its leader has ended by itself, and something of its tree is left.
    Ending,
    /// Manually.
    Stopping,
    /// Manually.
    Restarting,
    Backoff,
    Stopped,
    Succeeded,
    Failed,
    GaveUp,
    CannotStart,
    Skipped,
}

use Place::{
    Backoff, CannotStart, Ending, Failed, GaveUp, Idle, Queued, Ready, Restarting, Skipped,
    Spawning, Starting, Stopped, Stopping, Succeeded, Unhealthy, Waiting,
};

const PLACES: [Place; 17] = [
    Idle,
    Waiting,
    Queued,
    Spawning,
    Starting,
    Ready,
    Unhealthy,
    Ending,
    Stopping,
    Restarting,
    Backoff,
    Stopped,
    Succeeded,
    Failed,
    GaveUp,
    CannotStart,
    Skipped,
];

impl Place {
    fn script(self) -> Script {
        match self {
            Spawning => Script { spawn_after: s(4), ..willing() },
            Starting => Script { speaks: None, ..willing() },
            Unhealthy => Script { ready: replies(&[true, false]), ..willing() },
            Ending => Script { strays: Some(s(60)), ..exits(s(9) + super::project::ms(900), 0) },
            Stopping | Restarting => Script { on_stop: OnStop::After(s(4)), ..willing() },
            Backoff | Failed | GaveUp => exits(s(1), 1),
            Succeeded => exits(s(1), 0),
            CannotStart => Script { spawn: Err(StartErrorKind::ProgramNotFound), ..willing() },
            Idle | Waiting | Queued | Ready | Stopped | Skipped => willing(),
        }
    }

    fn set(self, a: &mut ProcessSpec) {
        match self {
            Idle => a.autostart = false,
            Waiting => needs(a, "stays", Condition::Succeeded),
            Skipped => needs(a, "fails", Condition::Succeeded),
            Queued => a.pool = Some("full".into()),
            Starting => a.ready = Some(Check { probe: line("never"), ..asked() }),
            Unhealthy => a.ready = Some(Check { failures: 1, ..asked() }),
            Backoff => {
                retried(a, 1);
                a.retry.initial = s(100);
                a.retry.max = s(100);
            }
            GaveUp => retried(a, 1),
            Spawning | Ready | Ending | Stopping | Restarting | Stopped | Succeeded | Failed
            | CannotStart => {}
        }
    }

    fn state(self) -> StateName {
        match self {
            Idle => StateName::Idle,
            Waiting => StateName::Waiting,
            Queued => StateName::Queued,
            Spawning | Starting => StateName::Starting,
            Ready => StateName::Ready,
            Unhealthy => StateName::Unhealthy,
            Ending | Stopping | Restarting => StateName::Stopping,
            Backoff => StateName::Backoff,
            Stopped => StateName::Stopped,
            Succeeded => StateName::Succeeded,
            Failed | GaveUp | CannotStart => StateName::Failed,
            Skipped => StateName::Skipped,
        }
    }

    /// Whether it runs, is to run, or has failed to: a new command is a reason
    /// to try.
    fn runs_or_wants_to(self) -> bool {
        match self {
            Spawning | Starting | Ready | Unhealthy | Ending | Backoff | Failed | GaveUp
            | CannotStart => true,
            // It is at rest, or the next run is already requested.
            Idle | Waiting | Queued | Stopping | Restarting | Stopped | Succeeded | Skipped => {
                false
            }
        }
    }

    /// A world in which `a` is there after ten seconds.
    fn world(self) -> World {
        let options = SupervisorOptions { keep: true, ..SupervisorOptions::default() };
        let draft = around(|a| self.set(a));
        let mut w = World::new(draft.spec(), options)
            .script("a", [self.script()])
            .script("fails", [exits(s(1), 1)])
            .begin();
        w.advance(s(if self == Spawning { 0 } else { 10 }));
        match self {
            Stopping => w.stop(&["a"]),
            Restarting => w.restart(&["a"]),
            Stopped => {
                w.stop(&["a"]);
                w.advance(s(1));
            }
            Idle | Waiting | Queued | Spawning | Starting | Ready | Unhealthy | Ending
            | Backoff | Succeeded | Failed | GaveUp | CannotStart | Skipped => {}
        }
        assert_eq!(w.state("a"), self.state(), "{self:?}");
        w
    }
}

fn line(text: &str) -> Probe {
    Probe::Log(OutputPattern::new(text).unwrap())
}

/// `a` and its surroundings.
fn around(set: impl FnOnce(&mut ProcessSpec)) -> Draft {
    let in_full = |one: &mut ProcessSpec| one.pool = Some("full".into());
    project()
        .pool("full", 1, |_| {})
        .pool("crowded", 1, |_| {})
        .process("holds", in_full)
        .process("crowds", |one| one.pool = Some("crowded".into()))
        .plain("stays")
        .plain("fails")
        .process("a", set)
}

/// What is changed, and whether that is something else to run.
type Change = (&'static str, bool, fn(&mut ProcessSpec));

/// Every field of a process; a new field must be added here.
fn changes() -> Vec<Change> {
    let ProcessSpec {
        name: _,
        kind: _,
        command: _,
        description: _,
        cwd: _,
        env: _,
        port: _,
        port_busy: _,
        url: _,
        color: _,
        stdin: _,
        tty: _,
        hangs_up: _,
        depends_on: _,
        ready: _,
        health: _,
        restart: _,
        retry: _,
        timeout: _,
        idle_timeout: _,
        stop: _,
        success_exit_codes: _,
        replicas: _,
        pool: _,
        autostart: _,
        tags: _,
        shutdown_on: _,
        log: _,
        watch: _,
    } = super::project::process("a", crate::spec::ProcessKind::Process);
    vec![
        ("command", true, |a| a.command = CommandLine::Argv(vec!["b".to_owned()])),
        ("shell", true, |a| {
            a.command = CommandLine::Shell { shell: vec!["sh".to_owned()], script: "a".to_owned() };
        }),
        ("cwd", true, |a| a.cwd = PathBuf::from("/tmp")),
        ("env", true, |a| _ = a.env.set.insert("A".to_owned(), "1".into())),
        ("inherit_env", true, |a| a.env = Environment { inherit: true, ..a.env.clone() }),
        ("port", true, |a| a.port = Some(80)),
        ("stdin", true, |a| a.stdin = StdinKind::Pipe),
        ("tty", true, |a| a.tty = true),
        ("hangs_up", false, |a| a.hangs_up = true),
        ("unset_env of nothing", false, |a| a.env.unset.push("A".to_owned())),
        ("description", false, |a| a.description = Some("x".to_owned())),
        ("url", false, |a| a.url = Some("http://localhost/".to_owned())),
        ("port_busy", false, |a| a.port_busy = PortBusy::Wait),
        ("color", false, |a| a.color = ColorMode::Always),
        ("depends_on", false, |a| needs(a, "stays", Condition::Completed)),
        ("ready", false, |a| a.ready = Some(Check { probe: line("x"), ..asked() })),
        ("health", false, |a| a.health = Some(asked())),
        ("restart", false, |a| a.restart = Restart::Always),
        ("retry", false, |a| a.retry.attempts = Some(9)),
        ("timeout", false, |a| a.timeout = Some(s(1000))),
        ("idle_timeout", false, |a| a.idle_timeout = Some(s(1000))),
        ("stop", false, |a| a.stop = StopPolicy { signal: Signal::INT, ..a.stop.clone() }),
        ("success_exit_codes", false, |a| _ = a.success_exit_codes.insert(1)),
        ("replicas", false, |a| a.replicas = Some(2)),
        ("pool", false, |a| a.pool = Some("crowded".into())),
        ("autostart", false, |a| a.autostart = !a.autostart),
        ("tags", false, |a| _ = a.tags.insert("x".into())),
        ("shutdown_on", false, |a| a.shutdown_on = ShutdownOn::Failure),
        ("log", false, |a| {
            a.log = Some(LogPolicy { file: PathBuf::from("/tmp/a.log"), max_size: 1, keep: 1 });
        }),
        ("watch", false, |a| a.watch = Some(Arc::new(WatchSpec::default()))),
    ]
}

/// Runs of `a`, and where it is in the end.
fn end(w: &mut World) -> (u32, StateName) {
    w.advance(s(20));
    let id = w.ids(&["a"])[0];
    let snapshot = w.machine.snapshot(w.now);
    let view = snapshot.get(id).unwrap();
    (view.run, view.state)
}

#[test]
fn every_key_in_every_state() {
    for place in PLACES {
        let (runs, state) = end(&mut place.world());
        for (key, is_another, change) in changes() {
            let mut w = place.world();
            let new = around(|a| {
                place.set(a);
                change(a);
            });
            let new = new.spec();
            let wanted = Arc::clone(&new.processes["a"]);
            w.reload(new);
            let (now_runs, now_state) = end(&mut w);
            if (place, key) == (Ending, "restart") {
                // The restart policy is evaluated when the run has ended.
                assert!(
                    now_runs > runs
                        && w.take_events("a").iter().all(|event| !event.contains("reload"))
                );
                continue;
            }
            let restarts = is_another && place.runs_or_wants_to();
            let (runs, state) = match (place, key) {
                // It fails again and is retried: its retries were reset.
                (GaveUp, _) if restarts => (runs + 2, state),
                (Backoff, _) if restarts => (runs + 1, state),
                (Queued, "depends_on") => (runs, StateName::Waiting),
                // The requested run now has to wait for a dependency.
                (Restarting, "depends_on") => (runs - 1, StateName::Waiting),
                (Restarting, "pool") => (runs - 1, StateName::Queued),
                // The line of its `log` check is never printed.
                (Spawning | Restarting, "ready") => (runs, now_state),
                _ => (runs + u32::from(restarts), state),
            };
            assert_eq!(now_runs, runs, "{key}, {place:?}");
            assert!(now_state == state || restarts, "{key}, {place:?}: {now_state}");
            if restarts {
                let events = w.take_events("a").join("\n");
                assert!(events.contains(" reload 1"), "{key}, {place:?}: {events}");
            }
            let id = w.ids(&["a"])[0];
            let has = w.machine.specs().find(|(one, _)| *one == id).unwrap().1;
            assert_eq!(has, wanted, "{key}, {place:?}");
            assert!(w.finish().is_none(), "{key}, {place:?}");
        }
    }
}
