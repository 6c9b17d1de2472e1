//! Tests of copying.

use super::fake::World;
use crate::control::wire::{OutputQuery, Severity};
use crate::tui::model::log_window::RowKey;
use crate::tui::msg::{Cmd, CopySource, ExportTarget};

fn last(world: &mut World) -> Cmd {
    world.orders.pop().unwrap()
}

#[test]
fn selected_lines_outside_of_the_window_are_fetched() {
    let mut world = World::shop((120, 36));
    for at in 0..5000 {
        world.lines.push(("api".to_owned(), format!("line {at}").into_bytes()));
    }
    world.grow();
    world.settle();
    world.keys("tab v pageup");
    let Cmd::Copy(text) = ({
        world.keys("y");
        last(&mut world)
    }) else {
        panic!("no copy")
    };
    let rows = world.ui.logs_area().rows;
    assert_eq!(text.lines().count(), rows, "a page up selects a page");
    assert!(text.ends_with("line 4998\nline 4999\n"), "{text}");
    world.keys("G v g y");
    let Cmd::CopyFrom(CopySource::Lines(asked, selection)) = last(&mut world) else {
        panic!("none")
    };
    assert_eq!(selection.bounds().0.key, RowKey::default());
    assert_eq!(selection.bounds().1.key, RowKey::line(5199));
    assert_eq!(asked, world.ui.logs.slice_query());
}

#[test]
fn the_menu_copies_what_only_the_project_knows() {
    let mut world = World::shop((120, 36));
    world.keys("down down y c");
    assert_eq!(last(&mut world), Cmd::CopyFrom(CopySource::Command("api".to_owned())));
    world.keys("y w");
    assert_eq!(last(&mut world), Cmd::CopyFrom(CopySource::Why("api".to_owned())));
    world.keys("y u");
    assert_eq!(last(&mut world), Cmd::Copy("http://127.0.0.1:8080".to_owned()));
    world.keys("y e");
    let Cmd::CopyFrom(CopySource::Error(asked)) = last(&mut world) else { panic!("no error") };
    assert_eq!((asked.level, asked.back), (Some(Severity::Error), true));
    assert_eq!(asked.names.as_deref(), Some("api"));
    world.keys("home y");
    assert!(world.screen().contains("Copy from all"), "{}", world.screen());
}

#[test]
fn what_is_written_out_is_what_is_shown() {
    let mut world = World::shop((120, 36));
    world.keys("down tab L L L L &");
    world.typed("!cart");
    world.keys("enter ctrl-o");
    let asked = OutputQuery {
        names: Some("db".to_owned()),
        grep: Some("(?i)cart".to_owned()),
        invert: true,
        level: Some(Severity::Error),
        ..OutputQuery::default()
    };
    assert_eq!(last(&mut world), Cmd::Export(asked.clone(), ExportTarget::Pager));
    world.keys("ctrl-s");
    world.typed("a.log");
    world.keys("enter");
    assert_eq!(last(&mut world), Cmd::Export(asked, ExportTarget::Save("a.log".to_owned())));
}

#[test]
fn where_no_line_is_selected_it_is_said_that_there_is_nothing() {
    let mut world = World::shop((120, 36));
    world.keys("tab m");
    world.typed("here");
    world.keys("enter v y");
    assert!(world.screen().contains("there is nothing to copy"), "{}", world.screen());
}
