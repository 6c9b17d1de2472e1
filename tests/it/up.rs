//! `pitcrew up`: what it starts, what it says, with which code it ends.

use std::time::Duration;

use crate::common::events::{about, kind, of, only, place};
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
fn an_unknown_name_is_code_2_with_the_nearest_one() {
    let project = Project::new("[process]\nbackend = 'true'\n");
    let done = project.up_done(["backnd"]);
    done.assert_code(2);
    done.assert_err("backnd");
    done.assert_err("`backend`");
}

#[test]
fn an_unknown_command_or_flag_is_code_2() {
    let project = Project::new("[process]\na = 'true'\n");
    let done = project.run(["upp"]);
    done.assert_code(2);
    done.assert_err("did you mean `up`?");
    for (word, near) in [("wyh", "why"), ("strat", "start"), ("ecec", "exec"), ("inti", "init")] {
        let done = project.run([word]);
        done.assert_code(2);
        done.assert_err(&format!("there is no command `{word}`; did you mean `{near}`?"));
    }
    project.run(["man", "wyh"]).assert_err("did you mean `why`?");
    let done = project.run(["signal", "HPU", "a"]);
    done.assert_code(2);
    done.assert_err("did you mean `HUP`?");
    project.run(["up", "--no-such-flag"]).assert_code(2);
    project.run(["exec"]).assert_code(2);
    project.run(["init"]).assert_code(2);
}

#[test]
fn a_dash_is_no_file_to_write() {
    let project = Project::new("[process]\na = 'echo a'\n");
    for flag in ["--events", "--log-file"] {
        let done = project.up_done([flag, "-"]);
        done.assert_code(2);
        done.assert_err("take /dev/stdout");
    }
    assert!(!project.path("-").exists());
    let told = project.up_done(["--quiet", "--events", "/dev/stdout"]).out;
    assert!(told.lines().all(|line| line.starts_with("{\"seq\":")), "{told}");
    assert!(told.contains("\"process_completed\""), "{told}");
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let project = Project::empty();
    project.write("other.toml", "[process]\na = 'echo other'\n");
    std::fs::create_dir(project.path("sub")).unwrap();
    project.write("sub/procfile.toml", "[process]\na = 'echo sub'\n");
    for (args, wanted) in [
        (&["-f", "other.toml", "up", "--no-tui"][..], "a | other\n"),
        (&["up", "-f", "other.toml", "--no-tui"], "a | other\n"),
        (&["up", "--no-tui", "--file=other.toml"], "a | other\n"),
        (&["up", "--no-tui", "-C", "sub"], "a | sub\n"),
        (&["-C", "sub", "up", "--no-tui", "-f", "../other.toml", "-v"], "a | other\n"),
        (&["up", "--no-tui", "-C", "sub", "--color", "always"], "\x1b[36ma |\x1b[0m sub\n"),
    ] {
        let mut command = project.pitcrew([]);
        command.args(args);
        let done = project.finished(command);
        done.assert_code(0);
        assert_eq!(done.out, wanted, "{args:?}");
    }
    let twice = project.run(["-C", "sub", "check", "-C", "sub"]);
    twice.assert_code(2);
    twice.assert_err("cannot be used multiple times");
}

#[test]
fn help_and_version_are_code_0_on_stdout() {
    let project = Project::empty();
    let help = project.run(["--help"]);
    help.assert_code(0);
    help.assert_out("exec");
    for args in [&["--version"][..], &["-V"], &["up", "--version"], &["logs", "-V"]] {
        let mut command = project.pitcrew([]);
        command.args(args);
        let version = project.finished(command);
        version.assert_code(0);
        assert_eq!(version.out, concat!("pitcrew ", env!("CARGO_PKG_VERSION"), "\n"), "{args:?}");
    }
    project.run(["up", "--help"]).assert_out("--no-watch");
}

#[test]
fn a_file_that_is_missing_is_code_2() {
    Project::empty().up_done([]).assert_code(2);
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
fn events_that_cannot_be_written_are_refused_before_anything_starts() {
    let project = Project::new("[process]\na = 'touch ran'\n");
    let done = project.up_done(["--events", "no/such/folder"]);
    done.assert_code(1);
    done.assert_err("no/such/folder");
    assert!(!project.path("ran").exists());
}

#[test]
fn an_event_file_on_a_full_disk_stops_nothing() {
    let project = Project::new("[process]\na = 'echo fine'\n");
    let done = project.up_done(["--events", "/dev/full"]);
    done.assert_code(0);
    done.assert_out("fine");
    done.assert_err("/dev/full");
}

#[test]
fn events_are_appended() {
    let project = Project::new("[process]\na = 'true'\n");
    project.write("events", "before\n");
    project.up_done(["--events", "events"]).assert_code(0);
    let text = project.text("events");
    let (before, first) = text.split_once('\n').unwrap();
    let first: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!((before, &first["seq"]), ("before", &1.into()));
}

#[test]
fn events_of_a_plain_life() {
    let project = Project::new("[process]\na = 'exit 0'\n");
    project.up_done(["--events", "events"]).assert_code(0);
    let events = project.events("events");
    let kinds: Vec<&str> = events.iter().map(kind).collect();
    assert_eq!(
        kinds,
        [
            "process_started",
            "process_ready",
            "project_ready",
            "process_completed",
            "project_stopped"
        ]
    );
    let started = &events[0];
    assert_eq!(started["cause"]["kind"], "start");
    assert_eq!((&started["name"], &started["process"]), (&"a".into(), &"a".into()));
    assert_eq!((&started["run"], &started["attempt"]), (&1.into(), &1.into()));
    let end = &events[3];
    assert_eq!(end["exit_code"], 0);
    assert_eq!(end["success"], true);
    assert_eq!(end["leaked"], false);
    assert_eq!(end["cause"], serde_json::json!({"kind": "exit", "exit_code": 0}));
}

#[test]
fn events_of_retries_count_attempts_and_end_with_giving_up() {
    let project = Project::new(
        "[process.a]\ncommand = 'exit 4'\nrestart = 'on-failure'\n\
         retry = { attempts = 2, backoff = { initial = '20ms', factor = 2.0, jitter = 0.0 } }\n",
    );
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    let starts = about(&events, "process_started", "a");
    let numbers: Vec<_> =
        starts.iter().map(|e| (e["run"].as_u64(), e["attempt"].as_u64())).collect();
    assert_eq!(numbers, [1, 2, 3].map(|n| (Some(n), Some(n))));
    assert_eq!(starts[1]["cause"], serde_json::json!({"kind": "retry", "retry": 1, "retries": 2}));
    let retrying = about(&events, "process_retrying", "a");
    assert_eq!(retrying.len(), 2);
    for (at, event) in retrying.iter().enumerate() {
        assert_eq!(event["retry"], at + 1);
        assert_eq!(event["retries"], 2);
        assert!(event["delay_ms"].as_u64().unwrap() >= 18, "{event}");
        assert_eq!(event["cause"]["kind"], "exit");
    }
    let end = only(&events, "process_gave_up", "a");
    assert_eq!((&end["retries"], &end["exit_code"]), (&2.into(), &4.into()));
    assert_eq!(end["cause"]["kind"], "retries_exhausted");
}

#[test]
fn always_follows_a_success_and_uses_no_attempt() {
    let project = Project::new(
        "[process.a]\ncommand = 'echo run $PITCREW_RUN'\nrestart = 'always'\n\
         retry = { attempts = 0, backoff = { initial = '5ms' } }\n",
    );
    let up = project.up(["--events", "events"]);
    up.wait_out("run 4");
    up.signal(libc::SIGINT);
    assert_eq!(up.done().signal(), libc::SIGINT);
    let events = project.events("events");
    for event in about(&events, "process_started", "a") {
        assert_eq!(event["attempt"], 1);
    }
    for event in about(&events, "process_retrying", "a") {
        assert_eq!(event["retry"], 0);
    }
}

#[test]
fn events_of_dependencies_waiting_and_skipped_with_the_chain() {
    let project = Project::new(
        "[process.c]\ncommand = 'true'\ndepends_on = { b = 'succeeded' }\n\
         [process.b]\ncommand = 'true'\ndepends_on = { a = 'succeeded' }\n\
         [process.a]\ncommand = 'exit 3'\n",
    );
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    let waiting = only(&events, "process_waiting", "b");
    assert_eq!(waiting["on"], serde_json::json!([{"name": "a", "condition": "succeeded"}]));
    let skipped = only(&events, "process_skipped", "c");
    assert_eq!(skipped["on"], "b");
    let chain: Vec<&str> =
        skipped["chain"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(chain, ["b", "a"]);
    assert_eq!(skipped["cause"], serde_json::json!({"kind": "dependency", "on": "b"}));
    assert!(about(&events, "process_started", "b").is_empty());
}

#[test]
fn events_of_a_stop_name_signal_and_reason() {
    let project = Project::new(&format!("[process]\na = 'exec sleep {}'\n", long_sleep()));
    let up = project.up(["--events", "events"]);
    up.wait_err("a started");
    up.signal(libc::SIGTERM);
    assert_eq!(up.done().signal(), libc::SIGTERM);
    let events = project.events("events");
    let stopping = only(&events, "process_stopping", "a");
    assert_eq!(stopping["signal"], "TERM");
    assert_eq!(stopping["cause"]["kind"], "shutdown");
    let killed = only(&events, "process_killed", "a");
    assert_eq!(killed["by"], "shutdown");
    assert_eq!(killed["signal"], "TERM");
    assert_eq!(killed["success"], false);
    assert_eq!(of(&events, "project_stopping").len(), 1);
    assert_eq!(kind(events.last().unwrap()), "project_stopped");
}

#[test]
fn events_of_a_program_that_cannot_be_started_name_the_error() {
    let project = Project::new(
        "[process.missing]\ncommand = ['no-such-program-here']\n\
         [process.nowhere]\ncommand = 'true'\ncwd = 'gone'\n\
         [process.plain]\ncommand = ['./plain']\n\
         [process.long]\ncommand = ['true', 'x']\n",
    );
    project.write("plain", "not a program");
    let long = "x".repeat(200_000);
    let text = project.text("procfile.toml").replace("'x'", &format!("'{long}'"));
    project.write("procfile.toml", &text);
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    for (name, error) in [
        ("missing", "program_not_found"),
        ("nowhere", "cwd_not_found"),
        ("plain", "not_executable"),
        ("long", "arguments_too_long"),
    ] {
        let failed = only(&events, "process_failed", name);
        assert_eq!(failed["error"], error);
        assert_eq!(failed["run"], 1);
        assert!(failed.get("exit_code").is_none());
        assert!(about(&events, "process_started", name).is_empty());
        assert!(about(&events, "process_retrying", name).is_empty(), "it is not tried again");
    }
}

#[test]
fn events_of_a_timeout_and_of_silence() {
    let project = Project::new(&format!(
        "[process.slow]\ncommand = 'while :; do echo alive; sleep 0.02; done'\ntimeout = '200ms'\n\
         [process.silent]\ncommand = 'echo once; exec sleep {}'\nidle_timeout = '150ms'\n",
        long_sleep()
    ));
    project.up_done(["--events", "events"]).assert_code(1);
    let events = project.events("events");
    let slow = only(&events, "process_failed", "slow");
    assert_eq!(slow["error"], "timeout");
    assert_eq!(slow["cause"], serde_json::json!({"kind": "timeout", "after_ms": 200}));
    assert!(slow["duration_ms"].as_u64().unwrap() >= 200);
    let silent = only(&events, "process_failed", "silent");
    assert_eq!(silent["error"], "idle_timeout");
    assert_eq!(silent["cause"], serde_json::json!({"kind": "idle_timeout", "after_ms": 150}));
    assert!(silent["duration_ms"].as_u64().unwrap() >= 150);
    assert_eq!(only(&events, "process_stopping", "silent")["cause"]["kind"], "idle_timeout");
}

#[test]
fn idle_timeout_spares_one_that_prints() {
    let project = Project::new(
        "[process.busy]\ncommand = 'for i in $(seq 45); do echo $i; sleep 0.1; done'\n\
         idle_timeout = '4s'\n",
    );
    project.up_done([]).assert_code(0);
}

#[test]
fn events_of_a_pool_keep_the_order_and_the_slots() {
    let project = Project::new(
        "[pool.build]\nconcurrency = 2\njobs = ['sleep 0.05', 'sleep 0.03', 'sleep 0.04', \
         { name = 'last', command = 'echo $PITCREW_POOL' }, 'true']\n",
    );
    let done = project.up_done(["--events", "events"]);
    done.assert_code(0);
    done.assert_out("last    | build");
    let events = project.events("events");
    let names = |wanted| -> Vec<String> {
        of(&events, wanted).iter().map(|e| e["name"].as_str().unwrap().to_owned()).collect()
    };
    let wanted = ["build.1", "build.2", "build.3", "last", "build.5"];
    assert_eq!(names("process_queued"), wanted);
    assert_eq!(names("process_started"), wanted);
    let mut alive = 0;
    for event in &events {
        match kind(event) {
            "process_started" => alive += 1,
            "process_completed" => alive -= 1,
            _ => {}
        }
        assert!(alive <= 2);
    }
    let drained = of(&events, "pool_drained");
    assert_eq!(drained.len(), 1);
    assert_eq!((&drained[0]["pool"], &drained[0]["succeeded"]), (&"build".into(), &5.into()));
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
    let said = second.wait_err("is running already");
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
        let texts = all.iter().filter(|one| one.err.lossy().contains("is running already"));
        texts.count() == 49
    });
    let at = all.iter().position(|one| !one.err.lossy().contains("is running already")).unwrap();
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

#[test]
fn a_fifo_for_events_that_nobody_reads_is_an_error_and_no_wait() {
    let project = Project::new("[process.a]\ncommand = 'true'\n");
    rustix::fs::mkfifoat(rustix::fs::CWD, project.path("pipe"), 0o600.into()).unwrap();
    let done = project.up_done(["--events", "pipe"]);
    done.assert_code(1);
    done.assert_err("cannot write pipe");
}

#[test]
fn a_file_named_with_f_is_relative_to_c() {
    let project = Project::new("[process]\na = 'true'\n");
    std::fs::create_dir(project.path("sub")).unwrap();
    project.write("sub/other.toml", "[process]\nb = 'pwd'\n");
    let done = project.run(["-C", "sub", "-f", "other.toml", "up", "--no-tui"]);
    done.assert_code(0);
    assert_eq!(done.out, format!("b | {}\n", project.path("sub").display()));
}
