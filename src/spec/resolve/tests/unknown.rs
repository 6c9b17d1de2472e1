//! Keys that are none: each is one mistake, whatever is missing because of it, and the words of
//! other tools name our key.

use super::super::super::procfile::foreign_keys::{FOREIGN_KEYS, section};
use super::super::super::procfile::keys::ROOT;
use super::super::super::procfile::kind::{TableShape, ValueKind};
use super::*;

/// Files with one misspelt word, and the one fault that is reported about them.
const ONE_TYPO: &[(&str, &str)] = &[
    (
        "[process.x]\ncomand = 'x'",
        "2:1 unknown key `comand` in a process (did you mean `command`?)",
    ),
    ("[process.x]\nrun = 'x'", "2:1 unknown key `run` in a process (write `command` instead)"),
    (
        "[process.x]\nscript = 'x'\nargs = ['y']",
        "2:1 unknown key `script` in a process (write `command` instead)\n3:1 unknown key `args` in a process (write the arguments into `command`: `command = [\"program\", \"argument\"]`)",
    ),
    (
        "[pool.p]\nconcurency = 2\njobs = ['x']",
        "2:1 unknown key `concurency` in a pool (did you mean `concurrency`?)",
    ),
    (
        "[pool.p]\nconcurrency = 2\njobs = [{ comand = 'x' }]",
        "3:11 unknown key `comand` in a job (did you mean `command`?)",
    ),
    ("[proces.web]\ncommand = 'x'", "1:2 unknown key `proces` (did you mean `process`?)"),
    (
        "[proces.web]\ncommand = 'x'\n[process.api]\ncommand = 'x'\ndepends_on = ['web']",
        "1:2 unknown key `proces` (did you mean `process`?)",
    ),
    ("[services.web]\ncommand = 'x'", "1:2 unknown key `services` (write `process` instead)"),
    ("[[apps]]\nname = 'x'", "1:3 unknown key `apps` (write `process` instead)"),
    (
        "[web]\ncommand = 'x'\n[process.api]\ncommand = 'x'\ndepends_on = ['web']",
        "1:2 unknown key `web` (a process is written as `[process.web]`)",
    ),
    (
        "[retries.patient]\nattempts = 3\n[process.x]\ncommand = 'x'\nretry = 'patient'",
        "1:2 unknown key `retries` (write `retry` instead)",
    ),
    (
        "[policies.patient]\nattempts = 3\n[process.x]\ncommand = 'x'\nretry = 'patient'",
        "1:2 unknown key `policies` (the top-level keys are: project, options, retry, pool, process)",
    ),
    (
        "[process.x]\ncommand = 'x'\nhealth = { log = 'up' }",
        "3:12 a `health` check cannot have the key `log` (only allowed in `ready`)",
    ),
    ("[process.x\ncommand = 'x'", "1:11 unclosed table, expected `]`"),
    ("[process.x]\ncommand = 'x'\n[pool.p\nconcurrency = 2", "3:8 unclosed table, expected `]`"),
    (
        "web: bundle exec rails server",
        "1:4 invalid unquoted key, expected letters, numbers, `-`, `_` (write `web = \"bundle exec rails server\"` under `[process]`)",
    ),
    ("web = 'npm run dev'", "1:1 unknown key `web` (a process is written as `[process.web]`)"),
    (
        "[rety.patient]\nattempts = 3\n[process.x]\ncommand = 'x'\nretry = 'patient'",
        "1:2 unknown key `rety` (did you mean `retry`?)",
    ),
    (
        "[option.rust]\ncwd = '.'\n[process.x]\ncommand = 'x'\noptions = ['rust']",
        "1:2 unknown key `option` (did you mean `options`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\nready = { htpp = 'http://localhost:1/' }",
        "3:11 unknown key `htpp` in a `ready` check (did you mean `http`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\nready = { http_get = { port = 1 } }",
        "3:11 unknown key `http_get` in a `ready` check (write `http = \"http://127.0.0.1:8080/healthz\"`, or `\"/healthz\"` for the `port` of the process)",
    ),
    (
        "[process.x]\ncommand = 'x'\nready = { tcp = 1, htpp = 'http://x/' }",
        "3:20 unknown key `htpp` in a `ready` check (did you mean `http`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\nhealth = { tpc = 1 }",
        "3:12 unknown key `tpc` in a `health` check (did you mean `tcp`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\nwatch = { pahts = ['a'] }",
        "3:11 unknown key `pahts` in `watch` (did you mean `paths`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\nretry = { atempts = 3 }",
        "3:11 unknown key `atempts` in a retry policy (did you mean `attempts`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\nretry = { backof = { initial = '1s' } }",
        "3:11 unknown key `backof` in a retry policy (did you mean `backoff`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\ninterval = '1s'",
        "3:1 unknown key `interval` in a process (did you mean `ready.interval`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\ngrace = '1s'",
        "3:1 unknown key `grace` in a process (did you mean `stop.grace`?)",
    ),
    ("env = { A = 1 }\n[process]\nx = 'x'", "1:1 unknown key `env` (did you mean `project.env`?)"),
    (
        "[process.x]\ncommand = 'x'\nCwd = '.'",
        "3:1 unknown key `Cwd` in a process (did you mean `cwd`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\nworkingDir = '.'",
        "3:1 unknown key `workingDir` in a process (write `cwd` instead)",
    ),
    // Several mistakes are reported, each once.
    (
        "[process.x]\ncomand = 'x'\nprot = 'y'",
        "2:1 unknown key `comand` in a process (did you mean `command`?)\n3:1 unknown key `prot` in a process (did you mean `port`?)",
    ),
    (
        "[process.x]\nzzz = 'x'",
        "1:10 process `x` has no command (add `command = \"…\"`)\n2:1 unknown key `zzz` in a process (`pitcrew schema` lists all keys)",
    ),
    (
        "[proces.web]\ncomand = 'x'",
        "1:2 unknown key `proces` (did you mean `process`?)\n2:1 unknown key `comand` in a process (did you mean `command`?)",
    ),
    (
        "[process.x]\ncommand = 'x'\ndepends = ['y']",
        "3:1 unknown key `depends` in a process (write `depends_on` instead)\n3:12 process `x` depends on `y`, which does not exist",
    ),
];

#[test]
fn one_misspelt_word_is_one_mistake() {
    for &(text, wanted) in ONE_TYPO {
        assert_eq!(faults(text).join("\n"), wanted, "{text}");
    }
}

/// A file in which `key` stands in a table of this shape.
fn file_with(shape: &TableShape, key: &str) -> String {
    let process = |keys: &str| format!("[process.a]\ncommand = 'x'\n{keys}\n[process]\ndb = 'x'\n");
    match shape.name {
        "procfile" => format!("{key} = 1\n[process]\na = 'x'\n"),
        "project" => format!("[project]\n{key} = 1\n[process]\na = 'x'\n"),
        "process" => process(&format!("{key} = 1")),
        "options" => format!("[options.o]\n{key} = 1\n[process]\na = 'x'\n"),
        "pool" => format!("[pool.p]\nconcurrency = 1\njobs = ['x']\n{key} = 1\n"),
        "job" => format!("[pool.p]\nconcurrency = 1\njobs = [{{ command = 'x', {key} = 1 }}]\n"),
        "ready" => process(&format!("ready = {{ tcp = 1, {key} = 1 }}")),
        "health" => process(&format!("health = {{ tcp = 1, {key} = 1 }}")),
        "retry" => process(&format!("retry = {{ {key} = 1 }}")),
        "backoff" => process(&format!("retry = {{ backoff = {{ {key} = 1 }} }}")),
        "stop" => process(&format!("stop = {{ {key} = 1 }}")),
        "watch" => process(&format!("watch = {{ paths = ['x'], {key} = 1 }}")),
        "log" => process(&format!("log = {{ {key} = 1 }}")),
        "project-log" => format!("[project]\nlog = {{ {key} = 1 }}\n[process]\na = 'x'\n"),
        "dependency" => process(&format!("depends_on = {{ db = {{ {key} = 1 }} }}")),
        other => panic!("no file for {other}"),
    }
}

/// Every table of the file.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others hold no table")]
fn shapes(kind: &'static ValueKind, found: &mut Vec<&'static TableShape>) {
    match kind {
        ValueKind::Table(shape) | ValueKind::Runnable(shape)
            if !found.iter().any(|one| one.name == shape.name) =>
        {
            found.push(shape);
            shape.own_keys().for_each(|key| shapes(&key.kind, found));
        }
        ValueKind::Map { of, .. } | ValueKind::List { of, .. } | ValueKind::OneOrMany(of) => {
            shapes(of, found);
        }
        ValueKind::Either(kinds) => kinds.iter().for_each(|kind| shapes(kind, found)),
        _ => {}
    }
}

/// Whether `path` is a key of the table, with dots into the tables inside of it.
fn is_key(shape: &'static TableShape, path: &str) -> bool {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Some(key) = shape.own_keys().find(|key| key.name == name) else { return false };
    let mut inner = Vec::new();
    shapes(&key.kind, &mut inner);
    let is_named = matches!(key.kind, ValueKind::Map { .. });
    rest.is_none_or(|rest| is_named || inner.iter().any(|inner| is_key(inner, rest)))
}

#[test]
fn every_word_of_another_tool_is_one_mistake_whose_hint_is_our_key() {
    const FILE: &ValueKind = &ValueKind::Table(&ROOT);
    let mut all = Vec::new();
    shapes(FILE, &mut all);
    assert!(!FOREIGN_KEYS.keys.is_empty(), "foreign_keys.toml cannot be read");
    for (table, rows) in &FOREIGN_KEYS.keys {
        let of: Vec<_> = all.iter().filter(|shape| section(shape) == table).collect();
        assert!(!of.is_empty(), "foreign keys for no table: {table}");
        let mut seen = Vec::new();
        for row in rows {
            let words = row.theirs.iter();
            for (word, shape) in words.flat_map(|word| of.iter().map(move |shape| (word, *shape))) {
                // `health` has not all that `ready` has, and neither have jobs.
                let is_ours = shape.own_keys().any(|key| key.name == *word);
                assert!(!is_ours, "`{word}` is a key of {}", shape.label);
                let reported = faults(&file_with(shape, word));
                let name = if shape.name == "procfile" {
                    String::new()
                } else {
                    format!(" in {}", shape.label)
                };
                let (message, hint) = row.message_and_hint(word, &name);
                assert!(hint.contains(row.hint()), "{row:?}");
                assert!(row.planned().is_none_or(|key| format!("{message}{hint}").contains(key)));
                let wanted = format!(" {message} ({hint})");
                assert!(
                    reported.len() == 1 && reported[0].ends_with(&wanted),
                    "{reported:#?}\n{wanted}"
                );
            }
            if !row.ours.is_empty() {
                assert!(of.iter().any(|shape| is_key(shape, &row.ours)), "no key: {row:?}");
                let name = row.ours.rsplit('.').next().unwrap();
                assert!(row.message_and_hint("", "").1.contains(name), "does not name it: {row:?}");
            }
            for word in &row.theirs {
                assert!(!seen.contains(word), "`{word}` stands there twice");
                seen.push(word.clone());
            }
        }
    }
}

#[test]
fn a_value_of_another_tool_names_ours() {
    for (theirs, ours) in &FOREIGN_KEYS.values {
        let restart = faults(&format!("[process.x]\ncommand = 'x'\nrestart = '{theirs}'"));
        let condition = faults(&format!(
            "[process]\ndb = 'x'\n[process.x]\ncommand = 'x'\ndepends_on = {{ db = '{theirs}' }}"
        ));
        let hint = format!("(write \"{ours}\" instead)");
        let reported: Vec<_> = restart.iter().chain(&condition).collect();
        assert_eq!(reported.len(), 2, "{theirs}: {reported:?}");
        assert!(reported.iter().any(|fault| fault.ends_with(&hint)), "{theirs}: {reported:?}");
    }
}

#[test]
fn a_line_of_another_kind_of_file_is_shown_as_it_is_written_here() {
    for (text, wanted) in [
        ("[program:web]\ncommand = 'x'", "write `[process.web]`"),
        ("[group:all-of-it]", "write `tags = [\"all-of-it\"]` in each of its processes"),
        ("web: npm run dev", "write `web = \"npm run dev\"` under `[process]`"),
        ("a b: c", ""),
        ("[process.x", ""),
    ] {
        let reported = faults(text);
        let hint = reported[0].rsplit_once(" (").map_or("", |(_, hint)| hint.trim_end_matches(')'));
        assert_eq!(hint, wanted, "{reported:?}");
    }
}
