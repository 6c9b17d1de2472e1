//! Probes: execute a check once. Each is bounded in time, data read and processes started, and leaves
//! nothing behind. This layer decides neither when to probe nor what an answer means.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::spec::{Probe, ProbeResult};
use crate::sys::{Host, Launch};

mod address;
mod command;
mod http;
mod local;
mod ownership;
#[cfg(test)]
mod tests;

use ownership::ListenerOwnership;

/// Why a probe ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeFailure {
    /// It took longer than this.
    TimedOut(Duration),
    /// It was cancelled.
    CalledOff,
}

/// The progress of a probe, for the message of a timeout.
#[derive(Debug, Default)]
pub(crate) struct ProbeStage(Mutex<&'static str>);

impl ProbeStage {
    fn reach(&self, what: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    fn reached(&self) -> &'static str {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub struct ProbeContext<'a> {
    pub probe: &'a Probe,
    /// The port of the process itself.
    pub own: Option<u16>,
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

/// Runs a probe until there is an answer or `end` resolves; `None` if it was cancelled.
pub async fn ask<H: Host>(
    host: &H,
    question: ProbeContext<'_>,
    end: impl Future<Output = ProbeFailure>,
) -> Option<ProbeResult> {
    let ProbeContext { probe, own, launch, run } = question;
    if let (Probe::Exec(_), Some(launch)) = (probe, launch) {
        return command::ask(host, launch, end).await;
    }
    let stage = ProbeStage::default();
    tokio::select! {
        // A pending answer counts, even if we were suspended and see it late.
        biased;
        answer = look(probe, own, &stage, ListenerOwnership { host, run }) => Some(answer),
        end = end => match end {
            ProbeFailure::CalledOff => None,
            ProbeFailure::TimedOut(limit) => {
                let reached = stage.reached();
                let reached = if reached.is_empty() { String::new() } else { format!(" ({reached})") };
                Some(ProbeResult::bad(format!("no answer within {limit:?}{reached}")))
            }
        },
    }
}

async fn look<H: Host>(
    probe: &Probe,
    own: Option<u16>,
    stage: &ProbeStage,
    ownership: ListenerOwnership<'_, H>,
) -> ProbeResult {
    match probe {
        Probe::Http(url, statuses) => http::ask(url, statuses, own, stage, ownership).await,
        Probe::Tcp(endpoint) => match address::connect(endpoint, own, stage, ownership).await {
            Ok(note) => ProbeResult::good(with_note("connected", note)),
            Err(error) => ProbeResult::bad(error),
        },
        Probe::Unix(path) => local::unix(path, ownership).await,
        Probe::File(path) => local::file(path, stage).await,
        // Not probed, or without a launch: a fault of ours that must not be silent.
        Probe::Exec(_) | Probe::Log(_) | Probe::Delay(_) | Probe::Notify => {
            ProbeResult::bad("cannot be probed")
        }
    }
}

/// Appends a note about the listener to an answer.
fn with_note(answer: &str, note: Option<String>) -> String {
    note.map_or_else(|| answer.to_owned(), |note| format!("{answer}; {note}"))
}

/// What the system said, without numbers.
fn reason(error: &std::io::Error) -> String {
    let kind = error.kind();
    if kind == std::io::ErrorKind::ConnectionRefused {
        return "connection refused".to_owned();
    }
    if kind == std::io::ErrorKind::TimedOut {
        return "no connection yet".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
