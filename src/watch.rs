//! Files that change: one thread watches for all processes, and says which ones have, once there
//! was silence.
//!
//! Only folders that can hold a match are read, from the first name of each glob on, and none that
//! is ignored. The kernel tells what happens in them; where it takes no more folders, they are read
//! every few seconds instead. What a change does is decided elsewhere: see the machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::spec::Name;

mod apply_event;
mod compiled_plan;
mod debouncer;
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
    /// Those of a process, with all its replicas.
    Process(Name),
    /// Those of the project itself.
    Project,
}

/// Files that are to be watched together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchTarget {
    pub(crate) whose: WatchOwner,
    /// What the globs are relative to.
    pub(crate) base: PathBuf,
    pub(crate) paths: Vec<String>,
    /// Globs of what does not.
    pub(crate) ignore: Vec<String>,
    /// Whether `.gitignore` is honoured.
    pub(crate) gitignore: bool,
    /// How long there must be silence.
    pub(crate) debounce: Duration,
}

impl WatchTarget {
    /// Exactly these files, ignored or not.
    pub(crate) fn files(
        whose: WatchOwner,
        base: &Path,
        files: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        // Below the base by the rest of its path: a glob is text, and the base may be none.
        let glob = |file: PathBuf| {
            let rest = file.strip_prefix(base).unwrap_or(&file);
            globset::escape(&rest.to_string_lossy())
        };
        Self {
            whose,
            base: base.to_owned(),
            paths: files.into_iter().map(glob).collect(),
            ignore: Vec::new(),
            gitignore: false,
            debounce: Duration::from_millis(200),
        }
    }
}

/// Everything that is to be watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WatchPlan {
    /// The folder of the project.
    pub(crate) top: PathBuf,
    pub(crate) wanted: Vec<WatchTarget>,
    /// Files and folders of pitcrew itself, which never count.
    pub(crate) own: Vec<PathBuf>,
}

/// The time, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClockPair {
    /// Since the start.
    pub(crate) moment: Duration,
    /// Of the day, since 1970, as files carry it.
    pub(crate) wall: Duration,
}

/// What the thread has to tell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WatchReport {
    /// Everything that was wanted is watched from now on.
    Ready,
    /// Files have changed, and there was silence since.
    Changed {
        whose: WatchOwner,
        /// The first of them, relative to the base where it can be.
        path: String,
        /// How many others.
        more: u64,
        /// When the first change was seen.
        first: Duration,
        /// When the last change was seen.
        last: Duration,
    },
    /// Something to tell the user, about one process or all.
    Problem {
        /// Whose files it is about.
        about: Option<WatchOwner>,
        /// One sentence.
        text: String,
    },
}
