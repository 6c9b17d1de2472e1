//! The screens as text, at all sizes.

use std::fmt::Write as _;

use super::fake::World;
use crate::tui::shown::SIZES;

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
