//! `up --listen`: the HTTP API over TCP, its token, and the requests it refuses.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::common::{BOUND, Project, Running, long_sleep};
use serde_json::{Value, json};

struct Listening {
    project: Project,
    running: Running,
    port: u16,
    token: String,
    file: PathBuf,
}

fn up() -> Listening {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[project]\nname = 'shop'\n[process.web]\ncommand = 'exec sleep {sleep}'\n\
         env = {{ SECRET = 'hunter2-{sleep}' }}\n"
    ));
    let running = project.up(["--keep", "--listen", "127.0.0.1:0"]);
    let line = running.wait_err("listening on http://127.0.0.1:");
    project.ask(["wait", "web"]).code(0);
    let (_, rest) = line.split_once("127.0.0.1:").unwrap();
    let (port, file) = rest.split_once("; the token is in ").unwrap();
    let file = PathBuf::from(file);
    let token = std::fs::read_to_string(&file).unwrap().trim_end().to_owned();
    Listening { project, running, port: port.parse().unwrap(), token, file }
}

impl Listening {
    /// Sends these bytes; returns the response up to the end of the connection.
    fn say(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        // The server may have closed the connection before everything was sent.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A wish to stop `web`, with these headers and no others; the status and the whole answer.
    fn stop(&self, headers: &[&str]) -> (u16, String) {
        self.ask("POST /v1/stop", headers, r#"{"names":["web"]}"#)
    }

    fn ask(&self, line: &str, headers: &[&str], body: &str) -> (u16, String) {
        let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
        let length = body.len();
        let text = format!(
            "{line} HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        let answer = self.say(text.as_bytes());
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (status, answer)
    }

    fn host(&self) -> String {
        format!("host: 127.0.0.1:{}", self.port)
    }

    fn key(&self) -> String {
        format!("authorization: Bearer {}", self.token)
    }

    fn down(self) -> PathBuf {
        self.project.ask(["down"]).code(0);
        self.running.done().assert_code(0);
        self.file
    }
}

const JSON: &str = "content-type: application/json";

#[test]
fn requests_with_the_token_succeed_and_only_the_user_can_read_it() {
    let up = up();
    let meta = std::fs::metadata(&up.file).unwrap();
    assert_eq!((meta.mode() & 0o777, up.token.len()), (0o600, 64));
    let (host, key) = (up.host(), up.key());
    let (status, answer) = up.ask("GET /v1/snapshot", &[&host, &key], "");
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("\"project\":\"shop\""), "{answer}");
    let local = format!("host: localhost:{}", up.port);
    let (status, answer) =
        up.ask("POST /v1/restart", &[&local, &key, JSON], r#"{"names":["web"],"wait":true}"#);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(up.project.one("web").get("run").unwrap(), 2);
    // The one over the user's own socket needs none of it.
    up.project.ask(["stop", "web"]).code(0);
    let file = up.down();
    assert!(!file.exists(), "the token stays");
}

#[test]
fn requests_without_the_token_are_refused_without_effect() {
    let up = up();
    let (host, key) = (up.host(), up.key());
    let (host, key, port) = (host.as_str(), key.as_str(), up.port);
    let short = &key[..key.len() - 1];
    let cases: [(u16, Vec<String>); 14] = [
        (401, vec![host.into(), JSON.into()]),
        (401, vec![host.into(), JSON.into(), "authorization: Bearer 00".into()]),
        (401, vec![host.into(), JSON.into(), short.into()]),
        (401, vec![host.into(), JSON.into(), key.into(), key.into()]),
        (403, vec![key.into(), JSON.into()]),
        (403, vec!["host: evil.example".into(), key.into(), JSON.into()]),
        (403, vec![format!("host: evil.example:{port}"), key.into(), JSON.into()]),
        (403, vec![format!("host: localhost.evil.com:{port}"), key.into(), JSON.into()]),
        (403, vec![host.into(), host.into(), key.into(), JSON.into()]),
        (403, vec![host.into(), key.into(), JSON.into(), "origin: http://evil.example".into()]),
        (403, vec![host.into(), key.into(), JSON.into(), "origin: null".into()]),
        (403, vec![host.into(), key.into(), JSON.into(), "sec-fetch-site: cross-site".into()]),
        (415, vec![host.into(), key.into(), "content-type: text/plain".into()]),
        (415, vec![host.into(), key.into()]),
    ];
    for (wanted, headers) in cases {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let (status, answer) = up.stop(&headers);
        // Some of these are not HTTP.
        assert!(status == wanted || status == 400, "{wanted} for {headers:?}: {answer}");
        let lower = answer.to_ascii_lowercase();
        assert!(!lower.contains("access-control-"), "{answer}");
        assert!(!answer.contains("processes"), "{answer}");
    }
    let absolute = format!("POST http://evil.example:{port}/v1/stop");
    assert_eq!(up.ask(&absolute, &[host, key, JSON], r#"{"names":["web"]}"#).0, 403);
    for line in ["GET /v1/snapshot", "GET /v1/events", "GET /v1/openapi.json", "GET /nothing"] {
        assert_eq!(up.ask(line, &[host], "").0, 401, "{line}");
        let in_the_address = format!("{line}?token={}", up.token);
        assert_eq!(up.ask(&in_the_address, &[host], "").0, 401, "{line}");
    }
    // What a browser asks before it asks: nothing that would let it.
    let before = ["origin: http://evil.example", "access-control-request-method: POST"];
    let (status, answer) = up.ask("OPTIONS /v1/stop", &[host, before[0], before[1]], "");
    assert_eq!(status, 403);
    assert!(!answer.to_ascii_lowercase().contains("access-control-"), "{answer}");
    let web = up.project.one("web");
    assert_eq!((web.get("state").unwrap(), web.get("run").unwrap()), (&json!("ready"), &json!(1)));
    up.down();
}

/// No response to any request contains a value that looks like a secret, unless the request asks
/// for it.
#[test]
fn no_secret_of_the_environment_is_shown_without_a_request() {
    let up = up();
    let (host, key) = (up.host(), up.key());
    let (_, document) = up.ask("GET /v1/openapi.json", &[&host, &key], "");
    let (_, document) = document.split_once("\r\n\r\n").unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    let paths = document.get("paths").unwrap().as_object().unwrap();
    let mut asked = 0;
    for (path, methods) in paths {
        if methods.get("get").is_some() {
            let path = path.replace("{name}", "web");
            let end = match path.rsplit('/').next().unwrap() {
                "events" => "?follow=false",
                "search" => "?search=x",
                "seek" => "?from=0",
                // These streams never end, and contain only numbers.
                "growth" | "owner" => continue,
                // `web` has no terminal.
                "web" if path.contains("/screen/") || path.contains("/terminal/") => continue,
                _ => "",
            };
            let (status, answer) = up.ask(&format!("GET {path}{end}"), &[&host, &key], "");
            assert_eq!(status, 200, "{path}: {answer}");
            assert!(!answer.contains("hunter2"), "{path}: {answer}");
            asked += 1;
        }
    }
    assert!(asked >= 5);
    let (_, answer) = up.ask("GET /v1/process/web?reveal=true", &[&host, &key], "");
    assert!(answer.contains("hunter2"), "{answer}");
    up.down();
}

#[test]
fn a_public_address_is_refused_and_a_taken_address_is_reported() {
    let project = Project::new("[process]\nweb = 'true'\n");
    for address in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
        project.ask(["up", "--no-tui", "--listen", address]).code(2).err("other machines");
    }
    for address in ["8080", "localhost", "127.0.0.1", "127.0.0.1:99999"] {
        project.ask(["up", "--no-tui", "--listen", address]).code(2).err("such as 127.0.0.1:8080");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    project.ask(["up", "--no-tui", "--listen", &address]).code(1).err("in use");
    project.nothing_left_within(BOUND);
}

#[test]
fn a_project_in_the_background_listens_too() {
    let sleep = long_sleep();
    let project = Project::new(&format!("[process]\nweb = 'exec sleep {sleep}'\n"));
    // Reserved, but not listened on: pitcrew can have it, and no other process gets it.
    let reserved = tokio::net::TcpSocket::new_v4().unwrap();
    reserved.set_reuseaddr(true).unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let free = reserved.local_addr().unwrap();
    project.ask(["up", "--detach", "--listen", &free.to_string()]).code(0);
    let mut stream = TcpStream::connect(free).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nhost: {free}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    project.ask(["down"]).code(0);
    project.nothing_left_within(BOUND);
}
