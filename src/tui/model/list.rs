//! Process list: its rows and the cursor.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::control::wire::{ProcessState, ProjectState};
use crate::machine::StateName;
use crate::tui::pattern::ListFilter;
use crate::tui::text;

/// More members than this are folded until somebody unfolds them.
const UNFOLDED: usize = 4;

/// What a row stands for. It stays the same wherever the row is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RowId {
    #[default]
    All,
    /// The replicas of this process.
    Replicas(String),
    /// The jobs of this pool.
    Pool(String),
    /// A process, a replica or a job.
    One(String),
}

impl RowId {
    /// As it is called in an order.
    pub fn name(&self) -> &str {
        match self {
            Self::All => "all",
            Self::Replicas(name) | Self::Pool(name) | Self::One(name) => name,
        }
    }

    /// As it is called in the list, with so many members.
    pub fn label(&self, members: usize) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Replicas(name) => format!("{name} x{members}"),
            Self::Pool(name) => format!("{name} ({members})"),
            Self::One(name) => name.clone(),
        }
    }

    /// Whether it stands for several.
    pub fn is_several(&self) -> bool {
        !matches!(self, Self::One(_))
    }
}

/// A row that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    pub id: RowId,
    /// Which processes, as places in the status.
    pub members: Vec<usize>,
    pub place: RowPlace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowPlace {
    Top,
    /// By itself, with members that are shown below it or not.
    Group {
        folded: bool,
    },
    Member {
        /// Nothing follows it there.
        last: bool,
    },
}

/// By what the list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// As in the file.
    #[default]
    File,
    Name,
    /// What needs looking at first.
    State,
    /// The youngest first.
    Uptime,
    /// The greediest first.
    Cpu,
    /// The largest first.
    Memory,
    /// The most restless first.
    Restarts,
}

impl Sort {
    const ALL: [Self; 7] = [
        Self::File,
        Self::Name,
        Self::State,
        Self::Uptime,
        Self::Cpu,
        Self::Memory,
        Self::Restarts,
    ];

    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|one| *one == self).unwrap_or_default();
        Self::ALL.get(at + 1).copied().unwrap_or_default()
    }

    /// As it is called in the title.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Name => "name",
            Self::State => "state",
            Self::Uptime => "uptime",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Restarts => "restarts",
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct ProcessList {
    /// What the cursor is on.
    pub cursor: RowId,
    /// Where that was seen last, for when it goes.
    at: usize,
    /// Processes that are marked, by name.
    pub marks: BTreeSet<String>,
    /// Processes that are not shown in the merged view.
    pub muted: BTreeSet<String>,
    pub filter: ListFilter,
    pub filter_text: String,
    /// What does not run is not shown.
    pub hides_stopped: bool,
    pub sort: Sort,
    pub reversed: bool,
    /// Groups somebody has folded or unfolded.
    folds: BTreeMap<String, bool>,
    rows: Vec<ListRow>,
    /// Columns of the longest name, of those that are folded or filtered out too: what is beside it
    /// stays where it is.
    widest: usize,
}

impl ProcessList {
    /// The rows that are shown; the first is that of everything.
    pub fn rows(&self) -> &[ListRow] {
        &self.rows
    }

    /// Where the cursor is among them.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Columns of the longest name there is.
    pub fn widest(&self) -> usize {
        self.widest
    }

    /// The row it is on.
    pub fn row(&self) -> Option<&ListRow> {
        self.rows.get(self.at)
    }

    /// Makes the rows anew. The cursor stays on what it is on, wherever that is now; if it is not
    /// there any more, it is on what has taken its place.
    pub fn arrange(&mut self, status: &ProjectState) {
        let there: BTreeSet<&str> =
            status.processes.iter().map(|one| one.status.name.as_str()).collect();
        self.marks.retain(|name| there.contains(name.as_str()));
        let all = ListRow {
            id: RowId::All,
            members: (0..status.processes.len()).collect(),
            place: RowPlace::Top,
        };
        self.rows = vec![all];
        let mut tops = groups(status);
        self.widest = widest(status, &tops);
        for (_, members) in &mut tops {
            members.retain(|at| status.processes.get(*at).is_some_and(|one| self.shows(one)));
        }
        tops.retain(|(_, members)| !members.is_empty());
        tops.sort_by(|(_, a), (_, b)| self.order(status, first(a), first(b)));
        for (id, members) in tops {
            self.put(status, id, members);
        }
        let found = self.rows.iter().position(|row| row.id == self.cursor);
        self.at = found.unwrap_or(self.at.min(self.rows.len() - 1));
        if let Some(row) = self.rows.get(self.at) {
            self.cursor = row.id.clone();
        }
    }

    fn put(&mut self, status: &ProjectState, id: RowId, mut members: Vec<usize>) {
        if !id.is_several() {
            self.rows.push(ListRow { id, members, place: RowPlace::Top });
            return;
        }
        members.sort_by(|a, b| self.order(status, Some(*a), Some(*b)));
        let folded = self.is_folded(&id, members.len());
        let below = if folded { Vec::new() } else { members.clone() };
        self.rows.push(ListRow { id, members, place: RowPlace::Group { folded } });
        for (at, member) in below.iter().enumerate() {
            if let Some(one) = status.processes.get(*member) {
                let (id, last) = (RowId::One(one.status.name.clone()), at + 1 == below.len());
                let place = RowPlace::Member { last };
                self.rows.push(ListRow { id, members: vec![*member], place });
            }
        }
    }

    fn is_folded(&self, id: &RowId, members: usize) -> bool {
        let told = self.folds.get(id.name()).copied();
        told.unwrap_or(members > UNFOLDED || matches!(id, RowId::Pool(_)))
    }

    fn shows(&self, one: &ProcessState) -> bool {
        let runs = match one.status.state {
            StateName::Idle | StateName::Stopped | StateName::Succeeded | StateName::Skipped => {
                false
            }
            StateName::Waiting
            | StateName::Queued
            | StateName::Starting
            | StateName::Ready
            | StateName::Unhealthy
            | StateName::Stopping
            | StateName::Backoff
            | StateName::Failed => true,
        };
        (runs || !self.hides_stopped) && self.filter.shows(&one.status.name)
    }

    fn order(&self, status: &ProjectState, a: Option<usize>, b: Option<usize>) -> Ordering {
        let one = |at: Option<usize>| at.and_then(|at| status.processes.get(at));
        let (Some(a), Some(b)) = (one(a), one(b)) else { return Ordering::Equal };
        let order = match self.sort {
            Sort::File => Ordering::Equal,
            Sort::Name => a.status.name.cmp(&b.status.name),
            Sort::State => urgency(a.status.state).cmp(&urgency(b.status.state)),
            Sort::Uptime => {
                let up = |one: &ProcessState| one.status.uptime_ms.unwrap_or(u64::MAX);
                up(a).cmp(&up(b))
            }
            Sort::Cpu => {
                let cpu = |one: &ProcessState| one.status.cpu_percent.unwrap_or(-1.0);
                cpu(b).total_cmp(&cpu(a))
            }
            Sort::Memory => b.status.memory_bytes.cmp(&a.status.memory_bytes),
            Sort::Restarts => b.status.restarts.cmp(&a.status.restarts),
        };
        if self.reversed { order.reverse() } else { order }
    }

    /// Moves the cursor to a row.
    pub fn go(&mut self, at: usize) {
        self.at = at.min(self.rows.len().saturating_sub(1));
        if let Some(row) = self.rows.get(self.at) {
            self.cursor = row.id.clone();
        }
    }

    /// Moves it by so many rows.
    pub fn step(&mut self, rows: isize) {
        self.go(self.at.saturating_add_signed(rows));
    }

    /// Moves it to a process, and shows that one.
    pub fn go_to(&mut self, name: &str, status: &ProjectState) {
        if let Some(at) = self.rows.iter().position(|row| row.id.name() == name) {
            return self.go(at);
        }
        self.cursor = RowId::One(name.to_owned());
        self.arrange(status);
        if self.cursor.name() != name {
            let group = group_of(name, status);
            if let Some(group) = group {
                self.folds.insert(group, false);
                self.cursor = RowId::One(name.to_owned());
                self.arrange(status);
            }
        }
    }

    /// Folds or unfolds the group of the cursor; false where there is none.
    pub fn fold(&mut self, status: &ProjectState) -> bool {
        let Some(ListRow { id, place: RowPlace::Group { folded }, .. }) = self.row() else {
            return false;
        };
        self.folds.insert(id.name().to_owned(), !folded);
        self.arrange(status);
        true
    }

    /// Names of the processes of a row.
    pub fn names<'a>(&self, at: usize, status: &'a ProjectState) -> Vec<&'a str> {
        let members = self.rows.get(at).map_or(&[][..], |row| &row.members);
        let one = |at: &usize| status.processes.get(*at).map(|one| one.status.name.as_str());
        members.iter().filter_map(one).collect()
    }

    /// Marks what the cursor is on, or takes the mark away where all of it is marked.
    pub fn mark(&mut self, status: &ProjectState) {
        let names = self.names(self.at, status);
        if names.iter().all(|name| self.marks.contains(*name)) {
            for name in names {
                self.marks.remove(name);
            }
        } else {
            self.marks.extend(names.into_iter().map(str::to_owned));
        }
    }

    /// Marks all that is shown.
    pub fn mark_all(&mut self, status: &ProjectState) {
        for at in 1..self.rows.len() {
            let names = self.names(at, status);
            self.marks.extend(names.into_iter().map(str::to_owned));
        }
    }

    /// Mutes what the cursor is on in the merged view, or lets it be heard again.
    pub fn mute(&mut self, status: &ProjectState) {
        let names = self.names(self.at, status);
        if names.iter().all(|name| self.muted.contains(*name)) {
            for name in names {
                self.muted.remove(name);
            }
        } else {
            self.muted.extend(names.into_iter().map(str::to_owned));
        }
    }
}

fn first(members: &[usize]) -> Option<usize> {
    members.first().copied()
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

/// Whom a process is shown below. The first of several may have been alone before, and be called as
/// it was then.
fn group_id(one: &ProcessState, replicated: &BTreeSet<&str>) -> RowId {
    let status = &one.status;
    match (&status.pool, status.replica) {
        (_, Some(_)) => RowId::Replicas(status.process.clone()),
        (Some(pool), None) => RowId::Pool(pool.clone()),
        (None, None) if replicated.contains(status.process.as_str()) => {
            RowId::Replicas(status.process.clone())
        }
        (None, None) => RowId::One(status.name.clone()),
    }
}

/// Processes of which there are several.
fn replicated(status: &ProjectState) -> BTreeSet<&str> {
    let replicas = status.processes.iter().filter(|one| one.status.replica.is_some());
    replicas.map(|one| one.status.process.as_str()).collect()
}

fn group_of(name: &str, status: &ProjectState) -> Option<String> {
    let one = status.processes.iter().find(|one| one.status.name == name)?;
    let id = group_id(one, &replicated(status));
    id.is_several().then(|| id.name().to_owned())
}

/// What stands at the top, in the order of the file.
fn groups(status: &ProjectState) -> Vec<(RowId, Vec<usize>)> {
    let mut tops: Vec<(RowId, Vec<usize>)> = Vec::new();
    let mut places: BTreeMap<RowId, usize> = BTreeMap::new();
    let replicated = replicated(status);
    for (at, one) in status.processes.iter().enumerate() {
        let id = group_id(one, &replicated);
        let known = places.get(&id).and_then(|place| tops.get_mut(*place));
        if let Some((_, members)) = known {
            members.push(at);
        } else {
            places.insert(id.clone(), tops.len());
            tops.push((id, vec![at]));
        }
    }
    tops
}

/// Columns of the longest name: members stand a little to the right.
fn widest(status: &ProjectState, tops: &[(RowId, Vec<usize>)]) -> usize {
    let one = |at: &usize| status.processes.get(*at);
    let all = tops.iter().flat_map(|(id, members)| {
        let indent = if id.is_several() { 2 } else { 0 };
        let names = members.iter().filter_map(one);
        let names = names.map(move |one| text::width(&one.status.name) + indent);
        names.chain([text::width(&id.label(members.len()))])
    });
    all.max().unwrap_or(0)
}
