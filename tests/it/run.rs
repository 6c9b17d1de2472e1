//! `pitcrew run NAME`: one process in the foreground, its dependencies in the background.

use std::process::{Command, Stdio};

use crate::common::pty::Terminal;
use crate::common::{self, Project, feed, long_sleep, wait_until, with_argument};

#[test]
fn the_code_of_the_process_is_the_code() {
    for (command, code) in [("exit 0", 0), ("exit 42", 42), ("kill -TERM $$", 143)] {
        let project = Project::new(&format!("[process]\na = '{command}'\n"));
        project.run(["run", "a"]).assert_code(code);
    }
}

#[test]
fn a_program_that_is_missing_is_127_and_not_executable_126() {
    let project = Project::new("[process]\na = ['no-such-program-here']\nb = ['./plain']\n");
    project.write("plain", "not a program");
    project.run(["run", "a"]).assert_code(127);
    project.run(["run", "b"]).assert_code(126);
}

#[test]
fn an_unknown_name_is_code_2() {
    let project = Project::new("[process]\nweb = 'true'\n");
    let done = project.run(["run", "wab"]);
    done.assert_code(2);
    done.assert_err("`web`");
    project.run(["run", "all"]).assert_code(2);
}

#[test]
fn a_timeout_is_124() {
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'exec sleep {}'\ntimeout = '100ms'\n",
        long_sleep()
    ));
    project.run(["run", "a"]).assert_code(124);
}

#[test]
fn arguments_are_appended_to_an_array_as_they_are() {
    let project = Project::new("[process]\na = ['printf', '%s|']\n");
    let done = project.run(["run", "a", "--", "x y", "$HOME", "", "it's"]);
    assert_eq!(done.out, "x y|$HOME||it's|");
}

#[test]
fn arguments_are_quoted_for_a_string() {
    let project = Project::new("[process]\na = 'printf \"%s|\"'\n");
    let done = project.run(["run", "a", "--", "x y", "$HOME", "", "it's", "a;b"]);
    assert_eq!(done.out, "x y|$HOME||it's|a;b|");
}

#[test]
fn input_and_outputs_are_our_own() {
    let project = Project::new("[process]\na = 'cat; echo err >&2'\n");
    let mut command = project.pitcrew(["run", "a"]);
    command.stdin(Stdio::piped());
    let mut run = project.start_with_input(command);
    feed(run.stdin(), b"in\0\xff".to_vec()).join().unwrap();
    let done = run.done();
    done.assert_code(0);
    assert_eq!(done.raw, b"in\0\xff");
    assert_eq!(done.err, "err\n");
}

#[test]
fn dependencies_start_before_and_stop_after() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.db]\ncommand = 'trap \"echo db gone >> order; exit\" TERM; echo db up >> order; \
         echo noise; while :; do sleep 0.02; done'\n\
         [process.setup]\ncommand = 'until grep -q up order; do sleep 0.02; done; \
         echo setup >> order'\ndepends_on = ['db']\n\
         [process.task]\ncommand = 'echo task >> order; echo said'\n\
         depends_on = {{ db = 'started', setup = 'succeeded' }}\n\
         [process]\nother = 'echo other >> order; exec sleep {sleep}'\n"
    ));
    let done = project.run(["run", "task"]);
    done.assert_code(0);
    assert_eq!(done.out, "said\n");
    assert!(!done.err.contains("noise"), "{done}");
    assert_eq!(project.text("order"), "db up\nsetup\ntask\ndb gone\n");
}

#[test]
fn a_dependency_that_fails_shows_its_last_20_lines_and_fails_the_run() {
    let project = Project::new(
        "[process.setup]\ncommand = 'for i in $(seq 1 30); do echo line $i.; done; exit 3'\n\
         [process.task]\ncommand = 'echo never'\ndepends_on = { setup = 'succeeded' }\n",
    );
    let done = project.run(["run", "task"]);
    done.assert_code(1);
    assert_eq!(done.out, "");
    done.assert_err("setup failed: exit 3");
    for number in 11..=30 {
        done.assert_err(&format!("line {number}."));
    }
    assert!(!done.err.contains("line 10."), "{done}");
}

#[test]
fn one_run_however_its_restart_reads() {
    let project = Project::new(
        "[process.a]\ncommand = 'echo run; exit 3'\nrestart = 'always'\n\
         retry = { attempts = 5, backoff = { initial = '1ms' } }\n",
    );
    let done = project.run(["run", "a"]);
    done.assert_code(3);
    assert_eq!(done.out, "run\n");
}

#[test]
fn a_signal_to_us_ends_it_what_it_needs_and_us() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.db]\ncommand = 'exec sleep {sleep}'\n\
         [process.a]\ncommand = 'echo up; exec sleep {sleep}'\ndepends_on = ['db']\n"
    ));
    let run = project.start(project.pitcrew(["run", "a"]));
    run.wait_out("up");
    run.signal(libc::SIGTERM);
    assert_eq!(run.done().signal(), libc::SIGTERM);
    assert!(with_argument(&sleep).is_empty());
}

// ---- on a terminal ------------------------------------------------------------------------------

#[test]
fn on_a_terminal_its_group_is_the_foreground_group() {
    let project = Project::new(
        "[process]\na = '''test -t 0 && test -t 1 && echo is a terminal; \
         set -- $(cat /proc/$$/stat); echo group $5 front $8; read x; echo got $x'''\n",
    );
    let mut terminal = Terminal::start(project.pitcrew(["run", "a"]));
    terminal.wait("is a terminal");
    terminal.wait("front ");
    terminal.type_in("hello\n");
    terminal.wait("got hello");
    assert_eq!(terminal.ended().code(), Some(0));
    let shown = terminal.shown.lossy();
    let line = shown.lines().find(|line| line.contains("group ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[1], words[3], "{line}");
    project.nothing_left_within(std::time::Duration::ZERO);
}

/// Handles Ctrl-C and returns 9.
const CATCHES_CTRL_C: &str =
    "trap 'echo caught; exit 9' INT; echo up; while :; do sleep 0.02; done";

/// Presses Ctrl-C while a command of the project runs [`CATCHES_CTRL_C`].
#[track_caller]
fn assert_passes_ctrl_c_on(project: &Project, command: Command) {
    let mut terminal = Terminal::start(command);
    terminal.wait("up");
    terminal.type_in("\x03");
    terminal.wait("caught");
    assert_eq!(terminal.ended().code(), Some(9));
    project.nothing_left_within(std::time::Duration::ZERO);
}

#[test]
fn on_a_terminal_ctrl_c_goes_to_the_process() {
    let project = Project::new(&format!("[process]\na = '''{CATCHES_CTRL_C}'''\n"));
    assert_passes_ctrl_c_on(&project, project.pitcrew(["run", "a"]));
}

#[test]
fn on_a_terminal_ctrl_c_that_ends_the_process_is_130() {
    let sleep = long_sleep();
    let project = Project::new(&format!("[process]\na = 'echo up; exec sleep {sleep}'\n"));
    let mut terminal = Terminal::start(project.pitcrew(["run", "a"]));
    terminal.wait("up");
    wait_until("it sleeps", || !with_argument(&sleep).is_empty());
    terminal.type_in("\x03");
    assert_eq!(terminal.ended().code(), Some(130));
}

#[test]
fn on_a_terminal_ctrl_c_before_it_runs_ends_what_it_waits_for() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.setup]\ncommand = 'sleep {sleep}'\n\
         [process.a]\ncommand = 'echo never'\ndepends_on = {{ setup = 'succeeded' }}\n"
    ));
    let mut terminal = Terminal::start(project.pitcrew(["run", "a"]));
    wait_until("the dependency runs", || !with_argument(&sleep).is_empty());
    terminal.type_in("\x03");
    assert_eq!(terminal.ended().to_string(), "signal: 2 (SIGINT)");
    assert!(with_argument(&sleep).is_empty());
}

#[test]
fn on_a_terminal_the_shell_has_it_back_afterwards() {
    let project = Project::new("[process]\na = 'stty -echo; true'\n");
    let mut shell = project.command("/bin/sh");
    shell.args(["-c", &format!("{} run a; echo code $?; cat", common::binary())]);
    let mut terminal = Terminal::start(shell);
    terminal.wait("code 0");
    // The shell's next command reads from the terminal: it is in the foreground again.
    terminal.type_in("hello\n\x04");
    terminal.wait("hello");
    assert_eq!(terminal.ended().code(), Some(0));
}

#[test]
fn exec_on_a_terminal_passes_ctrl_c_to_the_command() {
    let project = Project::empty();
    let command = project.pitcrew(["exec", "--", "sh", "-c", CATCHES_CTRL_C]);
    assert_passes_ctrl_c_on(&project, command);
}

#[test]
fn under_a_shell_ctrl_z_stops_and_fg_goes_on() {
    let project = Project::new("[process]\na = 'echo $$ > pid; echo up; read x; echo got $x'\n");
    let mut shell = project.command("/bin/bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "prompt> ").env("TERM", "dumb");
    let mut terminal = Terminal::start(shell);
    terminal.wait("prompt> ");
    terminal.type_in(&format!("{} run a\n", common::binary()));
    terminal.wait("up");
    terminal.type_in("\x1a");
    terminal.wait("Stopped");
    terminal.wait_times("prompt> ", 2);
    terminal.type_in("fg\n");
    let pid: u32 = project.text("pid").trim().parse().unwrap();
    wait_until("it is in the foreground and goes on", || {
        let stat = common::stat(pid).unwrap();
        stat.state != 'T' && stat.foreground == pid.cast_signed()
    });
    terminal.type_in("hello\n");
    terminal.wait("got hello");
    terminal.wait_times("prompt> ", 3);
    terminal.type_in("echo code $?\n");
    terminal.wait("code 0");
    terminal.type_in("exit\n");
    terminal.ended();
    project.nothing_left_within(common::BOUND);
}

#[test]
fn under_a_shell_ctrl_z_pauses_up_and_its_timers() {
    // It is stopped for longer than its timeout, and has the rest of it afterwards.
    let project = Project::new(
        "[process.a]\ncommand = 'echo up; for i in 1 2 3 4 5 6 7 8; do sleep 0.1; done; \
         until [ -e end ]; do sleep 0.05; done; echo good'\ntimeout = '4s'\n",
    );
    let mut shell = project.command("/bin/bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "prompt> ").env("TERM", "dumb");
    let mut terminal = Terminal::start(shell);
    terminal.wait("prompt> ");
    terminal.type_in(&format!("{} up --no-tui\n", common::binary()));
    terminal.wait("a | up");
    terminal.type_in("\x1a");
    terminal.wait("Stopped");
    terminal.wait_times("prompt> ", 2);
    std::thread::sleep(std::time::Duration::from_millis(4_500));
    terminal.type_in("fg\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    project.write("end", "");
    terminal.wait("a | good");
    terminal.wait_times("prompt> ", 3);
    terminal.type_in("echo code $?\n");
    terminal.wait("code 0");
    terminal.type_in("exit\n");
    terminal.ended();
    project.nothing_left_within(common::BOUND);
}
