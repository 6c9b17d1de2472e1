//! If pitcrew itself is killed, no process is left.

use std::time::Duration;

use crate::common::events::{about, of};
use crate::common::{
    self, Project, Running, alive, descriptors, long_sleep, memory_kib, send, times, wait_until,
    with_argument,
};

/// The time after a SIGKILL of one of pitcrew's processes when nothing may be left.
const PROMISED: Duration = Duration::from_secs(2);

/// Children that do not want to go: deaf to TERM, with grandchildren, gone to a session of their
/// own by a double fork, and with an empty environment.
fn stubborn_tree(sleep: &str) -> String {
    format!(
        "[process.deaf]\ncommand = 'trap \"\" TERM INT HUP; sleep {sleep} & echo up; \
         while :; do sleep {sleep}; done'\n\
         [process.daemon]\ncommand = 'setsid sh -c \"(trap \\\"\\\" TERM; setsid sleep {sleep} & \
         sleep {sleep}) & exit\"; echo up; exec sleep {sleep}'\n\
         [process.hidden]\ncommand = 'env -i setsid sleep {sleep} & echo up; exec sleep {sleep}'\n"
    )
}

fn all_up(up: &Running, sleep: &str) {
    for name in ["deaf", "daemon", "hidden"] {
        up.wait_out(&format!("{name:6} | up"));
    }
    wait_until("all sleep", || with_argument(sleep).len() >= 7);
}

#[test]
fn nothing_is_left_after_kill_9_of_the_engine() {
    for _ in 0..times(8) {
        let sleep = long_sleep();
        let project = Project::new(&stubborn_tree(&sleep));
        let mut up = project.up([]);
        all_up(&up, &sleep);
        send(up.engine(), libc::SIGKILL);
        // The guardian ends as the engine did, after everything is gone.
        assert_eq!(up.ended_within(PROMISED * 5).to_string(), "signal: 9 (SIGKILL)");
        assert!(with_argument(&sleep).is_empty());
        up.done();
    }
}

#[test]
fn nothing_is_left_after_kill_9_of_the_guardian() {
    for _ in 0..times(8) {
        let sleep = long_sleep();
        let project = Project::new(&stubborn_tree(&sleep));
        let up = project.up([]);
        all_up(&up, &sleep);
        send(up.guardian(), libc::SIGKILL);
        up.forget();
        // Of a machine that has a processor for it.
        project.nothing_left_within(PROMISED * 5);
        assert!(with_argument(&sleep).is_empty());
        // The lock is free again, and there is nothing to recover.
        project.write("procfile.toml", "[process]\na = 'echo again'\n");
        let done = project.up_done([]);
        done.assert_code(0);
        assert!(!done.err.contains("left by a previous session"), "{done}");
    }
}

#[test]
fn strays_that_are_to_be_left_survive_a_kill_9() {
    for victim in ["engine", "guardian"] {
        let (kept, gone) = (long_sleep(), long_sleep());
        let project = Project::new(&format!(
            "[process.a]\ncommand = 'setsid sleep {kept} & echo up; exec sleep {gone}'\n\
             stop = {{ strays = 'leave' }}\n"
        ));
        let up = project.up([]);
        up.wait_out("| up");
        wait_until("both sleep", || {
            with_argument(&kept).len() == 1 && with_argument(&gone).len() == 1
        });
        send(if victim == "engine" { up.engine() } else { up.guardian() }, libc::SIGKILL);
        up.forget();
        let left = with_argument(&kept);
        assert_eq!(left.len(), 1, "after the end of the {victim}");
        wait_until("the others are gone", || project.carriers() == left);
        assert!(with_argument(&gone).is_empty());
        send(left[0], libc::SIGKILL);
        project.nothing_left_within(common::BOUND);
    }
}

/// The states that the threads of a process are in, each once.
fn threads(pid: u32) -> String {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lines = tasks.flat_map(|task| std::fs::read_to_string(task.path().join("stat")));
    let state = |line: String| line.rsplit(')').next().and_then(|rest| rest.trim().chars().next());
    lines.filter_map(state).collect::<std::collections::BTreeSet<char>>().into_iter().collect()
}

/// Forks and ends every few milliseconds for some 20 seconds, with nothing else to be found by: who
/// looks slowly never meets it. Each hop is a byte in `hops`.
const HOPS: &str = "mkfifo f; exec 9<>f; hop() { (( $1 > 0 )) || exit; echo >> hops; read -t 0.004 -u 9; \
    hop $(($1 - 1)) & }; (hop 4000 &); (hop 4000 &); (hop 4000 &); echo hops; exec sleep 100";

#[test]
fn after_kill_9_of_both_the_next_up_ends_what_was_left_and_says_so() {
    for _ in 0..times(3) {
        let sleep = long_sleep();
        let project = Project::new(&format!(
            "[process.a]\ncommand = 'setsid sleep {sleep} & echo up; exec sleep {sleep}'\n\
             [process.hops]\ncommand = ['bash', '-c', '{HOPS}']\n"
        ));
        // Looks like ours, is none of ours.
        let decoy_sleep = sleep.clone();
        let mut decoy = std::process::Command::new("sleep");
        common::in_own_session(decoy.arg(&decoy_sleep));
        let mut decoy = decoy.spawn().unwrap();
        let up = project.up([]);
        up.wait_out("| up");
        up.wait_out("| hops");
        wait_until("all sleep", || with_argument(&sleep).len() == 3);
        let (guardian, engine) = (up.guardian(), up.engine());
        // Stopped first, so that neither can do anything about the end of the other.
        for pid in [guardian, engine] {
            send(pid, libc::SIGSTOP);
        }
        wait_until("both stand still", || threads(guardian) == "T" && threads(engine) == "T");
        // The engine first: the kernel continues it when its group loses its parent.
        for pid in [engine, guardian] {
            send(pid, libc::SIGKILL);
        }
        up.forget();
        // The lock is released with the last thread.
        let is_over = |pid| matches!(threads(pid).as_str(), "" | "Z" | "X");
        wait_until("both have ended", || is_over(guardian) && is_over(engine));
        // The direct child dies with the engine.
        wait_until("the child is gone", || with_argument(&sleep).len() == 2);
        // A missed descendant would keep forking.
        let counts = "wc -c < hops; sleep 0.1; wc -c < hops";
        project.write("procfile.toml", &format!("[process]\nb = '{counts}'\n"));
        let done = project.up_done([]);
        let hops: Vec<&str> = done.out.lines().collect();
        assert!(hops.len() == 2 && hops[0] == hops[1], "{done}");
        done.assert_code(0);
        done.assert_err(&format!("(sleep {sleep}), left by a previous session"));
        assert_eq!(with_argument(&sleep), [decoy.id()]);
        decoy.kill().unwrap();
        decoy.wait().unwrap();
    }
}

#[test]
fn kill_9_of_the_engine_of_exec_leaves_nothing() {
    let sleep = long_sleep();
    let project = Project::empty();
    let script = format!("setsid sleep {sleep} & echo up; exec sleep {sleep}");
    let mut exec = project.start(project.pitcrew(["exec", "--", "sh", "-c", &script]));
    exec.wait_out("up");
    send(exec.engine(), libc::SIGKILL);
    assert_eq!(exec.ended().to_string(), "signal: 9 (SIGKILL)");
    exec.done();
    assert!(with_argument(&sleep).is_empty());
}

#[test]
fn kill_9_while_it_starts_children_leaves_nothing() {
    let sleep = long_sleep();
    let project =
        Project::new(&format!("[process.a]\ncommand = 'exec sleep {sleep}'\nreplicas = 60\n"));
    for round in 0..times(10) {
        let mut up = project.up([]);
        // At another moment each time: after this many processes are up.
        let wanted = round as usize * 5 % 60;
        wait_until("some are up", || with_argument(&sleep).len() >= wanted);
        let engine = up.engine();
        send(engine, libc::SIGKILL);
        up.ended();
        up.done();
        project.nothing_left_within(Duration::ZERO);
    }
}

#[test]
fn crashes_and_restarts_leave_no_zombie_descriptor_or_memory() {
    let cycles = times(1_000) as usize;
    let project = Project::new(&format!(
        "[process.a]\ncommand = ['sh', '-c', 'echo run; exit 1']\nrestart = 'always'\n\
         retry = {{ attempts = {cycles}, backoff = {{ initial = '0ms', factor = 1.0, max = '0ms', \
         jitter = 0.0 }} }}\n\
         [process]\nidle = 'exec sleep {}'\n",
        long_sleep()
    ));
    let up = project.up(["--quiet", "--events", "events"]);
    let engine = up.engine();
    wait_until("a few are over", || project.text("events").lines().count() > 100);
    let (descriptors_before, memory_before) = (descriptors(engine), memory_kib(engine, "VmRSS"));
    wait_until("all are over", || project.text("events").contains("process_gave_up"));
    let zombies = common::below(up.guardian()).into_iter().filter(|one| one.state == 'Z').count();
    assert_eq!(zombies, 0);
    // A look at the others, as for strays, has one open for a moment.
    wait_until("no descriptor is left", || descriptors(engine) <= descriptors_before);
    let memory = memory_kib(engine, "VmRSS");
    println!("descriptors {descriptors_before}, {memory_before} -> {memory} KiB");
    // Each run leaves a line of text in the kept output, which is not a leak.
    assert!(memory < memory_before + 8 * 1024, "{memory_before} -> {memory} KiB");
    up.signal(libc::SIGTERM);
    up.done();
    let events = project.events("events");
    assert_eq!(about(&events, "process_completed", "a").len(), cycles + 1);
    assert_eq!(of(&events, "process_failed").len(), 0);
}

#[test]
fn a_thousand_processes_start_and_stop_and_leave_nothing() {
    let sleep = long_sleep();
    let project =
        Project::new(&format!("[process.a]\ncommand = ['sleep', '{sleep}']\nreplicas = 1000\n"));
    let up = project.up(["--events", "events"]);
    up.wait_err("project ready");
    assert_eq!(with_argument(&sleep).len(), 1_000);
    up.signal(libc::SIGTERM);
    assert_eq!(up.done().signal(), libc::SIGTERM);
    assert!(with_argument(&sleep).is_empty());
    let events = project.events("events");
    assert_eq!(of(&events, "process_started").len(), 1_000);
    assert_eq!(of(&events, "process_killed").len(), 1_000);
}

#[test]
fn orphans_adopted_by_the_engine_are_reaped_while_it_runs() {
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'for i in 1 2 3 4 5 6 7 8 9 10; do setsid sh -c \"sleep 0.1 & exit\"; \
         done; echo made; exec sleep {}'\n",
        long_sleep()
    ));
    let up = project.up([]);
    up.wait_out("| made");
    let guardian = up.guardian();
    wait_until("only the engine, its child and no zombie is left", || {
        let below = common::below(guardian);
        below.len() == 2 && below.iter().all(|one| one.state != 'Z')
    });
    assert!(alive(up.engine()));
    up.signal(libc::SIGTERM);
    up.done();
}
