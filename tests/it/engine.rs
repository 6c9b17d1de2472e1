//! One engine per project: with other environments, removed or renamed files, and suspended or killed processes of
//! pitcrew.
#![expect(unsafe_code, reason = "tests")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::common::ask::run;
use crate::common::pty::Terminal;
use crate::common::{self, BOUND, Project, Running, long_sleep, send, wait_until, with_argument};

fn up() -> (Project, Running, String) {
    let sleep = long_sleep();
    let project =
        Project::new(&format!("[project]\nname = 'shop'\n[process]\nweb = 'sleep {sleep}; :'\n"));
    let running = project.up(["--keep"]);
    running.wait_err("web started");
    project.ask(["wait", "web"]).code(0);
    wait_until("it sleeps", || !with_argument(&sleep).is_empty());
    (project, running, sleep)
}

/// The folder that holds those of the project and of its user.
fn base(project: &Project) -> PathBuf {
    project.dir().parent().unwrap().to_owned()
}

/// The same command of a user whose variables are others.
fn elsewhere(project: &Project, mut command: Command) -> Command {
    let other = base(project).join("other");
    std::fs::create_dir_all(&other).unwrap();
    command.env_remove("XDG_RUNTIME_DIR").env_remove("XDG_STATE_HOME");
    command.env("HOME", &other).env("TMPDIR", &other);
    command
}

#[test]
fn another_environment_finds_the_same_engine_and_starts_no_second() {
    let (project, running, _) = up();
    let pid = running.guardian().to_string();
    let ps = run(elsewhere(&project, project.pitcrew(["ps", "--json"])));
    assert_eq!(ps.code(0).json()["pid"].to_string(), pid);
    let again = run(elsewhere(&project, project.pitcrew(["up", "--no-tui"])));
    again.code(1).err(&format!("shop is already running (pid {pid}"));
    run(elsewhere(&project, project.pitcrew(["down"]))).code(0);
    running.done().assert_code(0);
}

#[test]
fn what_was_cleaned_away_is_made_again_and_hides_nothing() {
    let (project, running, _) = up();
    let socket = project.socket();
    for folder in ["runtime/pitcrew", "state/pitcrew"] {
        std::fs::remove_dir_all(base(&project).join(folder)).unwrap();
    }
    project.ask(["ps"]).code(0);
    project.ask(["up", "--no-tui"]).code(1);
    wait_until("the socket is there again", || socket.exists());
    std::fs::remove_file(&socket).unwrap();
    wait_until("and again", || socket.exists());
    let states = base(&project).join("state/pitcrew");
    let state = states.join(socket.parent().unwrap().file_name().unwrap());
    wait_until("the record too", || state.join("lock").exists() && state.join("journal").exists());
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
    assert!(!socket.exists());
}

#[test]
fn a_missing_file_is_reported_and_processes_continue() {
    let (project, running, _) = up();
    std::fs::remove_file(project.path("procfile.toml")).unwrap();
    running.wait_err("procfile.toml is gone; running processes continue");
    project.ask(["ps"]).code(0).err("procfile.toml is gone");
    project.ask(["why", "web"]).code(0).err("procfile.toml is gone");
    let status = project.ask(["ps", "--json"]).code(0).json();
    assert!(status["file_gone"].as_str().unwrap().ends_with("procfile.toml is gone"), "{status}");
    project.ask(["reload"]).code(2).err("procfile.toml is gone");
    project.ask(["up", "--no-tui"]).code(2).err("is still running; `pitcrew down` ends it");
    project.write("procfile.toml", "[project]\nname = 'shop'\n[process]\nweb = 'x'\n");
    running.wait_err("procfile.toml is there again");
    std::fs::remove_file(project.path("procfile.toml")).unwrap();
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
}

#[test]
fn a_renamed_folder_is_the_same_project_by_its_new_path_and_its_old_one() {
    let (project, running, _) = up();
    let (dir, old) = (project.dir(), project.path("procfile.toml"));
    let renamed = dir.with_file_name("renamed");
    std::fs::rename(&dir, &renamed).unwrap();
    let in_new = |args: &[&str]| {
        let mut command = Command::new(common::binary());
        command.current_dir(&renamed).args(args).env_clear();
        command.env("XDG_RUNTIME_DIR", renamed.with_file_name("runtime"));
        command.env("XDG_STATE_HOME", renamed.with_file_name("state"));
        run(command)
    };
    running.wait_err("procfile.toml is gone: its folder is now ");
    let pid = in_new(&["ps", "--json"]).code(0).json()["pid"].to_string();
    assert_eq!(pid, running.guardian().to_string());
    in_new(&["up", "--no-tui"]).code(1).err("it was started from");
    let by_old = ["-f", old.to_str().unwrap(), "ps"];
    in_new(&by_old).code(0);
    in_new(&["down"]).code(0);
    std::fs::rename(&renamed, &dir).unwrap();
    running.done().assert_code(0);
}

#[test]
fn two_files_in_one_folder_are_two_projects() {
    let (project, running, sleep) = up();
    let other = format!("[process]\nb = 'sleep {sleep}; :'\n");
    project.write("b.toml", &other);
    let second = project.start(project.pitcrew(["-f", "b.toml", "up", "--no-tui", "--keep"]));
    second.wait_err("b started");
    let names = |args: [&str; 4]| {
        let status = project.ask(args).code(0).json();
        status["processes"][0]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(names(["-f", "b.toml", "ps", "--json"]), "b");
    assert_eq!(names(["-f", "procfile.toml", "ps", "--json"]), "web");
    project.ask(["-f", "b.toml", "down"]).code(0);
    second.forget();
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
}

#[test]
fn a_stopped_engine_is_reported_with_its_pid_and_ended_by_down_kill() {
    let (project, running, sleep) = up();
    let engine = running.engine();
    send(engine, libc::SIGSTOP);
    for args in [["ps", "--json"], ["why", "web"], ["wait", "web"], ["stop", "web"]] {
        let said = project.ask(args).code(1).err(&format!("pid {engine} is stopped"));
        said.err(&format!("kill -CONT {engine}"));
    }
    project.ask(["down"]).code(1);
    project.ask(["down", "--kill"]).code(0);
    assert!(with_argument(&sleep).is_empty());
    running.done();
}

#[test]
fn a_stopped_engine_goes_on_when_it_is_continued() {
    let (project, running, _) = up();
    send(running.engine(), libc::SIGSTOP);
    project.ask(["ps"]).code(1);
    send(running.engine(), libc::SIGCONT);
    project.ask(["ps"]).code(0);
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
}

#[test]
fn a_stopped_guardian_blocks_nothing() {
    let (project, running, _) = up();
    send(running.guardian(), libc::SIGSTOP);
    project.ask(["ps"]).code(0);
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
}

#[test]
fn the_third_signal_ends_what_an_engine_that_hangs_has_left() {
    let (_project, running, sleep) = up();
    let engine = running.engine();
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let held = std::sync::Arc::clone(&over);
    let holder = std::thread::spawn(move || {
        while !held.load(std::sync::atomic::Ordering::Relaxed) {
            // SAFETY: signals a process that this test started and whose parent has not reaped it.
            if unsafe { libc::kill(engine.cast_signed(), libc::SIGSTOP) } != 0 {
                return;
            }
            std::thread::yield_now();
        }
    });
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        running.signal(signal);
        std::thread::sleep(Duration::from_millis(50));
    }
    running.done();
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    holder.join().unwrap();
    assert!(with_argument(&sleep).is_empty());
}

/// A shell with job control, in which the project is started.
fn shell(project: &Project, line: &str) -> Terminal {
    let mut shell = project.command("/bin/bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "prompt> ").env("TERM", "dumb");
    let mut terminal = Terminal::start(shell);
    terminal.wait("prompt> ");
    terminal.type_in(&line.replace("UP", &format!("{} up --no-tui", common::binary())));
    terminal
}

#[test]
fn a_kill_of_the_job_of_the_shell_leaves_nothing() {
    for (line, then) in
        [("UP &\n", "kill -9 %1\n"), ("UP &\n", "kill -9 -- -$!\n"), ("timeout -s KILL 3 UP\n", "")]
    {
        let sleep = long_sleep();
        let project =
            Project::new(&format!("[process]\nweb = 'setsid sleep {sleep} & echo up; wait'\n"));
        let mut terminal = shell(&project, line);
        terminal.wait("web | up");
        terminal.type_in(then);
        terminal.wait("guardian is gone");
        wait_until("nothing is left", || with_argument(&sleep).is_empty());
        terminal.type_in("exit\n");
        terminal.ended();
        project.nothing_left_within(BOUND);
    }
}

#[test]
fn in_the_background_of_a_terminal_with_tostop_it_stops_and_goes_on_in_the_foreground() {
    let sleep = long_sleep();
    let project = Project::new(&format!("[process]\nweb = 'echo up; exec sleep {sleep}'\n"));
    let mut terminal = shell(&project, "stty tostop; UP &\n");
    wait_until("it is stopped", || {
        terminal.type_in("jobs\n");
        std::thread::sleep(Duration::from_millis(50));
        terminal.shown.lossy().contains("Stopped")
    });
    assert!(!terminal.shown.lossy().contains("web | up"));
    terminal.type_in("fg\n");
    terminal.wait("web | up");
    terminal.type_in("\x03");
    terminal.wait("signal INT: stopping web");
    terminal.type_in("exit\n");
    terminal.ended();
    project.nothing_left_within(BOUND);
}

#[test]
fn a_restart_that_cannot_be_carried_out_costs_no_run() {
    let sleep = long_sleep();
    let file = |cwd: &str| {
        format!(
            "[process.web]\ncommand = ['./server', '-c', 'exec sleep {sleep}']\nwatch = ['src/*']\n\
             [process.sub]\ncommand = 'exec sleep {sleep}'\ncwd = '{cwd}'\n"
        )
    };
    let project = Project::new(&file("sub"));
    std::fs::create_dir(project.path("src")).unwrap();
    std::fs::create_dir(project.path("sub")).unwrap();
    let server = project.path("server");
    std::os::unix::fs::symlink("/bin/sh", &server).unwrap();
    let running = project.up([]);
    running.wait_err("project ready");
    std::fs::rename(&server, project.path("away")).unwrap();
    std::fs::rename(project.path("sub"), project.path("sub.away")).unwrap();
    for (name, reason) in [("web", "no such program"), ("sub", "does not exist")] {
        project.ask(["restart", name]).code(1).err(reason).err("it keeps running");
    }
    project.write("src/x", "");
    running.wait_err("src/x changed, but web cannot be restarted");
    std::fs::rename(project.path("sub.away"), project.path("sub")).unwrap();
    project.write("procfile.toml", &file("nowhere"));
    project.ask(["reload"]).code(2).err("sub cannot be restarted");
    for name in ["web", "sub"] {
        assert_eq!(project.one(name)["run"], 1);
    }
    std::fs::rename(project.path("away"), &server).unwrap();
    project.ask(["restart", "web"]).code(0);
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
}

/// As many as elsewhere (mprocs: 28) do not run of 30, but most do.
#[test]
fn with_forty_descriptors_most_of_thirty_processes_run() {
    let sleep = long_sleep();
    let one = |n| {
        format!(
            "[process.p{n}]\ncommand = 'echo out; echo err >&2; exec sleep {sleep}'\nrestart = 'on-failure'\n"
        )
    };
    let project = Project::new(&(1..=30).map(one).collect::<String>());
    let mut command = project.command("prlimit");
    command.args(["-n40:40", common::binary(), "up", "--no-tui", "--keep"]);
    let running = project.start(command);
    running.wait_err("open files and may have 40");
    wait_until("twenty run", || with_argument(&sleep).len() >= 20);
    running.wait_out("p1  | err");
    running.wait_err("too many open files");
    let status = project.ask(["ps", "--json"]).code(0).json();
    let all = status["processes"].as_array().unwrap();
    let up: Vec<_> = all.iter().filter(|one| one["state"] == "ready").collect();
    assert!(up.len() >= 20, "{}", up.len());
    let up_name = up[0]["name"].as_str().unwrap().to_owned();
    // Whether there are descriptors for a second run depends on which of the others try just then.
    // Refused or restarted, the process is up afterwards.
    let restart = project.ask(["restart", up_name.as_str()]);
    if restart.code != 0 {
        restart.code(1).err("it keeps running");
    }
    wait_until("it is up", || project.one(&up_name)["state"] == "ready");
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
}
