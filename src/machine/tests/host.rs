//! A scripted host for the machine.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::project::ms;
use crate::machine::{Effect, Fact, Moment, ProbeRequest, ProcessId, RunId};
use crate::spec::{
    CheckRole, Exit, Name, Probe, ProbeResult, Signal, StartError, StartErrorKind, Stray,
};

#[derive(Clone, Debug)]
pub(super) struct Script {
    /// The answer to a spawn, after this long.
    pub(super) spawn_after: Duration,
    pub(super) spawn: Result<(), StartErrorKind>,
    /// Ends by itself this long after exec.
    pub(super) exit: Option<(Duration, Exit)>,
    pub(super) on_stop: OnStop,
    pub(super) on_kill: OnKill,
    /// How long strays stay after the leader; until they are killed if this is long.
    pub(super) strays: Option<Duration>,
    /// When it printed last, after exec.
    pub(super) last_output: Duration,
    /// What its probes answer, one after the other; the last is repeated.
    pub(super) ready: Vec<Reply>,
    pub(super) health: Vec<Reply>,
    /// When it prints the line, or reports readiness, after exec.
    pub(super) speaks: Option<Duration>,
}

/// The result of a probe and its delay; `None` if it never answers.
pub(super) type Reply = Option<(Duration, bool)>;

/// The answer of every probe from now on.
pub(super) fn always(good: bool) -> Vec<Reply> {
    vec![Some((ms(1), good))]
}

/// Answers of one probe each, the last one repeated.
pub(super) fn replies(all: &[bool]) -> Vec<Reply> {
    all.iter().map(|good| Some((ms(1), *good))).collect()
}

/// The reaction of a run to a stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum OnStop {
    /// Goes after this long, by the signal it was sent.
    After(Duration),
    Ignore,
}

/// What a run does when it is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum OnKill {
    After(Duration),
    Never,
}

/// Runs until it is stopped, and ends quickly then.
pub(super) fn willing() -> Script {
    Script {
        spawn_after: ms(1),
        spawn: Ok(()),
        exit: None,
        on_stop: OnStop::After(ms(10)),
        on_kill: OnKill::After(ms(1)),
        strays: None,
        last_output: ms(0),
        ready: always(true),
        health: always(true),
        speaks: Some(ms(5)),
    }
}

/// Ends by itself with this code.
pub(super) fn exits(after: Duration, code: i32) -> Script {
    Script { exit: Some((after, Exit::Code(code))), ..willing() }
}

/// Goes only when it is killed.
pub(super) fn stubborn() -> Script {
    Script { on_stop: OnStop::Ignore, ..willing() }
}

/// Does not even go when it is killed, or only after this long.
pub(super) fn immortal(dies: Option<Duration>) -> Script {
    let on_kill = dies.map_or(OnKill::Never, OnKill::After);
    Script { on_stop: OnStop::Ignore, on_kill, ..willing() }
}

pub(super) fn unstartable(kind: StartErrorKind) -> Script {
    Script { spawn: Err(kind), ..willing() }
}

/// A process that outlives its leader.
pub(super) fn stray() -> Stray {
    Stray { pid: 4242, command: "stray".to_owned() }
}

#[derive(Debug)]
struct Live {
    script: Script,
    port: Option<u16>,
    /// The leader ended like this, and strays are left.
    gone: Option<Exit>,
    /// What is planned for it: only the latest plan is carried out.
    plan: u64,
}

/// All runs, and the facts that they will report.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// By the process: what its runs do; the last one is repeated.
    pub(super) scripts: HashMap<ProcessId, Vec<Script>>,
    /// Those that speak by a line of their output.
    prints: HashSet<ProcessId>,
    live: HashMap<RunId, Live>,
    agenda: BTreeMap<(Moment, u64), (RunId, Act)>,
    count: u64,
    /// Ports on which others listen, and until when.
    pub(super) taken: HashMap<u16, Moment>,
    /// The ports in effect of all processes.
    pub(super) reserved: HashMap<ProcessId, u16>,
    pub(super) signals: Vec<(RunId, Signal)>,
    /// The notices for the user.
    pub(super) notices: Vec<(Name, String)>,
}

#[derive(Debug, Clone)]
enum Act {
    Answer,
    LeaderGone(Exit),
    AllGone,
    Quiet,
    Probed(CheckRole, u32, bool),
    PortChecked(Vec<u16>),
    Speak(Speech),
}

#[derive(Debug, Clone, Copy)]
enum Speech {
    Line,
    Notify,
}

impl Host {
    fn plan(&mut self, at: Moment, run: RunId, act: Act) {
        self.count += 1;
        if matches!(act, Act::LeaderGone(_) | Act::AllGone)
            && let Some(live) = self.live.get_mut(&run)
        {
            live.plan = self.count;
        }
        self.agenda.insert((at, self.count), (run, act));
    }

    /// When it reports the next fact.
    pub(super) fn next(&self) -> Option<Moment> {
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn perform(&mut self, now: Moment, effect: &Effect) {
        match effect {
            Effect::Spawn { run, port, spec, .. } => {
                match spec.ready.as_ref().map(|check| &check.probe) {
                    Some(Probe::Log(_)) => _ = self.prints.insert(run.process),
                    _ => _ = self.prints.remove(&run.process),
                }
                let scripts = self.scripts.get(&run.process);
                let script = scripts
                    .and_then(|all| all.get(run.run as usize - 1).or_else(|| all.last()).cloned());
                let script = script.unwrap_or_else(willing);
                let after = script.spawn_after;
                self.live.insert(*run, Live { script, port: *port, gone: None, plan: 0 });
                self.plan(now + after, *run, Act::Answer);
            }
            Effect::Stop { run, spec } => {
                if let Some(Live { script: Script { on_stop: OnStop::After(t), .. }, gone, .. }) =
                    self.live.get(run)
                    && gone.is_none()
                {
                    let (at, signal) = (now + *t, spec.stop.signal);
                    self.plan(at, *run, Act::LeaderGone(Exit::Signal(signal)));
                }
            }
            Effect::Kill { run } => {
                let Some(live) = self.live.get(run) else { return };
                if let OnKill::After(t) = live.script.on_kill {
                    self.plan(now + t, *run, Act::AllGone);
                } else {
                    // Either the leader ends or nothing does; strays never end.
                    self.plan(now + ms(1_000_000_000), *run, Act::AllGone);
                }
            }
            Effect::Signal { run, signal } => self.signals.push((*run, *signal)),
            Effect::Notice { about, text } => self.notices.push((about.clone(), text.clone())),
            Effect::Probe(ProbeRequest { run, which, number, .. }) => {
                let Some(live) = self.live.get(run) else { return };
                let replies = match which {
                    CheckRole::Ready => &live.script.ready,
                    CheckRole::Health => &live.script.health,
                };
                let reply = replies.get(*number as usize - 1).or_else(|| replies.last());
                if let Some(Some((after, good))) = reply {
                    self.plan(now + *after, *run, Act::Probed(*which, *number, *good));
                }
            }
            Effect::CheckPort { run, ports } => {
                self.count += 1;
                let key = (now + ms(1), self.count);
                self.agenda.insert(key, (*run, Act::PortChecked(ports.clone())));
            }
            // A probe may answer after it was cancelled.
            Effect::CheckRestart { .. }
            | Effect::CancelProbes { .. }
            | Effect::UpdateSpec { .. }
            | Effect::MemberRemoved { .. } => {}
            Effect::QueryLastOutput { run } => self.plan(now, *run, Act::Quiet),
        }
    }

    /// Its facts that are due; `started` returns the start of a run.
    pub(super) fn tell(&mut self, started: &HashMap<RunId, Moment>) -> Option<Fact> {
        let ((now, count), (run, act)) = self.agenda.pop_first()?;
        if let Act::Probed(which, number, good) = act {
            let answer = if good { ProbeResult::good("yes") } else { ProbeResult::bad("no") };
            return Some(Fact::Probed { run, which, number, answer });
        }
        if let Act::PortChecked(ports) = act {
            let is_other = |id: ProcessId| id != run.process;
            let is_taken = |port: u16| {
                self.taken.get(&port).is_some_and(|until| *until > now)
                    || self
                        .live
                        .iter()
                        .any(|(run, live)| is_other(run.process) && live.port == Some(port))
            };
            let is_reserved =
                |port: u16| self.reserved.iter().any(|(id, other)| is_other(*id) && *other == port);
            let holder = ports.first().filter(|port| is_taken(**port));
            let holder = holder.map(|_| "python3 (pid 7)".to_owned());
            let is_free = |(index, port): &(usize, u16)| {
                !is_taken(*port) && (*index == 0 || !is_reserved(*port))
            };
            let free = ports.iter().copied().enumerate().find(is_free).map(|(_, port)| port);
            return Some(Fact::PortChecked { run, ports, free, holder });
        }
        let live = self.live.get_mut(&run)?;
        match act {
            Act::Probed(..) | Act::PortChecked(_) => None,
            Act::Speak(Speech::Line) => Some(Fact::Matched { run, line: "up".to_owned() }),
            Act::Speak(Speech::Notify) => {
                Some(Fact::Notified { run, ready: true, status: Some("here".to_owned()) })
            }
            Act::Answer => Some(self.answer(now, run)),
            Act::Quiet => {
                let since = started.get(&run).copied()? + live.script.last_output;
                Some(Fact::LastOutput { run, since: since.min(now) })
            }
            Act::LeaderGone(_) | Act::AllGone if live.plan != count => None,
            Act::LeaderGone(exit) => match live.script.strays {
                None => {
                    self.live.remove(&run);
                    Some(Fact::Exited { run, exit, strays: Vec::new(), note: None })
                }
                Some(stay) => {
                    live.gone = Some(exit);
                    self.plan(now + stay, run, Act::AllGone);
                    Some(Fact::Lingering { run, exit: Some(exit), left: vec![stray()] })
                }
            },
            Act::AllGone => {
                let strays = if live.gone.is_some() { vec![stray()] } else { Vec::new() };
                let exit = live.gone.unwrap_or(Exit::Signal(Signal::KILL));
                self.live.remove(&run);
                Some(Fact::Exited { run, exit, strays, note: None })
            }
        }
    }

    fn answer(&mut self, now: Moment, run: RunId) -> Fact {
        let script = self.live.get(&run).map_or_else(willing, |live| live.script.clone());
        if let Err(kind) = script.spawn {
            self.live.remove(&run);
            let message = format!("{kind:?}");
            return Fact::SpawnFailed { run, error: StartError { kind, message } };
        }
        if let Some((after, exit)) = script.exit {
            self.plan(now + after, run, Act::LeaderGone(exit));
        }
        if let Some(after) = script.speaks {
            let is_log = self.prints.contains(&run.process);
            let speech = if is_log { Speech::Line } else { Speech::Notify };
            self.plan(now + after, run, Act::Speak(speech));
        }
        Fact::Spawned { run, pid: 1000 + run.process.0 as u32 * 100 + run.run }
    }

    /// Every run that is there, in the process table.
    pub(super) fn alive(&self) -> impl Iterator<Item = RunId> {
        self.live.keys().copied()
    }
}
