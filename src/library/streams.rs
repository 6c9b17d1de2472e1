//! Output streams of a command: chunks, lines, and a cursor for new output.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream as FuturesStream;

use crate::output::{Capture, CapturePosition, CapturedChunk, Stream};

/// The maximum size of a chunk.
const CHUNK: usize = 64 << 10;
/// A longer line is returned in pieces.
const LINE: usize = 1 << 20;

/// The output of a command as it comes, from both outputs in the order of arrival.
///
/// A slow reader misses output, which [`CapturedChunk::missed`] reports; the command is never
/// delayed.
#[derive(Debug)]
#[must_use = "nothing is read before it is asked for"]
pub struct Chunks {
    capture: Arc<Capture>,
    at: CapturePosition,
}

impl Chunks {
    pub(super) fn new(capture: Arc<Capture>, at: CapturePosition) -> Self {
        Self { capture, at }
    }

    /// Returns the next chunk; `None` when the command is over and everything is read. Cancel safe.
    pub async fn next(&mut self) -> Option<CapturedChunk> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<CapturedChunk>> {
        self.capture.poll_next(cx, &mut self.at, CHUNK)
    }
}

impl FuturesStream for Chunks {
    type Item = CapturedChunk;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<CapturedChunk>> {
        self.get_mut().poll(cx)
    }
}

/// A line of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    stream: Stream,
    bytes: Vec<u8>,
    missed: u64,
}

impl Line {
    /// Which output it was printed to.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// Its bytes, without the line end.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its text, without the line end; invalid UTF-8 shows as �.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// The number of bytes of this output that were dropped before it: the reader was too slow, or too
    /// late.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

/// The output of a command line by line. A last line without a newline is included; a line longer than
/// 1 MiB is split into pieces.
#[derive(Debug)]
#[must_use = "nothing is read before it is asked for"]
pub struct Lines {
    chunks: Chunks,
    halves: [PartialText; 2],
    /// Bytes that were read but not returned yet.
    open: Option<(Stream, Vec<u8>, usize)>,
}

/// A line that is not finished.
#[derive(Debug, Default)]
struct PartialText {
    bytes: Vec<u8>,
    missed: u64,
}

impl Lines {
    pub(super) fn new(chunks: Chunks) -> Self {
        Self { chunks, halves: [PartialText::default(), PartialText::default()], open: None }
    }

    /// Returns the next line; `None` when the command is over and everything is read. Cancel safe.
    pub async fn next(&mut self) -> Option<Line> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Line>> {
        loop {
            if let Some(line) = self.cut() {
                return Poll::Ready(Some(line));
            }
            match ready!(self.chunks.poll(cx)) {
                Some(piece) => self.take(piece),
                None => return Poll::Ready(self.rest()),
            }
        }
    }

    fn half(&mut self, stream: Stream) -> &mut PartialText {
        let [out, err] = &mut self.halves;
        match stream {
            Stream::Out => out,
            Stream::Err => err,
        }
    }

    fn take(&mut self, piece: CapturedChunk) {
        let CapturedChunk { stream, bytes, missed } = piece;
        if missed > 0 {
            let half = self.half(stream);
            // A beginning without its end is not a line.
            half.missed += missed + half.bytes.len() as u64;
            half.bytes.clear();
        }
        self.open = Some((stream, bytes, 0));
    }

    /// Takes the next complete line.
    fn cut(&mut self) -> Option<Line> {
        let (stream, bytes, from) = self.open.take()?;
        let rest = bytes.get(from..).unwrap_or_default();
        let room = LINE.saturating_sub(self.half(stream).bytes.len());
        let end = memchr::memchr(b'\n', rest);
        let (taken, next, whole) = match end {
            Some(end) if end <= room => (end, end + 1, true),
            _ if rest.len() > room => (room, room, true),
            _ => (rest.len(), rest.len(), false),
        };
        let half = self.half(stream);
        half.bytes.extend_from_slice(rest.get(..taken).unwrap_or_default());
        if !whole {
            return None;
        }
        let line = Line {
            stream,
            bytes: std::mem::take(&mut half.bytes),
            missed: std::mem::take(&mut half.missed),
        };
        if from + next < bytes.len() {
            self.open = Some((stream, bytes, from + next));
        }
        Some(line)
    }

    /// Takes the text without a line end.
    fn rest(&mut self) -> Option<Line> {
        for stream in [Stream::Out, Stream::Err] {
            let half = self.half(stream);
            if !half.bytes.is_empty() {
                let PartialText { bytes, missed } = std::mem::take(half);
                return Some(Line { stream, bytes, missed });
            }
        }
        None
    }
}

impl FuturesStream for Lines {
    type Item = Line;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Line>> {
        self.get_mut().poll(cx)
    }
}

/// Reads new output on request. Never blocks.
#[derive(Debug)]
pub struct Cursor {
    capture: Arc<Capture>,
    at: CapturePosition,
}

impl Cursor {
    pub(super) fn new(capture: Arc<Capture>) -> Self {
        Self { capture, at: CapturePosition::default() }
    }

    /// Returns what was printed to stdout since the last call.
    pub fn stdout(&mut self) -> Vec<u8> {
        self.capture.new_in(Stream::Out, &mut self.at)
    }

    /// Returns what was printed to stderr since the last call.
    pub fn stderr(&mut self) -> Vec<u8> {
        self.capture.new_in(Stream::Err, &mut self.at)
    }
}
