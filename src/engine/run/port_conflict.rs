//! Port conflict: names the program that uses the port of a run that failed soon after its start.

use std::time::Duration;

use super::{RunTask, StopPhase};
use crate::engine::ports::holder_name;
use crate::output::{reports_address_in_use, taken_ports};
use crate::spec::{CommandLine, Exit, Port, Probe, ProcessSpec, Url};
use crate::sys::{Child, Host, ListenPlace, Listener};

/// A run that fails within this time may have found its port taken.
const EARLY: Duration = Duration::from_secs(2);
/// The same for a run that reports it: nginx tries for 2.5 s.
const EARLY_IF_REPORTED: Duration = Duration::from_secs(10);
/// The number of last lines that are searched for a report.
const SEARCHED_LINES: usize = 40;
const MAX_PORTS: usize = 8;
/// The maximum time of a lookup; after that the end is reported without a note.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(500);

impl<H: Host> RunTask<H> {
    /// Returns a note about the program that uses a port of this failed run.
    pub(super) async fn port_note(&self, exit: Exit) -> Option<String> {
        let spec = &self.context.spec;
        let duration = self.context.engine.clock.now().since(self.started);
        let is_success =
            matches!(exit, Exit::Code(code) if spec.success_exit_codes.contains(&code));
        if is_success || self.phase != StopPhase::Running || duration > EARLY_IF_REPORTED {
            return None;
        }
        let text = self.pipes.sink.last_lines(SEARCHED_LINES);
        let is_reported = reports_address_in_use(&text);
        if !is_reported && duration > EARLY {
            return None;
        }
        let mut ports: Vec<u16> = self.context.port.into_iter().chain(probed_ports(spec)).collect();
        if is_reported {
            // The ports of the report come first.
            ports.splice(0..0, taken_ports(&text));
            ports.extend(command_ports(&spec.command));
        }
        let mut checked = Vec::new();
        for port in ports {
            if checked.contains(&port) || checked.len() >= MAX_PORTS {
                continue;
            }
            checked.push(port);
            let host = &self.context.engine.host;
            let lookup = host.listener(ListenPlace::Port(port), Some(self.child.pid()));
            let listener = tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await.ok()?;
            if listener != Listener::Own
                && let Some(holder) = holder_name(&listener)
            {
                return Some(format!("port {port} is in use by {holder}"));
            }
        }
        None
    }
}

/// The local ports that the checks of a process probe.
fn probed_ports(spec: &ProcessSpec) -> impl Iterator<Item = u16> {
    let checks = [&spec.ready, &spec.health].into_iter().flatten().filter(|check| !check.foreign);
    checks.filter_map(|check| {
        if let Probe::Tcp(endpoint) | Probe::Http(Url { server: endpoint, .. }, _) = &check.probe
            && let Port::Number(port) = endpoint.port
            && matches!(endpoint.host.as_str(), "localhost" | "127.0.0.1" | "::1")
        {
            Some(port)
        } else {
            None
        }
    })
}

/// The numbers in a command that may be ports.
fn command_ports(command: &CommandLine) -> Vec<u16> {
    let texts = match command {
        CommandLine::Shell { script, .. } => std::slice::from_ref(script),
        CommandLine::Argv(argv) => argv,
    };
    let numbers = texts.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_digit()));
    let numbers = numbers.filter(|number| number.len() > 1);
    numbers.filter_map(|number| number.parse().ok().filter(|port| *port > 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_a_command_are_its_numbers() {
        let shell =
            |script: &str| CommandLine::Shell { shell: Vec::new(), script: script.to_owned() };
        assert_eq!(command_ports(&shell("python3 -m http.server 45432")), [45432]);
        assert_eq!(command_ports(&shell("serve --bind=[::]:8080 -v 2 99999")), [8080]);
    }
}
