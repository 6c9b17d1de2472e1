//! The [`LogStore`]: what is kept of the output of all processes, in one order, within one budget.
//!
//! One lock guards it all. A source has its own lock in faster designs, but then a reader can see
//! number 5 while number 4 is still being appended elsewhere, and would pass it over. Chunks are cut
//! before the lock is taken, so it is held for a copy (64 KiB in some 20 µs) and nothing else.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use jiff::Timestamp;

use super::block::{Block, LineEnd, LineMeta, PagedLines};
use super::page::{self, PagePool};
use super::reader::{Reader, ReaderWaiter};
use super::wakers::{lock, wake_all};
use super::{ReadFrom, ReadLimit, Slice, SourceId, SourceSelection, Stream};
use crate::spec::{Name, OutputLimits};

pub use extent::Extent;

/// Pages are used from this budget on.
const LEAST_FOR_PAGES: u64 = 16 * page::SIZE as u64;

mod extent;
mod merge;
#[cfg(test)]
mod tests;

/// What is kept of the output of all processes of a project.
///
/// It is bounded in bytes, text and index counted; when there is too much, the source that holds
/// most loses its oldest lines. All methods may be called from any thread, and none waits for more
/// than another's copy.
///
/// ```
/// use pitcrew::output::{Intake, LogStore, Selection, Stream};
/// use pitcrew::spec::OutputLimits;
/// use jiff::Timestamp;
///
/// let store = LogStore::new(OutputLimits::default());
/// let web = store.source(&"web".into());
/// let mut intake = Intake::new(&store, web, 1, None);
/// intake.push(Stream::Out, b"listening\nreq", Timestamp::UNIX_EPOCH);
///
/// let slice = store.tail(&Selection::All, 10);
/// assert_eq!(slice.lines().map(|line| line.bytes).collect::<Vec<_>>(), [b"listening\n"]);
/// ```
pub struct LogStore {
    limits: OutputLimits,
    pages: Arc<PagePool>,
    inner: Mutex<StoreState>,
}

/// How full a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreUsage {
    /// Bytes taken, text and index.
    pub memory: u64,
    /// Bytes that may be taken.
    pub budget: u64,
    /// Lines kept.
    pub lines: u64,
}

/// The unfinished line of a stream, such as a prompt; see [`Intake::show_partial`](super::LineSplitter::show_partial).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialLine {
    pub source: SourceId,
    pub run: u32,
    pub stream: Stream,
    /// When it was shown.
    pub at: Timestamp,
    /// The end of it, as it came.
    pub bytes: Vec<u8>,
}

pub(super) struct StoreState {
    sources: Vec<SourceLines>,
    by_name: HashMap<Name, SourceId>,
    /// The number of the next line.
    pub(super) next: u64,
    memory: usize,
    lines: u64,
    /// The last block that was dropped, for the next one that is needed.
    old: Option<Block>,
    pages: Arc<PagePool>,
    pub(super) closed: bool,
    /// Grows whenever a partial line is shown.
    pub(super) partials: u64,
    pub(super) waiters: Vec<ReaderWaiter>,
    pub(super) readers: u64,
}

pub(super) struct SourceLines {
    name: Name,
    blocks: VecDeque<Block>,
    /// Lines that ever came.
    pub(super) appended: u64,
    /// Bytes of memory all blocks and partial lines take.
    memory: usize,
    partial: Vec<PartialLine>,
}

impl LogStore {
    pub fn new(limits: OutputLimits) -> Arc<Self> {
        let pages = Arc::<PagePool>::default();
        Arc::new(Self {
            limits,
            pages: Arc::clone(&pages),
            inner: Mutex::new(StoreState {
                sources: Vec::new(),
                by_name: HashMap::new(),
                next: 0,
                memory: 0,
                lines: 0,
                old: None,
                pages,
                closed: false,
                partials: 0,
                waiters: Vec::new(),
                readers: 0,
            }),
        })
    }

    /// The source of this name; it is made when it is asked for first, and stays.
    pub fn source(&self, name: &Name) -> SourceId {
        let mut inner = self.lock();
        if let Some(&id) = inner.by_name.get(name) {
            return id;
        }
        let id = SourceId(inner.sources.len() as u32);
        inner.sources.push(SourceLines {
            name: name.clone(),
            blocks: VecDeque::new(),
            appended: 0,
            memory: 0,
            partial: Vec::new(),
        });
        inner.by_name.insert(name.clone(), id);
        id
    }

    /// The name of a source of this store.
    pub fn name(&self, source: SourceId) -> Option<Name> {
        self.lock().sources.get(source.index()).map(|source| source.name.clone())
    }

    /// Lines from number `from` on, oldest first.
    pub fn read(&self, selection: &SourceSelection, from: u64, limit: ReadLimit) -> Slice {
        self.lock().read(selection, |_| from, limit)
    }

    /// The last lines before number `before`, oldest first.
    pub fn read_back(&self, selection: &SourceSelection, before: u64, limit: ReadLimit) -> Slice {
        self.lock().read_back(selection, before, limit)
    }

    /// The last `lines` lines, oldest first, a megabyte at most. To go on from there, give
    /// [`Slice::next`] to [`ReadFrom::Seq`].
    pub fn tail(&self, selection: &SourceSelection, lines: usize) -> Slice {
        self.read_back(selection, u64::MAX, ReadLimit::lines(lines))
    }

    /// The unfinished lines that are to be shown.
    pub fn partials(&self, selection: &SourceSelection) -> Vec<PartialLine> {
        let inner = self.lock();
        let selected = inner.selected(selection);
        selected.flat_map(|(_, source)| source.partial.iter().cloned()).collect()
    }

    /// Somebody who follows: is told when there is more, and how much was dropped unread.
    pub fn reader(self: &Arc<Self>, selection: SourceSelection, start: ReadFrom) -> Reader {
        Reader::new(Arc::clone(self), selection, start)
    }

    /// The number the next line will have.
    pub fn next_seq(&self) -> u64 {
        self.lock().next
    }

    pub fn gauge(&self) -> StoreUsage {
        let inner = self.lock();
        StoreUsage { memory: inner.memory as u64, budget: self.limits.memory, lines: inner.lines }
    }

    /// Says that no more lines will come: whoever follows ends once all is read.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        let wakers = inner.waiters.drain(..).map(|waiter| waiter.waker).collect();
        drop(inner);
        wake_all(wakers);
    }

    /// Longest line that is kept whole, without its newline.
    pub(super) fn longest_line(&self) -> usize {
        usize::try_from(self.limits.line).unwrap_or(usize::MAX).clamp(1, LineEnd::LONGEST / 2)
    }

    /// Appends the lines of several chunks under one lock, and wakes who waits for them.
    pub(super) fn append(&self, source: SourceId, head: LineMeta, chunks: &[(&[u8], &[LineEnd])]) {
        let budget = usize::try_from(self.limits.memory).unwrap_or(usize::MAX);
        let mut inner = self.lock();
        inner.set_partial(source, head.stream, None);
        for (text, cuts) in chunks {
            inner.append(source, head, text, cuts, budget);
        }
        let wakers = inner.due(source);
        drop(inner);
        wake_all(wakers);
    }

    /// Pages for output that is not to be copied; none when the budget is so small that a few of
    /// them would fill it.
    pub(super) fn pages(&self) -> Option<&Arc<PagePool>> {
        (self.limits.memory >= LEAST_FOR_PAGES).then_some(&self.pages)
    }

    /// Appends lines that stay where they were read to.
    pub(super) fn append_page(&self, source: SourceId, head: LineMeta, paged: PagedLines) {
        let budget = usize::try_from(self.limits.memory).unwrap_or(usize::MAX);
        let mut inner = self.lock();
        inner.set_partial(source, head.stream, None);
        inner.append_page(source, head, paged, budget);
        let wakers = inner.due(source);
        drop(inner);
        wake_all(wakers);
    }

    /// Shows the unfinished line of a stream.
    pub(super) fn show_partial(&self, partial: PartialLine) {
        let mut inner = self.lock();
        inner.partials += 1;
        let source = partial.source;
        inner.set_partial(source, partial.stream, Some(partial));
        let wakers = inner.due(source);
        drop(inner);
        wake_all(wakers);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, StoreState> {
        lock(&self.inner)
    }
}

impl fmt::Debug for LogStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogStore").field(&self.gauge()).finish()
    }
}

impl StoreState {
    /// The sources of a selection, in the order they were made.
    pub(super) fn selected<'a>(
        &'a self,
        selection: &'a SourceSelection,
    ) -> impl Iterator<Item = (SourceId, &'a SourceLines)> {
        let (all, only) = match selection {
            SourceSelection::All => (self.sources.as_slice(), [].as_slice()),
            SourceSelection::Only(sources) => ([].as_slice(), &**sources),
        };
        let all = all.iter().enumerate().map(|(index, source)| (SourceId(index as u32), source));
        all.chain(only.iter().filter_map(|&id| Some((id, self.sources.get(id.index())?))))
    }

    fn append(
        &mut self,
        id: SourceId,
        head: LineMeta,
        text: &[u8],
        cuts: &[LineEnd],
        budget: usize,
    ) {
        let mut start = 0;
        let mut left = cuts;
        while let Some(first) = left.first() {
            debug_assert!(first.end() >= start);
            let Some(source) = self.sources.get_mut(id.index()) else { return };
            let before = source.memory;
            let taken = source.append(self.next, head, text, start, left, &mut self.old);
            self.memory = self.memory + source.memory - before;
            self.next += taken as u64;
            self.lines += taken as u64;
            let (done, rest) = left.split_at(taken);
            start = done.last().map_or(start, |cut| cut.end());
            left = rest;
            self.shrink_to(budget);
        }
    }

    fn append_page(&mut self, id: SourceId, head: LineMeta, paged: PagedLines, budget: usize) {
        let Some(source) = self.sources.get_mut(id.index()) else { return };
        let block = Block::of_page(self.next, source.appended, head, paged);
        let (memory, lines) = (block.memory(), block.len() as u64);
        source.blocks.push_back(block);
        source.memory += memory;
        source.appended += lines;
        self.memory += memory;
        self.next += lines;
        self.lines += lines;
        self.shrink_to(budget);
    }

    /// Drops the oldest of whoever holds most until no more than `budget` is taken.
    fn shrink_to(&mut self, budget: usize) {
        while self.memory > budget {
            let Some(biggest) = self.sources.iter_mut().max_by_key(|source| source.memory) else {
                return;
            };
            let before = biggest.memory;
            match biggest.blocks.pop_front() {
                Some(block) => {
                    biggest.memory -= block.memory();
                    self.lines -= block.len() as u64;
                    if block.is_regular() {
                        self.old = Some(block);
                    } else if let Some(index) = block.into_index() {
                        self.pages.give_back(index);
                    }
                }
                None => biggest.drop_partials(),
            }
            if before == biggest.memory {
                return;
            }
            self.memory = self.memory + biggest.memory - before;
        }
    }

    fn set_partial(&mut self, id: SourceId, stream: Stream, partial: Option<PartialLine>) {
        let Some(source) = self.sources.get_mut(id.index()) else { return };
        if source.partial.is_empty() && partial.is_none() {
            return;
        }
        let before = source.memory;
        source.partial.retain(|old| {
            let stays = old.stream != stream;
            source.memory -= if stays { 0 } else { old.bytes.capacity() };
            stays
        });
        if let Some(partial) = partial {
            source.memory += partial.bytes.capacity();
            source.partial.push(partial);
        }
        self.memory = self.memory + source.memory - before;
    }

    /// Takes out those who wait for this source, to be woken after the lock is released.
    fn due(&mut self, source: SourceId) -> Vec<Waker> {
        let due = self.waiters.extract_if(.., |waiter| waiter.selection.contains(source));
        due.map(|waiter| waiter.waker).collect()
    }
}

impl SourceLines {
    fn append(
        &mut self,
        seq: u64,
        head: LineMeta,
        text: &[u8],
        start: usize,
        cuts: &[LineEnd],
        old: &mut Option<Block>,
    ) -> usize {
        let mut taken = 0;
        if let Some(last) = self.blocks.back_mut() {
            let before = last.memory();
            taken = last.append(seq, head, text, start, cuts);
            self.memory = self.memory + last.memory() - before;
        }
        if taken == 0 {
            let mut block = Block::new(seq, self.appended, head.ms, self.blocks.back(), old);
            taken = block.append(seq, head, text, start, cuts);
            self.memory += block.memory();
            self.blocks.push_back(block);
        }
        self.appended += taken as u64;
        taken
    }

    fn drop_partials(&mut self) {
        self.memory -= self.partial.iter().map(|partial| partial.bytes.capacity()).sum::<usize>();
        self.partial.clear();
    }

    pub(super) fn last_seq(&self) -> Option<u64> {
        self.blocks.back().map(Block::last_seq)
    }

    /// Where the first line with this or a higher number is kept: block, and line within it.
    fn find(&self, seq: u64) -> (usize, usize) {
        let block = self.blocks.partition_point(|block| block.last_seq() < seq);
        (block, self.blocks.get(block).map_or(0, |block| block.find(seq)))
    }

    /// How many lines ever came before the first one kept that has this or a higher number.
    pub(super) fn ordinal_at(&self, seq: u64) -> u64 {
        if self.last_seq().is_none_or(|last| last < seq) {
            return self.appended;
        }
        let (block, line) = self.find(seq);
        self.blocks.get(block).map_or(self.appended, |block| block.ordinal() + line as u64)
    }
}
