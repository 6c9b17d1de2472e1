//! Output streams of a command: chunks, lines, and a cursor for new output.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream as FuturesStream;

use crate::output::{Capture, CapturePosition, CapturedChunk, Stream};

/// The maximum size of a chunk.
const MAX_CHUNK: usize = 64 << 10;
/// A longer line is returned in pieces.
const MAX_LINE: usize = 1 << 20;

/// The output of a command as it comes, from both outputs in the order of arrival.
///
/// A slow reader misses output, which [`CapturedChunk::missed`] reports; the command is never
/// delayed.
#[derive(Debug)]
#[must_use = "nothing is read before it is polled"]
pub struct Chunks {
    capture: Arc<Capture>,
    position: CapturePosition,
}

impl Chunks {
    pub(super) fn new(capture: Arc<Capture>) -> Self {
        Self { capture, position: CapturePosition::default() }
    }

    /// Returns the next chunk; `None` when the command is over and everything is read. Cancel safe.
    pub async fn next(&mut self) -> Option<CapturedChunk> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl FuturesStream for Chunks {
    type Item = CapturedChunk;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<CapturedChunk>> {
        let Self { capture, position } = &mut *self;
        capture.poll_next(cx, position, MAX_CHUNK)
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
#[must_use = "nothing is read before it is polled"]
pub struct Lines {
    chunks: Chunks,
    partial: [PartialText; 2],
    /// A chunk that is not fully split yet, and where to continue.
    chunk: Option<(Stream, Vec<u8>, usize)>,
}

/// An incomplete line.
#[derive(Debug, Default)]
struct PartialText {
    bytes: Vec<u8>,
    missed: u64,
}

impl Lines {
    pub(super) fn new(chunks: Chunks) -> Self {
        Self { chunks, partial: [PartialText::default(), PartialText::default()], chunk: None }
    }

    /// Returns the next line; `None` when the command is over and everything is read. Cancel safe.
    pub async fn next(&mut self) -> Option<Line> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn partial(&mut self, stream: Stream) -> &mut PartialText {
        let [out, err] = &mut self.partial;
        match stream {
            Stream::Out => out,
            Stream::Err => err,
        }
    }

    fn take(&mut self, chunk: CapturedChunk) {
        let CapturedChunk { stream, bytes, missed } = chunk;
        if missed > 0 {
            let partial = self.partial(stream);
            // The beginning of a line without its end is not a line.
            partial.missed += missed + partial.bytes.len() as u64;
            partial.bytes.clear();
        }
        self.chunk = Some((stream, bytes, 0));
    }

    /// Takes the next complete line.
    fn next_line(&mut self) -> Option<Line> {
        let (stream, bytes, from) = self.chunk.take()?;
        let rest = bytes.get(from..).unwrap_or_default();
        let room = MAX_LINE.saturating_sub(self.partial(stream).bytes.len());
        let end = memchr::memchr(b'\n', rest);
        let (taken, next, is_complete) = match end {
            Some(end) if end <= room => (end, end + 1, true),
            _ if rest.len() > room => (room, room, true),
            _ => (rest.len(), rest.len(), false),
        };
        let partial = self.partial(stream);
        partial.bytes.extend_from_slice(rest.get(..taken).unwrap_or_default());
        if !is_complete {
            return None;
        }
        let line = Line {
            stream,
            bytes: std::mem::take(&mut partial.bytes),
            missed: std::mem::take(&mut partial.missed),
        };
        if from + next < bytes.len() {
            self.chunk = Some((stream, bytes, from + next));
        }
        Some(line)
    }

    /// Takes the text without a line end.
    fn last_line(&mut self) -> Option<Line> {
        for stream in [Stream::Out, Stream::Err] {
            let partial = self.partial(stream);
            if !partial.bytes.is_empty() {
                let PartialText { bytes, missed } = std::mem::take(partial);
                return Some(Line { stream, bytes, missed });
            }
        }
        None
    }
}

impl FuturesStream for Lines {
    type Item = Line;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Line>> {
        loop {
            if let Some(line) = self.next_line() {
                return Poll::Ready(Some(line));
            }
            match ready!(Pin::new(&mut self.chunks).poll_next(cx)) {
                Some(chunk) => self.take(chunk),
                None => return Poll::Ready(self.last_line()),
            }
        }
    }
}

/// Reads new output on request. Never blocks.
#[derive(Debug)]
pub struct Cursor {
    capture: Arc<Capture>,
    position: CapturePosition,
}

impl Cursor {
    pub(super) fn new(capture: Arc<Capture>) -> Self {
        Self { capture, position: CapturePosition::default() }
    }

    /// Returns the bytes printed to stdout since the last call.
    pub fn stdout(&mut self) -> Vec<u8> {
        self.capture.new_in(Stream::Out, &mut self.position)
    }

    /// Returns the bytes printed to stderr since the last call.
    pub fn stderr(&mut self) -> Vec<u8> {
        self.capture.new_in(Stream::Err, &mut self.position)
    }
}
