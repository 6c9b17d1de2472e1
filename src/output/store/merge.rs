//! Merges several sources in a read: a heap of their next lines, ordered by sequence number.
//!
//! Lines of a source come in chunks, so many lines are taken from one source before the heap is
//! updated.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{SourceLines, StoreState};
use crate::output::{ReadLimit, Slice, SourceId, SourceSelection};

/// The position of a line within a store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LinePosition {
    source: SourceId,
    block: usize,
    line: usize,
}

impl StoreState {
    /// Reads in order of arrival; `from` returns the lowest wanted sequence number of each source.
    pub(in crate::output) fn read(
        &self,
        selection: &SourceSelection,
        from: impl Fn(SourceId) -> u64,
        limit: ReadLimit,
    ) -> Slice {
        let mut heads = BinaryHeap::new();
        for (id, _) in self.selected(selection) {
            heads.extend(self.first(id, from(id)).map(Reverse));
        }
        let mut found = MergedPositions::new(limit);
        while let Some(Reverse((mut seq, mut place))) = heads.pop() {
            let until = heads.peek().map_or(u64::MAX, |Reverse((seq, _))| *seq);
            while seq < until {
                if !found.add(self, place) {
                    return found.copy(self, seq);
                }
                let Some(next) = self.after(place) else { break };
                (seq, place) = next;
            }
            if seq > until {
                heads.push(Reverse((seq, place)));
            }
        }
        found.copy(self, self.next)
    }

    /// Reads an equal share of `limit` from each source that has lines, one source after another. Also
    /// returns the position reached in each source.
    pub(in crate::output) fn read_by_turns(
        &self,
        selection: &SourceSelection,
        from: impl Fn(SourceId) -> u64,
        limit: ReadLimit,
    ) -> (Slice, Vec<(SourceId, u64)>) {
        let all = self.selected(selection);
        let mut firsts: Vec<_> = all.filter_map(|(id, _)| self.first(id, from(id))).collect();
        // Lines longer than a share may leave nothing for the last source: next time it is the first.
        firsts.sort_unstable();
        let count = firsts.len().max(1);
        let lines = (limit.lines / count).max(limit.lines.min(1));
        let share = ReadLimit { lines, bytes: limit.bytes / count };
        let mut found = MergedPositions::new(share);
        let mut ahead = Vec::with_capacity(firsts.len());
        for first in firsts {
            found.next_share();
            let source = first.1.source;
            let mut next = Some(first);
            let any = found.bytes < limit.bytes || found.places.is_empty();
            while let Some((_, place)) = next.filter(|(_, place)| any && found.add(self, *place)) {
                next = self.after(place);
            }
            ahead.push((source, next.map_or(self.next, |(seq, _)| seq)));
        }
        let next = ahead.iter().map(|(_, next)| *next).min();
        (found.copy(self, next.unwrap_or(self.next)), ahead)
    }

    pub(in crate::output) fn read_back(
        &self,
        selection: &SourceSelection,
        before: u64,
        limit: ReadLimit,
    ) -> Slice {
        let mut heads = BinaryHeap::new();
        for (id, source) in self.selected(selection) {
            let (block, line) = source.find(before);
            heads.extend(self.before(LinePosition { source: id, block, line }));
        }
        let mut found = MergedPositions::new(limit);
        'full: while let Some((mut seq, mut place)) = heads.pop() {
            let until = heads.peek().map(|(seq, _)| *seq);
            while until.is_none_or(|until| seq > until) {
                if !found.add(self, place) {
                    break 'full;
                }
                let Some(next) = self.before(place) else { break };
                (seq, place) = next;
            }
            if until.is_some_and(|until| seq < until) {
                heads.push((seq, place));
            }
        }
        found.places.reverse();
        found.copy(self, before.min(self.next))
    }

    fn source_at(&self, place: LinePosition) -> Option<&SourceLines> {
        self.sources.get(place.source.index())
    }

    /// Returns the first line of a source with at least this sequence number.
    fn first(&self, source: SourceId, from: u64) -> Option<(u64, LinePosition)> {
        let (block, line) = self.sources.get(source.index())?.find(from);
        let place = LinePosition { source, block, line };
        Some((self.seq(place)?, place))
    }

    fn seq(&self, place: LinePosition) -> Option<u64> {
        self.source_at(place)?.blocks.get(place.block)?.seq_of(place.line)
    }

    /// Returns the next line of the same source.
    fn after(&self, place: LinePosition) -> Option<(u64, LinePosition)> {
        let next = LinePosition { line: place.line + 1, ..place };
        if let Some(seq) = self.seq(next) {
            return Some((seq, next));
        }
        let next = LinePosition { block: place.block + 1, line: 0, ..place };
        Some((self.seq(next)?, next))
    }

    /// Returns the previous line of the same source.
    fn before(&self, place: LinePosition) -> Option<(u64, LinePosition)> {
        let before = if let Some(line) = place.line.checked_sub(1) {
            LinePosition { line, ..place }
        } else {
            let block = place.block.checked_sub(1)?;
            let line = self.source_at(place)?.blocks.get(block)?.len().checked_sub(1)?;
            LinePosition { block, line, ..place }
        };
        Some((self.seq(before)?, before))
    }
}

/// The positions of the lines to copy.
struct MergedPositions {
    limit: ReadLimit,
    bytes: usize,
    places: Vec<LinePosition>,
    /// The size at the start of the current share.
    lines_before: usize,
    bytes_before: usize,
}

impl MergedPositions {
    fn new(limit: ReadLimit) -> Self {
        Self { limit, bytes: 0, places: Vec::new(), lines_before: 0, bytes_before: 0 }
    }

    /// Starts a new share with the whole limit.
    fn next_share(&mut self) {
        (self.lines_before, self.bytes_before) = (self.places.len(), self.bytes);
    }

    /// Adds one more line; returns `false` if the limit is reached.
    fn add(&mut self, inner: &StoreState, place: LinePosition) -> bool {
        let source = inner.source_at(place);
        let line = source.and_then(|source| source.blocks.get(place.block)?.line(place.line));
        let bytes = line.map_or(0, |line| line.bytes.len());
        let lines = self.places.len() - self.lines_before;
        let fits = lines == 0 || self.bytes - self.bytes_before + bytes <= self.limit.bytes;
        if lines >= self.limit.lines || !fits {
            return false;
        }
        self.bytes += bytes;
        self.places.push(place);
        true
    }

    fn copy(self, inner: &StoreState, next: u64) -> Slice {
        let mut slice = Slice::with_capacity(self.places.len(), self.bytes);
        for place in self.places {
            let source = inner.source_at(place);
            if let Some(line) = source.and_then(|s| s.blocks.get(place.block)?.line(place.line)) {
                slice.push(place.source, line);
            }
        }
        slice.next = next;
        slice
    }
}
