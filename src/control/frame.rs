//! Encodings of output lines on the socket: JSON for other clients, and binary frames for pitcrew's own
//! commands, which are several times cheaper on both sides.
//!
//! A frame is a little-endian header of fixed length, and a payload. Its kind is a name (sent before the
//! first line of each source), a line, or a number of lines that were dropped.

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

/// Length of a header: length of the payload (4), source (4), number (8), kind (1).
const HEADER_LENGTH: usize = 4 + 4 + 8 + 1;

const NAME: u8 = 0;
const OUT: u8 = 1;
const ERR: u8 = 2;
const MISSED: u8 = 3;

/// The encoding of output lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFormat {
    /// JSON lines.
    Json,
    /// Binary frames, which [`FrameReader`] reads.
    Frames,
}

/// Encodes lines.
pub(super) struct LineEncoder {
    format: LineFormat,
    store: Arc<LogStore>,
    /// The number in the encoding and the name of each source that was used.
    names: HashMap<SourceId, (u32, String)>,
    /// The last formatted time, in milliseconds and as text, because many lines have the same one.
    time: (i64, String),
}

impl LineEncoder {
    pub(super) fn new(format: LineFormat, store: Arc<LogStore>) -> Self {
        Self { format, store, names: HashMap::new(), time: (i64::MIN, String::new()) }
    }

    pub(super) fn push_line(&mut self, into: &mut Vec<u8>, line: &SliceLine<'_>) {
        let number = self.source_number(into, line.source);
        match self.format {
            LineFormat::Frames => {
                let kind = if line.stream == Stream::Err { ERR } else { OUT };
                push_header(into, line.bytes.len(), number, line.seq, kind);
                into.extend_from_slice(line.bytes);
            }
            LineFormat::Json => {
                let (names, time) = (&self.names, format_time(&mut self.time, line.at));
                let name = names.get(&line.source).map_or("", |(_, name)| name);
                push_json(into, &JsonLine::new(name, time, line));
            }
        }
    }

    pub(super) fn push_missed(&mut self, into: &mut Vec<u8>, source: SourceId, lines: u64) {
        let number = self.source_number(into, source);
        match self.format {
            LineFormat::Frames => push_header(into, 0, number, lines, MISSED),
            LineFormat::Json => {
                let name = self.names.get(&source).map_or("", |(_, name)| name);
                push_json(into, &serde_json::json!({ "name": name, "lines": lines }));
            }
        }
    }

    /// Returns the number of a source; pushes its name the first time.
    fn source_number(&mut self, into: &mut Vec<u8>, source: SourceId) -> u32 {
        if let Some((number, _)) = self.names.get(&source) {
            return *number;
        }
        let number = self.names.len() as u32;
        let name = self.store.name(source).map_or_else(String::new, |name| name.to_string());
        if self.format == LineFormat::Frames {
            push_header(into, name.len(), number, 0, NAME);
            into.extend_from_slice(name.as_bytes());
        }
        self.names.insert(source, (number, name));
        number
    }
}

fn push_json(into: &mut Vec<u8>, value: &impl Serialize) {
    if serde_json::to_writer(&mut *into, value).is_ok() {
        into.push(b'\n');
    }
}

fn format_time(last: &mut (i64, String), at: Timestamp) -> &str {
    let ms = at.as_millisecond();
    if last.0 != ms {
        *last = (ms, format!("{at:.3}"));
    }
    &last.1
}

fn push_header(into: &mut Vec<u8>, length: usize, source: u32, number: u64, kind: u8) {
    into.extend_from_slice(&(length as u32).to_le_bytes());
    into.extend_from_slice(&source.to_le_bytes());
    into.extend_from_slice(&number.to_le_bytes());
    into.push(kind);
}

/// A line as JSON with the fields of [`OutputLine`](super::wire::OutputLine), without copying the text.
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

    /// A line of which only the name and the bytes are known.
    fn bare(name: &'a str, bytes: &'a [u8]) -> Self {
        let without_newline = bytes.strip_suffix(b"\n");
        let bytes = without_newline.unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).ok();
        Self {
            seq: None,
            time: None,
            name,
            run: None,
            stream: None,
            text,
            base64: text.is_none().then(|| BASE64_STANDARD.encode(bytes)),
            partial: without_newline.is_none(),
        }
    }
}

/// Pushes a line of a log file as JSON; a log file has neither times nor streams.
pub fn push_log_file_line(into: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    push_json(into, &JsonLine::bare(name, bytes));
}

/// A frame of the output stream.
#[derive(Debug, PartialEq, Eq)]
pub enum OutputFrame<'a> {
    Line {
        /// Name of the process, such as `worker.1`.
        name: &'a str,
        /// The line as it was printed, with its newline if it has one.
        bytes: &'a [u8],
    },
    /// Lines of this process were dropped from the store before they could be sent.
    Missed { name: &'a str, lines: u64 },
}

/// Decoder for frames that arrive in chunks of any size.
#[derive(Debug, Default)]
pub struct FrameReader {
    /// The beginning of an incomplete frame.
    rest: Vec<u8>,
    names: Vec<String>,
}

impl FrameReader {
    /// Reads the next bytes, and calls `on_frame` with each complete frame.
    pub fn read(&mut self, bytes: &[u8], mut on_frame: impl FnMut(OutputFrame<'_>)) {
        // Most chunks contain complete frames, which are decoded without a copy.
        let mut rest = std::mem::take(&mut self.rest);
        let used = if rest.is_empty() {
            self.read_complete(bytes, &mut on_frame)
        } else {
            rest.extend_from_slice(bytes);
            self.read_complete(&rest, &mut on_frame)
        };
        if rest.is_empty() {
            rest.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            rest.drain(..used);
        }
        self.rest = rest;
    }

    /// Calls `on_frame` with the complete frames, and returns their length in bytes.
    fn read_complete(&mut self, bytes: &[u8], on_frame: &mut impl FnMut(OutputFrame<'_>)) -> usize {
        let mut used = 0;
        while let Some((header, rest)) = bytes.get(used..).and_then(FrameHeader::read) {
            let Some(bytes) = rest.get(..header.length) else { break };
            used += HEADER_LENGTH + header.length;
            if header.kind == NAME {
                self.names.push(String::from_utf8_lossy(bytes).into_owned());
                continue;
            }
            let name = self.names.get(header.source).map_or("", String::as_str);
            on_frame(match header.kind {
                MISSED => OutputFrame::Missed { name, lines: header.number },
                _ => OutputFrame::Line { name, bytes },
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
    /// Splits off the header at the start.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (source, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let header = Self {
            length: u32::from_le_bytes(*length) as usize,
            source: u32::from_le_bytes(*source) as usize,
            number: u64::from_le_bytes(*number),
            kind: *kind,
        };
        Some((header, rest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::wire::OutputLine;
    use super::*;
    use crate::output::LineSplitter;
    use crate::spec::{Name, OutputLimits};

    /// A store with these lines, each printed by the process with its number.
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

    fn encoded(format: LineFormat, store: &Arc<LogStore>) -> Vec<u8> {
        let slice = store.tail(&crate::output::SourceSelection::All, usize::MAX);
        let (mut encoder, mut text) = (LineEncoder::new(format, Arc::clone(store)), Vec::new());
        for line in slice.lines() {
            encoder.push_line(&mut text, &line);
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
            for chunk in bytes.chunks(cut) {
                frames.read(chunk, |frame| match frame {
                    OutputFrame::Line { name, bytes } => got.push((name.to_owned(), bytes.to_vec())),
                    OutputFrame::Missed { .. } => unreachable!("nothing is missed"),
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
            for chunk in bytes.chunks(7) {
                frames.read(chunk, |_| {});
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
        LineEncoder::new(LineFormat::Json, Arc::clone(&store)).push_missed(&mut text, source, 7);
        assert_eq!(text, b"{\"name\":\"p1\",\"lines\":7}\n");
        let (mut bytes, mut frames) = (Vec::new(), 0);
        LineEncoder::new(LineFormat::Frames, store).push_missed(&mut bytes, source, 7);
        FrameReader::default().read(&bytes, |frame| {
            assert_eq!(frame, OutputFrame::Missed { name: "p1", lines: 7 });
            frames += 1;
        });
        assert_eq!(frames, 1);
    }
}
