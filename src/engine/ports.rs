//! Finds the process that listens on the port of a process about to start.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use crate::machine::{Fact, RunId};
use crate::sys::{Host, ListenPlace, Listener};

/// A look takes less, unless `/proc` hangs; the start goes on then as if nobody listened.
const LONGEST: Duration = Duration::from_secs(2);

impl<H: Host> Engine<H> {
    /// Looks at these ports in turn until one is free; the answer comes as a fact.
    pub(super) fn look_at_port(&self, run: RunId, ports: Vec<u16>) {
        // Those of others in the project are theirs, whether they listen already or not.
        let others = self.supervisor.ports().filter(|(id, ..)| *id != run.process);
        let others: HashSet<u16> = others.map(|(.., port)| port).collect();
        let (host, clock, facts) =
            (Arc::clone(&self.host), self.clock.clone(), self.facts.0.clone());
        tokio::spawn(async move {
            let (mut free, mut holder) = (None, None);
            for (place, port) in ports.into_iter().enumerate() {
                if place > 0 && others.contains(&port) {
                    continue;
                }
                let seen = tokio::select! {
                    seen = host.listener(ListenPlace::Port(port), None) => seen,
                    () = clock.after(LONGEST) => Listener::Unchecked,
                };
                let Some(who) = name(&seen) else {
                    free = Some(port);
                    break;
                };
                holder.get_or_insert(who);
            }
            _ = facts.send(Fact::PortLooked { run, free, holder });
        });
    }
}

/// Who listens, if somebody does.
pub(super) fn name(seen: &Listener) -> Option<String> {
    match seen {
        Listener::Unchecked | Listener::Nobody => None,
        Listener::Own => Some("the process itself".to_owned()),
        Listener::Shared(holder) | Listener::Other(holder) => Some(holder.to_string()),
        Listener::Hidden(who) => Some(who.clone()),
    }
}
