//! Tests of the full screens, with data of the project.

use std::time::Duration;

use super::fake::{World, member};
use crate::tui::model::{Pane, Screen};
use crate::tui::msg::{Cmd, Msg};
use crate::tui::test_render::SIZES;

fn details(size: (u16, u16)) -> World {
    let mut world = World::shop(size);
    let mut members = world.ui.overview.processes.clone();
    members[1].record.run = 2;
    members[1].record.restarts = 1;
    world.push(members, Vec::new());
    world.settle();
    world.keys("down down d");
    world
}

fn inquiries(world: &mut World) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    while let Some(wish) = world.cmds.pop_front() {
        if let Cmd::FetchDetails(name, reveal) = &wish {
            all.push((name.clone(), *reveal));
        }
        world.answer(wish);
    }
    all
}

#[test]
fn everything_that_is_known_of_a_process_is_shown() {
    let world = details((120, 50));
    let screen = world.screen();
    for expected in [
        "exec serve 'a b'",
        "/srv/shop",
        "failed: exit 1 after 8.1s at 03:03:08",
        "4711 / 4711",
        "1: 1 by retry",
        "restart on-failure · up to 8 retries · 1s",
        "idle timeout 30s",
        "TERM, KILL after 10s",
        "web.1 (ready)",
        "tcp :8080, every 1s, within 20s",
        "MODE=dev, 1 more (E)",
        "/srv/shop/procfile.toml:42",
        "db: exit 7",
        "#1   03:03:00 8.1s",
        "Last output",
        "GET /v1/cart 197",
    ] {
        assert!(screen.contains(expected), "{expected:?} is not in\n{screen}");
    }
    assert!(!screen.contains("hunter2") && !screen.contains("cpu"), "{screen}");
}

#[test]
fn each_part_has_what_belongs_there() {
    let mut world = details((120, 36));
    world.keys("]");
    assert!(
        world.screen().contains("failed: exit 1 after 8.1s, retry 1 of 8 in 1s"),
        "{}",
        world.screen()
    );
    world.keys("] ]");
    assert!(world.screen().contains("connected, 4 in a row"), "{}", world.screen());
    world.keys("]");
    assert!(world.screen().contains("/srv/shop/procfile.toml:42"), "{}", world.screen());
    world.keys("enter");
    assert_eq!((world.ui.screen, world.ui.pane), (Screen::Dashboard, Pane::Logs));
}

#[test]
fn secrets_are_fetched_only_while_they_are_shown() {
    let mut world = details((120, 36));
    world.keys("E");
    assert!(world.screen().contains("hunter2"), "{}", world.screen());
    world.keys("E");
    assert!(!world.screen().contains("hunter2"), "{}", world.screen());
    world.keys("E esc");
    assert!(world.ui.details_data().is_none(), "nothing is kept");
    world.keys("d ] ]");
    assert!(!world.screen().contains("hunter2"), "{}", world.screen());
}

#[test]
fn it_is_asked_again_when_something_is_different() {
    let mut world = details((120, 36));
    let mut members = world.ui.overview.processes.clone();
    members[0].record.run += 1;
    world.push(members.clone(), Vec::new());
    assert!(inquiries(&mut world).is_empty(), "that is about another one");
    members[1].record.run += 1;
    world.push(members, Vec::new());
    assert_eq!(inquiries(&mut world), [("api".to_owned(), false)]);
    let due = world.ui.next_change_in().unwrap();
    assert!(due <= Duration::from_millis(1005), "checks answer without a word: {due:?}");
    world.pass(Duration::from_secs(1));
    assert_eq!(inquiries(&mut world).len(), 1);
    world.keys("esc");
    world.pass(Duration::from_secs(10));
    assert!(inquiries(&mut world).is_empty(), "nobody looks");
}

#[test]
fn a_late_response_is_not_assigned_to_another_process() {
    let mut world = details((120, 36));
    let known = world.ui.details_data().cloned().map(Box::new);
    world.keys("esc down d");
    world.tell(Msg::Details("api".to_owned(), false, known));
    world.settle();
    assert!(world.ui.details_data().is_none_or(|known| known.name != "api"));
}

#[test]
fn it_fits_everywhere() {
    let at_the_end = |size| {
        let mut world = details(size);
        world.keys("G");
        world.screen()
    };
    let all: String =
        SIZES.iter().map(|size| details(*size).screen() + &at_the_end(*size)).collect();
    insta::assert_snapshot!(all);
}

#[test]
fn the_graph_leads_to_the_row_of_all_replicas() {
    let mut world = World::shop((120, 36));
    world.keys("3");
    let names: Vec<_> = (0..crate::tui::render::screens::rows(&world.ui))
        .filter_map(|row| {
            world.ui.row = row;
            crate::tui::render::screens::name(&world.ui)
        })
        .collect();
    assert_eq!(names, ["db", "api", "web", "worker", "docs"]);
    world.ui.row = 2;
    world.keys("enter");
    assert_eq!(world.ui.list.cursor.name(), "web");
    assert_eq!(
        world.visible().len(),
        world.visible().iter().filter(|line| !line.is_empty()).count()
    );
}

#[test]
fn events_are_filtered_as_they_are_typed() {
    let mut world = World::shop((120, 36));
    let started = |seq: u64, name: &str| {
        let text = format!(
            r#"{{"seq":{seq},"time":"2026-01-02T03:04:05Z","event":"process_started","name":"{name}","process":"{name}","run":3,"attempt":1,"pid":4711,"cause":{{"kind":"user"}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    world.tell(Msg::Events(vec![started(1, "api"), started(2, "db")]));
    world.keys("2 /");
    world.typed("api");
    assert!(world.screen().contains("1 of 2, filtered"), "{}", world.screen());
    world.keys("enter enter");
    assert_eq!(world.ui.list.cursor.name(), "api");
    assert!(world.orders.is_empty(), "nothing that was typed is a key");
}

#[test]
fn stats_show_only_columns_that_something_is_known_of() {
    let mut world = World::shop((120, 36));
    world.keys("4");
    assert!(!world.screen().contains("CPU"), "{}", world.screen());
    let mut members = world.ui.overview.processes.clone();
    members[0].cpu_percent = Some(12.0);
    members[0].memory_bytes = Some(84 << 20);
    world.push(members, Vec::new());
    assert!(world.screen().contains("12%") && world.screen().contains("84M"), "{}", world.screen());
}

#[test]
fn what_a_run_took_is_on_the_critical_path() {
    let mut world = World::new(vec![member(1, "db", "ready")], (120, 36));
    let event = |body: &str| {
        let text = format!(
            r#"{{{body},"name":"db","process":"db","run":1,"attempt":1,"cause":{{"kind":"start"}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    world.tell(Msg::Events(vec![
        event(r#""seq":1,"time":"2026-01-02T03:04:05.000Z","event":"process_started","pid":1"#),
        event(r#""seq":2,"time":"2026-01-02T03:04:06.500Z","event":"process_ready""#),
    ]));
    world.keys("3");
    assert!(world.screen().contains("critical path: db 1.5s"), "{}", world.screen());
}
