//! Terminal of a run: feeds its output to the screen, and writes what is typed and what the screen replies.
//!
//! Nothing here blocks the reading of the output: a program that does not read its input only fills a
//! bounded queue.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::now;
use super::output_sink::OutputSink;
use crate::engine::ad_hoc::{StdinFeed, StdinWrite};
use crate::engine::terminal::{ProcessTerminal, TerminalInputEvent, TerminalRun, ViewerSize};
use crate::machine::TerminalStatus;
use crate::output::{ReadBuffer, Stream};
use crate::spec::format_duration;
use crate::terminal::Segment;

/// The number of bytes that a program may leave unread before input waits and replies are dropped.
const MAX_QUEUED: usize = 64 << 10;
/// The size changes when no other change has been requested for this time: dragging a border of a window
/// requests dozens.
const RESIZE_QUIET: Duration = Duration::from_millis(50);
/// The shortest interval of reports about title and bell: a shell may set its title with each prompt, and
/// a spinner in a title changes it with each frame.
const STATUS_INTERVAL: Duration = Duration::from_millis(100);

/// The screen of a run, and the output that the log gets.
pub(super) struct ScreenFeed {
    terminal: Arc<ProcessTerminal>,
    run: u64,
    /// When the full-screen program that is on the screen began.
    pub(super) full_screen: Option<Instant>,
    /// What the screen has replied to queries of the program.
    pub(super) replies: Vec<u8>,
    /// The title, the bell or the kind of screen has changed.
    pub(super) status_changed: bool,
}

impl ScreenFeed {
    pub(super) fn new(run: &TerminalRun) -> Self {
        let (terminal, run) = (Arc::clone(&run.terminal), run.number);
        Self { terminal, run, full_screen: None, replies: Vec::new(), status_changed: false }
    }

    /// Adds the bytes that were read into `buffer`. What full-screen programs draw is no output: a line
    /// stands for it.
    pub(super) fn push(&mut self, sink: &mut OutputSink, buffer: &mut ReadBuffer, length: usize) {
        let advance = self.terminal.advance(self.run, buffer.filled(length));
        self.replies.extend(advance.replies);
        self.status_changed |= advance.title_changed || advance.bells > 0;
        if matches!(advance.segments.as_slice(), [Segment::Output(range)] if *range == (0..length))
        {
            return sink.push(Stream::Out, buffer, length);
        }
        for segment in advance.segments {
            match segment {
                Segment::Held(bytes) => sink.push_bytes(Stream::Out, &bytes),
                Segment::Output(range) => {
                    let bytes = buffer.filled(length).get(range);
                    sink.push_bytes(Stream::Out, bytes.unwrap_or_default());
                }
                Segment::AlternateEntered => {
                    self.status_changed = true;
                    self.full_screen.get_or_insert_with(now);
                    sink.show_mark("── full screen ──");
                }
                Segment::AlternateLeft => {
                    self.status_changed = true;
                    self.leave_full_screen(sink);
                }
            }
        }
    }

    fn leave_full_screen(&mut self, sink: &mut OutputSink) {
        if let Some(since) = self.full_screen.take() {
            let duration = format_duration(now().saturating_duration_since(since));
            sink.mark(&format!("── full screen for {duration} ──"));
        }
    }

    /// Ends the run on the screen; the output gets the bytes that were kept back.
    pub(super) fn finish(&mut self, sink: &mut OutputSink) {
        sink.push_bytes(Stream::Out, &self.terminal.end_run(self.run));
        self.leave_full_screen(sink);
    }
}

/// The way to the input of the program in a terminal.
pub(super) struct TerminalIo<W> {
    terminal: Arc<ProcessTerminal>,
    input: mpsc::Receiver<TerminalInputEvent>,
    /// Lines of `send`, and writes of the library.
    writes: Option<mpsc::Receiver<StdinWrite>>,
    /// `None` once nobody can read it any more.
    writer: Option<W>,
    queue: VecDeque<u8>,
    resize_at: Option<Instant>,
    status_at: Option<Instant>,
}

/// What a terminal has done, for the run task.
pub(super) enum TerminalStep {
    /// The program gets another size.
    Resized(ViewerSize),
    /// Input was written.
    Written,
    /// It is time to report what the program shows beside the text.
    Status(TerminalStatus),
}

impl<W: AsyncWrite + Unpin> TerminalIo<W> {
    pub(super) fn new(run: TerminalRun, feed: Option<StdinFeed>, writer: Option<W>) -> Self {
        let TerminalRun { terminal, input, .. } = run;
        let mut queue = VecDeque::new();
        let stdin_writes = match feed {
            Some(StdinFeed::Writes(receiver)) => Some(receiver),
            Some(StdinFeed::Bytes(bytes)) => {
                queue.extend(bytes.iter());
                None
            }
            None => None,
        };
        Self {
            terminal,
            input,
            writes: stdin_writes,
            writer,
            queue,
            resize_at: None,
            status_at: None,
        }
    }

    /// Reports soon what the program shows beside the text.
    pub(super) fn report_status(&mut self) {
        self.status_at.get_or_insert_with(|| now() + STATUS_INTERVAL);
    }

    /// Queues replies of the screen. A program that asks and does not read gets none.
    pub(super) fn reply(&mut self, replies: &[u8]) {
        if self.queue.len() + replies.len() <= MAX_QUEUED {
            self.queue.extend(replies);
        }
    }

    /// Waits until something was done. Cancel safe.
    pub(super) async fn step(&mut self) -> TerminalStep {
        loop {
            let has_room = self.queue.len() < MAX_QUEUED;
            let (resize_at, status_at) = (self.resize_at, self.status_at);
            let Self { input, writes, writer, queue, .. } = self;
            tokio::select! {
                biased;
                () = std::future::poll_fn(|cx| poll_write(writer, queue, cx)), if !queue.is_empty() => {
                    return TerminalStep::Written;
                }
                Some(input) = input.recv(), if has_room => self.take(input),
                Some(write) = next_write(writes), if has_room && writes.is_some() => {
                    self.queue.extend(write.bytes);
                    _ = write.written.send(Ok(()));
                }
                () = sleep_until(resize_at.unwrap_or_else(now)), if resize_at.is_some() => {
                    self.resize_at = None;
                    if let Some(size) = self.terminal.resize() {
                        return TerminalStep::Resized(size);
                    }
                }
                () = sleep_until(status_at.unwrap_or_else(now)), if status_at.is_some() => {
                    self.status_at = None;
                    return TerminalStep::Status(self.terminal.status());
                }
                else => std::future::pending().await,
            }
        }
    }

    fn take(&mut self, input: TerminalInputEvent) {
        if input == TerminalInputEvent::Resize {
            self.resize_at = Some(now() + RESIZE_QUIET);
        } else {
            self.queue.extend(self.terminal.encode(input));
        }
    }
}

async fn next_write(writes: &mut Option<mpsc::Receiver<StdinWrite>>) -> Option<StdinWrite> {
    let write = writes.as_mut()?.recv().await;
    if write.is_none() {
        *writes = None;
    }
    write
}

/// Writes from the queue; ready when some bytes were written, or when they never can be.
fn poll_write<W: AsyncWrite + Unpin>(
    writer: &mut Option<W>,
    queue: &mut VecDeque<u8>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let Some(open) = writer else {
        queue.clear();
        return Poll::Ready(());
    };
    match Pin::new(open).poll_write(cx, queue.as_slices().0) {
        Poll::Pending => return Poll::Pending,
        Poll::Ready(Ok(length)) => _ = queue.drain(..length.min(queue.len())),
        Poll::Ready(Err(_)) => *writer = None,
    }
    Poll::Ready(())
}
