//! The last output lines of one run, shown when a process fails.

use super::LogStore;
use crate::spec::Name;

/// The maximum number of lines.
const LINES: usize = 20;

/// Returns the last lines of a run as raw bytes, oldest first. Lines of earlier runs are left out,
/// because they would be mistaken for the reason of this failure.
pub fn last_lines(store: &LogStore, name: &Name, run: u32) -> Vec<Vec<u8>> {
    let slice = store.tail(&store.source(name).into(), LINES);
    let lines = slice.lines().filter(|line| line.run == run);
    lines.map(|line| line.bytes.to_vec()).collect()
}
