//! Sanitizer: turns output bytes into text that is safe to write to a terminal.
//!
//! Colours and styles stay (SGR, checked digit by digit); everything else that could affect the
//! terminal is removed. This is an allow list, not a deny list. Of a sequence without an end, at most
//! 4 KiB are removed.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

#[cfg(test)]
mod tests;

/// The maximum length of a control string; what follows is text again.
const MAX_STRING: usize = 4 << 10;
/// The maximum length of a style sequence, without `ESC [` and `m`.
const MAX_STYLE: usize = 128;
/// The maximum size in bytes of the styles set before a `\r` that are carried over.
const MAX_CARRIED_STYLES: usize = 512;
/// The maximum number of combining marks on one character.
const MAX_MARKS: u32 = 8;
const STYLE_START: &str = "\x1b[";
const STYLE_END: &str = "m";
const RESET: &str = "\x1b[0m";

/// How colours and styles are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleMode {
    /// They are kept; a style that is open at the end of the line is reset there.
    Keep,
    /// They are removed, as with `--color never`.
    Drop,
}

/// Returns the text of one line without its line end, safe for a terminal.
///
/// Bytes that are not UTF-8 become `U+FFFD`; characters that change the text direction are spelled
/// out; of a progress line that was rewritten with `\r`, only the last state remains.
///
/// ```
/// use pitcrew::output::{StyleMode, safe_line};
///
/// let line = b"\x1b]0;owned\x07\x1b[32mok\x1b[2J\n";
/// assert_eq!(safe_line(line, StyleMode::Keep), "\x1b[32mok\x1b[0m");
/// assert_eq!(safe_line(line, StyleMode::Drop), "ok");
/// ```
pub fn safe_line(line: &[u8], styles: StyleMode) -> Cow<'_, str> {
    match plain_text(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(line) => Cow::Owned(Sanitizer::of(line, styles).finish()),
    }
}

/// A part of a line that is safe for a terminal.
#[cfg(feature = "tui")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinePart<'a> {
    /// Text and tabs.
    Text(&'a str),
    /// The parameters of one SGR sequence: `1;31`, `38;5;9`, `38:2::1:2:3`.
    Style(&'a str),
}

/// The same as [`safe_line`] part by part, in order; a style that is open at the end is not closed.
#[cfg(feature = "tui")]
pub(crate) fn safe_parts(line: &[u8], styles: StyleMode, mut take: impl FnMut(LinePart<'_>)) {
    let sanitizer = match plain_text(line) {
        Ok(text) => return take(LinePart::Text(text)),
        Err(line) => Sanitizer::of(line, styles),
    };
    let text = |range: Range<usize>| sanitizer.text.get(range).unwrap_or_default();
    let mut from = 0;
    for style in &sanitizer.styles_at {
        take(LinePart::Text(text(from..style.start)));
        take(LinePart::Style(text(style.start + STYLE_START.len()..style.end - STYLE_END.len())));
        from = style.end;
    }
    take(LinePart::Text(text(from..sanitizer.text.len())));
}

/// Removes the line end; returns the text, or the bytes if they must be parsed.
fn plain_text(line: &[u8]) -> Result<&str, &[u8]> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let end = line.iter().rposition(|&byte| byte != b'\r').map_or(0, |last| last + 1);
    let line = line.get(..end).unwrap_or(line);
    let is_plain = line.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\t'));
    if is_plain { std::str::from_utf8(line).map_err(|_| line) } else { Err(line) }
}

/// Returns a name, a path or a message, safe for a terminal: one line, no styles, and control
/// characters spelled out as in `\x1b`.
///
/// ```
/// assert_eq!(pitcrew::output::safe_name("a\nb\x1b[31m"), "a\\x0ab\\x1b[31m");
/// ```
pub fn safe_name(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(name);
    }
    let mut sanitizer = Sanitizer::new(StyleMode::Drop, name.len());
    for char in name.chars() {
        if char.is_control() {
            _ = write!(sanitizer.text, "\\x{:02x}", u32::from(char));
            sanitizer.marks = 0;
        } else {
            sanitizer.show(char);
        }
    }
    Cow::Owned(sanitizer.text)
}

/// The state of the escape sequence parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SequenceState {
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte; a final byte follows.
    Intermediate,
    /// In a control sequence; `keep` while it can still be a style.
    Control {
        keep: bool,
        left: usize,
    },
    /// In a control string, such as a title.
    String {
        left: usize,
    },
}

struct Sanitizer {
    styles: StyleMode,
    state: SequenceState,
    text: String,
    /// The parameters of the current control sequence.
    params: String,
    /// Where the style sequences are in the text.
    styles_at: Vec<Range<usize>>,
    /// How many of these come before the last reset, including it.
    before_reset: usize,
    /// Whether the last style sequence was not a reset.
    open: bool,
    /// The number of successive combining marks.
    marks: u32,
}

impl Sanitizer {
    fn new(styles: StyleMode, length: usize) -> Self {
        Self {
            styles,
            state: SequenceState::Text,
            text: String::with_capacity(length),
            params: String::new(),
            styles_at: Vec::new(),
            before_reset: 0,
            open: false,
            marks: 0,
        }
    }

    fn of(line: &[u8], styles: StyleMode) -> Self {
        let mut sanitizer = Self::new(styles, line.len());
        for chunk in line.utf8_chunks() {
            for char in chunk.valid().chars() {
                sanitizer.take(char);
            }
            match chunk.invalid() {
                [] => {}
                // A C1 control, as an 8-bit terminal takes it.
                [byte @ 0x80..=0x9f] => sanitizer.take(char::from(*byte)),
                _ => sanitizer.take(char::REPLACEMENT_CHARACTER),
            }
        }
        sanitizer
    }

    fn take(&mut self, char: char) {
        self.state = match self.state {
            SequenceState::Text => self.plain(char),
            SequenceState::Escape => self.escape(char),
            SequenceState::Intermediate => match char {
                ' '..='/' => SequenceState::Intermediate,
                '0'..='~' => SequenceState::Text,
                _ => self.plain(char),
            },
            SequenceState::Control { keep, left } => self.control(char, keep, left),
            SequenceState::String { left } => match char {
                '\x07' | '\u{9c}' | '\x18' | '\x1a' => SequenceState::Text,
                // `ESC \` ends the string; any other character begins a new sequence.
                '\x1b' => SequenceState::Escape,
                _ => match left.checked_sub(char.len_utf8()) {
                    Some(left) => SequenceState::String { left },
                    None => self.plain(char),
                },
            },
        };
    }

    fn plain(&mut self, char: char) -> SequenceState {
        match char {
            '\x1b' => return SequenceState::Escape,
            '\u{9b}' => return self.begin_control(false),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => {
                return SequenceState::String { left: MAX_STRING };
            }
            '\r' => self.restart_line(),
            '\t' => {
                self.text.push('\t');
                self.marks = 0;
            }
            _ if char.is_control() => {}
            _ => self.show(char),
        }
        SequenceState::Text
    }

    /// Appends a character that is not a control character.
    fn show(&mut self, char: char) {
        match char {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                _ = write!(self.text, "<U+{:04X}>", u32::from(char));
                self.marks = 0;
                return;
            }
            _ if char.width() == Some(0) => {
                self.marks += 1;
                if self.marks > MAX_MARKS {
                    return;
                }
            }
            _ => self.marks = 0,
        }
        self.text.push(char);
    }

    fn escape(&mut self, char: char) -> SequenceState {
        match char {
            '[' => self.begin_control(true),
            // OSC, DCS, SOS, PM, APC, and the title of `screen`.
            ']' | 'P' | 'X' | '^' | '_' | 'k' => SequenceState::String { left: MAX_STRING },
            ' '..='/' => SequenceState::Intermediate,
            '0'..='~' => SequenceState::Text,
            _ => self.plain(char),
        }
    }

    fn begin_control(&mut self, keep: bool) -> SequenceState {
        self.params.clear();
        SequenceState::Control { keep, left: MAX_STRING }
    }

    fn control(&mut self, char: char, keep: bool, left: usize) -> SequenceState {
        match char {
            '0'..='9' | ';' | ':' if keep && self.params.len() < MAX_STYLE => {
                self.params.push(char);
                SequenceState::Control { keep, left }
            }
            ' '..='?' => match left.checked_sub(1) {
                Some(left) => SequenceState::Control { keep: false, left },
                None => self.plain(char),
            },
            '@'..='~' => {
                if keep && char == 'm' && self.styles == StyleMode::Keep {
                    self.style();
                }
                SequenceState::Text
            }
            _ => self.plain(char),
        }
    }

    fn style(&mut self) {
        let start = self.text.len();
        for part in [STYLE_START, &self.params, STYLE_END] {
            self.text.push_str(part);
        }
        self.styles_at.push(start..self.text.len());
        self.open = !self.params.bytes().all(|byte| matches!(byte, b'0' | b';'));
        if !self.open {
            self.before_reset = self.styles_at.len();
        }
    }

    /// Drops what was written, but keeps the styles since the last reset.
    fn restart_line(&mut self) {
        let mut carried = String::new();
        self.styles_at.drain(..std::mem::take(&mut self.before_reset));
        self.styles_at.retain_mut(|style| {
            let start = carried.len();
            let fits = start + style.len() <= MAX_CARRIED_STYLES;
            if fits {
                carried.push_str(self.text.get(style.clone()).unwrap_or_default());
                *style = start..carried.len();
            }
            fits
        });
        self.text.clear();
        self.text.push_str(&carried);
        self.marks = 0;
    }

    fn finish(mut self) -> String {
        if self.open {
            self.text.push_str(RESET);
        }
        self.text
    }
}
