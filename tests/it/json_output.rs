//! The fields and types of the JSON that each command prints, compared with `control/json_output.txt`.

use std::collections::BTreeSet;

use crate::common::ask::{Said, run};
use crate::common::{Project, assert_file, long_sleep};
use serde_json::Value;

/// The JSON of a command, with its heading.
type Shapes = Vec<(&'static str, Vec<Value>)>;

/// A project in which each kind of value is there once: with and without a pid, a replica, a pool.
fn file(sleep: &str) -> String {
    format!(
        "[project]\nname = 'shop'\nlog = {{ dir = 'logs' }}\n\
         [process]\nweb = 'echo hi; exec sleep {sleep}'\n\
         cat = {{ command = 'cat', stdin = 'pipe', watch = ['*.x'] }}\n\
         bad = 'exit 3'\n\
         [process.worker]\ncommand = 'exec sleep {sleep}'\nreplicas = 1\nport = 9000\npool = 'build'\n\
         [process.after]\ncommand = 'true'\ndepends_on = {{ bad = 'succeeded' }}\n\
         [pool.build]\nconcurrency = 1\n"
    )
}

#[test]
fn each_shape_is_as_it_was() {
    let sleep = long_sleep();
    let project = Project::new(&file(&sleep));
    let mut shapes: Shapes = vec![("check", values(&project.ask(["check", "--json"]).code(0)))];
    let running = project.up(["--keep"]);
    running.wait_out("hi");
    project.ask(["wait", "web", "worker"]).code(0);
    project.ask(["wait", "bad", "--for", "completed"]).code(0);
    while_it_runs(&project, &mut shapes);
    project.write("procfile.toml", "[process]\nweb = { comand = 'x' }\n");
    shapes.push(("check with mistakes", values(&project.ask(["check", "--json"]).code(2))));
    shapes.push(("reload with mistakes", values(&project.ask(["reload", "--json"]).code(2))));
    project.write("procfile.toml", &file(&sleep));
    shapes.push(("down", values(&project.ask(["down", "--json"]).code(0))));
    running.done().assert_code(0);
    shapes.push(("logs from the files", values(&project.ask(["logs", "--json", "web"]).code(0))));
    compare(&shapes);
}

fn while_it_runs(project: &Project, shapes: &mut Shapes) {
    for (name, args) in [
        ("ps", &["ps", "--json"][..]),
        ("why", &["why", "--json", "web"]),
        ("why with a chain", &["why", "--json", "after"]),
        ("start", &["start", "--json", "web"]),
        ("signal", &["signal", "CONT", "web", "--json"]),
        ("send", &["send", "--json", "cat", "x"]),
        ("wait", &["wait", "--json", "web"]),
        ("enqueue", &["enqueue", "--json", "build", "--", "true"]),
        ("restart", &["restart", "--json", "web"]),
        ("stop", &["stop", "--json", "web"]),
        ("kill", &["kill", "--json", "cat"]),
        ("scale up", &["scale", "--json", "web", "2"]),
        ("scale down", &["scale", "--json", "web", "0"]),
        ("logs", &["logs", "--json", "web"]),
        ("events", &["events", "--json"]),
        ("graph", &["graph", "--json"]),
    ] {
        let mut command = project.pitcrew([]);
        command.args(args);
        shapes.push((name, values(&run(command).code(0))));
    }
    let file = project.text("procfile.toml");
    project.write("procfile.toml", &file.replace("replicas = 1\n", "env = { A = 'b' }\n"));
    shapes.push(("reload", values(&project.ask(["reload", "--json", "--dry-run"]).code(0))));
    project.write("procfile.toml", &file);
}

/// Every line is one JSON value.
fn values(said: &Said) -> Vec<Value> {
    said.jsons()
}

#[track_caller]
fn compare(shapes: &Shapes) {
    let mut text = String::new();
    for (name, values) in shapes {
        // Of events, each kind by its name.
        let named = |value: &Value| match value.get("event") {
            Some(event) => format!(" {}: {}\n", event.as_str().unwrap(), shape(value)),
            None => format!(" {}\n", shape(value)),
        };
        let all: BTreeSet<String> = values.iter().map(named).collect();
        text.extend([name, ":\n"]);
        text.extend(all);
    }
    assert_file("tests/it/control/json_output.txt", &text);
}

/// The keys in their order and the kinds of their values; of a list each kind of entry.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(all) => {
            let kinds: BTreeSet<String> = all.iter().map(shape).collect();
            format!("[{}]", kinds.into_iter().collect::<Vec<_>>().join(" | "))
        }
        Value::Object(all) => {
            let keys: Vec<String> =
                all.iter().map(|(key, value)| format!("{key}: {}", shape(value))).collect();
            format!("{{{}}}", keys.join(", "))
        }
    }
}

/// The fields of `ps --json` are those of its users: none may go.
#[test]
fn ps_has_the_fields_it_is_known_for() {
    let sleep = long_sleep();
    let project = Project::new(&file(&sleep));
    let running = project.up(["--keep"]);
    running.wait_out("hi");
    let status = project.ask(["ps", "--json"]).code(0).json();
    let record = status["processes"][0].as_object().unwrap();
    let known = [
        "name",
        "process",
        "replica",
        "pool",
        "state",
        "ready",
        "pid",
        "run",
        "attempt",
        "restarts",
        "since",
        "uptime_ms",
        "exit_code",
        "signal",
        "why",
        "port",
        "cpu_percent",
        "memory_bytes",
    ];
    let missing: Vec<_> = known.into_iter().filter(|key| !record.contains_key(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for key in ["project", "pid", "ready", "processes"] {
        assert!(status.get(key).is_some(), "{key}");
    }
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
}
