//! Tests of searching, filtering, and the count of new lines.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests")]

use super::fake::{World, member};
use crate::control::wire::{ProgressQuery, SearchProgress};
use crate::tui::model::log_window::RowKey;
use crate::tui::model::{Pane, Screen};
use crate::tui::msg::{Cmd, Msg};

fn current(world: &World) -> Option<u64> {
    world.ui.logs.search.as_ref().and_then(|search| search.current).map(|key| key.seq)
}

#[test]
fn matches_are_counted_over_all_that_is_kept_and_stepped_through() {
    let mut world = World::shop((120, 36));
    world.keys("tab /");
    world.typed("refused");
    assert_eq!(current(&world), Some(193), "the last one before the end");
    assert!(world.screen().contains("20 of 20"), "{}", world.screen());
    world.keys("enter N N");
    assert_eq!(current(&world), Some(173));
    assert!(world.screen().contains("/refused 18 of 20"), "{}", world.screen());
    world.keys("n n");
    assert_eq!(current(&world), Some(193));
    world.keys("n");
    assert_eq!(current(&world), Some(3), "and from the beginning");
    assert!(world.screen().contains("search wrapped"), "{}", world.screen());
    assert!(world.screen().contains("1 of 20"), "{}", world.screen());
    world.keys("N");
    assert_eq!(current(&world), Some(193));
    world.keys("esc");
    assert!(world.ui.logs.search.is_none());
}

#[test]
fn it_says_how_far_it_has_come_and_the_next_letter_ends_it() {
    let mut world = World::shop((120, 36));
    world.keys("tab /");
    let mut searches = Vec::new();
    for letter in ["G", "E"] {
        world.tell(Msg::Key(letter.parse().unwrap()));
        while let Some(wish) = world.cmds.pop_front() {
            match wish {
                Cmd::Search(question, asked) => searches.push((question, asked)),
                other => world.answer(other),
            }
        }
    }
    let [(old, _), (question, asked)] = searches.as_slice() else { panic!("{searches:?}") };
    assert_eq!(asked.search, "GE");
    let part = SearchProgress {
        looked: 50,
        of: 200,
        hits: 7,
        before: 7,
        previous: Some(190),
        ..SearchProgress::default()
    };
    world.tell(Msg::SearchProgress(*old, SearchProgress { hits: 99, previous: Some(7), ..part }));
    assert_eq!(current(&world), None, "what was asked before is not gone to");
    world.tell(Msg::SearchProgress(*question, part));
    assert_eq!(current(&world), Some(190));
    assert!(world.screen().contains("7…"), "{}", world.screen());
    world.tell(Msg::SearchProgress(*question, world.found(asked)));
    world.settle();
    assert_eq!(current(&world), Some(190), "it goes there once");
    assert!(world.screen().contains("180"), "{}", world.screen());
}

#[test]
fn new_matches_are_counted_without_moving_the_view() {
    let mut world = World::shop((120, 36));
    world.keys("tab /");
    let mut searches = Vec::new();
    for letter in ["r", "e", "f", "enter"] {
        world.tell(Msg::Key(letter.parse().unwrap()));
        while let Some(wish) = world.cmds.pop_front() {
            if let Cmd::Search(question, asked) = &wish {
                searches.push((*question, asked.clone()));
            }
            world.answer(wish);
        }
    }
    world.settle();
    let (question, asked) = searches.last().unwrap();
    assert!(asked.follow);
    assert!(world.screen().contains("/ref 20 of 20"), "{}", world.screen());
    let (at, found) = (current(&world), world.found(asked));
    world.tell(Msg::SearchProgress(
        *question,
        SearchProgress { hits: 31, last: Some(300), ..found },
    ));
    assert!(world.screen().contains("/ref 20 of 31"), "{}", world.screen());
    assert_eq!(current(&world), at);
}

#[test]
fn a_search_that_is_given_up_ends_and_goes_back_to_where_it_began() {
    let mut world = World::shop((120, 36));
    world.keys("tab /");
    world.typed("cart 0");
    assert!(world.visible().contains(&"GET /v1/cart 0".to_owned()));
    world.tell(Msg::Key("esc".parse().unwrap()));
    assert!(world.cmds.iter().any(|wish| *wish == Cmd::CancelSearch));
    world.settle();
    assert!(world.ui.logs.is_following());
    assert!(world.ui.logs.search.is_none());
}

#[test]
fn matches_are_counted_again_when_other_lines_are_shown() {
    let mut world = World::shop((120, 36));
    world.keys("tab /");
    world.typed("refused");
    world.keys("enter &");
    world.typed("3$");
    world.keys("enter");
    assert!(world.screen().contains("of 20"), "{}", world.screen());
    world.keys("tab down down");
    assert!(world.screen().contains("/refused 10"), "those of api: {}", world.screen());
}

#[test]
fn a_late_search_result_does_not_move_a_moved_view() {
    let mut world = World::shop((120, 36));
    world.keys("tab g");
    world.tell(Msg::Key("e".parse().unwrap()));
    let Some(Cmd::Seek(question, _)) = world.cmds.pop_front() else { panic!("no seek") };
    world.tell(Msg::Key("j".parse().unwrap()));
    assert!(world.cmds.iter().any(|wish| *wish == Cmd::CancelSeek));
    let place = Some(RowKey::line(193));
    world.tell(Msg::SeekDone(crate::tui::msg::SeekHit { question, place, wrapped: false }));
    world.settle();
    assert!(!world.visible().iter().any(|line| line.ends_with("193")));
}

#[test]
fn keys_that_are_faster_than_what_they_look_for_are_not_lost() {
    let mut world = World::shop((120, 36));
    world.keys("tab /");
    world.typed("refused");
    world.keys("enter");
    for key in ["N", "N", "N"] {
        world.tell(Msg::Key(key.parse().unwrap()));
    }
    world.settle();
    assert_eq!(current(&world), Some(163));
    world.keys("esc g");
    for key in ["e", "e", "e", "e"] {
        world.tell(Msg::Key(key.parse().unwrap()));
    }
    world.settle();
    assert_eq!(world.ui.logs.last_jump, Some(RowKey::line(33)));
}

#[test]
fn errors_are_stepped_through_in_either_direction() {
    let mut world = World::shop((120, 36));
    world.keys("tab g e");
    assert_eq!(world.ui.logs.last_jump, Some(RowKey::line(3)), "also one that is seen already");
    world.keys("e");
    assert_eq!(world.ui.logs.last_jump, Some(RowKey::line(13)));
    world.keys("E E");
    assert_eq!(world.ui.logs.last_jump, Some(RowKey::line(193)));
    assert!(world.screen().contains("search wrapped"), "{}", world.screen());
    world.keys("G E");
    assert_eq!(world.ui.logs.last_jump, Some(RowKey::line(193)));
}

#[test]
fn runs_and_events_are_sought_among_those_that_are_shown() {
    let mut world = World::shop((120, 36));
    world.keys("down tab &");
    world.typed("cart");
    world.keys("enter");
    world.tell(Msg::Key("}".parse().unwrap()));
    let Some(Cmd::Seek(_, asked)) = world.cmds.back().cloned() else { panic!("no seek") };
    assert!(asked.run && !asked.back && asked.grep.is_none(), "{asked:?}");
    assert_eq!(asked.names.as_deref(), Some("db"));
    world.cmds.clear();
    let event = serde_json::from_str(
        r#"{"seq":12,"time":"2026-01-02T03:04:05.678Z","event":"process_started","name":"api","process":"api","run":3,"attempt":1,"pid":4711,"cause":{"kind":"start"}}"#,
    );
    world.tell(Msg::Events(vec![event.unwrap()]));
    world.keys("2");
    world.tell(Msg::Key("enter".parse().unwrap()));
    let seek = world.cmds.iter().find_map(|wish| match wish {
        Cmd::Seek(_, asked) => Some(asked.clone()),
        _ => None,
    });
    let asked = seek.unwrap();
    assert_eq!((asked.event, asked.names.as_deref()), (Some(12), Some("api")));
    assert_eq!((world.ui.screen, world.ui.pane), (Screen::Dashboard, Pane::Logs));
}

#[test]
fn new_lines_are_counted_of_what_is_shown() {
    let mut world = World::shop((120, 36));
    world.keys("down tab k");
    for at in 0..30 {
        let name = if at % 3 == 0 { "db" } else { "api" };
        world.lines.push((name.to_owned(), format!("ERROR {at}").into_bytes()));
    }
    world.grow();
    world.settle();
    assert!(world.screen().contains("PAUSED · 10 new ↓"), "{}", world.screen());
    world.keys("&");
    world.typed("ERROR .$");
    world.keys("enter");
    assert!(world.screen().contains("PAUSED · 4 new ↓"), "{}", world.screen());
    world.keys("G k");
    assert!(!world.screen().contains("new ↓"), "{}", world.screen());
}

#[test]
fn where_few_lines_fit_only_new_ones_are_looked_through() {
    let mut world = World::shop((120, 36));
    world.keys("tab &");
    world.typed("needle");
    world.keys("enter");
    let mut asked = Vec::new();
    for round in 0..5 {
        let text = if round == 2 { "needle" } else { "hay" };
        world.lines.extend((0..100).map(|_| ("db".to_owned(), b"hay".to_vec())));
        world.lines.push(("db".to_owned(), text.into()));
        world.grow();
        while let Some(wish) = world.cmds.pop_front() {
            if let Cmd::FetchRows(ask) = &wish {
                asked.push(ask.slice.after.clone());
            }
            world.answer(wish);
        }
    }
    assert_eq!(world.visible(), ["needle"]);
    let places: Vec<String> = (0..5).map(|round| (199 + round * 101).to_string()).collect();
    assert_eq!(asked.into_iter().flatten().collect::<Vec<_>>(), places);
}

#[test]
fn a_search_from_the_list_leads_into_the_logs() {
    let mut world = World::shop((120, 36));
    world.keys("ctrl-f");
    world.typed("refused");
    world.keys("enter N");
    assert_eq!(current(&world), Some(183), "n and N step through what was found");
}

#[test]
fn enter_waits_for_what_is_looked_for_already() {
    let mut world = World::shop((120, 36));
    world.keys("tab /");
    world.tell(Msg::Key("x".parse().unwrap()));
    world.tell(Msg::Key("enter".parse().unwrap()));
    let searches = world.cmds.iter().filter(|wish| matches!(wish, Cmd::Search(..)));
    assert_eq!(searches.count(), 1);
    assert!(world.ui.logs.search.as_ref().is_some_and(|search| search.jump.is_some()));
}

#[test]
fn a_search_begins_in_every_view() {
    let mut world = World::new(vec![member(1, "db", "ready")], (80, 24));
    world.settle();
    world.keys("3 ctrl-f");
    world.typed("x");
    assert_eq!((world.ui.screen, world.ui.pane), (Screen::Dashboard, Pane::Logs));
    assert!(world.ui.logs.search.is_some());
}

#[test]
fn progress_of_other_processes_is_ignored() {
    let mut world = World::shop((120, 36));
    let lines = world.ui.logs.line_count;
    let other = ProgressQuery { names: Some("db".to_owned()), ..ProgressQuery::default() };
    world.tell(Msg::Progress(other, crate::control::wire::OutputProgress::default()));
    assert_eq!(world.ui.logs.line_count, lines);
}
