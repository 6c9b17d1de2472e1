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
pub mod terminal;
pub mod timeline;
pub mod usage;
pub(in crate::tui) mod viewport;

use std::time::Duration;

use ratatui::layout::Size;

use super::appearance::Appearance;
use super::clock::ClockReading;
use super::config::{Config, PaneLayout};
use super::msg::CommandTicket;
use super::overlay::Overlay;
use super::pattern::ListFilter;
use super::prompt::{History, Prompt};
use super::theme::Role;
use crate::control::Measure;
use crate::control::wire::{ControlCommand, PhaseName, ProcessState, ProjectState};
use crate::machine::StateName;
use crate::spec::format_time_left;
use details::{DetailsFetch, DetailsView};
use list::ProcessList;
use logs::scroll::TextArea;
use logs::{LogsPane, LogsPosition, LogsSource};
use selection::Selection;
use terminal::{Bells, TerminalPane};
use timeline::Timeline;
use usage::{ReadyTimes, UsageHistory};

/// How long a notice is shown.
const NOTICE_TIME: Duration = Duration::from_secs(4);

/// A screen: the dashboard, or a full screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Screen {
    #[default]
    Dashboard,
    Events,
    Graph,
    Stats,
    Details,
}

/// A pane of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    #[default]
    List,
    Logs,
}

/// The purpose of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptKind {
    /// A search in the logs; only a preview until it is confirmed.
    Search,
    FilterLines,
    FilterList,
    FilterView,
    /// The text of a marker.
    Marker,
    /// A file to save to.
    Save,
    /// A command that gets the lines as its input.
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

/// A message at the bottom, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMessage {
    pub text: String,
    pub role: Role,
    until: Duration,
}

/// A kind of command whose progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressKind {
    Start,
    Stop,
    Kill,
    Restart,
    /// An ad-hoc command.
    Run,
}

/// A command that was sent and has not completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningCommand {
    /// The number of its ticket.
    pub number: u64,
    pub kind: ProgressKind,
    /// The processes, or the ad-hoc command, as the user sees them.
    pub subject: String,
    pub names: Vec<String>,
}

/// How far quitting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum QuitState {
    #[default]
    No,
    Stopping,
    Killing,
}

/// The relation of the interface to the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientRole {
    /// The interface started the project, and ends it.
    Owner,
    #[default]
    Guest,
}

/// The connection to the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionState {
    /// The project is not up yet: the interface shows the processes of its file.
    Starting,
    #[default]
    Connected,
    Lost,
}

/// `8s`: the time left of a process state that a deadline ends, in an overview of this age.
pub fn seconds_left(process: &ProcessState, age: Duration) -> Option<String> {
    let left = Duration::from_millis(process.until_ms?).saturating_sub(age);
    Some(format_time_left(left))
}

#[derive(Debug, Clone, Default)]
pub struct Model {
    pub config: Config,
    pub look: Appearance,
    pub role: ClientRole,
    /// The time of the latest message.
    pub now: ClockReading,
    pub size: Size,
    pub overview: ProjectState,
    /// When the overview was updated.
    pub updated_at: Duration,
    /// Whether the project measures the resource usage, because it is shown.
    pub measure: Measure,
    pub connection: ConnectionState,
    /// Why the engine does not answer, while it is suspended.
    pub suspended: Option<String>,
    pub list: ProcessList,
    pub logs: LogsPane,
    pub terminal: TerminalPane,
    pub bells: Bells,
    pub timeline: Timeline,
    pub screen: Screen,
    /// The focused pane of the dashboard.
    pub pane: Pane,
    /// Whether only the focused pane is shown.
    pub zoom: bool,
    pub layout: PaneLayout,
    pub details: DetailsView,
    pub details_fetch: DetailsFetch,
    pub ready_times: ReadyTimes,
    pub usage: UsageHistory,
    /// The cursor of the graph and the stats.
    pub row: usize,
    /// The filter of their rows.
    pub row_filter: ListFilter,
    pub overlay: Option<Overlay>,
    pub prompt: Option<(PromptKind, Prompt)>,
    pub histories: Histories,
    /// The position of the logs before a search was typed.
    pub before_search: Option<LogsPosition>,
    pub selection: Option<Selection>,
    pub drag_from: Option<selection::TextPoint>,
    /// Whether the interface captures the mouse.
    pub mouse: bool,
    pub quitting: QuitState,
    pub notice: Option<StatusMessage>,
    /// The newest last.
    pub running_commands: Vec<RunningCommand>,
    /// The process that was scaled last, and its number of replicas.
    pub last_scale: Option<(String, u32)>,
    /// The last command and its time, so that a held key sends one.
    pub last_command: Option<(ControlCommand, Duration)>,
    /// The number of commands that were sent.
    pub command_count: u64,
}

impl Model {
    /// Returns a model without any data of the project.
    pub fn new(config: Config, look: Appearance, role: ClientRole, size: Size) -> Self {
        let mut logs = LogsPane::default();
        (logs.wrap, logs.stamps) = (config.wrap, config.timestamps);
        let (layout, mouse) = (config.layout, config.mouse);
        Self { config, look, role, size, logs, layout, mouse, ..Self::default() }
    }

    /// Shows the contents of the file until the project is up.
    pub fn await_start(&mut self, overview: ProjectState) {
        self.overview = overview;
        self.connection = ConnectionState::Starting;
        self.list.arrange(&self.overview);
    }

    /// Returns the ticket of a new command.
    pub fn new_ticket(&mut self, description: String) -> CommandTicket {
        self.command_count += 1;
        CommandTicket { number: self.command_count, description }
    }

    /// Shows a notice at the bottom.
    pub fn notify(&mut self, text: impl Into<String>, role: Role) {
        let until = self.now.since_start + NOTICE_TIME;
        self.notice = Some(StatusMessage { text: text.into(), role, until });
    }

    /// Returns the notice, unless its time is over.
    pub fn current_notice(&self) -> Option<&StatusMessage> {
        self.notice.as_ref().filter(|note| note.until > self.now.since_start)
    }

    pub fn process_names(&self) -> Vec<String> {
        self.overview.processes.iter().map(|process| process.name.to_string()).collect()
    }

    pub fn process(&self, name: &str) -> Option<&ProcessState> {
        self.overview.processes.iter().find(|process| process.name == name)
    }

    /// Returns the processes at these places of the overview.
    pub fn processes<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a ProcessState> {
        places.iter().filter_map(|at| self.overview.processes.get(*at))
    }

    /// Returns the age of the overview: remaining times in it are shorter by this.
    pub fn age(&self) -> Duration {
        self.now.since_start.saturating_sub(self.updated_at)
    }

    /// Returns the number of processes that stopping the project would end.
    pub fn running_count(&self) -> usize {
        let processes = self.overview.processes.iter();
        processes.filter(|process| !process.state.is_at_rest()).count()
    }

    /// Whether processes start in a moment: the overview is from before their first run.
    pub fn may_start_soon(&self) -> bool {
        self.overview.processes.iter().any(|process| {
            process.options.autostart && process.state == StateName::Idle && process.run == 0
        })
    }

    /// Whether the project is stopping.
    pub fn is_ending(&self) -> bool {
        self.overview.phase != PhaseName::Up || self.quitting != QuitState::No
    }

    /// Returns the size of the text in the logs pane.
    pub fn logs_area(&self) -> TextArea {
        let areas = layout::areas(self);
        let area = areas.logs.map(|pane| pane.inside).unwrap_or_default();
        let gutter = viewport::gutter_width(self);
        let text = usize::from(area.width).saturating_sub(gutter).max(1);
        TextArea { text, rows: usize::from(area.height) }
    }

    /// Shows the lines of the marked processes if there are two or more, else of the row at the cursor.
    pub fn select_logs(&mut self) {
        let list = &self.list;
        let source = if list.marks.len() >= 2 {
            LogsSource::Names(list.marks.clone())
        } else if list.cursor != list::RowId::All {
            let names = list.names(list.cursor_index, &self.overview);
            LogsSource::Names(names.into_iter().map(str::to_owned).collect())
        } else if list.muted.is_empty() {
            LogsSource::All
        } else {
            let names = self.process_names().into_iter();
            LogsSource::Names(names.filter(|name| !list.muted.contains(name)).collect())
        };
        if self.logs.show(source) {
            self.selection = None;
        }
    }

    /// Whether there is nothing to show until requested rows arrive.
    pub fn is_loading(&self) -> bool {
        if self.connection == ConnectionState::Starting {
            return false;
        }
        let areas = layout::areas(self);
        self.overview.project.is_empty()
            || self.logs.is_loading() && areas.logs.is_some()
            || self.terminal.is_loading() && areas.terminal.is_some()
    }

    pub fn has_row_filter(&self) -> bool {
        !matches!(self.row_filter, ListFilter::All)
    }

    /// Returns the time until something on the screen changes without a message.
    pub fn next_change_in(&self) -> Option<Duration> {
        let now = self.now.since_start;
        let note = self.current_notice().map(|note| note.until.saturating_sub(now));
        let relative = self.logs.stamps == super::config::TimestampStyle::Relative;
        let stamps =
            (relative && self.screen == Screen::Dashboard).then_some(Duration::from_secs(1));
        let list = viewport::list_changes_in(self);
        let soonest = [note, stamps, list, self.details_due_in()].into_iter().flatten().min()?;
        // Timers may fire slightly early.
        Some(soonest + Duration::from_millis(5))
    }
}
