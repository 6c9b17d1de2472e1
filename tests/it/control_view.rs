//! The addresses of the control socket for interfaces: state updates, output, searches and process details.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use crate::common::{Project, wait_until};
use serde_json::Value;

/// An answer that is being read.
struct Stream(BufReader<UnixStream>);

impl Stream {
    fn open(project: &Project, method: &str, path: &str, body: &str) -> Self {
        let mut stream = project.connect();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        Self(BufReader::new(stream))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.0.read_line(&mut line).unwrap();
        (length > 0).then(|| line.trim_end().to_owned())
    }

    /// The next thing that is pushed.
    fn pushed(&mut self) -> Value {
        loop {
            let line = self.line().unwrap();
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

fn get(project: &Project, path: &str) -> Value {
    ask(project, "GET", path, "")
}

fn post(project: &Project, path: &str, body: &str) -> Value {
    ask(project, "POST", path, body)
}

fn ask(project: &Project, method: &str, path: &str, body: &str) -> Value {
    let mut stream = Stream::open(project, method, path, body);
    while stream.line().is_some_and(|line| !line.is_empty()) {}
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stream.0, &mut rest).unwrap();
    if rest.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(&rest).unwrap_or_else(|error| panic!("{error}: {rest:?}"))
}

#[test]
fn the_state_comes_whole_and_then_only_what_changed() {
    let (project, running) = Project::shop_up(
        "other = 'exec sleep 1000'\n[process.api]\ncommand = 'true'\nautostart = false\ndepends_on = ['web']\n",
    );
    let mut pushed = Stream::open(&project, "GET", "/v1/snapshot?follow=true", "");
    let whole = pushed.pushed();
    assert_eq!(whole["is"], "whole");
    let names: Vec<&str> = whole["processes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["web", "other", "api"]);
    assert_eq!(whole["processes"][2]["depends_on"][0]["name"], "web");
    assert_eq!(whole["processes"][2]["state"], "idle");
    project.ask(["stop", "other"]).code(0);
    loop {
        let changes = pushed.pushed();
        assert_eq!(changes["is"], "changed");
        let different = changes["changed"].as_array().unwrap();
        assert!(different.iter().all(|one| one["name"] == "other"), "{changes}");
        if different.iter().any(|one| one["state"] == "stopped") {
            break;
        }
    }
    // An update with a new process has the order of all.
    let ran = post(&project, "/v1/run", r#"{"command":"echo by hand"}"#);
    assert_eq!((&ran["ok"], &ran["processes"][0]["name"]), (&Value::Bool(true), &"run.1".into()));
    let changes = pushed.pushed();
    assert_eq!(changes["order"].as_array().unwrap().len(), 4, "{changes}");
    project.down(running);
    // It ends with the project.
    while pushed.line().is_some() {}
}

#[test]
fn rows_growth_and_searches_come_over_the_socket() {
    let (project, running) =
        Project::shop_up("[process.mute]\ncommand = 'exit 3'\nrestart = 'never'\n");
    project.ask(["wait", "mute", "--for", "completed"]);
    let mut growth = Stream::open(&project, "GET", "/v1/growth", "");
    let before = growth.pushed();
    post(&project, "/v1/run", r#"{"command":"echo ERROR one; echo two","name":"hand"}"#);
    project.ask(["wait", "hand", "--for", "completed"]).code(0);
    while growth.pushed()["next"].as_u64() < before["next"].as_u64().map(|next| next + 2) {}
    let mut rows = Value::Null;
    wait_until("the end of the run has a mark", || {
        rows = get(&project, "/v1/slice?names=hand,mute");
        rows["rows"].as_array().unwrap().iter().filter(|row| row["kind"] == "ended").count() == 2
    });
    let words: Vec<String> = rows["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| match row["text"].as_str() {
            Some(text) => text.split(" after").next().unwrap().to_owned(),
            None => row.to_string(),
        })
        .collect();
    assert_eq!(
        words,
        ["started", "failed: exit 3", "started", "ERROR one", "two", "succeeded"],
        "{rows}"
    );
    assert_eq!(rows["rows"][3]["level"], "error");
    let sought = get(&project, "/v1/seek?level=error");
    assert_eq!(sought["row"]["text"], "ERROR one", "{sought}");
    let mut search = Stream::open(&project, "GET", "/v1/search?search=o&names=hand", "");
    let mut found = search.pushed();
    while found["over"] != true {
        found = search.pushed();
    }
    assert_eq!((found["hits"].as_u64(), found["before"].as_u64()), (Some(2), Some(2)));
    let wrong = get(&project, "/v1/search?search=(");
    assert_eq!(wrong["error"], "invalid_request", "{wrong}");
    project.down(running);
}

#[test]
fn details_hide_what_looks_like_a_secret_and_say_where_it_stands() {
    let (project, running) = Project::shop_up(
        "[process.api]\ncommand = 'exit 2'\nautostart = false\nport = 8080\n\
         env = { API_TOKEN = 'hunter2', MODE = 'x' }\ndepends_on = ['web']\n",
    );
    project.ask(["start", "api", "--no-wait"]).code(0);
    let mut details = Value::Null;
    wait_until("it has run", || {
        details = get(&project, "/v1/process/api");
        details["runs"].as_array().unwrap().iter().any(|run| run["end"].is_string())
    });
    assert!(!details.to_string().contains("hunter2"), "{details}");
    let revealed = get(&project, "/v1/process/api?reveal=true");
    assert!(revealed.to_string().contains("hunter2"), "{revealed}");
    assert_eq!(details["defined"]["line"], 5, "{details}");
    assert_eq!(details["script"], "exit 2");
    assert_eq!(details["env"][2]["value"], "8080", "{details}");
    let web = get(&project, "/v1/process/web");
    assert_eq!(web["needed_by"][0]["name"], "api", "{web}");
    project.down(running);
}

#[test]
fn dependants_are_restarted_with_what_they_need() {
    let (project, running) = Project::shop_up(
        "[process.api]\ncommand = 'exec sleep 1000'\ndepends_on = ['web']\n\
         [process.off]\ncommand = 'true'\nautostart = false\ndepends_on = ['web']\n",
    );
    project.ask(["wait", "api"]).code(0);
    let done = post(&project, "/v1/restart", r#"{"names":["web"],"dependants":true}"#);
    let names: Vec<(&str, u64)> = done["processes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["run"].as_u64().unwrap()))
        .collect();
    assert_eq!(names, [("web", 2), ("api", 2)], "{done}");
    let refused = post(&project, "/v1/watch", r#"{"names":["web"],"on":false}"#);
    assert_eq!(refused["error"], "conflict", "{refused}");
    project.down(running);
}

#[test]
fn resource_usage_is_measured_on_request() {
    let (project, running) = Project::shop_up("");
    let of = |whole: &Value| whole["processes"][0]["memory_bytes"].as_u64();
    assert_eq!(of(&get(&project, "/v1/snapshot")), None);
    assert!(of(&get(&project, "/v1/snapshot?measure=true")).unwrap() > 100_000);
    let mut measured = Stream::open(&project, "GET", "/v1/snapshot?follow=true&measure=true", "");
    let mut plain = Stream::open(&project, "GET", "/v1/snapshot?follow=true", "");
    assert_eq!(plain.pushed()["is"], "whole");
    assert_eq!(measured.pushed()["is"], "whole");
    let changes = measured.pushed();
    let taken = &changes["changed"][0];
    assert!(taken["memory_bytes"].as_u64().unwrap() > 100_000, "{changes}");
    assert!(taken["cpu_percent"].as_f64().is_some(), "{changes}");
    // The next update of the other client is the stop, without usage.
    project.ask(["stop", "web"]).code(0);
    let changes = plain.pushed();
    let state = changes["changed"][0]["state"].as_str().unwrap();
    assert!(["stopping", "stopped"].contains(&state), "{changes}");
    assert_eq!(changes["changed"][0]["memory_bytes"], Value::Null, "{changes}");
    project.down(running);
}

#[test]
fn whether_files_are_watched_is_pushed_when_it_changes() {
    let (project, running) =
        Project::shop_up("[process.api]\ncommand = 'exec sleep 1000'\nwatch = ['*.x']\n");
    project.ask(["wait", "api"]).code(0);
    let mut pushed = Stream::open(&project, "GET", "/v1/snapshot?follow=true", "");
    assert_eq!(pushed.pushed()["processes"][1]["watch"], "on");
    for (on, word) in [(false, "off"), (true, "on")] {
        let body = format!("{{\"names\":[\"api\"],\"on\":{on}}}");
        assert_eq!(post(&project, "/v1/watch", &body)["ok"], true);
        let news = pushed.pushed();
        let members = news["changed"].as_array().unwrap();
        assert_eq!(members.len(), 1, "{news}");
        assert_eq!((&members[0]["name"], &members[0]["watch"]), (&"api".into(), &word.into()));
    }
    project.down(running);
}
