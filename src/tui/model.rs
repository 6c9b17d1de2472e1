//! The model: all data that determines the screen.

pub mod action_facts;
pub(in crate::tui) mod columns;
pub mod details;
pub mod json;
pub mod layout;
pub mod list;
pub mod log_window;
pub mod logs;
pub mod search;
pub mod selection;
pub(in crate::tui) mod viewport;

use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::layout::Size;

use super::action::Action;
use super::appearance::Appearance;
use super::clock::ClockReading;
use super::config::{Config, PaneLayout};
use super::overlay::Overlay;
use super::pattern::ListFilter;
use super::prompt::{History, Prompt};
use super::screens::details::DetailsView;
use super::screens::overview::{ReadyTimes, UsageHistory};
use super::screens::timeline::Timeline;
use super::theme::Role;
use crate::control::Measure;
use crate::control::wire::{PhaseName, ProcessState, ProjectState};
use crate::machine::StateName;
use details::DetailsFetch;
use list::ProcessList;
use logs::scroll::TextArea;
use logs::{LogsPane, LogsPosition, LogsSource};
use selection::Selection;

/// How long something said at the bottom stays.
const SAID: Duration = Duration::from_secs(4);

/// Which view is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Screen {
    #[default]
    Dashboard,
    Events,
    Graph,
    Stats,
    Details,
}

/// Which part of the dashboard has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    #[default]
    List,
    Logs,
}

/// What a prompt asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptKind {
    /// A search in the logs; nothing but a look until it is confirmed.
    Search,
    FilterLines,
    FilterList,
    FilterView,
    /// The text of a mark.
    Marker,
    /// A file to save to.
    Save,
    /// A command the lines go to.
    Pipe,
    /// A command to run once.
    Run,
    /// A line for the input of a process.
    Send,
}

#[derive(Debug, Clone, Default)]
pub struct Histories {
    /// Searches and filters of lines.
    pub lines: History,
    pub list: History,
    pub commands: History,
}

/// Something said at the bottom for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMessage {
    pub text: String,
    pub role: Role,
    until: Duration,
}

/// An order that was given and is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningCommand {
    pub action: Action,
    /// The same in words, by which the answer is known.
    pub words: String,
    pub names: Vec<String>,
}

/// How the interface is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum QuitState {
    #[default]
    No,
    Stopping,
    Killing,
}

/// Who the interface is to the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientRole {
    /// It was started with it, and ends it.
    Owner,
    #[default]
    Guest,
}

/// How it stands between us and the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// It is not up yet: what is shown is what its file says.
    Coming,
    /// It answers, as far as we know.
    There,
    Lost,
}

#[derive(Debug, Clone)]
pub struct Model {
    pub config: Config,
    pub look: Appearance,
    /// Where the user is on the clock.
    pub zone: TimeZone,
    /// Who we are to the project.
    pub stand: ClientRole,
    /// The time of this message.
    pub now: ClockReading,
    pub size: Size,
    pub overview: ProjectState,
    /// When that came.
    pub seen: Duration,
    /// What the processes take is asked for, as it is shown.
    pub measure: Measure,
    /// How it stands between us and the project.
    pub link: ConnectionState,
    pub list: ProcessList,
    pub logs: LogsPane,
    pub timeline: Timeline,
    pub view: Screen,
    /// Which part of it has the focus.
    pub part: Pane,
    /// That part alone is shown.
    pub zoom: bool,
    pub layout: PaneLayout,
    pub details: DetailsView,
    /// What is known of the process they are about.
    pub inquiry: DetailsFetch,
    /// How long the latest runs took to be ready.
    pub took: ReadyTimes,
    /// What was measured of each process.
    pub measured: UsageHistory,
    /// The row of the graph and the stats.
    pub row: usize,
    pub narrowed: ListFilter,
    pub overlay: Option<Overlay>,
    pub prompt: Option<(PromptKind, Prompt)>,
    pub histories: Histories,
    /// Where it stood before a search was typed.
    pub before_search: Option<LogsPosition>,
    /// What is selected in the logs.
    pub selection: Option<Selection>,
    pub drag_from: Option<selection::TextPoint>,
    /// The mouse is ours.
    pub mouse: bool,
    pub leaving: QuitState,
    pub note: Option<StatusMessage>,
    /// Orders that are not done, the newest last.
    pub pursuits: Vec<RunningCommand>,
    /// What was scaled last, and to how many.
    pub last_scale: Option<(String, u32)>,
    /// The last order, so that a key held down is one.
    pub last_order: Option<(String, Duration)>,
}

impl Model {
    /// A model that knows nothing of the project yet.
    pub fn new(config: Config, look: Appearance, stand: ClientRole, size: Size) -> Self {
        let mut logs = LogsPane::default();
        (logs.wrap, logs.stamps) = (config.wrap, config.timestamps);
        Self {
            look,
            zone: TimeZone::UTC,
            stand,
            now: ClockReading::default(),
            size,
            overview: ProjectState::default(),
            seen: Duration::ZERO,
            measure: Measure::No,
            link: ConnectionState::There,
            list: ProcessList::default(),
            logs,
            timeline: Timeline::default(),
            view: Screen::default(),
            part: Pane::default(),
            zoom: false,
            layout: config.layout,
            details: DetailsView::default(),
            inquiry: DetailsFetch::default(),
            took: ReadyTimes::default(),
            measured: UsageHistory::default(),
            row: 0,
            narrowed: ListFilter::All,
            overlay: None,
            prompt: None,
            histories: Histories::default(),
            before_search: None,
            selection: None,
            drag_from: None,
            mouse: config.mouse,
            leaving: QuitState::No,
            note: None,
            pursuits: Vec::new(),
            last_scale: None,
            last_order: None,
            config,
        }
    }

    /// Shows what the file says until the project is up.
    pub fn await_start(&mut self, overview: ProjectState) {
        self.overview = overview;
        self.link = ConnectionState::Coming;
        self.list.arrange(&self.overview);
    }

    /// Says something at the bottom.
    pub fn say(&mut self, text: impl Into<String>, role: Role) {
        let until = self.now.since_start + SAID;
        self.note = Some(StatusMessage { text: text.into(), role, until });
    }

    /// What was said and is not old.
    pub fn said(&self) -> Option<&StatusMessage> {
        self.note.as_ref().filter(|note| note.until > self.now.since_start)
    }

    /// The names of all processes.
    pub fn names(&self) -> Vec<String> {
        self.overview.processes.iter().map(|one| one.status.name.clone()).collect()
    }

    /// The process of this name.
    pub fn member(&self, name: &str) -> Option<&ProcessState> {
        self.overview.processes.iter().find(|one| one.status.name == name)
    }

    /// The processes of a row.
    pub fn members<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a ProcessState> {
        places.iter().filter_map(|at| self.overview.processes.get(*at))
    }

    /// How long ago the overview came: what it says about times left has gone by so much.
    pub fn age(&self) -> Duration {
        self.now.since_start.saturating_sub(self.seen)
    }

    /// Whether anything would be ended by leaving.
    pub fn running(&self) -> usize {
        let lives = |one: &&ProcessState| action_facts::is_up(one.status.state);
        self.overview.processes.iter().filter(lives).count()
    }

    /// Something may be started the next moment: what has been told of it is from before.
    pub fn is_coming(&self) -> bool {
        let comes = |one: &ProcessState| {
            one.autostart && one.status.state == StateName::Idle && one.status.run == 0
        };
        self.overview.processes.iter().any(comes)
    }

    /// It ends, whoever wanted that.
    pub fn is_ending(&self) -> bool {
        self.overview.phase != PhaseName::Up || self.leaving != QuitState::No
    }

    /// The size of the pane of the logs.
    pub fn pane(&self) -> TextArea {
        let areas = layout::areas(self);
        let area = areas.logs.map(|pane| pane.inside).unwrap_or_default();
        let gutter = viewport::gutter(self);
        let text = usize::from(area.width).saturating_sub(gutter).max(1);
        TextArea { text, rows: usize::from(area.height) }
    }

    /// Shows the lines of what the list says: two marks or more, else what the cursor is on.
    pub fn choose_logs(&mut self) {
        let names = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect();
        let is_all = self.list.cursor == list::RowId::All;
        let whom = if self.list.marks.len() >= 2 {
            LogsSource::These(self.list.marks.clone())
        } else if !is_all {
            LogsSource::These(names(self.list.names(self.list.at(), &self.overview)))
        } else if self.list.muted.is_empty() {
            LogsSource::All
        } else {
            let all = self.overview.processes.iter().map(|one| one.status.name.as_str());
            LogsSource::These(names(all.filter(|name| !self.list.muted.contains(*name)).collect()))
        };
        if self.logs.show(whom) {
            self.selection = None;
        }
    }

    /// Rows are on their way without which there is nothing to show.
    pub fn is_waiting(&self) -> bool {
        if self.link == ConnectionState::Coming {
            return false;
        }
        let has_logs = layout::areas(self).logs.is_some();
        self.overview.project.is_empty() || self.logs.is_waiting() && has_logs
    }

    /// The graph and the stats do not show all rows.
    pub fn is_narrowed(&self) -> bool {
        !matches!(self.narrowed, ListFilter::All)
    }

    /// How long until something on the screen changes by itself.
    pub fn changes_in(&self) -> Option<Duration> {
        let now = self.now.since_start;
        let note = self.said().map(|note| note.until.saturating_sub(now));
        let relative = self.logs.stamps == super::config::TimestampStyle::Relative;
        let stamps = (relative && self.view == Screen::Dashboard).then_some(Duration::from_secs(1));
        let list = viewport::list_changes_in(self);
        let soonest = [note, stamps, list, self.inquires_in()].into_iter().flatten().min()?;
        // Just after it, not just before.
        Some(soonest + Duration::from_millis(5))
    }
}
