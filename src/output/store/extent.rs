//! Store extent: how many lines of a selection are stored, and the position of a line among them.

use super::{LogStore, PartialLine};
use crate::output::{SourceId, SourceSelection};

/// How many lines of a selection are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// The sequence number of the first stored line.
    pub first: Option<u64>,
    /// The number of stored lines.
    pub lines: u64,
    /// The number of stored lines before the given sequence number.
    pub before: u64,
    /// The sequence number of the next line of any source.
    pub next: u64,
    /// Incremented whenever an unfinished line is shown.
    pub partials: u64,
}

impl LogStore {
    /// Returns how many lines are stored, and how many of them come before line `seq`. Costs a binary
    /// search within each source.
    pub fn extent(&self, selection: &SourceSelection, seq: u64) -> Extent {
        let state = self.lock();
        let mut extent = Extent { next: state.next, partials: state.partials, ..Extent::default() };
        for (_, source) in state.selected(selection) {
            let Some(first) = source.blocks.front() else { continue };
            let dropped = first.ordinal();
            extent.lines += source.appended - dropped;
            extent.before += source.ordinal_at(seq) - dropped;
            extent.first = extent.first.into_iter().chain(first.seq_of(0)).min();
        }
        extent
    }

    /// Returns the source of this name, if it exists.
    pub fn known(&self, name: &str) -> Option<SourceId> {
        self.lock().by_name.get(name).copied()
    }

    /// Returns the unfinished lines that are shown, with the names of their sources.
    pub fn partials(&self, selection: &SourceSelection) -> Vec<(String, PartialLine)> {
        let state = self.lock();
        let named = state.selected(selection).flat_map(|(_, source)| {
            source.partial.iter().map(|partial| (source.name.to_string(), partial.clone()))
        });
        named.collect()
    }
}
