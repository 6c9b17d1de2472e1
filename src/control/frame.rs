//! Line encodings of the socket: JSON for other clients, and frames for our own commands, which are
//! several times cheaper on both sides.
//!
//! A frame is a head of fixed length, little-endian, and bytes: a name (told before the first line
//! of each source), a line, or how many lines of a source are not kept any more.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use crate::output::{LogStore, SliceLine, SourceId, Stream};

/// The media type of frames.
pub(super) const FRAMES: &str = "application/vnd.pitcrew.lines";
/// The media type of JSON lines.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// Length of a head: length of the bytes (4), source (4), number (8), kind (1).
const HEAD: usize = 4 + 4 + 8 + 1;

const NAME: u8 = 0;
const OUT: u8 = 1;
const ERR: u8 = 2;
const MISSED: u8 = 3;

/// In which form lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    /// For whoever asks.
    Json,
    /// For our own commands.
    Frames,
}

/// Writes lines in one of the forms.
pub(super) struct LineEncoder {
    form: LineFormat,
    store: Arc<LogStore>,
    /// Sources that have a number, and what they are called.
    names: HashMap<SourceId, (u32, String)>,
    /// The last time that was written, as many lines come in the same millisecond.
    time: (i64, String),
}

impl LineEncoder {
    pub(super) fn new(form: LineFormat, store: Arc<LogStore>) -> Self {
        Self { form, store, names: HashMap::new(), time: (i64::MIN, String::new()) }
    }

    pub(super) fn line(&mut self, into: &mut Vec<u8>, line: &SliceLine<'_>) {
        let number = self.meet(into, line.source);
        match self.form {
            LineFormat::Frames => {
                let kind = if line.stream == Stream::Err { ERR } else { OUT };
                head(into, line.bytes.len(), number, line.seq, kind);
                into.extend_from_slice(line.bytes);
            }
            LineFormat::Json => {
                let (names, time) = (&self.names, time(&mut self.time, line.at));
                let name = names.get(&line.source).map_or("", |(_, name)| name);
                json(into, &JsonLine::new(name, time, line));
            }
        }
    }

    pub(super) fn missed(&mut self, into: &mut Vec<u8>, source: SourceId, lines: u64) {
        let number = self.meet(into, source);
        match self.form {
            LineFormat::Frames => head(into, 0, number, lines, MISSED),
            LineFormat::Json => {
                let name = self.names.get(&source).map_or("", |(_, name)| name);
                json(into, &serde_json::json!({ "name": name, "lines": lines }));
            }
        }
    }

    /// The number of a source; tells its name the first time.
    fn meet(&mut self, into: &mut Vec<u8>, source: SourceId) -> u32 {
        if let Some((number, _)) = self.names.get(&source) {
            return *number;
        }
        let number = self.names.len() as u32;
        let name = self.store.name(source).map_or_else(String::new, |name| name.to_string());
        if self.form == LineFormat::Frames {
            head(into, name.len(), number, 0, NAME);
            into.extend_from_slice(name.as_bytes());
        }
        self.names.insert(source, (number, name));
        number
    }
}

fn json(into: &mut Vec<u8>, value: &impl Serialize) {
    if serde_json::to_writer(&mut *into, value).is_ok() {
        into.push(b'\n');
    }
}

fn time(last: &mut (i64, String), at: Timestamp) -> &str {
    let ms = at.as_millisecond();
    if last.0 != ms {
        *last = (ms, format!("{at:.3}"));
    }
    &last.1
}

fn head(into: &mut Vec<u8>, length: usize, source: u32, number: u64, kind: u8) {
    into.extend_from_slice(&(length as u32).to_le_bytes());
    into.extend_from_slice(&source.to_le_bytes());
    into.extend_from_slice(&number.to_le_bytes());
    into.push(kind);
}

/// A line as JSON; the fields are those of [`LineOf`](super::wire::OutputLine).
#[derive(Serialize)]
struct JsonLine<'a> {
    seq: Option<u64>,
    time: Option<&'a str>,
    name: &'a str,
    run: Option<u32>,
    stream: Option<Stream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
}

impl<'a> JsonLine<'a> {
    fn new(name: &'a str, time: &'a str, line: &SliceLine<'a>) -> Self {
        Self {
            seq: Some(line.seq),
            time: Some(time),
            run: Some(line.run),
            stream: Some(line.stream),
            ..Self::bare(name, line.bytes)
        }
    }

    /// One of which no more is known.
    fn bare(name: &'a str, bytes: &'a [u8]) -> Self {
        let whole = bytes.strip_suffix(b"\n");
        let bytes = whole.unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).ok();
        Self {
            seq: None,
            time: None,
            name,
            run: None,
            stream: None,
            text,
            base64: text.is_none().then(|| BASE64_STANDARD.encode(bytes)),
            partial: whole.is_none(),
        }
    }
}

/// Writes a line of a log file as JSON, which knows neither when it came nor on which output.
pub fn put_bare_line(into: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    json(into, &JsonLine::bare(name, bytes));
}

#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Line {
        /// `worker.1`
        name: &'a str,
        /// As it came, its newline included where it has one.
        bytes: &'a [u8],
    },
    /// Lines of this process are not kept any more; they were dropped before they could be sent.
    Missed { name: &'a str, lines: u64 },
}

/// Reads frames, however they are cut into pieces on their way.
#[derive(Debug, Default)]
pub struct FrameReader {
    /// Begins with a frame.
    rest: Vec<u8>,
    names: Vec<String>,
}

impl FrameReader {
    /// Takes the next bytes and passes on what is whole.
    pub fn read(&mut self, bytes: &[u8], mut take: impl FnMut(Frame<'_>)) {
        // Most come as whole frames, which are not copied.
        let mut rest = std::mem::take(&mut self.rest);
        let used = if rest.is_empty() {
            self.pass(bytes, &mut take)
        } else {
            rest.extend_from_slice(bytes);
            self.pass(&rest, &mut take)
        };
        if rest.is_empty() {
            rest.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            rest.drain(..used);
        }
        self.rest = rest;
    }

    /// Passes on the whole frames; gives how many bytes they are.
    fn pass(&mut self, bytes: &[u8], take: &mut impl FnMut(Frame<'_>)) -> usize {
        let mut used = 0;
        while let Some((head, rest)) = bytes.get(used..).and_then(FrameHeader::read) {
            let Some(bytes) = rest.get(..head.length) else { break };
            used += HEAD + head.length;
            if head.kind == NAME {
                self.names.push(String::from_utf8_lossy(bytes).into_owned());
                continue;
            }
            let name = self.names.get(head.source).map_or("", String::as_str);
            take(match head.kind {
                MISSED => Frame::Missed { name, lines: head.number },
                _ => Frame::Line { name, bytes },
            });
        }
        used
    }
}

struct FrameHeader {
    length: usize,
    source: usize,
    number: u64,
    kind: u8,
}

impl FrameHeader {
    /// The head at the beginning, and what comes after it.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (source, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let head = Self {
            length: u32::from_le_bytes(*length) as usize,
            source: u32::from_le_bytes(*source) as usize,
            number: u64::from_le_bytes(*number),
            kind: *kind,
        };
        Some((head, rest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::wire::OutputLine;
    use super::*;
    use crate::output::LineSplitter;
    use crate::spec::{Name, OutputLimits};

    /// A store in which each of these was printed by the process of its number.
    fn store(lines: &[(u8, Vec<u8>)]) -> Arc<LogStore> {
        let store = LogStore::new(OutputLimits::default());
        for (who, bytes) in lines {
            let source = store.source(&Name::new(&format!("p{who}")));
            let mut intake = LineSplitter::new(&store, source, 1, None);
            let mut bytes = bytes.clone();
            bytes.push(b'\n');
            intake.push(Stream::Out, &bytes, Timestamp::UNIX_EPOCH);
        }
        store
    }

    fn encoded(form: LineFormat, store: &Arc<LogStore>) -> Vec<u8> {
        let slice = store.tail(&crate::output::SourceSelection::All, usize::MAX);
        let (mut encoder, mut text) = (LineEncoder::new(form, Arc::clone(store)), Vec::new());
        for line in slice.lines() {
            encoder.line(&mut text, &line);
        }
        text
    }

    fn hostile() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
        let line = prop::collection::vec(any::<u8>().prop_filter("no end", |b| *b != b'\n'), 0..40);
        prop::collection::vec((0..3_u8, line), 0..20)
    }

    proptest! {
        #[test]
        fn frames_give_the_same_lines_however_they_are_cut(
            lines in hostile(), cut in 1..50_usize,
        ) {
            let bytes = encoded(LineFormat::Frames, &store(&lines));
            let (mut frames, mut got) = (FrameReader::default(), Vec::new());
            for piece in bytes.chunks(cut) {
                frames.read(piece, |piece| match piece {
                    Frame::Line { name, bytes } => got.push((name.to_owned(), bytes.to_vec())),
                    Frame::Missed { .. } => unreachable!("nothing is missed"),
                });
            }
            let whole = |(who, mut bytes): (u8, Vec<u8>)| {
                bytes.push(b'\n');
                (format!("p{who}"), bytes)
            };
            prop_assert_eq!(got, lines.into_iter().map(whole).collect::<Vec<_>>());
        }

        #[test]
        fn nonsense_is_no_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut frames = FrameReader::default();
            for piece in bytes.chunks(7) {
                frames.read(piece, |_| {});
            }
        }

        #[test]
        fn the_json_is_that_of_the_document(lines in hostile()) {
            let store = store(&lines);
            let text = String::from_utf8(encoded(LineFormat::Json, &store)).unwrap();
            let slice = store.tail(&crate::output::SourceSelection::All, usize::MAX);
            let names = |source| store.name(source).unwrap().to_string();
            let plain: Vec<String> = slice
                .lines()
                .map(|line| OutputLine::new(names(line.source), &line))
                .map(|line| serde_json::to_string(&line).unwrap())
                .collect();
            prop_assert_eq!(text.lines().collect::<Vec<_>>(), plain);
        }
    }

    #[test]
    fn what_is_missed_is_said_in_both_forms() {
        let store = store(&[(1, b"x".to_vec())]);
        let source = store.source(&Name::new("p1"));
        let mut text = Vec::new();
        LineEncoder::new(LineFormat::Json, Arc::clone(&store)).missed(&mut text, source, 7);
        assert_eq!(text, b"{\"name\":\"p1\",\"lines\":7}\n");
        let (mut bytes, mut said) = (Vec::new(), 0);
        LineEncoder::new(LineFormat::Frames, store).missed(&mut bytes, source, 7);
        FrameReader::default().read(&bytes, |piece| {
            assert_eq!(piece, Frame::Missed { name: "p1", lines: 7 });
            said += 1;
        });
        assert_eq!(said, 1);
    }
}
