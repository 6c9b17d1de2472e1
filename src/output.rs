//! What children print: cut into lines, kept within a budget, written to log files, made safe to show.
//!
//! This is the box "output" of the picture. The bytes of a run go through one [`Intake`],
//! which hands whole lines to the [`LogStore`] and to the [`LogFile`] of the process. Nothing is
//! pushed to whoever shows them: a [`Reader`] is woken and asks for the [`Slice`] it wants. What is
//! kept is what came, byte for byte; [`safe_line`] makes it fit for a terminal.
//!
//! The layer knows nothing about an async runtime: where something has to be waited for there is a
//! `poll_…` for tasks and a `wait…` for threads. Time comes in as an argument, except for the waiting
//! itself, which is done in `wait.rs`.

mod block;
mod capture;
mod file;
mod intake;
mod lookout;
mod page;
mod reader;
mod recent;
mod safe;
mod slice;
mod store;
mod taken;
mod target;
mod wait;
mod writers;

pub use capture::{Bound, Capture, Keep, Kept, Piece, Position};
pub use file::{LogFile, LogWriters, Notice};
pub use intake::Intake;
pub use page::Scratch;
pub use reader::{Newer, Reader, Start};
pub use recent::last_lines;
pub use safe::{Styles, safe_line, safe_name};
pub use slice::{Limit, Line, Lines, Missed, Selection, Slice};
pub use store::{Extent, Gauge, LogStore, Partial};
pub(crate) use taken::{taken_ports, tells_of_taken_port};

/// Which output of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Descriptor 1.
    Out,
    /// Descriptor 2.
    Err,
}

/// A process or replica within one [`LogStore`], given by [`LogStore::source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

impl SourceId {
    /// Its place among the sources of the store, from 0.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
