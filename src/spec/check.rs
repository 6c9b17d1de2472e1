//! Checks (`ready`, `health`), their probes, and the results of probes.

use std::path::PathBuf;
use std::time::Duration;

use super::{CommandLine, choices};

/// The maximum number of characters of an answer that is shown.
const MAX_SHOWN: usize = 200;

/// `ready` or `health`, every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub probe: Probe,
    /// The time from the start of one probe to the start of the next.
    pub interval: Duration,
    /// The maximum duration of one probe.
    pub probe_timeout: Duration,
    /// The delay before the first probe.
    pub initial_delay: Duration,
    /// The number of consecutive successes that is required.
    pub successes: u32,
    /// The number of consecutive misses that counts as failure.
    pub failures: u32,
    /// The maximum time until the process is ready.
    pub timeout: Option<Duration>,
    /// Whether answers of other processes count.
    pub foreign: bool,
}

/// The kind of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// This command exits with code 0.
    Exec(CommandLine),
    /// This URL answers with one of these statuses; 200 to 399 if the list is empty.
    Http(Url, Vec<u16>),
    /// A connection can be made.
    Tcp(Endpoint),
    /// A connection to this socket can be made.
    Unix(PathBuf),
    /// This path exists.
    File(PathBuf),
    /// A line of either output matches.
    Log(OutputPattern),
    /// This time has passed.
    Delay(Duration),
    /// The process reports it with the `sd_notify` protocol.
    Notify,
}

choices! {
    /// The kind of a check, named by its key.
    pub enum ProbeKind {
        /// A command.
        Exec = "exec",
        /// A page of a server.
        Http = "http",
        /// A TCP connection.
        Tcp = "tcp",
        /// A connection to a unix socket.
        Unix = "unix",
        /// A path that must exist.
        File = "file",
        /// A line of output.
        Log = "log",
        /// Time that must pass.
        Delay = "delay",
        /// The `sd_notify` protocol.
        Notify = "notify",
    }
}

impl ProbeKind {
    /// Whether it is probed repeatedly. The event of the other checks happens once and is never undone.
    pub fn is_probed(self) -> bool {
        !matches!(self, Self::Log | Self::Delay | Self::Notify)
    }
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: Port,
}

/// A port in a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Number(u16),
    /// The port of the process or replica itself.
    Own,
}

/// The URL of an `http` check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub server: Endpoint,
    /// Path and query, escaped for a request.
    pub target: String,
}

/// A regular expression for lines of output.
#[derive(Debug, Clone)]
pub struct OutputPattern(regex::bytes::Regex);

choices! {
    /// The role of a check of a process.
    pub enum CheckRole {
        /// It decides whether the process is ready.
        Ready = "ready",
        /// It ends the run when it fails.
        Health = "health",
    }
}

/// The result of a probe with a text for display: one line of limited length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeResult {
    /// Success.
    Good(String),
    /// A miss, or an unknown state.
    Bad(String),
}

impl ProbeResult {
    /// Creates a success with a text.
    pub fn good(text: impl AsRef<str>) -> Self {
        Self::Good(one_line(text.as_ref()))
    }

    /// Creates a miss with a text.
    pub fn bad(text: impl AsRef<str>) -> Self {
        Self::Bad(one_line(text.as_ref()))
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        let (Self::Good(text) | Self::Bad(text)) = self;
        text
    }
}

/// Returns the text as one safe line of limited length.
pub fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.trim();
    if plain.chars().count() <= MAX_SHOWN {
        return plain.to_owned();
    }
    plain.chars().take(MAX_SHOWN - 1).chain(['…']).collect()
}

impl OutputPattern {
    /// Compiles a regular expression; the error is a message for the user.
    pub fn new(text: &str) -> Result<Self, regex::Error> {
        regex::bytes::Regex::new(text).map(Self)
    }

    /// Whether the line matches from this offset on; the text before it only affects `^`.
    pub fn is_in(&self, line: &[u8], from: usize) -> bool {
        from <= line.len() && self.0.is_match_at(line, from)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for OutputPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for OutputPattern {}

impl Endpoint {
    /// Returns the port; `own` is the port of the process itself.
    pub fn port(&self, own: Option<u16>) -> Option<u16> {
        match self.port {
            Port::Number(port) => Some(port),
            Port::Own => own,
        }
    }

    /// `localhost:5432`, `[::1]:80`
    pub fn shown(&self, own: Option<u16>) -> String {
        let port = self.port(own).map_or_else(|| "?".to_owned(), |port| port.to_string());
        if self.host.contains(':') {
            format!("[{}]:{port}", self.host)
        } else {
            format!("{}:{port}", self.host)
        }
    }
}

impl Probe {
    pub fn kind(&self) -> ProbeKind {
        match self {
            Self::Exec(_) => ProbeKind::Exec,
            Self::Http(..) => ProbeKind::Http,
            Self::Tcp(_) => ProbeKind::Tcp,
            Self::Unix(_) => ProbeKind::Unix,
            Self::File(_) => ProbeKind::File,
            Self::Log(_) => ProbeKind::Log,
            Self::Delay(_) => ProbeKind::Delay,
            Self::Notify => ProbeKind::Notify,
        }
    }

    /// Whether the result is known without a probe.
    pub fn is_immediate(&self) -> bool {
        matches!(self, Self::Delay(time) if time.is_zero())
    }

    /// Formats it for display: `http http://localhost:8080/healthz`. `own` is the port of the process.
    pub fn shown(&self, own: Option<u16>) -> String {
        let target = match self {
            Self::Exec(CommandLine::Shell { script, .. }) => script.clone(),
            Self::Exec(CommandLine::Argv(argv)) => argv.join(" "),
            Self::Http(url, _) => format!("http://{}{}", url.server.shown(own), url.target),
            Self::Tcp(endpoint) => endpoint.shown(own),
            Self::Unix(path) | Self::File(path) => path.display().to_string(),
            Self::Log(pattern) => format!("/{}/", pattern.as_str()),
            Self::Delay(time) => format!("{time:?}"),
            Self::Notify => "READY=1".to_owned(),
        };
        one_line(&format!("{} {target}", self.kind()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_short_line_that_does_nothing_to_a_terminal() {
        assert_eq!(ProbeResult::bad("a\x1b[2J\nb\n").text(), "a [2J b");
        let long = ProbeResult::good("é".repeat(500));
        assert_eq!(long.text().chars().count(), MAX_SHOWN);
        assert!(long.text().ends_with('…'));
    }

    #[test]
    fn a_probe_is_shown_as_it_was_meant() {
        let endpoint = Endpoint { host: "::1".to_owned(), port: Port::Own };
        assert_eq!(Probe::Tcp(endpoint.clone()).shown(Some(81)), "tcp [::1]:81");
        let server = Endpoint { host: "localhost".to_owned(), port: Port::Number(80) };
        let url = Url { server, target: "/x".to_owned() };
        assert_eq!(Probe::Http(url, Vec::new()).shown(None), "http http://localhost:80/x");
        assert_eq!(Probe::Delay(Duration::from_millis(1500)).shown(None), "delay 1.5s");
    }
}
