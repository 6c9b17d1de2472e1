//! Bytes of a child as text that can be written to a terminal.
//!
//! Colours and styles stay (SGR, checked digit by digit), everything else a child could do to a
//! terminal is taken out: a list of what is allowed, not of what is forbidden. Where a sequence does
//! not end, at most 4 KiB are taken for a part of it.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

#[cfg(test)]
mod tests;

/// Longest control string that is passed over before text is taken for text again.
const STRING: usize = 4 << 10;
/// Longest style sequence that is kept, without `ESC [` and `m`.
const STYLE: usize = 128;
/// Styles set before the `\r` of a progress line that are carried over it, in bytes.
const CARRIED: usize = 512;
/// Marks on top of one character.
const MARKS: u32 = 8;
const RESET: &str = "\x1b[0m";

/// What happens to colours and styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StyleMode {
    /// They stay; a style that is open at the end of the line is closed there.
    Keep,
    /// They go, as with `--color never`.
    Drop,
}

/// The text of one line, its line end taken off, fit for a terminal.
///
/// What is not UTF-8 becomes `U+FFFD`; characters that turn the direction of text are spelled out;
/// of a progress line that was written over and over, the last state remains.
///
/// ```
/// use pitcrew::output::{Styles, safe_line};
///
/// let line = b"\x1b]0;owned\x07\x1b[32mok\x1b[2J\n";
/// assert_eq!(safe_line(line, Styles::Keep), "\x1b[32mok\x1b[0m");
/// assert_eq!(safe_line(line, Styles::Drop), "ok");
/// ```
pub fn safe_line(line: &[u8], styles: StyleMode) -> Cow<'_, str> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let end = line.iter().rposition(|&byte| byte != b'\r').map_or(0, |last| last + 1);
    let line = line.get(..end).unwrap_or(line);
    if line.iter().all(|&byte| is_plain(byte))
        && let Ok(text) = std::str::from_utf8(line)
    {
        return Cow::Borrowed(text);
    }
    let mut cleaner = Sanitizer::new(styles, line.len());
    for chunk in line.utf8_chunks() {
        for char in chunk.valid().chars() {
            cleaner.take(char);
        }
        match chunk.invalid() {
            [] => {}
            // A C1 control the old way: taken as what it would be for an 8-bit terminal.
            [byte @ 0x80..=0x9f] => cleaner.take(char::from(*byte)),
            _ => cleaner.take(char::REPLACEMENT_CHARACTER),
        }
    }
    Cow::Owned(cleaner.finish())
}

/// A name, a path or a message, fit for a terminal: one line, no styles, and every control character
/// spelled out, as in `\x1b`.
///
/// ```
/// assert_eq!(pitcrew::output::safe_name("a\nb\x1b[31m"), "a\\x0ab\\x1b[31m");
/// ```
pub fn safe_name(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(name);
    }
    let mut cleaner = Sanitizer::new(StyleMode::Drop, name.len());
    for char in name.chars() {
        if char.is_control() {
            _ = write!(cleaner.text, "\\x{:02x}", u32::from(char));
            cleaner.marks = 0;
        } else {
            cleaner.show(char);
        }
    }
    Cow::Owned(cleaner.text)
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

/// Where in a sequence the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SequenceState {
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte: a final byte is to come.
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
    /// The parameters of the control sequence at hand.
    params: String,
    /// Styles since the last reset, for what follows a `\r`.
    set: String,
    /// Whether something else than a reset came last.
    open: bool,
    marks: u32,
}

impl Sanitizer {
    fn new(styles: StyleMode, length: usize) -> Self {
        Self {
            styles,
            state: SequenceState::Text,
            text: String::with_capacity(length),
            params: String::new(),
            set: String::new(),
            open: false,
            marks: 0,
        }
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
                // `ESC \` ends the string; with anything else a new sequence begins.
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
                return SequenceState::String { left: STRING };
            }
            '\r' => {
                self.text.clear();
                self.text.push_str(&self.set);
                self.marks = 0;
            }
            '\t' => {
                self.text.push('\t');
                self.marks = 0;
            }
            _ if char.is_control() => {}
            _ => self.show(char),
        }
        SequenceState::Text
    }

    /// Writes a character that is no control.
    fn show(&mut self, char: char) {
        match char {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                _ = write!(self.text, "<U+{:04X}>", u32::from(char));
                self.marks = 0;
                return;
            }
            _ if char.width() == Some(0) => {
                self.marks += 1;
                if self.marks > MARKS {
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
            ']' | 'P' | 'X' | '^' | '_' | 'k' => SequenceState::String { left: STRING },
            ' '..='/' => SequenceState::Intermediate,
            '0'..='~' => SequenceState::Text,
            _ => self.plain(char),
        }
    }

    fn begin_control(&mut self, keep: bool) -> SequenceState {
        self.params.clear();
        SequenceState::Control { keep, left: STRING }
    }

    fn control(&mut self, char: char, keep: bool, left: usize) -> SequenceState {
        match char {
            '0'..='9' | ';' | ':' if keep && self.params.len() < STYLE => {
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
        self.open = !self.params.bytes().all(|byte| matches!(byte, b'0' | b';'));
        if !self.open {
            self.set.clear();
        }
        let start = self.text.len();
        for part in ["\x1b[", &self.params, "m"] {
            self.text.push_str(part);
        }
        let style = self.text.get(start..).unwrap_or_default();
        if self.open && self.set.len() + style.len() <= CARRIED {
            self.set.push_str(style);
        }
    }

    fn finish(mut self) -> String {
        if self.open {
            self.text.push_str(RESET);
        }
        self.text
    }
}
