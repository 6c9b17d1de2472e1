//! Parser of env files.

use std::ops::Range;

use super::template::{TemplatePart, ValueByte, template};
use super::{ParseNotes, Problem, is_public};

#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// The range of the name.
    pub(super) span: Range<usize>,
    pub(super) value: AssignmentValue,
}

/// The value of an assignment.
#[derive(Debug)]
pub(super) enum AssignmentValue {
    Text(Vec<TemplatePart>),
    /// Only a name: the value is that of pitcrew's own environment.
    Inherited,
}

const FORM: &str = "lines are written NAME=value, NAME='value' or NAME=\"value\"";

/// Reads all lines of a file.
pub(super) fn parse(bytes: &[u8]) -> (Vec<Assignment>, ParseNotes) {
    let mut assignments = Vec::new();
    let mut parser = Parser { bytes, at: 0, notes: ParseNotes::default() };
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        let problem = Problem::new(0..2, "this env file is UTF-16");
        parser.notes.mistakes.push(problem.with_hint("save it as UTF-8"));
        return (assignments, parser.notes);
    }
    if bytes.starts_with("\u{feff}".as_bytes()) {
        parser.at = '\u{feff}'.len_utf8();
    }
    loop {
        parser.skip(char::is_whitespace);
        match parser.rest().first() {
            None => break,
            Some(b'#') => parser.at = parser.line_end(),
            Some(_) => assignments.extend(parser.assignment()),
        }
    }
    parser.notes.public.sort_by_key(|range| range.start);
    (assignments, parser.notes)
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    notes: ParseNotes,
}

impl Parser<'_> {
    /// Reads one line, or several for a multi-line quoted value.
    fn assignment(&mut self) -> Option<Assignment> {
        let start = self.at;
        self.skip_export();
        let from = self.at;
        let line = self.until(self.line_end());
        let end = line.iter().position(|byte| matches!(byte, b'=' | b':')).unwrap_or(line.len());
        let is_alone = end == line.len();
        let line = line.get(..end).unwrap_or_default();
        let name = trim_end(if is_alone { without_comment(line, false) } else { line });
        let span = from..from + name.len();
        if let Err(problem) = check_name(name, &span, is_alone) {
            self.notes.mistakes.push(problem);
            self.at = self.line_end();
            return None;
        }
        let name = String::from_utf8_lossy(name).into_owned();
        if is_single_case(&name) {
            // Including a preceding `export`, up to the value.
            self.notes.public.push(start..from + end + 1);
        }
        if is_alone {
            self.at = self.line_end();
            return Some(Assignment { name, span, value: AssignmentValue::Inherited });
        }
        self.at = from + end + 1;
        let after_sign = self.at;
        self.skip(is_blank);
        let follows_blank = self.at > after_sign;
        let parts = match self.rest().first() {
            Some(b'\'') => self.single_quoted()?,
            Some(b'"') => self.double_quoted()?,
            _ => self.unquoted(follows_blank),
        };
        Some(Assignment { name, span, value: AssignmentValue::Text(parts) })
    }

    /// `export ` before a name, as in a file that a shell reads too.
    fn skip_export(&mut self) {
        let start = self.at;
        if !self.rest().starts_with(b"export") {
            return;
        }
        self.at += "export".len();
        let after_word = self.at;
        self.skip(is_blank);
        let is_name = matches!(self.rest().first(), Some(b'=' | b':'));
        if self.at == after_word || is_name {
            self.at = start;
        }
    }

    fn unquoted(&mut self, follows_blank: bool) -> Vec<TemplatePart> {
        let start = self.at;
        let line = self.until(self.line_end());
        let value = trim_end(without_comment(line, follows_blank));
        let bytes: Vec<ValueByte> = value
            .iter()
            .enumerate()
            .map(|(index, &byte)| ValueByte { byte, at: start + index, is_escaped: false })
            .collect();
        self.at = self.line_end();
        self.parts(&bytes)
    }

    /// Reads a value in single quotes: nothing is expanded, `\'` is the only escape.
    fn single_quoted(&mut self) -> Option<Vec<TemplatePart>> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut at = start + 1;
        loop {
            let next = self.bytes.get(at + 1);
            match self.bytes.get(at) {
                None => return self.never_closed(start),
                Some(b'\'') => break,
                Some(b'\\') if next == Some(&b'\'') => {
                    bytes.push(ValueByte { byte: b'\'', at, is_escaped: true });
                    at += 1;
                }
                Some(&byte) => bytes.push(ValueByte { byte, at, is_escaped: true }),
            }
            at += 1;
        }
        self.close(start, at);
        Some(self.parts(&bytes))
    }

    fn double_quoted(&mut self) -> Option<Vec<TemplatePart>> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut at = start + 1;
        loop {
            match self.bytes.get(at) {
                None => return self.never_closed(start),
                Some(b'"') => break,
                Some(b'\\') => match escape(self.bytes.get(at + 1..).unwrap_or_default()) {
                    Some((char, length)) => {
                        let mut buffer = [0; 4];
                        let encoded = char.encode_utf8(&mut buffer).bytes();
                        bytes.extend(encoded.map(|byte| ValueByte { byte, at, is_escaped: true }));
                        at += length;
                    }
                    // Other backslashes are kept.
                    None => bytes.push(ValueByte { byte: b'\\', at, is_escaped: true }),
                },
                Some(&byte) => bytes.push(ValueByte { byte, at, is_escaped: false }),
            }
            at += 1;
        }
        self.close(start, at);
        Some(self.parts(&bytes))
    }

    /// Checks that only a comment follows a quoted value; `start` and `end` are the quotes.
    fn close(&mut self, start: usize, end: usize) {
        self.at = end + 1;
        self.skip(is_blank);
        if !matches!(self.rest().first(), None | Some(b'\n' | b'#')) {
            let problem = Problem::new(self.at..self.line_end(), "unexpected text after the value");
            let line = self.until_from(0, start).split(|&byte| byte == b'\n').count();
            let over_lines = self.until_from(start, end).contains(&b'\n');
            let hint = if over_lines {
                format!("the quote that ends here was opened in line {line}: is one missing there?")
            } else {
                let other = if self.bytes.get(start) == Some(&b'\'') { "\\'" } else { "\\\"" };
                format!("a quote within the value is written {other}; a comment begins with ` #`")
            };
            self.notes.mistakes.push(problem.with_hint(hint));
        }
        self.at = self.line_end();
    }

    /// Stops the parsing, because the rest would be misread.
    fn never_closed(&mut self, start: usize) -> Option<Vec<TemplatePart>> {
        let first_line = trim_end(self.until(self.line_end()));
        let problem = Problem::new(start..start + 1, "this quote is never closed");
        self.notes.mistakes.push(if first_line.len() > 2 && first_line.ends_with(b"\\'") {
            problem.with_hint("in single quotes `\\'` is a quote within the value; write the value without quotes, or in double quotes with `\\\\`")
        } else {
            problem.with_hint("close it, or write the value without quotes")
        });
        self.at = self.bytes.len();
        None
    }

    fn parts(&mut self, bytes: &[ValueByte]) -> Vec<TemplatePart> {
        if let Some(nul) = bytes.iter().find(|byte| byte.byte == 0) {
            let problem = Problem::new(nul.at..nul.at + 1, "the value contains a NUL byte");
            let hint = "NUL bytes are not allowed in variables: is this a text file?";
            self.notes.mistakes.push(problem.with_hint(hint));
        }
        template(bytes, &mut self.notes, 0)
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn until(&self, end: usize) -> &[u8] {
        self.until_from(self.at, end)
    }

    fn until_from(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Where this line ends, without its newline.
    fn line_end(&self) -> usize {
        let newline = self.rest().iter().position(|&byte| byte == b'\n');
        newline.map_or(self.bytes.len(), |length| self.at + length)
    }

    fn skip(&mut self, is_skipped: impl Fn(char) -> bool) {
        while let Some(char) = first_char(self.rest()).filter(|char| is_skipped(*char)) {
            self.at += char.len_utf8();
        }
    }
}

/// Checks a name. The rules are those of docker compose, which are wider than those of a shell.
fn check_name(name: &[u8], span: &Range<usize>, is_alone: bool) -> Result<(), Problem> {
    if name.is_empty() {
        let problem =
            Problem::new(span.start..span.start + 1, "the name before the `=` is missing");
        return Err(problem.with_hint(FORM));
    }
    if is_alone && name == b"export" {
        return Err(Problem::new(span.clone(), "`export` without a name").with_hint(FORM));
    }
    let mut at = span.start;
    for chunk in name.utf8_chunks() {
        for char in chunk.valid().chars() {
            let place = at..at + char.len_utf8();
            at = place.end;
            if char.is_whitespace() {
                let problem = Problem::new(place, "a name cannot contain a space");
                return Err(problem.with_hint(FORM));
            }
            if !(char.is_alphanumeric() || matches!(char, '_' | '.' | '-' | '[' | ']')) {
                let problem = Problem::new(place, "this character is not allowed in a name");
                let hint = format!("names have letters, digits, `_`, `.`, `-`; {FORM}");
                return Err(problem.with_hint(hint));
            }
        }
        if !chunk.invalid().is_empty() {
            let problem = Problem::new(at..at + 1, "a name contains a byte that is not UTF-8");
            return Err(problem.with_hint(FORM));
        }
    }
    Ok(())
}

/// Whether a name uses only one letter case. Part of a key after a broken quote is usually mixed, a
/// name rarely is.
fn is_single_case(name: &str) -> bool {
    is_public(&name.to_ascii_uppercase().replace(['.', '-'], "_"))
        && !(name.contains(char::is_uppercase) && name.contains(char::is_lowercase))
}

/// Returns the line up to a `#` after a blank; `follows_blank` says whether a blank precedes the line.
fn without_comment(line: &[u8], follows_blank: bool) -> &[u8] {
    let mut before = if follows_blank { b' ' } else { b'=' };
    let start = line.iter().position(|&byte| {
        let is_comment = byte == b'#' && matches!(before, b' ' | b'\t');
        before = byte;
        is_comment
    });
    start.and_then(|start| line.get(..start)).unwrap_or(line)
}

/// Returns the character of an escape, and the number of bytes after the backslash.
fn escape(after: &[u8]) -> Option<(char, usize)> {
    let char = match after.first()? {
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'v' => '\u{b}',
        quoted @ (b'"' | b'\\' | b'$') => char::from(*quoted),
        b'0' => {
            let digits = std::str::from_utf8(after.get(1..4)?).ok()?;
            let is_octal = digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
            let code = is_octal.then(|| u8::from_str_radix(digits, 8).ok())??;
            return Some((char::from(code), 4));
        }
        _ => return None,
    };
    Some((char, 1))
}

fn first_char(bytes: &[u8]) -> Option<char> {
    let first = bytes.get(..bytes.len().min(4))?.utf8_chunks().next()?;
    first.valid().chars().next()
}

/// A space within a line.
fn is_blank(char: char) -> bool {
    matches!(char, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    let last = |bytes: &[u8]| {
        (1..=4).find_map(|length| {
            let (rest, last) = bytes.split_at_checked(bytes.len().checked_sub(length)?)?;
            let is_space = std::str::from_utf8(last).ok()?.chars().all(char::is_whitespace);
            is_space.then_some(rest.len())
        })
    };
    while let Some(length) = last(bytes) {
        bytes = bytes.get(..length).unwrap_or_default();
    }
    bytes
}
