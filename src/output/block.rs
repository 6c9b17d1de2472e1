//! A stretch of kept lines of one source: their bytes, and 16 bytes of index for each.

use super::Stream;

/// Bytes of text after which a block is full. A line that is longer has a block of its own.
const TEXT: usize = 64 << 10;
/// Lines after which a block is full, so that a flood of empty lines stays in proportion.
const LINES: usize = 4096;

const ERR: u32 = 1;
const CONTINUES: u32 = 2;
const FLAG_BITS: u32 = 2;

/// Where a line ends within a chunk of text, and whether it goes on in the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut(u32);

impl Cut {
    /// Longest chunk that can be cut.
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
pub(super) struct Head {
    pub(super) run: u32,
    pub(super) stream: Stream,
    /// Arrival, in milliseconds since 1970.
    pub(super) ms: i64,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Above the block's first.
    seq: u32,
    /// End of the text; it begins where the line before ends.
    end: u32,
    run: u32,
    /// Milliseconds above the block's first, then the flags.
    meta: u32,
}

/// One line in a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept<'a> {
    pub(super) seq: u64,
    pub(super) head: Head,
    pub(super) continues: bool,
    pub(super) bytes: &'a [u8],
}

/// Lines of one source in order; never empty once it is in a store.
pub(super) struct Block {
    /// Sequence number of the first line.
    seq: u64,
    /// How many lines of the source came before the first one.
    ordinal: u64,
    ms: i64,
    text: Vec<u8>,
    lines: Vec<Entry>,
}

impl Block {
    /// An empty block. `like` is the full block before it: a source that filled one fills another,
    /// so growing step by step is saved. It takes over the memory of `old` then, a block that has
    /// just been dropped: a flood in a full store asks the allocator for nothing.
    pub(super) fn new(
        seq: u64,
        ordinal: u64,
        ms: i64,
        like: Option<&Self>,
        old: &mut Option<Self>,
    ) -> Self {
        if let Some(Self { mut text, mut lines, .. }) = like.and_then(|_| old.take()) {
            text.clear();
            lines.clear();
            return Self { seq, ordinal, ms, text, lines };
        }
        let (text, lines) = like.map_or((0, 0), |full| (full.text.len(), full.lines.len()));
        Self {
            seq,
            ordinal,
            ms,
            text: Vec::with_capacity(text.min(TEXT)),
            lines: Vec::with_capacity(lines.min(LINES)),
        }
    }

    /// Bytes of memory it takes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.text.capacity() + self.lines.capacity() * size_of::<Entry>()
    }

    /// It has as much memory as a full block usually has, and no more.
    pub(super) fn is_regular(&self) -> bool {
        (TEXT / 2..=TEXT).contains(&self.text.capacity()) && self.lines.capacity() <= LINES
    }

    /// Number of lines.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// How many lines of the source came before the first one.
    pub(super) fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Sequence number of the last line.
    pub(super) fn last_seq(&self) -> u64 {
        self.lines.last().map_or(self.seq, |line| self.seq + u64::from(line.seq))
    }

    /// The first line with this or a higher number; `len()` when there is none.
    pub(super) fn find(&self, seq: u64) -> usize {
        let Some(above) = seq.checked_sub(self.seq) else { return 0 };
        self.lines.partition_point(|line| u64::from(line.seq) < above)
    }

    /// The number of a line, without looking at its text.
    pub(super) fn seq_of(&self, index: usize) -> Option<u64> {
        self.lines.get(index).map(|line| self.seq + u64::from(line.seq))
    }

    /// Line `index` of the block.
    pub(super) fn line(&self, index: usize) -> Option<Kept<'_>> {
        let entry = self.lines.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.lines.get(before)?.end,
            None => 0,
        };
        let stream = if entry.meta & ERR == 0 { Stream::Out } else { Stream::Err };
        let ms = self.ms + i64::from(entry.meta >> FLAG_BITS);
        Some(Kept {
            seq: self.seq + u64::from(entry.seq),
            head: Head { run: entry.run, stream, ms },
            continues: entry.meta & CONTINUES != 0,
            bytes: self.text.get(start as usize..entry.end as usize)?,
        })
    }

    /// Takes lines as long as there is room: `cuts` are ends within `text`, of which `start` bytes
    /// are taken already. Gives how many it took; an empty block takes at least one.
    pub(super) fn append(
        &mut self,
        seq: u64,
        head: Head,
        text: &[u8],
        start: usize,
        cuts: &[Cut],
    ) -> usize {
        let room = TEXT.saturating_sub(self.text.len());
        let mut count = cuts.partition_point(|cut| cut.end() - start <= room);
        count = count.min(LINES.saturating_sub(self.lines.len()));
        if self.lines.is_empty() {
            count = count.max(1);
        }
        let Some((delta, meta)) = self.relative(seq, head, count) else { return 0 };
        let Some(cuts) = cuts.get(..count) else { return 0 };
        let Some(end) = cuts.last().map(|cut| cut.end()) else { return 0 };
        let Some(text) = text.get(start..end) else { return 0 };
        grow(&mut self.text, text.len(), TEXT);
        grow(&mut self.lines, count, LINES);
        let base = self.text.len() as u32;
        self.text.extend_from_slice(text);
        self.lines.extend(cuts.iter().zip(delta..).map(|(cut, seq)| Entry {
            seq,
            end: base + (cut.end() - start) as u32,
            run: head.run,
            meta: meta | if cut.continues() { CONTINUES } else { 0 },
        }));
        count
    }

    /// Number and time as they are stored, unless they are too far from those of the first line.
    fn relative(&self, seq: u64, head: Head, count: usize) -> Option<(u32, u32)> {
        let delta = u32::try_from(seq.checked_sub(self.seq)?).ok()?;
        delta.checked_add(count as u32)?;
        let ms = u32::try_from(head.ms.checked_sub(self.ms)?).ok()?;
        let stored = ms.checked_mul(1 << FLAG_BITS)?;
        Some((delta, stored | if head.stream == Stream::Err { ERR } else { 0 }))
    }
}

/// Makes room in powers of two up to `full`, so that a full block holds no more than it needs.
fn grow<T>(items: &mut Vec<T>, more: usize, full: usize) {
    let needed = items.len() + more;
    if needed > items.capacity() {
        let wanted = needed.next_power_of_two().clamp(16, full).max(needed);
        items.reserve_exact(wanted - items.len());
    }
}
