//! Plain front end: output of all processes on stdout, messages of pitcrew on stderr.
//!
//! It only reads: the kept output at its own pace, events, notices and snapshots. Both descriptors
//! are written by threads of their own, so a terminal that takes nothing stops nothing but the
//! showing.

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
pub use lines::LineStyle;
use lines::Printer;
#[cfg(feature = "cli")]
pub(crate) use lines::{label_of, put_text};
use notices::NoticePrinter;
#[cfg(all(test, feature = "cli"))]
pub(crate) use notices::sentence as notice_of;

/// How often it is said who is being waited for.
const REMIND: Duration = Duration::from_secs(2);

/// How the plain front shows things.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainOptions {
    /// How lines on stdout look; nothing when child output is not printed.
    pub lines: Option<LineStyle>,
    /// What is said on stderr.
    pub tells: Verbosity,
    /// Notices are in colour.
    pub colour: bool,
    /// Stderr is a terminal: notices are in line with the names of processes.
    pub terminal: bool,
    /// Called before each write, and blocks while nothing may be written.
    pub before_write: Option<fn()>,
}

/// What the front says on stderr.
#[derive(Debug, Clone, Copy, Default)]
pub enum Verbosity {
    /// All there is to say.
    #[default]
    Everything,
    /// What goes wrong, with the last words of whom it went wrong for; not how `own` ends, which
    /// has the terminal itself.
    Problems {
        /// The one in the foreground.
        own: Option<ProcessId>,
    },
}

#[derive(Debug)]
pub struct Plain {
    printer: Option<FrontThread>,
    teller: tokio::task::JoinHandle<()>,
    done: oneshot::Sender<()>,
    writer: FrontThread,
    closed: Option<oneshot::Receiver<()>>,
}

impl Plain {
    /// Starts to show what is told of a project.
    ///
    /// # Errors
    ///
    /// The system has no threads to give.
    pub fn start(
        engine: &EngineHandle,
        feed: EventFeed,
        options: PlainOptions,
    ) -> io::Result<Self> {
        let (lines, received) = blocking::channel::<String>();
        let writer = FrontThread::start("pitcrew-notices", move || {
            write_notices(&received, options.before_write);
        })?;
        let (gone, closed) = oneshot::channel();
        let start = |style| {
            let printer = Printer::new(engine, style, lines.clone());
            FrontThread::start("pitcrew-lines", move || {
                if printer
                    .print_all(GatedWriter(io::stdout().lock(), options.before_write))
                    .is_err()
                {
                    _ = gone.send(());
                }
            })
        };
        let printer = options.lines.map(start).transpose()?;
        let teller = NoticePrinter::new(engine, options, lines);
        let (done, finished) = oneshot::channel();
        let teller = tokio::spawn(tell(engine.clone(), feed, finished, teller));
        Ok(Self { printer, teller, done, writer, closed: Some(closed) })
    }

    /// Ends well when stdout has lost its reader; to be taken once.
    pub fn closed(&mut self) -> Option<oneshot::Receiver<()>> {
        self.closed.take()
    }

    /// After the end of the engine: waits until everything that was told so far is shown, as long as
    /// that takes.
    pub async fn finish(self) {
        _ = self.done.send(());
        _ = self.teller.await;
        if let Some(printer) = self.printer {
            printer.done().await;
        }
        self.writer.done().await;
    }
}

/// Puts notices on stderr, whole lines at a time; those that have come meanwhile in one go.
fn write_notices(lines: &blocking::Receiver<String>, before_write: Option<fn()>) {
    const MOST: usize = 64 << 10;
    let mut stderr = GatedWriter(io::stderr(), before_write);
    while let Ok(mut text) = lines.recv() {
        text.push('\n');
        while text.len() < MOST
            && let Ok(line) = lines.try_recv()
        {
            text.push_str(&line);
            text.push('\n');
        }
        _ = stderr.write_all(text.as_bytes());
    }
}

/// A writer that waits until it may write.
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

/// Turns events, notices and the way down into lines.
async fn tell(
    engine: EngineHandle,
    feed: EventFeed,
    mut finished: oneshot::Receiver<()>,
    mut teller: NoticePrinter,
) {
    let EventFeed { mut events, mut notices } = feed;
    let mut snapshots = engine.snapshots();
    let mut phase = ProjectPhase::Up;
    let mut remind = tokio::time::interval(REMIND);
    loop {
        tokio::select! {
            biased;
            Some(event) = events.recv() => teller.event(&event),
            Some(notice) = notices.recv() => teller.notice(&notice),
            Ok(()) = snapshots.changed() => {
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                if snapshot.phase != phase {
                    phase = snapshot.phase.clone();
                    teller.going_down(&snapshot, engine.clock().now());
                    remind.reset();
                }
            },
            _ = &mut finished => return teller.ended(&engine.snapshot()),
            _ = remind.tick(), if phase != ProjectPhase::Up => {
                let snapshot = Arc::clone(&snapshots.borrow());
                teller.still_there(&snapshot, engine.clock().now());
            }
        }
    }
}
