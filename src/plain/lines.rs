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
use crate::spec::counted;

/// Colours of the names, one after the other.
const PALETTE: [&str; 8] = ["36", "33", "32", "35", "34", "96", "93", "92"];
/// Shown at once, in bytes, where it is taken fast.
const MOST: usize = 1 << 20;
/// The same where it is not, such as a slow terminal.
const LEAST: usize = 16 << 10;
/// Nothing else can be shown while a portion is written, so that is to take no longer.
const SLOW: Duration = Duration::from_millis(20);
/// Portions that take less may be larger.
const FAST: Duration = Duration::from_millis(5);
/// How often it is said how many lines were not shown.
const PACE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, Default)]
pub struct LineStyle {
    /// Stdout is a terminal: what is written is made safe for it.
    pub terminal: bool,
    /// Names and children's own colours are shown.
    pub colour: bool,
    /// Each line begins with the time it came.
    pub timestamps: bool,
}

/// Prints the kept output in the order it came; by turns while there is more than can be shown.
pub(super) struct Printer {
    store: Arc<LogStore>,
    reader: Reader,
    style: LineStyle,
    width: usize,
    zone: TimeZone,
    notices: Sender<String>,
    labels: Vec<Option<String>>,
    now: Box<dyn Fn() -> Moment + Send>,
    portion: PrintBatch,
    unshown: SkippedLines,
}

/// How much is shown at once: as much as whoever reads takes in a moment.
struct PrintBatch(usize);

impl PrintBatch {
    fn limit(&self) -> ReadLimit {
        ReadLimit { lines: self.0 / 100, bytes: self.0 }
    }

    /// So many bytes were written in so long a time.
    fn took(&mut self, bytes: usize, time: Duration) {
        if time > SLOW {
            self.0 = (self.0 / 2).max(LEAST);
        } else if time < FAST && bytes >= self.0 / 2 {
            self.0 = (self.0 * 2).min(MOST);
        }
    }
}

/// Lines that were dropped before they could be shown, gathered so that it is not said all the time.
#[derive(Default)]
struct SkippedLines {
    lines: BTreeMap<SourceId, u64>,
    told: Option<Moment>,
}

impl SkippedLines {
    fn add(&mut self, missed: &[DroppedLines]) {
        for one in missed {
            *self.lines.entry(one.source).or_default() += one.lines;
        }
    }

    /// How long until it is said; nothing when there is nothing to say.
    fn due(&self, now: Moment) -> Option<Duration> {
        let since = |told: Moment| now.since_start().saturating_sub(told.since_start());
        let wait = self.told.map_or(Duration::ZERO, |told| PACE.saturating_sub(since(told)));
        (!self.lines.is_empty()).then_some(wait)
    }

    fn take(&mut self, now: Moment) -> BTreeMap<SourceId, u64> {
        if !self.lines.is_empty() {
            self.told = Some(now);
        }
        std::mem::take(&mut self.lines)
    }
}

impl Printer {
    pub(super) fn new(engine: &EngineHandle, style: LineStyle, notices: Sender<String>) -> Self {
        let (store, clock) = (Arc::clone(engine.store()), engine.clock().clone());
        let snapshot = engine.snapshot();
        let width = snapshot.processes.iter().map(|one| one.name.as_str().len()).max().unwrap_or(0);
        Self {
            reader: store.reader(SourceSelection::All, ReadFrom::Oldest),
            store,
            style,
            width,
            zone: TimeZone::system(),
            notices,
            labels: Vec::new(),
            now: Box::new(move || clock.now()),
            portion: PrintBatch(LEAST),
            unshown: SkippedLines::default(),
        }
    }

    /// Prints until the store is closed and everything is printed; fails when nobody reads.
    ///
    /// Any other failure, such as a full disk, is told once and costs the lines that came meanwhile:
    /// what is shown is no reason to end the processes.
    pub(super) fn print_all(mut self, mut to: impl Write) -> io::Result<()> {
        let mut text = Vec::new();
        let mut is_failing = false;
        loop {
            let newer = self.reader.wait_newer(self.unshown.due((self.now)()));
            if newer != Some(WakeReason::Lines)
                || self.unshown.due((self.now)()) == Some(Duration::ZERO)
            {
                self.tell_unshown();
            }
            let Some(newer) = newer else { continue };
            let slice = self.reader.read_by_turns(self.portion.limit());
            self.unshown.add(slice.missed());
            text.clear();
            for line in slice.lines() {
                self.put(&mut text, &line);
            }
            let before = (self.now)();
            let written = to.write_all(&text).and_then(|()| to.flush());
            let after = (self.now)();
            let time = after.since_start().saturating_sub(before.since_start());
            self.portion.took(text.len(), time);
            match written {
                Ok(()) => is_failing &= text.is_empty(),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(error),
                Err(error) if !std::mem::replace(&mut is_failing, true) => {
                    let text = format!(
                        "pitcrew | cannot write to stdout: {error}; lines are missing there until \
                         it works again"
                    );
                    _ = self.notices.send(text);
                }
                Err(_) => {}
            }
            if newer == WakeReason::Closed && slice.is_empty() {
                self.tell_unshown();
                return Ok(());
            }
        }
    }

    fn tell_unshown(&mut self) {
        for (source, lines) in self.unshown.take((self.now)()) {
            let name = self.store.name(source).map_or_else(String::new, |name| name.to_string());
            let count = counted(lines, "line");
            let text = format!("pitcrew | {name}: {count} not shown, the reader is too slow");
            _ = self.notices.send(text);
        }
    }

    fn put(&mut self, text: &mut Vec<u8>, line: &SliceLine<'_>) {
        if self.style.timestamps {
            let at = line.at.to_zoned_datetime(self.zone.clone());
            _ = write!(text, "{} ", at.strftime("%H:%M:%S%.3f"));
        }
        let label = self.label(line.source);
        text.extend_from_slice(label.as_bytes());
        put_text(text, line.bytes, self.style);
    }

    /// The name of a source, padded, coloured, and the bar.
    fn label(&mut self, source: SourceId) -> &str {
        let index = source.index();
        if self.labels.len() <= index {
            self.labels.resize(index + 1, None);
        }
        let (store, style, width) = (&self.store, self.style, self.width);
        let Some(label) = self.labels.get_mut(index) else { return "" };
        label.get_or_insert_with(|| {
            let name = store.name(source).map_or_else(String::new, |name| name.to_string());
            label_of(&name, index, width, style.colour)
        })
    }
}

/// The name of the process with this number, padded, coloured, and the bar.
pub(crate) fn label_of(name: &str, index: usize, width: usize, colour: bool) -> String {
    if colour {
        let colour = PALETTE.get(index % PALETTE.len()).copied().unwrap_or("0");
        format!("\x1b[{colour}m{name:width$} |\x1b[0m ")
    } else {
        format!("{name:width$} | ")
    }
}

/// One line; made safe for a terminal, else as it came, with an end of line where it has none.
pub(crate) fn put_text(text: &mut Vec<u8>, bytes: &[u8], style: LineStyle) {
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

    fn printer(store: &Arc<LogStore>, reader: Reader, notices: Sender<String>) -> Printer {
        Printer {
            reader,
            store: Arc::clone(store),
            style: LineStyle::default(),
            width: 3,
            zone: TimeZone::UTC,
            notices,
            labels: Vec::new(),
            now: Box::new(Moment::default),
            portion: PrintBatch(LEAST),
            unshown: SkippedLines::default(),
        }
    }

    /// Prints one line to a writer that refuses its first write; gives the notices too.
    fn print(refused: io::ErrorKind) -> (io::Result<()>, Vec<String>) {
        let store = LogStore::new(OutputLimits::default());
        let source = store.source(&Name::new("web"));
        LineSplitter::new(&store, source, 1, None).push(Stream::Out, b"one\n", Clock::wall());
        store.close();
        let (notices, told) = channel();
        let reader = store.reader(SourceSelection::All, ReadFrom::Oldest);
        let printer = printer(&store, reader, notices);
        let ended = printer.print_all(Refuses(Some(refused), &mut Vec::new()));
        (ended, told.into_iter().collect())
    }

    #[test]
    fn a_full_disk_under_stdout_is_told_and_ends_nothing() {
        let (ended, told) = print(io::ErrorKind::StorageFull);
        assert!(ended.is_ok());
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(told.starts_with("pitcrew | cannot write to stdout: "), "{told}");
    }

    #[test]
    fn a_reader_that_is_gone_ends_the_printing() {
        let (ended, told) = print(io::ErrorKind::BrokenPipe);
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn a_portion_is_what_is_taken_in_a_moment() {
        let mut portion = PrintBatch(LEAST);
        // A terminal that takes 10 MB/s, then a program that takes 500.
        for (rate, wanted) in [(10_000, 32 << 10..300 << 10), (500_000, MOST..MOST + 1)] {
            for _ in 0..20 {
                let bytes = portion.0;
                portion.took(bytes, Duration::from_millis((bytes / rate) as u64));
            }
            assert!(wanted.contains(&portion.0), "{}", portion.0);
        }
        // Little says nothing, and nobody is too slow for the least.
        portion.took(100, Duration::ZERO);
        (0..20).for_each(|_| portion.took(100, Duration::from_secs(1)));
        portion.took(100, Duration::ZERO);
        assert_eq!((portion.0, portion.limit().lines), (LEAST, 163));
    }

    #[test]
    fn what_was_not_shown_is_told_whole_and_once() {
        let store = LogStore::new(OutputLimits { memory: 64 << 10, ..OutputLimits::default() });
        let source = store.source(&Name::new("web"));
        let reader = store.reader(SourceSelection::All, ReadFrom::Oldest);
        let mut intake = LineSplitter::new(&store, source, 1, None);
        intake.push(Stream::Out, &b"one\n".repeat(100_000), Clock::wall());
        store.close();
        let (notices, told) = channel();
        let mut shown = Vec::new();
        printer(&store, reader, notices).print_all(&mut shown).unwrap();
        let shown = memchr::memchr_iter(b'\n', &shown).count() as u64;
        let missing = counted(100_000 - shown, "line");
        let wanted = format!("pitcrew | web: {missing} not shown, the reader is too slow");
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [wanted]);
    }
}
