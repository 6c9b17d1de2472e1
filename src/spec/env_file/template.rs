//! Parser of variables in values: `$NAME`, `${NAME}`, and the alternatives for unset ones.

use std::ops::Range;

use super::Problem;
use super::is_public;

/// The maximum nesting depth of variables.
const DEEPEST: usize = 32;

/// The hint for a `$` that is meant as text.
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

/// A piece of a value.
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

/// Diagnostics from parsing a value.
#[derive(Debug, Default)]
pub(super) struct TemplateNotes {
    pub(super) mistakes: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    /// The names that may be shown in a message.
    pub(super) shown: Vec<Range<usize>>,
}

/// Finds the variables in a value.
pub(super) fn template(units: &[ValueByte], notes: &mut TemplateNotes) -> Vec<TemplatePart> {
    nested(units, notes, 0)
}

fn nested(mut units: &[ValueByte], notes: &mut TemplateNotes, depth: usize) -> Vec<TemplatePart> {
    let mut pieces = Vec::new();
    while let [first, behind @ ..] = units {
        units = behind;
        if !is(first, b'$') {
            push(&mut pieces, first.byte);
            continue;
        }
        match behind {
            [next, left @ ..] if is(next, b'$') => {
                let hint = format!("{AS_TEXT}; in double quotes `\\$` is a `$`");
                let problem = Problem::new(first.at..next.at + 1, "`$$` stands for one `$`");
                notes.warnings.push(problem.with_hint(hint));
                push(&mut pieces, b'$');
                units = left;
            }
            [next, inner @ ..] if is(next, b'{') => {
                let Some((variable, left)) = braced(first.at, inner, notes, depth) else {
                    break;
                };
                pieces.extend(variable.map(TemplatePart::Variable));
                units = left;
            }
            _ => {
                let (name, left) = behind.split_at(name_length(behind));
                match name.last() {
                    // A `$` before anything but a name is text, as in `5$` and `$2b$10$`.
                    None => push(&mut pieces, b'$'),
                    Some(last) => {
                        let span = first.at..last.at + 1;
                        pieces.push(TemplatePart::Variable(variable(name, span, None, notes)));
                    }
                }
                units = left;
            }
        }
    }
    pieces
}

/// Parses `${…}`, which begins at `start`; `inner` follows the brace. Returns the rest behind it;
/// `None` if it is not closed.
fn braced<'a>(
    start: usize,
    inner: &'a [ValueByte],
    notes: &mut TemplateNotes,
    depth: usize,
) -> Option<(Option<Variable>, &'a [ValueByte])> {
    let Some(end) = closing(inner) else {
        let problem = Problem::new(start..start + 2, "this `${` is never closed");
        notes.mistakes.push(problem.with_hint(AS_TEXT));
        return None;
    };
    let (inner, behind) = inner.split_at(end);
    let (brace, left) = behind.split_first()?;
    let span = start..brace.at + 1;
    let (name, rest) = inner.split_at(name_length(inner));
    let wrong = |message: &str, notes: &mut TemplateNotes| {
        let problem = Problem::new(span.clone(), message);
        notes.mistakes.push(problem.with_hint(AS_TEXT));
        Some((None, left))
    };
    if name.is_empty() {
        return wrong("`${` is not followed by the name of a variable", notes);
    }
    if depth >= DEEPEST {
        return wrong("variables are nested too deeply", notes);
    }
    let (or_empty, operator) = match rest {
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
            Some(Operator { kind, or_empty, word: nested(word, notes, depth + 1) })
        }
        [] => return wrong(UNKNOWN_OPERATOR, notes),
    };
    Some((Some(variable(name, span, operator, notes)), left))
}

const UNKNOWN_OPERATOR: &str =
    "after the name in `${…}` there can be `-`, `:-`, `?`, `:?`, `+` or `:+`, nothing else";

fn variable(
    name: &[ValueByte],
    span: Range<usize>,
    operator: Option<Operator>,
    notes: &mut TemplateNotes,
) -> Variable {
    let text: String = name.iter().map(|unit| char::from(unit.byte)).collect();
    if let (true, Some(last)) = (is_public(&text), name.last()) {
        // With the `$` and the brace before it.
        notes.shown.push(span.start..last.at + 1);
    }
    Variable { name: text, span, operator }
}

/// Finds the closing brace; braces in between come in pairs.
fn closing(units: &[ValueByte]) -> Option<usize> {
    let mut open = 1_usize;
    units.iter().position(|unit| {
        if is(unit, b'{') {
            open += 1;
        } else if is(unit, b'}') {
            open -= 1;
        }
        open == 0
    })
}

/// Returns the length of the name of a variable at the beginning.
fn name_length(units: &[ValueByte]) -> usize {
    let begins = units.first().is_some_and(|unit| !unit.byte.is_ascii_digit());
    let is_part = |unit: &&ValueByte| {
        !unit.is_escaped && (unit.byte.is_ascii_alphanumeric() || unit.byte == b'_')
    };
    if begins { units.iter().take_while(is_part).count() } else { 0 }
}

fn is(unit: &ValueByte, byte: u8) -> bool {
    unit.byte == byte && !unit.is_escaped
}

fn push(pieces: &mut Vec<TemplatePart>, byte: u8) {
    match pieces.last_mut() {
        Some(TemplatePart::Bytes(bytes)) => bytes.push(byte),
        _ => pieces.push(TemplatePart::Bytes(vec![byte])),
    }
}
