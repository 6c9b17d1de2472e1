use serde_json::json;

use super::*;

fn status() -> ProjectState {
    let one = |name: &str, state: &str, why: &str| {
        json!({
            "name": name, "process": name, "replica": null, "pool": null, "state": state,
            "ready": state == "ready", "pid": null, "run": 1, "attempt": 1, "restarts": 0,
            "since": "2026-01-02T03:04:05.678Z", "uptime_ms": null, "exit_code": null,
            "signal": null, "why": why, "port": null, "cpu_percent": null,
            "memory_bytes": null, "checked": true, "id": 1, "kind": "process", "since_ms": 0,
            "until": null, "until_ms": null, "started": true, "killed": false, "cause": null,
            "error": null, "retry": 0, "retries": 5, "watch": null, "suspended_by": null,
            "autostart": true, "log_file": null, "stdin": false, "stop_signal": "TERM",
            "grace_ms": 10_000,
        })
    };
    let mut db = one("db", "ready", "tcp 127.0.0.1:5432 answers");
    (db["pid"], db["uptime_ms"], db["port"]) = (4711.into(), 734_000.into(), 5432.into());
    (db["cpu_percent"], db["memory_bytes"]) = (0.4.into(), (84 << 20).into());
    let mut web = one("web.1", "ready", "running");
    (web["pid"], web["uptime_ms"], web["checked"]) = (48_123.into(), 3200.into(), false.into());
    (web["cpu_percent"], web["memory_bytes"]) = (187.5.into(), (1300 << 20).into());
    let mut api = one("api", "backoff", "exit 1 after 8.1s; retry 2 of 5 in 3.2s");
    api["run"] = 14.into();
    let all = [
        db,
        web,
        api,
        one("worker", "waiting", "waits for api (ready)"),
        one("seed", "failed", "exit 2 after 300ms; no retry is left"),
        one("docs", "idle", "does not start by itself"),
        one("日本", "succeeded", "exit 0 after 1m"),
        one("bad\u{1b}[2J", "unhealthy", "prints \u{1b}[2J and worse"),
    ];
    let processes = serde_json::from_value(json!(all)).unwrap();
    ProjectState { processes, ..ProjectState::default() }
}

fn drawn(colour: bool, width: Option<usize>) -> String {
    table(&status(), OutputStyle { colour, width }).replace('\u{1b}', "^")
}

#[test]
fn in_a_pipe_it_is_whole_and_plain() {
    insta::assert_snapshot!(drawn(false, None));
}

#[test]
fn on_a_terminal_it_has_colours() {
    insta::assert_snapshot!(drawn(true, Some(120)));
}

#[test]
fn on_a_smaller_one_columns_and_then_reasons_give_way() {
    let widths = [100, 80, 60, 48, 30];
    let all = widths.map(|width| format!("== {width}\n{}", drawn(false, Some(width))));
    insta::assert_snapshot!(all.concat());
}

#[test]
fn no_line_is_wider_than_the_terminal_and_no_name_is_lost() {
    for width in 34..200 {
        for line in drawn(false, Some(width)).lines() {
            assert!(line.width() <= width, "{} in {width}: {line}", line.width());
        }
        for name in ["db", "web.1", "api", "worker", "seed", "docs", "日本"] {
            assert!(drawn(false, Some(width)).lines().any(|line| line.starts_with(name)));
        }
    }
}
