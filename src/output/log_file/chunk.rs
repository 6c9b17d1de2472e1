//! Queue items of a log file: chunks of lines, and gaps of lost lines.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use memchr::memchr_iter;

use crate::output::page::Page;

/// An item of the queue, in file order.
pub(in crate::output) enum QueueItem {
    Chunk(Chunk),
    /// Lines that did not fit in the queue while the file was failing.
    Gap(LostLines),
}

/// Whole lines to write.
pub(in crate::output) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

pub(super) enum Bytes {
    Own(Vec<u8>),
    /// A range of the page that the output was read into.
    Page(Arc<Page>, Range<usize>),
}

impl QueueItem {
    /// The number of bytes to write.
    pub(in crate::output) fn len(&self) -> usize {
        match self {
            Self::Chunk(chunk) => chunk.bytes().len(),
            Self::Gap(_) => 0,
        }
    }
}

impl Chunk {
    /// Removes the first bytes, which are already written.
    pub(super) fn skip(&mut self, count: usize) {
        match &mut self.bytes {
            Bytes::Own(bytes) => _ = bytes.drain(..count.min(bytes.len())),
            Bytes::Page(_, range) => range.start = range.end.min(range.start + count),
        }
    }

    pub(in crate::output) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Own(bytes) => bytes,
            Bytes::Page(page, range) => page.get(range.clone()),
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
