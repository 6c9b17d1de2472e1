//! Output capture of one command: a bounded buffer for its result and for streaming readers.
//!
//! It holds a ring of raw bytes for each stream and the order in which chunks came. Positions only
//! grow; bytes that were dropped before they were read are reported as missed. Readers never block
//! the command.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::task::{Context, Poll};

use super::Stream;
use super::wakers::{WakerSet, lock, wake_all};

/// Bytes kept for streaming readers if the result keeps nothing or only the beginning.
const WINDOW: usize = 256 << 10;
/// The number of chunks whose order is remembered; of older ones, stdout is read before stderr.
const PIECES: usize = 1 << 16;

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
pub struct CapturePosition {
    out: u64,
    err: u64,
}

impl CapturePosition {
    fn of(&mut self, stream: Stream) -> &mut u64 {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }
}

/// The captured output of one command over all its runs.
pub struct Capture {
    bound: CaptureLimit,
    state: Mutex<CaptureState>,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("bound", &self.bound).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct CaptureState {
    out: CapturedStream,
    err: CapturedStream,
    /// The stream of each chunk and the position at which it ends, in order of arrival.
    pieces: VecDeque<(Stream, u64)>,
    closed: bool,
    readers: WakerSet,
}

#[derive(Default)]
struct CapturedStream {
    ring: VecDeque<u8>,
    /// The position after the last byte.
    end: u64,
    /// The position at which the latest run began.
    run: u64,
    /// The beginning of the latest run, if [`KeepSide::Head`] is kept.
    head: Vec<u8>,
}

impl CapturedStream {
    /// The position of the oldest byte that can still be read.
    fn start(&self) -> u64 {
        self.end - self.ring.len() as u64
    }

    fn push(&mut self, bytes: &[u8], bound: CaptureLimit) {
        self.end += bytes.len() as u64;
        let room = match bound.keep {
            KeepSide::Tail => bound.bytes.max(WINDOW),
            KeepSide::Head => {
                let left = bound.bytes.saturating_sub(self.head.len()).min(bytes.len());
                self.head.extend_from_slice(bytes.get(..left).unwrap_or_default());
                WINDOW
            }
        };
        let bytes = bytes.get(bytes.len().saturating_sub(room)..).unwrap_or_default();
        let over = (self.ring.len() + bytes.len()).saturating_sub(room);
        self.ring.drain(..over.min(self.ring.len()));
        self.ring.extend(bytes);
    }

    fn kept(&self, bound: CaptureLimit) -> CapturedOutput {
        let printed = self.end - self.run;
        let bytes = match bound.keep {
            KeepSide::Head => self.head.clone(),
            KeepSide::Tail => {
                let from = self.run.max(self.start()).max(self.end - self.bounded(bound, printed));
                self.copy(from, self.end)
            }
        };
        CapturedOutput { dropped: printed - bytes.len() as u64, bytes }
    }

    fn bounded(&self, bound: CaptureLimit, printed: u64) -> u64 {
        printed.min(bound.bytes as u64).min(self.ring.len() as u64)
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
    fn half(&self, stream: Stream) -> &CapturedStream {
        match stream {
            Stream::Out => &self.out,
            Stream::Err => &self.err,
        }
    }

    fn half_mut(&mut self, stream: Stream) -> &mut CapturedStream {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }

    /// Returns the next chunk after `at`, with at most `most` bytes.
    fn next(&self, at: &mut CapturePosition, most: usize) -> Option<CapturedChunk> {
        let place = |stream| CapturePosition::of(&mut { *at }, stream).to_owned();
        let (out, err) = (place(Stream::Out), place(Stream::Err));
        let unread = |&&(stream, end): &&(Stream, u64)| match stream {
            Stream::Out => end > out,
            Stream::Err => end > err,
        };
        // Chunks are in order within each stream, so for a reader that keeps up the first unread chunk
        // is near the end.
        let first = self.pieces.partition_point(|(stream, end)| !unread(&&(*stream, *end)));
        let next = self.pieces.range(first..).find(unread);
        let oldest = |stream, end| (self.half(stream).end > place(stream)).then_some((stream, end));
        let (stream, end) = next
            .copied()
            .or_else(|| oldest(Stream::Out, self.out.end))
            .or_else(|| oldest(Stream::Err, self.err.end))?;
        let half = self.half(stream);
        let from = place(stream).max(half.start());
        let to = end.max(from).min(from.saturating_add(most as u64));
        let piece =
            CapturedChunk { stream, bytes: half.copy(from, to), missed: from - place(stream) };
        *at.of(stream) = to;
        Some(piece)
    }
}

impl Capture {
    /// Creates an empty capture.
    pub fn new(bound: CaptureLimit) -> Self {
        Self { bound, state: Mutex::default() }
    }

    /// Begins a new run, which the result is about. Readers keep their positions.
    pub fn begin(&self) {
        let mut state = lock(&self.state);
        for stream in [Stream::Out, Stream::Err] {
            let half = state.half_mut(stream);
            half.run = half.end;
            half.head.clear();
        }
    }

    /// Appends bytes that were read from a stream.
    pub fn push(&self, stream: Stream, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut state = lock(&self.state);
        let half = state.half_mut(stream);
        half.push(bytes, self.bound);
        let end = half.end;
        match state.pieces.back_mut() {
            Some((last, to)) if *last == stream => *to = end,
            _ => state.pieces.push_back((stream, end)),
        }
        let (out, err) = (state.out.start(), state.err.start());
        let gone = |&(stream, end): &(Stream, u64)| match stream {
            Stream::Out => end <= out,
            Stream::Err => end <= err,
        };
        while state.pieces.len() > PIECES || state.pieces.front().is_some_and(gone) {
            state.pieces.pop_front();
        }
        let readers = state.readers.take();
        drop(state);
        wake_all(readers);
    }

    /// Marks the output as complete.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let readers = state.readers.take();
        drop(state);
        wake_all(readers);
    }

    /// Returns what is kept of a stream of the latest run.
    pub fn kept(&self, stream: Stream) -> CapturedOutput {
        lock(&self.state).half(stream).kept(self.bound)
    }

    /// Returns the position after everything printed so far.
    pub fn end(&self) -> CapturePosition {
        let state = lock(&self.state);
        CapturePosition { out: state.out.end, err: state.err.end }
    }

    /// Returns what is kept of one stream after `at`, and moves `at` to its end.
    pub fn new_in(&self, stream: Stream, at: &mut CapturePosition) -> Vec<u8> {
        let state = lock(&self.state);
        let half = state.half(stream);
        let place = at.of(stream);
        let bytes = half.copy((*place).max(half.start()), half.end);
        *place = half.end;
        bytes
    }

    /// Returns the next chunk and moves `at` behind it; `None` if there is none yet.
    pub fn next(&self, at: &mut CapturePosition, most: usize) -> Option<CapturedChunk> {
        lock(&self.state).next(at, most)
    }

    /// Like [`Self::next`], but waits; `None` once the output is complete and read.
    pub fn poll_next(
        &self,
        cx: &mut Context<'_>,
        at: &mut CapturePosition,
        most: usize,
    ) -> Poll<Option<CapturedChunk>> {
        let mut state = lock(&self.state);
        match state.next(at, most) {
            Some(piece) => Poll::Ready(Some(piece)),
            None if state.closed => Poll::Ready(None),
            None => {
                state.readers.register(cx.waker());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests;
