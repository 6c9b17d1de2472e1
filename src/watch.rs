//! File watching: one thread watches the files of all processes and reports a change once no
//! further change has come for the debounce time.
//!
//! Only folders that can hold a match are read, starting at the literal prefix of each glob;
//! ignored folders are skipped. inotify reports the changes. Where the kernel accepts no more
//! watches, folders are polled every few seconds instead. The machine decides what a change does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::spec::Name;

mod apply_event;
mod compiled_plan;
mod debouncer;
mod file_stamp;
mod git;
mod glob;
mod ignore_list;
mod inotify;
mod messages;
mod poll;
mod scan;
mod symlinks;
#[cfg(test)]
mod tests;
mod thread;
mod tree;

pub(crate) use glob::clean;
pub(crate) use thread::{WatchContext, Watcher};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WatchOwner {
    /// A process, with all its replicas.
    Process(Name),
    /// The project itself.
    Project,
}

/// A set of files that is watched and debounced together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchTarget {
    pub(crate) owner: WatchOwner,
    /// The folder the globs are relative to.
    pub(crate) base: PathBuf,
    /// Globs of files that count.
    pub(crate) paths: Vec<String>,
    /// Globs of files that are ignored.
    pub(crate) ignore: Vec<String>,
    /// Whether `.gitignore` files apply.
    pub(crate) gitignore: bool,
    /// How long no further change must come before a change is reported.
    pub(crate) debounce: Duration,
}

impl WatchTarget {
    /// Returns a target for exactly these files, even if they are ignored.
    pub(crate) fn files(
        owner: WatchOwner,
        base: &Path,
        files: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        // Relative to the base, because a glob is text and the base may not be UTF-8.
        let glob = |file: PathBuf| {
            let rest = file.strip_prefix(base).unwrap_or(&file);
            globset::escape(&rest.to_string_lossy())
        };
        Self {
            owner,
            base: base.to_owned(),
            paths: files.into_iter().map(glob).collect(),
            ignore: Vec::new(),
            gitignore: false,
            debounce: Duration::from_millis(200),
        }
    }
}

/// All targets to watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WatchPlan {
    /// The folder of the project.
    pub(crate) top: PathBuf,
    pub(crate) targets: Vec<WatchTarget>,
    /// Files and folders of pitcrew itself, which are always ignored.
    pub(crate) own: Vec<PathBuf>,
}

/// One point in time on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClockPair {
    /// Time since the engine started.
    pub(crate) moment: Duration,
    /// Wall-clock time since 1970, comparable with file timestamps.
    pub(crate) wall: Duration,
}

/// A message from the watch thread to the engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WatchReport {
    /// All targets are being watched.
    Ready,
    /// Files have changed, and the debounce time has passed.
    Changed {
        owner: WatchOwner,
        /// The first changed file, relative to the base if possible.
        path: String,
        /// How many other files have changed.
        more: u64,
        /// When the first change was seen.
        first: Duration,
        /// When the last change was seen.
        last: Duration,
    },
    /// A problem to report to the user.
    Problem {
        /// The process it concerns; `None` for all.
        about: Option<WatchOwner>,
        /// One sentence.
        text: String,
    },
}
