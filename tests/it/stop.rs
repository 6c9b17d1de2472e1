//! Stops and shutdown: signals, order, grace periods and exit codes.

use std::time::{Duration, Instant};

use crate::common::events::only;
use crate::common::pty::Terminal;
use crate::common::{self, Oddity, Project, Running, long_sleep, wait_until, with_argument};

const STUBBORN: &str = "trap \"\" TERM INT HUP; echo up; while :; do sleep 0.05; done";

fn started(up: &Running, names: &[&str]) {
    for name in names {
        up.wait_err(&format!("{name} started"));
    }
}

#[test]
fn ended_by_int_term_and_hup_it_ends_by_that_signal() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let project = Project::new(&format!("[process]\na = 'exec sleep {}'\n", long_sleep()));
        let up = project.up([]);
        started(&up, &["a"]);
        up.signal(signal);
        assert_eq!(up.done().signal(), signal);
    }
}

#[test]
fn a_signal_to_the_whole_group_counts_once() {
    let project = Project::new(
        "[process.a]\ncommand = 'trap \"echo asked; sleep 0.3; echo done; exit\" TERM; echo up; \
         while :; do sleep 0.02; done'\n",
    );
    let up = project.up([]);
    up.wait_out("a | up");
    // The terminal signals guardian and engine both, and the guardian hands its signal on.
    for pid in [up.engine(), up.guardian()] {
        common::send(pid, libc::SIGINT);
    }
    let done = up.done();
    assert_eq!(done.signal(), libc::SIGINT);
    done.assert_out("a | done");
    assert!(!done.err.contains("killing"), "{done}");
}

#[test]
fn a_hangup_ignored_at_the_start_stays_ignored() {
    let project = Project::new(&format!("[process]\na = 'exec sleep {}'\n", long_sleep()));
    let mut command = project.pitcrew(["up", "--no-tui"]);
    common::with_oddities(&mut command, &[Oddity::Ignores(libc::SIGHUP)]);
    let up = project.start(command);
    started(&up, &["a"]);
    for pid in [up.engine(), up.guardian()] {
        common::send(pid, libc::SIGHUP);
    }
    up.signal(libc::SIGTERM);
    let done = up.done();
    assert_eq!(done.signal(), libc::SIGTERM);
    assert!(!done.err.contains("HUP"), "{done}");
}

#[test]
fn one_that_ignores_term_goes_after_its_grace_with_its_tree() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'trap \"\" TERM; sleep {sleep} & setsid sleep {sleep} & echo up; \
         while :; do sleep 0.05; done'\nstop = {{ grace = '500ms' }}\n"
    ));
    let up = project.up(["--events", "events"]);
    up.wait_out("a | up");
    wait_until("both sleep", || with_argument(&sleep).len() == 2);
    let asked = Instant::now();
    up.signal(libc::SIGTERM);
    let done = up.done();
    assert!(asked.elapsed() >= Duration::from_millis(500));
    assert!(asked.elapsed() < Duration::from_secs(8));
    assert!(with_argument(&sleep).is_empty());
    assert_eq!(done.signal(), libc::SIGTERM);
    assert_eq!(only(&project.events("events"), "process_killed", "a")["signal"], "KILL");
}

#[test]
fn twenty_that_ignore_term_take_one_grace() {
    let project = Project::new(&format!(
        "[process.a]\ncommand = '{STUBBORN}'\nstop = {{ grace = '1s' }}\nreplicas = 20\n"
    ));
    let up = project.up([]);
    wait_until("all are up", || up.out.count("| up\n") == 20);
    let asked = Instant::now();
    up.signal(libc::SIGTERM);
    up.done();
    let took = asked.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(18), "{took:?}");
}

#[test]
fn shutdown_names_the_remaining_processes_and_the_time_left() {
    let project = Project::new(&format!(
        "[process.stubborn]\ncommand = '{STUBBORN}'\nstop = {{ grace = '30s' }}\n"
    ));
    let up = project.up([]);
    up.wait_out("| up");
    up.signal(libc::SIGINT);
    let said = up.wait_err("a second signal kills immediately");
    assert!(said.contains("signal INT: stopping stubborn ("), "{said}");
    let again = up.wait_err("waiting for stubborn (");
    assert!(again.ends_with("s left)"), "{again}");
    up.signal(libc::SIGINT);
    up.done();
}

#[test]
fn the_stop_order_is_shown_only_if_there_is_one() {
    // It ends while others are still being made.
    let sleep = long_sleep();
    let names: Vec<String> = (0..40).map(|n| format!("p{n} = 'exec sleep {sleep}'")).collect();
    let file = format!("[process]\nbad = 'exit 3'\n{}\n", names.join("\n"));
    let done = Project::new(&file).up_done(["--fail-fast"]);
    done.assert_code(3);
    done.assert_err("bad failed (fail-fast): stopping p");
    assert!(!done.err.contains("after its dependants"), "{done}");
}

#[test]
fn a_second_signal_kills_immediately() {
    let project =
        Project::new(&format!("[process.a]\ncommand = '{STUBBORN}'\nstop = {{ grace = '10m' }}\n"));
    let up = project.up(["--events", "events"]);
    up.wait_out("| up");
    up.signal(libc::SIGINT);
    up.wait_err("stopping a");
    std::thread::sleep(Duration::from_millis(350));
    up.signal(libc::SIGINT);
    up.wait_err("killing");
    let done = up.done();
    assert_eq!(done.signal(), libc::SIGINT);
    assert_eq!(only(&project.events("events"), "process_killed", "a")["signal"], "KILL");
}

#[test]
fn another_signal_soon_after_counts_as_the_second() {
    let project =
        Project::new(&format!("[process.a]\ncommand = '{STUBBORN}'\nstop = {{ grace = '10m' }}\n"));
    let up = project.up([]);
    up.wait_out("| up");
    up.signal(libc::SIGINT);
    up.wait_err("stopping a");
    up.signal(libc::SIGTERM);
    up.wait_err("killing");
    up.done();
}

#[test]
fn dependants_stop_before_what_they_depend_on() {
    // After its stop signal it waits until another process got one too.
    let trap = |name: &str, other: &str| {
        format!(
            "trap \"echo {name} asked; touch {name}; until [ -e {other} ]; do sleep 0.02; done; \
             echo {name} gone; exit\" TERM; echo up; while :; do sleep 0.02; done"
        )
    };
    let project = Project::new(&format!(
        "[process.db]\ncommand = '{}'\n[process.api]\ncommand = '{}'\ndepends_on = ['db']\n\
         [process.web]\ncommand = '{}'\ndepends_on = ['api']\n\
         [process.side]\ncommand = '{}'\ndepends_on = ['api']\n",
        trap("db", "db"),
        trap("api", "api"),
        // Independent processes at the same time: neither ends before the other got its signal.
        trap("web", "side"),
        trap("side", "web")
    ));
    let up = project.up([]);
    wait_until("all are up", || up.out.count("| up\n") == 4);
    up.signal(libc::SIGTERM);
    let out = up.done().out;
    let at = |text: &str| out.find(text).unwrap_or_else(|| panic!("no {text:?} in {out}"));
    assert!(at("web gone") < at("api asked") && at("side gone") < at("api asked"), "{out}");
    assert!(at("api gone") < at("db asked"), "{out}");
}

#[test]
fn a_stopped_child_can_still_go() {
    let project = Project::new(
        "[process.a]\ncommand = 'trap \"echo bye; exit\" TERM; echo pid $$; while :; do sleep \
         0.02; done'\nstop = { grace = '30s' }\n",
    );
    let up = project.up([]);
    let pid = up.number("pid ");
    common::send(pid, libc::SIGSTOP);
    wait_until("it is stopped", || common::stat(pid).is_some_and(|s| s.state == 'T'));
    up.signal(libc::SIGTERM);
    up.done().assert_out("a | bye");
}

#[test]
fn another_stop_signal_is_used_when_it_is_said() {
    let project = Project::new(
        "[process.a]\ncommand = 'trap \"echo got USR1; exit\" USR1; trap \"\" TERM; echo up; \
         while :; do sleep 0.02; done'\nstop = { signal = 'USR1' }\n",
    );
    let up = project.up([]);
    up.wait_out("| up");
    up.signal(libc::SIGTERM);
    up.done().assert_out("got USR1");
}

#[test]
fn ctrl_c_on_a_terminal_counts_once_though_both_processes_get_it() {
    let project = Project::new(
        "[process.a]\ncommand = 'trap \"echo asked; sleep 0.2; echo gone; exit\" TERM; echo up; \
         while :; do sleep 0.02; done'\n",
    );
    let mut terminal = Terminal::start(project.pitcrew(["up", "--no-tui"]));
    terminal.wait(" up\r\n");
    terminal.type_in("\x03");
    assert_eq!(terminal.ended().to_string(), "signal: 2 (SIGINT)");
    terminal.wait("gone");
    assert!(!terminal.shown.lossy().contains("killing"), "{}", terminal.shown.lossy());
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn a_terminal_that_goes_away_is_a_hangup() {
    let project = Project::new(
        "[process.a]\ncommand = 'trap \"touch asked; exit\" TERM; echo up; \
         while :; do echo more; sleep 0.02; done'\n",
    );
    let mut terminal = Terminal::start(project.pitcrew(["up", "--no-tui"]));
    terminal.wait(" up\r\n");
    terminal.hang_up();
    assert_eq!(terminal.ended().to_string(), "signal: 1 (SIGHUP)");
    assert!(project.path("asked").exists());
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn under_nohup_it_lives_on_without_its_terminal() {
    let project = Project::new(
        "[process.a]\ncommand = 'echo up; until [ -e go ]; do echo more; echo >> printed; \
         sleep 0.02; done; touch well'\n",
    );
    let mut command = project.pitcrew(["up", "--no-tui"]);
    common::with_oddities(&mut command, &[Oddity::Ignores(libc::SIGHUP)]);
    let mut terminal = Terminal::start(command);
    terminal.wait(" up\r\n");
    terminal.hang_up();
    // It prints into a terminal that is gone, for a while.
    let before = project.text("printed").len();
    wait_until("it has printed more", || project.text("printed").len() > before + 10);
    project.write("go", "");
    assert_eq!(terminal.ended().code(), Some(0));
    assert!(project.path("well").exists());
    project.nothing_left_within(Duration::ZERO);
}

// ---- the stop command ---------------------------------------------------------------------------

#[test]
fn a_timeout_ends_the_whole_tree() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'sleep {sleep} & setsid sleep {sleep} & wait'\ntimeout = '200ms'\n\
         stop = {{ grace = '500ms' }}\n"
    ));
    let done = project.up_done([]);
    done.assert_code(1);
    assert!(with_argument(&sleep).is_empty());
}

#[test]
fn a_stop_while_it_waits_in_backoff_is_immediate() {
    let project = Project::new(
        "[process.a]\ncommand = 'exit 1'\nrestart = 'always'\n\
         retry = { backoff = { initial = '1h', max = '1h' } }\n",
    );
    let up = project.up([]);
    up.wait_err("a: retry 1 of 5 in");
    up.signal(libc::SIGTERM);
    assert_eq!(up.done().signal(), libc::SIGTERM);
}
