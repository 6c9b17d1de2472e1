//! What comes in, and what is to be done.

use ratatui::layout::Size;

use super::clock::Time;
use super::keys::Chord;
use super::ui::logs::{Ask, Whom};
use super::ui::window::{From, Key};
use crate::control::wire::{
    Defined, Grown, Order, Outcome, Pushed, Reloaded, Sent, Shutdown, SliceAsked, SliceGiven,
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
    Grown(Whom, Grown),
    /// Rows of output that were asked for.
    Sliced(u64, From, Result<SliceGiven, Problem>),
    /// A search has come to its end.
    Found(Found),
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The question this answers.
    pub question: u64,
    /// It is one of the user's search.
    pub is_search: bool,
    /// Where; nothing when it is nowhere.
    pub place: Option<Key>,
    /// The search began anew at the other end.
    pub wrapped: bool,
    /// How many there are, and whether those are all; for a search of the user's.
    pub count: Option<(u64, bool)>,
    /// Which of them this one is.
    pub nth: Option<u64>,
}

/// What is looked for in the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The search of the user: this expression.
    Match(String),
    /// A line that says that something went wrong.
    Error,
    /// The start of a run.
    Run,
    /// What this event did, or the next one before it that shows.
    Event(u64),
}

/// What is to be done, by who may touch the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Ask for rows.
    Slice(Ask),
    /// Have it measured what the processes take, or not.
    Measure(Measure),
    /// Tell when the output of these grows.
    Follow(Whom),
    /// Look for something.
    Find {
        /// Its number.
        question: u64,
        /// Among which lines.
        slice: SliceAsked,
        /// What.
        target: Target,
        /// From here on.
        from: Option<Key>,
        /// To older ones.
        back: bool,
    },
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
    /// Copy or write out all lines of these.
    Output(Whom, Use),
    /// Open this file in the pager, and take it away.
    Show(std::path::PathBuf),
    /// Edit the place where this is declared.
    Edit(String),
    /// The same, when the place is known.
    EditAt(Defined),
    /// Open this address.
    Browse(String),
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
