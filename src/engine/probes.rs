//! Runs the probes of checks, one task per probe.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use super::environment::{EnvironmentContext, RunLabel, argv};
use crate::machine::{Fact, Moment, ProbeRequest, RunId};
use crate::probe::{ProbeContext, ProbeFailure, ProbedRun, ask};
use crate::spec::{CheckRole, CommandLine, Probe, ProbeResult};
use crate::sys::{Host, Launch, OutputFd, StdinTarget};

/// How long the commands of checks may take to be gone at the end.
const LAST: Duration = Duration::from_secs(3);

/// Checks that have not succeeded yet are asked often. Their commands are started with this time
/// between two of them, over all processes: 1,000 that wait would start 2,300 commands a second
/// (1.4 processors) in the first three seconds otherwise. Fifty that wait notice nothing of it.
const PACE: Duration = Duration::from_millis(2);

pub(super) struct RunningProbes<H> {
    host: Arc<H>,
    surroundings: EnvironmentContext,
    clock: Clock,
    facts: mpsc::UnboundedSender<Fact>,
    /// Dropping one calls it off. Those that are answered are replaced by the next.
    under_way: HashMap<(RunId, CheckRole), oneshot::Sender<()>>,
    /// When the next command of a check that has not succeeded yet may start.
    paced: Moment,
    /// Held by each task as long as it lives.
    alive: (mpsc::Sender<Infallible>, mpsc::Receiver<Infallible>),
}

/// Gives an answer even if the task does not get there.
struct ProbeReply {
    asked: ProbeRequest,
    answer: Option<ProbeResult>,
    facts: mpsc::UnboundedSender<Fact>,
}

impl Drop for ProbeReply {
    fn drop(&mut self) {
        let answer = self.answer.take().unwrap_or_else(|| ProbeResult::bad("called off"));
        let ProbeRequest { run, which, number, .. } = self.asked;
        _ = self.facts.send(Fact::Probed { run, which, number, answer });
    }
}

impl<H: Host> RunningProbes<H> {
    pub(super) fn new(
        host: Arc<H>,
        surroundings: EnvironmentContext,
        clock: Clock,
        facts: mpsc::UnboundedSender<Fact>,
    ) -> Self {
        let (under_way, alive) = (HashMap::new(), mpsc::channel(1));
        Self { host, surroundings, clock, facts, under_way, paced: Moment::default(), alive }
    }

    /// Asks; the answer comes as a fact.
    pub(super) fn begin(&mut self, asked: ProbeRequest) {
        let Some(check) = asked.spec.check(asked.which).cloned() else { return };
        let (call_off, called_off) = oneshot::channel();
        self.under_way.insert((asked.run, asked.which), call_off);
        let launch = match &check.probe {
            Probe::Exec(command) => Some(self.launch(command, &asked)),
            Probe::Http(..)
            | Probe::Tcp(_)
            | Probe::Unix(_)
            | Probe::File(_)
            | Probe::Log(_)
            | Probe::Delay(_)
            | Probe::Notify => None,
        };
        let (host, clock, alive) =
            (Arc::clone(&self.host), self.clock.clone(), self.alive.0.clone());
        let turn = self.turn(launch.is_some() && asked.is_early);
        let mut reply = ProbeReply { asked, answer: None, facts: self.facts.clone() };
        tokio::spawn(async move {
            let (limit, mut called_off) = (check.probe_timeout, called_off);
            if turn.is_some() {
                tokio::select! {
                    _ = &mut called_off => return,
                    () = clock.until(turn) => {}
                }
            }
            let end = async {
                tokio::select! {
                    _ = called_off => ProbeFailure::CalledOff,
                    () = clock.after(limit) => ProbeFailure::TimedOut(limit),
                }
            };
            let ProbeRequest { port: own, leader, spec, .. } = &reply.asked;
            let run =
                (!check.foreign).then(|| ProbedRun { leader: *leader, name: spec.name.as_str() });
            let question = ProbeContext { probe: &check.probe, own: *own, launch, run };
            reply.answer = ask(&*host, question, end).await;
            drop((reply, alive));
        });
    }

    /// When the command of a check may start, if it has to wait for that.
    fn turn(&mut self, is_paced: bool) -> Option<Moment> {
        if !is_paced {
            return None;
        }
        let now = self.clock.now();
        let turn = self.paced.max(now);
        self.paced = turn + PACE;
        (turn > now).then_some(turn)
    }

    /// The command of a check runs as its process does, told apart by `PITCREW_ROLE`.
    fn launch(&self, command: &CommandLine, asked: &ProbeRequest) -> Launch {
        let ProbeRequest { run, which, replica, port, spec, .. } = asked;
        let role = match which {
            CheckRole::Ready => "ready",
            CheckRole::Health => "health",
        };
        let whose =
            RunLabel { spec, replica: *replica, run: run.run, port: *port, role: Some(role) };
        Launch {
            argv: argv(command),
            cwd: spec.cwd.clone(),
            env: self.surroundings.of(whose),
            stdin: StdinTarget::Null,
            stdout: OutputFd::Pipe,
            stderr: OutputFd::Pipe,
            foreground: false,
        }
    }

    /// Nobody waits for the answers of this run any more.
    pub(super) fn end(&mut self, run: RunId) {
        self.under_way.remove(&(run, CheckRole::Ready));
        self.under_way.remove(&(run, CheckRole::Health));
    }

    /// Waits until nothing of any question is left.
    pub(super) async fn finish(&mut self) {
        self.under_way.clear();
        // Without ours, the last sender is that of the last task.
        self.alive.0 = mpsc::channel(1).0;
        _ = tokio::time::timeout(LAST, self.alive.1.recv()).await;
    }
}
