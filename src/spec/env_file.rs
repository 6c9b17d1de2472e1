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

/// The maximum size in bytes of an env file and of a file of the project.
pub(crate) const MAX_FILE_SIZE: u64 = 1 << 20;

/// A mistake or a warning, before the text of the file is masked.
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

/// Notes of the parser besides assignments.
#[derive(Debug, Default)]
struct ParseNotes {
    mistakes: Vec<Problem>,
    warnings: Vec<Problem>,
    /// The ranges that contain no secrets.
    public: Vec<Range<usize>>,
}

/// A parsed env file.
#[derive(Debug)]
pub(crate) struct EnvFile {
    source: Arc<SourceFile>,
    /// In the order of the file; a name can occur twice.
    assignments: Vec<Assignment>,
    /// The mistakes that do not depend on the values of variables.
    pub(crate) mistakes: Vec<Fault>,
    pub(crate) warnings: Vec<Fault>,
}

impl EnvFile {
    pub(crate) fn parse(path: PathBuf, bytes: &[u8]) -> Self {
        let (assignments, notes) = parse::parse(bytes);
        // The values are secrets: only their length is shown.
        let source = SourceFile::secret(path, mask(bytes, &notes.public));
        let fault = |problem: &Problem| {
            let place = SourceSpan::new(&source, problem.span.clone());
            Fault::at(&place, &problem.message).maybe_hint(problem.hint.as_ref())
        };
        let mistakes = notes.mistakes.iter().map(fault).collect();
        let warnings = notes.warnings.iter().map(fault).collect();
        Self { source, assignments, mistakes, warnings }
    }

    fn place(&self, span: &Range<usize>) -> SourceSpan {
        SourceSpan::new(&self.source, span.clone())
    }
}

/// The message about an env file that is a pipe and has been silent for a second.
pub(crate) fn silent_pipe_message(path: &Path) -> String {
    format!("waiting for the env file {}: nothing was written to it yet", shown_path(path))
}

/// Whether a name may be shown in a message. Part of a password can look like a name, but rarely
/// consists of capitals only.
fn is_public(name: &str) -> bool {
    let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= 40 && name.bytes().all(is_capital)
}

/// Returns the bytes of a file with a placeholder for each character that is not in `public`. Every
/// character keeps its length, so that places in the file are places in the text.
fn mask(bytes: &[u8], public: &[Range<usize>]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            let next = public.partition_point(|range| range.end <= at);
            let is_public = public.get(next).is_some_and(|range| range.start <= at);
            at += char.len_utf8();
            text.push(match char {
                '\n' | '\r' => char,
                _ if is_public => char,
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
