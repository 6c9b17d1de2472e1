//! Terminals of processes in the interface of the real binary: typing into them, and every way out.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use crate::common;
use crate::common::Project;
use crate::common::screen::Screen;

const SHELLS: &str = r#"[process]
cat = { command = "echo ready; exec cat", tty = true }
ends = { command = "read line; echo got $line", tty = true, restart = "never" }
"#;

fn program<const N: usize>(project: &Project, args: [&str; N]) -> Command {
    let mut command = project.pitcrew(args);
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("NO_COLOR");
    command.env_remove("TMUX").env("XDG_CONFIG_HOME", project.dir());
    command
}

/// Opens the interface with the cursor on the first process.
fn open(project: &Project) -> Screen {
    let mut screen = Screen::start(program(project, []), 30, 100);
    screen.wait("2/2 ready");
    screen.keys("j");
    screen.wait("LIVE");
    screen.wait("ready");
    screen
}

fn quit(project: &Project, mut screen: Screen) {
    screen.keys("q");
    screen.wait("Quit?");
    screen.keys("y");
    assert_eq!(screen.ended().code(), Some(0), "{}", screen.text());
    project.nothing_left_within(common::BOUND);
}

#[test]
fn what_is_typed_goes_to_the_process_until_the_key_that_leaves() {
    let project = Project::new(SHELLS);
    let mut screen = open(&project);
    screen.keys("a");
    screen.wait("TYPING");
    // Keys that would quit or stop.
    screen.keys("qxX\r");
    screen.wait_until("the echo, and the line of cat", |text| text.matches("qxX").count() >= 2);
    // The byte of ^], twice: it is sent, and cat gets it. Then once: it leaves.
    screen.keys("\x1d");
    screen.wait("LIVE");
    screen.keys("\x1d");
    screen.wait("TYPING");
    screen.wait("^]");
    screen.keys("\x1d");
    screen.wait("LIVE");
    quit(&project, screen);
}

#[test]
fn the_end_of_a_process_ends_typing_into_it() {
    let project = Project::new(SHELLS);
    let mut screen = open(&project);
    screen.keys("j");
    screen.wait("waits for input");
    screen.keys("a");
    screen.wait("TYPING");
    screen.keys("hello\r");
    screen.wait("got hello");
    screen.wait("ends has ended: keys go to pitcrew again");
    screen.wait("NOT RUNNING");
    // Keys right after the end were meant for the process.
    std::thread::sleep(Duration::from_secs(1));
    screen.keys("a");
    screen.wait("ends is not running");
    quit(&project, screen);
}

#[test]
fn the_keyboard_of_kitty_is_on_only_while_typing_and_off_on_every_way_out() {
    let project = Project::new(SHELLS);
    let mut screen = open(&project);
    screen.terminal.know_kitty();
    assert!(!screen.is_on("kitty"));
    screen.keys("a");
    until(&screen, true);
    // ^] as that protocol reports it.
    screen.keys("\x1b[93;5u");
    screen.wait("LIVE");
    until(&screen, false);
    screen.keys("a");
    screen.wait("TYPING");
    until(&screen, true);
    let term = pitcrew::Signal::TERM.number();
    common::send(screen.terminal.child.id(), term);
    // That it is off again is checked there.
    assert_eq!(screen.ended().signal(), Some(term), "{}", screen.text());
    project.nothing_left_within(common::BOUND);
}

/// Waits until the protocol of kitty is on or off.
#[track_caller]
fn until(screen: &Screen, on: bool) {
    let start = std::time::Instant::now();
    while screen.is_on("kitty") != on {
        assert!(start.elapsed() < common::BOUND, "{}", screen.text());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_name_opens_its_terminal_alone_for_several_people() {
    let project = Project::new(SHELLS);
    _ = project.ask(["up", "--detach", "--wait"]).code(0);
    let mut first = Screen::start(program(&project, ["attach", "cat"]), 20, 60);
    first.wait("TYPING");
    let mut second = Screen::start(program(&project, ["attach", "cat"]), 30, 100);
    second.wait("TYPING");
    // Who typed last decides the size; the other one sees where the screen ends.
    second.keys("from the second\r");
    first.wait("from the second");
    first.keys("from the first\r");
    second.wait_until("the smaller screen", |text| {
        text.contains("from the first") && text.contains("····")
    });
    first.keys("\x1d");
    first.wait("LIVE");
    first.keys("q");
    assert_eq!(first.ended().code(), Some(0), "{}", first.text());
    second.wait_gone("····");
    second.keys("\x1d");
    second.wait("LIVE");
    second.keys("q");
    assert_eq!(second.ended().code(), Some(0), "{}", second.text());
    _ = project.ask(["down"]).code(0);
    project.nothing_left_within(common::BOUND);
}

#[test]
fn a_killed_interface_leaves_a_full_screen_program_as_it_was() {
    let project = Project::new(
        r#"[process.editor]
command = "printf '\\033[?1049h\\033[2J\\033[5;10Hediting '; exec cat"
tty = true
"#,
    );
    _ = project.ask(["up", "--detach", "--wait"]).code(0);
    let mut first = Screen::start(program(&project, ["attach", "editor"]), 20, 60);
    first.wait("TYPING");
    first.wait("editing");
    first.keys("half a line");
    first.wait("editing half a line");
    common::send(first.terminal.child.id(), pitcrew::Signal::KILL.number());
    // Its terminal stays as it was: nobody is left who could restore it.
    while first.terminal.child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let screen = project.ask(["screen", "editor"]).code(0);
    assert!(screen.out.contains("editing half a line"), "{}", screen.out);
    let mut second = Screen::start(program(&project, ["attach", "editor"]), 30, 100);
    second.wait("editing half a line");
    second.keys(" and the rest\r");
    second.wait("and the rest");
    second.keys("\x1d");
    second.wait("LIVE");
    second.keys("q");
    assert_eq!(second.ended().code(), Some(0), "{}", second.text());
    _ = project.ask(["down"]).code(0);
    project.nothing_left_within(common::BOUND);
}
