//! Output capture of one command: a bounded buffer for its result and for streaming readers.
//!
//! It holds a ring of raw bytes for each stream and the order in which chunks came. Positions only
//! grow; bytes that were dropped before they were read are reported as missed. Readers never block
//! the command.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};

use super::wakers::{WakerSet, lock, wake_all};
use super::{PerStream, Stream};

/// Bytes kept for streaming readers if the result keeps nothing or only the beginning.
const WINDOW: usize = 256 << 10;
/// The number of chunks whose order is remembered; of older ones, stdout is read before stderr.
const MAX_CHUNKS: usize = 1 << 16;

/// Which part of an output is kept if it exceeds the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeepSide {
    Head,
    #[default]
    Tail,
}

/// How much of each output is kept for the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureLimit {
    /// The maximum number of bytes per stream.
    pub bytes: usize,
    /// Which part is kept.
    pub keep: KeepSide,
}

/// The captured output of one stream of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CapturedOutput {
    /// The raw bytes.
    pub bytes: Vec<u8>,
    /// The number of bytes dropped: before `bytes` if the end was kept, after it if the beginning was.
    pub dropped: u64,
}

/// A chunk returned to a streaming reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedChunk {
    /// The stream it was printed to.
    pub stream: Stream,
    /// The raw bytes.
    pub bytes: Vec<u8>,
    /// The number of bytes of this stream that were dropped before this chunk.
    pub missed: u64,
}

/// A reader's position in both streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapturePosition(PerStream<u64>);

/// The captured output of one command over all its runs.
pub struct Capture {
    limit: CaptureLimit,
    state: Mutex<CaptureState>,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct CaptureState {
    streams: PerStream<CapturedStream>,
    /// The stream of each chunk and the position at which it ends, in order of arrival.
    chunks: VecDeque<(Stream, u64)>,
    closed: bool,
    readers: WakerSet,
}

#[derive(Default)]
struct CapturedStream {
    ring: VecDeque<u8>,
    /// The position after the last byte.
    end: u64,
    /// The position at which the latest run began.
    run_start: u64,
    /// The beginning of the latest run, if [`KeepSide::Head`] is kept.
    head: Vec<u8>,
}

impl CapturedStream {
    /// The position of the oldest byte that can still be read.
    fn start(&self) -> u64 {
        self.end - self.ring.len() as u64
    }

    fn push(&mut self, bytes: &[u8], limit: CaptureLimit) {
        self.end += bytes.len() as u64;
        let capacity = match limit.keep {
            KeepSide::Tail => limit.bytes.max(WINDOW),
            KeepSide::Head => {
                let room = limit.bytes.saturating_sub(self.head.len()).min(bytes.len());
                self.head.extend_from_slice(bytes.get(..room).unwrap_or_default());
                WINDOW
            }
        };
        let bytes = bytes.get(bytes.len().saturating_sub(capacity)..).unwrap_or_default();
        let excess = (self.ring.len() + bytes.len()).saturating_sub(capacity);
        self.ring.drain(..excess.min(self.ring.len()));
        self.ring.extend(bytes);
    }

    fn kept(&self, limit: CaptureLimit) -> CapturedOutput {
        let printed = self.end - self.run_start;
        let bytes = match limit.keep {
            KeepSide::Head => self.head.clone(),
            KeepSide::Tail => {
                let kept = printed.min(limit.bytes as u64).min(self.ring.len() as u64);
                self.copy(self.end - kept, self.end)
            }
        };
        CapturedOutput { dropped: printed - bytes.len() as u64, bytes }
    }

    fn copy(&self, from: u64, to: u64) -> Vec<u8> {
        let (from, to) = ((from - self.start()) as usize, (to - self.start()) as usize);
        let (a, b) = self.ring.as_slices();
        let mut bytes = Vec::with_capacity(to - from);
        bytes.extend_from_slice(a.get(from.min(a.len())..to.min(a.len())).unwrap_or_default());
        let (from, to) = (from.saturating_sub(a.len()), to.saturating_sub(a.len()));
        bytes.extend_from_slice(b.get(from..to).unwrap_or_default());
        bytes
    }
}

impl CaptureState {
    /// Returns the next chunk after `at`, with at most `max` bytes.
    fn next(&self, at: &mut CapturePosition, max: usize) -> Option<CapturedChunk> {
        let positions = at.0;
        let is_unread = |(stream, end): &(Stream, u64)| end > positions.get(*stream);
        // Chunks are in order within each stream, so for a reader that keeps up the first unread chunk
        // is near the end.
        let first = self.chunks.partition_point(|chunk| !is_unread(chunk));
        let next = self.chunks.range(first..).copied().find(is_unread);
        let mut ends = Stream::ALL.iter().map(|stream| (*stream, self.streams.get(*stream).end));
        let (stream, end) = next.or_else(|| ends.find(is_unread))?;
        let (captured, position) = (self.streams.get(stream), at.0.get_mut(stream));
        let from = (*position).max(captured.start());
        let to = end.max(from).min(from.saturating_add(max as u64));
        let missed = from - *position;
        *position = to;
        Some(CapturedChunk { stream, bytes: captured.copy(from, to), missed })
    }
}

impl Capture {
    /// Creates an empty capture.
    pub fn new(limit: CaptureLimit) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Begins a new run, which the result is about. Readers keep their positions.
    pub fn begin(&self) {
        let mut state = lock(&self.state);
        for stream in Stream::ALL {
            let captured = state.streams.get_mut(*stream);
            captured.run_start = captured.end;
            captured.head.clear();
        }
    }

    /// Appends bytes that were read from a stream.
    pub fn push(&self, stream: Stream, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut state = lock(&self.state);
        let CaptureState { streams, chunks, .. } = &mut *state;
        let captured = streams.get_mut(stream);
        captured.push(bytes, self.limit);
        match chunks.back_mut() {
            Some((last, end)) if *last == stream => *end = captured.end,
            _ => chunks.push_back((stream, captured.end)),
        }
        let is_dropped = |(stream, end): &(Stream, u64)| *end <= streams.get(*stream).start();
        while chunks.len() > MAX_CHUNKS || chunks.front().is_some_and(is_dropped) {
            chunks.pop_front();
        }
        wake_readers(state);
    }

    /// Marks the output as complete.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        wake_readers(state);
    }

    /// Returns the stored bytes of a stream of the latest run.
    pub fn kept(&self, stream: Stream) -> CapturedOutput {
        lock(&self.state).streams.get(stream).kept(self.limit)
    }

    /// Returns the position after everything printed so far.
    pub fn end(&self) -> CapturePosition {
        let PerStream { out, err } = &lock(&self.state).streams;
        CapturePosition(PerStream { out: out.end, err: err.end })
    }

    /// Returns the stored bytes of one stream after `at`, and moves `at` to its end.
    pub fn new_in(&self, stream: Stream, at: &mut CapturePosition) -> Vec<u8> {
        let state = lock(&self.state);
        let (captured, position) = (state.streams.get(stream), at.0.get_mut(stream));
        let from = (*position).max(captured.start());
        *position = captured.end;
        captured.copy(from, captured.end)
    }

    /// Returns the next chunk and moves `at` behind it; `None` if there is none yet.
    pub fn next(&self, at: &mut CapturePosition, max: usize) -> Option<CapturedChunk> {
        lock(&self.state).next(at, max)
    }

    /// Like [`Self::next`], but waits; `None` once the output is complete and read.
    pub fn poll_next(
        &self,
        cx: &mut Context<'_>,
        at: &mut CapturePosition,
        max: usize,
    ) -> Poll<Option<CapturedChunk>> {
        let mut state = lock(&self.state);
        match state.next(at, max) {
            Some(chunk) => Poll::Ready(Some(chunk)),
            None if state.closed => Poll::Ready(None),
            None => {
                state.readers.register(cx.waker());
                Poll::Pending
            }
        }
    }
}

fn wake_readers(mut state: MutexGuard<'_, CaptureState>) {
    let readers = state.readers.take();
    drop(state);
    wake_all(readers);
}

#[cfg(test)]
mod tests;
