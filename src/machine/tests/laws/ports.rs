//! Laws about ports: free, taken, and wanted by several processes.

use super::Laws;
use crate::machine::event::RunError;
use crate::machine::{Effect, Event, Fact, Input, Moment, ProcessView, RunId, Step};

impl Laws {
    /// A process with a port is spawned after an answer that the port is free, and fails only after
    /// an answer that no port is free. No two live runs have the same port.
    pub(super) fn ports(
        &mut self,
        views: &[&ProcessView],
        now: Moment,
        step: &Step,
        input: Option<&Input>,
    ) {
        let answer = match input {
            Some(Input::Fact(Fact::PortChecked { run, ports, free, .. })) => {
                Some((*run, ports, *free))
            }
            _ => None,
        };
        for effect in &step.effects {
            if let Effect::Spawn { run, port: Some(port), spec, .. } = effect {
                let (answered, ports, free) = answer.expect("a port is checked before a spawn");
                assert_eq!((answered, free), (*run, Some(*port)), "{run} gets the free port");
                let replica = views.iter().find(|view| view.id == run.process).unwrap().replica;
                assert_eq!(
                    ports.first().copied(),
                    spec.port_of(replica),
                    "{run} asked for its port"
                );
                let is_live = |other: &RunId| self.open.contains_key(other);
                let holder = self.ports.iter().find(|(run, other)| is_live(run) && *other == port);
                assert_eq!(holder, None, "{run} has port {port} alone");
                self.ports.insert(*run, *port);
            }
        }
        for event in &step.events {
            if let Event::ProcessFailed(e) = event
                && e.error == RunError::PortBusy
            {
                let run = RunId { process: e.of.id.unwrap(), run: e.of.run };
                let (answered, _, free) = answer.expect("a port is checked before it is busy");
                assert_eq!((answered, free), (run, None), "{run} fails without a free port");
                self.asked.insert(run, now);
            }
        }
    }
}
