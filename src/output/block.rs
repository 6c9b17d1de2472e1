//! Storage block: consecutive lines of one source, as raw bytes with a 16-byte index entry per line.

use std::ops::Range;
use std::sync::Arc;

use memchr::memchr_iter;

use super::Stream;
use super::page::{self, Page};

/// Text size in bytes at which a block is full. A longer line has a block to itself.
const TEXT: usize = 64 << 10;
/// Line count at which a block is full, so that a flood of empty lines does not make the index
/// large compared with the text.
const LINES: usize = 4096;

const ERR: u32 = 1;
const CONTINUES: u32 = 2;
const FLAG_BITS: u32 = 2;

/// The end of a line within a chunk of text, and whether the line continues in the next chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineEnd(u32);

impl LineEnd {
    /// The maximum size of a chunk that can be split.
    pub(super) const LONGEST: usize = 1 << 30;

    pub(super) fn new(end: usize, continues: bool) -> Self {
        debug_assert!(end < 2 * Self::LONGEST);
        Self((end as u32) << 1 | u32::from(continues))
    }

    pub(super) fn end(self) -> usize {
        (self.0 >> 1) as usize
    }

    pub(super) fn continues(self) -> bool {
        self.0 & 1 != 0
    }
}

/// What the lines of one chunk have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineMeta {
    pub(super) run: u32,
    pub(super) stream: Stream,
    /// Arrival time in milliseconds since 1970.
    pub(super) ms: i64,
}

/// The index entry of one line.
#[derive(Clone, Copy)]
pub(super) struct IndexEntry {
    /// Offset from the sequence number of the block's first line.
    seq: u32,
    /// End of the text, which starts at the end of the previous line.
    end: u32,
    run: u32,
    /// Milliseconds since the block's first line, shifted left by the flag bits.
    meta: u32,
}

/// One line of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredLine<'a> {
    pub(super) seq: u64,
    pub(super) head: LineMeta,
    pub(super) continues: bool,
    pub(super) bytes: &'a [u8],
}

/// The text of a block.
enum BlockBytes {
    /// A copy, to which more can be appended.
    Own(Vec<u8>),
    /// A range of the page that the output was read into.
    Page(Arc<Page>, Range<usize>),
}

impl BlockBytes {
    fn memory(&self) -> usize {
        match self {
            Self::Own(text) => text.capacity(),
            Self::Page(..) => page::SIZE,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(text) => text,
            Self::Page(page, range) => page.get(range.clone()),
        }
    }
}

/// Consecutive lines of one source; never empty once it is in a store.
pub(super) struct Block {
    /// Sequence number of the first line.
    seq: u64,
    /// The number of lines of the source before the first one.
    ordinal: u64,
    ms: i64,
    text: BlockBytes,
    lines: Vec<IndexEntry>,
}

impl Block {
    /// Creates an empty block. `like` is the full block before it: a source that has filled one block
    /// will fill another, so the same capacity is reserved at once. In that case the memory of `old` is
    /// reused, a block that was just dropped, so a flood in a full store needs no allocation.
    pub(super) fn new(
        seq: u64,
        ordinal: u64,
        ms: i64,
        like: Option<&Self>,
        old: &mut Option<Self>,
    ) -> Self {
        if let Some(Self { text: BlockBytes::Own(mut text), mut lines, .. }) =
            like.and_then(|_| old.take())
        {
            text.clear();
            lines.clear();
            return Self { seq, ordinal, ms, text: BlockBytes::Own(text), lines };
        }
        let (text, lines) = match like {
            Some(Self { text: BlockBytes::Own(text), lines, .. }) => (text.len(), lines.len()),
            // Less text is copied between pages than the pages themselves hold.
            Some(Self { text: BlockBytes::Page(..), .. }) | None => (0, 0),
        };
        let text = BlockBytes::Own(Vec::with_capacity(text.min(TEXT)));
        Self { seq, ordinal, ms, text, lines: Vec::with_capacity(lines.min(LINES)) }
    }

    /// Creates a block of lines that stay in their page; `lines` is their index.
    pub(super) fn of_page(seq: u64, ordinal: u64, head: LineMeta, paged: PagedLines) -> Self {
        let PagedLines { page, range, lines } = paged;
        Self { seq, ordinal, ms: head.ms, text: BlockBytes::Page(page, range), lines }
    }

    /// Returns the memory use in bytes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.text.memory() + self.lines.capacity() * size_of::<IndexEntry>()
    }

    /// Whether its capacity is that of a usual full block, so that it is worth reusing.
    pub(super) fn is_regular(&self) -> bool {
        matches!(&self.text, BlockBytes::Own(text) if (TEXT / 2..=TEXT).contains(&text.capacity()))
            && self.lines.capacity() <= LINES
    }

    /// Returns the index of a page block for reuse.
    pub(super) fn into_index(self) -> Option<Vec<IndexEntry>> {
        matches!(self.text, BlockBytes::Page(..)).then_some(self.lines)
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The number of lines of the source before the first one.
    pub(super) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// The sequence number of the last line.
    pub(super) fn last_seq(&self) -> u64 {
        self.lines.last().map_or(self.seq, |line| self.seq + u64::from(line.seq))
    }

    /// Returns the index of the first line with at least this sequence number, or `len()`.
    pub(super) fn find(&self, seq: u64) -> usize {
        let Some(above) = seq.checked_sub(self.seq) else { return 0 };
        self.lines.partition_point(|line| u64::from(line.seq) < above)
    }

    /// Returns the sequence number of a line without reading its text.
    pub(super) fn seq_of(&self, index: usize) -> Option<u64> {
        self.lines.get(index).map(|line| self.seq + u64::from(line.seq))
    }

    /// Returns the line at `index`.
    pub(super) fn line(&self, index: usize) -> Option<StoredLine<'_>> {
        let entry = self.lines.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.lines.get(before)?.end,
            None => 0,
        };
        let stream = if entry.meta & ERR == 0 { Stream::Out } else { Stream::Err };
        let ms = self.ms + i64::from(entry.meta >> FLAG_BITS);
        Some(StoredLine {
            seq: self.seq + u64::from(entry.seq),
            head: LineMeta { run: entry.run, stream, ms },
            continues: entry.meta & CONTINUES != 0,
            bytes: self.text.bytes().get(start as usize..entry.end as usize)?,
        })
    }

    /// Appends lines while there is room. `cuts` are line ends within `text`, of which the first `start`
    /// bytes are already stored. Returns the number of lines appended; an empty block takes at least one.
    pub(super) fn append(
        &mut self,
        seq: u64,
        head: LineMeta,
        text: &[u8],
        start: usize,
        cuts: &[LineEnd],
    ) -> usize {
        let BlockBytes::Own(own) = &mut self.text else { return 0 };
        let room = TEXT.saturating_sub(own.len());
        let mut count = cuts.partition_point(|cut| cut.end() - start <= room);
        count = count.min(LINES.saturating_sub(self.lines.len()));
        if self.lines.is_empty() {
            count = count.max(1);
        }
        let Some((delta, meta)) = relative((self.seq, self.ms), seq, head, count) else { return 0 };
        let Some(cuts) = cuts.get(..count) else { return 0 };
        let Some(end) = cuts.last().map(|cut| cut.end()) else { return 0 };
        let Some(text) = text.get(start..end) else { return 0 };
        grow(own, text.len(), TEXT);
        grow(&mut self.lines, count, LINES);
        let base = own.len() as u32;
        own.extend_from_slice(text);
        self.lines.extend(cuts.iter().zip(delta..).map(|(cut, seq)| IndexEntry {
            seq,
            end: base + (cut.end() - start) as u32,
            run: head.run,
            meta: meta | if cut.continues() { CONTINUES } else { 0 },
        }));
        count
    }
}

/// Returns sequence number and time relative to the first line, or `None` if they do not fit.
fn relative(first: (u64, i64), seq: u64, head: LineMeta, count: usize) -> Option<(u32, u32)> {
    let delta = u32::try_from(seq.checked_sub(first.0)?).ok()?;
    delta.checked_add(count as u32)?;
    let ms = u32::try_from(head.ms.checked_sub(first.1)?).ok()?;
    let stored = ms.checked_mul(1 << FLAG_BITS)?;
    Some((delta, stored | if head.stream == Stream::Err { ERR } else { 0 }))
}

/// Lines that stay in the page they were read into.
pub(super) struct PagedLines {
    pub(super) page: Arc<Page>,
    /// The range of the page; whole lines only.
    pub(super) range: Range<usize>,
    pub(super) lines: Vec<IndexEntry>,
}

/// Builds the index of text that ends with a newline. Returns `false` if a line is longer than
/// `longest`, or if the index would be larger than the text.
pub(super) fn index(
    text: &[u8],
    longest: usize,
    head: LineMeta,
    lines: &mut Vec<IndexEntry>,
) -> bool {
    let most = text.len() / size_of::<IndexEntry>();
    let meta = if head.stream == Stream::Err { ERR } else { 0 };
    let mut start = 0;
    for newline in memchr_iter(b'\n', text) {
        if newline - start > longest || lines.len() >= most {
            return false;
        }
        start = newline + 1;
        lines.push(IndexEntry { seq: lines.len() as u32, end: start as u32, run: head.run, meta });
    }
    if lines.capacity() > 2 * lines.len() {
        lines.shrink_to_fit();
    }
    true
}

/// Grows the capacity in powers of two up to `full`, so that a full block wastes no memory.
fn grow<T>(items: &mut Vec<T>, more: usize, full: usize) {
    let needed = items.len() + more;
    if needed > items.capacity() {
        let wanted = needed.next_power_of_two().clamp(16, full).max(needed);
        items.reserve_exact(wanted - items.len());
    }
}
