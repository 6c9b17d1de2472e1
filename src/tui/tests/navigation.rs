//! Tests of navigation in the list and in the logs.

use std::time::Duration;

use super::fake::{World, member};
use crate::control::Measure;
use crate::tui::model::list::RowId;
use crate::tui::model::logs::LogsSource;
use crate::tui::model::{Pane, Screen};
use crate::tui::msg::{Cmd, Msg};

fn more(world: &mut World, lines: usize) {
    for at in 0..lines {
        world.lines.push(("api".to_owned(), format!("new {at}").into_bytes()));
    }
    world.grow();
    world.settle();
}

#[test]
fn the_logs_follow_until_the_user_scrolls_up() {
    let mut world = World::shop((120, 36));
    more(&mut world, 3);
    assert_eq!(world.visible().last().unwrap(), "new 2");
    world.keys("K");
    let before = world.visible();
    assert_eq!(before.last().unwrap(), "new 1");
    more(&mut world, 500);
    assert_eq!(world.visible(), before, "what is read stays where it is");
    assert!(world.screen().contains("PAUSED · 500 new ↓"), "{}", world.screen());
    world.keys("f");
    assert_eq!(world.visible().last().unwrap(), "new 499");
    assert!(world.screen().contains("FOLLOW"));
}

#[test]
fn scrolling_to_the_end_follows_again() {
    let mut world = World::shop((120, 36));
    world.keys("ctrl-u");
    assert!(!world.ui.logs.is_following());
    world.keys("ctrl-d ctrl-d");
    assert!(world.ui.logs.is_following());
}

#[test]
fn the_oldest_line_and_the_latest_are_a_key_away() {
    let mut world = World::shop((120, 36));
    more(&mut world, 3000);
    world.keys("tab g");
    assert_eq!(world.visible()[0], "GET /v1/cart 0");
    world.keys("pagedown");
    assert_ne!(world.visible()[0], "GET /v1/cart 0");
    world.keys("G");
    assert_eq!(world.visible().last().unwrap(), "new 2999");
}

#[test]
fn keys_that_are_faster_than_the_rows_are_not_lost() {
    let mut world = World::shop((120, 36));
    let slow: Vec<_> = ["down", "down", "K", "K", "K"].into_iter().collect();
    for key in slow {
        world.tell(Msg::Key(key.parse().unwrap()));
    }
    world.settle();
    assert!(!world.ui.logs.is_following());
}

#[test]
fn the_cursor_follows_the_process_and_never_the_row() {
    let mut world = World::shop((120, 36));
    world.keys("G k");
    assert_eq!(world.ui.list.cursor, RowId::Process("worker".to_owned()));
    let mut others = world.ui.overview.processes.clone();
    others.insert(0, member(90, "aaa", "ready"));
    others.retain(|one| one.name != "api");
    world.push(others, Vec::new());
    world.settle();
    assert_eq!(world.ui.list.cursor, RowId::Process("worker".to_owned()));
    assert_eq!(world.ui.logs.source, LogsSource::Names(["worker".to_owned()].into()));
}

#[test]
fn two_marks_are_shown_merged() {
    let mut world = World::shop((120, 36));
    world.keys("down space");
    assert_eq!(
        world.ui.logs.source,
        LogsSource::Names(["api".to_owned()].into()),
        "one mark is none"
    );
    world.keys("space");
    let both = ["api".to_owned(), "db".to_owned()].into();
    assert_eq!(world.ui.logs.source, LogsSource::Names(both));
    world.keys("u");
    assert!(world.ui.list.marks.is_empty());
}

#[test]
fn a_group_is_folded_and_stands_for_its_members() {
    let mut world = World::shop((120, 36));
    world.keys("down down down");
    assert_eq!(world.ui.list.cursor, RowId::Replicas("web".to_owned()));
    let all = ["web.1", "web.2", "web.3"].map(str::to_owned).into();
    assert_eq!(world.ui.logs.source, LogsSource::Names(all));
    world.keys("down");
    assert_eq!(world.ui.list.cursor, RowId::Process("web.1".to_owned()));
}

#[test]
fn what_is_muted_is_not_in_the_merged_view() {
    let mut world = World::shop((120, 36));
    world.keys("down m up");
    assert!(world.visible().len() > 10);
    let LogsSource::Names(names) = &world.ui.logs.source else { panic!("all") };
    assert!(!names.contains("db") && names.contains("api"));
}

#[test]
fn lines_are_picked_out_as_they_are_typed_and_a_faulty_pattern_keeps_the_last() {
    let mut world = World::shop((120, 36));
    world.keys("&");
    world.typed("ERROR");
    assert!(world.visible().iter().all(|line| line.contains("ERROR")));
    world.typed("(");
    assert!(world.visible().iter().all(|line| line.contains("ERROR")));
    assert!(world.screen().contains("unclosed group"), "{}", world.screen());
    world.keys("backspace enter");
    assert!(world.ui.prompt.is_none());
    world.keys("esc");
    assert!(world.ui.logs.filter.is_none());
}

#[test]
fn what_is_cleared_comes_back() {
    let mut world = World::shop((120, 36));
    world.keys("C");
    assert!(world.visible().is_empty());
    more(&mut world, 2);
    assert_eq!(world.visible(), ["new 0", "new 1"]);
    world.keys("esc");
    assert!(world.visible().len() > 2);
}

#[test]
fn lines_are_selected_and_copied_without_what_stands_before_them() {
    let mut world = World::shop((120, 36));
    world.keys("v up up y");
    let Some(Cmd::Copy(text)) = world.orders.pop() else { panic!("{:?}", world.orders) };
    assert_eq!(text, "GET /v1/cart 197\nGET /v1/cart 198\nGET /v1/cart 199\n");
}

#[test]
fn escape_goes_back_one_level_at_a_time() {
    let mut world = World::shop((120, 36));
    world.keys("tab z 2");
    assert_eq!(world.ui.screen, Screen::Events);
    world.keys("esc");
    assert_eq!((world.ui.screen, world.ui.zoom), (Screen::Dashboard, true));
    world.keys("esc");
    assert!(!world.ui.zoom);
    world.keys("esc");
    assert_eq!(world.ui.pane, Pane::List);
}

#[test]
fn nothing_changes_by_itself_but_what_counts() {
    let mut world = World::shop((120, 36));
    let backoff = world.ui.next_change_in().unwrap();
    assert!(backoff < Duration::from_millis(1100), "a back-off counts: {backoff:?}");
    let calm: Vec<_> = ["db", "api"].iter().map(|name| member(1, name, "ready")).collect();
    world.push(calm, Vec::new());
    world.settle();
    let minute = world.ui.next_change_in().unwrap();
    assert!(minute > Duration::from_secs(50), "only the minutes of the uptime: {minute:?}");
    world.push(vec![member(1, "db", "stopped")], Vec::new());
    world.settle();
    assert_eq!(world.ui.next_change_in(), None);
}

#[test]
fn the_wheel_goes_to_what_is_under_it() {
    use crossterm::event::{KeyModifiers, MouseEvent, MouseEventKind};
    let mut world = World::shop((120, 36));
    let wheel = |column, row, kind| {
        Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    world.tell(wheel(100, 10, MouseEventKind::ScrollUp));
    world.settle();
    assert!(!world.ui.logs.is_following());
    assert_eq!(world.ui.list.cursor_index, 0);
    world.tell(wheel(5, 5, MouseEventKind::ScrollDown));
    world.settle();
    assert_eq!(world.ui.list.cursor_index, 1);
}

#[test]
fn a_drag_copies_on_release() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut world = World::shop((120, 36));
    let gutter = crate::tui::model::viewport::gutter_width(&world.ui) as u16;
    let inside = crate::tui::model::layout::areas(&world.ui).logs.unwrap().inside;
    let mouse = |kind, x, y| {
        let (column, row) = (inside.x + gutter + x, inside.y + y);
        Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    let first = world.visible()[0].clone();
    let second = world.visible()[1].clone();
    world.tell(mouse(MouseEventKind::Down(MouseButton::Left), 4, 0));
    world.tell(mouse(MouseEventKind::Drag(MouseButton::Left), 2, 1));
    world.tell(mouse(MouseEventKind::Up(MouseButton::Left), 2, 1));
    world.settle();
    let Some(Cmd::Copy(text)) = world.orders.pop() else { panic!("{:?}", world.orders) };
    assert_eq!(text, format!("{}\n{}\n", &first[4..], &second[..3]));
}

#[test]
fn json_is_laid_out_and_nothing_else_moves() {
    let mut world = World::shop((120, 36));
    world.lines.push(("api".to_owned(), br#"{"level":"info","at":[1,2]}"#.to_vec()));
    more(&mut world, 1);
    world.keys("P");
    let visible = world.visible();
    let json = &visible[visible.len() - 8..];
    assert_eq!(json[0], "{");
    assert_eq!(json[1], "  \"level\": \"info\",");
    assert_eq!(json[7], "new 0");
    assert!(world.screen().contains("json"));
    world.keys("P");
    assert_eq!(world.visible().len(), visible.len());
    assert!(world.visible().contains(&r#"{"level":"info","at":[1,2]}"#.to_owned()));
}

#[test]
fn what_processes_take_is_asked_for_only_while_it_is_shown() {
    for (size, wanted) in [((120, 36), true), ((80, 24), true), ((48, 13), true), ((25, 10), false)]
    {
        let mut world = World::shop(size);
        let asks = |world: &World| world.ui.measure == Measure::Yes;
        assert_eq!(asks(&world), wanted, "{size:?}");
        for (key, wanted) in [("2", false), ("4", true), ("1", wanted), ("3", false)] {
            world.keys(key);
            assert_eq!(asks(&world), wanted, "{key} in {size:?}");
        }
        world.keys("1");
        world.tell(Msg::Resize(ratatui::layout::Size::new(10, 3)));
        assert!(!asks(&world), "nothing is shown at all");
        world.tell(Msg::Resize(ratatui::layout::Size::new(120, 36)));
        assert!(asks(&world));
    }
    // Where there is room for one pane, the logs have it.
    let mut world = World::shop((48, 13));
    world.keys("tab");
    assert_eq!(world.ui.measure, Measure::No);
}

fn rows(world: &World) -> Vec<String> {
    let screen = world.screen();
    let list = screen.lines().skip(3).filter_map(|line| line.split('┃').nth(1));
    list.map(|row| row.trim().to_owned()).take_while(|row| !row.is_empty()).collect()
}

#[test]
fn one_that_is_scaled_up_becomes_a_group_where_it_stood() {
    let mut web = member(2, "web", "ready");
    let all = |web: &crate::control::wire::ProcessState| {
        vec![member(1, "db", "ready"), web.clone(), member(3, "worker", "ready")]
    };
    let mut world = World::new(all(&web), (120, 36));
    world.keys("down down");
    let mut more = all(&web);
    more.extend([member(4, "web.2", "starting"), member(5, "web.3", "starting")]);
    world.push(more, Vec::new());
    let shown = rows(&world);
    let names: Vec<String> =
        shown.iter().map(|row| row.chars().skip(2).take(10).collect()).collect();
    assert!(shown[2].contains("web x3") && shown[2].contains("1/3 ready"), "{shown:#?}");
    assert!(shown[3].contains("├ web ") && shown[5].contains("└ web.3"), "{shown:#?}");
    assert!(shown[6].contains("worker"), "{names:#?}");
    web.record.state = crate::machine::StateName::Ready;
    world.push(all(&web), Vec::new());
    assert_eq!(world.ui.list.cursor, RowId::Process("web".to_owned()), "{}", world.screen());
}

#[test]
fn at_120_columns_every_column_is_there_and_nothing_is_cut() {
    let mut all: Vec<_> = (1..=2).map(|at| member(at, &format!("worker.{at}"), "ready")).collect();
    let mut done = member(3, "migrate", "succeeded");
    done.record.exit_code = Some(0);
    let mut web = member(4, "web", "ready");
    web.record.port = Some(8080);
    (web.cpu_percent, web.memory_bytes) = (Some(107.0), Some(1023 << 20));
    let mut job = member(5, "compile", "ready");
    job.record.pool = Some("build".into());
    all.extend([done, web, job]);
    let mut world = World::new(all.clone(), (120, 36));
    let pool = |running, queued, paused| {
        let pool = serde_json::json!({
            "name": "build", "slots": 2, "running": running, "queued": queued, "paused": paused
        });
        vec![serde_json::from_value(pool).unwrap()]
    };
    for (running, queued, paused, words) in [
        (2, 0, false, "2/2 running"),
        (2, 3, false, "2/2 +3 queued"),
        (2, 1234, false, "2/2 +1234"),
        (0, 3, true, "paused +3"),
    ] {
        world.push(all.clone(), pool(running, queued, paused));
        let screen = world.screen();
        assert!(screen.contains(words), "{words}: {screen}");
        for word in ["UP", "CPU", "MEM", "↻", "PORT", "107%", "1.0G", ":8080", "succeeded (0)"] {
            assert!(screen.contains(word), "{word}: {screen}");
        }
        let list = rows(&world);
        assert!(!list.iter().any(|row| row.contains('…')), "{list:#?}");
    }
    let before = world.screen();
    world.keys("/");
    world.typed("web");
    let heads = [before.lines().nth(2), world.screen().lines().nth(2)]
        .map(|line| line.and_then(|line| line.split('┃').nth(1)).map(str::to_owned));
    assert_eq!(heads[0], heads[1], "columns stay where they are");
}

#[test]
fn a_small_screen_says_in_any_case_whether_it_follows() {
    for (size, followed, paused) in
        [((48, 13), "All processes  FOLLOW", "PAUSED"), ((20, 4), "FOLLOW", "PAUSED")]
    {
        let mut world = World::shop(size);
        world.keys("tab");
        let head = |world: &World| world.screen().lines().next().unwrap_or_default().to_owned();
        assert!(head(&world).contains(followed), "{}", world.screen());
        world.keys("k");
        assert!(head(&world).contains(paused), "{}", world.screen());
        world.keys("/");
        world.typed("refused");
        world.keys("enter");
        if size.0 > 20 {
            assert!(head(&world).contains("/refused 20 of 20"), "{}", world.screen());
        }
    }
    let world = World::shop((19, 3));
    assert!(world.screen().contains("need 20x4"), "{}", world.screen());
}
