//! The JSON schema and the reader agree: on the file of the contract, on every procfile of this
//! repository, and on a list of wrong ones.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop where it stands")]

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use pitcrew::spec::{Locate, load, schema};
use serde_json::Value;

fn validator() -> Validator {
    let schema = schema();
    jsonschema::draft202012::meta::validate(&schema).expect("the schema is a schema");
    jsonschema::draft202012::new(&schema).expect("the schema can be used")
}

fn value(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).expect("it is TOML")).unwrap()
}

/// What the schema says against a text, one line each.
fn errors(validator: &Validator, text: &str) -> Vec<String> {
    let value = value(text);
    validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path)).collect()
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
    let told = errors(&validator(), include_str!("procfile/full.toml"));
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn the_schema_and_the_reader_take_every_procfile_of_the_repository() {
    let validator = validator();
    for path in procfiles() {
        let told = errors(&validator, &fs::read_to_string(&path).unwrap());
        assert_eq!(told, Vec::<String>::new(), "{}", path.display());
        let dir = path.parent().unwrap().to_owned();
        if let Err(faults) = load(&Locate { files: vec![path], dir, stdin: None }) {
            panic!("{faults}");
        }
    }
}

/// Every block of TOML on the page about the file.
#[test]
fn the_schema_and_the_reader_take_what_the_page_shows() {
    let page = include_str!("../docs/procfile.md");
    let validator = validator();
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        assert_eq!(errors(&validator, block), Vec::<String>::new(), "{block}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("procfile.toml"), block).unwrap();
        load(&Locate { files: Vec::new(), dir: folder.path().to_owned(), stdin: None }).unwrap();
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
        let request = Locate { files: Vec::new(), dir: folder.path().to_owned(), stdin: None };
        assert!(load(&request).is_err(), "the reader takes: {text}");
    }
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
