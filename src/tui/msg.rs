//! Messages (`Msg`) and commands (`Cmd`) of the interface.

use ratatui::layout::Size;

use super::clock::ClockReading;
use super::keys::Chord;
use super::model::details::DetailsData;
use super::model::log_window::{RowKey, WindowStart};
use super::model::logs::LogsQuery;
use super::model::selection::Selection;
use crate::control::wire::{
    CommandResponse, ControlCommand, OutputProgress, OutputQuery, ProgressQuery, ReloadResponse,
    SearchProgress, SearchQuery, SeekQuery, ShutdownRequest, SliceQuery, SliceResponse,
    SourceLocation, StateUpdate,
};
use crate::control::{ControlError, Measure};
use crate::machine::Event;

#[derive(Debug)]
pub enum Msg {
    /// Time went by; or nothing but that.
    Time,
    Key(Chord),
    Paste(String),
    Mouse(crossterm::event::MouseEvent),
    /// The terminal has this size.
    Resize(Size),
    /// The project, or what has changed of it.
    Pushed(Box<StateUpdate>),
    Events(Vec<Event>),
    /// There is more output of these.
    Grown(ProgressQuery, OutputProgress),
    /// Rows of output that were asked for.
    Sliced(u64, WindowStart, Result<SliceResponse, ControlError>),
    /// A search has come so far; which one.
    Found(u64, SearchProgress),
    /// What was sought is somewhere, or nowhere.
    Sought(SeekHit),
    /// All about a process that was asked about, with secrets or not; nothing where it is gone.
    Known(String, bool, Option<Box<DetailsData>>),
    /// What became of an order; and what it was, in words.
    Done(String, Result<Option<CommandResponse>, ControlError>),
    /// What came of reading the file again.
    Reloaded(Result<ReloadResponse, ControlError>),
    /// Something was done beside the project: what is to be said of it.
    Said(Result<String, String>),
    /// Something else has to be done now.
    Do(Cmd),
    /// The project has ended, or cannot be reached.
    Lost(ControlError),
    /// A signal that asks to end.
    Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeekHit {
    /// The question this answers.
    pub question: u64,
    /// Where; nothing when it is nowhere.
    pub place: Option<RowKey>,
    /// It was looked for anew from the other end.
    pub wrapped: bool,
}

/// How the project looks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeekTarget {
    Search,
    Seek,
}

/// What is to be done, by who may touch the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Cmd {
    Slice(LogsQuery),
    /// Have it measured what the processes take, or not.
    Measure(Measure),
    /// Tell when the output of these grows.
    Follow(ProgressQuery),
    /// Search, instead of what was searched before; the number of the question.
    Search(u64, SearchQuery),
    /// Look for the next one of something, instead of what was looked for before.
    Seek(u64, SeekQuery),
    /// Tell all about a process, with what looks like a secret or without.
    Inquire(String, bool),
    /// Look no further.
    Forget(SeekTarget),
    /// Execute a command; the text describes it to the user.
    Execute(ControlCommand, String),
    /// Read the file again.
    Reload {
        /// Only tell what would be done.
        dry_run: bool,
    },
    Shutdown(ShutdownRequest),
    Leave(QuitMode),
    Terminal(TerminalCmd),
    /// Put this into the clipboard.
    Copy(String),
    /// Get this from the project, and put it into the clipboard.
    Fetch(CopySource),
    /// Copy or write out all these lines.
    Output(OutputQuery, OutputAction),
    /// Open this file in the pager, and take it away.
    Show(std::path::PathBuf),
    /// Edit the place where this is declared.
    Edit(String),
    /// The same, when the place is known.
    EditAt(SourceLocation),
    Browse(String),
}

/// What is got from the project to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopySource {
    /// The command of a process, as it would be typed.
    Command(String),
    /// Why it is where it is, down to the root.
    Why(String),
    /// The line that is found.
    Error(SeekQuery),
    /// What is selected of these lines.
    Lines(SliceQuery, Selection),
}

/// What is done with the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputAction {
    Copy,
    Save(String),
    /// To the input of this command.
    Pipe(String),
    Pager,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuitMode {
    /// The project has ended, or is nobody's business any more.
    Ended,
    Detached,
}

/// What the terminal is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalCmd {
    /// Stop the interface, as the shell's Ctrl-Z.
    Suspend,
    Redraw,
    /// Take the mouse or leave it.
    Mouse(bool),
}

/// A message and its time.
#[derive(Debug)]
pub struct TimedMsg {
    pub now: ClockReading,
    pub msg: Msg,
}
