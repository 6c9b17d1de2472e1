//! Counts search hits, and updates the count as lines come and are dropped.

use std::collections::{BTreeMap, VecDeque};

use crate::control::wire::SearchProgress;
use crate::output::{LogStore, SliceLine, SourceId, SourceSelection};

/// The numbers of the hits of each source, in order: each drops its own oldest lines.
#[derive(Debug, Default)]
pub(super) struct HitCounter {
    hits: BTreeMap<SourceId, VecDeque<u64>>,
    /// What came before this one has been looked at.
    pub(super) end: u64,
    /// The line around which the nearest ones are named.
    pub(super) at: u64,
}

impl HitCounter {
    /// One that has looked at what comes before `end`.
    pub(super) fn new(end: u64, at: u64) -> Self {
        Self { end, at, ..Self::default() }
    }

    /// One that comes after all that are known.
    pub(super) fn newer(&mut self, line: &SliceLine<'_>) {
        self.hits.entry(line.source).or_default().push_back(line.seq);
    }

    /// Those of one chunk, in order, that come before all that are known.
    pub(super) fn older(&mut self, chunk: &[(SourceId, u64)]) {
        for (source, seq) in chunk.iter().rev() {
            self.hits.entry(*source).or_default().push_front(*seq);
        }
    }

    /// Forgets those that are not kept any more.
    pub(super) fn drop_gone(&mut self, store: &LogStore) {
        for (source, hits) in &mut self.hits {
            let first = store.extent(&SourceSelection::from(*source), u64::MAX).first;
            let gone = match first {
                Some(first) => hits.partition_point(|seq| *seq < first),
                None => hits.len(),
            };
            hits.drain(..gone);
        }
    }

    /// What there is to say.
    pub(super) fn found(&self, looked: u64) -> SearchProgress {
        let mut found =
            SearchProgress { looked, of: looked, over: true, ..SearchProgress::default() };
        for hits in self.hits.values() {
            let before = hits.partition_point(|seq| *seq < self.at);
            found.hits += hits.len() as u64;
            found.before += before as u64;
            let previous = before.checked_sub(1).and_then(|last| hits.get(last)).copied();
            let next = hits.get(before).copied();
            let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
            found.previous = found.previous.max(previous);
            found.next = least(found.next, next);
            found.first = least(found.first, hits.front().copied());
            found.last = found.last.max(hits.back().copied());
        }
        found
    }
}
