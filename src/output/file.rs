//! Log files: a queue per file, written by the threads of `writers.rs`, never by whoever prints.
//!
//! A disk that is slow fills the queue, and then the child waits. A disk that *fails* must not stop
//! the child: what cannot be written is counted, the file is tried again every second, and the gap
//! is written down in the file itself.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;

use super::block::Cut;
use super::page::Page;
use super::target::{Failure, Target};
use super::wait::{Wakers, block_on, lock, wake_all};
use super::writers::{After, Job, Pool};
use crate::spec::{LogPolicy, Name};

mod chunk;
#[cfg(test)]
mod tests;

use chunk::Bytes;
pub(super) use chunk::{Chunk, Lost};

/// Bytes that may wait for the disk, for each file.
const QUEUE: usize = 8 << 20;
/// Small pushes are gathered in chunks of this size.
const CHUNK: usize = 256 << 10;
/// A push of whole lines from this size on begins such a chunk at once.
const MUCH: usize = 16 << 10;
/// Bytes written before other files have their turn.
const TURN: usize = 1 << 20;

/// Something a user should know about a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It cannot be written; what comes is lost until it can.
    LogFailing {
        /// Whose log it is.
        source: Name,
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: String,
    },
    /// It can be written again; the gap is noted in the file.
    LogRecovered {
        /// Whose log it is.
        source: Name,
        /// The file.
        path: PathBuf,
        /// Lines missing in the file, one that was cut off in the middle counted.
        lost_lines: u64,
        /// Bytes missing in the file.
        lost_bytes: u64,
    },
    /// It still cannot be written now that nothing more will come: the gap is not noted in it.
    LogLost {
        /// Whose log it is.
        source: Name,
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: String,
        /// Lines missing in the file, one that was cut off in the middle counted.
        lost_lines: u64,
        /// Bytes missing in the file.
        lost_bytes: u64,
    },
    /// It is full but cannot be renamed; it grows beyond its size, and nothing is lost.
    LogNotRotated {
        /// Whose log it is.
        source: Name,
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: String,
    },
}

/// How often a file is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Whether it is still the file of its name: not more often than this.
    pub(super) check: Duration,
    /// Tried again after a failure.
    pub(super) retry: Duration,
}

/// Opens log files, and has them written.
#[derive(Clone)]
pub struct LogWriters {
    pool: Arc<Pool>,
    notify: Arc<dyn Fn(Notice) + Send + Sync>,
    pace: Pace,
}

/// The log file of one process or replica, over all its runs.
///
/// Cheap to clone. What was pushed is written even when all clones are dropped; [`LogFile::close`]
/// waits for it.
#[derive(Clone)]
pub struct LogFile(Arc<Shared>);

struct Shared {
    source: Name,
    path: PathBuf,
    pool: Arc<Pool>,
    notify: Arc<dyn Fn(Notice) + Send + Sync>,
    retry: Duration,
    queue: Mutex<Queue>,
    /// Held by the thread that writes, and only while it does.
    target: Mutex<Target>,
}

#[derive(Default)]
struct Queue {
    /// Each is whole lines; a piece, or a line without newline, is the last of its chunk.
    chunks: VecDeque<Chunk>,
    /// Bytes in `chunks` and in the hands of the writer.
    bytes: usize,
    /// There is while the file fails.
    lost: Option<Lost>,
    /// To be rotated by these from the next write on.
    limits: Option<(u64, u32)>,
    /// A thread has it, or will.
    scheduled: bool,
    closing: bool,
    closed: bool,
    wakers: Wakers,
}

impl LogWriters {
    /// `notify` is called from the threads that write; it must not wait.
    pub fn new(notify: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        let second = Duration::from_secs(1);
        Self {
            pool: Arc::default(),
            notify: Arc::new(notify),
            pace: Pace { check: second, retry: second },
        }
    }

    /// The log file of `source`. It is opened, and made if need be, once there is something to
    /// write; if that fails, it is a [`Notice`].
    pub fn open(&self, source: &Name, policy: &LogPolicy, replica: Option<u32>) -> LogFile {
        let path = policy.path_for(replica);
        LogFile(Arc::new(Shared {
            source: source.clone(),
            path: path.clone(),
            pool: Arc::clone(&self.pool),
            notify: Arc::clone(&self.notify),
            retry: self.pace.retry,
            queue: Mutex::default(),
            target: Mutex::new(Target::new(path, policy.max_size, policy.keep, self.pace.check)),
        }))
    }
}

impl LogFile {
    /// Ready when the queue has room. One that is failing always has.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, |queue| queue.bytes < QUEUE)
    }

    /// Lets the thread sleep until there is room; `false` when `timeout` has passed.
    pub fn wait_room(&self, timeout: Option<Duration>) -> bool {
        block_on(timeout, |cx| self.poll_room(cx)).is_some()
    }

    /// Rotates by another policy, which must be for the same file, from the next write on.
    pub fn limit(&self, policy: &LogPolicy) {
        lock(&self.0.queue).limits = Some((policy.max_size, policy.keep));
    }

    /// Says that nothing will be pushed any more, and lets the thread sleep until all is written and
    /// the file closed, or known to be lost; `false` when `timeout` has passed. A closed file is not
    /// touched again.
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

    /// Takes whole lines. Never waits; ask for room before.
    pub(super) fn push(&self, text: &[u8], cuts: &[Cut], now: Timestamp) {
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

    /// The same for whole lines that stay where they were read to.
    pub(super) fn push_page(&self, page: &Arc<Page>, range: Range<usize>, now: Timestamp) {
        let mut queue = lock(&self.0.queue);
        if queue.closed {
            return;
        }
        if let Some(lost) = &mut queue.lost {
            lost.add(page.get(range), now, now);
            return;
        }
        queue.bytes += range.len();
        let bytes = Bytes::Page(Arc::clone(page), range);
        queue.chunks.push_back(Chunk { bytes, first: now, last: now });
        self.wake_writer(queue);
    }

    fn wake_writer(&self, mut queue: MutexGuard<'_, Queue>) {
        if queue.lost.is_none() && !queue.scheduled && queue.bytes > 0 {
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

/// Whether what ends there ends with a newline.
fn ends_line(text: &[u8], cut: Cut) -> bool {
    cut.end().checked_sub(1).and_then(|last| text.get(last)) == Some(&b'\n')
}

impl Queue {
    fn push(&mut self, text: &[u8], now: Timestamp, pool: &Pool) {
        if let Some(lost) = &mut self.lost {
            lost.add(text, now, now);
            return;
        }
        self.bytes += text.len();
        if let Some(Chunk { bytes: Bytes::Own(bytes), last, .. }) = self.chunks.back_mut()
            && bytes.len() + text.len() <= CHUNK
            && bytes.last() == Some(&b'\n')
        {
            bytes.extend_from_slice(text);
            *last = now;
            return;
        }
        let bytes = if (MUCH..=CHUNK).contains(&text.len()) && text.last() == Some(&b'\n') {
            let mut bytes = pool.buffer(CHUNK);
            bytes.extend_from_slice(text);
            bytes
        } else {
            text.to_vec()
        };
        self.chunks.push_back(Chunk { bytes: Bytes::Own(bytes), first: now, last: now });
    }

    /// Takes out what is written in one turn.
    fn turn(&mut self) -> Vec<Chunk> {
        let mut bytes = 0;
        let count = self.chunks.iter().take_while(|chunk| {
            let more = bytes < TURN;
            bytes += chunk.bytes().len();
            more
        });
        let count = count.count();
        self.chunks.drain(..count).collect()
    }
}

impl Shared {
    fn schedule(self: &Arc<Self>) {
        self.pool.schedule(Arc::clone(self) as Arc<dyn Job>);
    }

    /// Gives room back, and wakes whoever waits for it; those who wait for the end as well, once
    /// there is nothing left.
    fn written(&self, bytes: usize, last: bool) -> After {
        let mut queue = lock(&self.queue);
        queue.bytes -= bytes;
        let after = if queue.chunks.is_empty() { After::Done } else { After::Again };
        if after == After::Done {
            queue.scheduled = false;
            queue.closed = last && queue.closing;
        }
        let wake = queue.bytes <= QUEUE / 2;
        let wakers = if wake { queue.wakers.take() } else { Vec::new() };
        drop(queue);
        wake_all(wakers);
        after
    }

    /// Counts as lost what has not been written of `batch`, and what waits behind it.
    fn failed(&self, failure: &Failure, gap: Option<Lost>, batch: &[Chunk]) -> After {
        let mut queue = lock(&self.queue);
        let first = batch.get(failure.chunk).map_or(Timestamp::UNIX_EPOCH, |chunk| chunk.first);
        let mut lost = gap.unwrap_or_else(|| Lost::new(first));
        lost.error = plain(&failure.error);
        let mut rest = batch.iter().skip(failure.chunk);
        if let Some(torn) = rest.next() {
            lost.add(torn.bytes().get(failure.offset..).unwrap_or_default(), torn.first, torn.last);
        }
        for chunk in rest.chain(&queue.chunks) {
            lost.add(chunk.bytes(), chunk.first, chunk.last);
        }
        queue.chunks.clear();
        queue.bytes = 0;
        queue.lost = Some(lost);
        queue.closed = queue.closing;
        queue.scheduled = !queue.closing;
        let after = if queue.closing { After::Done } else { After::Later(self.retry) };
        let told = queue.lost.as_ref().filter(|_| queue.closing).map(|lost| Notice::LogLost {
            source: self.source.clone(),
            path: self.path.clone(),
            error: lost.error.clone(),
            lost_lines: lost.lines,
            lost_bytes: lost.bytes,
        });
        let wakers = queue.wakers.take();
        drop(queue);
        // Before anybody learns that it is closed, and stops listening.
        if let Some(notice) = told {
            (self.notify)(notice);
        }
        wake_all(wakers);
        after
    }
}

impl Job for Shared {
    fn work(&self) -> After {
        let mut target = lock(&self.target);
        if let Some((max_size, keep)) = lock(&self.queue).limits.take() {
            target.limit(max_size, keep);
        }
        let mut queue = lock(&self.queue);
        if queue.closed {
            return After::Done;
        }
        let (gap, batch) = (queue.lost.take(), queue.turn());
        let closing = queue.closing;
        drop(queue);
        let (source, path) = (self.source.clone(), self.path.clone());
        let result = target.write(gap.as_ref(), &batch);
        if let Some(error) = target.unrotated() {
            let (source, path, error) = (source.clone(), path.clone(), plain(&error));
            (self.notify)(Notice::LogNotRotated { source, path, error });
        }
        let recovered = result.as_ref().map_or_else(|failure| failure.gap_written, |()| true);
        let failing_before = gap.is_some();
        if let Some(gap) = gap.as_ref().filter(|_| recovered) {
            let (source, path) = (source.clone(), path.clone());
            let (lost_lines, lost_bytes) = (gap.lines, gap.bytes);
            (self.notify)(Notice::LogRecovered { source, path, lost_lines, lost_bytes });
        }
        let Err(failure) = result else {
            let bytes = batch.iter().map(|chunk| chunk.bytes().len()).sum();
            let own = batch.into_iter().filter_map(|chunk| match chunk.bytes {
                Bytes::Own(bytes) => Some(bytes),
                Bytes::Page(..) => None,
            });
            self.pool.give_back(own, CHUNK);
            if closing {
                target.close();
            }
            return self.written(bytes, closing);
        };
        if recovered || !failing_before {
            let error = plain(&failure.error);
            (self.notify)(Notice::LogFailing { source, path, error });
        }
        self.failed(&failure, gap.filter(|_| !recovered), &batch)
    }
}

/// What the system says, without the number.
fn plain(error: &io::Error) -> String {
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
