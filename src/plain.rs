//! Plain front end: output of all processes on stdout, notices of pitcrew on stderr.
//!
//! It only reads: the stored output at its own pace, events, notices and snapshots. Each descriptor
//! is written by its own thread, so a terminal that does not read delays only the display.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::engine::{EngineHandle, EventFeed};
use crate::machine::{ProcessId, ProjectPhase};

mod front_thread;
mod lines;
mod notices;

pub use front_thread::FrontThread;
use lines::LinePrinter;
pub use lines::LineStyle;
#[cfg(feature = "cli")]
pub(crate) use lines::{format_label, push_line};
use notices::NoticePrinter;
#[cfg(all(test, feature = "cli"))]
pub(crate) use notices::sentence as notice_of;

/// The interval of notices about the remaining processes of a shutdown.
const REMINDER_INTERVAL: Duration = Duration::from_secs(2);

/// How the plain front end shows things.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainOptions {
    /// How lines on stdout look; `None` if output is not printed.
    pub lines: Option<LineStyle>,
    /// Which notices are printed.
    pub verbosity: Verbosity,
    /// Notices are in colour.
    pub colour: bool,
    /// Stderr is a terminal: notices are aligned with the names of processes.
    pub terminal: bool,
    /// Called before each write; blocks until writing is allowed.
    pub before_write: Option<fn()>,
}

/// Which notices the front end prints on stderr.
#[derive(Debug, Clone, Copy, Default)]
pub enum Verbosity {
    /// All notices.
    #[default]
    Everything,
    /// Notices about failures, with the last lines of the failed process.
    Problems {
        /// The process that has the terminal itself; its end is not reported.
        foreground: Option<ProcessId>,
    },
}

/// The running plain front end.
#[derive(Debug)]
pub struct Plain {
    line_thread: Option<FrontThread>,
    notice_task: tokio::task::JoinHandle<()>,
    engine_ended: oneshot::Sender<()>,
    notice_thread: FrontThread,
    reader_gone: Option<oneshot::Receiver<()>>,
}

impl Plain {
    /// Starts to show a project.
    ///
    /// # Errors
    ///
    /// The system cannot create a thread.
    pub fn start(
        engine: &EngineHandle,
        feed: EventFeed,
        options: PlainOptions,
    ) -> io::Result<Self> {
        let (notices, received) = blocking::channel::<String>();
        let notice_thread = FrontThread::start("pitcrew-notices", move || {
            write_notices(&received, options.before_write);
        })?;
        let (gone, reader_gone) = oneshot::channel();
        let start = |style| {
            let printer = LinePrinter::new(engine, style, notices.clone());
            FrontThread::start("pitcrew-lines", move || {
                let stdout = GatedWriter(io::stdout().lock(), options.before_write);
                if printer.print_all(stdout).is_err() {
                    _ = gone.send(());
                }
            })
        };
        let line_thread = options.lines.map(start).transpose()?;
        let printer = NoticePrinter::new(engine, options, notices);
        let (engine_ended, ended) = oneshot::channel();
        let notice_task = tokio::spawn(print_notices(engine.clone(), feed, ended, printer));
        let reader_gone = Some(reader_gone);
        Ok(Self { line_thread, notice_task, engine_ended, notice_thread, reader_gone })
    }

    /// Returns a receiver that completes with `Ok` when the reader of stdout is gone. Can be taken
    /// once.
    pub fn closed(&mut self) -> Option<oneshot::Receiver<()>> {
        self.reader_gone.take()
    }

    /// After the end of the engine: waits until everything is shown, however long that takes.
    pub async fn finish(self) {
        _ = self.engine_ended.send(());
        _ = self.notice_task.await;
        if let Some(line_thread) = self.line_thread {
            line_thread.done().await;
        }
        self.notice_thread.done().await;
    }
}

/// Writes notices to stderr in whole lines; notices that arrive meanwhile in one write.
fn write_notices(notices: &blocking::Receiver<String>, before_write: Option<fn()>) {
    const MAX_WRITE: usize = 64 << 10;
    let mut stderr = GatedWriter(io::stderr(), before_write);
    while let Ok(mut text) = notices.recv() {
        text.push('\n');
        while text.len() < MAX_WRITE
            && let Ok(line) = notices.try_recv()
        {
            text.push_str(&line);
            text.push('\n');
        }
        _ = stderr.write_all(text.as_bytes());
    }
}

/// A writer that waits before each write until it is allowed.
struct GatedWriter<W>(W, Option<fn()>);

impl<W: Write> Write for GatedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(wait) = self.1 {
            wait();
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Turns events, notices and the phases of a shutdown into lines.
async fn print_notices(
    engine: EngineHandle,
    feed: EventFeed,
    mut engine_ended: oneshot::Receiver<()>,
    mut printer: NoticePrinter,
) {
    let EventFeed { mut events, mut notices } = feed;
    let mut snapshots = engine.snapshots();
    let mut phase = ProjectPhase::Up;
    let mut reminder = tokio::time::interval(REMINDER_INTERVAL);
    loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => printer.event(&event),
            Some(notice) = notices.recv() => printer.notice(&notice),
            Ok(()) = snapshots.changed() => {
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                if snapshot.phase != phase {
                    phase = snapshot.phase.clone();
                    printer.shutdown(&snapshot, engine.clock().now());
                    reminder.reset();
                }
            },
            _ = &mut engine_ended => return printer.ended(&engine.snapshot()),
            _ = reminder.tick(), if phase != ProjectPhase::Up => {
                let snapshot = Arc::clone(&snapshots.borrow());
                printer.reminder(&snapshot, engine.clock().now());
            }
        }
    }
}
