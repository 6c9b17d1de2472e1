//! Tests of the nodes of the graph, and of measured times and resources.

use std::time::Duration;

use serde_json::json;

use super::fake::{member, with};
use crate::control::wire::{PoolStatus, ProjectState};
use crate::machine::{Event, ProcessId, StateName};
use crate::tui::model::usage::{MAX_MEASUREMENTS, ReadyTimes, UsageHistory};
use crate::tui::render::graph::nodes;

fn overview() -> ProjectState {
    let on = |pairs: &[(&str, &str)]| {
        let one = |(name, condition): &(&str, &str)| json!({"name": name, "condition": condition});
        json!({"depends_on": pairs.iter().map(one).collect::<Vec<_>>()})
    };
    let job = json!({"process": "build.1", "kind": "job", "pool": "build", "succeeded": true});
    let web = on(&[("db", "ready"), ("build", "succeeded"), ("gone", "started")]);
    let mut web_2 = web.clone();
    web_2["cpu_percent"] = json!(12.5);
    web_2["memory_bytes"] = json!(1 << 20);
    ProjectState {
        processes: vec![
            member(1, "db", "ready"),
            with(member(2, "web.1", "ready"), &web),
            with(member(3, "web.2", "starting"), &web_2),
            with(member(4, "mailer", "waiting"), &on(&[("web", "ready"), ("db", "completed")])),
            with(member(5, "build.1", "succeeded"), &job),
        ],
        pools: vec![
            PoolStatus { name: "build".into(), slots: 2, running: 0, queued: 0, paused: false },
            PoolStatus { name: "other".into(), slots: 2, running: 0, queued: 0, paused: false },
        ],
        ..ProjectState::default()
    }
}

fn event(body: &str) -> Event {
    let of = r#""process":"db","attempt":1,"cause":{"kind":"start"}"#;
    serde_json::from_str(&format!("{{{of},{body}}}")).unwrap()
}

#[test]
fn replicas_and_pools_are_one_node_each() {
    let nodes = nodes(&overview(), &ReadyTimes::default());
    let names: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["db", "web", "mailer", "build.1", "build"]);
    let web = &nodes[1];
    assert_eq!(
        (web.state, web.why.as_str()),
        (StateName::Starting, "1 of 2; it was started with the project")
    );
    let on: Vec<_> =
        web.dependencies.iter().map(|on| (on.name.as_str(), on.is_fulfilled)).collect();
    assert_eq!(
        on,
        [("db", true), ("build", true), ("gone", true)],
        "nothing is missing of nothing"
    );
    let on: Vec<_> =
        nodes[2].dependencies.iter().map(|on| (on.condition.as_str(), on.is_fulfilled)).collect();
    assert_eq!(on, [("ready", false), ("completed", false)], "all replicas have to be ready");
    assert_eq!(nodes[4].state, StateName::Succeeded);
}

#[test]
fn what_it_took_is_from_start_to_ready() {
    let mut took = ReadyTimes::default();
    let at = |seconds: u32| format!(r#""seq":{seconds},"time":"2026-01-02T03:04:{seconds:02}Z""#);
    let started = |run: u32, seconds| {
        event(&format!(
            r#"{},"event":"process_started","name":"db","run":{run},"pid":1"#,
            at(seconds)
        ))
    };
    let ready = |run: u32, seconds| {
        event(&format!(r#"{},"event":"process_ready","name":"db","run":{run}"#, at(seconds)))
    };
    took.push(&started(1, 10));
    assert_eq!(took.of("db"), None);
    took.push(&ready(1, 12));
    assert_eq!(took.of("db"), Some(Duration::from_secs(2)));
    // Ready again after it was unhealthy: it did not take that long.
    took.push(&ready(1, 40));
    assert_eq!(took.of("db"), Some(Duration::from_secs(2)));
    took.push(&started(2, 50));
    took.push(&ready(2, 51));
    assert_eq!(took.of("db"), Some(Duration::from_secs(1)));
    assert_eq!(nodes(&overview(), &took)[0].ready_time, Some(Duration::from_secs(1)));
}

#[test]
fn measurements_are_kept_for_ten_minutes_and_dropped_with_their_process() {
    let mut measured = UsageHistory::default();
    let mut overview = overview();
    for at in 0..MAX_MEASUREMENTS as u64 + 5 {
        // An update for another reason is not a measurement.
        for more in [0, 1] {
            measured.push(&overview, Duration::from_secs(5 * at + more));
        }
    }
    assert_eq!(measured.of(ProcessId(3)).unwrap().cpu, vec![12.5; MAX_MEASUREMENTS]);
    assert_eq!(measured.of(ProcessId(1)), None);
    assert_eq!(measured.current(&overview.processes[2]).unwrap().memory.len(), MAX_MEASUREMENTS);
    overview.processes[2].record.state = StateName::Stopped;
    assert_eq!(measured.current(&overview.processes[2]), None, "what is down uses nothing");
    overview.processes.remove(2);
    measured.push(&overview, Duration::from_secs(10_000));
    assert_eq!(measured.of(ProcessId(3)), None);
}
