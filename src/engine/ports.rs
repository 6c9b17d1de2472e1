//! Finds a free port for a process about to start, and the process that listens on its port.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use crate::machine::{Fact, RunId};
use crate::sys::{Host, ListenPlace, Listener};

/// The maximum time of a lookup, which takes longer only if `/proc` hangs. The port counts as free then.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

impl<H: Host> Engine<H> {
    /// Checks these ports in order until one is free; the result comes as a fact.
    pub(super) fn find_free_port(&self, run: RunId, ports: Vec<u16>) {
        // Ports of other processes of the project are reserved, whether they listen already or not.
        let reserved = self.supervisor.ports().filter(|(id, ..)| *id != run.process);
        let reserved: HashSet<u16> = reserved.map(|(.., port)| port).collect();
        let context = Arc::clone(&self.context);
        tokio::spawn(async move {
            let (mut free, mut holder) = (None, None);
            for (index, &port) in ports.iter().enumerate() {
                if index > 0 && reserved.contains(&port) {
                    continue;
                }
                let listener = tokio::select! {
                    listener = context.host.listener(ListenPlace::Port(port), None) => listener,
                    () = context.clock.after(LOOKUP_TIMEOUT) => Listener::Unchecked,
                };
                let Some(name) = holder_name(&listener) else {
                    free = Some(port);
                    break;
                };
                holder.get_or_insert(name);
            }
            context.send_fact(Fact::PortChecked { run, ports, free, holder });
        });
    }
}

/// Returns the name of the program that listens, if there is one.
pub(super) fn holder_name(listener: &Listener) -> Option<String> {
    match listener {
        Listener::Unchecked | Listener::NotFound => None,
        Listener::Own => Some("the process itself".to_owned()),
        Listener::Shared(holder) | Listener::Other(holder) => Some(holder.to_string()),
        Listener::Hidden(name) => Some(name.clone()),
    }
}
