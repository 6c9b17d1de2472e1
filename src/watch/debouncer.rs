//! When a burst of changes is over, and what it comes to. Time is invented by whoever asks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;

/// So long after the first change it is told at the latest.
pub(super) const LATEST: Duration = Duration::from_secs(5);
/// So many files of one burst are known by name.
const MOST_NAMED: usize = 1000;

/// A burst of changes that is not over.
#[derive(Debug)]
pub(super) struct Debouncer {
    pub(super) first: Duration,
    pub(super) last: Duration,
    /// In the order in which they changed, each with whether it was new.
    paths: IndexMap<PathBuf, FileAge>,
    /// How many more changes of others there were.
    unnamed: u64,
}

/// Whether a file was there before the burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileAge {
    Yes,
    No,
}

/// What a burst came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChangeBatch {
    /// The first file.
    pub(super) path: PathBuf,
    /// How many others.
    pub(super) more: u64,
}

impl Debouncer {
    pub(super) fn new(now: Duration) -> Self {
        Self { first: now, last: now, paths: IndexMap::new(), unnamed: 0 }
    }

    pub(super) fn add(&mut self, now: Duration, path: PathBuf, new: FileAge) {
        self.last = now;
        if self.paths.len() < MOST_NAMED || self.paths.contains_key(&path) {
            self.paths.entry(path).or_insert(new);
        } else {
            self.unnamed += 1;
        }
    }

    /// When it is over, if nothing else comes.
    pub(super) fn due(&self, debounce: Duration) -> Duration {
        let latest = self.first.saturating_add(LATEST.max(debounce));
        self.last.saturating_add(debounce).min(latest)
    }

    /// What it comes to. Files that came and went meanwhile do not count: editors and compilers
    /// leave such behind. Nothing when there was nothing else.
    pub(super) fn close(self, look: impl Fn(&Path) -> Option<PathKind>) -> Option<ChangeBatch> {
        let looked: Vec<(PathBuf, Option<PathKind>)> = self
            .paths
            .into_iter()
            .map(|(path, new)| (look(&path), path, new))
            .filter(|(kind, _, new)| kind.is_some() || *new == FileAge::No)
            .map(|(kind, path, _)| (path, kind))
            .collect();
        let more = (looked.len() as u64 + self.unnamed).checked_sub(1)?;
        let first = |wanted| looked.iter().find(|(_, kind)| *kind == wanted);
        let named = first(Some(PathKind::File)).or_else(|| first(Some(PathKind::Folder)));
        let path = named.or_else(|| looked.first()).map(|(path, _)| path.clone());
        // All that is left has no name.
        Some(ChangeBatch { path: path.unwrap_or_default(), more })
    }
}

/// What there is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathKind {
    File,
    Folder,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBOUNCE: Duration = ms(200);

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn window(changes: &[(u64, &str, FileAge)]) -> Debouncer {
        let mut window = Debouncer::new(ms(changes[0].0));
        for (at, path, new) in changes {
            window.add(ms(*at), (*path).into(), *new);
        }
        window
    }

    fn is_file(path: &Path) -> Option<PathKind> {
        match path.to_str() {
            Some("gone" | "tmp") => None,
            Some("dir") => Some(PathKind::Folder),
            _ => Some(PathKind::File),
        }
    }

    #[test]
    fn silence_ends_it_and_so_does_a_long_time() {
        let mut window = window(&[(1000, "a", FileAge::No)]);
        assert_eq!(window.due(DEBOUNCE), ms(1200));
        window.add(ms(1150), "a".into(), FileAge::No);
        assert_eq!(window.due(DEBOUNCE), ms(1350));
        for at in (1150..9000).step_by(100) {
            window.add(ms(at), "a".into(), FileAge::No);
        }
        assert_eq!(window.due(DEBOUNCE), ms(6000));
        // A debounce that is longer than that is meant.
        assert_eq!(window.due(ms(20_000)), ms(21_000));
    }

    #[test]
    fn each_file_counts_once_and_the_first_is_named() {
        let changes = [
            (0, "b", FileAge::No),
            (1, "a", FileAge::Yes),
            (2, "b", FileAge::No),
            (3, "c", FileAge::No),
        ];
        let burst = window(&changes).close(is_file);
        assert_eq!(burst, Some(ChangeBatch { path: "b".into(), more: 2 }));
    }

    #[test]
    fn what_is_there_is_named_before_what_is_gone_and_files_before_folders() {
        let changes = [(0, "gone", FileAge::No), (1, "dir", FileAge::Yes), (2, "x", FileAge::No)];
        let named = |changes: &[_]| window(changes).close(is_file).map(|burst| burst.path);
        assert_eq!(named(&changes), Some("x".into()));
        assert_eq!(named(&changes[..2]), Some("dir".into()));
        assert_eq!(named(&changes[..1]), Some("gone".into()));
    }

    #[test]
    fn what_came_and_went_does_not_count() {
        let changes = [(0, "tmp", FileAge::Yes), (1, "x", FileAge::No), (2, "tmp", FileAge::No)];
        assert_eq!(
            window(&changes).close(is_file),
            Some(ChangeBatch { path: "x".into(), more: 0 })
        );
        assert_eq!(window(&changes[..1]).close(is_file), None);
    }

    #[test]
    fn so_many_files_are_counted_and_not_kept() {
        let mut window = Debouncer::new(ms(0));
        for n in 0..50_000 {
            window.add(ms(1), format!("f{n}").into(), FileAge::No);
        }
        assert_eq!(window.paths.len(), MOST_NAMED);
        assert_eq!(window.close(is_file).map(|burst| burst.more), Some(49_999));
    }
}
