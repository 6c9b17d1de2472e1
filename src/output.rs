//! What children print: cut into lines, kept within a budget, written to log files, made safe to show.
//!
//! This is the box "output" of the picture. The bytes of a run go through one [`LineSplitter`],
//! which hands whole lines to the [`LogStore`] and to the [`LogFile`] of the process. Nothing is
//! pushed to whoever shows them: a [`Reader`] is woken and asks for the [`Slice`] it wants. What is
//! kept is what came, byte for byte; [`safe_line`] makes it fit for a terminal.
//!
//! The layer knows nothing about an async runtime: where something has to be waited for there is a
//! `poll_…` for tasks and a `wait…` for threads. Time comes in as an argument, except for the waiting
//! itself, which is done in `wait.rs`.

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

pub(crate) use address_in_use::{taken_ports, tells_of_taken_port};
pub use capture::{
    Capture, CaptureLimit, CapturePosition, CapturedChunk, CapturedOutput, KeepSide,
};
pub use last_lines::last_lines;
pub use line_splitter::LineSplitter;
pub use log_file::{LogFile, LogFileNotice, LogWriters};
pub use page::ReadBuffer;
pub use reader::{ReadFrom, Reader, WakeReason};
pub use sanitize::{StyleMode, safe_line, safe_name};
pub use slice::{DroppedLines, ReadLimit, Slice, SliceLine, SliceLines, SourceSelection};
pub use store::{Extent, LogStore, PartialLine, StoreUsage};

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
