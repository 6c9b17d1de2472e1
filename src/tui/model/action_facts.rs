//! Facts that decide whether an action applies, and the processes that it is applied to.

use super::list::RowId;
use super::{ConnectionState, Model, Pane, Screen};
use crate::control::wire::{ProcessState, WatchState};
use crate::machine::StateName;
use crate::output::safe_name;
use crate::tui::action::{Action, ActionFacts, ActionSubject, AllRow, Focus};

impl Model {
    pub fn focus(&self) -> Focus {
        match (self.screen, self.pane) {
            (Screen::Dashboard, _) if self.is_typing() => Focus::Typing,
            (Screen::Dashboard, Pane::List) => Focus::List,
            (Screen::Dashboard, Pane::Logs) if self.shown_terminal().is_some() => Focus::Terminal,
            (Screen::Dashboard, Pane::Logs) => Focus::Logs,
            (Screen::Details, _) => Focus::Details,
            (Screen::Events | Screen::Graph | Screen::Stats, _) => Focus::View,
        }
    }

    pub fn action_facts(&self) -> ActionFacts {
        let count = |applies: fn(&ProcessState) -> bool| {
            self.overview.processes.iter().filter(|process| applies(process)).count()
        };
        ActionFacts {
            subject: self.subject(),
            marks: self.list.marks.len(),
            selection: self.selection.is_some() || self.terminal.selection.is_some(),
            search: self.logs.search.is_some(),
            typing: self.is_typing(),
            waiting: self.waiting_count(),
            filterable: !matches!(self.screen, Screen::Dashboard | Screen::Details),
            connected: self.connection != ConnectionState::Lost,
            all: (self.list.cursor == RowId::All).then(|| AllRow {
                up: count(is_up),
                alive: count(is_alive),
                down: count(is_startable),
            }),
        }
    }

    fn subject(&self) -> Option<ActionSubject> {
        let row = self.list.row().filter(|row| row.id != RowId::All)?;
        let first = self.processes(&row.members).next()?;
        let alive = self.processes(&row.members).find(|process| is_alive(process));
        Some(ActionSubject {
            name: safe_name(row.id.name()).into_owned(),
            state: alive.unwrap_or(first).state,
            several: row.id.is_several(),
            pool: matches!(row.id, RowId::Pool(_)),
            tty: first.options.tty,
            url: first.options.url.clone(),
            watch: first.watch.map(|state| state == WatchState::On),
            stdin: first.options.stdin,
        })
    }

    /// Returns the process at the cursor, if the row stands for a single one.
    pub fn cursor_process(&self) -> Option<&ProcessState> {
        let row = self.list.row().filter(|row| !row.id.is_several())?;
        self.processes(&row.members).next()
    }

    /// Returns the names in a command for an action: the marked processes, else the row at the cursor.
    /// The row of all stands for the processes that the action can be applied to.
    pub fn targets(&self, action: Action) -> Vec<String> {
        if !self.list.marks.is_empty() {
            return self.list.marks.iter().cloned().collect();
        }
        if self.list.cursor != RowId::All {
            return vec![self.list.cursor.name().to_owned()];
        }
        let applies = if matches!(action, Action::Kill | Action::Signal) {
            is_alive
        } else if action == Action::Start {
            is_startable
        } else {
            is_up
        };
        let processes = self.overview.processes.iter().filter(|process| applies(process));
        processes.map(|process| process.name.to_string()).collect()
    }

    /// Returns the names of the single processes that an action is applied to.
    pub fn target_processes(&self) -> Vec<String> {
        if !self.list.marks.is_empty() {
            return self.list.marks.iter().cloned().collect();
        }
        let members = self.list.row().map(|row| row.members.as_slice()).unwrap_or_default();
        self.processes(members).map(|process| process.name.to_string()).collect()
    }

    /// Returns the number of processes in each state, idle ones left out.
    pub fn counts(&self) -> Vec<(StateName, usize)> {
        let states = [
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
        let processes = &self.overview.processes;
        let count = |state| processes.iter().filter(|process| process.state == state).count();
        let counts = states.into_iter().map(|state| (state, count(state)));
        counts.filter(|(_, number)| *number > 0).collect()
    }
}

fn is_alive(process: &ProcessState) -> bool {
    process.state.is_alive()
}

/// Whether it runs, or is about to.
fn is_up(process: &ProcessState) -> bool {
    !process.state.is_at_rest()
}

/// Whether it starts with the project, does not run and is not done.
fn is_startable(process: &ProcessState) -> bool {
    process.options.autostart && !is_up(process) && process.state != StateName::Succeeded
}
