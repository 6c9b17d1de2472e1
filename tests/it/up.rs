//! `pitcrew up`: started processes, messages and exit codes.

use std::time::Duration;

use crate::common::events::{only, place};
use crate::common::{self, Project, long_sleep, wait_until};

#[test]
fn all_that_ended_well_is_code_0() {
    let project = Project::new("[process]\na = 'true'\nb = 'echo hello'\n");
    let done = project.up_done([]);
    done.assert_code(0);
    assert_eq!(done.out, "b | hello\n");
}

#[test]
fn one_that_failed_is_code_1() {
    let project = Project::new("[process]\na = 'true'\nb = 'exit 7'\n");
    let done = project.up_done([]);
    done.assert_code(1);
    done.assert_err("b failed: exit 7");
}

#[test]
fn a_retry_that_ends_well_makes_it_well() {
    let project = Project::new(
        "[process.a]\ncommand = 'test $PITCREW_RUN = 3'\nrestart = 'on-failure'\n\
         retry = { backoff = { initial = '1ms' } }\n",
    );
    project.up_done([]).assert_code(0);
}

#[test]
fn names_choose_what_runs_and_what_it_needs() {
    let project = Project::new(
        "[process]\nother = 'echo other'\n[process.db]\ncommand = 'echo db'\n\
         [process.web]\ncommand = 'echo web'\ndepends_on = { db = 'succeeded' }\n",
    );
    let done = project.up_done(["web"]);
    done.assert_code(0);
    assert_eq!(done.out, "db    | db\nweb   | web\n");
}

#[test]
fn no_deps_starts_nothing_but_what_is_named() {
    let project = Project::new(
        "[process.db]\ncommand = 'echo db'\n\
         [process.web]\ncommand = 'echo web'\ndepends_on = { db = 'succeeded' }\n",
    );
    let done = project.up_done(["--no-deps", "web"]);
    done.assert_code(0);
    assert_eq!(done.out, "web | web\n");
}

#[test]
fn autostart_false_waits_to_be_asked_for() {
    let project = Project::new(
        "[process]\na = 'echo a'\n[process.b]\ncommand = 'echo b'\nautostart = false\n",
    );
    assert_eq!(project.up_done([]).out, "a | a\n");
    assert_eq!(project.up_done(["b"]).out, "b | b\n");
}

#[test]
fn shutdown_on_passes_the_code_of_that_process_on() {
    for (command, code) in [("exit 0", 0), ("exit 9", 9), ("kill -TERM $$", 143)] {
        let sleep = long_sleep();
        let project = Project::new(&format!(
            "[process]\nother = 'exec sleep {sleep}'\n[process.tests]\ncommand = '{command}'\n\
             depends_on = {{ other = 'started' }}\nshutdown_on = 'exit'\n"
        ));
        let done = project.up_done([]);
        done.assert_code(code);
        done.assert_err("tests ended (shutdown_on)");
    }
}

#[test]
fn shutdown_on_failure_lets_a_success_go() {
    let project = Project::new(
        "[process.good]\ncommand = 'true'\nshutdown_on = 'failure'\n\
         [process.later]\ncommand = 'echo went on'\ndepends_on = { good = 'succeeded' }\n",
    );
    let done = project.up_done([]);
    done.assert_code(0);
    done.assert_out("went on");
    let project = Project::new(&format!(
        "[process]\nother = 'exec sleep {}'\n\
         [process.bad]\ncommand = 'exit 5'\nshutdown_on = 'failure'\n",
        long_sleep()
    ));
    project.up_done([]).assert_code(5);
}

#[test]
fn shutdown_on_waits_for_the_last_retry() {
    let project = Project::new(&format!(
        "[process]\nother = 'exec sleep {}'\n[process.bad]\ncommand = 'exit $PITCREW_RUN'\n\
         shutdown_on = 'failure'\nrestart = 'on-failure'\n\
         retry = {{ attempts = 2, backoff = {{ initial = '1ms' }} }}\n",
        long_sleep()
    ));
    project.up_done([]).assert_code(3);
}

#[test]
fn shutdown_on_a_program_that_is_missing_is_127_and_not_executable_126() {
    for (command, code) in [("['no-such-program-here']", 127), ("['./plain']", 126)] {
        let project = Project::new(&format!(
            "[process.a]\ncommand = {command}\nshutdown_on = 'failure'\n[process]\nb = 'true'\n"
        ));
        project.write("plain", "not a program");
        project.up_done([]).assert_code(code);
    }
}

#[test]
fn fail_fast_stops_all_with_the_code_of_the_first_failure() {
    let project = Project::new(&format!(
        "[process]\nother = 'exec sleep {}'\nbad = 'exit 6'\n",
        long_sleep()
    ));
    let done = project.up_done(["--fail-fast"]);
    done.assert_code(6);
    done.assert_err("bad failed (fail-fast)");
}

#[test]
fn fail_fast_passes_a_timeout_on_as_124() {
    let project = Project::new(&format!(
        "[process.slow]\ncommand = 'exec sleep {}'\ntimeout = '50ms'\n",
        long_sleep()
    ));
    project.up_done(["--fail-fast"]).assert_code(124);
}

#[test]
fn keep_stays_when_nothing_runs_any_more() {
    let project = Project::new("[process]\na = 'echo done'\n");
    let mut up = project.up(["--keep", "--events", "events"]);
    wait_until("it has ended", || project.text("events").contains("process_completed"));
    // A lower bound: the one wait here that nothing can announce.
    std::thread::sleep(Duration::from_millis(300));
    assert!(common::alive(up.guardian()));
    up.signal(libc::SIGTERM);
    assert_eq!(up.ended().to_string(), "signal: 15 (SIGTERM)");
    up.done();
}

#[test]
fn quiet_prints_no_output_of_children_but_says_what_happens() {
    let project = Project::new("[process]\na = 'echo secret; exit 3'\n");
    let done = project.up_done(["--quiet"]);
    done.assert_code(1);
    assert_eq!(done.out, "");
    assert!(!done.err.contains("secret"), "{done}");
    done.assert_err("a failed: exit 3");
}

#[test]
fn timestamps_stand_before_each_line() {
    let project = Project::new("[process]\na = 'echo one; echo two'\n");
    let out = project.up_done(["--timestamps"]).out;
    for (line, text) in out.lines().zip(["one", "two"]) {
        let (time, rest) = line.split_once(' ').unwrap();
        let shape: String =
            time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!((shape.as_str(), rest), ("00:00:00.000", format!("a | {text}").as_str()));
    }
    assert_eq!(out.lines().count(), 2);
}

#[test]
fn names_are_coloured_only_where_it_is_asked_for() {
    let project = Project::new("[process]\na = 'echo one'\n");
    assert!(!project.up_done([]).out.contains('\x1b'));
    let always = project.run(["--color", "always", "up", "--no-tui"]);
    assert!(always.out.contains("\x1b["), "{always}");
    always.assert_out("one\n");
    let never = project.run(["--color", "never", "up", "--no-tui"]);
    assert_eq!(never.out, "a | one\n");
}

#[test]
fn log_file_takes_diagnostics_and_is_created() {
    let project = Project::new("[process]\na = 'true'\n");
    project.up_done(["--log-file", "diagnostics.log"]).assert_code(0);
    assert!(project.text("diagnostics.log").contains("started"));
    let done = project.up_done(["--log-file", "no/such/folder.log"]);
    done.assert_code(1);
    done.assert_err("no/such/folder.log");
}

#[test]
fn idle_timeout_spares_a_process_that_prints() {
    let project = Project::new(
        "[process.busy]\ncommand = 'for i in $(seq 45); do echo $i; sleep 0.1; done'\n\
         idle_timeout = '4s'\n",
    );
    project.up_done([]).assert_code(0);
}

#[test]
fn a_pool_that_stops_on_failure_skips_the_queued_and_stops_the_running() {
    let project = Project::new(&format!(
        "[pool.build]\nconcurrency = 2\non_failure = 'stop'\n\
         jobs = ['exec sleep {}', 'exit 2', 'true', 'true']\n",
        long_sleep()
    ));
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    assert_eq!(only(&events, "process_killed", "build.1")["cause"]["kind"], "pool");
    for name in ["build.3", "build.4"] {
        assert_eq!(only(&events, "process_skipped", name)["cause"]["kind"], "pool");
    }
}

#[test]
fn started_ready_and_completed_order_the_starts() {
    let project = Project::new(
        "[process.a]\ncommand = 'sleep 0.1; exit 1'\n\
         [process.b]\ncommand = 'true'\ndepends_on = { a = 'started' }\n\
         [process.c]\ncommand = 'true'\ndepends_on = { a = 'completed' }\n\
         [process.d]\ncommand = 'true'\ndepends_on = ['b']\n",
    );
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    assert!(place(&events, "process_started", "b") > place(&events, "process_started", "a"));
    assert!(place(&events, "process_started", "c") > place(&events, "process_completed", "a"));
    assert!(place(&events, "process_started", "d") > place(&events, "process_ready", "b"));
}

#[test]
fn replicas_have_names_numbers_and_ports() {
    let project = Project::new(
        "[process.w]\ncommand = 'echo $PITCREW_PROCESS $PITCREW_REPLICA $PORT'\nreplicas = 3\n\
         port = 4000\n",
    );
    let done = project.up_done(["--events", "events"]);
    let mut lines: Vec<&str> = done.out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["w.1 | w 1 4000", "w.2 | w 2 4001", "w.3 | w 3 4002"]);
    let events = project.events("events");
    assert_eq!(only(&events, "process_started", "w.2")["process"], "w");
}

#[test]
fn a_second_up_is_refused_naming_the_first() {
    let project = Project::new(&format!("[process]\na = 'exec sleep {}'\n", long_sleep()));
    let first = project.up([]);
    first.wait_err("a started");
    let mut second = project.up([]);
    assert_eq!(second.ended().code(), Some(1));
    let said = second.wait_err("is already running");
    assert!(said.contains(&format!("pid {}", first.guardian())), "{said}");
    assert!(said.contains("since 20"), "{said}");
    second.wait_err("pitcrew attach");
    second.forget();
    first.signal(libc::SIGTERM);
    first.done();
    project.nothing_left_within(Duration::ZERO);
}

#[test]
fn fifty_at_the_same_time_give_one_engine() {
    let project =
        Project::new(&format!("[process]\na = 'echo $$ >> starts; exec sleep {}'\n", long_sleep()));
    let mut all: Vec<_> = (0..50).map(|_| project.up([])).collect();
    wait_until("49 are refused", || {
        let texts = all.iter().filter(|one| one.err.lossy().contains("is already running"));
        texts.count() == 49
    });
    let at = all.iter().position(|one| !one.err.lossy().contains("is already running")).unwrap();
    let winner = all.swap_remove(at);
    winner.wait_err("a started");
    for mut one in all {
        assert_eq!(one.ended().code(), Some(1));
        one.forget();
    }
    winner.signal(libc::SIGTERM);
    winner.done();
    assert_eq!(project.text("starts").lines().count(), 1);
}

#[test]
fn a_child_finds_its_markers_and_they_cannot_be_set() {
    let project = Project::new(
        "[process.a]\ncommand = 'env'\nport = 8080\n\
         env = { PITCREW_RUN = 'x', MINE = 'yes' }\n",
    );
    let mut command = project.pitcrew(["up", "--no-tui"]);
    command.env("PITCREW_REPLICA", "7").env("PITCREW_POOL", "p").env("PITCREW_SESSION", "outer");
    let done = project.finished(command);
    let vars: Vec<&str> = done.out.lines().filter_map(|line| line.strip_prefix("a | ")).collect();
    let value = |name: &str| vars.iter().find_map(|v| v.strip_prefix(&format!("{name}=")));
    assert_eq!(value("PITCREW_PROCESS"), Some("a"));
    assert_eq!(value("PITCREW_RUN"), Some("1"));
    assert_eq!(value("PITCREW_REPLICA"), None);
    assert_eq!(value("PITCREW_POOL"), None);
    assert!(value("PITCREW_SESSION").is_some_and(|session| session != "outer"));
    assert_eq!((value("PORT"), value("MINE")), (Some("8080"), Some("yes")));
    assert_eq!(value("FORCE_COLOR"), None);
    assert_eq!(value("PYTHONUNBUFFERED"), Some("1"));
}

#[test]
fn colour_is_asked_of_children_when_it_is_shown() {
    let project = Project::new("[process]\na = 'env'\n");
    let done = project.run(["--color", "always", "up", "--no-tui"]);
    for variable in ["FORCE_COLOR=1", "CLICOLOR_FORCE=1", "CARGO_TERM_COLOR=always"] {
        done.assert_out(variable);
    }
    let mut command = project.pitcrew(["--color", "always", "up", "--no-tui"]);
    command.env("NO_COLOR", "1").env("CARGO_TERM_COLOR", "never");
    let done = project.finished(command);
    assert!(!done.out.contains("FORCE_COLOR=1"), "{done}");
    done.assert_out("CARGO_TERM_COLOR=never");
}
