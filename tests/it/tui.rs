//! The interface of the real binary on a pseudo-terminal, operated by keys.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::Command;
use std::time::Duration;

use crate::common;
use crate::common::Project;
use crate::common::screen::Screen;
use rustix::fs::{CWD, FileType, Mode, mknodat};

const SHOP: &str = "[process]\n\
    db = 'echo db is up; exec sleep 1000'\n\
    api = 'echo api is up; read x; exec sleep 1000'\n\
    [process.docs]\ncommand = 'echo docs are printed'\nautostart = false\n";

fn program<const N: usize>(project: &Project, args: [&str; N]) -> Command {
    let mut command = project.pitcrew(args);
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("NO_COLOR");
    command.env_remove("TMUX").env("XDG_CONFIG_HOME", project.dir());
    command
}

fn open(project: &Project) -> Screen {
    Screen::start(program(project, []), 30, 100)
}

/// With an attached client, which ends a moment later.
fn down(project: &Project) {
    _ = project.ask(["down"]).code(0);
}

fn pid(screen: &Screen) -> u32 {
    screen.terminal.child.id()
}

fn send(pid: u32, signal: &str) {
    common::send(pid, signal.parse::<pitcrew::Signal>().unwrap().number());
}

#[test]
fn it_opens_follows_and_is_left_with_a_line_for_each_process() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    screen.wait("api is up");
    screen.wait("FOLLOW");
    // Before this state is received, quitting asks nothing.
    screen.wait("2/3 ready");
    assert!(screen.is_on("1049"));
    screen.keys("q");
    screen.wait("Quit?");
    screen.keys("y");
    let status = screen.ended();
    assert_eq!(status.code(), Some(0));
    let left = screen.text();
    assert!(left.contains("db    stopped    1 run  TERM"), "{left}");
    assert!(left.contains("docs  idle       0 runs"), "{left}");
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn what_processes_take_is_on_the_screen() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    // The heading, and figures of both that run; what does not run has none.
    screen.wait("MEM");
    screen.wait_until("figures of both", |text| {
        let row = |name: &str| text.lines().find(|line| line.contains(&format!("◆ {name}")));
        ["db", "api"].iter().all(|name| row(name).is_some_and(|row| row.contains('%')))
    });
    screen.keys("q");
    screen.wait("Quit?");
    screen.keys("y");
    assert_eq!(screen.ended().code(), Some(0));
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn what_is_ordered_happens() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    screen.wait("api is up");
    screen.keys("Gs");
    screen.wait("docs are printed");
    screen.wait("succeeded");
    screen.keys("gjx");
    screen.wait("stopped");
    screen.keys("s");
    screen.wait("db restarted");
    screen.keys("\x03");
    screen.wait("Quit?");
    screen.keys("\x03");
    assert_eq!(screen.ended().code(), Some(0));
    project.nothing_left_within(Duration::ZERO);
}

/// A large number of lines, and the line to search for.
const CHATTY: &str = "[process]\n\
    web = 'seq -f \"INFO item %.0f.\" 1 20000; echo ERROR the last; exec sleep 1000'\n\
    db = 'echo db is up; exec sleep 1000'\n";

#[test]
fn the_project_searches_picks_out_and_counts() {
    let project = Project::new(CHATTY);
    let mut screen = open(&project);
    screen.wait("ERROR the last");
    screen.wait("2/2 ready");
    screen.keys("\x06item 1999\\d\\.");
    screen.wait("10 of 10");
    screen.keys("\r");
    screen.keys("N");
    screen.wait("9 of 10");
    screen.keys("nn");
    screen.wait("search wrapped");
    screen.wait("1 of 10");
    screen.keys("\x1b");
    screen.wait_gone("1 of 10");
    screen.keys("gE");
    screen.wait("ERROR the last");
    screen.keys("&!ERROR|item\r");
    screen.wait_gone("ERROR the last");
    screen.wait("db is up");
    screen.keys("\x1b");
    screen.wait_gone("&!ERROR");
    screen.keys(":");
    screen.keys("pipe wc -l\r");
    screen.wait("20002");
    quit(&mut screen);
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn the_details_of_a_process_are_shown_and_its_command_copied() {
    let project = Project::new(
        "[process.api]\ncommand = 'echo MODE is $MODE; exec sleep 1000'\n\
         env = { MODE = 'dev', API_TOKEN = 'hunter2' }\n",
    );
    let mut screen = open(&project);
    screen.wait("MODE is dev");
    screen.wait("1/1 ready");
    screen.keys("jd");
    screen.wait("procfile.toml:1");
    assert!(!screen.text().contains("hunter2"));
    screen.keys("E");
    screen.wait("hunter2");
    screen.keys("E");
    screen.wait_gone("hunter2");
    screen.keys("\x1b");
    screen.wait("FOLLOW");
    screen.keys("yc");
    screen.wait("copied 35 characters");
    assert_eq!(screen.copied(), ["ZWNobyBNT0RFIGlzICRNT0RFOyBleGVjIHNsZWVwIDEwMDA="]);
    quit(&mut screen);
}

#[test]
fn what_comes_later_is_counted_too() {
    let project = Project::new("[process.web]\ncommand = 'echo ready; exec cat'\nstdin = 'pipe'\n");
    let mut screen = open(&project);
    screen.wait("ready");
    screen.wait("running");
    screen.keys("\x06hit\r");
    screen.wait("/hit no match");
    for count in 1..4 {
        _ = project.ask(["send", "web", "a hit"]).code(0);
        screen.wait(&format!("/hit {count} "));
    }
    quit(&mut screen);
    project.nothing_left_within(Duration::ZERO);
}

fn quit(screen: &mut Screen) {
    screen.keys("\x03");
    screen.wait("Quit?");
    screen.keys("\x03");
    assert_eq!(screen.ended().code(), Some(0));
}

#[test]
fn it_is_detached_and_attached_to() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    screen.wait("api is up");
    screen.keys("D");
    assert_eq!(screen.ended().code(), Some(0));
    assert!(screen.text().contains("keeps running"), "{}", screen.text());
    let mut guest = Screen::start(program(&project, ["attach"]), 24, 80);
    guest.wait("api is up");
    guest.wait("attached");
    guest.keys("q");
    assert_eq!(guest.ended().code(), Some(0));
    // A stop of the project meanwhile is shown, and ends the attached interface.
    let mut guest = Screen::start(program(&project, ["attach"]), 24, 80);
    guest.wait("api is up");
    down(&project);
    assert_eq!(guest.ended().code(), Some(0));
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn detaching_keeps_no_descriptor_of_its_starter() {
    let project = Project::new(SHOP);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let (inherited, mut command) = (writer.as_raw_fd(), program(&project, []));
    // SAFETY: one system call between fork and exec.
    #[expect(unsafe_code, reason = "a descriptor that the program inherits")]
    unsafe {
        command.pre_exec(move || {
            libc::dup2(inherited, 30);
            Ok(())
        });
    }
    let mut screen = Screen::start(command, 30, 100);
    drop(writer);
    screen.wait("api is up");
    screen.keys("D");
    assert_eq!(screen.ended().code(), Some(0));
    // The pipe ends as soon as no process has its other end.
    assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
    project.ask(["wait", "api", "db"]).code(0);
    down(&project);
    project.nothing_left_within(common::BOUND);
}

#[test]
fn a_project_in_a_folder_that_is_no_utf8_is_attached_to() {
    let project = Project::empty();
    let folder = project.dir().join(OsStr::from_bytes(b"f\xff"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("procfile.toml"), SHOP).unwrap();
    let in_folder = |args: &[&str]| {
        let mut command = program(&project, []);
        command.current_dir(&folder).args(args);
        command
    };
    common::ask::run(in_folder(&["up", "--detach"])).code(0);
    let mut guest = Screen::start(in_folder(&["attach"]), 24, 80);
    guest.wait("api is up");
    guest.keys("q");
    assert_eq!(guest.ended().code(), Some(0));
    common::ask::run(in_folder(&["down"])).code(0);
    let mut screen = Screen::start(in_folder(&[]), 24, 80);
    screen.wait("api is up");
    quit(&mut screen);
    project.nothing_left_within(common::BOUND);
}

#[test]
fn an_env_file_that_is_silent_is_named_before_the_interface_opens() {
    let project =
        Project::new(&SHOP.replace("[process]", "[project]\nenv_file = 'pipe'\n[process]"));
    mknodat(CWD, project.path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut screen = open(&project);
    screen.wait("waiting for the env file");
    std::fs::write(project.path("pipe"), "A=1\n").unwrap();
    screen.wait("api is up");
    quit(&mut screen);
    project.nothing_left_within(common::BOUND);
}

#[test]
fn a_second_one_is_refused_where_it_can_be_read() {
    let project = Project::new(SHOP);
    let mut first = open(&project);
    first.wait("api is up");
    let mut second = open(&project);
    assert_eq!(second.ended().code(), Some(1));
    assert!(second.text().contains("is already running"), "{}", second.text());
    first.keys("q");
    first.wait("Quit?");
    first.keys("y");
    assert_eq!(first.ended().code(), Some(0));
}

#[test]
fn a_terminal_that_is_closed_ends_the_project() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    screen.wait("api is up");
    screen.terminal.hang_up();
    assert_eq!(screen.terminal.ended().signal(), Some(1));
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn a_signal_stops_all_and_gives_the_terminal_back() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    screen.wait("api is up");
    send(pid(&screen), "TERM");
    assert_eq!(screen.ended().signal(), Some(15));
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn suspended_it_gives_the_terminal_back_and_takes_it_again() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    let before = screen.wait("api is up");
    assert!(before.contains("FOLLOW"));
    let raw = screen.terminal.modes();
    screen.keys("\x1a");
    screen.wait_gone("FOLLOW");
    common::wait_until("it is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid(&screen))).unwrap();
        stat.contains(") T ")
    });
    assert!(!screen.is_on("1049"));
    let cooked = screen.terminal.modes();
    assert_ne!(cooked.local_modes, raw.local_modes);
    send(pid(&screen), "CONT");
    screen.wait("FOLLOW");
    assert!(screen.is_on("1049"));
    screen.keys("q");
    screen.wait("Quit?");
    screen.keys("y");
    assert_eq!(screen.ended().code(), Some(0));
}

#[test]
fn it_follows_the_size_of_the_window() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    screen.wait("api is up");
    // Before this state is received, quitting asks nothing.
    screen.wait("2/3 ready");
    for (rows, columns) in [(13, 48), (4, 20), (2, 5), (36, 120)] {
        screen.resize(rows, columns);
        let wanted = if rows < 4 { "too" } else { "project" };
        screen.wait(wanted);
    }
    screen.wait("Events");
    screen.keys("q");
    screen.wait("Quit?");
    screen.keys("y");
    assert_eq!(screen.ended().code(), Some(0));
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    screen.wait("api is up");
    screen.wait("2/3 ready");
    let quiet = || {
        let before = screen.bytes();
        std::thread::sleep(Duration::from_secs(2));
        screen.bytes() == before
    };
    common::wait_until("it is quiet", quiet);
    screen.keys("\x03\x03");
    assert_eq!(screen.ended().code(), Some(0));
}

#[test]
fn where_nothing_can_be_drawn_lines_are_printed() {
    let project = Project::new("[process]\na = 'echo hello'\n");
    let mut command = program(&project, []);
    command.env("TERM", "dumb");
    let mut screen = Screen::start(command, 24, 80);
    assert_eq!(screen.ended().code(), Some(0));
    assert!(screen.text().contains("a | hello"), "{}", screen.text());
    let mut command = program(&project, ["attach"]);
    command.env("TERM", "dumb");
    let mut screen = Screen::start(command, 24, 80);
    assert_eq!(screen.ended().code(), Some(2));
    assert!(screen.text().contains("cannot be drawn on"), "{}", screen.text());
}

#[test]
fn a_terminal_that_takes_nothing_stops_the_drawing_only() {
    let project = Project::new("[process]\na = 'echo up; exec seq 1 1000000000'\n");
    let mut screen = open(&project);
    screen.wait("FOLLOW");
    screen.wait("running");
    screen.terminal.stop_reading();
    // Some frames, so that it is full.
    std::thread::sleep(Duration::from_secs(1));
    // Keys are heard, and signals.
    screen.keys("jx");
    common::wait_until("it is stopped", || project.ask(["ps"]).out.contains("stopped"));
    send(pid(&screen), "TERM");
    assert_eq!(screen.terminal.ended().signal(), Some(15));
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn killed_alone_it_is_a_terminal_that_is_closed() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    screen.wait("api is up");
    send(pid(&screen), "KILL");
    assert_eq!(screen.terminal.ended().signal(), Some(9));
    // An ordinary stop, which no client waits for.
    project.nothing_left_within(common::BOUND);
}

#[test]
fn a_kill_after_detaching_does_not_affect_the_project() {
    let project = Project::new(SHOP);
    let mut screen = open(&project);
    screen.wait("api is up");
    screen.keys("D");
    assert_eq!(screen.ended().code(), Some(0));
    let mut guest = Screen::start(program(&project, ["attach"]), 24, 80);
    guest.wait("api is up");
    send(pid(&guest), "KILL");
    assert_eq!(guest.terminal.ended().signal(), Some(9));
    let mut guest = Screen::start(program(&project, ["attach"]), 24, 80);
    guest.wait("2/3 ready");
    down(&project);
    assert_eq!(guest.ended().code(), Some(0));
    project.nothing_left_within(Duration::ZERO);
}
