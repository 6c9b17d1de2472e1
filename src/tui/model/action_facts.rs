//! Facts that decide whether an action applies.

use super::list::RowId;
use super::{ConnectionState, Model, Pane, Screen};
use crate::control::wire::{ProcessState, WatchState};
use crate::machine::StateName;
use crate::output::safe_name;
use crate::tui::action::{Action, ActionFacts, ActionSubject, AllRow, Focus};

impl Model {
    pub fn focus(&self) -> Focus {
        match (self.view, self.part) {
            (Screen::Dashboard, Pane::List) => Focus::List,
            (Screen::Dashboard, Pane::Logs) => Focus::Logs,
            (Screen::Details, _) => Focus::Details,
            (Screen::Events | Screen::Graph | Screen::Stats, _) => Focus::View,
        }
    }

    /// What decides whether an action applies.
    pub fn facts(&self) -> ActionFacts {
        ActionFacts {
            subject: self.subject(),
            marks: self.list.marks.len(),
            selection: self.selection.is_some(),
            search: self.logs.search.is_some(),
            lines: !self.logs.items().is_empty(),
            filterable: !matches!(self.view, Screen::Dashboard | Screen::Details),
            connected: self.link != ConnectionState::Lost,
            all: self.all(),
        }
    }

    /// What the row of all stands for, while the cursor is on it.
    fn all(&self) -> Option<AllRow> {
        let number = |of: fn(&ProcessState) -> bool| {
            self.overview.processes.iter().filter(|one| of(one)).count()
        };
        let is_meant = self.list.cursor == RowId::All;
        is_meant.then(|| AllRow {
            up: number(|one| is_up(one.status.state)),
            alive: number(|one| one.status.state.is_alive()),
            down: number(is_to_start),
        })
    }

    /// Whom an action on the row of all is about: those it can do something to.
    pub fn whole(&self, action: Action) -> Vec<String> {
        let is_meant = |one: &&ProcessState| {
            if matches!(action, Action::Kill | Action::Signal) {
                one.status.state.is_alive()
            } else if action == Action::Start {
                is_to_start(one)
            } else {
                is_up(one.status.state)
            }
        };
        let meant = self.overview.processes.iter().filter(is_meant);
        meant.map(|one| one.status.name.clone()).collect()
    }

    fn subject(&self) -> Option<ActionSubject> {
        let row = self.list.row()?;
        if row.id == RowId::All {
            return None;
        }
        let members: Vec<&ProcessState> = self.members(&row.members).collect();
        let first = *members.first()?;
        let status = &first.status;
        let alive = members.iter().find(|one| one.status.state.is_alive());
        Some(ActionSubject {
            name: safe_name(row.id.name()).into_owned(),
            state: alive.map_or(status.state, |one| one.status.state),
            several: row.id.is_several(),
            pool: matches!(row.id, RowId::Pool(_)),
            tty: false,
            port: status.port,
            watch: first.watch.map(|state| state == WatchState::On),
            stdin: first.stdin,
        })
    }

    /// The one process the cursor is on, if it is one.
    pub fn chosen(&self) -> Option<&ProcessState> {
        let row = self.list.row()?;
        match row.id {
            RowId::One(_) => self.members(&row.members).next(),
            RowId::All | RowId::Replicas(_) | RowId::Pool(_) => None,
        }
    }

    /// Whom an action is about, by name: the marks, else what the cursor is on.
    pub fn addressed(&self, action: Action) -> Vec<String> {
        if !self.list.marks.is_empty() {
            return self.list.marks.iter().cloned().collect();
        }
        match &self.list.cursor {
            RowId::All => self.whole(action),
            one @ (RowId::One(_) | RowId::Replicas(_) | RowId::Pool(_)) => {
                vec![one.name().to_owned()]
            }
        }
    }

    /// The single processes that are meant: the marks, else those of the row of the cursor.
    pub fn meant(&self) -> Vec<String> {
        if !self.list.marks.is_empty() {
            return self.list.marks.iter().cloned().collect();
        }
        let row = self.list.row().map(|row| row.members.as_slice()).unwrap_or_default();
        self.members(row).map(|one| one.status.name.clone()).collect()
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

/// It runs, or is about to.
pub fn is_up(state: StateName) -> bool {
    match state {
        StateName::Waiting
        | StateName::Queued
        | StateName::Backoff
        | StateName::Starting
        | StateName::Ready
        | StateName::Unhealthy
        | StateName::Stopping => true,
        StateName::Idle
        | StateName::Stopped
        | StateName::Succeeded
        | StateName::Failed
        | StateName::Skipped => false,
    }
}

/// It starts with the project, and does not run although it is not done.
fn is_to_start(one: &ProcessState) -> bool {
    let is_done = one.status.state == StateName::Succeeded;
    one.autostart && !is_done && !is_up(one.status.state)
}
