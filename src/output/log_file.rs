//! Log files: a queue per file, written by the threads of `writers.rs`, never by the caller.
//!
//! A slow disk fills the queue, and then the child waits. A disk that *fails* must not stop the child:
//! what fits in the queue is kept, the rest is counted, the file is tried again every second, and the
//! gap is noted in the file itself, at its place.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;

use super::block::LineEnd;
use super::page::{OutputBytes, Page};
use super::rotating_file::{RotatingFile, WriteFailure};
use super::wakers::{block_on, lock, wake_all};
use super::writers::{NextTurn, WriteJob, WriterPool};
use crate::spec::{LogPolicy, Name, io_error_text};

mod chunk;
mod queue;
#[cfg(test)]
mod tests;

use chunk::Chunk;
pub(super) use chunk::{LostLines, QueueItem};
use queue::{Queue, WriteOutage};

/// The number of bytes per file that can wait for the disk.
const MAX_QUEUED: usize = 8 << 20;
/// Small pushes are collected in chunks of this size.
const CHUNK_SIZE: usize = 256 << 10;
/// A push of whole lines of at least this size starts such a chunk immediately.
const MIN_CHUNK: usize = 16 << 10;
/// The number of bytes written before other files get their turn.
const BATCH_SIZE: usize = 1 << 20;

/// A message about a log file to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFileNotice {
    pub source: Name,
    pub path: PathBuf,
    pub event: LogFileEvent,
}

/// A change of the state of a log file. Lost lines include a line that was cut off in the middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFileEvent {
    /// The file cannot be written; output is kept while there is room, and lost after that.
    Failing { error: String },
    /// The file can be written again and contains the buffered output; a gap is noted in it.
    Recovered { lost_lines: u64, lost_bytes: u64 },
    /// The file still cannot be written after the last output; the gap is not noted in it.
    Lost { error: String, lost_lines: u64, lost_bytes: u64 },
    /// The file is full but cannot be renamed; it grows beyond its size, and nothing is lost.
    NotRotated { error: String },
}

/// How often the state of a file is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckIntervals {
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
    intervals: CheckIntervals,
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
    file: Mutex<RotatingFile>,
}

impl LogWriters {
    /// Creates the writers. `notify` is called from the writing threads; it must not block.
    pub fn new(notify: impl Fn(LogFileNotice) + Send + Sync + 'static) -> Self {
        let second = Duration::from_secs(1);
        let intervals = CheckIntervals { check: second, retry: second };
        Self { pool: Arc::default(), notify: Arc::new(notify), intervals }
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
            retry: self.intervals.retry,
            queue: Mutex::default(),
            file: Mutex::new(RotatingFile::new(path, policy, self.intervals.check)),
        }))
    }
}

impl LogFile {
    /// Ready if the queue has room. The queue of a failing file always has.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, |queue| queue.bytes < MAX_QUEUED || queue.is_failing())
    }

    /// Blocks the thread until there is room; returns `false` if `timeout` has passed.
    pub fn wait_room(&self, timeout: Option<Duration>) -> bool {
        block_on(timeout, |cx| self.poll_room(cx)).is_some()
    }

    /// Applies another policy, which must be for the same path, from the next write on.
    pub fn limit(&self, policy: &LogPolicy) {
        lock(&self.0.queue).policy = Some(policy.clone());
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
        let bytes = OutputBytes::Page(Arc::clone(page), range);
        if queue.is_failing() {
            // The page would stay in use for as long as the file fails.
            queue.push(&bytes, now, &self.0.pool);
            return;
        }
        queue.bytes += bytes.len();
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
        self.0.pool.ensure_thread();
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
    fn record_written(&self, bytes: usize, is_last: bool) -> NextTurn {
        let mut queue = lock(&self.queue);
        queue.bytes -= bytes;
        let next = if queue.items.is_empty() { NextTurn::Done } else { NextTurn::Again };
        if next == NextTurn::Done {
            queue.scheduled = false;
            queue.closed = is_last && queue.closing;
        }
        let has_room = queue.bytes <= MAX_QUEUED / 2;
        let wakers = if has_room { queue.wakers.take() } else { Vec::new() };
        drop(queue);
        wake_all(wakers);
        next
    }

    /// Puts unwritten items back for the next attempt. If the file is closing, they are lost.
    fn record_failure(
        &self,
        failure: &WriteFailure,
        mut written: usize,
        mut rest: Vec<QueueItem>,
    ) -> NextTurn {
        if let Some(QueueItem::Chunk(torn)) = rest.first_mut() {
            torn.bytes.skip(failure.offset);
            written += failure.offset;
        }
        let mut queue = lock(&self.queue);
        queue.bytes -= written;
        let error = io_error_text(&failure.error);
        let is_first = queue.outage.is_none();
        let since = match rest.first() {
            Some(QueueItem::Chunk(chunk)) => chunk.first,
            Some(QueueItem::Gap(gap)) => gap.from,
            None => Timestamp::UNIX_EPOCH,
        };
        let outage = queue.outage.get_or_insert_with(|| WriteOutage {
            error: String::new(),
            is_failing: true,
            lost: LostLines::new(String::new(), since),
        });
        (outage.error, outage.is_failing) = (error.clone(), true);
        rest.extend(queue.items.drain(..));
        queue.items.extend(rest);
        let (event, next) = if queue.closing {
            (Some(give_up(&mut queue)), NextTurn::Done)
        } else {
            let event = LogFileEvent::Failing { error };
            (is_first.then_some(event), NextTurn::Later(self.retry))
        };
        let wakers = queue.wakers.take();
        drop(queue);
        // Before the wakers: tasks that see the file closed stop listening.
        if let Some(event) = event {
            self.send(event);
        }
        wake_all(wakers);
        next
    }

    fn send(&self, event: LogFileEvent) {
        let (source, path) = (self.source.clone(), self.path.clone());
        (self.notify)(LogFileNotice { source, path, event });
    }
}

/// Counts everything that is left as lost.
fn give_up(queue: &mut Queue) -> LogFileEvent {
    let (error, mut lost) = match queue.outage.take() {
        Some(outage) => (outage.error, outage.lost),
        None => (String::new(), LostLines::new(String::new(), Timestamp::UNIX_EPOCH)),
    };
    for item in queue.items.drain(..) {
        match item {
            QueueItem::Chunk(chunk) => lost.add(&chunk.bytes, chunk.first, chunk.last),
            QueueItem::Gap(gap) => lost.merge(&gap),
        }
    }
    (queue.bytes, queue.closed, queue.scheduled) = (0, true, false);
    LogFileEvent::Lost { error, lost_lines: lost.lines, lost_bytes: lost.bytes }
}

impl WriteJob for LogFileShared {
    fn work(&self) -> NextTurn {
        let mut file = lock(&self.file);
        let mut queue = lock(&self.queue);
        if let Some(policy) = queue.policy.take() {
            file.policy = policy;
        }
        if queue.closed {
            return NextTurn::Done;
        }
        let mut batch = queue.take_batch();
        let closing = queue.closing;
        drop(queue);
        let result = file.write(&batch);
        if let Some(error) = file.rotation_error.take() {
            self.send(LogFileEvent::NotRotated { error: io_error_text(&error) });
        }
        let rest = match &result {
            Ok(()) => Vec::new(),
            Err(failure) => batch.split_off(failure.item.min(batch.len())),
        };
        let written: usize = batch.iter().map(QueueItem::len).sum();
        let recovered = lock(&self.queue).record_written(&batch, result.is_ok());
        if let Some(lost) = recovered {
            let (lost_lines, lost_bytes) = (lost.lines, lost.bytes);
            self.send(LogFileEvent::Recovered { lost_lines, lost_bytes });
        }
        let buffers = batch.into_iter().filter_map(|item| match item {
            QueueItem::Chunk(Chunk { bytes: OutputBytes::Own(bytes), .. }) => Some(bytes),
            QueueItem::Chunk(_) | QueueItem::Gap(_) => None,
        });
        self.pool.recycle(buffers, CHUNK_SIZE);
        match result {
            Ok(()) => {
                if closing {
                    file.close();
                }
                self.record_written(written, closing)
            }
            Err(failure) => self.record_failure(&failure, written, rest),
        }
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
