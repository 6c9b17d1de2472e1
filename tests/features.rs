//! What a program takes in that depends on the library: no terminal crate. And that the table of
//! `docs/library-cases.md` tells the truth.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that take over a terminal, or draw on it.
const TERMINAL: &[&str] = &[
    "console",
    "crossterm",
    "cursive",
    "indicatif",
    "ncurses",
    "notcurses",
    "pancurses",
    "ratatui",
    "rustyline",
    "termbox",
    "termimad",
    "terminfo",
    "termion",
    "termwiz",
    "tui",
];

/// All crates of a build with these arguments.
fn crates(arguments: &[&str]) -> Vec<String> {
    let tree = ["tree", "-e", "normal", "--prefix", "none", "--format", "{lib}", "--offline"];
    let output = Command::new(env!("CARGO"))
        .args(tree)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut all: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    all.sort_unstable();
    all.dedup();
    assert!(all.iter().any(|name| name == "tokio"), "these are no crates: {all:?}");
    all
}

fn of_terminals(crates: &[String]) -> Vec<&String> {
    // `ratatui_core` is one as well.
    let is_one = |name: &&String| {
        TERMINAL.iter().any(|bad| {
            let rest = name.strip_prefix(bad);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        })
    };
    crates.iter().filter(is_one).collect()
}

#[test]
fn the_library_brings_no_terminal_crate() {
    let bare = crates(&["--no-default-features"]);
    assert!(of_terminals(&bare).is_empty(), "{:?}", of_terminals(&bare));
    assert!(!bare.iter().any(|name| name == "clap"), "nor the arguments of the program");
}

#[test]
fn the_program_brings_one_with_its_interface_only() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let manifest: toml::Table = manifest.unwrap().parse().unwrap();
    let features = manifest.get("features").unwrap().as_table().unwrap();
    let headless: Vec<&str> = features
        .keys()
        .map(String::as_str)
        .filter(|name| !matches!(*name, "default" | "tui"))
        .collect();
    let all = crates(&["--no-default-features", "--features", &headless.join(",")]);
    assert!(of_terminals(&all).is_empty(), "{:?}", of_terminals(&all));
    let usual = crates(&[]);
    assert!(usual.iter().any(|name| name == "ratatui"), "the interface is there unless unwanted");
}

#[test]
fn a_terminal_crate_would_be_seen() {
    let names = ["ratatui_core", "crossterm", "tuition", "tokio"].map(str::to_owned);
    assert_eq!(of_terminals(&names), ["ratatui_core", "crossterm"]);
}

/// The names of all tests in `tests`.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                let lines = text.lines().zip(text.lines().skip(1));
                found.extend(lines.filter_map(|(above, line)| test_of(above, line)));
            }
        }
    }
    found
}

/// The name of the test that begins with these two lines.
fn test_of(above: &str, line: &str) -> Option<String> {
    let is_test = above == "#[test]" || above.starts_with("#[tokio::test");
    let line = line.strip_prefix("async ").unwrap_or(line);
    let (name, _) = line.strip_prefix("fn ")?.split_once('(')?;
    is_test.then(|| name.to_owned())
}

fn is_case(name: &str) -> bool {
    name.starts_with("laravel_") || name.starts_with("symfony_")
}

#[test]
fn every_case_in_the_table_has_its_test() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/library-cases.md");
    let table = fs::read_to_string(table).unwrap();
    let mut named = BTreeSet::new();
    let mut cases = 0;
    for line in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case "))
    {
        let (_, answer) = line.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        let is_reason = ["cannot be written: ", "does not apply: ", "do not apply: ", "no queue "]
            .iter()
            .any(|reason| answer.starts_with(reason));
        let quoted = answer.split('`').skip(1).step_by(2);
        // Names of tests here have several words, and nothing else in the table has.
        let is_test = |name: &&str| is_case(name) || name.matches('_').count() > 1;
        let tests: Vec<&str> = quoted.filter(is_test).collect();
        assert!(is_reason || !tests.is_empty(), "neither a test nor a reason: {line}");
        named.extend(tests.into_iter().map(str::to_owned));
        cases += 1;
    }
    assert!(cases > 100, "the table is not where this test looks for it: {cases} cases");
    let there = tests();
    let missing: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty(), "the table names tests that are not there: {missing:?}");
    let unsaid: Vec<_> = there.difference(&named).filter(|name| is_case(name)).collect();
    assert!(unsaid.is_empty(), "the table does not have {unsaid:?}");
}
