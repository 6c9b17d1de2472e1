//! Messages (`Msg`) and commands (`Cmd`) of the interface.

use std::path::PathBuf;

use ratatui::layout::Size;

use super::keys::Chord;
use super::model::details::DetailsData;
use super::model::log_window::{RowKey, WindowStart};
use super::model::logs::LogsQuery;
use super::model::selection::Selection;
use super::terminal::ColorKind;
use crate::control::wire::{
    CommandResponse, ControlCommand, OutputProgress, OutputQuery, ProgressQuery, ReloadResponse,
    SearchProgress, SearchQuery, SeekQuery, ShutdownRequest, SliceQuery, SliceResponse,
    SourceLocation, StateUpdate, TerminalMessage, ViewerMessage,
};
use crate::control::{ControlError, Measure};
use crate::machine::Event;
use crate::spec::Signal;
use crate::terminal::Rgb;

#[derive(Debug)]
pub enum Msg {
    /// Only the time has changed.
    Tick,
    Key(Chord),
    /// A key as the terminal has reported it.
    Press(crossterm::event::KeyEvent),
    /// The terminal has got or lost the focus.
    Focus(bool),
    /// The terminal has answered which colour it has.
    Color(ColorKind, Rgb),
    /// A frame was drawn.
    Drawn,
    Paste(String),
    Mouse(crossterm::event::MouseEvent),
    Resize(Size),
    State(Box<StateUpdate>),
    Events(Vec<Event>),
    /// The output of the processes of the query has grown.
    Progress(ProgressQuery, OutputProgress),
    /// Rows of output; the generation and the start of the query that they answer.
    Rows(u64, WindowStart, Result<SliceResponse, ControlError>),
    /// The number of a search, and how far it is.
    SearchProgress(u64, SearchProgress),
    SeekDone(SeekHit),
    /// A process, whether with secrets, and its details; `None` if it no longer exists.
    Details(String, bool, Option<Box<DetailsData>>),
    /// The number of a stream of a terminal, and what came from it.
    Terminal(u64, TerminalEvent),
    /// The result of a command.
    CommandDone(CommandTicket, Result<Option<CommandResponse>, ControlError>),
    Reloaded(Result<ReloadResponse, ControlError>),
    /// The result of something outside of the project, for the user.
    Notice(Result<String, String>),
    Perform(Cmd),
    /// The project has ended, or cannot be reached.
    Disconnected(ControlError),
    /// The engine is suspended, so nothing answers; `None` if it continues.
    Suspended(Option<ControlError>),
    /// A signal ends the interface.
    QuitSignal,
}

/// What comes from an open terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalEvent {
    /// The connection is there, at first or again.
    Opened,
    Message(TerminalMessage),
    /// The connection has failed for this reason; it is opened again.
    Lost(String),
}

/// A command that was sent: its result refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandTicket {
    /// The number of the command, from 1; 0 if its progress is never shown.
    pub number: u64,
    /// The command, for the user: `restart web`.
    pub description: String,
}

/// The result of a seek.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeekHit {
    /// The number of the question that this answers.
    pub question: u64,
    pub place: Option<RowKey>,
    /// Whether it was found from the other end.
    pub wrapped: bool,
}

/// A side effect, which the application loop performs.
#[derive(Debug, Clone, PartialEq)]
pub enum Cmd {
    FetchRows(LogsQuery),
    Measure(Measure),
    /// Report when the output of these processes grows.
    FollowProgress(ProgressQuery),
    /// Replaces the previous search; with the number of the question.
    Search(u64, SearchQuery),
    /// Replaces the previous seek; with the number of the question.
    Seek(u64, SeekQuery),
    CancelSearch,
    CancelSeek,
    /// The name of a process, and whether with secrets.
    FetchDetails(String, bool),
    Execute(ControlCommand, CommandTicket),
    Reload {
        dry_run: bool,
    },
    Shutdown(ShutdownRequest),
    Leave(ExitReason),
    /// Stop this process, as Ctrl-Z does.
    Suspend,
    Redraw,
    /// Capture the mouse or release it.
    SetMouse(bool),
    /// Shows the terminal of a process, in place of the previous one; with the number of the stream.
    OpenTerminal(u64, String),
    CloseTerminal,
    /// Sends a message to the open terminal.
    Viewer(ViewerMessage),
    /// Keys go to a process from now on, or no longer do.
    SetTyping(bool),
    /// Ring the bell.
    Bell,
    /// Put a text into the primary selection.
    SelectPrimary(String),
    /// Put a text into the clipboard.
    Copy(String),
    /// Fetch a text from the project, and put it into the clipboard.
    CopyFrom(CopySource),
    Export(OutputQuery, ExportTarget),
    /// Open a file in the pager, and remove it.
    Page(PathBuf),
    /// Open the definition of a process in the editor.
    Edit(String),
    EditAt(SourceLocation),
    Browse(String),
}

/// The notice if there is nothing to copy.
pub const NOTHING_TO_COPY: &str = "there is nothing to copy";

/// A text that is copied from the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopySource {
    /// The command of a process, as it would be typed.
    Command(String),
    /// The causes of the state of a process, down to the root.
    Why(String),
    /// The line that is found.
    Error(SeekQuery),
    /// The selected part of these lines.
    Lines(SliceQuery, Selection),
}

/// The destination of exported output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportTarget {
    Copy,
    /// A file.
    Save(String),
    /// The input of a shell command.
    Pipe(String),
    Pager,
}

/// Why the interface ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// The project has ended, or the user no longer waits for its end.
    Ended,
    /// The project keeps running.
    Detached,
    /// A signal ended the interface.
    Signal(Signal),
    /// The terminal is gone.
    Gone,
    /// The project never came up.
    NotUp,
}
