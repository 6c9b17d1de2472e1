//! Tests of files as users write them: the resulting specs and the reported mistakes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::env_file::EnvPipes;
use super::super::fault::{Faults, SourceFile};
use super::super::locate::{LoadedProject, ProjectLocator, load, load_with};
use super::super::{
    Condition, Dependency, Fault, Name, ProcessKind, Restart, RetryPolicy, ShutdownOn, Signal,
    Spec, StraysPolicy, WatchAction, WatchSpec, procfile,
};
use super::*;

mod env_files;
mod meaning;
mod mistakes;
mod ports;
mod unknown;
mod warnings;

struct Project {
    folder: TempDir,
}

impl Project {
    fn new(text: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.with("procfile.toml", text)
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// As if every key were built already.
    fn load(&self) -> Result<LoadedProject, Faults> {
        self.load_with_env(&[])
    }

    /// The same where pitcrew has this environment.
    fn load_with_env(&self, env: &[(&str, &str)]) -> Result<LoadedProject, Faults> {
        let inherited = env.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let reading = EnvReading { inherited, pipes: EnvPipes::Read, waiting: &|_| {} };
        load_with(
            &ProjectLocator { files: Vec::new(), dir: self.dir(), stdin: None },
            &[],
            &reading,
        )
    }

    fn spec(&self) -> Spec {
        self.load().unwrap_or_else(|faults| panic!("{faults}")).spec
    }
}

fn spec(text: &str) -> Spec {
    Project::new(text).spec()
}

/// Each fault as `line:column message (hint)`.
fn faults(text: &str) -> Vec<String> {
    let reported = |fault: &Fault| {
        let (line, column) = (fault.line().unwrap(), fault.column().unwrap());
        let hint = fault.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{line}:{column} {}{hint}", fault.message())
    };
    match Project::new(text).load() {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(reported).collect(),
    }
}

#[test]
fn a_long_chain_of_dependencies_does_not_overflow() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for n in 0..8_000 {
        _ = write!(text, "[process.p{n}]\ncommand='x'\ndepends_on=['p{}']\n", (n + 1) % 8_000);
    }
    let reported = faults(&text);
    assert_eq!(reported.len(), 1);
    assert!(reported[0].contains("circular dependency"));
}

/// Checks a text without a file on disk, and that every fault is inside of it.
fn check(text: &str) {
    let source = SourceFile::new("procfile.toml".into(), text.to_owned());
    let mut findings = Diagnostics::default();
    let file = procfile::read(Arc::clone(&source), procfile::keys::LATER, &mut findings.faults);
    let home =
        ProjectPaths { file: "/none/procfile.toml".into(), dir: "/none".into(), files: Vec::new() };
    let reading = EnvReading { inherited: HashMap::new(), pipes: EnvPipes::Read, waiting: &|_| {} };
    resolve(&home, &[file], &reading, &mut findings);
    let faults = Faults::sorted(findings.faults, &[source]);
    let lines: Vec<&str> = text.split('\n').collect();
    for fault in &faults {
        let (line, column) = (fault.line().unwrap(), fault.column().unwrap());
        let characters = lines[line - 1].chars().count();
        assert!((1..=characters + 1).contains(&column), "{line}:{column} in {text:?}");
    }
    let rendered = faults.render(false);
    assert!(!rendered.chars().any(|c| c != '\n' && c.is_control()), "{rendered:?}");
}

#[test]
fn a_file_with_any_broken_byte_is_reported_without_a_panic() {
    let text = include_str!("../../../tests/it/procfile/full.toml");
    let breaks = ["", "\"", "[", "\u{1b}", "=", "\n", "é"];
    // Neighbours break differently, so that one pass is enough.
    for (at, with) in (0..text.len()).zip(breaks.iter().cycle()) {
        if let (Some(before), Some(after)) = (text.get(..at), text.get(at + 1..)) {
            check(&format!("{before}{with}{after}"));
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_reported_without_a_panic(text in "\\PC*|(?s).*|[\\[\\]={}\"'a-c.\n0-9, ]*") {
        check(&text);
    }

    #[test]
    fn any_value_of_any_key_is_reported_without_a_panic(
        key in prop::sample::select(vec![
            "command", "options", "cwd", "env", "unset_env", "port", "color", "stdin", "tty", "depends_on",
            "ready", "health", "restart", "retry", "timeout", "stop", "success_exit_codes", "watch",
            "replicas", "pool", "tags", "log",
        ]),
        value in "[0-9]{1,25}|-?[0-9]\\.[0-9]e[0-9]{1,4}|'[^'\\n\r\\x00-\\x1f\\x7f]*'|\\[('[a-z]*',? ?){0,3}\\]|\\{ ?[a-z]{1,5} = ('[a-z:/.(]*'|[0-9]+) ?\\}|true|inf",
    ) {
        check(&format!("[process.x]\ncommand = 'x'\n{key} = {value}\n"));
    }

    #[test]
    fn any_env_file_is_reported_without_a_panic(text in "(?s).{0,40}|([A-Z \"'$#=\\\\{}x\n\r]|é){0,60}") {
        let project = Project::new("[process.x]\ncommand = 'x'\nenv_file = '.env'\n");
        if let Err(faults) = project.with(".env", &text).load() {
            let lines = text.split('\n').count();
            prop_assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line().unwrap())));
        }
    }
}
