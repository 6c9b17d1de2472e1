//! Checks: what is asked of a process that runs, and what it answers.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{CommandLine, ProcessSpec};

/// How much of an answer is kept for people.
const LONGEST: usize = 200;

/// `ready` or `health`, every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub probe: Probe,
    /// From the beginning of one probe to that of the next.
    pub interval: Duration,
    /// The longest one probe may take.
    pub probe_timeout: Duration,
    /// Before the first probe.
    pub initial_delay: Duration,
    /// So many in a row are needed.
    pub successes: u32,
    /// So many in a row are too many.
    pub failures: u32,
    /// How long becoming ready may take altogether.
    pub timeout: Option<Duration>,
    /// An answer counts whoever gives it, not only that of the process itself.
    pub foreign: bool,
}

/// What is asked of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// This command ends with code 0.
    Exec(CommandLine),
    /// This page answers with one of these statuses; 200 to 399 when there are none.
    Http(Url, Vec<u16>),
    /// A connection can be made.
    Tcp(Endpoint),
    /// A connection to this socket can be made.
    Unix(PathBuf),
    /// This path exists.
    File(PathBuf),
    /// A line of either output matches.
    Log(OutputPattern),
    /// So much time has passed.
    Delay(Duration),
    /// It says so itself, by the `sd_notify` protocol.
    Notify,
}

/// A place on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: Port,
}

/// A port as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Number(u16),
    /// The own one of the process or replica.
    Own,
}

/// A page of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub server: Endpoint,
    /// Path and query, fit to be sent.
    pub target: String,
}

/// A regular expression for lines of output.
#[derive(Debug, Clone)]
pub struct OutputPattern(regex::bytes::Regex);

/// Which of the checks of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckRole {
    Ready,
    /// Whether it has to go.
    Health,
}

/// What a probe has come to, in words that can be shown: one line, of bounded length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeResult {
    /// It is as it should be.
    Good(String),
    /// It is not, or nobody knows.
    Bad(String),
}

impl ProbeResult {
    pub fn good(text: impl AsRef<str>) -> Self {
        Self::Good(one_line(text.as_ref()))
    }

    pub fn bad(text: impl AsRef<str>) -> Self {
        Self::Bad(one_line(text.as_ref()))
    }

    pub fn text(&self) -> &str {
        let (Self::Good(text) | Self::Bad(text)) = self;
        text
    }
}

/// The text without anything that could do something to a terminal, and not longer than fits.
pub fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut shown: String = plain.trim().chars().take(LONGEST + 1).collect();
    if shown.chars().count() > LONGEST {
        shown = shown.chars().take(LONGEST - 1).chain(['…']).collect();
    }
    shown
}

impl OutputPattern {
    /// Fails with a sentence when `text` is no regular expression.
    pub fn new(text: &str) -> Result<Self, regex::Error> {
        regex::bytes::Regex::new(text).map(Self)
    }

    /// Whether it is found in this line, from here on; what is before counts for `^` alone.
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
    /// The port, when the own one is `own`.
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
    /// Whether it is asked again and again; what happens once by itself never goes back.
    pub fn is_asked(&self) -> bool {
        match self {
            Self::Exec(_) | Self::Http(..) | Self::Tcp(_) | Self::Unix(_) | Self::File(_) => true,
            Self::Log(_) | Self::Delay(_) | Self::Notify => false,
        }
    }

    /// Whether the answer is known before anybody asks.
    pub fn is_at_once(&self) -> bool {
        matches!(self, Self::Delay(time) if time.is_zero())
    }

    /// For people: `http http://localhost:8080/healthz`. `own` is the port of the process.
    pub fn shown(&self, own: Option<u16>) -> String {
        one_line(&match self {
            Self::Exec(CommandLine::Shell { script, .. }) => format!("exec {script}"),
            Self::Exec(CommandLine::Argv(argv)) => format!("exec {}", argv.join(" ")),
            Self::Http(Url { server, target }, _) => {
                format!("http http://{}{target}", server.shown(own))
            }
            Self::Tcp(endpoint) => format!("tcp {}", endpoint.shown(own)),
            Self::Unix(path) => format!("unix {}", path.display()),
            Self::File(path) => format!("file {}", path.display()),
            Self::Log(pattern) => format!("log /{}/", pattern.as_str()),
            Self::Delay(time) => format!("delay {time:?}"),
            Self::Notify => "notify READY=1".to_owned(),
        })
    }
}

impl fmt::Display for CheckRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Health => "health",
        })
    }
}

impl ProcessSpec {
    /// The line that says that it is ready.
    pub(crate) fn ready_line(&self) -> Option<&OutputPattern> {
        match &self.ready.as_ref()?.probe {
            Probe::Log(pattern) => Some(pattern),
            Probe::Exec(_)
            | Probe::Http(..)
            | Probe::Tcp(_)
            | Probe::Unix(_)
            | Probe::File(_)
            | Probe::Delay(_)
            | Probe::Notify => None,
        }
    }

    /// One of its checks, if it has it.
    pub fn check(&self, which: CheckRole) -> Option<&Check> {
        match which {
            CheckRole::Ready => self.ready.as_ref(),
            CheckRole::Health => self.health.as_ref(),
        }
    }

    /// The port of one replica, or of the process itself.
    pub fn port_of(&self, replica: Option<u32>) -> Option<u16> {
        let first = u32::from(self.port?);
        u16::try_from(first + replica.unwrap_or(1).saturating_sub(1)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_short_line_that_does_nothing_to_a_terminal() {
        assert_eq!(ProbeResult::bad("a\x1b[2J\nb\n").text(), "a [2J b");
        let long = ProbeResult::good("é".repeat(500));
        assert_eq!(long.text().chars().count(), LONGEST);
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
