//! Runs the probes of checks, one task per probe.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::context::EngineContext;
use super::environment::RunLabel;
use crate::machine::{Fact, Moment, ProbeRequest, RunId};
use crate::probe::{ProbeContext, ProbeFailure, ProbedRun, run_probe};
use crate::spec::{CheckRole, Probe, ProbeResult};
use crate::sys::Host;

/// The maximum time that the commands of checks may take to end with the engine.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);

/// The time between two starts of commands of checks that have not succeeded yet, over all processes:
/// such checks are frequent, and 1,000 of them would start 2,300 commands a second (1.4 processors) in
/// the first three seconds. Fifty of them are not delayed noticeably.
const PACE: Duration = Duration::from_millis(2);

pub(super) struct RunningProbes<H> {
    context: Arc<EngineContext<H>>,
    /// Dropping a sender cancels its probe. The next probe of a check replaces the previous one.
    running: HashMap<(RunId, CheckRole), oneshot::Sender<()>>,
    /// The earliest start of the next command of a check that has not succeeded yet.
    next_start: Moment,
    /// The sender is cloned by each task, so that the receiver sees when all have ended.
    alive: (mpsc::Sender<Infallible>, mpsc::Receiver<Infallible>),
}

impl<H: Host> RunningProbes<H> {
    pub(super) fn new(context: Arc<EngineContext<H>>) -> Self {
        let (next_start, alive) = (Moment::default(), mpsc::channel(1));
        Self { context, running: HashMap::new(), next_start, alive }
    }

    /// Starts a probe; the result comes as a fact.
    pub(super) fn start(&mut self, request: ProbeRequest) {
        let ProbeRequest { run, leader, which, number, replica, port, is_early, spec } = request;
        let Some(check) = spec.check(which).cloned() else { return };
        let (cancel, mut cancelled) = oneshot::channel();
        self.running.insert((run, which), cancel);
        let launch = if let Probe::Exec(command) = &check.probe {
            let role = Some(which.as_str());
            let has_terminal = false;
            let label = RunLabel { spec: &spec, replica, run: run.run, port, role, has_terminal };
            Some(self.context.environment.helper_launch(command, label))
        } else {
            None
        };
        let start = (launch.is_some() && is_early).then(|| self.reserve_start());
        let (context, alive) = (Arc::clone(&self.context), self.alive.0.clone());
        tokio::spawn(async move {
            let probed = |answer| Fact::Probed { run, which, number, answer };
            let mut reply = context.fact_on_drop(probed(ProbeResult::bad("called off")));
            if let Some(start) = start {
                tokio::select! {
                    _ = &mut cancelled => return,
                    () = context.clock.until(Some(start)) => {}
                }
            }
            let end = async {
                tokio::select! {
                    _ = cancelled => ProbeFailure::Cancelled,
                    () = context.clock.after(check.probe_timeout) => {
                        ProbeFailure::TimedOut(check.probe_timeout)
                    }
                }
            };
            let run = (!check.foreign).then(|| ProbedRun { leader, name: spec.name.as_str() });
            let probe = ProbeContext { probe: &check.probe, own_port: port, launch, run };
            if let Some(answer) = run_probe(&*context.host, probe, end).await {
                reply.fact = probed(answer);
            }
            drop((reply, alive));
        });
    }

    fn reserve_start(&mut self) -> Moment {
        let start = self.next_start.max(self.context.clock.now());
        self.next_start = start + PACE;
        start
    }

    /// Cancels the probes of a run.
    pub(super) fn cancel(&mut self, run: RunId) {
        self.running.remove(&(run, CheckRole::Ready));
        self.running.remove(&(run, CheckRole::Health));
    }

    /// Cancels all probes and waits until their tasks have ended.
    pub(super) async fn finish(&mut self) {
        self.running.clear();
        // Without ours, the last sender is that of the last task.
        self.alive.0 = mpsc::channel(1).0;
        _ = tokio::time::timeout(FINISH_TIMEOUT, self.alive.1.recv()).await;
    }
}
