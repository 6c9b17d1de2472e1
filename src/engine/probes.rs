//! Carries out what the checks of runs ask for, one task for each question.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use super::environment::{Surroundings, Whose, argv};
use crate::machine::{Fact, RunId};
use crate::probe::{End, Question, ask};
use crate::spec::{Answer, CommandLine, Probe, ProcessSpec, Which};
use crate::sys::{Host, Input, Launch, Output};

/// How long the commands of checks may take to be gone at the end.
const LAST: Duration = Duration::from_secs(3);

/// One question of a check.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) run: RunId,
    pub(super) which: Which,
    pub(super) number: u32,
    pub(super) replica: Option<u32>,
    pub(super) spec: Arc<ProcessSpec>,
}

/// All questions under way.
pub(super) struct Probes<H> {
    host: Arc<H>,
    surroundings: Surroundings,
    clock: Clock,
    facts: mpsc::UnboundedSender<Fact>,
    /// Dropping one calls it off. Those that are answered are replaced by the next.
    under_way: HashMap<(RunId, Which), oneshot::Sender<()>>,
    /// Held by each task as long as it lives.
    alive: (mpsc::Sender<Infallible>, mpsc::Receiver<Infallible>),
}

/// Gives an answer even if the task does not get there.
struct Reply {
    asked: Asked,
    answer: Option<Answer>,
    facts: mpsc::UnboundedSender<Fact>,
}

impl Drop for Reply {
    fn drop(&mut self) {
        let answer = self.answer.take().unwrap_or_else(|| Answer::bad("called off"));
        let Asked { run, which, number, .. } = self.asked;
        _ = self.facts.send(Fact::Probed { run, which, number, answer });
    }
}

impl<H: Host> Probes<H> {
    pub(super) fn new(
        host: Arc<H>,
        surroundings: Surroundings,
        clock: Clock,
        facts: mpsc::UnboundedSender<Fact>,
    ) -> Self {
        let (under_way, alive) = (HashMap::new(), mpsc::channel(1));
        Self { host, surroundings, clock, facts, under_way, alive }
    }

    /// Asks; the answer comes as a fact.
    pub(super) fn begin(&mut self, asked: Asked) {
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
        let mut reply = Reply { asked, answer: None, facts: self.facts.clone() };
        tokio::spawn(async move {
            let limit = check.probe_timeout;
            let end = async {
                tokio::select! {
                    _ = called_off => End::CalledOff,
                    () = clock.after(limit) => End::TimedOut(limit),
                }
            };
            let own = reply.asked.spec.port_of(reply.asked.replica);
            let question = Question { probe: &check.probe, own, launch };
            reply.answer = ask(&*host, question, end).await;
            drop((reply, alive));
        });
    }

    /// The command of a check runs as its process does, told apart by `PITCREW_ROLE`.
    fn launch(&self, command: &CommandLine, asked: &Asked) -> Launch {
        let Asked { run, which, replica, spec, .. } = asked;
        let role = match which {
            Which::Ready => "ready",
            Which::Health => "health",
        };
        let whose = Whose { spec, replica: *replica, run: run.run, role: Some(role) };
        Launch {
            argv: argv(command),
            cwd: spec.cwd.clone(),
            env: self.surroundings.of(whose),
            stdin: Input::Null,
            stdout: Output::Pipe,
            stderr: Output::Pipe,
            foreground: false,
        }
    }

    /// Nobody waits for the answers of this run any more.
    pub(super) fn end(&mut self, run: RunId) {
        self.under_way.remove(&(run, Which::Ready));
        self.under_way.remove(&(run, Which::Health));
    }

    /// Waits until nothing of any question is left.
    pub(super) async fn finish(&mut self) {
        self.under_way.clear();
        // Without ours, the last sender is that of the last task.
        self.alive.0 = mpsc::channel(1).0;
        _ = tokio::time::timeout(LAST, self.alive.1.recv()).await;
    }
}
