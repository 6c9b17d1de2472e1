//! The control socket: responses, errors, versions, limits on connections, and access by other users.

use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use crate::common::ask::{Said, run};
use crate::common::{self, BOUND, Project};
use serde_json::{Value, json};

/// Sends these bytes and reads until the other side has nothing more to say.
fn say(project: &Project, bytes: &[u8]) -> String {
    let mut stream = project.connect();
    // The server may have closed the connection before everything was sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// One request; status and body.
fn request(project: &Project, line: &str, headers: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let text = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    let answer = say(project, text.as_bytes());
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
}

fn get(project: &Project, path: &str) -> (u16, Value) {
    let (status, body) = request(project, &format!("GET {path}"), "", "");
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
}

fn post(project: &Project, path: &str, body: &str) -> (u16, Value) {
    let (status, body) = request(project, &format!("POST {path}"), "", body);
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

#[test]
fn other_users_cannot_connect() {
    let (project, running) = Project::shop_up("");
    let socket = std::fs::symlink_metadata(project.socket()).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.mode() & 0o777, 0o600);
    let folder = std::fs::metadata(project.socket().parent().unwrap()).unwrap();
    assert_eq!(folder.mode() & 0o777, 0o700);
    let socket = project.socket();
    project.down(running);
    assert!(!socket.exists());
}

#[test]
fn each_address_answers_and_a_mistake_is_a_sentence() {
    let (project, running) = Project::shop_up(
        "cat = { command = 'cat', stdin = 'pipe' }\n[pool.build]\nconcurrency = 1\n",
    );
    let (status, body) = get(&project, "/v1/snapshot");
    assert_eq!((status, &body["project"]), (200, &json!("shop")));
    assert_eq!(get(&project, "/v1/why/web").1["state"], "ready");
    assert_eq!(
        get(&project, "/v1/check"),
        (200, json!({ "ok": true, "faults": [], "warnings": [] }))
    );
    assert_eq!(post(&project, "/v1/restart", r#"{"names":["web"]}"#).1["ok"], true);
    assert_eq!(post(&project, "/v1/send", r#"{"name":"cat","text":"x"}"#).0, 200);
    let (status, body) = post(&project, "/v1/stop", r#"{"names":["wob"]}"#);
    assert_eq!((status, &body["error"]), (404, &json!("unknown_name")));
    for (path, body) in [
        ("/v1/stop", "{"),
        ("/v1/stop", "[]"),
        ("/v1/stop", r#"[["web"]]"#),
        ("/v1/shutdown", "[]"),
        ("/v1/stop", "{}"),
        ("/v1/stop", r#"{"names":[]}"#),
        ("/v1/stop", r#"{"names":["web"],"nowait":true}"#),
        ("/v1/signal", r#"{"names":["web"],"signal":"NOSUCH"}"#),
        ("/v1/scale", r#"{"process":"web","replicas":-1}"#),
        ("/v1/start", r#"{"names":["web"],"wait":true,"no_wait":true}"#),
        ("/v1/run", r#"{"command":"echo \u0000"}"#),
        ("/v1/enqueue", r#"{"pool":"build","command":["echo","\u0000"]}"#),
    ] {
        let (status, answer) = post(&project, path, body);
        assert_eq!(
            (status, &answer["error"]),
            (400, &json!("invalid_request")),
            "{path} {body}: {answer}"
        );
        assert!(answer["message"].as_str().unwrap().len() > 10, "{answer}");
    }
    assert_eq!(get(&project, "/v1/output?nonsense=1").0, 400);
    assert_eq!(get(&project, "/v1/nothing").0, 404);
    assert_eq!(get(&project, "/v1/stop").0, 405);
    let long = format!(r#"{{"names":["{}"]}}"#, "x".repeat(2 << 20));
    let status = post(&project, "/v1/stop", &long).0;
    assert!(status == 400 || status == 0, "a long request is refused: {status}");
    assert_eq!(project.one("web")["state"], "ready");
    project.down(running);
}

#[test]
fn another_version_gets_a_sentence() {
    let (project, running) = Project::shop_up("");
    let headers = "pitcrew-protocol: 999\r\npitcrew-version: 9.9.9\r\n";
    let (status, body) = request(&project, "GET /v1/snapshot", headers, "");
    assert_eq!(status, 426);
    assert!(body.contains("9.9.9") && body.contains(env!("CARGO_PKG_VERSION")), "{body}");
    let whole = say(&project, b"GET /v1/snapshot HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(whole.contains("pitcrew-protocol: 1\r\n"), "{whole}");
    project.down(running);
}

/// A server of another version, or of another program: `ps` reports that.
#[test]
fn a_server_of_another_version_gets_a_sentence_too() {
    let (project, running) = Project::shop_up("");
    let path = project.socket();
    project.down(running);
    let folder = std::fs::File::open(path.parent().unwrap()).unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&folder);
    let listener =
        std::os::unix::net::UnixListener::bind(format!("/proc/self/fd/{fd}/control.sock")).unwrap();
    let server = std::thread::spawn(move || {
        // First it is checked whether there is a server.
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            if stream.read(&mut request).unwrap() > 0 {
                let answer = "HTTP/1.1 200 OK\r\npitcrew-protocol: 2\r\npitcrew-version: 7.0.0\r\n\
                              content-length: 2\r\n\r\n{}";
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    project.ask(["ps"]).code(1).err("has version 7.0.0");
    server.join().unwrap();
}

#[test]
fn garbage_and_clients_that_leave_cost_nothing() {
    let (project, running) = Project::shop_up("");
    let mut noise = vec![0u8; 100_000];
    let mut state = 88_172_645_463_325_252_u64;
    for byte in &mut noise {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state as u8;
    }
    say(&project, &noise);
    say(&project, b"GET / HTTP/9.9\r\n\r\n");
    say(&project, b"\r\n\r\n\r\n\r\nBREW /pot HTCPCP/1.0\r\n\r\n");
    for cut in ["P", "POST /v1/restart HTT", "POST /v1/restart HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = project.connect();
        stream.write_all(cut.as_bytes()).unwrap();
    }
    // A client that announces a body and disconnects has sent no request.
    let mut stream = project.connect();
    let head =
        "POST /v1/kill HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"names\":[\"web\"]";
    stream.write_all(head.as_bytes()).unwrap();
    drop(stream);
    // A client that disconnects while it waits for the response.
    let mut stream = project.connect();
    let body = r#"{"names":["web"],"for":"completed"}"#;
    let head = format!(
        "POST /v1/wait HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    drop(stream);
    let before = project.one("web");
    assert_eq!((&before["run"], &before["state"]), (&1.into(), &"ready".into()));
    project.down(running);
}

#[test]
fn idle_clients_block_no_other_client() {
    let (project, running) = Project::shop_up("flood = 'seq 1 300000'\n");
    let silent: Vec<UnixStream> = (0..50).map(|_| project.connect()).collect();
    let deaf: Vec<UnixStream> = (0..50)
        .map(|number| {
            let mut stream = project.connect();
            let path = if number % 2 == 0 { "/v1/output?follow=true" } else { "/v1/events" };
            write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            stream
        })
        .collect();
    project.ask(["wait", "flood", "--for", "succeeded"]).code(0);
    project.ask(["restart", "web"]).code(0);
    let begun = Instant::now();
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
    assert!(begun.elapsed() < BOUND, "they hold the end up");
    drop((silent, deaf));
}

/// More connections than allowed do not lock out other clients permanently.
#[test]
fn too_many_connections_are_closed_and_places_come_back() {
    let (project, running) = Project::shop_up("");
    let crowd: Vec<UnixStream> = (0..520).map(|_| project.connect()).collect();
    // The last ones were turned away.
    let mut last = crowd.last().unwrap();
    let mut byte = [0];
    assert!(matches!(last.read(&mut byte), Ok(0) | Err(_)));
    drop(crowd);
    common::wait_until("there is a place again", || project.ask(["ps"]).code == 0);
    project.down(running);
}

#[test]
fn events_go_on_where_a_client_left_off() {
    let (project, running) = Project::shop_up("");
    let all = say(
        &project,
        b"GET /v1/events?follow=false HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert!(all.contains("content-type: text/event-stream") && all.contains("id: 1\n"), "{all}");
    let rest = say(
        &project,
        b"GET /v1/events?follow=false HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
          last-event-id: 1\r\n\r\n",
    );
    assert!(!rest.contains("id: 1\n") && rest.contains("id: 2\n"), "{rest}");
    project.down(running);
}

/// Every address of the document is there, and the document is in no need of a running project's data.
#[test]
fn the_document_tells_every_address() {
    let (project, running) = Project::shop_up("");
    let (status, document) = get(&project, "/v1/openapi.json");
    assert_eq!(status, 200);
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 27);
    for (path, methods) in paths {
        // That it is there shows in the answer to a method it does not take.
        assert_eq!(request(&project, &format!("BREW {path}"), "", "").0, 405, "{path}: {methods}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(schemas["ProcessRecord"]["properties"]["state"].is_object(), "{schemas:?}");
    project.down(running);
}

#[test]
fn the_examples_of_the_page_work() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
    let page = std::fs::read_to_string(page).unwrap();
    let examples: Vec<&str> =
        page.lines().filter(|line| line.starts_with("curl --unix-socket")).collect();
    assert!(examples.len() >= 4, "{examples:?}");
    if !common::is_executable_there("curl") {
        println!("no curl here");
        return;
    }
    let (project, running) = Project::shop_up("");
    for example in examples {
        let mut command = project.command("sh");
        let follow = example.replace("follow=true", "follow=false");
        command.args(["-c", &follow]).env("SOCKET", project.socket());
        let said: Said = run(command).code(0);
        assert!(!said.out.starts_with("{\"error\""), "{example}: {said:?}");
    }
    project.down(running);
}
