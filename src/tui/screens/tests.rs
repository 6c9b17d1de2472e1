use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::details::{CheckRow, DetailsSheet, DetailsTab, DetailsView, RunRow, VariableRow};
use super::graph::{GraphNode, GraphView, GraphViewEdge};
use super::stats::ProcessUsage;
use super::timeline::Timeline;
use super::*;
use crate::machine::{Event, EventText, StateName};
use crate::spec::CheckRole;
use crate::tui::motion::Motion;
use crate::tui::pattern::{ListFilter, PatternMode};
use crate::tui::test_render::{drawn, everywhere, text};
use crate::tui::text::StyledLine;
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

type Screen<'a> = &'a dyn Fn(Rect, &Appearance, &mut Buffer);

fn events() -> Vec<Event> {
    let stamped = |(at, body): (usize, &&str)| {
        let at = at + 1;
        let text = format!(r#"{{"seq":{at},"time":"2026-01-02T03:04:{at:02}.000Z",{body}}}"#);
        serde_json::from_str::<Event>(&text)
    };
    // Names are checked where a file is read; the last two kinds need not be readable here.
    EVENTS.iter().enumerate().filter_map(|event| stamped(event).ok()).collect()
}

fn timeline() -> Timeline {
    let mut timeline = Timeline::default();
    for event in events() {
        timeline.push(&event);
    }
    timeline
}

fn draw_timeline(timeline: &Timeline, size: (u16, u16)) -> String {
    let look = Appearance::new(ThemeName::None, true);
    text(&drawn(size, &look, &|area, look, buffer| {
        timeline.draw(area, look, &TimeZone::UTC, buffer);
    }))
}

#[test]
fn most_events_can_be_read() {
    assert!(events().len() >= 10, "{}", events().len());
}

#[test]
fn an_event_says_what_happened_and_why() {
    let lines: Vec<String> = timeline().latest().map(EventText::line).collect();
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
    assert_eq!(timeline.chosen().map(|told| told.seq), Some(4));
    assert_eq!(timeline.unread(), 4);
    timeline.mark_read();
    timeline.step(1);
    assert_eq!(timeline.chosen().map(|told| told.seq), Some(3));
    for event in rest {
        timeline.push(event);
    }
    assert_eq!(timeline.chosen().map(|told| told.seq), Some(3), "it stays where it is");
    assert_eq!(timeline.unread(), rest.len());
    timeline.step(1000);
    assert_eq!(timeline.chosen().map(|told| told.seq), Some(1));
    timeline.step(-1000);
    assert_eq!(timeline.chosen().map(|told| told.seq), events.last().map(|e| e.stamp().seq));
    // What is told twice is there once.
    let count = timeline.counts();
    timeline.push(&events[0]);
    assert_eq!(timeline.counts(), count);
}

#[test]
fn the_timeline_is_filtered() {
    let mut timeline = timeline();
    timeline.filter(ListFilter::of("worker", PatternMode::default()).unwrap());
    assert_eq!(timeline.counts().1, 2);
    let screen = draw_timeline(&timeline, (80, 12));
    assert!(screen.contains("2 of ") && !screen.contains("4711"), "{screen}");
    timeline.filter(ListFilter::of("nothing at all", PatternMode::default()).unwrap());
    assert!(draw_timeline(&timeline, (80, 12)).contains("nothing fits the filter"));
    assert_eq!(timeline.chosen(), None);
    timeline.step(1);
}

fn node(name: &str, state: StateName, on: &[(&str, bool)], took: u64) -> GraphNode {
    let edge = |(name, fulfilled): &(&str, bool)| GraphViewEdge {
        name: (*name).into(),
        condition: "ready".into(),
        fulfilled: *fulfilled,
    };
    GraphNode {
        name: name.into(),
        state,
        checked: took > 0,
        why: if on.is_empty() { String::new() } else { "as it should be".into() },
        on: on.iter().map(edge).collect(),
        took: (took > 0).then(|| Duration::from_millis(took)),
    }
}

fn graph() -> GraphView {
    GraphView::new(&[
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
    let graph = graph();
    let names: Vec<_> = (0..graph.len()).filter_map(|row| graph.name(row)).collect();
    let expected = ["db", "migrate", "api", "web", "worker", "mailer", "docs", "redis"];
    assert_eq!(names, expected);
    assert_eq!(graph.critical_path(&Appearance::default()), "db 1.1s → api 1.4s → web 2.0s");
}

#[test]
fn a_circle_and_an_unknown_name_do_no_harm() {
    let graph = GraphView::new(&[
        node("a", StateName::Ready, &[("b", true)], 5),
        node("b", StateName::Ready, &[("a", true)], 5),
        node("c", StateName::Ready, &[("c", true), ("gone", false)], 5),
    ]);
    assert!(graph.len() <= 3);
    let look = Appearance::new(ThemeName::None, true);
    _ = drawn((80, 10), &look, &|area, look, buffer| graph.draw(area, 0, look, buffer));
}

fn sheet() -> DetailsSheet {
    let fact = |label: &str, words: &str| (label.to_owned(), words.to_owned());
    DetailsSheet {
        name: "worker".into(),
        state: Some(StateName::Backoff),
        checked: true,
        why: "exit 1 after 8.1s; retry 5 of 8 in 3.2s".into(),
        facts: vec![
            fact("command", "set -e\nnode --enable-source-maps dist/worker.js"),
            fact("cwd", "~/src/shop/worker"),
            fact("policy", "on-failure, 500ms x 2.0 up to 30s, jitter 0.1, given back after 30s"),
            fact("depends on", "redis (ready), api (ready)"),
            fact("defined at", "procfile.toml:42"),
        ],
        runs: vec![
            RunRow {
                run: 4,
                start: "14:31:51".into(),
                up: "8.1s".into(),
                cause: "retry 3 of 8".into(),
                end: "exit 1".into(),
                bad: true,
            },
            RunRow { run: 3, start: "14:30:02".into(), up: "1m 32s".into(), ..RunRow::default() },
        ],
        variables: vec![
            VariableRow { name: "NODE_ENV".into(), value: Some("development".into()) },
            VariableRow { name: "TOKEN".into(), value: None },
        ],
        inherits: true,
        probes: vec![
            CheckRow {
                which: CheckRole::Ready,
                check: "log /worker ready/, within 20s".into(),
                answer: "found".into(),
                good: Some(true),
            },
            CheckRow {
                which: CheckRole::Health,
                check: "http :8080/healthz, every 2.0s, 3 misses are too many".into(),
                answer: "status 503, 2 in a row".into(),
                good: Some(false),
            },
        ],
        files: vec![fact("log", ".pitcrew/logs/worker.log")],
        processor: vec![1.0, 4.0, 2.0, 31.0, 2.0],
        memory: vec![5e7, 8e7, 1.2e8, 1.88e8],
        last_lines: vec![
            StyledLine::of(b"job=send_receipt id=8812 start", true),
            StyledLine::of(b"\x1b[31mERROR\x1b[0m smtp connect refused", true),
        ],
    }
}

fn usage() -> Vec<ProcessUsage> {
    let one = |name: &str, state, share: &[f64], restarts| ProcessUsage {
        name: name.into(),
        state,
        checked: restarts > 0,
        processor: share.to_vec(),
        memory: share.iter().map(|share| share * 1e7).collect(),
        restarts,
        took: (restarts > 0).then(|| Duration::from_millis(1234)),
    };
    vec![
        one("db", StateName::Ready, &[1.0, 2.0, 1.0], 0),
        one("worker", StateName::Backoff, &[], 4),
        one("web.1", StateName::Ready, &[9.0, 110.0, 40.0], 1),
    ]
}

const AREA: Rect = Rect::new(0, 0, 120, 36);

#[test]
fn values_that_look_like_secrets_are_asked_for_first() {
    let sheet = sheet();
    let look = Appearance::new(ThemeName::None, true);
    let mut details = DetailsView::default();
    details.toggle_values();
    assert_eq!(details.tab, DetailsTab::Env, "it leads to where the values are");
    assert!(details.values);
    let screen = text(&drawn((120, 36), &look, &|area, look, buffer| {
        details.draw(&sheet, area, look, buffer);
    }));
    assert!(screen.contains("development") && screen.contains("E shows it"), "{screen}");
}

#[test]
fn tabs_go_round_and_scrolling_stops_at_the_ends() {
    let mut sheet = sheet();
    let look = Appearance::new(ThemeName::None, true);
    let mut details = DetailsView::default();
    for tab in DetailsTab::ALL.iter().cycle().skip(1).take(7) {
        details.turn(false);
        assert_eq!(details.tab, *tab);
    }
    details.turn(true);
    details = DetailsView { tab: DetailsTab::Files, ..DetailsView::default() };
    details.scroll(Motion::PageDown, &sheet, AREA, &look);
    assert_eq!(details.above, 0, "all of it is there");
    sheet.files = (0..50).map(|at| ("log".to_owned(), format!("{at}.log"))).collect();
    details.scroll(Motion::Last, &sheet, AREA, &look);
    assert_eq!(details.above, 50 - 33);
    details.scroll(Motion::Down, &sheet, AREA, &look);
    details.scroll(Motion::Up, &sheet, AREA, &look);
    assert_eq!(details.above, 50 - 34, "no key is lost at the end");
}

#[test]
fn a_chart_takes_any_number() {
    let look = Appearance::new(ThemeName::None, true);
    assert_eq!(chart(&[0.0, 1.0, 2.0], 5, &look), "   ▄█");
    assert_eq!(chart(&[f64::NAN, -1.0], 2, &look), "  ");
}

#[test]
fn screens_of_the_timeline() {
    let mut timeline = timeline();
    timeline.step(2);
    let draw = |area, look: &Appearance, buffer: &mut Buffer| {
        timeline.draw(area, look, &TimeZone::UTC, buffer);
    };
    insta::assert_snapshot!(everywhere(&draw));
}

#[test]
fn screens_of_the_details() {
    for tab in DetailsTab::ALL {
        let details = DetailsView { tab: *tab, ..DetailsView::default() };
        let draw = |area, look: &Appearance, buffer: &mut Buffer| {
            details.draw(&sheet(), area, look, buffer);
        };
        insta::assert_snapshot!(format!("details_{tab:?}"), everywhere(&draw));
    }
}

#[test]
fn screens_of_the_graph() {
    let draw = |area, look: &Appearance, buffer: &mut Buffer| graph().draw(area, 3, look, buffer);
    insta::assert_snapshot!(everywhere(&draw));
}

#[test]
fn screens_of_the_stats() {
    let draw = |area, look: &Appearance, buffer: &mut Buffer| {
        stats::draw((&usage(), false), area, 1, look, buffer);
    };
    insta::assert_snapshot!(everywhere(&draw));
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
        let look = Appearance::new(ThemeName::Dark, unicode);
        let mut sheet = sheet();
        sheet.name.clone_from(&hostile);
        sheet.facts.push((hostile.clone(), hostile.repeat(5)));
        sheet.runs[0].end.clone_from(&hostile);
        sheet.probes[0].answer.clone_from(&hostile);
        sheet.variables[0].name.clone_from(&hostile);
        sheet.processor.clone_from(&shares);
        let mut usage = usage();
        usage[0].name.clone_from(&hostile);
        usage[1].processor = shares.clone();
        usage[1].memory = shares;
        let nodes = (0..12).map(|from| {
            let on = edges.iter().filter(|edge| edge.0 == from);
            let names: Vec<String> = on.map(|(_, to)| format!("{hostile}{to}")).collect();
            let on: Vec<_> = names.iter().map(|name| (name.as_str(), at % 2 == 0)).collect();
            node(&format!("{hostile}{from}"), StateName::Ready, &on, from as u64)
        });
        let graph = GraphView::new(&nodes.collect::<Vec<_>>());
        prop_assert!(graph.len() <= 12);
        let mut timeline = timeline();
        timeline.step(isize::try_from(at).unwrap());
        let details = DetailsView { tab, above: at, values: unicode };
        let screens: [Screen<'_>; 4] = [
            &|area, look, buffer| details.draw(&sheet, area, look, buffer),
            &|area, look, buffer| stats::draw((&usage, false), area, at, look, buffer),
            &|area, look, buffer| graph.draw(area, at, look, buffer),
            &|area, look, buffer| timeline.draw(area, look, &TimeZone::UTC, buffer),
        ];
        for screen in screens {
            _ = text(&drawn(size, &look, screen));
        }
    }
}
