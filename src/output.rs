//! Process output: split into lines, stored within a memory budget, written to log files, and made
//! safe to display.
//!
//! The bytes of a run go through one [`LineSplitter`], which passes whole lines to the [`LogStore`]
//! and to the [`LogFile`] of the process. Output is pulled, not pushed: a [`Reader`] is woken and
//! asks for the [`Slice`] it wants. Lines are stored byte for byte; [`safe_line`] makes them safe for
//! a terminal.
//!
//! This layer uses no async runtime: everything that waits has a `poll_…` method for tasks and a
//! `wait…` method for threads. Time is passed in, except for the waiting itself, which is done in
//! `wakers.rs`.

mod address_in_use;
mod block;
mod capture;
mod last_lines;
mod line_matcher;
mod line_splitter;
mod log_file;
mod page;
mod reader;
mod rotating_file;
mod sanitize;
mod slice;
mod store;
mod wakers;
mod writers;

pub(crate) use address_in_use::{reports_address_in_use, taken_ports};
pub use capture::{
    Capture, CaptureLimit, CapturePosition, CapturedChunk, CapturedOutput, KeepSide,
};
pub use last_lines::last_lines;
pub use line_splitter::LineSplitter;
pub use log_file::{LogFile, LogFileEvent, LogFileNotice, LogWriters};
pub use page::ReadBuffer;
pub use reader::{ReadFrom, Reader, WakeReason};
#[cfg(feature = "tui")]
pub(crate) use sanitize::{LinePart, safe_parts};
pub use sanitize::{StyleMode, safe_line, safe_name};
pub use slice::{DroppedLines, ReadLimit, Slice, SliceLine, SourceSelection};
pub use store::{Extent, LogStore, PartialLine, StoreUsage};

use crate::spec::choices;

choices! {
    /// An output stream of a child.
    #[derive(PartialOrd, Ord)]
    pub enum Stream {
        /// Standard output, descriptor 1.
        Out = "out",
        /// Standard error, descriptor 2.
        Err = "err",
    }
}

/// Whether a terminal with this `TERM` understands no escape sequences.
#[cfg(feature = "cli")]
pub(crate) fn is_dumb_terminal(term: &std::ffi::OsStr) -> bool {
    term == "dumb"
}

/// A value for each output stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PerStream<T> {
    pub(crate) out: T,
    pub(crate) err: T,
}

impl<T> PerStream<T> {
    pub(crate) fn get(&self, stream: Stream) -> &T {
        match stream {
            Stream::Out => &self.out,
            Stream::Err => &self.err,
        }
    }

    pub(crate) fn get_mut(&mut self, stream: Stream) -> &mut T {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }
}

/// The id of a process or replica within one [`LogStore`], assigned by [`LogStore::source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

impl SourceId {
    /// Returns the index of the source in its store, from 0.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
