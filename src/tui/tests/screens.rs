//! Tests of the rendered screens, in all sizes.

use std::fmt::Write as _;

use super::fake::World;
use crate::tui::appearance::Appearance;
use crate::tui::test_render::SIZES;
use crate::tui::theme::ThemeName;

fn everywhere(prepare: impl Fn(&mut World)) -> String {
    let mut all = String::new();
    for size in SIZES {
        let mut world = World::shop(*size);
        prepare(&mut world);
        _ = writeln!(all, "== {}x{}", size.0, size.1);
        all.push_str(&world.screen());
    }
    all
}

#[test]
fn at_the_start() {
    insta::assert_snapshot!(everywhere(|_| {}));
}

#[test]
fn one_process_paused_with_its_logs_in_focus() {
    insta::assert_snapshot!(everywhere(|world| world.keys("down down tab up up up")));
}

#[test]
fn lines_picked_out_and_searched() {
    insta::assert_snapshot!(everywhere(|world| {
        world.keys("tab &");
        world.typed("smtp");
        world.keys("enter /");
        world.typed("refused 1");
    }));
}

#[test]
fn marks_and_a_filter_of_the_list() {
    insta::assert_snapshot!(everywhere(|world| {
        world.keys("down space space /");
        world.typed("b");
    }));
}

#[test]
fn the_question_before_leaving() {
    insta::assert_snapshot!(everywhere(|world| world.keys("q")));
}

#[test]
fn nothing_at_all() {
    let mut all = String::new();
    for size in SIZES {
        let mut world = World::new(Vec::new(), *size);
        world.settle();
        _ = writeln!(all, "== {}x{}", size.0, size.1);
        all.push_str(&world.screen());
    }
    insta::assert_snapshot!(all);
}

#[test]
fn without_unicode_nothing_of_ours_is_beyond_ascii() {
    for (ascii, shown) in [(false, "\u{fc}ber 漢"), (true, "?ber ?")] {
        let mut world = World::shop((120, 36));
        world.ui.look = Appearance { ascii, ..Appearance::new(ThemeName::Terminal, false) };
        world.lines.push(("db".to_owned(), "\u{fc}ber 漢字 e\u{301}".into()));
        world.grow();
        world.settle();
        let screen = world.screen();
        assert!(screen.contains(shown), "{screen}");
        let ours = screen.lines().filter(|line| !line.contains("ber "));
        assert!(ours.clone().all(str::is_ascii), "{screen}");
        assert!(!ascii || screen.is_ascii(), "{screen}");
        for keys in [
            "down space down space",
            "tab k / r e f enter",
            "& 3 enter",
            "? esc",
            ": esc",
            "2",
            "3",
            "4",
        ] {
            world.keys(keys);
            let screen = world.screen();
            let ours: Vec<&str> = screen.lines().filter(|line| !line.contains("ber ")).collect();
            assert!(ours.iter().all(|line| line.is_ascii()), "{keys}: {screen}");
        }
        world.keys("1 down d");
        assert!(world.screen().is_ascii(), "{}", world.screen());
    }
}
