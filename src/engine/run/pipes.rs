//! Output pipes of a run: reads both and passes the bytes to the output sink.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use super::output_sink::OutputSink;
use super::terminal_run::ScreenFeed;
use super::{RawChunk, RawOutput};
use crate::output::{ReadBuffer, Stream};
use crate::sys::Child;

/// Both outputs of a run, and their destination.
pub(in crate::engine) struct Pipes<R> {
    out: Option<R>,
    err: Option<R>,
    pub(super) sink: OutputSink,
    /// The screen, if `out` is a terminal.
    pub(super) screen: Option<ScreenFeed>,
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
    pub(super) fn new(
        child: &mut impl Child<Read = R>,
        sink: OutputSink,
        raw_output: Option<RawOutput>,
        screen: Option<ScreenFeed>,
    ) -> Self {
        let (out, err) = (child.stdout(), child.stderr());
        Self { out, err, sink, screen, raw_output, permit: None, is_blocked: false }
    }

    /// Ends the output: what was kept back comes first.
    pub(super) fn finish(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.finish(&mut self.sink);
        }
        self.sink.finish();
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
    /// child gets a SIGPIPE. Returns whether the child must be hung up instead, because it would wait
    /// forever for room in its terminal.
    pub(super) fn set_permit(&mut self, permit: Option<RawPermit>) -> bool {
        self.permit = permit;
        if self.permit.is_some() {
            return false;
        }
        (self.out, self.err) = (None, None);
        self.screen.is_some()
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
                        match &mut self.screen {
                            Some(screen) => screen.push(&mut self.sink, buffer, length),
                            None => self.sink.push(stream, buffer, length),
                        }
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
