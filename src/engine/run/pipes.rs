//! Output pipes of a run: reads both and passes the bytes to the output sink.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use super::{RawChunk, RawOutput};
use crate::engine::clock::Clock;
use crate::output::{Capture, LineSplitter, ReadBuffer, Stream};
use crate::sys::Child;

/// The destination of the output of a run.
pub(in crate::engine) enum OutputSink {
    /// The log store of the project, and the log file.
    Store(Box<LineSplitter>),
    /// The capture of an ad-hoc process.
    Capture(Arc<Capture>),
}

impl OutputSink {
    pub(super) fn line_splitter(&mut self) -> Option<&mut LineSplitter> {
        match self {
            Self::Store(splitter) => Some(splitter),
            Self::Capture(_) => None,
        }
    }

    fn push(&mut self, stream: Stream, buffer: &mut ReadBuffer, length: usize) {
        match self {
            Self::Store(splitter) => splitter.take(stream, buffer, length, Clock::wall()),
            Self::Capture(capture) => capture.push(stream, buffer.filled(length)),
        }
    }

    /// The last lines of the run.
    pub(super) fn last_lines(&self, lines: usize) -> Vec<u8> {
        match self {
            Self::Store(splitter) => splitter.last_lines(lines),
            Self::Capture(capture) => {
                let mut text = capture.kept(Stream::Out).bytes;
                text.push(b'\n');
                text.extend(capture.kept(Stream::Err).bytes);
                let start = text.len().saturating_sub(lines * 200);
                text.split_off(start)
            }
        }
    }

    pub(super) fn finish(&mut self) {
        if let Some(splitter) = self.line_splitter() {
            let now = Clock::wall();
            splitter.finish(Stream::Out, now);
            splitter.finish(Stream::Err, now);
        }
    }
}

/// Both outputs of a run, and their destination.
pub(in crate::engine) struct Pipes<R> {
    out: Option<R>,
    err: Option<R>,
    pub(super) sink: OutputSink,
    raw_output: Option<RawOutput>,
    /// Room for the next raw chunk. It is reserved before anything is read, so that a full raw output
    /// blocks the child, but not the commands to it.
    permit: Option<RawPermit>,
    /// Whether nothing is read because the log file or the raw output has no room.
    pub(super) is_blocked: bool,
}

type RawPermit = mpsc::OwnedPermit<RawChunk>;

thread_local! {
    /// The read buffer of all runs on this thread, so that a thousand idle ones need no memory for it.
    static BUFFER: std::cell::RefCell<ReadBuffer> = std::cell::RefCell::default();
}

impl<R: AsyncRead + Unpin> Pipes<R> {
    pub(in crate::engine) fn new(
        child: &mut impl Child<Read = R>,
        sink: OutputSink,
        raw_output: Option<RawOutput>,
    ) -> Self {
        let (out, err) = (child.stdout(), child.stderr());
        Self { out, err, sink, raw_output, permit: None, is_blocked: false }
    }

    pub(super) fn are_open(&self) -> bool {
        self.out.is_some() || self.err.is_some()
    }

    pub(super) fn needs_permit(&self) -> bool {
        self.raw_output.is_some() && self.permit.is_none() && self.are_open()
    }

    /// Waits for room in the raw output; `None` if its receiver is gone. Cancel safe.
    pub(super) fn reserve(&self) -> impl Future<Output = Option<RawPermit>> + use<R> {
        let raw_output = self.raw_output.clone();
        async { raw_output?.reserve_owned().await.ok() }
    }

    /// Stores the result of [`Pipes::reserve`]. Without a receiver the pipes are closed, so that the
    /// child gets a SIGPIPE.
    pub(super) fn set_permit(&mut self, permit: Option<RawPermit>) {
        if permit.is_none() {
            (self.out, self.err) = (None, None);
        }
        self.permit = permit;
    }

    /// Reads once from an output that has data, if there is room for it. Returns the length; 0 when an
    /// output was closed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let is_full = |sink: &mut OutputSink, cx: &mut Context<'_>| {
            sink.line_splitter().is_some_and(|splitter| splitter.poll_room(cx).is_pending())
        };
        self.is_blocked = self.needs_permit() || is_full(&mut self.sink, cx);
        if self.is_blocked {
            return Poll::Pending;
        }
        BUFFER.with_borrow_mut(|buffer| {
            for (stream, pipe) in [(Stream::Out, &mut self.out), (Stream::Err, &mut self.err)] {
                let Some(reader) = pipe else { continue };
                let mut read = ReadBuf::new(buffer.room());
                match Pin::new(reader).poll_read(cx, &mut read) {
                    Poll::Pending => {}
                    Poll::Ready(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
                        cx.waker().wake_by_ref();
                    }
                    Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                        let length = read.filled().len();
                        if let Some(permit) = self.permit.take() {
                            permit.send((stream, buffer.filled(length).to_vec()));
                        }
                        self.sink.push(stream, buffer, length);
                        return Poll::Ready(length);
                    }
                    Poll::Ready(Ok(()) | Err(_)) => {
                        *pipe = None;
                        return Poll::Ready(0);
                    }
                }
            }
            Poll::Pending
        })
    }
}
