//! Checks of the module layers: which layer may use which other layers and crates, read from the sources.
//!
//! The table is also in `docs/architecture.md` (`documented`). Also checked: circular imports between the files of a layer
//! (`circles`), the public items of the crate (`public_items`), `unsafe`, and the length of files. Test code is
//! checked for its length only.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod circles;
mod documented;
mod public_items;

/// The maximum number of lines of a file.
const MAX_LINES: usize = 450;

/// A layer: its name, the layers and crates it may use, and the texts that must not occur in it.
struct Layer {
    name: &'static str,
    layers: &'static [&'static str],
    crates: &'static [&'static str],
    never: &'static [&'static str],
}

/// Crates without policy and I/O, which any layer may use.
const PLAIN: &[&str] = &["indexmap", "jiff", "serde", "serde_json", "strsim", "thiserror"];

const TERMINAL: &[&str] = &["ratatui", "crossterm"];

/// The layers that are part of a program which uses the library.
const EMBEDDED: &[&str] = &["spec", "machine", "output", "terminal", "sys", "engine", "library"];

/// What these layers must not do: print, exit, or change the signal handling of the program.
const NEVER_EMBEDDED: &[&str] = &[
    "println!",
    "print!(",
    "dbg!(",
    "io::stdout(",
    "io::stderr(",
    "tokio::signal",
    "signal::unix",
    "signal::ctrl_c",
    "signal_hook",
    "sigaction(",
    "rt_sigaction",
    "libc::signal(",
    "process::exit(",
    "process::abort(",
];

/// Exceptions from `NEVER_EMBEDDED`: file, text, and number of occurrences.
const EXCEPTIONS: &[(&str, &str, usize)] = &[
    // The guardian is a separate process of `up`; it reports processes that it cannot end.
    ("sys/guardian.rs", "io::stderr(", 1),
    // Reads whether a signal is ignored; restores the default action, so that pitcrew can end by the signal
    // that ended its child.
    ("sys/signal_set.rs", "sigaction(", 1),
    ("sys/signal_set.rs", "libc::signal(", 1),
    // The child between clone and exec: resets every signal to its default.
    ("sys/exec.rs", "rt_sigaction", 2),
    // The descriptor that `Output::Inherit` passes on.
    ("sys/spawn.rs", "io::stdout(", 1),
    // Asks the terminal there for its size.
    ("sys/own_terminal.rs", "io::stdout(", 1),
    // Only used by the program: reads whether a signal is ignored, resets two to their default, ignores two.
    ("sys/own_process.rs", "sigaction(", 2),
    ("sys/own_process.rs", "libc::signal(", 2),
    // Checks whether these are a terminal that may be written to.
    ("sys/own_process.rs", "io::stdout(", 1),
    ("sys/own_process.rs", "io::stderr(", 1),
];

const LAYERS: &[Layer] = &[
    Layer {
        name: "spec",
        layers: &[],
        crates: &[
            "annotate_snippets",
            "globset",
            "libc",
            "regex",
            "rustix",
            "toml",
            "unicode_width",
            // For the OpenAPI schema of types that the control socket serves unchanged.
            "utoipa",
        ],
        never: &["async ", "std::thread", "TcpStream", "std::process", "Instant", "SystemTime"],
    },
    Layer {
        name: "machine",
        layers: &["spec"],
        // For the OpenAPI schema of types that the control socket serves unchanged.
        crates: &["utoipa"],
        never: &[
            "async ",
            ".await",
            "Instant",
            "SystemTime",
            "std::fs",
            "std::io",
            "std::env",
            "std::net",
            "std::thread",
            "std::process",
            "std::sync::Mutex",
        ],
    },
    Layer {
        name: "output",
        layers: &["spec"],
        crates: &["memchr", "regex", "rustix", "unicode_width"],
        never: &["async ", ".await", "SystemTime", "std::process", "std::net"],
    },
    Layer {
        name: "terminal",
        layers: &[],
        // `utoipa`: for the OpenAPI schema of types that the control socket serves unchanged.
        crates: &["alacritty_terminal", "base64", "memchr", "unicode_width", "utoipa"],
        never: &[
            "async ",
            ".await",
            "Instant",
            "SystemTime",
            "std::fs",
            "std::env",
            "std::net",
            "std::thread",
            "std::process",
        ],
    },
    Layer {
        name: "sys",
        layers: &["spec", "terminal"],
        crates: &["libc", "memchr", "rustix", "tokio"],
        never: &["SystemTime"],
    },
    Layer {
        name: "probe",
        layers: &["output", "spec", "sys"],
        crates: &["http_body_util", "hyper", "hyper_util", "tokio"],
        never: &["println!", "Instant::now", "SystemTime"],
    },
    Layer {
        name: "watch",
        layers: &["spec"],
        crates: &["globset", "ignore", "rustix"],
        never: &["async ", ".await", "SystemTime", "Instant", "std::process", "println!"],
    },
    Layer {
        name: "engine",
        layers: &["machine", "output", "probe", "spec", "sys", "terminal", "watch"],
        crates: &["schemars", "serde", "tokio", "tracing", "utoipa"],
        never: &[],
    },
    Layer {
        name: "library",
        layers: &["engine", "machine", "output", "spec", "sys", "terminal"],
        crates: &["futures_core", "memchr", "shlex", "tokio", "tracing"],
        never: &[],
    },
    // A host for tests in place of `sys`; also runs projects on it.
    Layer {
        name: "testing",
        layers: &["engine", "machine", "output", "spec", "sys", "terminal"],
        crates: &["shlex", "tokio"],
        never: &["println!", "SystemTime", "std::process", "std::thread::sleep"],
    },
    Layer {
        name: "plain",
        layers: &["engine", "machine", "output", "spec"],
        crates: &["tokio"],
        never: &["Instant::now", "SystemTime"],
    },
    Layer {
        name: "control",
        layers: &["engine", "machine", "output", "spec", "terminal"],
        crates: &[
            "form_urlencoded",
            "percent_encoding",
            "serde_path_to_error",
            "serde_urlencoded",
            "axum",
            "base64",
            "futures_core",
            "http_body_util",
            "hyper",
            "hyper_util",
            "memchr",
            "regex",
            "regex_syntax",
            "subtle",
            "tokio",
            "tracing",
            "utoipa",
        ],
        never: &["println!", "std::io::stdout", "std::io::stderr", "SystemTime", "Instant::now"],
    },
    // A client: all its data of the engine comes over the socket.
    Layer {
        name: "tui",
        layers: &["control", "machine", "output", "spec", "terminal"],
        crates: &[
            "memchr",
            "base64",
            "crossterm",
            "ratatui",
            "regex",
            "rustix",
            "shlex",
            "tokio",
            "toml",
            "tracing",
            "tui_input",
            "unicode_segmentation",
            "unicode_width",
        ],
        never: &["println!", "dbg!("],
    },
    // Combines all layers.
    Layer {
        name: "cli",
        layers: &[
            "control", "engine", "machine", "output", "plain", "spec", "sys", "terminal", "tui",
        ],
        crates: &[
            "clap",
            "clap_complete",
            "clap_mangen",
            "libc",
            "regex",
            "rmcp",
            "schemars",
            "shlex",
            "tokio",
            "tracing",
            "tracing_appender",
            "tracing_subscriber",
            "unicode_width",
        ],
        never: &["println!"],
    },
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<(PathBuf, String)> {
    rust_files("src")
}

/// Returns the path (relative to `folder`) and text of all Rust files in a folder of the repository.
fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let top = root().join(folder);
    let mut found = Vec::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&top).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "no sources in {}", top.display());
    found
}

fn layer_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

/// Returns the text without comments and without the test module at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let bare = |line: &str| match line.find("//") {
        Some(at) if line[..at].trim().is_empty() || line[..at].ends_with(' ') => line[..at].into(),
        _ => line.to_owned(),
    };
    text.lines().map(bare).collect::<Vec<_>>().join("\n")
}

/// Returns the first segments of all paths: `tokio` of `tokio::spawn`, but not `sync` of `tokio::sync::watch`.
fn roots_of_paths(code: &str) -> BTreeSet<&str> {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let word_before = |(at, _)| {
        let start = code[..at].rfind(|char| !is_word(char)).map_or(0, |end| end + 1);
        let begins = !code[..start].ends_with([':', '.']);
        begins.then(|| &code[start..at])
    };
    code.match_indices("::").filter_map(word_before).filter(|word| !word.is_empty()).collect()
}

/// Returns the names that follow `crate::`, including those in braces; in a top-level module `super::` counts too.
fn layers_used(code: &str, at_top: bool) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for root in if at_top { &["crate::", "super::"][..] } else { &["crate::"] } {
        for (at, _) in code.match_indices(root) {
            used.extend(first_words(&code[at + root.len()..]));
        }
    }
    used
}

/// `a` of `a::{b, c}`; `a` and `b` of `{a::{c, d}, b}`.
fn first_words(text: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let is_word = |char: &char| char.is_ascii_lowercase() || *char == '_';
        text.trim_start().chars().take_while(is_word).collect()
    };
    let Some(group) = text.strip_prefix('{') else { return vec![word(text)] };
    let mut words = vec![word(group)];
    let mut depth = 1;
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => words.push(word(&group[at + 1..])),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    words
}

/// Returns the names of all dependencies as they are written in code.
fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let names = manifest["dependencies"].as_table().unwrap().keys();
    names.map(|name| name.replace('-', "_")).collect()
}

/// Returns a message for each rule that the file violates.
fn violations(layer: &Layer, path: &Path, code: &str, crates: &[String]) -> Vec<String> {
    let mut violations = Vec::new();
    let shown = path.display();
    let at_top = path.components().count() == 1;
    for used in layers_used(code, at_top) {
        let is_layer = LAYERS.iter().any(|other| other.name == used);
        if is_layer && used != layer.name && !layer.layers.contains(&used.as_str()) {
            violations.push(format!("src/{shown}: {} may not use {used}", layer.name));
        }
    }
    let known: BTreeSet<&str> =
        crates.iter().map(String::as_str).chain(TERMINAL.iter().copied()).collect();
    let allowed = |name: &&str| PLAIN.contains(name) || layer.crates.contains(name);
    for name in roots_of_paths(code).intersection(&known).filter(|name| !allowed(name)) {
        violations.push(format!("src/{shown}: {} may not use the crate {name}", layer.name));
    }
    let embedded = if EMBEDDED.contains(&layer.name) { NEVER_EMBEDDED } else { &[] };
    for word in embedded {
        let exception =
            EXCEPTIONS.iter().find(|(file, what, _)| path == Path::new(file) && what == word);
        let (found, allowed) =
            (code.matches(word).count(), exception.map_or(0, |(_, _, count)| *count));
        if found != allowed {
            violations.push(format!("src/{shown}: `{word}` {found} times instead of {allowed}"));
        }
    }
    for word in layer.never {
        if code.contains(word) {
            violations.push(format!(
                "src/{shown}: {} must not contain `{}`",
                layer.name,
                word.trim()
            ));
        }
    }
    violations
}

#[test]
fn every_layer_uses_only_allowed_layers_and_crates() {
    let crates = dependencies();
    let mut all = Vec::new();
    for (path, text) in sources() {
        let name = layer_of(&path);
        if is_test(&path) || matches!(name.as_str(), "lib" | "main") {
            continue;
        }
        match LAYERS.iter().find(|layer| layer.name == name) {
            Some(layer) => all.extend(violations(layer, &path, &code(&text), &crates)),
            None => {
                all.push(format!("src/{}: `{name}` is not a layer of the table", path.display()));
            }
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn only_sys_contains_unsafe_code() {
    let words = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe_code"];
    let uses = |code: &str| words.iter().any(|word| code.contains(word));
    let outside = |(path, text): &(PathBuf, String)| layer_of(path) != "sys" && uses(&code(text));
    let found: Vec<_> = sources().into_iter().filter(outside).map(|(path, _)| path).collect();
    assert!(found.is_empty(), "unsafe outside of src/sys: {found:?}");
}

#[test]
fn files_are_short_and_no_file_is_named_mod_rs() {
    let mut messages = Vec::new();
    for folder in ["src", "tests"] {
        for (path, text) in rust_files(folder) {
            let shown = Path::new(folder).join(&path);
            let (shown, lines) = (shown.display(), text.lines().count());
            if lines > MAX_LINES {
                messages
                    .push(format!("{shown} has {lines} lines, at most {MAX_LINES} are allowed"));
            }
            if path.ends_with("mod.rs") {
                messages.push(format!("{shown}: name the file after its module"));
            }
        }
    }
    assert!(messages.is_empty(), "{}", messages.join("\n"));
}

#[test]
fn violations_are_detected() {
    let layer = LAYERS.iter().find(|layer| layer.name == "machine").unwrap();
    let crates = ["tokio".to_owned()];
    let see = |text: &str| violations(layer, Path::new("machine/x.rs"), &code(text), &crates).len();
    assert_eq!(see("use crate::spec::Name;"), 0);
    assert_eq!(see("use crate::engine::Engine;"), 1);
    assert_eq!(see("use crate::{spec::{Name, sys}, sys::Host};"), 1);
    assert_eq!(see("fn f() { tokio::spawn(g()); }"), 1);
    assert_eq!(see("// tokio::spawn, crate::sys"), 0);
    assert_eq!(see("use std::time::Instant;"), 1);
    assert_eq!(see("#[cfg(test)]\nmod tests {\n    use tokio::x;"), 0);
    assert_eq!(see("fn f() { eprintln!(); }"), 1);
    assert_eq!(see("use tokio::signal::unix::signal;"), 3, "crate, module and source");
    let top = violations(layer, Path::new("machine.rs"), "use super::engine::Engine;", &crates);
    assert_eq!(top, ["src/machine.rs: machine may not use engine"]);
}
