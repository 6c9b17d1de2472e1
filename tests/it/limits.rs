//! Exhausted resources (descriptors, threads, file sizes): pitcrew reports them, retries, and keeps running.

use std::collections::HashSet;

use crate::common::events::{about, kind, name, of};
use crate::common::{
    self, Oddity, Project, is_executable_there, long_sleep, wait_until, with_argument,
};

#[test]
fn out_of_descriptors_names_the_process_and_tries_again() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'exec sleep {sleep}'\nreplicas = 30\nrestart = 'on-failure'\n\
         retry = {{ attempts = 2, backoff = {{ initial = '100ms', factor = 1.0, jitter = 0.0 }} }}\n"
    ));
    let mut command = project.pitcrew(["up", "--no-tui", "--events", "events"]);
    common::with_oddities(&mut command, &[Oddity::Descriptors(40, 40)]);
    let up = project.start(command);
    // Each one either runs or has given up.
    wait_until("all have got somewhere", || {
        let text = project.text("events");
        text.matches("process_gave_up").count() + with_argument(&sleep).len() == 30
    });
    let running = with_argument(&sleep).len();
    assert!(running > 0, "some run");
    let said = up.wait_err("cannot start: ");
    assert!(said.contains("open files") || said.contains("descriptors"), "{said}");
    up.signal(libc::SIGTERM);
    up.done();
    let events = project.events("events");
    let failed = of(&events, "process_failed");
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|event| event["error"] == "resource_limit"), "{failed:#?}");
    let given_up: HashSet<&str> = of(&events, "process_gave_up").into_iter().map(name).collect();
    assert_eq!(given_up.len() + running, 30);
    for who in given_up {
        assert_eq!(about(&events, "process_failed", who).len(), 3, "two retries");
    }
}

#[test]
fn without_descriptors_for_itself_it_says_so() {
    let project = Project::new("[process]\na = 'true'\n");
    for limit in 5..10 {
        for args in [&["exec", "--", "true"][..], &["run", "a"], &["ps"]] {
            let mut command = project.pitcrew([]);
            command.args(args);
            common::with_oddities(&mut command, &[Oddity::Descriptors(limit, limit)]);
            let done = project.finished(command);
            assert!(matches!(done.code(), 0 | 1), "{args:?} with {limit}: {done:?}");
        }
    }
}

#[test]
fn one_that_could_not_start_starts_when_there_is_room() {
    let first = long_sleep();
    let project = Project::new(&format!(
        "[process.many]\ncommand = 'until [ -e go ]; do sleep 0.05; done'\nreplicas = 30\n\
         restart = 'on-failure'\nretry = {{ attempts = 200, backoff = {{ initial = '50ms', \
         factor = 1.0, max = '50ms' }} }}\n[process]\nx = 'true || sleep {first}'\n"
    ));
    let mut command = project.pitcrew(["up", "--no-tui", "--events", "events"]);
    common::with_oddities(&mut command, &[Oddity::Descriptors(40, 40)]);
    let up = project.start(command);
    wait_until("one could not", || project.text("events").contains("resource_limit"));
    project.write("go", "");
    let done = up.done();
    done.assert_code(0);
    let events = project.events("events");
    let well = of(&events, "process_completed").into_iter().filter(|e| e["success"] == true);
    assert_eq!(well.count(), 31);
}

/// Runs it under strace, which makes some calls of the engine fail.
fn with_failing(calls: &str, procfile: &str) -> Option<(Project, common::Done)> {
    if !is_executable_there("strace") {
        println!("skipped: strace is not installed");
        return None;
    }
    let project = Project::new(procfile);
    let mut command = project.command("strace");
    command.args(["-f", "-qq", "-o", "trace", "-e", "trace=clone,clone3,pipe2,openat"]);
    command.args(["-e", &format!("inject={calls}")]);
    command.args([common::binary(), "up", "--no-tui", "--events", "events"]);
    let mut probe = project.command("strace");
    probe.args(["-qq", "-o", "/dev/null", "true"]);
    if !project.finished(probe).status.success() {
        println!("skipped: strace may not trace here");
        return None;
    }
    let done = project.finished(command);
    Some((project, done))
}

const SIX: &str = "[process.a]\ncommand = ['sleep', '0.1']\nreplicas = 6\n\
    restart = 'on-failure'\nretry = { attempts = 20, backoff = { initial = '20ms' } }\n";

#[test]
fn calls_that_fail_while_starting_are_named_and_tried_again() {
    // Counted for each thread, of which several make children; the first calls are those of
    // pitcrew's own start.
    for (call, said) in [
        ("pipe2:error=EMFILE:when=6+5", "cannot create its pipes"),
        ("clone:error=EAGAIN:when=3+2", "cannot create another process"),
    ] {
        let Some((project, done)) = with_failing(call, SIX) else { return };
        assert!(project.text("trace").contains("INJECTED"), "{call}");
        done.assert_code(0);
        done.assert_err(said);
        let events = project.events("events");
        let failed = of(&events, "process_failed");
        assert!(!failed.is_empty(), "{call}");
        assert!(failed.iter().all(|e| e["error"] == "resource_limit"), "{failed:#?}");
        let well = of(&events, "process_completed").into_iter().filter(|e| e["success"] == true);
        assert_eq!(well.count(), 6, "{call}");
        assert_eq!(kind(events.last().unwrap()), "project_stopped");
    }
}

#[test]
fn without_room_for_its_own_threads_it_says_so_and_starts_nothing() {
    // The guardian is made by clone, threads are made by clone3.
    let file = "[process]\na = 'touch ran'\n";
    let Some((project, done)) = with_failing("clone3:error=EAGAIN", file) else { return };
    if !project.text("trace").contains("INJECTED") {
        return println!("skipped: threads are made in another way here");
    }
    done.assert_code(1);
    done.assert_err("cannot start its threads");
    assert!(!done.err.contains("panicked"), "{done}");
    assert!(!project.path("ran").exists());
}

#[test]
fn without_room_for_another_thread_it_still_ends_as_it_should() {
    let project = Project::new(
        "[process.a]\ncommand = 'until [ -e go ]; do echo waits; sleep 0.05; done; echo end'\n\
         log = { file = 'a.log' }\n",
    );
    let up = project.up(["--events", "events"]);
    up.wait_err("project ready");
    let engine = up.engine();
    // Without the marker variables of the project: it ends after the traced process.
    let mut strace = std::process::Command::new("strace");
    strace.current_dir(project.dir());
    strace.args(["-f", "-qq", "-o", "trace", "-p", &engine.to_string()]);
    strace.args(["-e", "trace=clone,clone3", "-e", "inject=clone,clone3:error=EAGAIN"]);
    let Ok(mut strace) = strace.spawn() else {
        println!("skipped: strace is not installed");
        project.write("go", "");
        return drop(up.done());
    };
    let threads = format!("/proc/{engine}/task");
    let traced = |status: std::path::PathBuf| {
        std::fs::read_to_string(status).is_ok_and(|text| !text.contains("TracerPid:\t0\n"))
    };
    let mut refused = false;
    wait_until("every thread is traced", || {
        refused = strace.try_wait().unwrap().is_some();
        let all = std::fs::read_dir(&threads).unwrap();
        refused || all.flatten().all(|thread| traced(thread.path().join("status")))
    });
    project.write("go", "");
    let done = up.done();
    if refused {
        return println!("skipped: strace may not trace here");
    }
    strace.wait().unwrap();
    done.assert_code(0);
    assert!(!done.err.contains("panicked"), "{done}");
    assert!(project.text("a.log").ends_with("end\n"));
    assert_eq!(kind(project.events("events").last().unwrap()), "project_stopped");
}

#[test]
fn files_that_cannot_be_opened_stop_nothing() {
    let Some((project, done)) = with_failing("openat:error=EMFILE:when=30+5", SIX) else { return };
    assert!(project.text("trace").contains("INJECTED"));
    done.assert_code(0);
    assert_eq!(of(&project.events("events"), "process_started").len(), 6);
}

#[test]
fn a_file_size_limit_is_a_lost_log_and_no_death() {
    let project =
        Project::new("[process.a]\ncommand = 'seq 200000; echo end'\nlog = { file = 'a.log' }\n");
    let mut shell = project.command("bash");
    shell.args(["-c", &format!("ulimit -f 100; exec {} up --no-tui", common::binary())]);
    let done = project.finished(shell);
    assert_eq!(done.out.lines().count(), 200_001, "{}", done.err);
    done.assert_err("cannot be written");
}

#[test]
fn a_runtime_folder_that_others_can_enter_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new("[process]\na = 'touch ran'\n");
    let runtime = project.dir().parent().unwrap().join("runtime/pitcrew");
    std::fs::create_dir(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o777)).unwrap();
    let done = project.up_done([]);
    done.assert_code(1);
    done.assert_err("not safe to use");
    assert!(!project.path("ran").exists());
}

#[test]
fn a_bounded_fork_bomb_is_ended() {
    let sleep = long_sleep();
    // Two generations a round, 200 at most.
    let project = Project::new(&format!(
        "[process.bomb]\ncommand = '''bomb() {{ [ $1 -gt 6 ] && exec sleep {sleep}; \
         (trap \"\" TERM; bomb $(($1+1))) & (trap \"\" TERM; bomb $(($1+1))) & sleep {sleep}; }}; \
         echo up; bomb 0'''\nstop = {{ grace = '300ms' }}\n"
    ));
    let up = project.up([]);
    up.wait_out("| up");
    wait_until("it has spread", || with_argument(&sleep).len() > 60);
    up.signal(libc::SIGTERM);
    up.done();
    assert!(with_argument(&sleep).is_empty());
}
