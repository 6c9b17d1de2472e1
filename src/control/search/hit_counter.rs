//! Counts search hits, and updates the count as lines come and are dropped.

use std::collections::{BTreeMap, VecDeque};

use crate::control::wire::SearchProgress;
use crate::output::{LogStore, SliceLine, SourceId, SourceSelection};

/// The line numbers of the hits, in order; per source, because each source drops its own oldest lines.
#[derive(Debug, Default)]
pub(super) struct HitCounter {
    hits: BTreeMap<SourceId, VecDeque<u64>>,
    /// All lines before this one have been searched.
    pub(super) end: u64,
    /// The line around which the nearest hits are reported.
    pub(super) at: u64,
}

impl HitCounter {
    /// Creates a counter for a search of the lines before `end`.
    pub(super) fn new(end: u64, at: u64) -> Self {
        Self { end, at, ..Self::default() }
    }

    /// Adds a hit after all others.
    pub(super) fn push(&mut self, line: &SliceLine<'_>) {
        self.hits.entry(line.source).or_default().push_back(line.seq);
    }

    /// Adds hits before all others, in order.
    pub(super) fn push_older(&mut self, hits: &[(SourceId, u64)]) {
        for (source, seq) in hits.iter().rev() {
            self.hits.entry(*source).or_default().push_front(*seq);
        }
    }

    /// Removes the hits whose lines the store has dropped.
    pub(super) fn remove_dropped(&mut self, store: &LogStore) {
        for (source, hits) in &mut self.hits {
            let first = store.extent(&SourceSelection::from(*source), u64::MAX).first;
            let dropped = match first {
                Some(first) => hits.partition_point(|seq| *seq < first),
                None => hits.len(),
            };
            hits.drain(..dropped);
        }
    }

    /// Returns the progress of a finished search of `looked` lines.
    pub(super) fn progress(&self, looked: u64) -> SearchProgress {
        let mut progress =
            SearchProgress { looked, of: looked, over: true, ..SearchProgress::default() };
        for hits in self.hits.values() {
            let before = hits.partition_point(|seq| *seq < self.at);
            progress.hits += hits.len() as u64;
            progress.before += before as u64;
            let previous = before.checked_sub(1).and_then(|last| hits.get(last)).copied();
            let next = hits.get(before).copied();
            let smaller = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
            progress.previous = progress.previous.max(previous);
            progress.next = smaller(progress.next, next);
            progress.first = smaller(progress.first, hits.front().copied());
            progress.last = progress.last.max(hits.back().copied());
        }
        progress
    }
}
