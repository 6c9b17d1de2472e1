//! Env files: lines `NAME=value` in the dialect of docker compose, which docs/env-files.md
//! describes.
//!
//! A file is parsed once and expanded for each process, because `$NAME` can differ between processes.
//! Bytes of a value change only by the rules of the dialect; anything else is a mistake with its
//! line.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::{Fault, SourceFile, SourceSpan, shown_path};

mod expand;
mod parse;
mod read;
mod template;

pub(crate) use expand::{BareNameValue, LowerLayers};
pub(crate) use read::{EnvContent, EnvPipes, is_descriptor, read};

use parse::Assignment;

/// An env file, and a file of the project, has at most this many bytes.
pub(crate) const LARGEST: u64 = 1 << 20;

/// A mistake, or a warning.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    span: Range<usize>,
    message: String,
    hint: Option<String>,
}

impl Problem {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// An env file that was parsed.
#[derive(Debug)]
pub(crate) struct EnvFile {
    source: Arc<SourceFile>,
    /// In the order of the file; a name can occur twice.
    assignments: Vec<Assignment>,
    mistakes: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl EnvFile {
    pub(crate) fn parse(path: PathBuf, bytes: &[u8]) -> Self {
        let parsed = parse::parse(bytes);
        // The values are secrets: only their length is shown.
        let source = SourceFile::secret(path, mask(bytes, &parsed.shown));
        let fault = |problem: &Problem| {
            let place = SourceSpan::new(&source, problem.span.clone());
            Fault::at(&place, &problem.message).maybe_hint(problem.hint.as_ref())
        };
        Self {
            mistakes: parsed.mistakes.iter().map(fault).collect(),
            warnings: parsed.warnings.iter().map(fault).collect(),
            assignments: parsed.assignments,
            source,
        }
    }

    /// The mistakes that do not depend on the values of variables.
    pub(crate) fn mistakes(&self) -> &[Fault] {
        &self.mistakes
    }

    pub(crate) fn warnings(&self) -> &[Fault] {
        &self.warnings
    }
}

/// The message about an env file that is a pipe and has been silent for a second.
pub(crate) fn waits_for(path: &Path) -> String {
    format!("waiting for the env file {}: nothing was written to it yet", shown_path(path))
}

/// Whether a name may be shown in a message. Part of a password can look like a name, but rarely
/// consists of capitals only.
fn is_public(name: &str) -> bool {
    let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= 40 && name.bytes().all(is_capital)
}

/// The bytes of a file with a stand-in for each character that is not in `shown`. Every character
/// keeps its length, so that places in the file are places in the text.
fn mask(bytes: &[u8], shown: &[Range<usize>]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            let next = shown.partition_point(|range| range.end <= at);
            let is_shown = shown.get(next).is_some_and(|range| range.start <= at);
            at += char.len_utf8();
            text.push(match char {
                '\n' => '\n',
                '\r' => '\r',
                _ if is_shown => char,
                _ => match char.len_utf8() {
                    1 => '*',
                    2 => '·',
                    3 => '•',
                    _ => '\u{1f784}',
                },
            });
        }
        // Each byte that is not UTF-8 stands alone.
        for _ in chunk.invalid() {
            text.push('*');
            at += 1;
        }
    }
    text
}

#[cfg(test)]
mod tests;
