//! The interface as a whole on a real terminal: nothing reaches it that is not ours, whatever
//! children print, and it is left as it was.
#![cfg(feature = "tui")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::allow_attributes,
    missing_docs,
    reason = "tests"
)]

#[path = "common/lib.rs"]
mod common;
#[path = "tui_common/lib.rs"]
mod tui_common;

use common::Project;
use tui_common::Screen;

/// Prints what a hostile child could: titles, modes, questions, directions, half of everything.
const HOSTILE: &str = r#"[process]
hostile = '''
printf 'begins\n'
printf '\033]0;owned\007\033[2J\033[?1049l\033[?1000hmoved \033[10;10H\033[6n\033[5mslow\n'
printf '\033[31mred\033[0m \302\233 2J \342\200\256turned \033]52;c;aGk=\007 \377\376 tab\there\n'
printf '\033Pq#0\033\\sixel \033_Gf=24\033\\kitty \033cnew \016\017\010\n'
printf '10%%\r20%%\rprogress is last\n'
printf 'half an escape \033[' ; printf '\nhalf a title \033]0;' ; printf '\nends \346\274\242\345\255\227\n'
exec sleep 1000
'''
calm = "echo ready; exec sleep 1000"
"#;

fn opened(project: &Project, rows: u16, columns: u16) -> Screen {
    let mut command = project.pitcrew(["up"]);
    command.env("TERM", "xterm-256color");
    let screen = Screen::start(command, rows, columns);
    screen.wait("ends 漢字");
    screen
}

/// Quits, and proves that nothing is left of it.
fn quit(project: &Project, mut screen: Screen) {
    screen.keys("q");
    screen.wait("Quit?");
    screen.keys("y");
    let status = screen.ended();
    assert_eq!(status.code(), Some(0), "{}", screen.text());
    project.nothing_left_within(common::BOUND);
}

#[test]
fn a_hostile_child_does_nothing_to_the_terminal() {
    let project = Project::new(HOSTILE);
    let screen = opened(&project, 36, 120);
    let shown = screen.wait("progress is last");
    assert!(!shown.contains("10%"), "{shown}");
    for part in ["moved slow", "<U+202E>turned", "sixel kitty new", "tab", "half an escape"] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    assert!(screen.copied().is_empty(), "the clipboard is the user's");
    quit(&project, screen);
}

#[test]
fn every_overlay_and_view_opens_and_closes_at_every_size() {
    let project = Project::new(HOSTILE);
    let mut screen = opened(&project, 36, 120);
    for (rows, columns) in [(24, 80), (13, 48), (36, 120)] {
        screen.resize(rows, columns);
        screen.keys("?");
        screen.wait("filter:");
        screen.keys("\x1b");
        screen.wait_gone("filter:");
        screen.keys(":theme");
        screen.wait(":theme");
        screen.keys("\x1b");
        screen.wait_gone(":theme");
        screen.keys("2");
        screen.wait("Events");
        screen.keys("3");
        screen.wait("Dependency graph");
        screen.keys("4");
        screen.wait("Stats");
        screen.keys("1");
        screen.wait_gone("Stats");
    }
    // Too small for anything, and back.
    screen.resize(1, 1);
    screen.resize(4, 20);
    screen.resize(36, 120);
    screen.wait("progress is last");
    quit(&project, screen);
}

#[test]
fn the_modes_of_the_line_are_those_from_before() {
    let project = Project::new("[process]\ncalm = 'echo ends 漢字; exec sleep 1000'\n");
    // A shell keeps the terminal open, and tells its modes before and after.
    let mut command = project.command("/bin/sh");
    let script = "stty -a > before; \"$0\" up; echo \"left with $?\"; stty -a > after; echo done";
    command.args(["-c", script, common::binary()]).env("TERM", "xterm-256color");
    let mut screen = Screen::start(command, 36, 120);
    screen.wait("ends 漢字");
    screen.keys("q");
    screen.wait("Quit?");
    screen.keys("y");
    screen.wait("done");
    assert!(screen.text().contains("left with 0"), "{}", screen.text());
    assert!(screen.ended().success());
    assert_eq!(project.text("before"), project.text("after"));
    assert!(!project.text("before").is_empty());
    project.nothing_left_within(common::BOUND);
}
