//! Asks once what a check asks. Every question is bounded: in time, in what is read, in what is
//! started, and it leaves nothing behind. Nothing in here decides when, or what an answer means.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::spec::{Answer, Probe};
use crate::sys::{Host, Launch};

mod address;
mod command;
mod http;
mod local;
mod ownership;
#[cfg(test)]
mod tests;

use ownership::Ownership;

/// Why a question ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It took longer than this.
    TimedOut(Duration),
    /// Nobody wants the answer any more.
    CalledOff,
}

/// How far a question has got, for the answer of one that takes too long.
#[derive(Debug, Default)]
pub(crate) struct Stage(Mutex<&'static str>);

impl Stage {
    fn reach(&self, what: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    fn reached(&self) -> &'static str {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question.
#[derive(Debug)]
pub struct Question<'a> {
    /// What is asked.
    pub probe: &'a Probe,
    /// The port of the process itself.
    pub own: Option<u16>,
    /// How the command of an `exec` probe is run.
    pub launch: Option<Launch>,
    /// The run whose listener has to answer; nothing where any answer counts.
    pub run: Option<Run<'a>>,
}

/// The run that is asked.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Its leader.
    pub leader: u32,
    /// The name of its process.
    pub name: &'a str,
}

/// Asks, until there is an answer or `end` comes; nothing when it was called off.
pub async fn ask<H: Host>(
    host: &H,
    question: Question<'_>,
    end: impl Future<Output = End>,
) -> Option<Answer> {
    let Question { probe, own, launch, run } = question;
    if let (Probe::Exec(_), Some(launch)) = (probe, launch) {
        return command::ask(host, launch, end).await;
    }
    let stage = Stage::default();
    tokio::select! {
        // An answer that has come counts, also when we were suspended and look late.
        biased;
        answer = look(probe, own, &stage, Ownership { host, run }) => Some(answer),
        end = end => match end {
            End::CalledOff => None,
            End::TimedOut(limit) => {
                let reached = stage.reached();
                let reached = if reached.is_empty() { String::new() } else { format!(" ({reached})") };
                Some(Answer::bad(format!("no answer within {limit:?}{reached}")))
            }
        },
    }
}

async fn look<H: Host>(
    probe: &Probe,
    own: Option<u16>,
    stage: &Stage,
    ownership: Ownership<'_, H>,
) -> Answer {
    match probe {
        Probe::Http(url, statuses) => http::ask(url, statuses, own, stage, ownership).await,
        Probe::Tcp(endpoint) => match address::connect(endpoint, own, stage, ownership).await {
            Ok(note) => Answer::good(with_note("connected", note)),
            Err(error) => Answer::bad(error),
        },
        Probe::Unix(path) => local::unix(path, ownership).await,
        Probe::File(path) => local::file(path, stage).await,
        // Not asked, or asked without a way to run it: a fault of ours, which is not to be silent.
        Probe::Exec(_) | Probe::Log(_) | Probe::Delay(_) | Probe::Notify => {
            Answer::bad("cannot be asked")
        }
    }
}

/// An answer, and what there is to know about who gave it.
fn with_note(answer: &str, note: Option<String>) -> String {
    note.map_or_else(|| answer.to_owned(), |note| format!("{answer}; {note}"))
}
