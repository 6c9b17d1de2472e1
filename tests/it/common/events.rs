//! Reads the lines of `--events FILE` and checks what must hold for each.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

/// Kinds that are about no process.
const GENERAL: [&str; 8] = [
    "file_changed",
    "watch_suspended",
    "config_reloaded",
    "config_rejected",
    "pool_drained",
    "project_ready",
    "project_stopping",
    "project_stopped",
];
const ENDS: [&str; 3] = ["process_completed", "process_killed", "process_failed"];

pub fn kind(event: &Value) -> &str {
    event["event"].as_str().unwrap()
}

pub fn name(event: &Value) -> &str {
    event["name"].as_str().unwrap_or_default()
}

pub fn is_end(event: &Value) -> bool {
    ENDS.contains(&kind(event))
}

/// All of one kind, in order.
pub fn of<'a>(events: &'a [Value], wanted: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| kind(event) == wanted).collect()
}

/// All of one kind and one process, in order.
pub fn about<'a>(events: &'a [Value], wanted: &str, whom: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| kind(event) == wanted && name(event) == whom).collect()
}

/// The only one of a kind and a process.
#[track_caller]
pub fn only<'a>(events: &'a [Value], wanted: &str, whom: &str) -> &'a Value {
    let found = about(events, wanted, whom);
    assert_eq!(found.len(), 1, "{wanted} of {whom} in {events:#?}");
    found[0]
}

/// Place of the first one of a kind and a process.
#[track_caller]
pub fn place(events: &[Value], wanted: &str, whom: &str) -> usize {
    let found = events.iter().position(|event| kind(event) == wanted && name(event) == whom);
    found.unwrap_or_else(|| panic!("no {wanted} of {whom} in {events:#?}"))
}

/// Reads and checks the whole lines.
#[track_caller]
pub fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    // A project that runs may be writing the last one.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let events: Vec<Value> =
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    check(&events);
    events
}

/// What holds for the events of a whole life of a project.
#[track_caller]
pub fn check(events: &[Value]) {
    let mut ended: HashSet<(String, u64)> = HashSet::new();
    let mut started: HashSet<(String, u64)> = HashSet::new();
    let mut latest: HashMap<String, u64> = HashMap::new();
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["seq"].as_u64(), Some(at as u64 + 1), "seq of {event}");
        check_time(event);
        let kind = kind(event);
        if GENERAL.contains(&kind) {
            continue;
        }
        assert!(kind.starts_with("process_"), "{event}");
        let keys: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        for key in ["seq", "time", "event", "name", "process", "run", "attempt", "cause"] {
            assert!(keys.contains(&key), "{event} has no {key}");
        }
        assert!(event["cause"]["kind"].is_string(), "{event}");
        assert!(event["attempt"].as_u64().unwrap() >= 1, "{event}");
        let id = (name(event).to_owned(), event["run"].as_u64().unwrap());
        if kind == "process_started" {
            assert!(event["pid"].as_u64().unwrap() > 1, "{event}");
            assert!(started.insert(id.clone()), "two starts of one run: {event}");
            let before = latest.insert(id.0.clone(), id.1).unwrap_or_default();
            assert!(id.1 > before, "runs count up: {event}");
        }
        if is_end(event) {
            assert!(ended.insert(id.clone()), "two ends of one run: {event}");
            assert!(event["success"].is_boolean(), "{event}");
            assert!(event["leaked"].is_boolean(), "{event}");
            assert!(event["duration_ms"].is_u64(), "{event}");
            match kind {
                "process_killed" => assert!(event["by"].is_string(), "{event}"),
                "process_failed" => {
                    assert!(event["error"].is_string() && event["message"].is_string(), "{event}");
                }
                _ => assert!(started.contains(&id), "an end without a start: {event}"),
            }
        }
    }
    if events.last().is_some_and(|event| kind(event) == "project_stopped") {
        assert!(started.is_subset(&ended), "runs without an end: {started:?} {ended:?}");
    }
}

/// RFC 3339 with milliseconds.
#[track_caller]
fn check_time(event: &Value) {
    let time = event["time"].as_str().unwrap();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{event}");
}
