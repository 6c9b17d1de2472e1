//! Orders, and leaving.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests")]

use std::time::Duration;

use super::fake::{World, member};
use crate::control::wire::{Order, Phase, Shutdown};
use crate::tui::msg::{Leave, Wish};
use crate::tui::ui::Stand;

fn orders(world: &World) -> Vec<String> {
    let words = |wish: &Wish| match wish {
        Wish::Order(_, words) => Some(words.clone()),
        _ => None,
    };
    world.orders.iter().filter_map(words).collect()
}

#[test]
fn a_key_that_is_held_down_is_one_order() {
    let mut world = World::shop((120, 36));
    world.keys("down down");
    for _ in 0..20 {
        world.keys("r");
        world.pass(Duration::from_millis(33));
    }
    assert_eq!(orders(&world), ["restart api"]);
    world.pass(Duration::from_secs(1));
    world.keys("r");
    assert_eq!(orders(&world).len(), 2);
}

#[test]
fn an_order_is_said_at_once() {
    let mut world = World::shop((120, 36));
    world.keys("down x");
    assert_eq!(orders(&world), ["stop db"]);
    assert!(world.screen().contains("stopping db"), "{}", world.screen());
}

#[test]
fn what_does_not_apply_says_why() {
    let mut world = World::shop((120, 36));
    world.keys("G x");
    assert!(orders(&world).is_empty());
    assert!(world.screen().contains("stop: docs is idle"), "{}", world.screen());
}

#[test]
fn ending_several_is_asked_about_first() {
    let mut world = World::shop((120, 36));
    world.keys("down space space X");
    assert!(orders(&world).is_empty());
    assert!(world.screen().contains("Kill these?"), "{}", world.screen());
    world.keys("n");
    assert!(orders(&world).is_empty());
    world.keys("X y");
    let Some(Wish::Order(Order::Kill(names), _)) = world.orders.last() else { panic!("no kill") };
    assert_eq!(names.names, ["api", "db"]);
}

#[test]
fn replicas_are_counted_from_what_was_ordered_last() {
    let mut world = World::shop((120, 36));
    world.keys("down down down + +");
    let counts: Vec<u32> = world
        .orders
        .iter()
        .filter_map(|wish| match wish {
            Wish::Order(Order::Scale(scaled), _) => Some(scaled.replicas),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [4, 5]);
}

#[test]
fn quitting_asks_and_three_interrupts_kill() {
    let mut world = World::shop((120, 36));
    world.keys("q");
    assert!(world.screen().contains("Quit?"), "{}", world.screen());
    world.keys("n");
    assert!(world.orders.is_empty());
    world.keys("ctrl-c");
    assert!(world.orders.is_empty());
    world.keys("ctrl-c");
    assert_eq!(world.orders, [Wish::Shutdown(Shutdown { kill: false })]);
    world.keys("ctrl-c");
    assert_eq!(world.orders.last(), Some(&Wish::Shutdown(Shutdown { kill: true })));
}

#[test]
fn nothing_is_asked_where_nothing_runs() {
    let mut world = World::new(vec![member(1, "db", "stopped")], (80, 24));
    world.settle();
    world.keys("q");
    assert_eq!(world.orders, [Wish::Shutdown(Shutdown { kill: false })]);
}

#[test]
fn a_guest_just_leaves() {
    let mut world = World::shop((120, 36));
    world.ui.stand = Stand::Guest;
    world.keys("q");
    assert_eq!(world.orders, [Wish::Leave(Leave::Detached)]);
}

#[test]
fn a_stop_from_outside_is_shown_and_can_be_hastened() {
    let mut world = World::shop((120, 36));
    world.ui.overview.phase = Phase::Stopping;
    assert!(world.screen().contains("stopping all"), "{}", world.screen());
    world.keys("ctrl-c");
    assert_eq!(world.orders, [Wish::Shutdown(Shutdown { kill: true })]);
}

#[test]
fn pasted_text_is_never_taken_for_keys() {
    let mut world = World::shop((120, 36));
    world.tell(crate::tui::msg::Msg::Paste("xXqy".to_owned()));
    world.settle();
    assert!(world.orders.is_empty() && world.ui.overlay.is_none());
}
