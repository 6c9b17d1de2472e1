//! What a program takes in that depends on the library: no terminal crate.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

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
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let manifest: toml::Table = manifest.unwrap().parse().unwrap();
    let features = manifest.get("features").unwrap().as_table().unwrap();
    let headless: Vec<&str> = features
        .keys()
        .map(String::as_str)
        .filter(|name| !matches!(*name, "default" | "tui"))
        .collect();
    let all = crates(&["--no-default-features", "--features", &headless.join(",")]);
    assert!(of_terminals(&all).is_empty(), "{:?}", of_terminals(&all));
    if !features.contains_key("tui") {
        let usual = crates(&[]);
        assert!(of_terminals(&usual).is_empty(), "{:?}", of_terminals(&usual));
    }
}

#[test]
fn a_terminal_crate_would_be_seen() {
    let names = ["ratatui_core", "crossterm", "tuition", "tokio"].map(str::to_owned);
    assert_eq!(of_terminals(&names), ["ratatui_core", "crossterm"]);
}
