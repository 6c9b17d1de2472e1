//! Generates the key tables of `docs/procfile.md`, and tests that the page matches the table of keys.
//! `PITCREW_TEST_WRITE=1 cargo test --lib spec::docs` updates the page.

use std::fmt::Write as _;
use std::path::Path;

use super::procfile::foreign_keys::FOREIGN_KEYS;
use super::procfile::keys::{LATER, LATER_VALUES, PROCESS, PROJECT, ROOT};
use super::procfile::kind::{KeySpec, TableRole, TableShape, ValueKind};

const BEGIN: &str = "<!-- keys: generated, do not edit -->\n";
const END: &str = "<!-- end of keys -->\n";
const LATER_BEGIN: &str = "<!-- later: generated, do not edit -->\n";
const LATER_END: &str = "<!-- end of later -->\n";

fn keys() -> String {
    let mut text = String::new();
    let mut seen = Vec::new();
    section(&ROOT, "the file", &mut seen, &mut text);
    text
}

/// Writes the table of a shape, then those of the shapes in it, each once.
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
        TableRole::OptionSet => text.push_str("Every key of a process except `command`.\n\n"),
        TableRole::Job => text.push_str(
            "`name`, and every key of a process except `pool`, `replicas`, `watch` and `health`.\n\n",
        ),
        TableRole::Health => {
            text.push_str("As `ready`, without `log`, `delay`, `notify` and `timeout`.\n\n");
        }
        TableRole::Alone | TableRole::Pool | TableRole::Process | TableRole::Ready => {
            rows(shape, text);
        }
    }
    // The inner tables of these two are those of a process.
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
        let later = if LATER.contains(&key.name) { " **Not supported yet.**" } else { "" };
        let value = key.kind.words();
        _ = writeln!(text, "| `{}` | {value} | {default} | {}{later} |", key.name, key.doc);
    }
    text.push('\n');
}

/// Finds the tables a value can be, each with its path in the file.
fn shapes(kind: &'static ValueKind, path: &str, found: &mut Vec<(&'static TableShape, String)>) {
    if let ValueKind::Table(shape) | ValueKind::Runnable(shape) = kind {
        found.push((shape, path.to_owned()));
    } else if let ValueKind::Map { of, .. } = kind {
        shapes(of, &format!("{path}.NAME"), found);
    } else if let ValueKind::List { of, .. } | ValueKind::OneOrMany(of) = kind {
        shapes(of, &format!("{path}[]"), found);
    } else if let ValueKind::Either(kinds) = kind {
        kinds.iter().for_each(|kind| shapes(kind, path, found));
    }
}

/// The keys and values that are refused until they are supported.
fn later() -> String {
    let mut text = String::from("| key or value | instead |\n|---|---|\n");
    let mut row = |key: &str, instead: &str| _ = writeln!(text, "| `{key}` | {instead} |");
    for (table, shape) in [("project", &PROJECT), ("process.NAME", &PROCESS)] {
        for key in shape.own_keys().filter(|key| LATER.contains(&key.name)) {
            row(&format!("{table}.{}", key.name), "");
        }
        for foreign in FOREIGN_KEYS.keys.get(shape.name).into_iter().flatten() {
            if let Some(planned) = foreign.planned() {
                row(&format!("{table}.{planned}"), foreign.hint());
            }
        }
    }
    for (key, value) in LATER_VALUES {
        row(&format!("{key} = \"{value}\""), "a fixed port");
    }
    row("{ from_env = \"OTHER\" }", "in variables: the line `NAME=$OTHER` in an env file");
    text
}

#[test]
fn the_page_has_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/procfile.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let replaced = replace(&page, BEGIN, &keys(), END);
    let replaced = replace(&replaced, LATER_BEGIN, &later(), LATER_END);
    if std::env::var_os("PITCREW_TEST_WRITE").is_some() {
        std::fs::write(&path, replaced).unwrap();
        return;
    }
    assert!(
        page == replaced,
        "docs/procfile.md is outdated: PITCREW_TEST_WRITE=1 cargo test --lib spec::docs"
    );
}

/// Replaces the text between two markers.
fn replace(page: &str, begin: &str, text: &str, end: &str) -> String {
    let (before, rest) = page.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    format!("{before}{begin}{text}{end}{after}")
}
