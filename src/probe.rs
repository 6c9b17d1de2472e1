//! Asks once what a check asks. Every question is bounded: in time, in what is read, in what is
//! started, and it leaves nothing behind. Nothing in here decides when, or what an answer means.

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

/// Why a question ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeFailure {
    /// It took longer than this.
    TimedOut(Duration),
    /// Nobody wants the answer any more.
    CalledOff,
}

/// How far a question has got, for the answer of one that takes too long.
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
    /// How the command of an `exec` probe is run.
    pub launch: Option<Launch>,
    /// The run whose listener has to answer; nothing where any answer counts.
    pub run: Option<ProbedRun<'a>>,
}

/// The run that is asked.
#[derive(Debug, Clone, Copy)]
pub struct ProbedRun<'a> {
    pub leader: u32,
    /// The name of its process.
    pub name: &'a str,
}

/// Asks, until there is an answer or `end` comes; nothing when it was called off.
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
        // An answer that has come counts, also when we were suspended and look late.
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
        // Not asked, or asked without a way to run it: a fault of ours, which is not to be silent.
        Probe::Exec(_) | Probe::Log(_) | Probe::Delay(_) | Probe::Notify => {
            ProbeResult::bad("cannot be asked")
        }
    }
}

/// An answer, and what there is to know about who gave it.
fn with_note(answer: &str, note: Option<String>) -> String {
    note.map_or_else(|| answer.to_owned(), |note| format!("{answer}; {note}"))
}
