//! Details of the shown process, and when to fetch them again.

use std::time::Duration;

use super::{Model, Screen};
use crate::control::wire::{ProcessDetails, ProcessState, SliceResponse, WhyResponse};
use crate::spec::choices;

/// Answers of checks and last lines are asked for again after this.
const PACE: Duration = Duration::from_secs(1);

choices! {
    /// A tab of the details screen.
    #[derive(Default)]
    pub enum DetailsTab {
        #[default]
        Overview = "Overview",
        Runs = "Runs",
        Env = "Env",
        Probes = "Probes",
        Files = "Files",
    }
}

/// State of the details screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DetailsView {
    pub tab: DetailsTab,
    /// Rows that are scrolled off the top.
    pub above: usize,
    /// Values that look like secrets are shown too.
    pub values: bool,
}

impl DetailsView {
    /// Shows the next tab, or with `back` the previous one.
    pub(in crate::tui) fn turn(&mut self, back: bool) {
        let tabs = DetailsTab::ALL;
        let index = tabs.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        let index = (index + if back { tabs.len() - 1 } else { 1 }) % tabs.len();
        (self.tab, self.above) = (tabs.get(index).copied().unwrap_or_default(), 0);
    }

    /// Shows or hides the values of the environment.
    pub(in crate::tui) fn toggle_values(&mut self) {
        (self.tab, self.values, self.above) = (DetailsTab::Env, !self.values, 0);
    }
}

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
    pub fn details_data(&self) -> Option<&DetailsData> {
        let name = &self.cursor_process()?.name;
        self.details_fetch.known.as_ref().filter(|known| known.name == *name)
    }

    /// What has to be asked now: about whom, and whether with secrets.
    pub fn details_to_fetch(&mut self) -> Option<(String, bool)> {
        if self.screen != Screen::Details {
            // What may be secret is not kept.
            self.details_fetch = DetailsFetch::default();
            return None;
        }
        let member = self.cursor_process()?.clone();
        let (name, reveal) = (member.name.clone(), self.details.values);
        let (next, at) = (self.logs.next_seq, self.now.since_start);
        let is_due = match &self.details_fetch.asked {
            None => true,
            Some(asked) if asked.name != name || asked.reveal != reveal => true,
            Some(_) if self.details_fetch.is_pending => false,
            Some(asked) => {
                let is_old = at.saturating_sub(asked.at) >= PACE;
                asked.member != member || is_old && (self.is_checked() || asked.next != next)
            }
        };
        if !is_due {
            return None;
        }
        self.details_fetch.is_pending = true;
        let question = DetailsQuestion { name: name.to_string(), reveal, member, next, at };
        self.details_fetch.asked = Some(question);
        Some((name.to_string(), reveal))
    }

    /// When it is asked again at the latest, if it is.
    pub fn details_due_in(&self) -> Option<Duration> {
        let asked = self.details_fetch.asked.as_ref().filter(|_| self.screen == Screen::Details)?;
        let is_wanted = self.is_checked() || asked.next != self.logs.next_seq;
        let due = (asked.at + PACE).saturating_sub(self.now.since_start);
        (is_wanted && !self.details_fetch.is_pending).then_some(due)
    }

    /// It answers checks, which nobody tells of.
    fn is_checked(&self) -> bool {
        let known = self.details_data();
        known.is_some_and(|known| {
            known.details.member.state.is_alive() && !known.details.checks.is_empty()
        })
    }
}
