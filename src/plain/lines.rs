//! What processes print, as `NAME | text` on stdout.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use jiff::tz::TimeZone;

use crate::output::{
    Limit, Line, LogStore, Newer, Reader, Selection, SourceId, Start, Styles, safe_line,
};
use crate::session::Session;

/// Colours of the names, one after the other.
const PALETTE: [&str; 8] = ["36", "33", "32", "35", "34", "96", "93", "92"];
/// Read from the store at once.
const CHUNK: Limit = Limit { lines: 10_000, bytes: 1 << 20 };

/// How lines look.
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
}

impl Printer {
    pub(super) fn new(session: &Session, style: LineStyle, notices: Sender<String>) -> Self {
        let store = Arc::clone(session.store());
        let snapshot = session.snapshot();
        let width = snapshot.processes.iter().map(|one| one.name.as_str().len()).max().unwrap_or(0);
        Self {
            reader: store.reader(Selection::All, Start::Oldest),
            store,
            style,
            width,
            zone: TimeZone::system(),
            notices,
            labels: Vec::new(),
        }
    }

    /// Prints until the store is closed and everything is printed; fails when nobody reads.
    ///
    /// Any other failure, such as a full disk, is told once and costs the lines that came meanwhile:
    /// what is shown is no reason to end the processes.
    pub(super) fn print_all(mut self, mut to: impl Write) -> io::Result<()> {
        let mut text = Vec::with_capacity(CHUNK.bytes + CHUNK.bytes / 4);
        let mut is_failing = false;
        loop {
            let Some(newer) = self.reader.wait_newer(None) else { continue };
            let slice = self.reader.read_by_turns(CHUNK);
            for missed in slice.missed() {
                let name = self.store.name(missed.source);
                let name = name.map_or_else(String::new, |name| name.to_string());
                let count = thousands(missed.lines);
                let text =
                    format!("pitcrew | {name}: {count} lines not shown, the reader is too slow");
                _ = self.notices.send(text);
            }
            text.clear();
            for line in slice.lines() {
                self.put(&mut text, &line);
            }
            match to.write_all(&text).and_then(|()| to.flush()) {
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
            if newer == Newer::Closed && slice.is_empty() {
                return Ok(());
            }
        }
    }

    fn put(&mut self, text: &mut Vec<u8>, line: &Line<'_>) {
        if self.style.timestamps {
            let at = line.at.to_zoned(self.zone.clone());
            _ = write!(text, "{} ", at.strftime("%H:%M:%S%.3f"));
        }
        let label = self.label(line.source);
        text.extend_from_slice(label.as_bytes());
        if self.style.terminal {
            let styles = if self.style.colour { Styles::Keep } else { Styles::Drop };
            text.extend_from_slice(safe_line(line.bytes, styles).as_bytes());
            text.push(b'\n');
        } else {
            text.extend_from_slice(line.bytes);
            if line.bytes.last() != Some(&b'\n') {
                text.push(b'\n');
            }
        }
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
            if style.colour {
                let colour = PALETTE.get(index % PALETTE.len()).copied().unwrap_or("0");
                format!("\x1b[{colour}m{name:width$} |\x1b[0m ")
            } else {
                format!("{name:width$} | ")
            }
        })
    }
}

/// `1234567` as `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::channel;

    use super::*;
    use crate::engine::Clock;
    use crate::output::{Intake, Stream};
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

    /// Prints one line to a writer that refuses its first write; gives the notices too.
    fn print(refused: io::ErrorKind) -> (io::Result<()>, Vec<String>) {
        let store = LogStore::new(OutputLimits::default());
        let source = store.source(&Name::new("web"));
        Intake::new(&store, source, 1, None).push(Stream::Out, b"one\n", Clock::wall());
        store.close();
        let (notices, told) = channel();
        let printer = Printer {
            reader: store.reader(Selection::All, Start::Oldest),
            store,
            style: LineStyle::default(),
            width: 3,
            zone: TimeZone::UTC,
            notices,
            labels: Vec::new(),
        };
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
    fn numbers_are_grouped_by_thousands() {
        let numbers = [0, 999, 1000, 1_234_567];
        assert_eq!(numbers.map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
