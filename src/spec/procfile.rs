//! Parses a project file and validates it against the table of keys.
//!
//! The meaning of keys is defined in `resolve`. The result is a tree in which every value has the kind
//! of its key, or is marked as faulty, so that each mistake is reported once.

use std::collections::HashSet;
use std::sync::Arc;

use toml::de::DeTable;

use super::fault::{Fault, SourceFile, SourceSpan};

pub(crate) mod foreign_keys;
pub(crate) mod keys;
pub(crate) mod kind;
mod rule;
pub(crate) mod tree;
mod walk;

#[cfg(feature = "control")]
pub(crate) use rule::name_fault;

use tree::TableNode;
use walk::Validator;

/// One file, checked independently of the others.
#[derive(Debug)]
pub(crate) struct Procfile {
    pub(crate) source: Arc<SourceFile>,
    pub(crate) fields: TableNode,
    /// Whether it has syntax errors, so that keys may be missing although they are written.
    pub(crate) broken: bool,
}

/// Reads a file and appends mistakes to `faults`. `later` are the keys that are not supported yet.
pub(crate) fn read(source: Arc<SourceFile>, later: &[&str], faults: &mut Vec<Fault>) -> Procfile {
    let (table, mut errors) = DeTable::parse_recoverable(source.text());
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    let mut broken_lines = HashSet::new();
    for error in &errors {
        let end = source.text().len();
        let place = SourceSpan::new(&source, error.span().unwrap_or(end..end));
        // The parser continues within a broken line; its further errors there are consequences.
        if !broken_lines.insert(place.line()) {
            continue;
        }
        let fault = Fault::at(&place, error.message().trim());
        faults.push(fault.maybe_hint(foreign_keys::line_hint(place.line_text())));
    }
    let mut validator = Validator::new(&source, later, !errors.is_empty());
    let fields = validator.file(table.get_ref());
    let broken = validator.broken || validator.is_unclear;
    broken_lines.extend(lines_of_broken_tables(source.text(), &broken_lines));
    // Faults in the values that the parser recovered from a broken line are consequences too.
    let is_independent =
        |fault: &Fault| fault.place().is_none_or(|place| !broken_lines.contains(&place.line()));
    faults.extend(validator.faults.into_iter().filter(is_independent));
    Procfile { source, fields, broken }
}

/// The lines of each table whose header is broken: the parser adds them to the table before.
fn lines_of_broken_tables(text: &str, broken_lines: &HashSet<usize>) -> Vec<usize> {
    let mut is_broken = false;
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_start()));
    let is_lost = |(number, line): &(usize, &str)| {
        if line.starts_with('[') {
            is_broken = broken_lines.contains(number);
        }
        is_broken
    };
    lines.filter(is_lost).map(|(number, _)| number).collect()
}
