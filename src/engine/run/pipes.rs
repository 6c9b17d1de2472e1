//! Reads both output pipes of a run in turns into one line splitter.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;

use super::{RawChunk, RawOutput};
use crate::engine::clock::Clock;
use crate::output::{Capture, LineSplitter, LogFile, ReadBuffer, Stream};
use crate::spec::OutputPattern;

/// Where what was read goes.
pub(in crate::engine) enum Outlet {
    /// Into the store of the project, and the log file.
    Store(Box<LineSplitter>),
    /// Into what is kept for one command.
    Capture(Arc<Capture>),
}

impl Outlet {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Store(intake) => intake.poll_room(cx),
            Self::Capture(_) => Poll::Ready(()),
        }
    }

    fn take(&mut self, stream: Stream, scratch: &mut ReadBuffer, read: usize) {
        match self {
            Self::Store(intake) => intake.take(stream, scratch, read, Clock::wall()),
            Self::Capture(capture) => capture.push(stream, scratch.filled(read)),
        }
    }

    /// Another log file, or none any more.
    pub(super) fn log_to(&mut self, log: Option<LogFile>) {
        match self {
            Self::Store(intake) => intake.log_to(log),
            Self::Capture(_) => {}
        }
    }

    /// Looks for another line, or for none any more.
    pub(super) fn look_again(&mut self, pattern: Option<OutputPattern>) {
        match self {
            Self::Store(intake) => intake.look_again(pattern),
            Self::Capture(_) => {}
        }
    }

    /// A line that was looked for, once.
    pub(super) fn found(&mut self) -> Option<String> {
        match self {
            Self::Store(intake) => intake.found(),
            Self::Capture(_) => None,
        }
    }

    /// Shows a line that is not finished.
    pub(super) fn show_partial(&mut self) {
        match self {
            Self::Store(intake) => _ = intake.show_partial(Clock::wall()),
            Self::Capture(_) => {}
        }
    }

    /// The last lines of this run.
    pub(super) fn last_words(&self, lines: usize) -> Vec<u8> {
        match self {
            Self::Store(intake) => intake.last_lines(lines),
            Self::Capture(capture) => {
                let mut text = capture.kept(Stream::Out).bytes;
                text.push(b'\n');
                text.extend(capture.kept(Stream::Err).bytes);
                let from = text.len().saturating_sub(lines * 200);
                text.split_off(from)
            }
        }
    }

    /// Nothing more comes from this run.
    pub(super) fn finish(&mut self) {
        match self {
            Self::Store(intake) => {
                let now = Clock::wall();
                intake.finish(Stream::Out, now);
                intake.finish(Stream::Err, now);
            }
            Self::Capture(_) => {}
        }
    }
}

/// Both outputs, and where they go.
pub(super) struct Pipes<R> {
    pub(super) out: Option<R>,
    pub(super) err: Option<R>,
    pub(super) outlet: Outlet,
    pub(super) tap: Option<RawOutput>,
    /// Where the next chunk for the tap goes. It is had before anything is read, so that a tap
    /// that takes nothing holds up the child and not the orders to it.
    pub(super) place: Option<RawSlot>,
    /// Nothing is read now because the log file or the tap has no room.
    pub(super) held_up: bool,
}

/// Room for one chunk in a tap.
pub(super) type RawSlot = mpsc::OwnedPermit<RawChunk>;

/// Waits for room in a tap; nothing when nobody takes it any more. Cancel safe.
pub(super) async fn place(tap: Option<RawOutput>) -> Option<RawSlot> {
    tap?.reserve_owned().await.ok()
}

thread_local! {
    /// Read into by all runs on this thread, so that a thousand idle ones take no memory for it.
    static SCRATCH: std::cell::RefCell<ReadBuffer> = std::cell::RefCell::default();
}

impl<R: AsyncRead + Unpin> Pipes<R> {
    pub(super) fn are_open(&self) -> bool {
        self.out.is_some() || self.err.is_some()
    }

    pub(super) fn needs_place(&self) -> bool {
        self.tap.is_some() && self.place.is_none() && self.are_open()
    }

    /// The answer to [`place`]. When nobody takes it any more, the child is told in the way pipes
    /// tell it.
    pub(super) fn has_place(&mut self, place: Option<RawSlot>) {
        if place.is_none() {
            (self.out, self.err) = (None, None);
        }
        self.place = place;
    }

    /// Reads once from whichever output has something, if there is room for it; gives how much, and
    /// nothing when one of the two is closed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        self.held_up = self.needs_place() || self.outlet.poll_room(cx).is_pending();
        if self.held_up {
            return Poll::Pending;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            for stream in [Stream::Out, Stream::Err] {
                let pipe = match stream {
                    Stream::Out => &mut self.out,
                    Stream::Err => &mut self.err,
                };
                let Some(reader) = pipe else { continue };
                let mut buffer = ReadBuf::new(scratch.room());
                match Pin::new(reader).poll_read(cx, &mut buffer) {
                    Poll::Pending => {}
                    Poll::Ready(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
                        cx.waker().wake_by_ref();
                    }
                    Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                        let read = buffer.filled().len();
                        if let Some(place) = self.place.take() {
                            place.send((stream, scratch.filled(read).to_vec()));
                        }
                        self.outlet.take(stream, scratch, read);
                        return Poll::Ready(read);
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
