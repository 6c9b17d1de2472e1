//! What decides whether an action applies now.

use super::list::RowId;
use super::{Part, Ui, View};
use crate::control::wire::{Member, WatchState};
use crate::machine::StateName;
use crate::output::safe_name;
use crate::tui::action::{Facts, Focus, Subject};

impl Ui {
    /// What has the focus.
    pub fn focus(&self) -> Focus {
        match (self.view, self.part) {
            (View::Dashboard, Part::List) => Focus::List,
            (View::Dashboard, Part::Logs) => Focus::Logs,
            (View::Details, _) => Focus::Details,
            (View::Events | View::Graph | View::Stats, _) => Focus::View,
        }
    }

    /// What decides whether an action applies.
    pub fn facts(&self) -> Facts {
        Facts {
            subject: self.subject(),
            marks: self.list.marks.len(),
            selection: self.selection.is_some(),
            search: self.logs.search.is_some(),
            lines: !self.logs.items().is_empty(),
            connected: self.connected,
        }
    }

    fn subject(&self) -> Option<Subject> {
        let row = self.list.row()?;
        if row.id == RowId::All {
            return None;
        }
        let members: Vec<&Member> = self.members(&row.members).collect();
        let first = *members.first()?;
        let status = &first.status;
        let alive = members.iter().find(|one| one.status.state.is_alive());
        Some(Subject {
            name: safe_name(row.id.name()).into_owned(),
            state: alive.map_or(status.state, |one| one.status.state),
            several: row.id.is_several(),
            pool: matches!(row.id, RowId::Pool(_)),
            tty: false,
            port: status.port,
            watch: first.watch.map(|state| state == WatchState::On),
            placed: false,
            stdin: first.stdin,
        })
    }

    /// The one process the cursor is on, if it is one.
    pub fn chosen(&self) -> Option<&Member> {
        let row = self.list.row()?;
        match row.id {
            RowId::One(_) => self.members(&row.members).next(),
            RowId::All | RowId::Replicas(_) | RowId::Pool(_) => None,
        }
    }

    /// Whom an order is about, by name: the marks, else what the cursor is on.
    pub fn addressed(&self) -> Vec<String> {
        if self.list.marks.is_empty() {
            vec![self.list.cursor.name().to_owned()]
        } else {
            self.list.marks.iter().cloned().collect()
        }
    }

    /// How many there are in each state that is worth a sign.
    pub fn counts(&self) -> Vec<(StateName, bool, usize)> {
        let mut counts: Vec<(StateName, bool, usize)> = Vec::new();
        let order = [
            StateName::Ready,
            StateName::Starting,
            StateName::Waiting,
            StateName::Queued,
            StateName::Backoff,
            StateName::Unhealthy,
            StateName::Stopping,
            StateName::Failed,
            StateName::Skipped,
            StateName::Stopped,
            StateName::Succeeded,
        ];
        for state in order {
            let of_it = self.overview.processes.iter().filter(|one| one.status.state == state);
            let number = of_it.count();
            if number > 0 {
                counts.push((state, true, number));
            }
        }
        counts
    }
}
