//! Queue items of a log file: chunks of lines, and gaps of lost lines.

use jiff::Timestamp;
use memchr::memchr_iter;

use crate::output::page::OutputBytes;

/// An item of the queue, in file order.
pub(in crate::output) enum QueueItem {
    Chunk(Chunk),
    /// Lines that did not fit in the queue while the file was failing.
    Gap(LostLines),
}

/// Whole lines to write.
pub(in crate::output) struct Chunk {
    pub(in crate::output) bytes: OutputBytes,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl QueueItem {
    /// The number of bytes to write.
    pub(in crate::output) fn len(&self) -> usize {
        match self {
            Self::Chunk(chunk) => chunk.bytes.len(),
            Self::Gap(_) => 0,
        }
    }
}

/// Lines that could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::output) struct LostLines {
    pub(in crate::output) error: String,
    pub(in crate::output) lines: u64,
    pub(in crate::output) bytes: u64,
    pub(in crate::output) from: Timestamp,
    pub(in crate::output) to: Timestamp,
}

impl LostLines {
    pub(super) fn new(error: String, at: Timestamp) -> Self {
        Self { error, lines: 0, bytes: 0, from: at, to: at }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if self.bytes == 0 {
            self.from = other.from;
        }
        (self.lines, self.bytes) = (self.lines + other.lines, self.bytes + other.bytes);
        self.to = other.to;
    }

    pub(super) fn add(&mut self, text: &[u8], first: Timestamp, last: Timestamp) {
        if text.is_empty() {
            return;
        }
        if self.bytes == 0 {
            self.from = first;
        }
        self.to = last;
        self.bytes += text.len() as u64;
        self.lines += memchr_iter(b'\n', text).count() as u64;
        self.lines += u64::from(text.last() != Some(&b'\n'));
    }
}
