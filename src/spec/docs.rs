//! Generates the key tables of `docs/procfile.md`, and tests that the page matches the table of keys.
//! `PITCREW_BLESS=1 cargo test --lib spec::docs` updates the page.

use std::fmt::Write as _;
use std::path::Path;

use super::procfile::keys::{LATER, ROOT};
use super::procfile::kind::{KeySpec, TableRole, TableShape, ValueKind};

const BEGIN: &str = "<!-- keys: generated, do not edit -->\n";
const END: &str = "<!-- end of keys -->\n";

fn keys() -> String {
    let mut text = String::new();
    let mut seen = Vec::new();
    section(&ROOT, "the file", &mut seen, &mut text);
    text
}

/// A table for a shape, then those of the shapes it has in it, each once.
fn section(
    shape: &'static TableShape,
    path: &str,
    seen: &mut Vec<&'static str>,
    text: &mut String,
) {
    if seen.contains(&shape.name) {
        return;
    }
    seen.push(shape.name);
    _ = writeln!(text, "### {path}\n");
    match shape.role {
        TableRole::OptionSet => text.push_str("Every key of a process but `command`.\n\n"),
        TableRole::Job => text.push_str(
            "`name`, and every key of a process but `pool`, `replicas`, `watch` and `health`.\n\n",
        ),
        TableRole::Health => {
            text.push_str("As `ready`, without `log`, `delay`, `notify` and `timeout`.\n\n");
        }
        TableRole::Alone | TableRole::Pool | TableRole::Process | TableRole::Ready => {
            rows(shape, text);
        }
    }
    // The tables inside of these two are those of a process.
    if matches!(shape.role, TableRole::OptionSet | TableRole::Job) {
        return;
    }
    let path = |key: &KeySpec| match path {
        "the file" => key.name.to_owned(),
        path => format!("{path}.{}", key.name),
    };
    for key in shape.own_keys() {
        let mut inner = Vec::new();
        shapes(&key.kind, &path(key), &mut inner);
        for (shape, path) in inner {
            section(shape, &path, seen, text);
        }
    }
}

fn rows(shape: &'static TableShape, text: &mut String) {
    if !shape.one_of.is_empty() {
        let kinds: Vec<String> = shape.one_of.iter().map(|key| format!("`{key}`")).collect();
        _ = writeln!(text, "Exactly one of {}.\n", kinds.join(", "));
    }
    text.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
    for key in shape.own_keys() {
        let default = if key.required { "required" } else { key.default };
        let later = if LATER.contains(&key.name) { " **Not in this version yet.**" } else { "" };
        let value = key.kind.words();
        _ = writeln!(text, "| `{}` | {value} | {default} | {}{later} |", key.name, key.doc);
    }
    text.push('\n');
}

/// The tables a value can be, each with the path it is written at.
fn shapes(kind: &'static ValueKind, path: &str, found: &mut Vec<(&'static TableShape, String)>) {
    match kind {
        ValueKind::Table(shape) | ValueKind::Runnable(shape) => {
            found.push((shape, path.to_owned()));
        }
        ValueKind::Map { of, .. } => shapes(of, &format!("{path}.NAME"), found),
        ValueKind::List { of, .. } | ValueKind::OneOrMany(of) => {
            shapes(of, &format!("{path}[]"), found);
        }
        ValueKind::Either(kinds) => kinds.iter().for_each(|kind| shapes(kind, path, found)),
        ValueKind::Text(_)
        | ValueKind::Choice(_)
        | ValueKind::Boolean
        | ValueKind::Only(_)
        | ValueKind::Integer { .. }
        | ValueKind::Number { .. }
        | ValueKind::EnvValue
        | ValueKind::Argv => {}
    }
}

#[test]
fn the_page_has_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/procfile.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let keys = keys();
    if std::env::var_os("PITCREW_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{keys}{END}{after}")).unwrap();
        return;
    }
    assert!(
        written == keys,
        "docs/procfile.md is old: PITCREW_BLESS=1 cargo test --lib spec::docs"
    );
}
