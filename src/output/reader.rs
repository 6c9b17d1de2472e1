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
/// Waiting readers cost the writer one wake-up per wait, and nothing if none waits.
pub struct Reader {
    store: Arc<LogStore>,
    id: u64,
    selection: SourceSelection,
    next: u64,
    /// The position in each source, if it is beyond `next`, by index of the source.
    ahead: Vec<u64>,
    /// Whether the last read did not reach the end.
    is_behind: bool,
    partials: u64,
    /// The number of lines read or missed, by index of the source.
    seen: Vec<u64>,
}

/// A reader that waits for more lines.
pub(super) struct ReaderWaiter {
    reader: u64,
    pub(super) selection: SourceSelection,
    pub(super) waker: Waker,
}

impl Reader {
    pub(super) fn new(store: Arc<LogStore>, selection: SourceSelection, start: ReadFrom) -> Self {
        let mut state = store.lock();
        state.readers += 1;
        let next = match start {
            ReadFrom::Oldest => 0,
            ReadFrom::Now => state.next,
            ReadFrom::Seq(seq) => seq.min(state.next),
        };
        let seen = state.selected(&SourceSelection::All).map(|(_, source)| source.ordinal_at(next));
        let seen = seen.collect();
        let (id, partials) = (state.readers, state.partials);
        drop(state);
        Self { store, id, selection, next, ahead: Vec::new(), is_behind: false, partials, seen }
    }

    /// Returns the lines since the last read in order of arrival; empty if there are none.
    pub fn read(&mut self, limit: ReadLimit) -> Slice {
        self.read_lines(limit, false)
    }

    /// Like [`Reader::read`] while `limit` is enough for all new lines. Otherwise, until the reader has
    /// caught up, each source gets an equal share of `limit`, so that a source with little output is not
    /// held up by a flood. The lines of one source stay in order.
    pub fn read_by_turns(&mut self, limit: ReadLimit) -> Slice {
        self.read_lines(limit, self.is_behind)
    }

    fn read_lines(&mut self, limit: ReadLimit, by_turns: bool) -> Slice {
        let store = Arc::clone(&self.store);
        let state = store.lock();
        let missed = self.count_missed(&state);
        let from = |source| self.position_in(source);
        let mut slice = if by_turns {
            let (slice, reached) = state.read_by_turns(&self.selection, from, limit);
            for (source, next) in reached {
                set(&mut self.ahead, source, next);
            }
            slice
        } else {
            state.read(&self.selection, from, limit)
        };
        self.is_behind = slice.next < state.next;
        self.partials = state.partials;
        drop(state);
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
    fn position_in(&self, source: SourceId) -> u64 {
        self.next.max(self.ahead.get(source.index()).copied().unwrap_or_default())
    }

    /// Skips everything that has arrived: the next wait is for newer lines.
    pub fn skip(&mut self) {
        let store = Arc::clone(&self.store);
        let state = store.lock();
        for (id, source) in state.selected(&SourceSelection::All) {
            set(&mut self.seen, id, source.appended);
        }
        (self.next, self.partials, self.is_behind) = (state.next, state.partials, false);
    }

    /// Counts the lines that were dropped before they were read; they count as seen.
    fn count_missed(&mut self, state: &StoreState) -> Vec<DroppedLines> {
        let mut missed = Vec::new();
        for (id, source) in state.selected(&self.selection) {
            let first = source.ordinal_at(self.position_in(id));
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
        let mut state = self.store.lock();
        if self.has_unread(&state) || state.partials > self.partials {
            return Poll::Ready(WakeReason::Lines);
        }
        if state.closed {
            return Poll::Ready(WakeReason::Closed);
        }
        state.waiters.retain(|waiter| waiter.reader != self.id);
        state.waiters.push(ReaderWaiter {
            reader: self.id,
            selection: self.selection.clone(),
            waker: cx.waker().clone(),
        });
        Poll::Pending
    }

    /// Whether lines have arrived that were not read, even if they were dropped since.
    fn has_unread(&self, state: &StoreState) -> bool {
        match &self.selection {
            SourceSelection::All => state.next > self.next,
            only @ SourceSelection::Only(_) => state.selected(only).any(|(id, source)| {
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
    if let Some(entry) = list.get_mut(source.index()) {
        *entry = value;
    }
}
