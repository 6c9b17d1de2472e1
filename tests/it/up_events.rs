//! `up --events`: the events of runs, dependencies and pools.

use crate::common::events::{about, kind, of, only};
use crate::common::{Project, long_sleep};

#[test]
fn events_that_cannot_be_written_are_refused_before_anything_starts() {
    let project = Project::new("[process]\na = 'touch ran'\n");
    let done = project.up_done(["--events", "no/such/folder"]);
    done.assert_code(1);
    done.assert_err("no/such/folder");
    assert!(!project.path("ran").exists());
}

#[test]
fn an_event_file_on_a_full_disk_stops_nothing() {
    let project = Project::new("[process]\na = 'echo fine'\n");
    let done = project.up_done(["--events", "/dev/full"]);
    done.assert_code(0);
    done.assert_out("fine");
    done.assert_err("/dev/full");
}

#[test]
fn events_are_appended() {
    let project = Project::new("[process]\na = 'true'\n");
    project.write("events", "before\n");
    project.up_done(["--events", "events"]).assert_code(0);
    let text = project.text("events");
    let (before, first) = text.split_once('\n').unwrap();
    let first: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!((before, &first["seq"]), ("before", &1.into()));
}

#[test]
fn events_of_a_plain_life() {
    let project = Project::new("[process]\na = 'exit 0'\n");
    project.up_done(["--events", "events"]).assert_code(0);
    let events = project.events("events");
    let kinds: Vec<&str> = events.iter().map(kind).collect();
    assert_eq!(
        kinds,
        [
            "process_started",
            "process_ready",
            "project_ready",
            "process_completed",
            "project_stopped"
        ]
    );
    let started = &events[0];
    assert_eq!(started["cause"]["kind"], "start");
    assert_eq!((&started["name"], &started["process"]), (&"a".into(), &"a".into()));
    assert_eq!((&started["run"], &started["attempt"]), (&1.into(), &1.into()));
    let end = &events[3];
    assert_eq!(end["exit_code"], 0);
    assert_eq!(end["success"], true);
    assert_eq!(end["leaked"], false);
    assert_eq!(end["cause"], serde_json::json!({"kind": "exit", "exit_code": 0}));
}

#[test]
fn events_of_retries_count_attempts_and_end_with_giving_up() {
    let project = Project::new(
        "[process.a]\ncommand = 'exit 4'\nrestart = 'on-failure'\n\
         retry = { attempts = 2, backoff = { initial = '20ms', factor = 2.0, jitter = 0.0 } }\n",
    );
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    let starts = about(&events, "process_started", "a");
    let numbers: Vec<_> =
        starts.iter().map(|e| (e["run"].as_u64(), e["attempt"].as_u64())).collect();
    assert_eq!(numbers, [1, 2, 3].map(|n| (Some(n), Some(n))));
    assert_eq!(starts[1]["cause"], serde_json::json!({"kind": "retry", "retry": 1, "retries": 2}));
    let retrying = about(&events, "process_retrying", "a");
    assert_eq!(retrying.len(), 2);
    for (at, event) in retrying.iter().enumerate() {
        assert_eq!(event["retry"], at + 1);
        assert_eq!(event["retries"], 2);
        assert!(event["delay_ms"].as_u64().unwrap() >= 18, "{event}");
        assert_eq!(event["cause"]["kind"], "exit");
    }
    let end = only(&events, "process_gave_up", "a");
    assert_eq!((&end["retries"], &end["exit_code"]), (&2.into(), &4.into()));
    assert_eq!(end["cause"]["kind"], "retries_exhausted");
}

#[test]
fn always_follows_a_success_and_uses_no_attempt() {
    let project = Project::new(
        "[process.a]\ncommand = 'echo run $PITCREW_RUN'\nrestart = 'always'\n\
         retry = { attempts = 0, backoff = { initial = '5ms' } }\n",
    );
    let up = project.up(["--events", "events"]);
    up.wait_out("run 4");
    up.signal(libc::SIGINT);
    assert_eq!(up.done().signal(), libc::SIGINT);
    let events = project.events("events");
    for event in about(&events, "process_started", "a") {
        assert_eq!(event["attempt"], 1);
    }
    for event in about(&events, "process_retrying", "a") {
        assert_eq!(event["retry"], 0);
    }
}

#[test]
fn events_of_dependencies_waiting_and_skipped_with_the_chain() {
    let project = Project::new(
        "[process.c]\ncommand = 'true'\ndepends_on = { b = 'succeeded' }\n\
         [process.b]\ncommand = 'true'\ndepends_on = { a = 'succeeded' }\n\
         [process.a]\ncommand = 'exit 3'\n",
    );
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    let waiting = only(&events, "process_waiting", "b");
    assert_eq!(waiting["on"], serde_json::json!([{"name": "a", "condition": "succeeded"}]));
    let skipped = only(&events, "process_skipped", "c");
    assert_eq!(skipped["on"], "b");
    let chain: Vec<&str> =
        skipped["chain"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(chain, ["b", "a"]);
    assert_eq!(skipped["cause"], serde_json::json!({"kind": "dependency", "on": "b"}));
    assert!(about(&events, "process_started", "b").is_empty());
}

#[test]
fn events_of_a_stop_name_signal_and_reason() {
    let project = Project::new(&format!("[process]\na = 'exec sleep {}'\n", long_sleep()));
    let up = project.up(["--events", "events"]);
    up.wait_err("a started");
    up.signal(libc::SIGTERM);
    assert_eq!(up.done().signal(), libc::SIGTERM);
    let events = project.events("events");
    let stopping = only(&events, "process_stopping", "a");
    assert_eq!(stopping["signal"], "TERM");
    assert_eq!(stopping["cause"]["kind"], "shutdown");
    let killed = only(&events, "process_killed", "a");
    assert_eq!(killed["by"], "shutdown");
    assert_eq!(killed["signal"], "TERM");
    assert_eq!(killed["success"], false);
    assert_eq!(of(&events, "project_stopping").len(), 1);
    assert_eq!(kind(events.last().unwrap()), "project_stopped");
}

#[test]
fn events_of_a_program_that_cannot_be_started_name_the_error() {
    let project = Project::new(
        "[process.missing]\ncommand = ['no-such-program-here']\n\
         [process.nowhere]\ncommand = 'true'\ncwd = 'gone'\n\
         [process.plain]\ncommand = ['./plain']\n\
         [process.long]\ncommand = ['true', 'x']\n",
    );
    project.write("plain", "not a program");
    let long = "x".repeat(200_000);
    let text = project.text("procfile.toml").replace("'x'", &format!("'{long}'"));
    project.write("procfile.toml", &text);
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    for (name, error) in [
        ("missing", "program_not_found"),
        ("nowhere", "cwd_not_found"),
        ("plain", "not_executable"),
        ("long", "arguments_too_long"),
    ] {
        let failed = only(&events, "process_failed", name);
        assert_eq!(failed["error"], error);
        assert_eq!(failed["run"], 1);
        assert!(failed.get("exit_code").is_none());
        assert!(about(&events, "process_started", name).is_empty());
        assert!(about(&events, "process_retrying", name).is_empty(), "it is not tried again");
    }
}

#[test]
fn events_of_a_timeout_and_of_silence() {
    let project = Project::new(&format!(
        "[process.slow]\ncommand = 'while :; do echo alive; sleep 0.02; done'\ntimeout = '200ms'\n\
         [process.silent]\ncommand = 'echo once; exec sleep {}'\nidle_timeout = '150ms'\n",
        long_sleep()
    ));
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    let slow = only(&events, "process_failed", "slow");
    assert_eq!(slow["error"], "timeout");
    assert_eq!(slow["cause"], serde_json::json!({"kind": "timeout", "after_ms": 200}));
    assert!(slow["duration_ms"].as_u64().unwrap() >= 200);
    let silent = only(&events, "process_failed", "silent");
    assert_eq!(silent["error"], "idle_timeout");
    assert_eq!(silent["cause"], serde_json::json!({"kind": "idle_timeout", "after_ms": 150}));
    assert!(silent["duration_ms"].as_u64().unwrap() >= 150);
    assert_eq!(only(&events, "process_stopping", "silent")["cause"]["kind"], "idle_timeout");
}

#[test]
fn events_of_a_pool_keep_the_order_and_the_slots() {
    let project = Project::new(
        "[pool.build]\nconcurrency = 2\njobs = ['sleep 0.05', 'sleep 0.03', 'sleep 0.04', \
         { name = 'last', command = 'echo $PITCREW_POOL' }, 'true']\n",
    );
    let done = project.up_done(["--events", "events"]);
    done.assert_code(0);
    done.assert_out("last    | build");
    let events = project.events("events");
    let names = |wanted| -> Vec<String> {
        of(&events, wanted).iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect()
    };
    let wanted = ["build.1", "build.2", "build.3", "last", "build.5"];
    assert_eq!(names("process_queued"), wanted);
    assert_eq!(names("process_started"), wanted);
    let mut alive = 0;
    for event in &events {
        match kind(event) {
            "process_started" => alive += 1,
            "process_completed" => alive -= 1,
            _ => {}
        }
        assert!(alive <= 2);
    }
    let drained = of(&events, "pool_drained");
    assert_eq!(drained.len(), 1);
    assert_eq!((&drained[0]["pool"], &drained[0]["succeeded"]), (&"build".into(), &5.into()));
}

#[test]
fn a_fifo_for_events_without_a_reader_is_an_error_and_no_wait() {
    let project = Project::new("[process.a]\ncommand = 'true'\n");
    rustix::fs::mkfifoat(rustix::fs::CWD, project.path("pipe"), 0o600.into()).unwrap();
    let done = project.up_done(["--events", "pipe"]);
    done.assert_code(1);
    done.assert_err("cannot write pipe");
}
