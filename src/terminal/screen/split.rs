//! Splits what a child writes into the output for the log and what full-screen programs draw.

use std::ops::Range;

use super::emulator::{Emulator, incomplete};
use super::scan::{Found, Hit, Scanner, Start};

/// CAN: the parser drops the sequence it is in.
const CANCEL: &[u8] = b"\x18";

/// A part of what [`super::TerminalScreen::advance`] has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Bytes that were kept back at the end of an earlier chunk: output.
    Held(Vec<u8>),
    /// These bytes of the chunk: output, as it came while the primary screen was active.
    Output(Range<usize>),
    /// The alternate screen was entered: what follows is no output.
    AlternateEntered,
    /// It was left.
    AlternateLeft,
}

/// Feeds the emulator and cuts at switches of screens.
///
/// The sequence that switches belongs to neither part, even if it comes in pieces; for that, the
/// beginning of what can become one is kept back. So the log is the same for any cut into chunks.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    scanner: Scanner,
    held: Vec<u8>,
    is_alternate: bool,
}

impl Splitter {
    pub(super) fn advance(&mut self, emulator: &mut Emulator, bytes: &[u8]) -> Vec<Segment> {
        let mut segments = Vec::new();
        self.scanner.start_chunk();
        // How much the parser has got, and how much is dealt with for the log.
        let (mut fed, mut logged) = (0, 0);
        while let Some(hit) = self.scanner.next(bytes, fed) {
            let Hit { found, start, end } = hit;
            match found {
                Found::Repeat(count) => {
                    let enough = repeat_enough(emulator, count);
                    if enough < count {
                        // Not its last byte, so nothing is repeated; then less often.
                        feed(emulator, bytes, fed..end.saturating_sub(1));
                        emulator.feed(CANCEL);
                        emulator.feed(format!("\x1b[{enough}b").as_bytes());
                    } else {
                        feed(emulator, bytes, fed..end);
                    }
                }
                Found::Overlong => {
                    feed(emulator, bytes, fed..end);
                    emulator.feed(CANCEL);
                }
                Found::Skipped => {}
                Found::Modes
                | Found::Version
                | Found::PrivateStatus(_)
                | Found::SoftReset
                | Found::CursorStyleQuery
                | Found::SettingQuery
                | Found::CapabilityQuery => feed(emulator, bytes, fed..end),
            }
            fed = end;
            answer(emulator, found);
            let is_alternate = emulator.state().is_alternate();
            if is_alternate == self.is_alternate {
                continue;
            }
            self.is_alternate = is_alternate;
            if is_alternate {
                match start {
                    Start::Here(start) => {
                        self.release(&mut segments);
                        push(&mut segments, logged..start);
                    }
                    // All that was kept back is this sequence.
                    Start::Earlier => self.held.clear(),
                    Start::Unknown => {
                        self.release(&mut segments);
                        push(&mut segments, logged..end);
                    }
                }
                segments.push(Segment::AlternateEntered);
            } else {
                segments.push(Segment::AlternateLeft);
            }
            logged = end;
        }
        let rest = bytes.get(fed..).unwrap_or_default();
        if self.scanner.is_ground() {
            feed_text(emulator, rest);
        } else {
            emulator.feed(rest);
        }
        if !self.is_alternate {
            self.end_chunk(bytes, logged, &mut segments);
        }
        segments
    }

    fn end_chunk(&mut self, bytes: &[u8], logged: usize, segments: &mut Vec<Segment>) {
        match self.scanner.unfinished() {
            Some(Start::Here(start)) => {
                self.release(segments);
                push(segments, logged..start);
                self.held.extend_from_slice(bytes.get(start..).unwrap_or_default());
            }
            // It goes on for the whole of this chunk.
            Some(Start::Earlier) => {
                self.held.extend_from_slice(bytes.get(logged..).unwrap_or_default());
            }
            Some(Start::Unknown) | None => {
                self.release(segments);
                push(segments, logged..bytes.len());
            }
        }
    }

    fn release(&mut self, segments: &mut Vec<Segment>) {
        if !self.held.is_empty() {
            segments.push(Segment::Held(std::mem::take(&mut self.held)));
        }
    }

    /// What is left when no more comes.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Starts again with a new emulator, which is on the primary screen; the chunk of this length
    /// counts as output.
    pub(super) fn restart(&mut self, length: usize) -> Vec<Segment> {
        let mut segments = Vec::new();
        self.release(&mut segments);
        if std::mem::take(&mut self.is_alternate) {
            segments.push(Segment::AlternateLeft);
        }
        self.scanner = Scanner::default();
        push(&mut segments, 0..length);
        segments
    }
}

fn push(segments: &mut Vec<Segment>, range: Range<usize>) {
    if !range.is_empty() {
        segments.push(Segment::Output(range));
    }
}

fn feed(emulator: &mut Emulator, bytes: &[u8], range: Range<usize>) {
    if let Some(bytes) = bytes.get(range).filter(|bytes| !bytes.is_empty()) {
        emulator.feed(bytes);
    }
}

/// Feeds the end of a chunk but for the beginning of a character, which is kept. What is cut off
/// by that, being no whole character either, is replaced as the parser would.
fn feed_text(emulator: &mut Emulator, bytes: &[u8]) {
    let split = |bytes| {
        let length: usize = <[u8]>::len(bytes) - incomplete(bytes);
        bytes.split_at_checked(length).unwrap_or_default()
    };
    let (mut rest, partial) = split(bytes);
    let mut replaced = 0;
    while let (before, [_, ..]) = split(rest) {
        rest = before;
        replaced += 1;
    }
    emulator.feed(rest);
    for _ in 0..replaced {
        emulator.feed("\u{fffd}".as_bytes());
    }
    emulator.keep(partial);
}

/// How often a character has to be repeated to look as if it was repeated `count` times: a screen
/// full of it, with the cursor in the same column. Keeps 9 bytes from costing 65,535 steps.
fn repeat_enough(emulator: &Emulator, count: u16) -> u16 {
    let size = emulator.state().size();
    let (columns, count) = (u32::from(size.columns()), u32::from(count));
    let enough = columns * u32::from(size.rows()) + count % columns;
    u16::try_from(enough.min(count)).unwrap_or(u16::MAX)
}

fn answer(emulator: &mut Emulator, found: Found) {
    let state = emulator.state_mut();
    match found {
        Found::Version => state.report_version(),
        Found::PrivateStatus(number) => state.report_private_status(number),
        Found::SoftReset => state.soft_reset(),
        Found::CursorStyleQuery => state.report_cursor_style(),
        Found::SettingQuery => state.report_unknown('$'),
        Found::CapabilityQuery => state.report_unknown('+'),
        Found::Modes | Found::Repeat(_) | Found::Overlong | Found::Skipped => {}
    }
}
