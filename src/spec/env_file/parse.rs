//! Parser of env files.

use std::ops::Range;

use super::template::{TemplateNotes, TemplatePart, ValueByte, template};
use super::{Problem, is_public};

/// A parsed env file.
#[derive(Debug, Default)]
pub(super) struct ParsedFile {
    pub(super) assignments: Vec<Assignment>,
    pub(super) mistakes: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    /// The ranges that contain no secrets, in the order of the file.
    pub(super) shown: Vec<Range<usize>>,
}

#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// The range of the name.
    pub(super) span: Range<usize>,
    pub(super) value: AssignmentValue,
}

/// What a variable is set to.
#[derive(Debug)]
pub(super) enum AssignmentValue {
    Text(Vec<TemplatePart>),
    /// Only a name: the value is that of pitcrew's own environment.
    Inherited,
}

const FORM: &str = "lines are written NAME=value, NAME='value' or NAME=\"value\"";

/// Reads all lines of a file.
pub(super) fn parse(bytes: &[u8]) -> ParsedFile {
    let mut parser = Parser { bytes, at: 0, out: ParsedFile::default() };
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        let problem = Problem::new(0..2, "this env file is UTF-16");
        parser.out.mistakes.push(problem.with_hint("save it as UTF-8"));
        return parser.out;
    }
    if bytes.starts_with("\u{feff}".as_bytes()) {
        parser.at = '\u{feff}'.len_utf8();
    }
    while parser.line() {}
    parser.out.shown.sort_by_key(|range| range.start);
    parser.out
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    out: ParsedFile,
}

impl Parser<'_> {
    /// Reads one line, or several for a multi-line quoted value; `false` at the end.
    fn line(&mut self) -> bool {
        self.skip(char::is_whitespace);
        match self.rest().first() {
            None => return false,
            Some(b'#') => self.at = self.line_end(),
            Some(_) => {
                if let Some(assignment) = self.assignment() {
                    self.out.assignments.push(assignment);
                }
            }
        }
        true
    }

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
            self.out.mistakes.push(problem);
            self.at = self.line_end();
            return None;
        }
        let name = String::from_utf8_lossy(name).into_owned();
        if is_single_case(&name) {
            // Including a preceding `export`, up to the value.
            self.out.shown.push(start..from + end + 1);
        }
        if is_alone {
            self.at = self.line_end();
            return Some(Assignment { name, span, value: AssignmentValue::Inherited });
        }
        self.at = from + end + 1;
        let behind_sign = self.at;
        self.skip(is_blank);
        let follows_blank = self.at > behind_sign;
        let pieces = match self.rest().first() {
            Some(b'\'') => self.single_quoted()?,
            Some(b'"') => self.double_quoted()?,
            _ => self.unquoted(follows_blank),
        };
        Some(Assignment { name, span, value: AssignmentValue::Text(pieces) })
    }

    /// `export ` before a name, as in a file that a shell reads too.
    fn skip_export(&mut self) {
        let start = self.at;
        if !self.rest().starts_with(b"export") {
            return;
        }
        self.at += "export".len();
        let behind = self.at;
        self.skip(is_blank);
        let is_name = matches!(self.rest().first(), Some(b'=' | b':'));
        if self.at == behind || is_name {
            self.at = start;
        }
    }

    fn unquoted(&mut self, follows_blank: bool) -> Vec<TemplatePart> {
        let start = self.at;
        let line = self.until(self.line_end());
        let value = trim_end(without_comment(line, follows_blank));
        let units: Vec<ValueByte> = value
            .iter()
            .enumerate()
            .map(|(index, &byte)| ValueByte { byte, at: start + index, is_escaped: false })
            .collect();
        self.at = self.line_end();
        self.pieces(&units)
    }

    /// Reads a value in single quotes: nothing is expanded, `\'` is the only escape.
    fn single_quoted(&mut self) -> Option<Vec<TemplatePart>> {
        let start = self.at;
        let mut units = Vec::new();
        let mut at = start + 1;
        loop {
            let next = self.bytes.get(at + 1);
            match self.bytes.get(at) {
                None => return self.never_closed(start),
                Some(b'\'') => break,
                Some(b'\\') if next == Some(&b'\'') => {
                    units.push(ValueByte { byte: b'\'', at, is_escaped: true });
                    at += 1;
                }
                Some(&byte) => units.push(ValueByte { byte, at, is_escaped: true }),
            }
            at += 1;
        }
        self.close(start, at);
        Some(self.pieces(&units))
    }

    fn double_quoted(&mut self) -> Option<Vec<TemplatePart>> {
        let start = self.at;
        let mut units = Vec::new();
        let mut at = start + 1;
        loop {
            match self.bytes.get(at) {
                None => return self.never_closed(start),
                Some(b'"') => break,
                Some(b'\\') => match escape(self.bytes.get(at + 1..).unwrap_or_default()) {
                    Some((char, length)) => {
                        let mut buffer = [0; 4];
                        let encoded = char.encode_utf8(&mut buffer).bytes();
                        units.extend(encoded.map(|byte| ValueByte { byte, at, is_escaped: true }));
                        at += length;
                    }
                    // Other backslashes are kept.
                    None => units.push(ValueByte { byte: b'\\', at, is_escaped: true }),
                },
                Some(&byte) => units.push(ValueByte { byte, at, is_escaped: false }),
            }
            at += 1;
        }
        self.close(start, at);
        Some(self.pieces(&units))
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
            self.out.mistakes.push(problem.with_hint(hint));
        }
        self.at = self.line_end();
    }

    /// Stops the parsing, because the rest would be misread.
    fn never_closed(&mut self, start: usize) -> Option<Vec<TemplatePart>> {
        let first_line = trim_end(self.until(self.line_end()));
        let problem = Problem::new(start..start + 1, "this quote is never closed");
        self.out.mistakes.push(if first_line.len() > 2 && first_line.ends_with(b"\\'") {
            problem.with_hint("in single quotes `\\'` is a quote within the value; write the value without quotes, or in double quotes with `\\\\`")
        } else {
            problem.with_hint("close it, or write the value without quotes")
        });
        self.at = self.bytes.len();
        None
    }

    fn pieces(&mut self, units: &[ValueByte]) -> Vec<TemplatePart> {
        if let Some(unit) = units.iter().find(|unit| unit.byte == 0) {
            let problem = Problem::new(unit.at..unit.at + 1, "the value contains a NUL byte");
            let hint = "NUL bytes are not allowed in variables: is this a text file?";
            self.out.mistakes.push(problem.with_hint(hint));
        }
        let mut notes = TemplateNotes::default();
        let pieces = template(units, &mut notes);
        self.out.mistakes.append(&mut notes.mistakes);
        self.out.warnings.append(&mut notes.warnings);
        self.out.shown.append(&mut notes.shown);
        pieces
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
        let problem = Problem::new(span.start..span.start + 1, "there is no name before the `=`");
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
    let begins = line.iter().position(|&byte| {
        let is_comment = byte == b'#' && matches!(before, b' ' | b'\t');
        before = byte;
        is_comment
    });
    begins.and_then(|begins| line.get(..begins)).unwrap_or(line)
}

/// Returns the character of an escape, and the number of bytes after the backslash.
fn escape(behind: &[u8]) -> Option<(char, usize)> {
    let char = match behind.first()? {
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'v' => '\u{b}',
        quoted @ (b'"' | b'\\' | b'$') => char::from(*quoted),
        b'0' => {
            let digits = std::str::from_utf8(behind.get(1..4)?).ok()?;
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

/// Without the spaces at the end.
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
