//! Storage block: consecutive lines of one source, as raw bytes with a 16-byte index entry per line.

use memchr::memchr_iter;

use super::Stream;
use super::page::OutputBytes;

/// Text size in bytes at which a block is full. A longer line has a block to itself.
const MAX_TEXT: usize = 64 << 10;
/// Line count at which a block is full, so that a flood of empty lines does not make the index
/// large compared with the text.
const MAX_LINES: usize = 4096;

const ERR: u32 = 1;
const CONTINUES: u32 = 2;
const FLAG_BITS: u32 = 2;

/// The end of a line within a chunk of text, and whether the line continues in the next chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineEnd(u32);

impl LineEnd {
    /// The maximum size of a chunk that can be split.
    pub(super) const MAX: usize = 1 << 30;

    pub(super) fn new(end: usize, continues: bool) -> Self {
        debug_assert!(end < 2 * Self::MAX);
        Self((end as u32) << 1 | u32::from(continues))
    }

    pub(super) fn end(self) -> usize {
        (self.0 >> 1) as usize
    }

    pub(super) fn continues(self) -> bool {
        self.0 & 1 != 0
    }
}

/// The common attributes of the lines of one chunk.
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
    /// Milliseconds since the block's first line, shifted left by the flag bits, and the flags.
    time_and_flags: u32,
}

/// One line of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredLine<'a> {
    pub(super) seq: u64,
    pub(super) meta: LineMeta,
    pub(super) continues: bool,
    pub(super) bytes: &'a [u8],
}

/// Consecutive lines of one source; never empty once it is in a store.
pub(super) struct Block {
    /// Sequence number of the first line.
    seq: u64,
    /// The number of lines of the source before the first one.
    ordinal: u64,
    ms: i64,
    text: OutputBytes,
    lines: Vec<IndexEntry>,
}

impl Block {
    /// Creates an empty block. `previous` is the full block before it: a source that has filled one block
    /// will fill another, so the same capacity is reserved immediately. In that case the memory of
    /// `dropped` is reused, the block that was dropped last, so a flood in a full store needs no
    /// allocation.
    pub(super) fn new(
        seq: u64,
        ordinal: u64,
        ms: i64,
        previous: Option<&Self>,
        dropped: &mut Option<Self>,
    ) -> Self {
        if let Some(Self { text: OutputBytes::Own(mut text), mut lines, .. }) =
            previous.and_then(|_| dropped.take())
        {
            text.clear();
            lines.clear();
            return Self { seq, ordinal, ms, text: OutputBytes::Own(text), lines };
        }
        let (text, lines) = match previous {
            Some(Self { text: OutputBytes::Own(text), lines, .. }) => (text.len(), lines.len()),
            // Less text is copied between pages than the pages themselves hold.
            Some(Self { text: OutputBytes::Page(..), .. }) | None => (0, 0),
        };
        let text = OutputBytes::Own(Vec::with_capacity(text.min(MAX_TEXT)));
        Self { seq, ordinal, ms, text, lines: Vec::with_capacity(lines.min(MAX_LINES)) }
    }

    /// Creates a block of lines that stay in the page they were read into.
    pub(super) fn of_page(seq: u64, ordinal: u64, ms: i64, paged: PagedLines) -> Self {
        let PagedLines { text, lines } = paged;
        Self { seq, ordinal, ms, text, lines }
    }

    /// Returns the memory use in bytes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.text.memory() + self.lines.capacity() * size_of::<IndexEntry>()
    }

    /// Whether its capacity is that of a usual full block, so that it is worth reusing.
    pub(super) fn is_regular(&self) -> bool {
        let capacities = MAX_TEXT / 2..=MAX_TEXT;
        matches!(&self.text, OutputBytes::Own(text) if capacities.contains(&text.capacity()))
            && self.lines.capacity() <= MAX_LINES
    }

    /// Returns the index of a page block for reuse.
    pub(super) fn into_index(self) -> Option<Vec<IndexEntry>> {
        matches!(self.text, OutputBytes::Page(..)).then_some(self.lines)
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
        let stream = if entry.time_and_flags & ERR == 0 { Stream::Out } else { Stream::Err };
        let ms = self.ms + i64::from(entry.time_and_flags >> FLAG_BITS);
        Some(StoredLine {
            seq: self.seq + u64::from(entry.seq),
            meta: LineMeta { run: entry.run, stream, ms },
            continues: entry.time_and_flags & CONTINUES != 0,
            bytes: self.text.get(start as usize..entry.end as usize)?,
        })
    }

    /// Appends lines while there is room. `cuts` are line ends within `text`, of which the first `start`
    /// bytes are already stored. Returns the number of lines appended; an empty block takes at least one.
    pub(super) fn append(
        &mut self,
        seq: u64,
        meta: LineMeta,
        text: &[u8],
        start: usize,
        cuts: &[LineEnd],
    ) -> usize {
        let OutputBytes::Own(own) = &mut self.text else { return 0 };
        let room = MAX_TEXT.saturating_sub(own.len());
        let mut count = cuts.partition_point(|cut| cut.end() - start <= room);
        count = count.min(MAX_LINES.saturating_sub(self.lines.len()));
        if self.lines.is_empty() {
            count = count.max(1);
        }
        let first = (self.seq, self.ms);
        let Some((delta, time_and_flags)) = relative(first, seq, meta, count) else { return 0 };
        let Some(cuts) = cuts.get(..count) else { return 0 };
        let Some(end) = cuts.last().map(|cut| cut.end()) else { return 0 };
        let Some(text) = text.get(start..end) else { return 0 };
        grow(own, text.len(), MAX_TEXT);
        grow(&mut self.lines, count, MAX_LINES);
        let base = own.len() as u32;
        own.extend_from_slice(text);
        self.lines.extend(cuts.iter().zip(delta..).map(|(cut, seq)| IndexEntry {
            seq,
            end: base + (cut.end() - start) as u32,
            run: meta.run,
            time_and_flags: time_and_flags | if cut.continues() { CONTINUES } else { 0 },
        }));
        count
    }
}

/// Returns sequence number, and time with flags, relative to the first line; `None` if they do not fit.
fn relative(first: (u64, i64), seq: u64, meta: LineMeta, count: usize) -> Option<(u32, u32)> {
    let delta = u32::try_from(seq.checked_sub(first.0)?).ok()?;
    delta.checked_add(count as u32)?;
    let ms = u32::try_from(meta.ms.checked_sub(first.1)?).ok()?;
    Some((delta, ms.checked_mul(1 << FLAG_BITS)? | flag_of(meta.stream)))
}

fn flag_of(stream: Stream) -> u32 {
    if stream == Stream::Err { ERR } else { 0 }
}

/// Lines that stay in the page they were read into.
pub(super) struct PagedLines {
    /// Whole lines only.
    pub(super) text: OutputBytes,
    pub(super) lines: Vec<IndexEntry>,
}

/// Builds the index of text that ends with a newline. Returns `false` if a line is longer than
/// `max_line`, or if the index would be larger than the text.
pub(super) fn index(
    text: &[u8],
    max_line: usize,
    meta: LineMeta,
    lines: &mut Vec<IndexEntry>,
) -> bool {
    let max_lines = text.len() / size_of::<IndexEntry>();
    let (run, time_and_flags) = (meta.run, flag_of(meta.stream));
    let mut start = 0;
    for newline in memchr_iter(b'\n', text) {
        if newline - start > max_line || lines.len() >= max_lines {
            return false;
        }
        start = newline + 1;
        lines.push(IndexEntry { seq: lines.len() as u32, end: start as u32, run, time_and_flags });
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
