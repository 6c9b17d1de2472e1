//! A run that fails soon after its start, because somebody else has its port: who that is.

use std::sync::LazyLock;
use std::time::Duration;

use regex::bytes::Regex;

use super::{Asked, RunTask};
use crate::engine::ports::name;
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

/// How servers say that their port is taken.
static TAKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)address (already )?in use|EADDRINUSE|port \S+ is (already )?(in use|taken|used)|port is already allocated").ok()
});
/// A port as it stands in such a line.
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?::|\bport[ =:]*)(\d{2,5})\b").ok());

impl<H: Host> RunTask<H> {
    /// What to say about a run that has ended like this, if somebody else has its port.
    pub(super) async fn port_note(&self, exit: Exit) -> Option<String> {
        let spec = &self.context.spec;
        let lasted = self.context.clock.now().since(self.began);
        let is_success =
            matches!(exit, Exit::Code(code) if spec.success_exit_codes.contains(&code));
        if is_success || self.asked != Asked::Nothing || lasted > SAID {
            return None;
        }
        let text = self.pipes.outlet.last_words(LINES);
        let says_so = TAKEN.as_ref().is_some_and(|taken| taken.is_match(&text));
        if !says_so && lasted > SOON {
            return None;
        }
        let mut ports: Vec<u16> = self.context.port.into_iter().chain(asked(spec)).collect();
        if says_so {
            let said = said(&text);
            // It knows best which one it wanted.
            ports.splice(0..0, said);
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

/// The ports in the lines that say that one is taken, and in those next to them.
fn said(text: &[u8]) -> Vec<u16> {
    let (Some(taken), Some(number)) = (TAKEN.as_ref(), NUMBER.as_ref()) else { return Vec::new() };
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let numbers = |line: &&[u8]| {
        let found = number.captures_iter(line).filter_map(|one| port(one.get(1)?.as_bytes()));
        found.collect::<Vec<u16>>()
    };
    let says = |line: &&[u8]| taken.is_match(line);
    let first: Vec<u16> = lines.iter().filter(|line| says(line)).flat_map(numbers).collect();
    if !first.is_empty() {
        return first;
    }
    // PostgreSQL names its port in the hint below.
    let near = lines.windows(3).filter(|near| near.iter().any(|line| says(&line)));
    near.flatten().flat_map(numbers).collect()
}

/// Words of the command that may be a port.
fn written(command: &CommandLine) -> Vec<u16> {
    let words = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_digit());
        words.filter(|word| word.len() > 1).filter_map(|word| port(word.as_bytes())).collect()
    };
    match command {
        CommandLine::Shell { script, .. } => words(script),
        CommandLine::Argv(argv) => argv.iter().flat_map(|word| words(word) as Vec<u16>).collect(),
    }
}

fn port(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_servers_say_which_port_is_taken() {
        for (text, ports) in [
            ("OSError: [Errno 98] Address already in use", vec![]),
            (
                "Error: listen EADDRINUSE: address already in use :::3000\n    at Server:1:22",
                vec![3000],
            ),
            (
                "nginx: [emerg] bind() to 0.0.0.0:8080 failed (98: Address already in use)",
                vec![8080],
            ),
            (
                "Could not create server TCP listening socket *:6379: bind: Address already in use",
                vec![6379],
            ),
            ("listen tcp :8081: bind: address already in use", vec![8081]),
            ("Error: Port 5173 is already in use", vec![5173]),
            (
                "Address already in use - bind(2) for \"127.0.0.1\" port 3001 (Errno::EADDRINUSE)",
                vec![3001],
            ),
            ("hello\nready on :8080", vec![]),
        ] {
            assert_eq!(said(text.as_bytes()), ports, "{text}");
        }
        let postgres = "LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use\n\
                        HINT:  Is another postmaster already running on port 5432? If not, wait\n";
        assert!(said(postgres.as_bytes()).contains(&5432));
    }

    #[test]
    fn ports_of_a_command_are_its_numbers() {
        let shell =
            |script: &str| CommandLine::Shell { shell: Vec::new(), script: script.to_owned() };
        assert_eq!(written(&shell("python3 -m http.server 45432")), [45432]);
        assert_eq!(written(&shell("serve --bind=[::]:8080 -v 2 99999")), [8080]);
    }
}
