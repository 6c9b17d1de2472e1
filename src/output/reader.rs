//! A [`Reader`] follows the store at its own pace and is told what it was too slow for.
//!
//! Its position is one number, plus for each source how many of its lines have gone by: only so the
//! lines that were dropped unread can be counted exactly, source by source.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::store::{LogStore, StoreState};
use super::wakers::block_on;
use super::{DroppedLines, ReadLimit, Slice, SourceId, SourceSelection};

/// Where a [`Reader`] begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// With the oldest line that is kept.
    Oldest,
    /// With the next line that comes.
    Now,
    /// With the line of this number, or the next one kept; what was dropped before is not counted.
    Seq(u64),
}

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeReason {
    /// There is something to read, or a partial line to show.
    Lines,
    /// All is read, and the store is closed.
    Closed,
}

/// Follows a selection of sources.
///
/// Waiting costs whoever appends nothing as long as nobody waits, and one wake-up for each wait.
pub struct Reader {
    store: Arc<LogStore>,
    id: u64,
    selection: SourceSelection,
    next: u64,
    /// Where it is in a source, if that is beyond `next`; by the source's index.
    ahead: Vec<u64>,
    /// The last read did not come to the end.
    is_late: bool,
    partials: u64,
    /// Lines of each source that were read or missed, by its index.
    seen: Vec<u64>,
}

/// In which order the lines of several sources are read.
#[derive(Clone, Copy)]
enum ReadOrder {
    Arrival,
    Turns,
}

/// A reader that has read everything and wants to be woken.
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

    /// What came since the last read, in the order in which it came. Empty when there is nothing new.
    pub fn read(&mut self, limit: ReadLimit) -> Slice {
        self.read_in(ReadOrder::Arrival, limit)
    }

    /// The same as long as `limit` is enough for all that came. From then on, until it has caught up,
    /// each source that has something gets an equal share of `limit`: one that prints little is not
    /// held up by one that floods. The lines of one source stay in their order.
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

    /// The lowest number of a source that it has not looked at.
    fn from(&self, source: SourceId) -> u64 {
        self.next.max(self.ahead.get(source.index()).copied().unwrap_or_default())
    }

    /// Passes over everything that has come: the next wait is for what comes after it.
    pub fn skip(&mut self) {
        let store = Arc::clone(&self.store);
        let inner = store.lock();
        for (id, source) in inner.selected(&SourceSelection::All) {
            set(&mut self.seen, id, source.appended);
        }
        (self.next, self.partials, self.is_late) = (inner.next, inner.partials, false);
    }

    /// Whose lines were dropped before it came to them; they count as seen.
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

    /// The lowest number this reader has not looked at.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Ready when there is something to read; else the task is woken then.
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

    /// Whether lines have come, dropped again or not, that it has not seen.
    fn is_behind(&self, inner: &StoreState) -> bool {
        match &self.selection {
            SourceSelection::All => inner.next > self.next,
            only @ SourceSelection::Only(_) => inner.selected(only).any(|(id, source)| {
                source.appended > self.seen.get(id.index()).copied().unwrap_or_default()
            }),
        }
    }

    /// Lets the thread sleep until there is something to read; `None` when `timeout` has passed.
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

/// Sets what is known of a source in a list that grows with them.
fn set(list: &mut Vec<u64>, source: SourceId, value: u64) {
    if list.len() <= source.index() {
        list.resize(source.index() + 1, 0);
    }
    if let Some(place) = list.get_mut(source.index()) {
        *place = value;
    }
}
