//! Merges several sources in a read: a heap of their next lines, ordered by sequence number.
//!
//! Lines of a source come in chunks, so many lines are taken from one source before the heap is
//! updated.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::StoreState;
use crate::output::block::Block;
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
        let lowest_first = |(seq, position)| (Reverse(seq), position);
        let firsts = self.selected(selection).filter_map(|(id, _)| self.first(id, from(id)));
        let (found, unread) = self.merge(firsts.map(lowest_first).collect(), limit, |position| {
            self.after(position).map(lowest_first)
        });
        found.copy(self, unread.map_or(self.next, |Reverse(seq)| seq))
    }

    /// Reads backwards from the last line before sequence number `before`.
    pub(in crate::output) fn read_back(
        &self,
        selection: &SourceSelection,
        before: u64,
        limit: ReadLimit,
    ) -> Slice {
        let lasts = self.selected(selection).filter_map(|(id, source)| {
            let (block, line) = source.find(before);
            self.before(LinePosition { source: id, block, line })
        });
        let (mut found, _) = self.merge(lasts.collect(), limit, |position| self.before(position));
        found.positions.reverse();
        found.copy(self, before.min(self.next))
    }

    /// Collects lines in descending order of their keys; `next` returns the next line of the same source.
    /// Also returns the key of the first line that exceeded the limit.
    fn merge<K: Ord + Copy>(
        &self,
        mut heads: BinaryHeap<(K, LinePosition)>,
        limit: ReadLimit,
        next: impl Fn(LinePosition) -> Option<(K, LinePosition)>,
    ) -> (MergedPositions, Option<K>) {
        let mut found = MergedPositions::new(limit);
        while let Some((mut key, mut position)) = heads.pop() {
            let until = heads.peek().map(|(key, _)| *key);
            while until.is_none_or(|until| key > until) {
                if !found.add(self, position) {
                    return (found, Some(key));
                }
                let Some(following) = next(position) else { break };
                (key, position) = following;
            }
            if until.is_some_and(|until| key < until) {
                heads.push((key, position));
            }
        }
        (found, None)
    }

    /// Reads an equal share of `limit` from each source that has lines, one source after another. Also
    /// returns the position reached in each source.
    pub(in crate::output) fn read_by_turns(
        &self,
        selection: &SourceSelection,
        from: impl Fn(SourceId) -> u64,
        limit: ReadLimit,
    ) -> (Slice, Vec<(SourceId, u64)>) {
        let sources = self.selected(selection);
        let mut firsts: Vec<_> = sources.filter_map(|(id, _)| self.first(id, from(id))).collect();
        // Lines longer than a share may leave nothing for the last source: next time it is the first.
        firsts.sort_unstable();
        let count = firsts.len().max(1);
        let lines = (limit.lines / count).max(limit.lines.min(1));
        let share = ReadLimit { lines, bytes: limit.bytes / count };
        let mut found = MergedPositions::new(share);
        let mut reached = Vec::with_capacity(firsts.len());
        for first in firsts {
            found.next_share();
            let source = first.1.source;
            let mut next = Some(first);
            let has_room = found.bytes < limit.bytes || found.positions.is_empty();
            while let Some((_, position)) = next.filter(|(_, at)| has_room && found.add(self, *at))
            {
                next = self.after(position);
            }
            reached.push((source, next.map_or(self.next, |(seq, _)| seq)));
        }
        let next = reached.iter().map(|(_, next)| *next).min();
        (found.copy(self, next.unwrap_or(self.next)), reached)
    }

    fn block_at(&self, position: LinePosition) -> Option<&Block> {
        self.sources.get(position.source.index())?.blocks.get(position.block)
    }

    /// Returns the first line of a source with at least this sequence number.
    fn first(&self, source: SourceId, from: u64) -> Option<(u64, LinePosition)> {
        let (block, line) = self.sources.get(source.index())?.find(from);
        self.with_seq(LinePosition { source, block, line })
    }

    /// Adds the sequence number; `None` if there is no such line.
    fn with_seq(&self, position: LinePosition) -> Option<(u64, LinePosition)> {
        Some((self.block_at(position)?.seq_of(position.line)?, position))
    }

    /// Returns the next line of the same source.
    fn after(&self, position: LinePosition) -> Option<(u64, LinePosition)> {
        let next = LinePosition { line: position.line + 1, ..position };
        let in_next_block = LinePosition { block: position.block + 1, line: 0, ..position };
        self.with_seq(next).or_else(|| self.with_seq(in_next_block))
    }

    /// Returns the previous line of the same source.
    fn before(&self, position: LinePosition) -> Option<(u64, LinePosition)> {
        let previous = if let Some(line) = position.line.checked_sub(1) {
            LinePosition { line, ..position }
        } else {
            let position = LinePosition { block: position.block.checked_sub(1)?, ..position };
            LinePosition { line: self.block_at(position)?.len().checked_sub(1)?, ..position }
        };
        self.with_seq(previous)
    }
}

/// The positions of the lines to copy.
struct MergedPositions {
    limit: ReadLimit,
    bytes: usize,
    positions: Vec<LinePosition>,
    /// The size at the start of the current share.
    lines_before: usize,
    bytes_before: usize,
}

impl MergedPositions {
    fn new(limit: ReadLimit) -> Self {
        Self { limit, bytes: 0, positions: Vec::new(), lines_before: 0, bytes_before: 0 }
    }

    /// Starts a new share with the whole limit.
    fn next_share(&mut self) {
        (self.lines_before, self.bytes_before) = (self.positions.len(), self.bytes);
    }

    /// Adds one more line; returns `false` if the limit is reached.
    fn add(&mut self, state: &StoreState, position: LinePosition) -> bool {
        let line = state.block_at(position).and_then(|block| block.line(position.line));
        let bytes = line.map_or(0, |line| line.bytes.len());
        let lines = self.positions.len() - self.lines_before;
        let fits = lines == 0 || self.bytes - self.bytes_before + bytes <= self.limit.bytes;
        if lines >= self.limit.lines || !fits {
            return false;
        }
        self.bytes += bytes;
        self.positions.push(position);
        true
    }

    fn copy(self, state: &StoreState, next: u64) -> Slice {
        let mut slice = Slice::with_capacity(self.positions.len(), self.bytes);
        for position in self.positions {
            let block = state.block_at(position);
            if let Some(line) = block.and_then(|block| block.line(position.line)) {
                slice.push(position.source, line);
            }
        }
        slice.next = next;
        slice
    }
}
