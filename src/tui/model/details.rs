//! Details of the selected process, and when to fetch them again.

use std::time::Duration;

use super::{Model, Screen};
use crate::control::wire::{ProcessDetails, ProcessState, SliceResponse, WhyResponse};
use crate::spec::choices;

/// The age at which results of checks and the last lines are fetched again.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

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
    /// Rows above the visible ones.
    pub above: usize,
    /// Values that look like secrets are shown.
    pub reveals_values: bool,
}

impl DetailsView {
    /// Shows the next tab, or with `back` the previous one.
    pub(in crate::tui) fn next_tab(&mut self, back: bool) {
        let tabs = DetailsTab::ALL;
        let index = tabs.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        let index = (index + if back { tabs.len() - 1 } else { 1 }) % tabs.len();
        (self.tab, self.above) = (tabs.get(index).copied().unwrap_or_default(), 0);
    }

    /// Shows or hides the values of the environment.
    pub(in crate::tui) fn toggle_values(&mut self) {
        (self.tab, self.reveals_values, self.above) = (DetailsTab::Env, !self.reveals_values, 0);
    }
}

/// Everything that the project reports about one process.
#[derive(Debug, Clone)]
pub struct DetailsData {
    pub name: String,
    /// Values that look like secrets are included.
    pub reveal: bool,
    pub details: ProcessDetails,
    /// The reasons of its state.
    pub why: WhyResponse,
    pub last_lines: SliceResponse,
}

/// The latest request, and the state of the model at that time.
#[derive(Debug, Clone)]
struct DetailsRequest {
    name: String,
    reveal: bool,
    member: ProcessState,
    /// The number of the next line.
    next_seq: u64,
    time: Duration,
}

/// The latest details, and the latest request for them.
#[derive(Debug, Clone, Default)]
pub struct DetailsFetch {
    data: Option<DetailsData>,
    request: Option<DetailsRequest>,
    is_pending: bool,
}

impl DetailsFetch {
    /// Stores a response, unless it belongs to an earlier request; `data` is `None` if the process is
    /// unknown.
    pub fn take(&mut self, name: &str, reveal: bool, data: Option<DetailsData>) {
        let request = self.request.as_ref();
        if request.is_some_and(|request| request.name == name && request.reveal == reveal) {
            (self.data, self.is_pending) = (data, false);
        }
    }
}

impl Model {
    /// Returns the details of the selected process, if they were received.
    pub fn details_data(&self) -> Option<&DetailsData> {
        let name = &self.cursor_process()?.name;
        self.details_fetch.data.as_ref().filter(|data| data.name == *name)
    }

    /// Returns the request to send now: the name of the process, and whether to include secrets.
    pub fn details_to_fetch(&mut self) -> Option<(String, bool)> {
        if self.screen != Screen::Details {
            // Possible secrets are not kept in memory.
            self.details_fetch = DetailsFetch::default();
            return None;
        }
        let member = self.cursor_process()?.clone();
        let (name, reveal) = (member.name.clone(), self.details.reveals_values);
        let (next_seq, time) = (self.logs.next_seq, self.now.since_start);
        let is_due = match &self.details_fetch.request {
            None => true,
            Some(request) if request.name != name || request.reveal != reveal => true,
            Some(_) if self.details_fetch.is_pending => false,
            Some(request) => {
                let is_old = time.saturating_sub(request.time) >= REFRESH_INTERVAL;
                request.member != member
                    || is_old && (self.has_live_checks() || request.next_seq != next_seq)
            }
        };
        if !is_due {
            return None;
        }
        self.details_fetch.is_pending = true;
        let request = DetailsRequest { name: name.to_string(), reveal, member, next_seq, time };
        self.details_fetch.request = Some(request);
        Some((name.to_string(), reveal))
    }

    /// Returns the time until the next request, if one is due without further changes.
    pub fn details_due_in(&self) -> Option<Duration> {
        let is_shown = self.screen == Screen::Details;
        let request = self.details_fetch.request.as_ref().filter(|_| is_shown)?;
        let is_wanted = self.has_live_checks() || request.next_seq != self.logs.next_seq;
        let due = (request.time + REFRESH_INTERVAL).saturating_sub(self.now.since_start);
        (is_wanted && !self.details_fetch.is_pending).then_some(due)
    }

    /// Whether the process is alive and has checks, whose results come without an event.
    fn has_live_checks(&self) -> bool {
        let data = self.details_data();
        data.is_some_and(|data| {
            data.details.member.state.is_alive() && !data.details.checks.is_empty()
        })
    }
}
