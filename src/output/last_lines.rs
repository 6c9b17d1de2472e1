//! The last lines of one run: what is shown of a process that failed.

use super::LogStore;
use crate::spec::Name;

/// How many lines that is at most.
const LINES: usize = 20;

/// The last lines of a run, oldest first, as they came. Lines of the runs before are left out: they
/// would be taken for the reason of this failure.
pub fn last_lines(store: &LogStore, name: &Name, run: u32) -> Vec<Vec<u8>> {
    let slice = store.tail(&store.source(name).into(), LINES);
    let lines = slice.lines().filter(|line| line.run == run);
    lines.map(|line| line.bytes.to_vec()).collect()
}
