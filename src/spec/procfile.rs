//! The file as it is written: parsed, and held against the table of keys.
//!
//! Nothing here knows what a key means; that is `resolve`. What comes out is a tree in which every
//! value has the kind its key asks for, or is marked as faulty, so that one mistake is said once.

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

/// One file, checked as far as that is possible without the others.
#[derive(Debug)]
pub(crate) struct Procfile {
    pub(crate) source: Arc<SourceFile>,
    pub(crate) fields: TableNode,
    /// It has syntax errors, so something may be missing that is in fact written.
    pub(crate) broken: bool,
}

/// Reads a file; every mistake goes to `faults`. `later` are the keys that may not be used yet.
pub(crate) fn read(source: Arc<SourceFile>, later: &[&str], faults: &mut Vec<Fault>) -> Procfile {
    let (table, errors) = DeTable::parse_recoverable(source.text());
    let mut broken_lines = HashSet::new();
    for error in &errors {
        let end = source.text().len();
        let place = SourceSpan::new(&source, error.span().unwrap_or(end..end));
        broken_lines.insert(place.line());
        let fault = Fault::at(&place, error.message().trim());
        faults.push(fault.maybe_hint(foreign_keys::line_hint(place.line_text())));
    }
    let broken = !errors.is_empty();
    let (fields, found) = walk::walk(&source, table.get_ref(), later, broken);
    // What the parser made of a broken line is no news.
    let is_news =
        |fault: &Fault| fault.place().is_none_or(|place| !broken_lines.contains(&place.line()));
    faults.extend(found.into_iter().filter(is_news));
    Procfile { source, fields, broken }
}
