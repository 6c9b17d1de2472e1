//! Port conflict: names the program that uses the port of a run that failed soon after its start.

use std::time::Duration;

use super::{RunTask, StopState};
use crate::engine::ports::name;
use crate::output::{reports_address_in_use, taken_ports};
use crate::spec::{CommandLine, Endpoint, Exit, Port, Probe, ProcessSpec};
use crate::sys::{Child, Host, ListenPlace, Listener};

/// One that fails so soon may have found its port taken.
const SOON: Duration = Duration::from_secs(2);
/// The same for one that says so: nginx tries for 2.5 s.
const SAID: Duration = Duration::from_secs(10);
/// So many of its last lines are looked at.
const LINES: usize = 40;
/// No more ports are looked at.
const MOST: usize = 8;
/// The end is told without it then.
const LONGEST: Duration = Duration::from_millis(500);

impl<H: Host> RunTask<H> {
    /// What to say about a run that has ended like this, if somebody else has its port.
    pub(super) async fn port_note(&self, exit: Exit) -> Option<String> {
        let spec = &self.context.spec;
        let lasted = self.context.clock.now().since(self.began);
        let is_success =
            matches!(exit, Exit::Code(code) if spec.success_exit_codes.contains(&code));
        if is_success || self.asked != StopState::Nothing || lasted > SAID {
            return None;
        }
        let text = self.pipes.outlet.last_words(LINES);
        let says_so = reports_address_in_use(&text);
        if !says_so && lasted > SOON {
            return None;
        }
        let mut ports: Vec<u16> = self.context.port.into_iter().chain(asked(spec)).collect();
        if says_so {
            // It knows best which one it wanted.
            ports.splice(0..0, taken_ports(&text));
            ports.extend(written(&spec.command));
        }
        let mut looked = Vec::new();
        for port in ports {
            if looked.contains(&port) || looked.len() >= MOST {
                continue;
            }
            looked.push(port);
            let look = self.context.host.listener(ListenPlace::Port(port), Some(self.child.pid()));
            let Ok(seen) = tokio::time::timeout(LONGEST, look).await else { return None };
            if seen != Listener::Own
                && let Some(holder) = name(&seen)
            {
                return Some(format!("port {port} is taken by {holder}"));
            }
        }
        None
    }
}

/// The ports of this machine that its checks ask.
fn asked(spec: &ProcessSpec) -> Vec<u16> {
    let checks = [&spec.ready, &spec.health];
    let own = |endpoint: &Endpoint| match endpoint.port {
        Port::Number(port)
            if matches!(endpoint.host.as_str(), "localhost" | "127.0.0.1" | "::1") =>
        {
            Some(port)
        }
        Port::Number(_) | Port::Own => None,
    };
    let port = |probe: &Probe| match probe {
        Probe::Tcp(endpoint) => own(endpoint),
        Probe::Http(url, _) => own(&url.server),
        Probe::Exec(_)
        | Probe::Unix(_)
        | Probe::File(_)
        | Probe::Log(_)
        | Probe::Delay(_)
        | Probe::Notify => None,
    };
    let checks = checks.into_iter().flatten().filter(|check| !check.foreign);
    checks.filter_map(|check| port(&check.probe)).collect()
}

/// Words of the command that may be a port.
fn written(command: &CommandLine) -> Vec<u16> {
    let words = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_digit());
        words
            .filter(|word| word.len() > 1)
            .filter_map(|word| word.parse().ok().filter(|port: &u16| *port > 0))
            .collect::<Vec<u16>>()
    };
    match command {
        CommandLine::Shell { script, .. } => words(script),
        CommandLine::Argv(argv) => argv.iter().flat_map(|word| words(word)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_a_command_are_its_numbers() {
        let shell =
            |script: &str| CommandLine::Shell { shell: Vec::new(), script: script.to_owned() };
        assert_eq!(written(&shell("python3 -m http.server 45432")), [45432]);
        assert_eq!(written(&shell("serve --bind=[::]:8080 -v 2 99999")), [8080]);
    }
}
