//! The JSON schema and the reader agree on a file with every key, every procfile of this repository, and a list of
//! invalid files.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use pitcrew::spec::{ProjectLocator, load, schema};
use serde_json::Value;

fn validator() -> Validator {
    let schema = schema();
    jsonschema::draft202012::meta::validate(&schema).expect("the schema is a schema");
    jsonschema::draft202012::new(&schema).expect("the schema can be used")
}

fn value(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).expect("it is TOML")).unwrap()
}

/// The errors of the schema about a text, one line each.
fn errors(validator: &Validator, text: &str) -> Vec<String> {
    let value = value(text);
    validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

/// Every procfile of the repository: the demo at the root, and the examples.
fn procfiles() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root.join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") && !path.ends_with("Cargo.toml")
            {
                found.push(path);
            }
        }
    }
    found.extend(Some(root.join("procfile.toml")).filter(|demo| demo.exists()));
    found
}

#[test]
fn the_schema_takes_the_file_of_the_contract() {
    let reported = errors(&validator(), include_str!("procfile/full.toml"));
    assert_eq!(reported, Vec::<String>::new());
}

#[test]
fn the_schema_and_the_reader_take_every_procfile_of_the_repository() {
    let validator = validator();
    for path in procfiles() {
        let reported = errors(&validator, &fs::read_to_string(&path).unwrap());
        assert_eq!(reported, Vec::<String>::new(), "{}", path.display());
        let dir = path.parent().unwrap().to_owned();
        if let Err(faults) = load(&ProjectLocator { files: vec![path], dir, stdin: None }) {
            panic!("{faults}");
        }
    }
}

/// Every block of TOML on the page about the file.
#[test]
fn the_schema_and_the_reader_take_what_the_page_shows() {
    let page = include_str!("../../docs/procfile.md");
    let validator = validator();
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        assert_eq!(errors(&validator, block), Vec::<String>::new(), "{block}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("procfile.toml"), block).unwrap();
        load(&ProjectLocator { files: Vec::new(), dir: folder.path().to_owned(), stdin: None })
            .unwrap();
    }
}

#[test]
fn the_schema_takes_every_form_of_a_value() {
    let validator = validator();
    for keys in [
        "timeout = '1m 30s'",
        "env = { A = 'a', B = 1, C = 1.5, D = true }",
        "env_file = ['.env', '.local?']",
        "depends_on = { db = { condition = 'ready', restart = true }, 'p.1' = 'succeeded' }",
        "retry = { attempts = 'unlimited', backoff = { factor = 1.0 } }",
        "ready = { http = '/healthz', status = [200] }",
        "ready = { tcp = 'port' }",
        "ready = { tcp = '[::1]:80' }",
        "ready = { notify = true, timeout = '10s' }",
        "watch = { paths = ['a'], action = 'signal:HUP', suspend_after = 0 }",
        "log = false",
        "log = { file = 'x', max_size = '1.5GiB' }",
        "stop = { signal = 'SIGRTMIN+3', command = ['x'], keep = [] }",
    ] {
        let text = format!("[process.x]\ncommand = 'x'\n{keys}\n");
        assert_eq!(errors(&validator, &text), Vec::<String>::new(), "{keys}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let validator = validator();
    for text in [
        "",
        "[procces]\nx = 'x'",
        "[process]\nx = 5",
        "[process]\nx = ''",
        "[process]\nx = []",
        "[process]\nx = ['', 'a']",
        "[process]\nall = 'x'",
        "[process]\n'a b' = 'x'",
        "[process.x]\nport = 1",
        "[process.x]\ncommand = 'x'\ncomand = 'x'",
        "[process.x]\ncommand = 'x'\ntimeout = 10",
        "[process.x]\ncommand = 'x'\ntimeout = '10'",
        "[process.x]\ncommand = 'x'\ntimeout = ''",
        "[process.x]\ncommand = 'x'\ntimeout = '1s 1m'",
        "[process.x]\ncommand = 'x'\nport = 0",
        "[process.x]\ncommand = 'x'\nreplicas = 0",
        "[process.x]\ncommand = 'x'\nrestart = 'sometimes'",
        "[process.x]\ncommand = 'x'\nenv = { 'A=B' = 'x' }",
        "[process.x]\ncommand = 'x'\nenv = { A = ['x'] }",
        "[process.x]\ncommand = 'x'\nready = {}",
        "[process.x]\ncommand = 'x'\nready = { tcp = 1, file = 'x' }",
        "[process.x]\ncommand = 'x'\nready = { tcp = 1, status = [200] }",
        "[process.x]\ncommand = 'x'\nready = { notify = true, interval = '1s' }",
        "[process.x]\ncommand = 'x'\nready = { file = 'x', foreign = true }",
        "[process.x]\ncommand = 'x'\nready = { http = 'https://x/' }",
        "[process.x]\ncommand = 'x'\nhealth = { log = 'x' }",
        "[process.x]\ncommand = 'x'\nwatch = { ignore = ['a'] }",
        "[process.x]\ncommand = 'x'\nlog = true",
        "[process.x]\ncommand = 'x'\nlog = { max_size = '10MB' }",
        "[process.x]\ncommand = 'x'\nstop = { strays = 'maybe' }",
        "[process.x]\ncommand = 'x'\ndepends_on = { db = 'redy' }",
        "[process]\nx = 'x'\n[pool.p]\njobs = ['x']",
        "[pool.p]\nconcurrency = 1\njobs = [{ command = 'x', replicas = 2 }]",
        "[process]\nx = 'x'\n[options.o]\ncommand = 'x'",
        "[process]\nx = 'x'\n[retry.r]\nbackoff = { jitter = 2.0 }",
    ] {
        assert!(!errors(&validator, text).is_empty(), "the schema takes: {text}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("procfile.toml"), text).unwrap();
        let request =
            ProjectLocator { files: Vec::new(), dir: folder.path().to_owned(), stdin: None };
        assert!(load(&request).is_err(), "the reader takes: {text}");
    }
}

/// Mistakes as people make them, where each is, and the word that the message has to name. A path
/// is that of JSON: `/process/x/restart`.
const MISTAKES: &[(&str, &str, &str)] = &[
    // A choice; a choice in a list of forms; a word or a number.
    ("restart = 'alway'", "/process/x/restart", "alway"),
    ("restart = true", "/process/x/restart", "true"),
    ("depends_on = { x = 'redy' }", "/process/x/depends_on/x", "redy"),
    ("depends_on = { x = { condition = 'redy' } }", "/process/x/depends_on/x/condition", "redy"),
    ("depends_on = { x = { conditon = 'ready' } }", "/process/x/depends_on/x", "conditon"),
    ("depends_on = 'x'", "/process/x/depends_on", "array"),
    ("depends_on = ['a b']", "/process/x/depends_on/0", "a b"),
    ("retry = { attempts = 'many' }", "/process/x/retry/attempts", "many"),
    ("retry = { attempts = -1 }", "/process/x/retry/attempts", "-1"),
    ("retry = { atempts = 1 }", "/process/x/retry", "atempts"),
    ("retry = 5", "/process/x/retry", "5"),
    ("retry = { backoff = { factor = 'x' } }", "/process/x/retry/backoff/factor", "x"),
    // Durations, sizes, numbers, booleans, strings.
    ("timeout = 10", "/process/x/timeout", "10"),
    ("timeout = '10 lightyears'", "/process/x/timeout", "lightyears"),
    ("log = { max_size = '10MB' }", "/process/x/log/max_size", "10MB"),
    ("log = true", "/process/x/log", "false"),
    ("log = 'x'", "/process/x/log", "x"),
    ("log = { dir = 'x' }", "/process/x/log", "dir"),
    ("port = 70000", "/process/x/port", "70000"),
    ("port = '8080'", "/process/x/port", "8080"),
    ("autostart = 'yes'", "/process/x/autostart", "yes"),
    ("cwd = 5", "/process/x/cwd", "5"),
    // A string or an array, an entry or a list.
    ("env_file = 5", "/process/x/env_file", "5"),
    ("env_file = ['.env', 5]", "/process/x/env_file/1", "5"),
    ("tags = 'a'", "/process/x/tags", "a"),
    ("env = { A = ['x'] }", "/process/x/env/A", "x"),
    ("env = ['A=b']", "/process/x/env", "A=b"),
    ("watch = 'src'", "/process/x/watch", "src"),
    ("watch = []", "/process/x/watch", "[]"),
    ("watch = { ignore = ['a'] }", "/process/x/watch", "paths"),
    ("watch = { paths = ['a'], action = 'reload' }", "/process/x/watch/action", "reload"),
    ("stop = { signal = 15 }", "/process/x/stop/signal", "15"),
    ("stop = { strays = 'maybe' }", "/process/x/stop/strays", "maybe"),
    ("success_exit_codes = [300]", "/process/x/success_exit_codes/0", "300"),
    // Checks.
    ("ready = {}", "/process/x/ready", "one of exec, http, tcp"),
    ("ready = { interval = '1s' }", "/process/x/ready", "one of exec, http, tcp"),
    ("ready = { htpp = 'http://x/' }", "/process/x/ready", "htpp"),
    ("ready = { tcp = 1, file = 'marker' }", "/process/x/ready/file", "marker"),
    ("ready = { tcp = true }", "/process/x/ready/tcp", "true"),
    ("ready = { tcp = '5432' }", "/process/x/ready/tcp", "5432"),
    ("ready = { file = 'x', foreign = true }", "/process/x/ready/foreign", "true"),
    ("ready = { tcp = 1, status = [200] }", "/process/x/ready", "http"),
    ("ready = { delay = '1s', failures = 77 }", "/process/x/ready/failures", "77"),
    ("ready = { notify = false }", "/process/x/ready/notify", "true"),
    ("ready = { http = 'https://x/' }", "/process/x/ready/http", "https"),
    ("health = { log = 'marker' }", "/process/x/health", "log"),
    ("ready = 5", "/process/x/ready", "5"),
    // Unknown keys.
    ("comand = 'y'", "/process/x", "comand"),
];

/// The same for whole files.
const WRONG_FILES: &[(&str, &str, &str)] = &[
    ("", "", "process"),
    ("[project]\nname = 'x'", "", "process"),
    ("[proces]\nx = 'x'", "", "proces"),
    ("[process.x]\ncomand = 'x'", "/process/x", "comand"),
    ("[process.x]\nport = 1", "/process/x", "command"),
    ("[process]\nx = 5", "/process/x", "5"),
    ("[process]\nx = ''", "/process/x", "\"\""),
    ("[process]\nx = []", "/process/x", "[]"),
    ("[process.x]\ncommand = 5", "/process/x/command", "5"),
    ("[process.x]\ncommand = ['a', 5]", "/process/x/command/1", "5"),
    ("[process]\n'a b' = 'x'", "/process", "a b"),
    ("[pool.p]\nconcurency = 2\njobs = ['x']", "/pool/p", "concurency"),
    ("[pool.p]\njobs = ['x']", "/pool/p", "concurrency"),
    ("[pool.p]\nconcurrency = 1\njobs = [5]", "/pool/p/jobs/0", "5"),
    (
        "[pool.p]\nconcurrency = 1\njobs = [{ command = 'x', replicas = 2 }]",
        "/pool/p/jobs/0",
        "replicas",
    ),
    ("[pool.p]\nconcurrency = 1\non_failure = 'halt'\njobs = ['x']", "/pool/p/on_failure", "halt"),
    ("[process]\nx = 'x'\n[options.o]\ncommand = 'x'", "/options/o", "command"),
    ("[process]\nx = 'x'\n[retry.r]\nbackoff = { jitter = 2.5 }", "/retry/r/backoff/jitter", "2.5"),
    ("[process]\nx = 'x'\n[project]\nshell = 'bash'", "/project/shell", "bash"),
];

#[test]
fn the_schema_tells_one_mistake_once_with_its_place_and_its_word() {
    let validator = validator();
    let in_a_process = MISTAKES
        .iter()
        .map(|(keys, path, word)| (format!("[process.x]\ncommand = 'x'\n{keys}\n"), *path, *word));
    let files = WRONG_FILES.iter().map(|(text, path, word)| ((*text).to_owned(), *path, *word));
    for (text, path, word) in in_a_process.chain(files) {
        let value = value(&text);
        let reported: Vec<_> = validator.iter_errors(&value).collect();
        let lines: Vec<_> =
            reported.iter().map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(reported.len(), 1, "{text}\n{lines:#?}");
        assert_eq!(reported[0].instance_path().to_string(), path, "{text}\n{lines:#?}");
        assert!(reported[0].to_string().contains(word), "{text}\n{lines:#?}");
    }
    let text = schema().to_string();
    assert!(!text.contains("anyOf") && !text.contains("oneOf"));
}

#[test]
fn every_key_of_the_schema_is_described() {
    fn look(at: &Value, path: &str) {
        for (name, key) in at["properties"].as_object().into_iter().flatten() {
            let text = key["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{path}.{name}");
        }
    }
    let schema = schema();
    look(&schema, "");
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        assert_eq!(definition["additionalProperties"], false, "{name}");
        look(definition, name);
    }
}
