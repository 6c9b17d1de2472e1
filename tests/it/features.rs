//! Dependencies of each feature: the library has no terminal crate. Also checks the tables of
//! `docs/library-cases.md` and `docs/comparison.md`.

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

fn read(name: &str) -> toml::Table {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    text.parse().unwrap()
}

/// Every feature that is switched on by these.
fn features<'a>(manifest: &'a toml::Table, wanted: &[&'a str]) -> BTreeSet<&'a str> {
    let table = manifest.get("features").unwrap().as_table().unwrap();
    let (mut on, mut left) = (BTreeSet::new(), wanted.to_vec());
    while let Some(feature) = left.pop() {
        if on.insert(feature) {
            let more = table.get(feature).and_then(toml::Value::as_array).into_iter().flatten();
            left.extend(more.filter_map(toml::Value::as_str));
        }
    }
    on
}

/// All crates of a build with these features, from the manifest and the lock file: nothing has to
/// be fetched for that. The lock file holds what the crates may bring with any of their own
/// features, so these are rather too many than too few.
fn crates(wanted: &[&str]) -> BTreeSet<String> {
    let (manifest, lock) = (read("Cargo.toml"), read("Cargo.lock"));
    let on = features(&manifest, wanted);
    let is_in = |(name, how): &(&String, &toml::Value)| {
        let is_optional = how.get("optional").and_then(toml::Value::as_bool) == Some(true);
        !is_optional || on.contains(format!("dep:{name}").as_str())
    };
    let direct = manifest.get("dependencies").unwrap().as_table().unwrap();
    // A dependency is `name`, or `name version` where there are several.
    let mut left: Vec<String> =
        direct.iter().filter(is_in).map(|(name, _)| name.to_owned()).collect();
    let packages = lock.get("package").unwrap().as_array().unwrap();
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    while let Some(wanted) = left.pop() {
        if !seen.insert(wanted.clone()) {
            continue;
        }
        let mut words = wanted.split(' ');
        let (name, version) = (words.next().unwrap(), words.next());
        let text = |package: &toml::Value, key: &str| {
            package.get(key).and_then(toml::Value::as_str).unwrap().to_owned()
        };
        let fits = |package: &&toml::Value| {
            text(package, "name") == name
                && version.is_none_or(|version| text(package, "version") == version)
        };
        let before = found.len();
        for package in packages.iter().filter(fits) {
            found.insert(name.to_owned());
            let more = package.get("dependencies").and_then(toml::Value::as_array);
            left.extend(
                more.into_iter().flatten().filter_map(toml::Value::as_str).map(str::to_owned),
            );
        }
        assert!(found.contains(name), "{wanted} is not locked, after {before} crates");
    }
    assert!(found.contains("tokio"), "these are no crates: {found:?}");
    found
}

fn of_terminals<'a>(crates: impl IntoIterator<Item = &'a String>) -> Vec<&'a String> {
    // `ratatui-core` is one as well.
    let is_one = |name: &&String| {
        TERMINAL.iter().any(|bad| {
            let rest = name.strip_prefix(bad);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-']))
        })
    };
    crates.into_iter().filter(is_one).collect()
}

#[test]
fn the_library_brings_no_terminal_crate() {
    let bare = crates(&[]);
    assert!(of_terminals(&bare).is_empty(), "{:?}", of_terminals(&bare));
    assert!(!bare.contains("clap"), "nor the arguments of the program");
}

#[test]
fn the_program_brings_one_with_its_interface_only() {
    let manifest = read("Cargo.toml");
    let features = manifest.get("features").unwrap().as_table().unwrap();
    let headless: Vec<&str> = features
        .keys()
        .map(String::as_str)
        .filter(|name| !matches!(*name, "default" | "tui"))
        .collect();
    let all = crates(&headless);
    assert!(all.contains("clap") && all.contains("rmcp"), "these features bring crates: {all:?}");
    assert!(of_terminals(&all).is_empty(), "{:?}", of_terminals(&all));
    assert!(crates(&["default"]).contains("ratatui"), "the interface is there unless unwanted");
}

#[test]
fn a_terminal_crate_would_be_seen() {
    let names = ["ratatui-core", "crossterm", "tui-input", "tuition", "tokio"].map(str::to_owned);
    assert_eq!(of_terminals(&names), ["ratatui-core", "crossterm", "tui-input"]);
}

/// What proves the pitcrew column of a row in the table of `docs/comparison.md`.
#[cfg(feature = "cli")]
enum Proof {
    /// This command exists, and its `--help` contains the text.
    Command(&'static str, &'static str),
    /// `check` accepts these keys of a process.
    Key(&'static str),
    /// The row is about neither a command nor a key: other tests prove it, or it is a fact.
    Elsewhere,
}

#[cfg(feature = "cli")]
const COMPARISON: &[(&str, Proof)] = {
    use Proof::{Command, Elsewhere, Key};
    &[
        ("file", Elsewhere),
        ("terminal interface", Command("up", "--no-tui")),
        ("a terminal for the child", Key("tty = true")),
        ("its screen and keys from a script, with a wait", Command("wait", "--screen")),
        ("dependencies", Key("depends_on = { db = 'succeeded' }")),
        ("readiness and health checks", Key("ready = { tcp = 1 }\nhealth = { tcp = 1 }")),
        ("restart with limit", Key("retry = { attempts = 3 }")),
        ("growing back-off", Key("retry = { backoff = { factor = 2.0 } }")),
        ("pools: more jobs than slots", Key("pool = 'build'")),
        ("replicas", Key("replicas = 2")),
        ("restart on file change", Key("watch = ['src']")),
        ("stop escalates to KILL", Key("stop = { grace = '1s' }")),
        ("signals go to the whole group", Command("signal", "SIGNAL")),
        ("ends descendants that left the group", Key("stop = { strays = 'kill' }")),
        ("nothing left when the tool is killed", Elsewhere),
        ("log files", Key("log = { file = 'x' }")),
        ("log rotation by size", Key("log = { max_size = '1MiB' }")),
        ("output in memory bounded by bytes", Elsewhere),
        ("events with causes", Command("events", "--follow")),
        ("control from another shell", Command("restart", "--wait")),
        ("detach, daemon", Command("up", "--detach")),
        ("reload of the file", Command("reload", "--dry-run")),
        ("starts at boot", Elsewhere),
        ("macOS", Elsewhere),
        ("Windows", Elsewhere),
        ("licence", Elsewhere),
    ]
};

#[cfg(feature = "cli")]
#[test]
fn the_comparison_says_of_pitcrew_what_is_true() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/comparison.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |"));
    let rows: Vec<(&str, &str)> = rows
        .map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect();
    let named: Vec<&str> = rows.iter().map(|(row, _)| *row).collect();
    let proved: Vec<&str> = COMPARISON.iter().map(|(row, _)| *row).collect();
    assert_eq!(named, proved, "every row has its proof");
    let pitcrew = |args: &[&str], dir: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pitcrew"));
        let output = command.args(args).current_dir(dir).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    for ((row, says), (_, proof)) in rows.iter().zip(COMPARISON) {
        let folder = tempfile::tempdir().unwrap();
        let is_there = match proof {
            Proof::Elsewhere => continue,
            Proof::Command(command, text) => {
                let (done, help) = pitcrew(&[command, "--help"], folder.path());
                done && help.contains(text)
            }
            Proof::Key(keys) => {
                let file = format!(
                    "[process]\ndb = 'x'\n[pool.build]\nconcurrency = 1\n\
                     [process.x]\ncommand = 'x'\n{keys}\n"
                );
                fs::write(folder.path().join("procfile.toml"), file).unwrap();
                pitcrew(&["check"], folder.path()).0
            }
        };
        let wanted = if is_there { "yes" } else { "**not yet**" };
        assert_eq!(*says, wanted, "{row}");
    }
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
