//! How much is kept of a selection, and where a reader stands in it.

use super::{LogStore, PartialLine, StoreState};
use crate::output::{SourceId, SourceSelection};

/// How much is kept of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// The number of the first line kept.
    pub first: Option<u64>,
    /// How many lines are kept.
    pub lines: u64,
    /// How many of them have a lower number than what was asked about.
    pub before: u64,
    /// The number the next line of all will have.
    pub next: u64,
    /// Grows whenever an unfinished line is shown.
    pub partials: u64,
}

impl LogStore {
    /// How much is kept, and how much of that comes before line `seq`. Takes a search within each
    /// source, however much there is.
    pub fn extent(&self, selection: &SourceSelection, seq: u64) -> Extent {
        self.lock().extent(selection, seq)
    }

    /// The source of this name, if it has been asked for before.
    pub fn known(&self, name: &str) -> Option<SourceId> {
        self.lock().by_name.get(name).copied()
    }

    /// Unfinished lines, each with the name of its source.
    pub fn named_partials(&self, selection: &SourceSelection) -> Vec<(String, PartialLine)> {
        let inner = self.lock();
        let named = inner.selected(selection).flat_map(|(_, source)| {
            source.partial.iter().map(|partial| (source.name.to_string(), partial.clone()))
        });
        named.collect()
    }
}

impl StoreState {
    pub(in crate::output) fn extent(&self, selection: &SourceSelection, seq: u64) -> Extent {
        let (next, partials) = (self.next, self.partials);
        let mut extent = Extent { next, partials, ..Extent::default() };
        for (_, source) in self.selected(selection) {
            let Some(first) = source.blocks.front() else { continue };
            let dropped = first.ordinal();
            extent.lines += source.appended - dropped;
            extent.before += source.ordinal_at(seq) - dropped;
            let seq = first.seq_of(0);
            extent.first = extent.first.into_iter().chain(seq).min();
        }
        extent
    }
}
