//! Process list: its rows and the cursor.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use crate::control::wire::{ProcessState, ProjectState};
use crate::machine::StateName;
use crate::spec::choices;
use crate::tui::cycle::next_choice;
use crate::tui::pattern::ListFilter;
use crate::tui::text;

/// Groups of more members are folded by default.
const UNFOLDED_LIMIT: usize = 4;

/// The identity of a row, independent of its position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RowId {
    #[default]
    All,
    /// The replicas of a process.
    Replicas(String),
    /// The jobs of a pool.
    Pool(String),
    /// A process, a replica or a job.
    Process(String),
}

impl RowId {
    /// The name in a command.
    pub fn name(&self) -> &str {
        match self {
            Self::All => "all",
            Self::Replicas(name) | Self::Pool(name) | Self::Process(name) => name,
        }
    }

    /// The name in the list.
    pub fn label(&self, members: usize) -> String {
        match self {
            Self::Replicas(name) => format!("{name} x{members}"),
            Self::Pool(name) => format!("{name} ({members})"),
            Self::All | Self::Process(_) => self.name().to_owned(),
        }
    }

    pub fn is_several(&self) -> bool {
        !matches!(self, Self::Process(_))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    pub id: RowId,
    /// The processes of the row, as places in the overview.
    pub members: Vec<usize>,
    pub place: RowPlace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowPlace {
    Top,
    Group {
        /// Whether the rows of its members are hidden.
        folded: bool,
    },
    Member {
        /// Whether it is the last member of its group.
        last: bool,
    },
}

choices! {
    /// The order of the list.
    #[derive(Default)]
    pub enum Sort {
        /// The order of the file.
        #[default]
        File = "file",
        Name = "name",
        /// States that need attention first.
        State = "state",
        /// Shortest first.
        Uptime = "uptime",
        /// Highest usage first.
        Cpu = "cpu",
        /// Highest usage first.
        Memory = "memory",
        /// Most restarts first.
        Restarts = "restarts",
    }
}

#[derive(Debug, Clone, Default)]
pub struct ProcessList {
    /// The row of the cursor.
    pub cursor: RowId,
    /// The place of that row; of its last place if the row is gone.
    pub cursor_index: usize,
    /// Names of marked processes.
    pub marks: BTreeSet<String>,
    /// Names of processes that are hidden in the merged logs.
    pub muted: BTreeSet<String>,
    pub filter: ListFilter,
    pub filter_text: String,
    pub hides_stopped: bool,
    pub sort: Sort,
    pub reversed: bool,
    /// Groups that the user has folded or unfolded.
    folds: BTreeMap<String, bool>,
    /// The visible rows; the first one stands for all processes.
    pub rows: Vec<ListRow>,
    /// Columns of the longest name, also of folded and filtered rows, so that the other columns stay
    /// where they are.
    pub name_width: usize,
}

impl ProcessList {
    pub fn row(&self) -> Option<&ListRow> {
        self.rows.get(self.cursor_index)
    }

    /// Builds the rows. The cursor stays on its row, or on the row that takes its place.
    pub fn arrange(&mut self, overview: &ProjectState) {
        let processes = &overview.processes;
        let names: BTreeSet<&str> = processes.iter().map(|process| process.name.as_str()).collect();
        self.marks.retain(|name| names.contains(name.as_str()));
        let members = (0..processes.len()).collect();
        self.rows = vec![ListRow { id: RowId::All, members, place: RowPlace::Top }];
        let mut groups = groups(overview);
        self.name_width = name_width(overview, &groups);
        for (_, members) in &mut groups {
            members.retain(|at| processes.get(*at).is_some_and(|process| self.shows(process)));
        }
        groups.retain(|(_, members)| !members.is_empty());
        groups.sort_by(|(_, a), (_, b)| self.order(overview, a.first(), b.first()));
        for (id, members) in groups {
            self.push_group(overview, id, members);
        }
        let index = self.rows.iter().position(|row| row.id == self.cursor);
        self.go(index.unwrap_or(self.cursor_index));
    }

    fn push_group(&mut self, overview: &ProjectState, id: RowId, mut members: Vec<usize>) {
        if !id.is_several() {
            self.rows.push(ListRow { id, members, place: RowPlace::Top });
            return;
        }
        members.sort_by(|a, b| self.order(overview, Some(a), Some(b)));
        let by_default = members.len() > UNFOLDED_LIMIT || matches!(id, RowId::Pool(_));
        let folded = self.folds.get(id.name()).copied().unwrap_or(by_default);
        let unfolded = if folded { Vec::new() } else { members.clone() };
        self.rows.push(ListRow { id, members, place: RowPlace::Group { folded } });
        for (at, member) in unfolded.iter().enumerate() {
            if let Some(process) = overview.processes.get(*member) {
                let id = RowId::Process(process.name.to_string());
                let place = RowPlace::Member { last: at + 1 == unfolded.len() };
                self.rows.push(ListRow { id, members: vec![*member], place });
            }
        }
    }

    fn shows(&self, process: &ProcessState) -> bool {
        let state = process.state;
        let is_stopped = state.is_at_rest() && state != StateName::Failed;
        !(is_stopped && self.hides_stopped) && self.filter.shows(&process.name)
    }

    fn order(&self, overview: &ProjectState, a: Option<&usize>, b: Option<&usize>) -> Ordering {
        let process = |at: Option<&usize>| overview.processes.get(*at?);
        let (Some(a), Some(b)) = (process(a), process(b)) else { return Ordering::Equal };
        let order = match self.sort {
            Sort::File => Ordering::Equal,
            Sort::Name => a.name.cmp(&b.name),
            Sort::State => urgency(a.state).cmp(&urgency(b.state)),
            Sort::Uptime => {
                let uptime = |ms: Option<u64>| ms.unwrap_or(u64::MAX);
                uptime(a.uptime_ms).cmp(&uptime(b.uptime_ms))
            }
            Sort::Cpu => {
                let cpu = |percent: Option<f64>| percent.unwrap_or(-1.0);
                cpu(b.cpu_percent).total_cmp(&cpu(a.cpu_percent))
            }
            Sort::Memory => Reverse(a.memory_bytes).cmp(&Reverse(b.memory_bytes)),
            Sort::Restarts => Reverse(a.restarts).cmp(&Reverse(b.restarts)),
        };
        if self.reversed { order.reverse() } else { order }
    }

    pub fn sort_by_next(&mut self) {
        self.sort = next_choice(Sort::ALL, self.sort);
    }

    /// Moves the cursor to a row.
    pub fn go(&mut self, index: usize) {
        self.cursor_index = index.min(self.rows.len().saturating_sub(1));
        if let Some(row) = self.rows.get(self.cursor_index) {
            self.cursor = row.id.clone();
        }
    }

    pub fn step(&mut self, rows: isize) {
        self.go(self.cursor_index.saturating_add_signed(rows));
    }

    /// Moves the cursor to a process, and unfolds its group.
    pub fn go_to(&mut self, name: &str, overview: &ProjectState) -> bool {
        if let Some(index) = self.rows.iter().position(|row| row.id.name() == name) {
            self.go(index);
            return true;
        }
        if !overview.processes.iter().any(|process| process.name == name) {
            return false;
        }
        let group = groups(overview).into_iter().find(|(id, members)| {
            id.is_several() && member_names(members, overview).contains(&name)
        });
        if let Some((group, _)) = group {
            self.folds.insert(group.name().to_owned(), false);
        }
        self.cursor = RowId::Process(name.to_owned());
        self.arrange(overview);
        true
    }

    /// Folds or unfolds the group at the cursor, if there is one.
    pub fn fold(&mut self, overview: &ProjectState) {
        if let Some(ListRow { id, place: RowPlace::Group { folded }, .. }) = self.row() {
            self.folds.insert(id.name().to_owned(), !folded);
            self.arrange(overview);
        }
    }

    /// Returns the names of the processes of a row.
    pub fn names<'a>(&self, index: usize, overview: &'a ProjectState) -> Vec<&'a str> {
        let members = self.rows.get(index).map_or(&[][..], |row| &row.members);
        member_names(members, overview)
    }

    /// Marks the row at the cursor, or unmarks it if all of it is marked.
    pub fn mark(&mut self, overview: &ProjectState) {
        let names = self.names(self.cursor_index, overview);
        toggle(&mut self.marks, &names);
    }

    pub fn mark_all(&mut self, overview: &ProjectState) {
        for index in 1..self.rows.len() {
            let names = self.names(index, overview);
            self.marks.extend(names.into_iter().map(str::to_owned));
        }
    }

    /// Mutes the row at the cursor in the merged logs, or unmutes it if all of it is muted.
    pub fn mute(&mut self, overview: &ProjectState) {
        let names = self.names(self.cursor_index, overview);
        toggle(&mut self.muted, &names);
    }
}

fn member_names<'a>(members: &[usize], overview: &'a ProjectState) -> Vec<&'a str> {
    let processes = members.iter().filter_map(|at| overview.processes.get(*at));
    processes.map(|process| process.name.as_str()).collect()
}

/// Removes the names if all of them are in the set; otherwise adds them.
fn toggle(set: &mut BTreeSet<String>, names: &[&str]) {
    if names.iter().all(|name| set.contains(*name)) {
        set.retain(|name| !names.contains(&name.as_str()));
    } else {
        set.extend(names.iter().map(|name| (*name).to_owned()));
    }
}

fn urgency(state: StateName) -> u8 {
    match state {
        StateName::Failed => 0,
        StateName::Unhealthy => 1,
        StateName::Backoff => 2,
        StateName::Skipped => 3,
        StateName::Stopping => 4,
        StateName::Starting => 5,
        StateName::Waiting => 6,
        StateName::Queued => 7,
        StateName::Ready => 8,
        StateName::Stopped => 9,
        StateName::Succeeded => 10,
        StateName::Idle => 11,
    }
}

/// Returns the top rows with their members, in the order of the file.
fn groups(overview: &ProjectState) -> Vec<(RowId, Vec<usize>)> {
    let replicas = overview.processes.iter().filter(|process| process.replica.is_some());
    let replicated: BTreeSet<&str> = replicas.map(|process| process.process.as_str()).collect();
    let mut groups: Vec<(RowId, Vec<usize>)> = Vec::new();
    let mut places: BTreeMap<RowId, usize> = BTreeMap::new();
    for (at, process) in overview.processes.iter().enumerate() {
        let id = match &process.pool {
            // The first of several replicas has no number if it was started as the only one.
            _ if process.replica.is_some() => RowId::Replicas(process.process.to_string()),
            Some(pool) => RowId::Pool(pool.to_string()),
            None if replicated.contains(process.process.as_str()) => {
                RowId::Replicas(process.process.to_string())
            }
            None => RowId::Process(process.name.to_string()),
        };
        let group = places.get(&id).and_then(|place| groups.get_mut(*place));
        if let Some((_, members)) = group {
            members.push(at);
        } else {
            places.insert(id.clone(), groups.len());
            groups.push((id, vec![at]));
        }
    }
    groups
}

/// Returns the columns of the longest name; members are indented.
fn name_width(overview: &ProjectState, groups: &[(RowId, Vec<usize>)]) -> usize {
    let widths = groups.iter().flat_map(|(id, members)| {
        let indent = if id.is_several() { 2 } else { 0 };
        let processes = members.iter().filter_map(|at| overview.processes.get(*at));
        let names = processes.map(move |process| text::width(&process.name) + indent);
        names.chain([text::width(&id.label(members.len()))])
    });
    widths.max().unwrap_or(0)
}
