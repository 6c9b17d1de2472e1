//! Details of the shown process, and when to fetch them again.

use std::time::Duration;

use super::{Model, Screen};
use crate::control::wire::{ProcessDetails, ProcessState, SliceResponse, WhyResponse};

/// Answers of checks and last lines are asked for again after this.
const PACE: Duration = Duration::from_secs(1);

/// All there is to know about one process.
#[derive(Debug, Clone)]
pub struct DetailsData {
    pub name: String,
    /// What looks like a secret is told too.
    pub reveal: bool,
    pub details: ProcessDetails,
    /// Why it is where it is.
    pub why: WhyResponse,
    pub last: SliceResponse,
}

/// What was asked, and what was known of it then.
#[derive(Debug, Clone)]
struct DetailsQuestion {
    name: String,
    reveal: bool,
    member: ProcessState,
    /// The number of the next line then.
    next: u64,
    at: Duration,
}

/// What is known, and what is on its way.
#[derive(Debug, Clone, Default)]
pub struct DetailsFetch {
    known: Option<DetailsData>,
    asked: Option<DetailsQuestion>,
    is_pending: bool,
}

impl DetailsFetch {
    /// What came, unless something else was asked meanwhile; nothing where nobody knows it.
    pub fn take(&mut self, name: &str, reveal: bool, known: Option<DetailsData>) {
        let is_asked =
            self.asked.as_ref().is_some_and(|asked| asked.name == name && asked.reveal == reveal);
        if is_asked {
            (self.known, self.is_pending) = (known, false);
        }
    }
}

impl Model {
    /// All about the chosen process, as far as that has come.
    pub fn known(&self) -> Option<&DetailsData> {
        let name = &self.chosen()?.status.name;
        self.inquiry.known.as_ref().filter(|known| known.name == *name)
    }

    /// What has to be asked now: about whom, and whether with secrets.
    pub fn inquire(&mut self) -> Option<(String, bool)> {
        if self.view != Screen::Details {
            // What may be secret is not kept.
            self.inquiry = DetailsFetch::default();
            return None;
        }
        let member = self.chosen()?.clone();
        let (name, reveal) = (member.status.name.clone(), self.details.values);
        let (next, at) = (self.logs.next(), self.now.since_start);
        let is_due = match &self.inquiry.asked {
            None => true,
            Some(asked) if asked.name != name || asked.reveal != reveal => true,
            Some(_) if self.inquiry.is_pending => false,
            Some(asked) => {
                let is_old = at.saturating_sub(asked.at) >= PACE;
                asked.member != member || is_old && (self.is_checked() || asked.next != next)
            }
        };
        if !is_due {
            return None;
        }
        self.inquiry.is_pending = true;
        let question = DetailsQuestion { name: name.clone(), reveal, member, next, at };
        self.inquiry.asked = Some(question);
        Some((name, reveal))
    }

    /// When it is asked again at the latest, if it is.
    pub fn inquires_in(&self) -> Option<Duration> {
        let asked = self.inquiry.asked.as_ref().filter(|_| self.view == Screen::Details)?;
        let is_wanted = self.is_checked() || asked.next != self.logs.next();
        let due = (asked.at + PACE).saturating_sub(self.now.since_start);
        (is_wanted && !self.inquiry.is_pending).then_some(due)
    }

    /// It answers checks, which nobody tells of.
    fn is_checked(&self) -> bool {
        let known = self.known();
        known.is_some_and(|known| {
            known.details.member.status.state.is_alive() && !known.details.checks.is_empty()
        })
    }
}
