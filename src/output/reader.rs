//! Reader: follows the store at its own pace and counts the lines it was too slow to read.
//!
//! Its position is one sequence number, plus the number of lines passed for each source: only with
//! these can dropped lines be counted exactly for each source.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::store::{LogStore, StoreState};
use super::wakers::block_on;
use super::{DroppedLines, ReadLimit, Slice, SourceId, SourceSelection};

/// Where a [`Reader`] starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// At the oldest stored line.
    Oldest,
    /// At the next line to arrive.
    Now,
    /// At the line with this number, or the next stored one; lines dropped before are not counted.
    Seq(u64),
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeReason {
    /// There is something to read, or a partial line to show.
    Lines,
    /// Everything is read, and the store is closed.
    Closed,
}

/// Follows a selection of sources.
///
/// Waiting readers cost the writer one wake-up per wait, and nothing if nobody waits.
pub struct Reader {
    store: Arc<LogStore>,
    id: u64,
    selection: SourceSelection,
    next: u64,
    /// The position in each source, if it is beyond `next`, by index of the source.
    ahead: Vec<u64>,
    /// Whether the last read did not reach the end.
    is_late: bool,
    partials: u64,
    /// The number of lines read or missed, by index of the source.
    seen: Vec<u64>,
}

/// The order in which lines of several sources are read.
#[derive(Clone, Copy)]
enum ReadOrder {
    Arrival,
    Turns,
}

/// A reader that waits for more lines.
pub(super) struct ReaderWaiter {
    reader: u64,
    pub(super) selection: SourceSelection,
    pub(super) waker: Waker,
}

impl Reader {
    pub(super) fn new(store: Arc<LogStore>, selection: SourceSelection, start: ReadFrom) -> Self {
        let mut inner = store.lock();
        inner.readers += 1;
        let next = match start {
            ReadFrom::Oldest => 0,
            ReadFrom::Now => inner.next,
            ReadFrom::Seq(seq) => seq.min(inner.next),
        };
        let seen = inner.selected(&SourceSelection::All).map(|(_, source)| source.ordinal_at(next));
        let seen = seen.collect();
        let (id, partials) = (inner.readers, inner.partials);
        drop(inner);
        Self { store, id, selection, next, ahead: Vec::new(), is_late: false, partials, seen }
    }

    /// Returns the lines since the last read in order of arrival; empty if there are none.
    pub fn read(&mut self, limit: ReadLimit) -> Slice {
        self.read_in(ReadOrder::Arrival, limit)
    }

    /// Like [`Reader::read`] while `limit` is enough for all new lines. Otherwise, until the reader has
    /// caught up, each source gets an equal share of `limit`, so that a source with little output is not
    /// held up by a flood. The lines of one source stay in order.
    pub fn read_by_turns(&mut self, limit: ReadLimit) -> Slice {
        self.read_in(if self.is_late { ReadOrder::Turns } else { ReadOrder::Arrival }, limit)
    }

    fn read_in(&mut self, order: ReadOrder, limit: ReadLimit) -> Slice {
        let store = Arc::clone(&self.store);
        let inner = store.lock();
        let missed = self.count_missed(&inner);
        let from = |source| self.from(source);
        let mut slice = match order {
            ReadOrder::Arrival => inner.read(&self.selection, from, limit),
            ReadOrder::Turns => {
                let (slice, ahead) = inner.read_by_turns(&self.selection, from, limit);
                for (source, next) in ahead {
                    set(&mut self.ahead, source, next);
                }
                slice
            }
        };
        self.is_late = slice.next < inner.next;
        self.partials = inner.partials;
        drop(inner);
        for line in slice.lines() {
            if let Some(seen) = self.seen.get_mut(line.source.index()) {
                *seen += 1;
            }
        }
        self.next = self.next.max(slice.next);
        slice.missed = missed;
        slice
    }

    /// The lowest sequence number of a source that was not read.
    fn from(&self, source: SourceId) -> u64 {
        self.next.max(self.ahead.get(source.index()).copied().unwrap_or_default())
    }

    /// Skips everything that has arrived: the next wait is for newer lines.
    pub fn skip(&mut self) {
        let store = Arc::clone(&self.store);
        let inner = store.lock();
        for (id, source) in inner.selected(&SourceSelection::All) {
            set(&mut self.seen, id, source.appended);
        }
        (self.next, self.partials, self.is_late) = (inner.next, inner.partials, false);
    }

    /// Counts the lines that were dropped before they were read; they count as seen.
    fn count_missed(&mut self, inner: &StoreState) -> Vec<DroppedLines> {
        let mut missed = Vec::new();
        for (id, source) in inner.selected(&self.selection) {
            let first = source.ordinal_at(self.from(id));
            let seen = self.seen.get(id.index()).copied().unwrap_or_default();
            if first > seen {
                missed.push(DroppedLines { source: id, lines: first - seen });
            }
            set(&mut self.seen, id, first.max(seen));
        }
        missed
    }

    /// The lowest sequence number that was not read.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Ready if there is something to read; otherwise the task is woken later.
    pub fn poll_newer(&self, cx: &mut Context<'_>) -> Poll<WakeReason> {
        let mut inner = self.store.lock();
        if self.is_behind(&inner) || inner.partials > self.partials {
            return Poll::Ready(WakeReason::Lines);
        }
        if inner.closed {
            return Poll::Ready(WakeReason::Closed);
        }
        inner.waiters.retain(|waiter| waiter.reader != self.id);
        inner.waiters.push(ReaderWaiter {
            reader: self.id,
            selection: self.selection.clone(),
            waker: cx.waker().clone(),
        });
        Poll::Pending
    }

    /// Whether lines have arrived that were not read, even if they were dropped since.
    fn is_behind(&self, inner: &StoreState) -> bool {
        match &self.selection {
            SourceSelection::All => inner.next > self.next,
            only @ SourceSelection::Only(_) => inner.selected(only).any(|(id, source)| {
                source.appended > self.seen.get(id.index()).copied().unwrap_or_default()
            }),
        }
    }

    /// Blocks the thread until there is something to read; `None` if `timeout` has passed.
    pub fn wait_newer(&self, timeout: Option<Duration>) -> Option<WakeReason> {
        block_on(timeout, |cx| self.poll_newer(cx))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.store.lock().waiters.retain(|waiter| waiter.reader != self.id);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("selection", &self.selection)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// Sets the value of a source in a list indexed by source, growing it as needed.
fn set(list: &mut Vec<u64>, source: SourceId, value: u64) {
    if list.len() <= source.index() {
        list.resize(source.index() + 1, 0);
    }
    if let Some(place) = list.get_mut(source.index()) {
        *place = value;
    }
}
