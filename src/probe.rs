//! Probes: execute a check once. Each is bounded in time, data read and processes started, and leaves
//! nothing behind. This layer decides neither when to probe nor what an answer means.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::spec::{Probe, ProbeResult, format_limit, io_error_text};
use crate::sys::{Host, Launch};

mod address;
mod command;
mod http;
mod local;
mod ownership;
#[cfg(test)]
mod tests;

/// Why a probe ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeFailure {
    /// It took longer than this.
    TimedOut(Duration),
    Cancelled,
}

impl ProbeFailure {
    /// Returns the result of a probe that timed out; `None` if it was cancelled.
    fn into_result(self, text: impl FnOnce(&str) -> String) -> Option<ProbeResult> {
        match self {
            Self::TimedOut(limit) => Some(ProbeResult::bad(text(&format_limit(limit)))),
            Self::Cancelled => None,
        }
    }
}

/// A probe with its context.
#[derive(Debug)]
pub struct ProbeContext<'a> {
    pub probe: &'a Probe,
    /// The port of the process itself.
    pub own_port: Option<u16>,
    /// How to launch the command of an `exec` probe.
    pub launch: Option<Launch>,
    /// The run whose listener must answer; `None` if any answer counts.
    pub run: Option<ProbedRun<'a>>,
}

/// The probed run.
#[derive(Debug, Clone, Copy)]
pub struct ProbedRun<'a> {
    pub leader: u32,
    /// The name of its process.
    pub name: &'a str,
}

/// A probe in progress.
struct ProbeSession<'a, H> {
    host: &'a H,
    own_port: Option<u16>,
    run: Option<ProbedRun<'a>>,
    /// The progress, for the message of a timeout.
    stage: Mutex<&'static str>,
}

impl<H> ProbeSession<'_, H> {
    fn set_stage(&self, stage: &'static str) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    fn stage(&self) -> &'static str {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a probe until there is an answer or `end` resolves; `None` if it was cancelled.
pub async fn run_probe<H: Host>(
    host: &H,
    context: ProbeContext<'_>,
    end: impl Future<Output = ProbeFailure>,
) -> Option<ProbeResult> {
    let ProbeContext { probe, own_port, launch, run } = context;
    if let (Probe::Exec(_), Some(launch)) = (probe, launch) {
        return command::probe(host, launch, end).await;
    }
    let session = ProbeSession { host, own_port, run, stage: Mutex::default() };
    tokio::select! {
        // A pending answer counts, even if we were suspended and read it late.
        biased;
        answer = session.answer(probe) => Some(answer),
        end = end => end.into_result(|limit| match session.stage() {
            "" => format!("no answer within {limit}"),
            stage => format!("no answer within {limit} ({stage})"),
        }),
    }
}

impl<H: Host> ProbeSession<'_, H> {
    async fn answer(&self, probe: &Probe) -> ProbeResult {
        match probe {
            Probe::Http(url, statuses) => http::probe(self, url, statuses).await,
            Probe::Tcp(endpoint) => {
                let connected = |_| std::future::ready(Ok("connected".to_owned()));
                result_of(address::try_addresses(self, endpoint, connected).await)
            }
            Probe::Unix(path) => local::probe_unix(self, path).await,
            Probe::File(path) => local::probe_file(self, path).await,
            // Not probed, or without a launch: a fault of ours that must not be silent.
            Probe::Exec(_) | Probe::Log(_) | Probe::Delay(_) | Probe::Notify => {
                ProbeResult::bad("cannot be probed")
            }
        }
    }
}

/// Returns the result of an answer with an optional note about the listener, or of an error.
fn result_of(answer: Result<(String, Option<String>), String>) -> ProbeResult {
    match answer {
        Ok((answer, None)) => ProbeResult::good(answer),
        Ok((answer, Some(note))) => ProbeResult::good(format!("{answer}; {note}")),
        Err(error) => ProbeResult::bad(error),
    }
}

/// Returns the message of the system, without the error number.
fn reason(error: &std::io::Error) -> String {
    let is = |kind| error.kind() == kind;
    if is(std::io::ErrorKind::ConnectionRefused) {
        "connection refused".to_owned()
    } else if is(std::io::ErrorKind::TimedOut) {
        "no connection yet".to_owned()
    } else {
        io_error_text(error)
    }
}
