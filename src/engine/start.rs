//! How a run is started: what it is made of, and the task that takes it over.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::environment::{Whose, argv};
use super::run::{Outlet, RunContext, RunTask};
use super::{Engine, Front};
use crate::machine::{Fact, RunId};
use crate::output::Intake;
use crate::spec::{Name, ProcessSpec, StdinKind};
use crate::sys::{self, Host, Launch};

impl<H: Host> Engine<H> {
    pub(super) fn spawn(
        &mut self,
        run: RunId,
        name: Name,
        replica: Option<u32>,
        spec: Arc<ProcessSpec>,
    ) {
        let (orders, received) = mpsc::unbounded_channel();
        self.orders.insert(run.process, (run.run, orders.clone()));
        let front =
            self.front.as_ref().filter(|(id, _)| *id == run.process).map(|(_, f)| f.clone());
        let whose = Whose { spec: &spec, replica, run: run.run };
        let wiring = self.guests.get(&run.process).cloned();
        let (launch, outlet) = if let Some(wiring) = &wiring {
            wiring.capture.begin();
            let env = self.surroundings.of_guest(run, whose, &wiring.env);
            let outlet = Outlet::Capture(Arc::clone(&wiring.capture));
            (wiring.launch(spec.cwd.clone(), env), outlet)
        } else {
            let launch = self.launch(&spec, whose, front.as_ref());
            (launch, Outlet::Store(self.intake(run, &name, replica, &spec)))
        };
        let facts = self.facts.0.clone();
        let tap = match front {
            Some(Front::Passed(tap)) => Some(tap),
            Some(Front::Terminal) | None => None,
        };
        let context = RunContext {
            host: Arc::clone(&self.host),
            surroundings: self.surroundings.clone(),
            replica,
            run,
            name,
            spec,
            clock: self.clock.clone(),
            facts: facts.clone(),
            notices: self.notices.clone(),
            fallback: orders,
        };
        // Calling `launch` puts it in the host's queue, so starts happen in the order of the effects.
        let launched = self.host.launch(launch);
        let start = async move {
            match launched.await {
                Ok(child) => {
                    let pid = sys::Child::pid(&child);
                    _ = facts.send(Fact::Spawned { run, pid });
                    let task =
                        RunTask::new(context, child, outlet, wiring.as_deref(), tap, received);
                    tokio::spawn(task.live());
                }
                Err(error) => _ = facts.send(Fact::SpawnFailed { run, error }),
            }
        };
        _ = self.starts.send(Box::pin(start));
    }

    fn launch(&self, spec: &ProcessSpec, whose: Whose<'_>, front: Option<&Front>) -> Launch {
        let stdin = match (front, spec.stdin) {
            (Some(_), _) => sys::Input::Inherit,
            (None, StdinKind::Null) => sys::Input::Null,
            (None, StdinKind::Pipe) => sys::Input::Pipe,
        };
        let output = match front {
            Some(Front::Terminal) => sys::Output::Inherit,
            Some(Front::Passed(_)) | None => sys::Output::Pipe,
        };
        Launch {
            argv: argv(&spec.command),
            cwd: spec.cwd.clone(),
            env: self.surroundings.of(whose),
            stdin,
            stdout: output.clone(),
            stderr: output,
            foreground: front.is_some() && self.takes_terminal,
        }
    }

    fn intake(
        &mut self,
        run: RunId,
        name: &Name,
        replica: Option<u32>,
        spec: &ProcessSpec,
    ) -> Intake {
        let log = self.logs.of(run.process, name, replica, spec.log.as_ref());
        let known = self.sources.entry(run.process);
        let source = *known.or_insert_with(|| self.store.source(name));
        Intake::new(&self.store, source, run.run, log)
    }
}
