//! The README and the documentation are correct: example files are valid, commands and options exist, links resolve.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let after = text.split(fence.as_str()).skip(1);
    after.map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

fn pitcrew(dir: &Path, args: &[&str]) -> Output {
    let state = dir.join("state-of-the-test");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pitcrew"));
    command.current_dir(dir).args(args).env("XDG_STATE_HOME", &state).env("TMPDIR", dir);
    command.env_remove("XDG_RUNTIME_DIR").output().unwrap()
}

fn checks(dir: &Path, file: &str) {
    let done = pitcrew(dir, &["-f", file, "check"]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.is_empty(), "{file}: {said}");
}

/// The documents, which may name commands of each other.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/cli.md",
    "docs/comparison.md",
    "docs/library.md",
    "docs/processes.md",
    "docs/procfile.md",
    "docs/terminals.md",
    "docs/testing.md",
    "docs/tui.md",
    "examples/README.md",
    "examples/shop/README.md",
];

#[test]
fn the_file_in_the_readme_is_right() {
    let found = blocks(&read("README.md"), "toml");
    assert_eq!(found.len(), 1, "one file, so that it is the one that is tried");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("procfile.toml"), &found[0]).unwrap();
    checks(folder.path(), "procfile.toml");
}

#[test]
fn the_demo_and_the_examples_are_right() {
    let files = [
        "procfile.toml",
        "examples/shop/procfile.toml",
        "examples/terminal/procfile.toml",
        "examples/ci.toml",
        "examples/batch.toml",
    ];
    for file in files {
        checks(&root(), file);
    }
    let said = read("examples/README.md");
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || said.contains(&name), "{name} is not in examples/README.md");
    }
}

#[test]
fn the_batch_runs_to_its_good_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join("examples/batch.toml"), folder.path().join("batch.toml")).unwrap();
    let done = pitcrew(folder.path(), &["-f", "batch.toml", "up"]);
    assert!(done.status.success(), "{done:?}");
    let printed = String::from_utf8_lossy(&done.stdout);
    assert!(printed.contains("summary  | all pictures are small now"), "{printed}");
}

#[test]
fn the_demo_shows_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join("procfile.toml"), folder.path().join("procfile.toml")).unwrap();
    // Those parts that end by themselves.
    let done = pitcrew(folder.path(), &["up", "report", "mistyped", "build"]);
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8_lossy(&done.stderr);
    for expected in [
        "flaky: retry 1 of 3 in 1.0s",
        "mistyped cannot start: no such program \"slep\"; did you mean \"sleep\"?",
        "report skipped: flaky cannot succeed",
        "build finished: 5 succeeded",
    ] {
        assert!(said.contains(expected), "`{expected}` is not in:\n{said}");
    }
}

#[test]
fn the_commands_and_options_that_are_named_exist() {
    let here = root();
    let help = |args: &[&str]| String::from_utf8(pitcrew(&here, args).stdout).unwrap();
    let top = help(&["--help"]);
    let known: Vec<&str> = top
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(known.contains(&"up"), "{top}");
    let mut commands = 0;
    for document in DOCUMENTS {
        for text in read(document).split("`pitcrew ").skip(1) {
            // `pitcrew | text` is how its notices look.
            if text.starts_with('|') {
                continue;
            }
            let words: Vec<&str> = text.split('`').next().unwrap().split_whitespace().collect();
            let Some(command) = words.iter().find(|word| !word.starts_with('-')) else { continue };
            // A feature that not every build has.
            let is_known = known.contains(command) || *command == "mcp";
            assert!(is_known, "{document} names `pitcrew {}`", words.join(" "));
            let options = help(&[command, "--help"]);
            for word in words.iter().take_while(|word| **word != "--") {
                let is_option = word.starts_with("--");
                assert!(!is_option || options.contains(word), "{document}: `{command} {word}`");
            }
            commands += 1;
        }
    }
    assert!(commands > 8, "{commands} commands only: is the README written otherwise now?");
    // Everything that exists is in docs/cli.md.
    let page = read("docs/cli.md");
    for command in known.iter().filter(|command| **command != "help") {
        assert!(page.contains(&format!("### `{command}")), "docs/cli.md does not know {command}");
        for word in help(&[command, "--help"]).split_whitespace() {
            let option = word.trim_end_matches([',', '.']);
            let is_option = option.starts_with("--") && option.len() > 2 && option != "--help";
            assert!(!is_option || page.contains(option), "docs/cli.md: `{command} {option}`");
        }
    }
}

#[test]
fn the_command_of_the_tests_is_the_one_that_is_run() {
    let command = blocks(&read("README.md"), "sh").pop().unwrap();
    assert!(command.starts_with("cargo test"));
    // `.ci/fresh` takes both commands out of the README.
    assert!(read(".ci/run").contains(".ci/fresh "), ".ci/run does not begin on an empty machine");
    assert!(read(".ci/fresh").contains("README.md"));
    assert!(read("justfile").contains(&command), "justfile does not know `{command}`");
}

#[test]
fn what_is_not_there_yet_is_refused() {
    let page = read("docs/cli.md");
    let refused = page.split("### Planned commands").nth(1).unwrap();
    let refused = refused.split("are not implemented").next().unwrap();
    let here = root();
    for word in refused.split('`').skip(1).step_by(2) {
        let done = pitcrew(&here, &[word]);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(
            said.contains("not implemented yet") && done.status.code() == Some(2),
            "{word}: {said}"
        );
    }
}

#[test]
fn links_lead_somewhere() {
    for document in DOCUMENTS {
        let folder = root().join(document).parent().unwrap().to_owned();
        for target in read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") || target.starts_with('#') {
                continue;
            }
            let path = target.split('#').next().unwrap();
            assert!(folder.join(path).exists(), "{document} links to {target}");
        }
    }
}

#[test]
fn the_list_of_programs_that_are_kept_is_whole() {
    let page = read("docs/processes.md");
    let listed = page.split("<!-- keep").nth(1).unwrap().split("<!-- /keep -->").next().unwrap();
    let listed = listed.split("-->").nth(1).unwrap();
    let source = read("src/spec/stray_allowlist.rs");
    let usual = source.split("const DEFAULT").nth(1).unwrap().split("];").next().unwrap();
    let quoted = |text: &str, quote| -> Vec<String> {
        text.split(quote).skip(1).step_by(2).map(str::to_owned).collect()
    };
    assert_eq!(quoted(listed, '`'), quoted(usual, '"'));
}

#[test]
fn every_event_and_error_is_described() {
    let page = read("docs/cli.md");
    let source = read("src/machine/event.rs");
    let events = source.split("\nevents! {").nth(1).unwrap().split("\n}\n").next().unwrap();
    let mut count = 0;
    for line in events.lines().map(str::trim) {
        // `Name "its_name" (of) {`
        let is_head = line.ends_with('{') && !line.starts_with('/');
        let Some(kind) = line.split('"').nth(1).filter(|_| is_head) else { continue };
        assert!(page.contains(&format!("| `{kind}` |")), "docs/cli.md does not know {kind}");
        count += 1;
    }
    assert!(count > 10, "{count} events only");
    for error in pitcrew::event::RunError::WORDS {
        assert!(page.contains(&format!("`{error}`")), "docs/cli.md does not know {error}");
    }
}
