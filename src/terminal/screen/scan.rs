//! Scanner for the escape sequences whose position or presence the emulator's parser does not
//! report: mode changes (a switch to the alternate screen), queries it drops, and endless strings.
//!
//! Follows the states of `vte`'s parser, so that both agree where a sequence ends. ESC starts a new
//! sequence in every state; CAN and SUB abort one.

use memchr::{memchr, memchr3};

/// Longest OSC string that reaches the parser, which itself has no limit: enough for 100 KiB of
/// clipboard in base64.
pub(super) const STRING_LIMIT: usize = 140_000;
/// Longest mode change that is kept out of the log when it switches screens.
const SWITCH_LIMIT: usize = 32;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;

/// What a sequence asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// `CSI ? … h`, `CSI ? … l` or `ESC c`: another screen may be active now.
    Modes,
    /// `CSI > q`: name and version of the terminal.
    Version,
    /// `CSI ? n`: a status report with this number.
    PrivateStatus(u16),
    /// `CSI ! p`: soft reset.
    SoftReset,
    /// `CSI n b`: repeats the last character.
    Repeat(u16),
    /// `DCS $ q SP q ST`: asks for the style of the cursor.
    CursorStyleQuery,
    /// `DCS $ q … ST`: asks for another setting.
    SettingQuery,
    /// `DCS + q … ST`: asks for a terminfo capability.
    CapabilityQuery,
    /// An OSC string has reached [`STRING_LIMIT`].
    Overlong,
    /// Bytes up to here belong to a string that was cut.
    Skipped,
}

/// Where a sequence began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At this offset of the chunk.
    Here(usize),
    /// In an earlier chunk.
    Earlier,
    /// Not known, as it is no plain mode change.
    Unknown,
}

/// A sequence, found at its last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) found: Found,
    pub(super) start: Start,
    /// Offset after the last byte.
    pub(super) end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ScanState {
    #[default]
    Ground,
    Escape,
    EscapeIntermediate,
    Csi(Phase),
    Osc,
    /// Before the final byte of a DCS.
    Dcs(Phase),
    /// After it.
    DcsText,
    /// SOS, PM or APC.
    Text,
    /// The rest of a string that was cut.
    Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Entry,
    Parameters,
    Intermediates,
    /// The parser drops this sequence.
    Ignored,
}

/// Length of a whole sequence of the kind that is most common, colours and moves, and of no interest
/// here. A third of the scanner's time is saved.
#[inline]
fn unremarkable(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"\x1b[")?;
    let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b';'))?;
    let last = rest.get(end)?;
    (matches!(last, b'@'..=b'~') && *last != b'b').then_some(end + 3)
}

#[derive(Debug, Default)]
pub(super) struct Scanner {
    state: ScanState,
    /// First byte of a CSI's parameters if it is one of `<=>?`.
    prefix: u8,
    /// The last intermediate byte and how many there were.
    intermediate: u8,
    intermediates: u8,
    /// The first parameter.
    number: u16,
    is_first: bool,
    /// Bytes of an OSC, or of the text of a DCS that asks for a setting, so far.
    string: usize,
    /// Length of the present sequence while it can be a plain mode change.
    plain: Option<usize>,
    /// Offset of its first byte in the present chunk.
    begin: Option<usize>,
    /// Kind of DCS.
    query: Option<Found>,
    /// The name of the setting that a DCS asks for, if it is not longer.
    setting: [u8; 2],
}

impl Scanner {
    /// Must be called before a new chunk is searched.
    pub(super) fn start_chunk(&mut self) {
        self.begin = None;
    }

    /// Whether the next byte is text.
    pub(super) fn is_ground(&self) -> bool {
        self.state == ScanState::Ground
    }

    /// Offset at which an unfinished sequence begins that can become a switch of screens, if the
    /// chunk ends in one.
    pub(super) fn unfinished(&self) -> Option<Start> {
        if !matches!(self.state, ScanState::Escape | ScanState::Csi(_)) {
            return None;
        }
        self.plain.map(|_| self.begin.map_or(Start::Earlier, Start::Here))
    }

    /// Finds the next sequence that ends at or after `from`.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8], from: usize) -> Option<Hit> {
        let mut at = from;
        while let Some(rest) = bytes.get(at..) {
            match self.state {
                ScanState::Ground => {
                    let escape = memchr(ESC, rest)?;
                    at += escape;
                    if let Some(length) = rest.get(escape..).and_then(unremarkable) {
                        at += length;
                        continue;
                    }
                    self.escape(at);
                    at += 1;
                }
                ScanState::Osc => {
                    let end = memchr3(ESC, BEL, CAN, rest);
                    let end = end.unwrap_or(rest.len());
                    let room = STRING_LIMIT.saturating_sub(self.string);
                    let end = memchr(SUB, rest.get(..end)?).unwrap_or(end);
                    if end > room {
                        self.state = ScanState::Skip;
                        return Some(self.hit(Found::Overlong, at + room));
                    }
                    self.string += end;
                    at += end;
                    let byte = *bytes.get(at)?;
                    if byte == ESC {
                        self.escape(at);
                    } else {
                        self.state = ScanState::Ground;
                    }
                    at += 1;
                }
                ScanState::Skip => {
                    let Some(end) = rest.iter().position(|b| matches!(*b, ESC | BEL | CAN | SUB))
                    else {
                        return (!rest.is_empty()).then(|| self.hit(Found::Skipped, bytes.len()));
                    };
                    self.state = ScanState::Ground;
                    let after = if rest.get(end) == Some(&ESC) { end } else { end + 1 };
                    return Some(self.hit(Found::Skipped, at + after));
                }
                ScanState::DcsText | ScanState::Text => {
                    let is_dcs = self.state == ScanState::DcsText;
                    let ends = |b: &u8| matches!(*b, ESC | CAN | SUB) || (is_dcs && *b == 0x9c);
                    let end = rest.iter().position(ends);
                    self.note_setting(rest.get(..end.unwrap_or(rest.len()))?);
                    at += end?;
                    let byte = *bytes.get(at)?;
                    let query = self.take_query();
                    if byte == ESC {
                        self.escape(at);
                    } else {
                        self.state = ScanState::Ground;
                    }
                    at += 1;
                    if let Some(found) = query.filter(|_| matches!(byte, ESC | 0x9c)) {
                        return Some(self.hit(found, at));
                    }
                }
                ScanState::Escape
                | ScanState::EscapeIntermediate
                | ScanState::Csi(_)
                | ScanState::Dcs(_) => {
                    let byte = *bytes.get(at)?;
                    let found = self.step(byte, at);
                    at += 1;
                    if let Some(found) = found {
                        return Some(self.hit(found, at));
                    }
                }
            }
        }
        None
    }

    fn hit(&self, found: Found, end: usize) -> Hit {
        let start = match (self.plain, self.begin) {
            (None, _) => Start::Unknown,
            (Some(_), Some(begin)) => Start::Here(begin),
            (Some(_), None) => Start::Earlier,
        };
        Hit { found, start, end }
    }

    /// Keeps the name of the setting that a DCS asks for.
    fn note_setting(&mut self, text: &[u8]) {
        if self.query == Some(Found::SettingQuery) {
            let free = self.setting.get_mut(self.string..).unwrap_or_default();
            free.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
            self.string = self.string.saturating_add(text.len());
        }
    }

    fn take_query(&mut self) -> Option<Found> {
        let is_cursor = self.string == self.setting.len() && self.setting == *b" q";
        match self.query.take() {
            Some(Found::SettingQuery) if is_cursor => Some(Found::CursorStyleQuery),
            query => query,
        }
    }

    fn escape(&mut self, at: usize) {
        self.state = ScanState::Escape;
        self.begin = Some(at);
        self.plain = Some(1);
        self.query = None;
    }

    fn step(&mut self, byte: u8, at: usize) -> Option<Found> {
        match byte {
            ESC => {
                self.escape(at);
                return None;
            }
            CAN | SUB => {
                self.state = ScanState::Ground;
                return None;
            }
            _ => {}
        }
        let is_plain = if self.state == ScanState::Escape {
            matches!(byte, b'[' | b'c')
        } else if self.state == ScanState::Csi(Phase::Entry) {
            byte == b'?'
        } else {
            self.state == ScanState::Csi(Phase::Parameters)
                && self.prefix == b'?'
                && matches!(byte, b'0'..=b'9' | b';' | b'h' | b'l')
        };
        self.plain =
            self.plain.filter(|length| is_plain && *length < SWITCH_LIMIT).map(|length| length + 1);
        match self.state {
            ScanState::Escape => self.escape_byte(byte),
            ScanState::EscapeIntermediate => {
                if matches!(byte, 0x30..=0x7e) {
                    self.state = ScanState::Ground;
                }
                None
            }
            ScanState::Csi(phase) => self.csi_byte(phase, byte),
            ScanState::Dcs(phase) => {
                self.dcs_byte(phase, byte);
                None
            }
            ScanState::Ground
            | ScanState::Osc
            | ScanState::DcsText
            | ScanState::Text
            | ScanState::Skip => None,
        }
    }

    fn escape_byte(&mut self, byte: u8) -> Option<Found> {
        self.prefix = 0;
        self.intermediate = 0;
        self.intermediates = 0;
        self.number = 0;
        self.is_first = true;
        self.string = 0;
        self.state = match byte {
            b'[' => ScanState::Csi(Phase::Entry),
            b']' => ScanState::Osc,
            b'P' => ScanState::Dcs(Phase::Entry),
            b'X' | b'^' | b'_' => ScanState::Text,
            0x20..=0x2f => ScanState::EscapeIntermediate,
            0x30..=0x7e => ScanState::Ground,
            _ => ScanState::Escape,
        };
        (byte == b'c').then_some(Found::Modes)
    }

    fn csi_byte(&mut self, phase: Phase, byte: u8) -> Option<Found> {
        match byte {
            0x40..=0x7e => {
                self.state = ScanState::Ground;
                return if phase == Phase::Ignored { None } else { self.csi_end(byte) };
            }
            0x20..=0x3f => self.state = ScanState::Csi(self.parameter(phase, byte)),
            _ => {}
        }
        None
    }

    fn dcs_byte(&mut self, phase: Phase, byte: u8) {
        match byte {
            0x40..=0x7e => {
                self.query = match (phase, self.intermediates, self.intermediate, byte) {
                    (Phase::Intermediates, 1, b'$', b'q') => Some(Found::SettingQuery),
                    (Phase::Intermediates, 1, b'+', b'q') => Some(Found::CapabilityQuery),
                    _ => None,
                };
                // The parser has a state of its own for an ignored one, which ends alike.
                self.state =
                    if phase == Phase::Ignored { ScanState::Text } else { ScanState::DcsText };
            }
            0x20..=0x3f => {
                let phase = self.parameter(phase, byte);
                self.state =
                    if phase == Phase::Ignored { ScanState::Text } else { ScanState::Dcs(phase) };
            }
            _ => {}
        }
    }

    /// Takes a parameter or intermediate byte, 0x20 to 0x3f.
    fn parameter(&mut self, phase: Phase, byte: u8) -> Phase {
        match (phase, byte) {
            (Phase::Ignored, _)
            | (Phase::Intermediates, 0x30..=0x3f)
            | (Phase::Parameters, 0x3c..=0x3f) => Phase::Ignored,
            (_, 0x20..=0x2f) => {
                self.intermediate = byte;
                self.intermediates = self.intermediates.saturating_add(1);
                Phase::Intermediates
            }
            (Phase::Entry, 0x3c..=0x3f) => {
                self.prefix = byte;
                Phase::Parameters
            }
            (_, b'0'..=b'9') => {
                if self.is_first {
                    let digit = u16::from(byte - b'0');
                    self.number = self.number.saturating_mul(10).saturating_add(digit);
                }
                Phase::Parameters
            }
            (_, _) => {
                self.is_first = false;
                Phase::Parameters
            }
        }
    }

    fn csi_end(&self, last: u8) -> Option<Found> {
        match (self.prefix, self.intermediates, self.intermediate, last) {
            (b'?', 0, _, b'h' | b'l') => Some(Found::Modes),
            (b'?', 0, _, b'n') => Some(Found::PrivateStatus(self.number)),
            (b'>', 0, _, b'q') if self.number == 0 => Some(Found::Version),
            (0, 1, b'!', b'p') => Some(Found::SoftReset),
            (0, 0, _, b'b') => Some(Found::Repeat(self.number)),
            _ => None,
        }
    }
}
