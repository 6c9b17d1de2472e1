//! Log store: the output lines of all processes, in one order, within one memory budget.
//!
//! One lock guards everything. With a lock per source, a reader could see number 5 while number 4 is
//! still being appended elsewhere, and would skip it. Chunks are split before the lock is taken, so it
//! is held only for a copy (64 KiB in some 20 µs).

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

/// The smallest budget with which pages are used.
const MIN_BUDGET_FOR_PAGES: u64 = 16 * page::SIZE as u64;

mod extent;
mod merge;
#[cfg(test)]
mod tests;

/// The stored output lines of all processes of a project.
///
/// The size is bounded in bytes, including the index; when the budget is exceeded, the source that
/// uses most memory loses its oldest lines. All methods can be called from any thread, and none blocks
/// for longer than another call's copy.
///
/// ```
/// use pitcrew::output::{LineSplitter, LogStore, SourceSelection, Stream};
/// use pitcrew::spec::OutputLimits;
/// use jiff::Timestamp;
///
/// let store = LogStore::new(OutputLimits::default());
/// let web = store.source(&"web".into());
/// let mut splitter = LineSplitter::new(&store, web, 1, None);
/// splitter.push(Stream::Out, b"listening\nreq", Timestamp::UNIX_EPOCH);
///
/// let slice = store.tail(&SourceSelection::All, 10);
/// assert_eq!(slice.lines().map(|line| line.bytes).collect::<Vec<_>>(), [b"listening\n"]);
/// ```
pub struct LogStore {
    limits: OutputLimits,
    pages: Arc<PagePool>,
    state: Mutex<StoreState>,
}

/// The memory use of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreUsage {
    /// Bytes used by text and index.
    pub memory: u64,
    /// The budget in bytes.
    pub budget: u64,
    /// The number of stored lines.
    pub lines: u64,
}

/// The unfinished line of a stream, such as a prompt; see [`LineSplitter::show_partial`](super::LineSplitter::show_partial).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialLine {
    pub source: SourceId,
    pub run: u32,
    pub stream: Stream,
    /// When it was shown.
    pub at: Timestamp,
    /// The last bytes of the line.
    pub bytes: Vec<u8>,
}

#[derive(Default)]
pub(super) struct StoreState {
    sources: Vec<SourceLines>,
    by_name: HashMap<Name, SourceId>,
    /// The sequence number of the next line.
    pub(super) next: u64,
    memory: usize,
    lines: u64,
    /// The block that was dropped last, whose memory the next block reuses.
    dropped: Option<Block>,
    pages: Arc<PagePool>,
    pub(super) closed: bool,
    /// Incremented whenever a partial line is shown.
    pub(super) partials: u64,
    pub(super) waiters: Vec<ReaderWaiter>,
    pub(super) readers: u64,
}

pub(super) struct SourceLines {
    name: Name,
    blocks: VecDeque<Block>,
    /// The number of lines ever appended.
    pub(super) appended: u64,
    /// Memory use of all blocks and partial lines in bytes.
    memory: usize,
    partial: Vec<PartialLine>,
}

impl LogStore {
    pub fn new(limits: OutputLimits) -> Arc<Self> {
        let pages = Arc::<PagePool>::default();
        Arc::new(Self {
            limits,
            pages: Arc::clone(&pages),
            state: Mutex::new(StoreState { pages, ..StoreState::default() }),
        })
    }

    /// Returns the source of this name; the first call creates it, and it is never removed.
    pub fn source(&self, name: &Name) -> SourceId {
        let mut state = self.lock();
        if let Some(&id) = state.by_name.get(name) {
            return id;
        }
        let id = SourceId(state.sources.len() as u32);
        state.sources.push(SourceLines {
            name: name.clone(),
            blocks: VecDeque::new(),
            appended: 0,
            memory: 0,
            partial: Vec::new(),
        });
        state.by_name.insert(name.clone(), id);
        id
    }

    /// Returns the name of a source of this store.
    pub fn name(&self, source: SourceId) -> Option<Name> {
        self.lock().sources.get(source.index()).map(|source| source.name.clone())
    }

    /// Returns lines from sequence number `from` on, oldest first.
    pub fn read(&self, selection: &SourceSelection, from: u64, limit: ReadLimit) -> Slice {
        self.lock().read(selection, |_| from, limit)
    }

    /// Returns the last lines before sequence number `before`, oldest first.
    pub fn read_back(&self, selection: &SourceSelection, before: u64, limit: ReadLimit) -> Slice {
        self.lock().read_back(selection, before, limit)
    }

    /// Returns the last `lines` lines, oldest first, at most a megabyte. To continue from there, pass
    /// [`Slice::next`] to [`ReadFrom::Seq`].
    pub fn tail(&self, selection: &SourceSelection, lines: usize) -> Slice {
        self.read_back(selection, u64::MAX, ReadLimit::lines(lines))
    }

    /// Returns a reader, which is woken for new lines and counts the lines it missed.
    pub fn reader(self: &Arc<Self>, selection: SourceSelection, start: ReadFrom) -> Reader {
        Reader::new(Arc::clone(self), selection, start)
    }

    /// Returns the sequence number of the next line.
    pub fn next_seq(&self) -> u64 {
        self.lock().next
    }

    pub fn gauge(&self) -> StoreUsage {
        let state = self.lock();
        StoreUsage { memory: state.memory as u64, budget: self.limits.memory, lines: state.lines }
    }

    /// Closes the store: no more lines will come, and readers end once they have read everything.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let wakers = state.waiters.drain(..).map(|waiter| waiter.waker).collect();
        drop(state);
        wake_all(wakers);
    }

    /// The maximum length of a line that is stored whole, without its newline.
    pub(super) fn max_line(&self) -> usize {
        usize::try_from(self.limits.line).unwrap_or(usize::MAX).clamp(1, LineEnd::MAX / 2)
    }

    /// Appends the lines of several chunks under one lock, and wakes waiting readers.
    pub(super) fn append(&self, source: SourceId, meta: LineMeta, chunks: &[(&[u8], &[LineEnd])]) {
        self.update(source, meta.stream, None, |state| {
            for (text, cuts) in chunks {
                state.append(source, meta, text, cuts, self.budget());
            }
        });
    }

    /// Returns the pages for output that is stored without a copy; `None` if the budget is so small that
    /// a few pages would fill it.
    pub(super) fn pages(&self) -> Option<&Arc<PagePool>> {
        (self.limits.memory >= MIN_BUDGET_FOR_PAGES).then_some(&self.pages)
    }

    /// Appends lines that stay in their page.
    pub(super) fn append_page(&self, source: SourceId, meta: LineMeta, paged: PagedLines) {
        self.update(source, meta.stream, None, |state| {
            state.append_page(source, meta.ms, paged, self.budget());
        });
    }

    /// Shows the unfinished line of a stream.
    pub(super) fn show_partial(&self, partial: PartialLine) {
        let (source, stream) = (partial.source, partial.stream);
        self.update(source, stream, Some(partial), |state| state.partials += 1);
    }

    /// Replaces the unfinished line of a stream, changes the state, and wakes the readers of the source.
    fn update(
        &self,
        source: SourceId,
        stream: Stream,
        partial: Option<PartialLine>,
        change: impl FnOnce(&mut StoreState),
    ) {
        let mut state = self.lock();
        state.set_partial(source, stream, partial);
        change(&mut state);
        let wakers = state.take_waiters(source);
        drop(state);
        wake_all(wakers);
    }

    fn budget(&self) -> usize {
        usize::try_from(self.limits.memory).unwrap_or(usize::MAX)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, StoreState> {
        lock(&self.state)
    }
}

impl fmt::Debug for LogStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogStore").field(&self.gauge()).finish()
    }
}

impl StoreState {
    /// Iterates over the sources of a selection, in order of creation.
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
        meta: LineMeta,
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
            let taken = source.append(self.next, meta, text, start, left, &mut self.dropped);
            self.memory = self.memory + source.memory - before;
            self.next += taken as u64;
            self.lines += taken as u64;
            let (done, rest) = left.split_at(taken);
            start = done.last().map_or(start, |cut| cut.end());
            left = rest;
            self.shrink_to(budget);
        }
    }

    fn append_page(&mut self, id: SourceId, ms: i64, paged: PagedLines, budget: usize) {
        let Some(source) = self.sources.get_mut(id.index()) else { return };
        let block = Block::of_page(self.next, source.appended, ms, paged);
        let (memory, lines) = (block.memory(), block.len() as u64);
        source.blocks.push_back(block);
        source.memory += memory;
        source.appended += lines;
        self.memory += memory;
        self.next += lines;
        self.lines += lines;
        self.shrink_to(budget);
    }

    /// Drops the oldest block of the source that uses most memory until the budget is kept.
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
                        self.dropped = Some(block);
                    } else if let Some(index) = block.into_index() {
                        self.pages.recycle(index);
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

    /// Removes the readers that wait for this source, to be woken after the lock is released.
    fn take_waiters(&mut self, source: SourceId) -> Vec<Waker> {
        let due = self.waiters.extract_if(.., |waiter| waiter.selection.contains(source));
        due.map(|waiter| waiter.waker).collect()
    }
}

impl SourceLines {
    fn append(
        &mut self,
        seq: u64,
        meta: LineMeta,
        text: &[u8],
        start: usize,
        cuts: &[LineEnd],
        dropped: &mut Option<Block>,
    ) -> usize {
        let mut taken = 0;
        if let Some(last) = self.blocks.back_mut() {
            let before = last.memory();
            taken = last.append(seq, meta, text, start, cuts);
            self.memory = self.memory + last.memory() - before;
        }
        if taken == 0 {
            let mut block = Block::new(seq, self.appended, meta.ms, self.blocks.back(), dropped);
            taken = block.append(seq, meta, text, start, cuts);
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

    /// Returns block and index of the first line with at least this sequence number.
    fn find(&self, seq: u64) -> (usize, usize) {
        let block = self.blocks.partition_point(|block| block.last_seq() < seq);
        (block, self.blocks.get(block).map_or(0, |block| block.find(seq)))
    }

    /// Returns how many lines ever came before the first stored line with at least this number.
    pub(super) fn ordinal_at(&self, seq: u64) -> u64 {
        if self.last_seq().is_none_or(|last| last < seq) {
            return self.appended;
        }
        let (block, line) = self.find(seq);
        self.blocks.get(block).map_or(self.appended, |block| block.ordinal() + line as u64)
    }
}
