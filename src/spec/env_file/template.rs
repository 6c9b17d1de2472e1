//! Parser of variables in values: `$NAME`, `${NAME}`, and the alternatives for unset ones.

use std::ops::Range;

use super::{ParseNotes, Problem, is_public};

/// The maximum nesting depth of variables.
const MAX_DEPTH: usize = 32;

/// The hint for a `$` that is probably text.
pub(super) const AS_TEXT: &str = "in single quotes a `$` is only text: NAME='a$b'";

/// One byte of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueByte {
    pub(super) byte: u8,
    /// Its offset in the file.
    pub(super) at: usize,
    /// Whether it was escaped, so that it has no special meaning.
    pub(super) is_escaped: bool,
}

/// A part of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TemplatePart {
    Bytes(Vec<u8>),
    Variable(Variable),
}

/// `$NAME` or `${NAME…}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) span: Range<usize>,
    pub(super) operator: Option<Operator>,
}

/// The operator after the name in braces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) kind: OperatorKind,
    /// With a colon, an empty variable counts as unset.
    pub(super) or_empty: bool,
    pub(super) word: Vec<TemplatePart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OperatorKind {
    /// `-`: use the word if the variable is not set.
    Default,
    /// `?`: a mistake if the variable is not set.
    Required,
    /// `+`: use the word if the variable is set.
    Alternative,
}

/// Finds the variables in a value, or in a word at this depth of nested variables.
pub(super) fn template(
    mut bytes: &[ValueByte],
    notes: &mut ParseNotes,
    depth: usize,
) -> Vec<TemplatePart> {
    let mut parts = Vec::new();
    while let [first, after @ ..] = bytes {
        bytes = after;
        if !is(first, b'$') {
            push(&mut parts, first.byte);
            continue;
        }
        match after {
            [next, rest @ ..] if is(next, b'$') => {
                let hint = format!("{AS_TEXT}; in double quotes `\\$` is a `$`");
                let problem = Problem::new(first.at..next.at + 1, "`$$` stands for one `$`");
                notes.warnings.push(problem.with_hint(hint));
                push(&mut parts, b'$');
                bytes = rest;
            }
            [next, inner @ ..] if is(next, b'{') => {
                let Some((variable, rest)) = braced(first.at, inner, notes, depth) else {
                    break;
                };
                parts.extend(variable.map(TemplatePart::Variable));
                bytes = rest;
            }
            _ => {
                let (name, rest) = after.split_at(name_length(after));
                match name.last() {
                    // A `$` before anything but a name is text, as in `5$` and `$2b$10$`.
                    None => push(&mut parts, b'$'),
                    Some(last) => {
                        let span = first.at..last.at + 1;
                        parts.push(TemplatePart::Variable(variable(name, span, None, notes)));
                    }
                }
                bytes = rest;
            }
        }
    }
    parts
}

/// Parses `${…}`, which begins at `start`; `inner` follows the brace. Returns the bytes after it;
/// `None` if it is not closed.
fn braced<'a>(
    start: usize,
    inner: &'a [ValueByte],
    notes: &mut ParseNotes,
    depth: usize,
) -> Option<(Option<Variable>, &'a [ValueByte])> {
    let Some(end) = closing(inner) else {
        let problem = Problem::new(start..start + 2, "this `${` is never closed");
        notes.mistakes.push(problem.with_hint(AS_TEXT));
        return None;
    };
    let (inner, after) = inner.split_at(end);
    let (brace, rest) = after.split_first()?;
    let span = start..brace.at + 1;
    let (name, tail) = inner.split_at(name_length(inner));
    let wrong = |message: &str, notes: &mut ParseNotes| {
        let problem = Problem::new(span.clone(), message);
        notes.mistakes.push(problem.with_hint(AS_TEXT));
        Some((None, rest))
    };
    if name.is_empty() {
        return wrong("`${` is not followed by the name of a variable", notes);
    }
    if depth >= MAX_DEPTH {
        return wrong("variables are nested too deeply", notes);
    }
    let (or_empty, operator) = match tail {
        [colon, operator @ ..] if is(colon, b':') => (true, operator),
        operator => (false, operator),
    };
    let operator = match operator {
        [] if !or_empty => None,
        [sign, word @ ..] => {
            let kind = match sign.byte {
                b'-' => OperatorKind::Default,
                b'?' => OperatorKind::Required,
                b'+' => OperatorKind::Alternative,
                _ => return wrong(UNKNOWN_OPERATOR, notes),
            };
            Some(Operator { kind, or_empty, word: template(word, notes, depth + 1) })
        }
        [] => return wrong(UNKNOWN_OPERATOR, notes),
    };
    Some((Some(variable(name, span, operator, notes)), rest))
}

const UNKNOWN_OPERATOR: &str =
    "after the name in `${…}` there can be `-`, `:-`, `?`, `:?`, `+` or `:+`, nothing else";

fn variable(
    name: &[ValueByte],
    span: Range<usize>,
    operator: Option<Operator>,
    notes: &mut ParseNotes,
) -> Variable {
    let text: String = name.iter().map(|byte| char::from(byte.byte)).collect();
    if let (true, Some(last)) = (is_public(&text), name.last()) {
        // With the `$` and the brace before it.
        notes.public.push(span.start..last.at + 1);
    }
    Variable { name: text, span, operator }
}

/// Finds the closing brace; braces in between come in pairs.
fn closing(bytes: &[ValueByte]) -> Option<usize> {
    let mut open = 1_usize;
    bytes.iter().position(|byte| {
        if is(byte, b'{') {
            open += 1;
        } else if is(byte, b'}') {
            open -= 1;
        }
        open == 0
    })
}

/// Returns the length of the name of a variable at the beginning.
fn name_length(bytes: &[ValueByte]) -> usize {
    let has_start = bytes.first().is_some_and(|byte| !byte.byte.is_ascii_digit());
    let is_part = |byte: &&ValueByte| {
        !byte.is_escaped && (byte.byte.is_ascii_alphanumeric() || byte.byte == b'_')
    };
    if has_start { bytes.iter().take_while(is_part).count() } else { 0 }
}

fn is(value: &ValueByte, byte: u8) -> bool {
    value.byte == byte && !value.is_escaped
}

fn push(parts: &mut Vec<TemplatePart>, byte: u8) {
    match parts.last_mut() {
        Some(TemplatePart::Bytes(bytes)) => bytes.push(byte),
        _ => parts.push(TemplatePart::Bytes(vec![byte])),
    }
}
