//! The generated part of `docs/procfile.md`, and the test that holds the page against the table of
//! keys. `PITCREW_BLESS=1 cargo test --lib spec::docs` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use super::procfile::keys::{LATER, ROOT};
use super::procfile::kind::{Key, Kind, Role, Shape};

const BEGIN: &str = "<!-- keys: generated, do not edit -->\n";
const END: &str = "<!-- end of keys -->\n";

fn keys() -> String {
    let mut text = String::new();
    let mut seen = Vec::new();
    section(&ROOT, "the file", &mut seen, &mut text);
    text
}

/// A table for a shape, then those of the shapes it has in it, each once.
fn section(shape: &'static Shape, path: &str, seen: &mut Vec<&'static str>, text: &mut String) {
    if seen.contains(&shape.name) {
        return;
    }
    seen.push(shape.name);
    _ = writeln!(text, "### {path}\n");
    match shape.role {
        Role::OptionSet => text.push_str("Every key of a process but `command`.\n\n"),
        Role::Job => text.push_str(
            "`name`, and every key of a process but `pool`, `replicas`, `watch` and `health`.\n\n",
        ),
        Role::Health => {
            text.push_str("As `ready`, without `log`, `delay`, `notify` and `timeout`.\n\n");
        }
        Role::Alone | Role::Pool | Role::Process | Role::Ready => rows(shape, text),
    }
    // The tables inside of these two are those of a process.
    if matches!(shape.role, Role::OptionSet | Role::Job) {
        return;
    }
    let path = |key: &Key| match path {
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

fn rows(shape: &'static Shape, text: &mut String) {
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
fn shapes(kind: &'static Kind, path: &str, found: &mut Vec<(&'static Shape, String)>) {
    match kind {
        Kind::Table(shape) | Kind::Runnable(shape) => found.push((shape, path.to_owned())),
        Kind::Map { of, .. } => shapes(of, &format!("{path}.NAME"), found),
        Kind::List { of, .. } | Kind::OneOrMany(of) => shapes(of, &format!("{path}[]"), found),
        Kind::Either(kinds) => kinds.iter().for_each(|kind| shapes(kind, path, found)),
        Kind::Text(_)
        | Kind::Choice(_)
        | Kind::Boolean
        | Kind::Only(_)
        | Kind::Integer { .. }
        | Kind::Number { .. }
        | Kind::EnvValue
        | Kind::Argv => {}
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
