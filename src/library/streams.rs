//! Reading along: chunks, lines, and what is new since one looked.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream as FuturesStream;

use crate::output::{Capture, CapturePosition, CapturedChunk, Stream};

/// One chunk at most.
const CHUNK: usize = 64 << 10;
/// A line that grows longer than this is given in pieces.
const LINE: usize = 1 << 20;

/// The output of a command as it comes, from both outputs in the order of arrival.
///
/// Whoever reads too slowly misses something and is told so by [`CapturedChunk::missed`]; the command is never
/// held up.
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

    /// The next chunk; nothing when the command is over and all is read. Cancel safe.
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

    /// Its text, without the line end; what is no UTF-8 shows as �.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// So many bytes of this output before it are not kept any more: the reader was too slow, or came
    /// too late.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

/// The output of a command line by line. The last line comes at its end even without a newline; one
/// longer than 1 MiB comes in pieces.
#[derive(Debug)]
#[must_use = "nothing is read before it is asked for"]
pub struct Lines {
    chunks: Chunks,
    halves: [PartialText; 2],
    /// What was read and not given yet.
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

    /// The next line; nothing when the command is over and all is read. Cancel safe.
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
            // The beginning of a line without its end is no line.
            half.missed += missed + half.bytes.len() as u64;
            half.bytes.clear();
        }
        self.open = Some((stream, bytes, 0));
    }

    /// The next line of what was read.
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

    /// What has no line end.
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

/// What is new since one looked. Never waits.
#[derive(Debug)]
pub struct Cursor {
    capture: Arc<Capture>,
    at: CapturePosition,
}

impl Cursor {
    pub(super) fn new(capture: Arc<Capture>) -> Self {
        Self { capture, at: CapturePosition::default() }
    }

    /// What was printed to stdout since the last call.
    pub fn stdout(&mut self) -> Vec<u8> {
        self.capture.new_in(Stream::Out, &mut self.at)
    }

    /// What was printed to stderr since the last call.
    pub fn stderr(&mut self) -> Vec<u8> {
        self.capture.new_in(Stream::Err, &mut self.at)
    }
}
