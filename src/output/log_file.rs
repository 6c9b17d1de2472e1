//! Log files: a queue per file, written by the threads of `writers.rs`, never by the caller.
//!
//! A slow disk fills the queue, and then the child waits. A disk that *fails* must not stop the child:
//! what fits in the queue is kept, the rest is counted, the file is tried again every second, and the
//! gap is noted in the file itself, at its place.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;

use super::block::LineEnd;
use super::page::Page;
use super::rotating_file::RotatingFile;
use super::wakers::{block_on, lock, wake_all};
use super::writers::{NextTurn, WriteJob, WriterPool};
use crate::spec::{LogPolicy, Name};

mod chunk;
mod queue;
#[cfg(test)]
mod tests;

use chunk::{Bytes, Chunk};
pub(super) use chunk::{LostLines, QueueItem};
use queue::{Queue, WriteOutage};

/// The number of bytes per file that can wait for the disk.
const QUEUE: usize = 8 << 20;
/// Small pushes are collected in chunks of this size.
const CHUNK: usize = 256 << 10;
/// A push of whole lines of at least this size starts such a chunk immediately.
const MUCH: usize = 16 << 10;
/// The number of bytes written before other files get their turn.
const TURN: usize = 1 << 20;

/// A problem with a log file that the user should know about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFileNotice {
    /// The file cannot be written; output is kept while there is room, and lost after that.
    LogFailing { source: Name, path: PathBuf, error: String },
    /// The file can be written again and contains what was kept; a gap is noted in it.
    LogRecovered {
        source: Name,
        path: PathBuf,
        /// The number of lines missing in the file, including one cut off in the middle.
        lost_lines: u64,
        /// The number of bytes missing in the file.
        lost_bytes: u64,
    },
    /// The file still cannot be written after the last output; the gap is not noted in it.
    LogLost {
        source: Name,
        path: PathBuf,
        error: String,
        /// The number of lines missing in the file, including one cut off in the middle.
        lost_lines: u64,
        /// The number of bytes missing in the file.
        lost_bytes: u64,
    },
    /// The file is full but cannot be renamed; it grows beyond its size, and nothing is lost.
    LogNotRotated { source: Name, path: PathBuf, error: String },
}

/// How often the state of a file is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct PollPace {
    /// The minimum time between two checks whether the path still refers to the open file.
    pub(super) check: Duration,
    /// The time between two attempts after a failure.
    pub(super) retry: Duration,
}

/// Opens log files and writes them in the background.
#[derive(Clone)]
pub struct LogWriters {
    pool: Arc<WriterPool>,
    notify: Arc<dyn Fn(LogFileNotice) + Send + Sync>,
    pace: PollPace,
}

/// The log file of one process or replica, over all its runs.
///
/// Cheap to clone. Pushed lines are written even if all clones are dropped; [`LogFile::close`] waits
/// for that.
#[derive(Clone)]
pub struct LogFile(Arc<LogFileShared>);

struct LogFileShared {
    source: Name,
    path: PathBuf,
    pool: Arc<WriterPool>,
    notify: Arc<dyn Fn(LogFileNotice) + Send + Sync>,
    retry: Duration,
    queue: Mutex<Queue>,
    /// Held by the writing thread, and only while it writes.
    target: Mutex<RotatingFile>,
}

impl LogWriters {
    /// Creates the writers. `notify` is called from the writing threads; it must not block.
    pub fn new(notify: impl Fn(LogFileNotice) + Send + Sync + 'static) -> Self {
        let second = Duration::from_secs(1);
        Self {
            pool: Arc::default(),
            notify: Arc::new(notify),
            pace: PollPace { check: second, retry: second },
        }
    }

    /// Creates the log file of `source`. The file is opened, and created if necessary, on the first
    /// write; a failure is reported as a [`LogFileNotice`].
    pub fn open(&self, source: &Name, policy: &LogPolicy, replica: Option<u32>) -> LogFile {
        let path = policy.path_for(replica);
        LogFile(Arc::new(LogFileShared {
            source: source.clone(),
            path: path.clone(),
            pool: Arc::clone(&self.pool),
            notify: Arc::clone(&self.notify),
            retry: self.pace.retry,
            queue: Mutex::default(),
            target: Mutex::new(RotatingFile::new(
                path,
                policy.max_size,
                policy.keep,
                self.pace.check,
            )),
        }))
    }
}

impl LogFile {
    /// Ready if the queue has room. The queue of a failing file always has.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, |queue| queue.bytes < QUEUE || queue.is_failing())
    }

    /// Blocks the thread until there is room; returns `false` if `timeout` has passed.
    pub fn wait_room(&self, timeout: Option<Duration>) -> bool {
        block_on(timeout, |cx| self.poll_room(cx)).is_some()
    }

    /// Applies another policy, which must be for the same path, from the next write on.
    pub fn limit(&self, policy: &LogPolicy) {
        lock(&self.0.queue).limits = Some((policy.max_size, policy.keep));
    }

    /// Declares that nothing more will be pushed, and blocks the thread until everything is written and
    /// the file closed, or the rest is lost; returns `false` if `timeout` has passed. A closed file is
    /// not touched again.
    pub fn close(&self, timeout: Duration) -> bool {
        let mut queue = lock(&self.0.queue);
        let first = !std::mem::replace(&mut queue.closing, true);
        queue.scheduled |= first;
        drop(queue);
        if first {
            self.0.schedule();
        }
        block_on(Some(timeout), |cx| self.poll(cx, |queue| queue.closed)).is_some()
    }

    /// Queues whole lines. Never blocks; wait for room before.
    pub(super) fn push(&self, text: &[u8], cuts: &[LineEnd], now: Timestamp) {
        let mut queue = lock(&self.0.queue);
        if queue.closed {
            return;
        }
        let mut start = 0;
        for run in cuts.chunk_by(|cut, _| ends_line(text, *cut)) {
            let end = run.last().map_or(start, |cut| cut.end());
            if let Some(text) = text.get(start..end) {
                queue.push(text, now, &self.0.pool);
            }
            start = end;
        }
        self.wake_writer(queue);
    }

    /// Queues whole lines that stay in their page.
    pub(super) fn push_page(&self, page: &Arc<Page>, range: Range<usize>, now: Timestamp) {
        let mut queue = lock(&self.0.queue);
        if queue.closed {
            return;
        }
        if queue.is_failing() {
            // The page would stay in use for as long as the file fails.
            queue.push(page.get(range), now, &self.0.pool);
            return;
        }
        queue.bytes += range.len();
        let bytes = Bytes::Page(Arc::clone(page), range);
        queue.items.push_back(QueueItem::Chunk(Chunk { bytes, first: now, last: now }));
        self.wake_writer(queue);
    }

    fn wake_writer(&self, mut queue: MutexGuard<'_, Queue>) {
        if !queue.scheduled && queue.bytes > 0 {
            queue.scheduled = true;
            drop(queue);
            self.0.schedule();
        }
    }

    fn poll(&self, cx: &mut Context<'_>, ready: impl Fn(&Queue) -> bool) -> Poll<()> {
        let mut queue = lock(&self.0.queue);
        if ready(&queue) {
            return Poll::Ready(());
        }
        queue.wakers.register(cx.waker());
        drop(queue);
        self.0.pool.ensure();
        Poll::Pending
    }
}

/// Whether the text up to `cut` ends with a newline.
fn ends_line(text: &[u8], cut: LineEnd) -> bool {
    cut.end().checked_sub(1).and_then(|last| text.get(last)) == Some(&b'\n')
}

impl LogFileShared {
    fn schedule(self: &Arc<Self>) {
        self.pool.schedule(Arc::clone(self) as Arc<dyn WriteJob>);
    }

    /// Frees room in the queue and wakes the tasks that wait for it, or for the end once the queue is
    /// empty.
    fn written(&self, bytes: usize, last: bool) -> NextTurn {
        let mut queue = lock(&self.queue);
        queue.bytes -= bytes;
        let after = if queue.items.is_empty() { NextTurn::Done } else { NextTurn::Again };
        if after == NextTurn::Done {
            queue.scheduled = false;
            queue.closed = last && queue.closing;
        }
        let wake = queue.bytes <= QUEUE / 2;
        let wakers = if wake { queue.wakers.take() } else { Vec::new() };
        drop(queue);
        wake_all(wakers);
        after
    }

    /// Puts unwritten items back for the next attempt. If the file is closing, they are lost.
    fn failed(&self, error: &io::Error, done: usize, mut rest: Vec<QueueItem>) -> NextTurn {
        let mut queue = lock(&self.queue);
        queue.bytes -= done;
        let error = message_without_code(error);
        let is_news = queue.failing.is_none();
        let at = match rest.first() {
            Some(QueueItem::Chunk(chunk)) => chunk.first,
            Some(QueueItem::Gap(gap)) => gap.from,
            None => Timestamp::UNIX_EPOCH,
        };
        let failing = queue.failing.get_or_insert_with(|| WriteOutage {
            error: String::new(),
            still: true,
            lost: LostLines::new(String::new(), at),
        });
        (failing.error, failing.still) = (error.clone(), true);
        rest.extend(queue.items.drain(..));
        queue.items.extend(rest);
        let notice = if queue.closing {
            Some(self.give_up(&mut queue))
        } else {
            let (source, path) = (self.source.clone(), self.path.clone());
            is_news.then_some(LogFileNotice::LogFailing { source, path, error })
        };
        let after = if queue.closing { NextTurn::Done } else { NextTurn::Later(self.retry) };
        let wakers = queue.wakers.take();
        drop(queue);
        // Before others learn that the file is closed, and stop listening.
        if let Some(notice) = notice {
            (self.notify)(notice);
        }
        wake_all(wakers);
        after
    }

    /// Counts everything that is left as lost.
    fn give_up(&self, queue: &mut Queue) -> LogFileNotice {
        let (error, mut lost) = match queue.failing.take() {
            Some(failing) => (failing.error, failing.lost),
            None => (String::new(), LostLines::new(String::new(), Timestamp::UNIX_EPOCH)),
        };
        for item in queue.items.drain(..) {
            match item {
                QueueItem::Chunk(chunk) => lost.add(chunk.bytes(), chunk.first, chunk.last),
                QueueItem::Gap(gap) => lost.merge(&gap),
            }
        }
        (queue.bytes, queue.closed, queue.scheduled) = (0, true, false);
        let (source, path) = (self.source.clone(), self.path.clone());
        let (lost_lines, lost_bytes) = (lost.lines, lost.bytes);
        LogFileNotice::LogLost { source, path, error, lost_lines, lost_bytes }
    }
}

impl WriteJob for LogFileShared {
    fn work(&self) -> NextTurn {
        let mut target = lock(&self.target);
        if let Some((max_size, keep)) = lock(&self.queue).limits.take() {
            target.limit(max_size, keep);
        }
        let mut queue = lock(&self.queue);
        if queue.closed {
            return NextTurn::Done;
        }
        let mut batch = queue.take_batch();
        let closing = queue.closing;
        drop(queue);
        let result = target.write(&batch);
        let (source, path) = (self.source.clone(), self.path.clone());
        if let Some(error) = target.unrotated() {
            let (source, path, error) =
                (source.clone(), path.clone(), message_without_code(&error));
            (self.notify)(LogFileNotice::LogNotRotated { source, path, error });
        }
        let rest = match &result {
            Ok(()) => Vec::new(),
            Err(failure) => batch.split_off(failure.item.min(batch.len())),
        };
        let mut done: usize = batch.iter().map(QueueItem::len).sum();
        let recovered = lock(&self.queue).record_written(&batch, result.is_ok());
        if let Some(lost) = recovered {
            let (lost_lines, lost_bytes) = (lost.lines, lost.bytes);
            (self.notify)(LogFileNotice::LogRecovered { source, path, lost_lines, lost_bytes });
        }
        let own = batch.into_iter().filter_map(|item| match item {
            QueueItem::Chunk(Chunk { bytes: Bytes::Own(bytes), .. }) => Some(bytes),
            QueueItem::Chunk(_) | QueueItem::Gap(_) => None,
        });
        self.pool.give_back(own, CHUNK);
        let Err(failure) = result else {
            if closing {
                target.close();
            }
            return self.written(done, closing);
        };
        let mut rest = rest;
        if let Some(QueueItem::Chunk(torn)) = rest.first_mut() {
            torn.skip(failure.offset);
            done += failure.offset;
        }
        self.failed(&failure.error, done, rest)
    }
}

/// Returns the error message of the system without the error number.
fn message_without_code(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

impl fmt::Debug for LogWriters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriters").finish_non_exhaustive()
    }
}

impl fmt::Debug for LogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFile").field(&self.0.path).finish()
    }
}
