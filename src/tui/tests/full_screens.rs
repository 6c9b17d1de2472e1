//! Tests of the full screens: events, graph, stats and details.

use std::time::Duration;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::json;

use super::fake::{World, member, with};
use crate::machine::{Event, EventText, StateName};
use crate::tui::appearance::Appearance;
use crate::tui::model::Model;
use crate::tui::model::details::{DetailsTab, DetailsView};
use crate::tui::model::timeline::Timeline;
use crate::tui::pattern::{ListFilter, PatternMode};
use crate::tui::render::graph::{Graph, GraphEdge, GraphNode};
use crate::tui::render::{chart, details, graph, stats, timeline};
use crate::tui::test_render::{drawn, everywhere, text};
use crate::tui::theme::ThemeName;

/// Events as the socket gives them.
const EVENTS: &[&str] = &[
    r#""event":"process_waiting","name":"api","process":"api","run":0,"attempt":1,"on":[{"name":"db","condition":"ready"}],"cause":{"kind":"start"}"#,
    r#""event":"process_started","name":"db","process":"db","run":1,"attempt":1,"pid":4711,"cause":{"kind":"start"}"#,
    r#""event":"process_ready","name":"db","process":"db","run":1,"attempt":1,"probe":"tcp 127.0.0.1:5432","answer":"connected","cause":{"kind":"start"}"#,
    r#""event":"process_completed","name":"worker","process":"worker","run":4,"attempt":2,"exit_code":1,"success":false,"duration_ms":8100,"leaked":false,"cause":{"kind":"exit","exit_code":1}"#,
    r#""event":"process_retrying","name":"worker","process":"worker","run":4,"attempt":2,"delay_ms":8000,"retry":5,"retries":8,"cause":{"kind":"exit","exit_code":1}"#,
    r#""event":"file_changed","name":"web","process":"web","path":"src/routes.rs","more":2,"action":"restart""#,
    r#""event":"process_started","name":"web.3","process":"web","run":2,"attempt":1,"pid":4712,"cause":{"kind":"file_changed","path":"src/routes.rs"}"#,
    r#""event":"process_killed","name":"api","process":"api","run":2,"attempt":1,"by":"health","success":false,"duration_ms":90000,"leaked":true,"signal":"TERM","strays":[{"pid":9,"command":"x"}],"cause":{"kind":"unhealthy","check":"health","probe":"http :8080/healthz","answer":"status 503","misses":3}"#,
    r#""event":"process_failed","name":"mail\u001b[2J","process":"mail","run":1,"attempt":1,"error":"program_not_found","message":"no such program \"mialer\"","success":false,"duration_ms":0,"leaked":false,"cause":{"kind":"start"}"#,
    r#""event":"process_skipped","name":"job","process":"job","run":0,"attempt":1,"on":"mail","chain":[{"name":"mail","condition":"ready","why":"it failed"}],"cause":{"kind":"dependency","on":"mail"}"#,
    r#""event":"config_reloaded","reload":1,"added":["docs"],"changed":[],"removed":[],"cause":{"kind":"user"}"#,
    r#""event":"project_stopping","cause":{"kind":"shutdown","reason":{"asked":null}}"#,
];

type Draw = fn(&Model, Rect, &mut Buffer);

/// Draws a screen of the model with another appearance.
fn screen(ui: &Model, draw: Draw) -> impl Fn(Rect, &Appearance, &mut Buffer) {
    let ui = ui.clone();
    move |area, look, buffer| {
        draw(&Model { look: *look, ..ui.clone() }, area, buffer);
        look.flatten(buffer);
    }
}

fn screen_text(ui: &Model, draw: Draw, size: (u16, u16)) -> String {
    text(&drawn(size, &Appearance::new(ThemeName::None, true), &screen(ui, draw)))
}

fn empty_model() -> Model {
    World::new(Vec::new(), (120, 36)).ui
}

fn events() -> Vec<Event> {
    let stamped = |(at, body): (usize, &&str)| {
        let at = at + 1;
        let text = format!(r#"{{"seq":{at},"time":"2026-01-02T03:04:{at:02}.000Z",{body}}}"#);
        serde_json::from_str::<Event>(&text)
    };
    // Names are checked where a file is read; the last two kinds need not be readable here.
    EVENTS.iter().enumerate().filter_map(|event| stamped(event).ok()).collect()
}

fn all_events() -> Timeline {
    let mut timeline = Timeline::default();
    for event in events() {
        timeline.push(&event);
    }
    timeline
}

#[test]
fn most_events_can_be_read() {
    assert!(events().len() >= 10, "{}", events().len());
}

#[test]
fn an_event_says_what_happened_and_why() {
    let lines: Vec<String> = all_events().latest().map(EventText::line).collect();
    let all = lines.join("\n");
    for expected in [
        "db started, pid 4711; project start",
        "db is ready, tcp 127.0.0.1:5432: connected",
        "worker failed: exit 1 after 8.1s",
        "worker: retry 5 of 8 in 8.0s; exit 1",
        "web: src/routes.rs and 2 more changed; restarting",
        "web.3 started, pid 4712, run 2; src/routes.rs changed",
        "api failed its health check after 1m 30s: http :8080/healthz: status 503; 3 misses in a row",
        "job skipped: mail cannot be ready: it failed",
        "procfile reloaded: new: docs; manual",
    ] {
        assert!(all.contains(expected), "{expected:?} is not in\n{all}");
    }
}

#[test]
fn the_newest_is_followed_until_the_cursor_moves() {
    let mut timeline = Timeline::default();
    let events = events();
    let (first, rest) = events.split_at(4);
    for event in first {
        timeline.push(event);
    }
    assert_eq!(timeline.chosen().map(|event| event.seq), Some(4));
    assert_eq!(timeline.unread(), 4);
    timeline.mark_read();
    timeline.step(1);
    assert_eq!(timeline.chosen().map(|event| event.seq), Some(3));
    for event in rest {
        timeline.push(event);
    }
    assert_eq!(timeline.chosen().map(|event| event.seq), Some(3), "it stays where it is");
    assert_eq!(timeline.unread(), rest.len());
    timeline.step(1000);
    assert_eq!(timeline.chosen().map(|event| event.seq), Some(1));
    timeline.step(-1000);
    assert_eq!(timeline.chosen().map(|event| event.seq), events.last().map(|e| e.stamp().seq));
    // An event that is sent twice is shown once.
    let count = timeline.counts();
    timeline.push(&events[0]);
    assert_eq!(timeline.counts(), count);
}

#[test]
fn the_timeline_is_filtered() {
    let mut ui = Model { timeline: all_events(), ..empty_model() };
    ui.timeline.filter(ListFilter::of("worker", PatternMode::default()).unwrap());
    assert_eq!(ui.timeline.counts().1, 2);
    let screen = screen_text(&ui, timeline::draw, (80, 12));
    assert!(screen.contains("2 of ") && !screen.contains("4711"), "{screen}");
    ui.timeline.filter(ListFilter::of("nothing at all", PatternMode::default()).unwrap());
    assert!(screen_text(&ui, timeline::draw, (80, 12)).contains("no event matches the filter"));
    assert_eq!(ui.timeline.chosen(), None);
    ui.timeline.step(1);
}

fn node(name: &str, state: StateName, on: &[(&str, bool)], took: u64) -> GraphNode {
    let edge = |(name, fulfilled): &(&str, bool)| GraphEdge {
        name: (*name).into(),
        condition: "ready".into(),
        is_fulfilled: *fulfilled,
    };
    GraphNode {
        name: name.into(),
        state,
        checked: took > 0,
        why: if on.is_empty() { String::new() } else { "as it should be".into() },
        dependencies: on.iter().map(edge).collect(),
        ready_time: (took > 0).then(|| Duration::from_millis(took)),
    }
}

fn shop_graph() -> Graph {
    Graph::new(&[
        node("docs", StateName::Idle, &[], 0),
        node("db", StateName::Ready, &[], 1100),
        node("redis", StateName::Ready, &[], 300),
        node("migrate", StateName::Succeeded, &[("db", true)], 0),
        node("api", StateName::Ready, &[("db", true), ("migrate", true), ("redis", true)], 1400),
        node("web", StateName::Starting, &[("api", true)], 2000),
        node("worker", StateName::Backoff, &[("api", true), ("redis", true)], 0),
        node("mailer", StateName::Waiting, &[("worker", false)], 0),
    ])
}

#[test]
fn everything_stands_once_below_what_it_comes_after() {
    let graph = shop_graph();
    let names: Vec<_> = (0..graph.len()).filter_map(|row| graph.name(row)).collect();
    let expected = ["db", "migrate", "api", "web", "worker", "mailer", "docs", "redis"];
    assert_eq!(names, expected);
    assert_eq!(graph.critical_path(&Appearance::default()), "db 1.1s → api 1.4s → web 2.0s");
}

#[test]
fn a_circle_and_an_unknown_name_do_no_harm() {
    let graph = Graph::new(&[
        node("a", StateName::Ready, &[("b", true)], 5),
        node("b", StateName::Ready, &[("a", true)], 5),
        node("c", StateName::Ready, &[("c", true), ("gone", false)], 5),
    ]);
    assert!(graph.len() <= 3);
    let ui = empty_model();
    _ = drawn((80, 10), &ui.look, &|area, _, buffer| graph.draw(&ui, area, buffer));
}

/// A process that fails, on the details screen.
fn worker() -> World {
    let mut world =
        World::new(vec![member(1, "redis", "ready"), member(2, "api", "ready")], (120, 36));
    let on =
        json!([{"name": "redis", "condition": "ready"}, {"name": "api", "condition": "ready"}]);
    let worker = with(
        member(3, "worker", "backoff"),
        &json!({"depends_on": on, "until_ms": 3200, "run": 4, "restarts": 3, "retry": 5,
            "retries": 8, "why": "exit 1 after 8.1s; retry 5 of 8",
            "log_file": ".pitcrew/logs/worker.log"}),
    );
    let script = "set -e\nnode --enable-source-maps dist/worker.js";
    let check = json!({"which": "ready", "kind": "log", "probe": "log /worker ready/",
        "interval_ms": 1000, "timeout_ms": 20_000, "successes": 1, "failures": 3,
        "answer": "found", "good": true, "in_a_row": 1});
    let health = json!({"which": "health", "kind": "http", "probe": "http :8080/healthz",
        "interval_ms": 2000, "timeout_ms": null, "successes": 1, "failures": 3,
        "answer": "status 503", "good": false, "in_a_row": 2});
    world.details = json!({
        "script": script,
        "checks": [check, health],
        "runs": [
            {"run": 4, "started": "2026-01-02T14:31:51Z", "duration_ms": 8100, "success": false,
                "ended": "2026-01-02T14:31:59Z", "end": "failed: exit 1 after 8.1s",
                "cause": {"kind": "retry", "retry": 3, "retries": 8}, "next": "retry 5 of 8 in 8s"},
            {"run": 3, "started": "2026-01-02T14:30:02Z", "duration_ms": 92_000, "success": true,
                "ended": null, "end": null, "cause": null, "next": null},
        ],
    })
    .as_object()
    .cloned()
    .unwrap();
    let lines =
        [&b"job=send_receipt id=8812 start"[..], b"\x1b[31mERROR\x1b[0m smtp connect refused"];
    world.lines = lines.map(|line| ("worker".to_owned(), line.to_vec())).to_vec();
    let mut members = world.ui.overview.processes.clone();
    members.push(worker);
    world.push(members, Vec::new());
    world.settle();
    world.keys("down down down d");
    let mut overview = world.ui.overview.clone();
    for (at, (cpu, memory)) in
        [(1.0, 50_000_000), (4.0, 80_000_000), (31.0, 188_000_000)].into_iter().enumerate()
    {
        let process = &mut overview.processes[2];
        (process.cpu_percent, process.memory_bytes) = (Some(cpu), Some(memory));
        world.ui.usage.push(&overview, Duration::from_secs(5 * at as u64));
    }
    world
}

fn used(shares: &[f64]) -> Model {
    let one = |id, name: &str, state: &str, restarts: u32| {
        with(member(id, name, state), &json!({"restarts": restarts}))
    };
    let members =
        vec![one(1, "db", "ready", 0), one(2, "worker", "backoff", 4), one(3, "web.1", "ready", 1)];
    let mut world = World::new(members, (120, 36));
    for (at, share) in shares.iter().enumerate() {
        let mut overview = world.ui.overview.clone();
        for (process, factor) in overview.processes.iter_mut().zip([1.0, 0.5, 9.0]) {
            process.cpu_percent = Some(share * factor);
            process.memory_bytes = Some((share * factor * 1e7) as u64);
        }
        world.ui.usage.push(&overview, Duration::from_secs(5 * at as u64));
    }
    world.ui.row = 1;
    world.ui
}

#[test]
fn values_that_look_like_secrets_are_asked_for_first() {
    let mut world = worker();
    world.ui.details.toggle_values();
    assert_eq!(world.ui.details.tab, DetailsTab::Env, "it leads to where the values are");
    assert!(world.ui.details.reveals_values);
    let screen = screen_text(&world.ui, details::draw, (120, 36));
    assert!(screen.contains("dev") && screen.contains("E shows it"), "{screen}");
}

#[test]
fn tabs_go_round_and_scrolling_stops_at_the_ends() {
    let mut details = DetailsView::default();
    for tab in DetailsTab::ALL.iter().cycle().skip(1).take(7) {
        details.next_tab(false);
        assert_eq!(details.tab, *tab);
    }
    details.next_tab(true);
    assert_eq!(details.tab, DetailsTab::Runs);
    let mut world = worker();
    world.keys("[ pagedown");
    assert_eq!((world.ui.details.tab, world.ui.details.above), (DetailsTab::Files, 0));
    let globs: Vec<String> = (0..50).map(|at| format!("{at}.rs")).collect();
    let watch = json!({"paths": globs, "ignore": [], "action": "restart", "debounce_ms": 200});
    world.details.insert("watch".to_owned(), watch);
    world.keys("esc d [ end");
    let (rows, page) =
        details::rows(&world.ui, crate::tui::model::layout::areas(&world.ui).view.unwrap().outside);
    assert_eq!(world.ui.details.above, rows - page);
    world.keys("down up");
    assert_eq!(world.ui.details.above, rows - page - 1, "no key is lost at the end");
}

#[test]
fn a_long_end_of_a_run_keeps_the_columns_and_is_whole_in_its_tab() {
    let mut world = worker();
    let reason = "failed: no such program \"mialer\" in /usr/local/sbin, /usr/local/bin, /usr/sbin, \
                  /usr/bin, /sbin or /bin; did you mean \"mailer\"?";
    world.details["runs"][0]["end"] = json!(reason);
    world.keys("esc d");
    let summary = world.screen();
    let row = summary.lines().find(|line| line.contains("#4 ")).unwrap();
    assert!(row.contains("14:31:51 8.1s") && row.contains("retry 3"), "{summary}");
    assert!(row.contains("failed: no such") && row.contains('…'), "{summary}");
    world.keys("]");
    let table = world.screen();
    let words: Vec<&str> = reason.split(' ').collect();
    for word in &words {
        assert!(table.contains(word), "{word} is not in\n{table}");
    }
    let row = table.lines().find(|line| line.contains("#4 ")).unwrap();
    assert!(row.contains("retry 3 of 8"), "{table}");
}

#[test]
fn a_chart_takes_any_number() {
    let look = Appearance::new(ThemeName::None, true);
    assert_eq!(chart(&[0.0, 1.0, 2.0], 5, &look), "   ▄█");
    assert_eq!(chart(&[f64::NAN, -1.0], 2, &look), "  ");
}

#[test]
fn screens_of_the_timeline() {
    let mut ui = Model { timeline: all_events(), ..empty_model() };
    ui.timeline.step(2);
    insta::assert_snapshot!(everywhere(&screen(&ui, timeline::draw)));
}

#[test]
fn screens_of_the_details() {
    let mut ui = worker().ui;
    for tab in DetailsTab::ALL {
        ui.details = DetailsView { tab: *tab, ..DetailsView::default() };
        insta::assert_snapshot!(
            format!("details_{tab:?}"),
            everywhere(&screen(&ui, details::draw))
        );
    }
}

#[test]
fn screens_of_the_graph() {
    let ui = Model { row: 3, ..empty_model() };
    let draw = |area, look: &Appearance, buffer: &mut Buffer| {
        shop_graph().draw(&Model { look: *look, ..ui.clone() }, area, buffer);
    };
    insta::assert_snapshot!(everywhere(&draw));
}

#[test]
fn screens_of_the_stats() {
    insta::assert_snapshot!(everywhere(&screen(&used(&[1.0, 9.0, 4.0]), stats::draw)));
}

proptest! {
    #[test]
    fn nothing_panics_at_any_size(
        size in (0_u16..130, 0_u16..40),
        at in 0_usize..50,
        unicode: bool,
        hostile in "\\PC{0,20}|\x1b\\[2J\u{202e}",
        tab in prop::sample::select(DetailsTab::ALL),
        edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..40),
        shares in prop::collection::vec(any::<f64>(), 0..50),
    ) {
        let nodes = (0..12).map(|from| {
            let on = edges.iter().filter(|edge| edge.0 == from);
            let names: Vec<String> = on.map(|(_, to)| format!("{hostile}{to}")).collect();
            let on: Vec<_> = names.iter().map(|name| (name.as_str(), at % 2 == 0)).collect();
            node(&format!("{hostile}{from}"), StateName::Ready, &on, from as u64)
        });
        let graph = Graph::new(&nodes.collect::<Vec<_>>());
        prop_assert!(graph.len() <= 12);
        let mut world = worker();
        world.details["runs"][0]["end"] = json!(hostile);
        world.details["checks"][0]["answer"] = json!(hostile);
        world.details.insert("cwd".to_owned(), json!(hostile));
        world.details.insert("env".to_owned(), json!([{"name": hostile, "value": hostile}]));
        world.keys("esc d");
        let mut ui = world.ui;
        let look = Appearance::new(ThemeName::Dark, unicode);
        (ui.usage, ui.row, ui.timeline) = (used(&shares).usage, at, all_events());
        ui.overview.processes[2].why.clone_from(&hostile);
        ui.timeline.step(isize::try_from(at).unwrap());
        ui.details = DetailsView { tab, above: at, reveals_values: unicode };
        for draw in [timeline::draw as Draw, graph::draw, stats::draw, details::draw] {
            _ = text(&drawn(size, &look, &screen(&ui, draw)));
        }
        _ = text(&drawn(size, &look, &|area, _, buffer| graph.draw(&ui, area, buffer)));
    }
}
