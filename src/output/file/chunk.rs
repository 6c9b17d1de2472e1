//! What waits for the disk, and what was lost.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use memchr::memchr_iter;

use crate::output::page::Page;

/// Whole lines that wait for the disk.
pub(in crate::output) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

pub(super) enum Bytes {
    Own(Vec<u8>),
    /// Where they were read to.
    Page(Arc<Page>, Range<usize>),
}

impl Chunk {
    pub(in crate::output) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Own(bytes) => bytes,
            Bytes::Page(page, range) => page.get(range.clone()),
        }
    }
}

/// What could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::output) struct Lost {
    pub(in crate::output) error: String,
    pub(in crate::output) lines: u64,
    pub(in crate::output) bytes: u64,
    pub(in crate::output) from: Timestamp,
    pub(in crate::output) to: Timestamp,
}

impl Lost {
    pub(super) fn new(at: Timestamp) -> Self {
        Self { error: String::new(), lines: 0, bytes: 0, from: at, to: at }
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
