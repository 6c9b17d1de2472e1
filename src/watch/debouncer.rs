//! Debouncer: collects a batch of file changes until no more come. Callers pass in the time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;

/// A batch is reported this long after its first change at the latest.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(5);
/// The number of files of a batch whose names are kept.
const MAX_NAMED: usize = 1000;

/// A batch of changes that is still growing.
#[derive(Debug)]
pub(super) struct Debouncer {
    pub(super) first: Duration,
    pub(super) last: Duration,
    /// Changed files in order of their first change.
    paths: IndexMap<PathBuf, FileAge>,
    /// The number of changes of files whose names were not kept.
    unnamed: u64,
}

/// Whether a file is younger than the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileAge {
    New,
    Existing,
}

/// A finished batch of changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChangeBatch {
    /// The file to name.
    pub(super) path: PathBuf,
    /// The number of other files.
    pub(super) more: u64,
}

impl Debouncer {
    pub(super) fn new(now: Duration) -> Self {
        Self { first: now, last: now, paths: IndexMap::new(), unnamed: 0 }
    }

    pub(super) fn add(&mut self, now: Duration, path: PathBuf, age: FileAge) {
        self.last = now;
        if self.paths.len() < MAX_NAMED || self.paths.contains_key(&path) {
            self.paths.entry(path).or_insert(age);
        } else {
            self.unnamed += 1;
        }
    }

    /// When the batch is complete if no more changes come.
    pub(super) fn due(&self, debounce: Duration) -> Duration {
        let latest = self.first.saturating_add(MAX_DELAY.max(debounce));
        self.last.saturating_add(debounce).min(latest)
    }

    /// Ends the batch. Files that were created and removed within the batch are left out, because
    /// editors and compilers leave temporary files behind. `None` if no other file changed.
    pub(super) fn close(
        self,
        path_kind: impl Fn(&Path) -> Option<PathKind>,
    ) -> Option<ChangeBatch> {
        let kinds = self.paths.into_iter().map(|(path, age)| (path_kind(&path), path, age));
        let changed: Vec<(Option<PathKind>, PathBuf)> = kinds
            .filter(|(kind, _, age)| kind.is_some() || *age == FileAge::Existing)
            .map(|(kind, path, _)| (kind, path))
            .collect();
        let more = (changed.len() as u64 + self.unnamed).checked_sub(1)?;
        let first = |expected| changed.iter().find(|(kind, _)| *kind == expected);
        let named = first(Some(PathKind::File)).or_else(|| first(Some(PathKind::Folder)));
        let path = named.or_else(|| changed.first()).map(|(_, path)| path.clone());
        // If no name is left, only unnamed files have changed.
        Some(ChangeBatch { path: path.unwrap_or_default(), more })
    }
}

/// What exists at a path.
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

    fn batch(changes: &[(u64, &str, FileAge)]) -> Debouncer {
        let mut batch = Debouncer::new(ms(changes[0].0));
        for (at, path, age) in changes {
            batch.add(ms(*at), (*path).into(), *age);
        }
        batch
    }

    fn is_file(path: &Path) -> Option<PathKind> {
        match path.to_str() {
            Some("gone" | "tmp") => None,
            Some("dir") => Some(PathKind::Folder),
            _ => Some(PathKind::File),
        }
    }

    #[test]
    fn silence_ends_a_batch_and_so_does_a_long_time() {
        let mut batch = batch(&[(1000, "a", FileAge::Existing)]);
        assert_eq!(batch.due(DEBOUNCE), ms(1200));
        batch.add(ms(1150), "a".into(), FileAge::Existing);
        assert_eq!(batch.due(DEBOUNCE), ms(1350));
        for at in (1150..9000).step_by(100) {
            batch.add(ms(at), "a".into(), FileAge::Existing);
        }
        assert_eq!(batch.due(DEBOUNCE), ms(6000));
        // A longer debounce takes precedence over that limit.
        assert_eq!(batch.due(ms(20_000)), ms(21_000));
    }

    #[test]
    fn each_file_counts_once_and_the_first_is_named() {
        let changes = [
            (0, "b", FileAge::Existing),
            (1, "a", FileAge::New),
            (2, "b", FileAge::Existing),
            (3, "c", FileAge::Existing),
        ];
        let closed = batch(&changes).close(is_file);
        assert_eq!(closed, Some(ChangeBatch { path: "b".into(), more: 2 }));
    }

    #[test]
    fn what_is_there_is_named_before_what_is_gone_and_files_before_folders() {
        let changes =
            [(0, "gone", FileAge::Existing), (1, "dir", FileAge::New), (2, "x", FileAge::Existing)];
        let named = |changes: &[_]| batch(changes).close(is_file).map(|batch| batch.path);
        assert_eq!(named(&changes), Some("x".into()));
        assert_eq!(named(&changes[..2]), Some("dir".into()));
        assert_eq!(named(&changes[..1]), Some("gone".into()));
    }

    #[test]
    fn what_came_and_went_does_not_count() {
        let changes =
            [(0, "tmp", FileAge::New), (1, "x", FileAge::Existing), (2, "tmp", FileAge::Existing)];
        assert_eq!(batch(&changes).close(is_file), Some(ChangeBatch { path: "x".into(), more: 0 }));
        assert_eq!(batch(&changes[..1]).close(is_file), None);
    }

    #[test]
    fn many_files_are_counted_and_not_kept() {
        let mut batch = Debouncer::new(ms(0));
        for n in 0..50_000 {
            batch.add(ms(1), format!("f{n}").into(), FileAge::Existing);
        }
        assert_eq!(batch.paths.len(), MAX_NAMED);
        assert_eq!(batch.close(is_file).map(|batch| batch.more), Some(49_999));
    }
}
