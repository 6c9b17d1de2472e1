//! Slices: copies of stored lines in the global order.

use std::sync::Arc;

use jiff::Timestamp;

use super::block::{LineMeta, StoredLine};
use super::{SourceId, Stream};

/// The sources whose lines are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSelection {
    /// All sources, including those added later.
    All,
    /// These sources; build it with [`SourceSelection::only`].
    Only(Arc<[SourceId]>),
}

impl SourceSelection {
    pub fn only(sources: impl IntoIterator<Item = SourceId>) -> Self {
        let mut sources: Vec<_> = sources.into_iter().collect();
        sources.sort_unstable();
        sources.dedup();
        Self::Only(sources.into())
    }

    /// Whether lines of this source are selected.
    pub fn contains(&self, source: SourceId) -> bool {
        match self {
            Self::All => true,
            Self::Only(sources) => sources.binary_search(&source).is_ok(),
        }
    }
}

impl From<SourceId> for SourceSelection {
    fn from(source: SourceId) -> Self {
        Self::Only(Arc::from([source]))
    }
}

/// The maximum size of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// The maximum number of lines.
    pub lines: usize,
    /// No more lines once this many bytes are read; the first line is returned whatever its length.
    pub bytes: usize,
}

impl ReadLimit {
    /// Limits a read to `lines` lines and one megabyte.
    pub fn lines(lines: usize) -> Self {
        Self { lines, bytes: 1 << 20 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceLine<'a> {
    pub source: SourceId,
    /// The run of the source that printed it.
    pub run: u32,
    pub stream: Stream,
    /// Arrival time, in milliseconds.
    pub at: Timestamp,
    /// Its position in the order of the whole project, from 0.
    pub seq: u64,
    /// Whether this is a piece of a line longer than `output.line` that continues in the next line of
    /// the same run and stream.
    pub continues: bool,
    /// The raw bytes with the newline; without one it is a piece, or the last line of its stream.
    pub bytes: &'a [u8],
}

/// Lines of a source that were dropped before they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedLines {
    pub source: SourceId,
    pub lines: u64,
}

#[derive(Debug, Clone)]
struct SliceEntry {
    source: SourceId,
    meta: LineMeta,
    continues: bool,
    seq: u64,
    /// The end in the text. The start is the end of the previous entry: every byte of an entry costs
    /// bandwidth when millions of lines are read.
    end: usize,
}

/// Lines copied from the store, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Slice {
    text: Vec<u8>,
    entries: Vec<SliceEntry>,
    pub(super) missed: Vec<DroppedLines>,
    pub(super) next: u64,
}

impl Slice {
    pub(super) fn with_capacity(lines: usize, bytes: usize) -> Self {
        Self {
            text: Vec::with_capacity(bytes),
            entries: Vec::with_capacity(lines),
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, source: SourceId, line: StoredLine<'_>) {
        self.text.extend_from_slice(line.bytes);
        self.entries.push(SliceEntry {
            source,
            meta: line.meta,
            continues: line.continues,
            seq: line.seq,
            end: self.text.len(),
        });
    }

    /// Iterates over the lines, oldest first.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = SliceLine<'_>> + Clone {
        let start_of = |index: usize| {
            index
                .checked_sub(1)
                .and_then(|previous| self.entries.get(previous))
                .map_or(0, |entry| entry.end)
        };
        self.entries.iter().enumerate().map(move |(index, entry)| SliceLine {
            source: entry.source,
            run: entry.meta.run,
            stream: entry.meta.stream,
            at: Timestamp::from_millisecond(entry.meta.ms).unwrap_or_default(),
            seq: entry.seq,
            continues: entry.continues,
            bytes: self.text.get(start_of(index)..entry.end).unwrap_or_default(),
        })
    }

    /// Returns the bytes of all lines, concatenated.
    #[cfg(feature = "control")]
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns the sequence numbers of the lines, oldest first.
    #[cfg(feature = "control")]
    pub(crate) fn seqs(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().map(|entry| entry.seq)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where to continue reading: the lowest sequence number that was not read.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Lines that a [`Reader`](super::Reader) was too slow to read since its last read.
    pub fn missed(&self) -> &[DroppedLines] {
        &self.missed
    }
}
