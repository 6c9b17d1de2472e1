//! `exec --tty`, and the processes that get our own terminal.

use std::process::Stdio;

use rustix::termios::LocalModes;

use crate::common::pty::Terminal;
use crate::common::{self, BOUND, Project, feed, wait_until};

/// Whether the terminal has lines, an echo and signals.
fn is_usual(terminal: &Terminal) -> bool {
    let usual = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
    terminal.modes().local_modes.contains(usual)
}

#[test]
fn keys_and_sizes_are_passed_on_and_the_modes_are_restored() {
    let project = Project::empty();
    let script = "stty size; until [ \"$(stty size)\" = '30 100' ]; do sleep 0.05; done; echo resized; \
                  read line; echo \"got $line\"; read line";
    let mut terminal =
        Terminal::start(project.pitcrew(["exec", "--tty", "--", "sh", "-c", script]));
    terminal.wait("40 200");
    assert!(!terminal.modes().local_modes.contains(LocalModes::ICANON));
    terminal.resize(30, 100);
    terminal.wait("resized");
    terminal.type_in("one\r");
    terminal.wait("got one");
    // It goes to the command, not to pitcrew.
    terminal.type_in("\u{3}");
    let status = terminal.ended();
    assert_eq!(status.code(), Some(130), "{status}");
    assert!(is_usual(&terminal));
    project.nothing_left_within(BOUND);
}

#[test]
fn stopped_and_continued_by_a_shell_it_goes_on() {
    let project = Project::empty();
    let mut command = project.command("bash");
    command.args(["--norc", "-i"]).env("PS1", "shell> ").env("TERM", "xterm-256color");
    let mut terminal = Terminal::start(command);
    terminal.wait("shell> ");
    terminal.type_in(&format!("{} exec --tty -- cat\r", common::binary()));
    let shell = terminal.child.id();
    wait_until("it runs", || !common::children_of(shell).is_empty());
    terminal.type_in("one\r");
    terminal.wait("one\r\none");
    common::send(common::children_of(shell)[0], libc::SIGTSTP);
    terminal.wait("Stopped");
    terminal.type_in("echo $((40 + 2))\r");
    terminal.wait("42\r\n");
    terminal.type_in("fg\r");
    terminal.wait_times("exec --tty -- cat", 3);
    let is_raw = |terminal: &Terminal| !terminal.modes().local_modes.contains(LocalModes::ICANON);
    wait_until("the keys go to the command again", || is_raw(&terminal));
    terminal.type_in("two\r");
    terminal.wait("two\r\ntwo");
    terminal.type_in("\u{4}");
    terminal.wait_times("shell> ", 4);
    terminal.type_in("exit\r");
    assert!(terminal.ended().success());
    project.nothing_left_within(BOUND);
}

#[test]
fn a_signal_ends_the_command_and_restores_the_modes() {
    let project = Project::empty();
    let script = "printf '\\033[?1049h'; echo set; exec sleep 1000";
    let mut terminal =
        Terminal::start(project.pitcrew(["exec", "--tty", "--", "sh", "-c", script]));
    terminal.wait("set");
    common::send(terminal.child.id(), libc::SIGTERM);
    terminal.ended();
    terminal.wait("\u{1b}[?1049l");
    assert!(is_usual(&terminal));
    project.nothing_left_within(BOUND);
}

#[test]
fn what_a_killed_program_has_set_is_undone() {
    let project = Project::empty();
    let script = "printf '\\033[?1049h\\033[?25l\\033[?1000h\\033[?2004h'; echo set; kill -KILL $$";
    let mut terminal =
        Terminal::start(project.pitcrew(["exec", "--tty", "--", "sh", "-c", script]));
    assert_eq!(terminal.ended().code(), Some(137));
    for sequence in ["\u{1b}[?1049l", "\u{1b}[?25h", "\u{1b}[?1000l", "\u{1b}[?2004l"] {
        terminal.wait(sequence);
    }
    project.nothing_left_within(BOUND);
}

#[test]
fn queries_are_left_to_our_terminal() {
    let project = Project::empty();
    let script = "stty raw -echo; printf '\\033[>q'; head -c 3 | od -c; stty sane; echo over";
    let mut terminal =
        Terminal::start(project.pitcrew(["exec", "--tty", "--", "sh", "-c", script]));
    terminal.wait("\u{1b}[>q");
    terminal.type_in("abc");
    terminal.wait("a   b   c");
    assert!(terminal.ended().success());
    project.nothing_left_within(BOUND);
}

#[test]
fn a_pipe_is_typed_and_its_end_is_the_end_of_the_input() {
    for (input, wanted) in [("one\n", "one\r\none\r\n"), ("two", "twotwo")] {
        let project = Project::empty();
        let mut command = project.pitcrew(["exec", "--tty", "--", "cat"]);
        command.stdin(Stdio::piped());
        let mut exec = project.start_with_input(command);
        feed(exec.stdin(), input.as_bytes().to_vec()).join().unwrap();
        let done = exec.done();
        done.assert_code(0);
        assert_eq!(done.out.replace("^D\u{8}\u{8}", ""), wanted);
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_command() {
    let project = Project::empty();
    let mut command = project.command("sh");
    let pitcrew = common::binary();
    command.args(["-c", &format!("{pitcrew} exec --tty -- yes | head -n 1")]);
    assert_eq!(common::ask::run(command).code(0).out, "y\r\n");
    project.nothing_left_within(BOUND);
}

#[test]
fn the_only_process_of_up_gets_our_terminal() {
    let project = Project::new(
        "[process.ask]\ncommand = 'tty; read line; echo \"got $line\"; exit 3'\ntty = true\nrestart = 'always'\n",
    );
    for args in [["up", "--no-tui"], ["run", "ask"]] {
        let mut terminal = Terminal::start(project.pitcrew(args));
        terminal.wait("/dev/pts/");
        project
            .ask(["screen", "ask"])
            .code(1)
            .err("runs in the terminal that pitcrew was started in");
        terminal.type_in("one\r");
        terminal.wait("got one");
        assert_eq!(terminal.ended().code(), Some(3));
        project.nothing_left_within(BOUND);
    }
    // With another process beside it, it has a terminal of pitcrew.
    project.write(
        "procfile.toml",
        "[process.ask]\ncommand = 'read line; exit 3'\ntty = true\n[process]\nweb = 'true'\n",
    );
    let mut terminal = Terminal::start(project.pitcrew(["up", "--no-tui"]));
    terminal.wait("ask started");
    wait_until("the keys arrive", || project.ask(["keys", "ask", "Enter"]).code == 0);
    assert_eq!(terminal.ended().code(), Some(1));
    project.nothing_left_within(BOUND);
}
