//! `/proc` of this machine, and lines as the kernel writes them.

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::*;

#[test]
fn a_name_full_of_parentheses_is_read_whole() {
    let line = b"42 (a) b (c) Z 7 8 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 77\n";
    let stat = parse_stat(42, line).unwrap();
    assert_eq!(stat.program, "a) b (c");
    assert_eq!((stat.parent, stat.group, stat.session, stat.start), (7, 8, 9, 12345));
    assert!(stat.zombie);
    assert_eq!((stat.ticks, stat.ticks_of_ended, stat.pages), (0, 0, 77));
}

#[test]
fn stat_is_read_whatever_the_program_is_called() {
    let line = b"42 (a) b (c)) S 1 43 44 34817 45 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2";
    let stat = parse_stat(42, line).unwrap();
    assert_eq!((stat.state, stat.parent, stat.group), ('S', 1, 43));
    assert_eq!((stat.terminal, stat.foreground, stat.start), (34817, 45, 98765));
    assert!(parse_stat(42, b"42 (x) S 1").is_none());
}

#[test]
fn one_that_was_killed_is_dying_until_it_has_gone() {
    assert!(has_pending_kill(b"Name:\tx\nSigPnd:\t0000000000000100\nShdPnd:\t0\n"));
    assert!(has_pending_kill(b"SigPnd:\t0\nShdPnd:\t0000000000004100\n"));
    // TERM alone, which the process blocks or handles.
    assert!(!has_pending_kill(b"SigPnd:\t0\nShdPnd:\t0000000000004000\nSigBlk:\tffff\n"));
    let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    assert!(!is_dying(child.id()));
    child.kill().unwrap();
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    waitid(WaitId::Pid(pid), ended).unwrap();
    assert!(is_dying(child.id()));
    child.wait().unwrap();
    assert!(!is_dying(child.id()));
}

#[test]
fn a_dead_main_thread_with_live_siblings_is_no_zombie() {
    let line = b"42 (x) Z 7 8 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 12345 0 0\n";
    assert!(!parse_stat(42, line).unwrap().zombie);
}

#[test]
fn a_command_line_can_do_nothing_to_a_terminal() {
    assert_eq!(visible(b"sh\0-c\0echo \x1b[2J\n\0"), "sh -c echo \\u{1b}[2J\\n");
    assert_eq!(visible(b"a\0\xff\0"), "a \u{fffd}");
    let long = visible(&[b'x'; 5000]);
    assert_eq!(long.chars().count(), 200);
    assert!(long.ends_with('…'));
}

#[test]
fn the_listed_children_and_the_parents_of_all_agree() {
    let child = std::process::Command::new("sleep").arg("1000").spawn();
    let mut child = child.unwrap();
    let me = std::process::id();
    assert!(ChildTable::by_parent(&processes()).of(me).contains(&child.id()));
    assert!(ChildTable::read().of(me).contains(&child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn markers_are_found_among_other_variables() {
    let mut marker = ProcessMarker::default();
    marker.take(b"PITCREW_RUN", b"3");
    marker.take(b"PITCREW_RUNS", b"4");
    assert_eq!(marker.run.as_deref(), Some(&b"3"[..]));
    assert!(!marker.is_complete());
}
