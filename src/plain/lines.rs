//! Prints process output as `NAME | text` on stdout.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::engine::EngineHandle;
use crate::machine::Moment;
use crate::output::{
    DroppedLines, LogStore, ReadFrom, ReadLimit, Reader, SliceLine, SourceId, SourceSelection,
    StyleMode, WakeReason, safe_line,
};
use crate::spec::{counted, io_error_text};

/// Colours of the names, in turn.
const PALETTE: [&str; 8] = ["36", "33", "32", "35", "34", "96", "93", "92"];
/// The size of a batch in bytes for a fast reader.
const MAX_BATCH: usize = 1 << 20;
/// The size of a batch for a slow reader, such as a slow terminal.
const MIN_BATCH: usize = 16 << 10;
/// A batch that takes longer becomes smaller, because nothing else can be shown meanwhile.
const SLOW: Duration = Duration::from_millis(20);
/// A batch that takes less may become larger.
const FAST: Duration = Duration::from_millis(5);
/// The interval of notices about lines that were not shown.
const NOTICE_INTERVAL: Duration = Duration::from_secs(1);

/// How lines look.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineStyle {
    /// Stdout is a terminal: the text is made safe for it.
    pub terminal: bool,
    /// Names are in colour, and colours of the output are kept.
    pub colour: bool,
    /// Each line begins with its time of arrival.
    pub timestamps: bool,
}

/// Prints the stored output in order of arrival; processes take turns while there is more than can
/// be shown.
pub(super) struct LinePrinter {
    store: Arc<LogStore>,
    reader: Reader,
    style: LineStyle,
    width: usize,
    zone: TimeZone,
    notices: Sender<String>,
    labels: Vec<Option<String>>,
    now: Box<dyn Fn() -> Moment + Send>,
    batch: BatchSize,
    skipped: SkippedLines,
}

/// The number of bytes that are written at a time, adapted to the speed of the reader.
struct BatchSize(usize);

impl BatchSize {
    fn limit(&self) -> ReadLimit {
        ReadLimit { lines: self.0 / 100, bytes: self.0 }
    }

    /// Adapts to a write of `bytes` that took `time`.
    fn adapt(&mut self, bytes: usize, time: Duration) {
        if time > SLOW {
            self.0 = (self.0 / 2).max(MIN_BATCH);
        } else if time < FAST && bytes >= self.0 / 2 {
            self.0 = (self.0 * 2).min(MAX_BATCH);
        }
    }
}

/// Lines that were dropped before they could be shown, collected for the next notice.
#[derive(Default)]
struct SkippedLines {
    lines: BTreeMap<SourceId, u64>,
    last_notice: Option<Moment>,
}

impl SkippedLines {
    fn add(&mut self, missed: &[DroppedLines]) {
        for dropped in missed {
            *self.lines.entry(dropped.source).or_default() += dropped.lines;
        }
    }

    /// The time until the next notice; `None` if no lines were skipped.
    fn due(&self, now: Moment) -> Option<Duration> {
        let wait = self.last_notice.map_or(Duration::ZERO, |last| {
            NOTICE_INTERVAL.saturating_sub(now.since_start().saturating_sub(last.since_start()))
        });
        (!self.lines.is_empty()).then_some(wait)
    }

    fn take(&mut self, now: Moment) -> BTreeMap<SourceId, u64> {
        if !self.lines.is_empty() {
            self.last_notice = Some(now);
        }
        std::mem::take(&mut self.lines)
    }
}

impl LinePrinter {
    pub(super) fn new(engine: &EngineHandle, style: LineStyle, notices: Sender<String>) -> Self {
        let (store, clock) = (Arc::clone(engine.store()), engine.clock().clone());
        let snapshot = engine.snapshot();
        let width =
            snapshot.processes.iter().map(|view| view.name.as_str().len()).max().unwrap_or(0);
        Self {
            reader: store.reader(SourceSelection::All, ReadFrom::Oldest),
            store,
            style,
            width,
            zone: TimeZone::system(),
            notices,
            labels: Vec::new(),
            now: Box::new(move || clock.now()),
            batch: BatchSize(MIN_BATCH),
            skipped: SkippedLines::default(),
        }
    }

    /// Prints until the store is closed and everything is printed; fails when the reader is gone.
    ///
    /// Any other error, such as a full disk, is reported once and loses the lines that arrive
    /// meanwhile: it does not end the processes.
    pub(super) fn print_all(mut self, mut to: impl Write) -> io::Result<()> {
        let mut text = Vec::new();
        let mut is_failing = false;
        loop {
            let newer = self.reader.wait_newer(self.skipped.due((self.now)()));
            if newer != Some(WakeReason::Lines)
                || self.skipped.due((self.now)()) == Some(Duration::ZERO)
            {
                self.report_skipped();
            }
            let Some(newer) = newer else { continue };
            let slice = self.reader.read_by_turns(self.batch.limit());
            self.skipped.add(slice.missed());
            text.clear();
            for line in slice.lines() {
                self.push(&mut text, &line);
            }
            let before = (self.now)();
            let written = to.write_all(&text).and_then(|()| to.flush());
            let after = (self.now)();
            let time = after.since_start().saturating_sub(before.since_start());
            self.batch.adapt(text.len(), time);
            match written {
                Ok(()) => is_failing &= text.is_empty(),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(error),
                Err(error) if !std::mem::replace(&mut is_failing, true) => {
                    let text = format!(
                        "pitcrew | cannot write to stdout: {}; lines are missing there until \
                         it works again",
                        io_error_text(&error)
                    );
                    _ = self.notices.send(text);
                }
                Err(_) => {}
            }
            if newer == WakeReason::Closed && slice.is_empty() {
                self.report_skipped();
                return Ok(());
            }
        }
    }

    fn report_skipped(&mut self) {
        for (source, lines) in self.skipped.take((self.now)()) {
            let name = self.store.name(source).map_or_else(String::new, |name| name.to_string());
            let count = counted(lines, "line");
            let text = format!("pitcrew | {name}: {count} not shown, the reader is too slow");
            _ = self.notices.send(text);
        }
    }

    fn push(&mut self, text: &mut Vec<u8>, line: &SliceLine<'_>) {
        if self.style.timestamps {
            let at = line.at.to_zoned_datetime(self.zone.clone());
            _ = write!(text, "{} ", at.strftime("%H:%M:%S%.3f"));
        }
        let label = self.label(line.source);
        text.extend_from_slice(label.as_bytes());
        push_line(text, line.bytes, self.style);
    }

    /// The label of a source, such as `web    | `.
    fn label(&mut self, source: SourceId) -> &str {
        let index = source.index();
        if self.labels.len() <= index {
            self.labels.resize(index + 1, None);
        }
        let (store, style, width) = (&self.store, self.style, self.width);
        let Some(label) = self.labels.get_mut(index) else { return "" };
        label.get_or_insert_with(|| {
            let name = store.name(source).map_or_else(String::new, |name| name.to_string());
            format_label(&name, index, width, style.colour)
        })
    }
}

/// Formats the label of the process with this number: its name padded, in colour, and a bar.
pub(crate) fn format_label(name: &str, index: usize, width: usize, colour: bool) -> String {
    if colour {
        let colour = PALETTE.get(index % PALETTE.len()).copied().unwrap_or("0");
        format!("\x1b[{colour}m{name:width$} |\x1b[0m ")
    } else {
        format!("{name:width$} | ")
    }
}

/// Appends a line, on a terminal made safe, elsewhere unchanged; adds a missing newline.
pub(crate) fn push_line(text: &mut Vec<u8>, bytes: &[u8], style: LineStyle) {
    if style.terminal {
        let styles = if style.colour { StyleMode::Keep } else { StyleMode::Drop };
        text.extend_from_slice(safe_line(bytes, styles).as_bytes());
        text.push(b'\n');
    } else {
        text.extend_from_slice(bytes);
        if bytes.last() != Some(&b'\n') {
            text.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::channel;

    use super::*;
    use crate::engine::Clock;
    use crate::output::{LineSplitter, Stream};
    use crate::spec::{Name, OutputLimits};

    /// Refuses the first write for this reason, then takes everything.
    struct Refuses<'a>(Option<io::ErrorKind>, &'a mut Vec<u8>);

    impl Write for Refuses<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.take() {
                Some(kind) => Err(kind.into()),
                None => self.1.write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printer(store: &Arc<LogStore>, reader: Reader, notices: Sender<String>) -> LinePrinter {
        LinePrinter {
            reader,
            store: Arc::clone(store),
            style: LineStyle::default(),
            width: 3,
            zone: TimeZone::UTC,
            notices,
            labels: Vec::new(),
            now: Box::new(Moment::default),
            batch: BatchSize(MIN_BATCH),
            skipped: SkippedLines::default(),
        }
    }

    /// Prints one line to a writer that refuses its first write; gives the notices too.
    fn print(refused: io::ErrorKind) -> (io::Result<()>, Vec<String>) {
        let store = LogStore::new(OutputLimits::default());
        let source = store.source(&Name::new("web"));
        LineSplitter::new(&store, source, 1, None).push(Stream::Out, b"one\n", Clock::wall());
        store.close();
        let (notices, printed) = channel();
        let reader = store.reader(SourceSelection::All, ReadFrom::Oldest);
        let ended =
            printer(&store, reader, notices).print_all(Refuses(Some(refused), &mut Vec::new()));
        (ended, printed.into_iter().collect())
    }

    #[test]
    fn a_full_disk_under_stdout_is_reported_and_stops_nothing() {
        let (ended, printed) = print(io::ErrorKind::StorageFull);
        assert!(ended.is_ok());
        let [printed] = printed.as_slice() else { panic!("{printed:?}") };
        assert!(printed.starts_with("pitcrew | cannot write to stdout: "), "{printed}");
    }

    #[test]
    fn a_reader_that_is_gone_ends_the_printing() {
        let (ended, printed) = print(io::ErrorKind::BrokenPipe);
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(printed.is_empty(), "{printed:?}");
    }

    #[test]
    fn a_portion_is_what_is_taken_in_a_moment() {
        let mut batch = BatchSize(MIN_BATCH);
        // A terminal that takes 10 MB/s, then a program that takes 500.
        for (rate, wanted) in [(10_000, 32 << 10..300 << 10), (500_000, MAX_BATCH..MAX_BATCH + 1)] {
            for _ in 0..20 {
                let bytes = batch.0;
                batch.adapt(bytes, Duration::from_millis((bytes / rate) as u64));
            }
            assert!(wanted.contains(&batch.0), "{}", batch.0);
        }
        // A small amount proves nothing: no reader is too slow for it.
        batch.adapt(100, Duration::ZERO);
        (0..20).for_each(|_| batch.adapt(100, Duration::from_secs(1)));
        batch.adapt(100, Duration::ZERO);
        assert_eq!((batch.0, batch.limit().lines), (MIN_BATCH, 163));
    }

    #[test]
    fn missed_lines_are_reported_completely_and_once() {
        let store = LogStore::new(OutputLimits { memory: 64 << 10, ..OutputLimits::default() });
        let source = store.source(&Name::new("web"));
        let reader = store.reader(SourceSelection::All, ReadFrom::Oldest);
        let mut splitter = LineSplitter::new(&store, source, 1, None);
        splitter.push(Stream::Out, &b"one\n".repeat(100_000), Clock::wall());
        store.close();
        let (notices, printed) = channel();
        let mut shown = Vec::new();
        printer(&store, reader, notices).print_all(&mut shown).unwrap();
        let shown = memchr::memchr_iter(b'\n', &shown).count() as u64;
        let missing = counted(100_000 - shown, "line");
        let wanted = format!("pitcrew | web: {missing} not shown, the reader is too slow");
        assert_eq!(printed.into_iter().collect::<Vec<_>>(), [wanted]);
    }
}
