//! Stopping process trees: stop commands, strays, and processes that may keep running.

use std::time::{Duration, Instant};

use crate::common::events::{about, only};
use crate::common::{self, Project, Running, alive, long_sleep, wait_until, with_argument};

fn started(up: &Running, names: &[&str]) {
    for name in names {
        up.wait_err(&format!("{name} started"));
    }
}

#[test]
fn a_process_that_forks_again_when_stopped_leaves_nothing() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'trap \"setsid sleep {sleep} & sleep {sleep} & exit\" TERM; \
         echo up; while :; do sleep 0.02; done'\nstop = {{ grace = '300ms' }}\n"
    ));
    let up = project.up([]);
    up.wait_out("| up");
    up.signal(libc::SIGTERM);
    up.done();
    assert!(with_argument(&sleep).is_empty());
}

#[test]
fn a_daemon_that_cleared_its_environment_is_ended_with_the_project() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'env -i setsid sh -c \"sleep {sleep} & sleep {sleep} &\"; \
         echo up; exec sleep {sleep}'\n"
    ));
    let up = project.up([]);
    up.wait_out("| up");
    wait_until("all sleep", || with_argument(&sleep).len() == 3);
    up.signal(libc::SIGTERM);
    up.done();
    assert!(with_argument(&sleep).is_empty());
}

#[test]
fn a_stop_command_replaces_the_signal_and_has_folder_and_environment() {
    let project = Project::new(
        "[process.a]\ncommand = 'trap \"echo got TERM\" TERM; echo up; while [ ! -e end ]; do \
         sleep 0.02; done; echo saw $(cat end)'\n\
         env = { MINE = 'yes' }\nstop = { command = 'echo $MINE $PITCREW_PROCESS > end' }\n",
    );
    let up = project.up(["--events", "events"]);
    up.wait_out("| up");
    up.signal(libc::SIGTERM);
    let done = up.done();
    done.assert_out("saw yes a");
    assert!(!done.out.contains("got TERM"), "{done}");
    let events = project.events("events");
    assert!(only(&events, "process_stopping", "a").get("signal").is_none());
}

#[test]
fn a_failed_stop_command_is_reported_and_the_grace_period_still_ends_the_run() {
    let project = Project::new(
        "[process.a]\ncommand = 'trap \"\" TERM; echo up; while :; do sleep 0.02; done'\n\
         stop = { command = 'echo no way >&2; exit 3', grace = '300ms' }\n",
    );
    let up = project.up([]);
    up.wait_out("| up");
    let asked = Instant::now();
    up.signal(libc::SIGTERM);
    let done = up.done();
    assert!(asked.elapsed() >= Duration::from_millis(300));
    done.assert_err("stop command");
    done.assert_err("exit 3: no way");
}

#[test]
fn a_stop_command_that_cannot_start_gives_way_to_the_signal() {
    let project = Project::new(
        "[process.a]\ncommand = 'trap \"echo got TERM; exit\" TERM; echo up; while :; do sleep \
         0.02; done'\nstop = { command = ['no-such-program-here'], grace = '30s' }\n",
    );
    let up = project.up([]);
    up.wait_out("| up");
    up.signal(libc::SIGTERM);
    let done = up.done();
    done.assert_out("got TERM");
    done.assert_err("TERM is sent instead");
}

#[test]
fn a_stop_command_that_hangs_goes_with_the_grace() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'exec sleep {sleep}'\n\
         stop = {{ command = 'sleep {sleep} & sleep {sleep}', grace = '300ms' }}\n"
    ));
    let up = project.up([]);
    started(&up, &["a"]);
    up.signal(libc::SIGTERM);
    up.done();
    assert!(with_argument(&sleep).is_empty());
}

// ---- strays -------------------------------------------------------------------------------------

#[test]
fn a_leader_that_exits_is_reported_though_a_grandchild_holds_its_pipe() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'sleep {sleep} & echo up; exit 3'\n[process]\n\
         other = 'exec sleep {}'\n",
        long_sleep()
    ));
    let up = project.up(["--events", "events"]);
    up.wait_out("| up");
    // 250 ms later, where the machine is not busy; the stray would be there for a day.
    wait_until("it is reported", || project.text("events").contains("process_completed"));
    assert!(with_argument(&sleep).is_empty());
    up.signal(libc::SIGTERM);
    let done = up.done();
    done.assert_err("left process");
    let events = project.events("events");
    let end = only(&events, "process_completed", "a");
    assert_eq!((&end["exit_code"], &end["leaked"]), (&3.into(), &true.into()));
    let stray = &end["strays"][0];
    assert!(stray["pid"].is_u64(), "{end}");
    assert!(stray["command"].as_str().unwrap().contains(&sleep), "{end}");
}

#[test]
fn ten_restarts_never_show_two_of_a_stray() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'setsid sleep {sleep} & sleep {sleep} & echo run $PITCREW_RUN; \
         exit 1'\nrestart = 'always'\nretry = {{ attempts = 9, backoff = {{ initial = '1ms', \
         max = '1ms' }} }}\n"
    ));
    let mut up = project.up(["--events", "events"]);
    let mut most = 0;
    while !project.text("events").contains("process_gave_up") {
        most = most.max(with_argument(&sleep).len());
        assert!(most <= 2, "{most} at once");
        assert!(up.err.lossy().len() < 1 << 20);
    }
    assert_eq!(up.ended().code(), Some(1));
    up.done();
    let events = project.events("events");
    assert_eq!(about(&events, "process_started", "a").len(), 10);
    for end in about(&events, "process_completed", "a") {
        assert_eq!(end["strays"].as_array().unwrap().len(), 2, "{end}");
    }
}

#[test]
fn strays_group_ends_the_group_and_leaves_the_rest() {
    let (near, far) = (long_sleep(), long_sleep());
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'setsid sh -c \"touch far; exec sleep {far}\" & sleep {near} & \
         until [ -e far ]; do sleep 0.02; done'\n\
         stop = {{ strays = 'group' }}\n"
    ));
    let mut up = project.up([]);
    assert_eq!(up.ended().code(), Some(0));
    up.wait_err(") running");
    up.forget();
    assert!(with_argument(&near).is_empty());
    wait_until("the other sleeps", || with_argument(&far).len() == 1);
    let left = with_argument(&far);
    common::send(left[0], libc::SIGKILL);
    project.nothing_left_within(common::BOUND);
}

#[test]
fn strays_leave_leaves_all_and_names_them() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process.a]\ncommand = 'setsid sleep {sleep} & sleep {sleep} & sleep 0.1'\n\
         stop = {{ strays = 'leave' }}\n"
    ));
    let mut up = project.up(["--events", "events"]);
    assert_eq!(up.ended().code(), Some(0));
    wait_until("both are named", || up.err.count(") running") == 2);
    up.forget();
    wait_until("both sleep", || with_argument(&sleep).len() == 2);
    let left = with_argument(&sleep);
    let events = project.events("events");
    assert_eq!(only(&events, "process_completed", "a")["strays"].as_array().unwrap().len(), 2);
    for pid in left {
        assert!(alive(pid));
        common::send(pid, libc::SIGKILL);
    }
    project.nothing_left_within(common::BOUND);
}

#[test]
fn programs_to_keep_are_left_and_named() {
    let (kept, gone) = (long_sleep(), long_sleep());
    let project = Project::new(&format!(
        "[process.a]\ncommand = './shared-daemon {kept} & one=$!; sleep {gone} & \
         until grep -q shared-daemon /proc/$one/comm; do sleep 0.02; done'\n\
         stop = {{ keep = ['shared-daemon'] }}\n"
    ));
    std::os::unix::fs::symlink("/bin/sleep", project.path("shared-daemon")).unwrap();
    let mut up = project.up([]);
    assert_eq!(up.ended().code(), Some(0));
    let said = up.wait_err(") running");
    assert!(said.contains("shared-daemon"), "{said}");
    up.forget();
    assert!(with_argument(&gone).is_empty());
    let left = with_argument(&kept);
    assert_eq!(left.len(), 1);
    common::send(left[0], libc::SIGKILL);
    project.nothing_left_within(common::BOUND);
}
