//! What comes in, and what is to be done.

use ratatui::layout::Size;

use super::clock::Time;
use super::keys::Chord;
use super::ui::known::Known;
use super::ui::logs::Ask;
use super::ui::select::Selection;
use super::ui::window::{From, Key};
use crate::control::wire::{
    Asked, Defined, Found, Grown, Order, Outcome, Pushed, Reloaded, SearchAsked, SeekAsked, Sent,
    Shutdown, SliceAsked, SliceGiven, Whose,
};
use crate::control::{Measure, Problem};
use crate::machine::Event;

/// What comes in.
#[derive(Debug)]
pub enum Msg {
    /// Time went by; or nothing but that.
    Time,
    /// A key.
    Key(Chord),
    /// Text that was pasted.
    Paste(String),
    /// The mouse.
    Mouse(crossterm::event::MouseEvent),
    /// The terminal has this size.
    Resize(Size),
    /// The project, or what has changed of it.
    Pushed(Box<Pushed>),
    /// Events, oldest first.
    Events(Vec<Event>),
    /// There is more output of these.
    Grown(Whose, Grown),
    /// Rows of output that were asked for.
    Sliced(u64, From, Result<SliceGiven, Problem>),
    /// A search has come so far; which one.
    Found(u64, Found),
    /// What was sought is somewhere, or nowhere.
    Sought(Sighting),
    /// All about a process that was asked about, with secrets or not; nothing where it is gone.
    Known(String, bool, Option<Box<Known>>),
    /// What became of an order; and what it was, in words.
    Done(String, Result<Option<Outcome>, Problem>),
    /// What came of reading the file again.
    Reloaded(Result<Reloaded, Problem>),
    /// Something was done beside the project: what is to be said of it.
    Said(Result<String, String>),
    /// Something else has to be done now.
    Do(Wish),
    /// The project has ended, or cannot be reached.
    Lost(Problem),
    /// A signal that asks to end.
    Ending,
}

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The question this answers.
    pub question: u64,
    /// Where; nothing when it is nowhere.
    pub place: Option<Key>,
    /// It was looked for anew from the other end.
    pub wrapped: bool,
}

/// How the project looks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looking {
    /// For all that match.
    Search,
    /// For the next one.
    Seek,
}

/// What is to be done, by who may touch the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Ask for rows.
    Slice(Ask),
    /// Have it measured what the processes take, or not.
    Measure(Measure),
    /// Tell when the output of these grows.
    Follow(Whose),
    /// Search, instead of what was searched before; the number of the question.
    Search(u64, SearchAsked),
    /// Look for the next one of something, instead of what was looked for before.
    Seek(u64, SeekAsked),
    /// Tell all about a process, with what looks like a secret or without.
    Inquire(String, bool),
    /// Look no further.
    Forget(Looking),
    /// An order, and what it is in words.
    Order(Order, String),
    /// A line for an input.
    Send(Sent),
    /// Read the file again.
    Reload {
        /// Only tell what would be done.
        dry_run: bool,
    },
    /// End the project.
    Shutdown(Shutdown),
    /// Leave.
    Leave(Leave),
    /// Something of the terminal.
    Terminal(TerminalWish),
    /// Put this into the clipboard.
    Copy(String),
    /// Get this from the project, and put it into the clipboard.
    Fetch(Fetched),
    /// Copy or write out all these lines.
    Output(Asked, Use),
    /// Open this file in the pager, and take it away.
    Show(std::path::PathBuf),
    /// Edit the place where this is declared.
    Edit(String),
    /// The same, when the place is known.
    EditAt(Defined),
    /// Open this address.
    Browse(String),
}

/// What is got from the project to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The command of a process, as it would be typed.
    Command(String),
    /// Why it is where it is, down to the root.
    Why(String),
    /// The line that is found.
    Error(SeekAsked),
    /// What is selected of these lines.
    Lines(SliceAsked, Selection),
}

/// What is done with the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Into the clipboard.
    Copy,
    /// Into this file.
    Save(String),
    /// To the input of this command.
    Pipe(String),
    /// Into the pager.
    Pager,
}

/// How it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The project has ended, or is nobody's business any more.
    Ended,
    /// The project goes on.
    Detached,
}

/// What the terminal is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalWish {
    /// Stop the interface, as the shell's Ctrl-Z.
    Suspend,
    /// Draw all of it.
    Redraw,
    /// Take the mouse or leave it.
    Mouse(bool),
}

/// A message and its time.
#[derive(Debug)]
pub struct Timed {
    /// When.
    pub now: Time,
    /// What.
    pub msg: Msg,
}
