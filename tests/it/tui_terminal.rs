//! The interface on a pseudo-terminal: processes cannot send control sequences to it, and its modes are restored on
//! every exit.

use crate::common;
use crate::common::Project;
use crate::common::screen::Screen;

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

const CALM: &str = "[process]\ncalm = 'echo it is up; exec sleep 1000'\n";

/// A shell that keeps the terminal open, and prints the terminal modes before and after.
fn in_shell(project: &Project, rows: u16, columns: u16) -> Screen {
    let mut command = project.command("/bin/sh");
    let script = "stty -a > before; \"$0\" up; echo \"left with $?\"; stty -a > after; echo done";
    command.args(["-c", script, common::binary()]);
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("NO_COLOR");
    command.env("XDG_CONFIG_HOME", project.dir());
    Screen::start(command, rows, columns)
}

/// The interface in that shell.
fn front(screen: &Screen) -> u32 {
    let shell = screen.terminal.child.id();
    let list = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    list.split_whitespace().next().unwrap().parse().unwrap()
}

fn send(pid: u32, signal: &str) {
    common::send(pid, signal.parse::<pitcrew::Signal>().unwrap().number());
}

/// It was left with this code and this summary, the terminal is as it was, and nothing is left.
#[track_caller]
fn left(project: &Project, mut screen: Screen, code: i32, summary: &str) {
    screen.wait("done");
    let text = screen.text();
    assert!(text.contains(&format!("left with {code}")), "{text}");
    assert!(text.contains(summary), "{text}");
    assert!(screen.ended().success());
    assert!(!project.text("before").is_empty());
    assert_eq!(project.text("before"), project.text("after"));
    project.nothing_left_within(common::BOUND);
}

#[test]
fn every_way_out_gives_the_terminal_back_as_it_was() {
    for (keys, signal, code, summary) in [
        ("qy", None, 0, "calm  stopped    1 run  TERM"),
        ("\x03\x03", None, 0, "calm  stopped    1 run  TERM"),
        ("", Some("TERM"), 143, "calm  stopped    1 run  TERM"),
        ("", Some("INT"), 130, "calm  stopped    1 run  TERM"),
        ("", Some("HUP"), 129, ""),
        ("", Some("QUIT"), 131, ""),
    ] {
        let project = Project::new(CALM);
        let mut screen = in_shell(&project, 36, 120);
        screen.wait("it is up");
        for key in keys.chars() {
            screen.keys(&key.to_string());
            if matches!(key, 'q' | '\x03') && screen.is_on("1049") {
                screen.wait_until("the question, or the end", |text| {
                    text.contains("Quit?") || text.contains("done")
                });
            }
        }
        if let Some(signal) = signal {
            send(front(&screen), signal);
        }
        left(&project, screen, code, summary);
    }
}

#[test]
fn every_size_shows_what_there_is_room_for() {
    for (rows, columns) in [(36, 120), (24, 80), (13, 48), (4, 20)] {
        let project = Project::new(CALM);
        let mut screen = in_shell(&project, rows, columns);
        screen.wait("calm");
        screen.wait("running");
        // In the smallest ones the lines have the screen to themselves.
        screen.keys("\t");
        screen.wait("it is up");
        // Hardly anything, and back.
        screen.resize(1, 1);
        screen.resize(rows, columns);
        screen.wait("it is up");
        screen.keys("\tqy");
        // Wrapped, it is cut where the screen ends.
        left(&project, screen, 0, "TERM");
    }
}

#[test]
fn without_colour_there_is_none() {
    let project = Project::new(CALM);
    let mut command = project.pitcrew([]);
    command.env("TERM", "xterm-256color").env("NO_COLOR", "1").env("LANG", "C.UTF-8");
    let screen = Screen::start(command, 24, 80);
    screen.wait("it is up");
    // Before this state is received, quitting asks nothing.
    screen.wait("running");
    let coloured = screen.look(|screen| {
        let (rows, columns) = screen.size();
        let cells =
            (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        let is_plain = |at: (u16, u16)| {
            screen.cell(at.0, at.1).is_none_or(|cell| {
                (cell.fgcolor(), cell.bgcolor()) == (vt100::Color::Default, vt100::Color::Default)
            })
        };
        cells.filter(|at| !is_plain(*at)).count()
    });
    assert_eq!(coloured, 0);
    quit(&project, screen);
}

#[test]
fn without_a_terminal_lines_are_printed() {
    let project = Project::new("[process]\na = 'echo hello'\n");
    // No descriptor is a terminal; then a descriptor other than the input is one.
    assert_eq!(project.ask([]).code(0).out, "a | hello\n");
    let mut command = project.command("/bin/sh");
    command.args(["-c", "\"$0\" up < /dev/null", common::binary()]);
    command.env("TERM", "xterm-256color");
    let mut screen = Screen::start(command, 24, 80);
    assert!(screen.ended().success());
    assert!(screen.text().contains("a | hello"), "{}", screen.text());
    assert_ne!(project.ask(["attach"]).code, 0);
}

#[test]
fn stopped_and_continued_the_terminal_is_given_back_each_time() {
    let project = Project::new(CALM);
    // A shell with job control, which reports that its job is stopped.
    let mut command = project.command("/bin/sh");
    let script = "set -m; stty -a > before; \"$0\" up; stty -a > between; echo stopped; read line; \
                  fg; echo \"left with $?\"; stty -a > after; echo done";
    command.args(["-c", script, common::binary()]);
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
    let mut screen = Screen::start(command, 24, 80);
    screen.wait("it is up");
    screen.keys("\x1a");
    screen.wait("stopped");
    assert!(!screen.is_on("1049") && !screen.is_on("1000") && screen.is_on("25"));
    assert_eq!(project.text("before"), project.text("between"));
    screen.keys("\n");
    screen.wait("FOLLOW");
    screen.wait("it is up");
    assert!(screen.is_on("1049"));
    screen.keys("qy");
    left(&project, screen, 0, "calm  stopped    1 run  TERM");
}

#[test]
fn a_panic_is_printed_on_the_restored_screen() {
    // This program runs again on a terminal, and panics.
    let project = Project::empty();
    let mut command = project.command("/bin/sh");
    let script = "stty -a > before; \"$0\" --exact tui_terminal::panics --ignored --nocapture; stty -a > after; echo done";
    command.args(["-c", script, std::env::current_exe().unwrap().to_str().unwrap()]);
    command.env("TERM", "xterm-256color").env("RUST_BACKTRACE", "0");
    let mut screen = Screen::start(command, 24, 80);
    let shown = screen.wait("done");
    assert!(shown.contains("out of order"), "{shown}");
    assert!(screen.ended().success());
    assert_eq!(project.text("before"), project.text("after"));
}

#[test]
#[ignore = "runs on a terminal, started by `a_panic_is_printed_on_the_restored_screen`"]
fn panics() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut terminal, _keys) = pitcrew::tui::terminal::Terminal::take(true).unwrap();
        terminal.draw(|frame| frame.render_widget("a frame", frame.area())).unwrap();
        std::thread::spawn(|| panic!("out of order")).join().unwrap_err();
    });
}

#[test]
fn killed_before_it_is_up_it_leaves_nothing() {
    // At its first frame: the engine is being started.
    let project = Project::new(CALM);
    let mut command = project.pitcrew([]);
    command.env("TERM", "xterm-256color");
    let mut screen = Screen::start(command, 24, 80);
    screen.wait("calm");
    send(screen.terminal.child.id(), "KILL");
    screen.terminal.ended();
    project.nothing_left_within(common::BOUND);
}

#[test]
fn keys_before_it_is_up_are_not_lost() {
    let project = Project::new(CALM);
    let mut command = project.pitcrew([]);
    command.env("TERM", "xterm-256color");
    let mut screen = Screen::start(command, 24, 80);
    screen.keys("q");
    // The question appears even if nothing runs yet.
    screen.wait("Quit?");
    screen.keys("y");
    assert_eq!(screen.ended().code(), Some(0), "{}", screen.text());
    project.nothing_left_within(common::BOUND);
}
