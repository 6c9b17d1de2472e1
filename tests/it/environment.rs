//! What processes and projects in the background inherit: input, descriptors, `PWD`, folders that are not UTF-8. Also
//! a project whose file is standard input.
#![expect(unsafe_code, reason = "descriptors are copied between fork and exec")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::ask::{self, Said};
use crate::common::{
    self, BOUND, Project, Text, alive, carriers, children_of, long_sleep, send, wait_until,
};

#[test]
fn what_lasts_has_an_open_input_and_what_is_run_for_its_result_has_none() {
    let project = Project::new(
        "[process.watcher]\ncommand = 'echo up; cat; echo watcher ended'\n\
         ready = { exec = 'cat; echo checked' }\n\
         stop = { command = 'cat; kill $PITCREW_PID' }\n\
         [process.null]\ncommand = 'cat; echo null ended'\nstdin = 'null'\n\
         [pool.p]\nconcurrency = 1\njobs = ['cat; echo job ended']\n",
    );
    let up = project.up(["--events", "events"]);
    up.wait_out("job ended");
    up.wait_out("null ended");
    up.wait_err("project ready");
    up.signal(libc::SIGTERM);
    let done = up.done();
    assert!(!done.out.contains("watcher ended"), "{done}");
    // Its stop command completed and ended it.
    done.assert_err("watcher stopped with the project: signal TERM");
}

#[test]
fn a_watcher_that_ends_immediately_gets_a_hint() {
    let project = Project::new(
        "[process]\ncss = { command = ['sh', '-c', 'cat', 'css', '--watch'], stdin = 'null' }\n\
         keeps = 'exec sleep 1000'\n",
    );
    let up = project.up(["--events", "events"]);
    up.wait_err("css succeeded");
    up.wait_err("`stdin = \"open\"` keeps them running");
    project.ask(["why", "css"]).code(0).out("its input is empty (`stdin = \"null\"`)");
    up.signal(libc::SIGTERM);
    up.done();
    let events = project.events("events");
    let hint = events.iter().find_map(|event| event["hint"].as_str());
    assert!(hint.is_some_and(|hint| hint.starts_with("its input is empty")), "{events:?}");
}

/// Descriptors 50 to 67 of the command are `fd`.
fn with_descriptors(command: &mut Command, fd: i32) {
    let copy = move || {
        for number in 50..68 {
            // SAFETY: a plain system call between fork and exec.
            if unsafe { libc::dup2(fd, number) } == -1 {
                return Err(std::io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: only system calls between fork and exec.
    unsafe { command.pre_exec(copy) };
}

#[test]
fn a_project_in_the_background_holds_nothing_of_its_starter() {
    let sleep = long_sleep();
    let project = Project::new(&format!("[process]\nweb = 'exec sleep {sleep}'\n"));
    let lock = fs::File::create(project.path("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (read, write) = std::io::pipe().unwrap();
    let mut command = project.pitcrew(["up", "--detach"]);
    with_descriptors(&mut command, write.as_raw_fd());
    let file = lock.as_raw_fd();
    // SAFETY: a plain system call between fork and exec.
    unsafe {
        command.pre_exec(move || match libc::dup2(file, 70) {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    // As `$(pitcrew up --detach)` does, the output is read to its end.
    ask::run(command).code(0);
    drop((write, lock));
    Text::read(read).wait_end();
    let again = fs::File::open(project.path("lock")).unwrap();
    let free = rustix::fs::flock(&again, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    assert!(free.is_ok(), "the lock is held: {free:?}");
    assert_eq!(project.one("web")["state"], "ready");
    project.ask(["down"]).code(0);
    project.nothing_left_within(BOUND);
}

/// `PWD` as a program finds it, which a shell would mend.
fn pwd(file: &Path) -> Option<OsString> {
    let bytes = fs::read(file).ok()?;
    let mut all = bytes.split(|byte| *byte == 0);
    let found = all.find_map(|entry| entry.strip_prefix(b"PWD="))?;
    Some(OsStr::from_bytes(found).to_owned())
}

#[test]
fn pwd_is_the_working_folder_however_it_was_said() {
    let project = Project::new(
        "[process.web]\ncommand = ['cp', '/proc/self/environ', 'env']\ncwd = 'sub'\n\
         [process.link]\ncommand = ['cp', '/proc/self/environ', 'env-link']\ncwd = 'link/../link'\n",
    );
    fs::create_dir(project.path("sub")).unwrap();
    std::os::unix::fs::symlink("sub", project.path("link")).unwrap();
    project.up_done([]).assert_code(0);
    assert_eq!(pwd(&project.path("sub/env")), Some(project.path("sub").into()));
    assert_eq!(pwd(&project.path("sub/env-link")), Some(project.path("link").into()));
    let sub = project.path("sub");
    let exec = |args: &[&str], from: &str| {
        let mut command = project.command(common::binary());
        let copied = project.path("copied");
        _ = fs::remove_file(&copied);
        let words = ["--", "cp", "/proc/self/environ", copied.to_str().unwrap()];
        command.args(args).args(words).env("PWD", from);
        project.finished(command).assert_code(0);
        pwd(&copied)
    };
    assert_eq!(exec(&["exec"], "/"), Some(project.dir().into()));
    assert_eq!(exec(&["exec", "--cwd", "sub"], "/"), Some(sub.clone().into()));
    assert_eq!(exec(&["exec", "--in", "web"], "/"), Some(sub.clone().into()));
    assert_eq!(exec(&["-C", "sub", "exec"], "/"), Some(sub.into()));
    assert_eq!(exec(&["exec", "--env", "PWD=mine"], "/"), Some("mine".into()));
    // By the path that the user entered, as in a shell.
    let way = project.path("../way");
    std::os::unix::fs::symlink(project.dir(), &way).unwrap();
    let way = way.parent().unwrap().canonicalize().unwrap().join("way");
    assert_eq!(exec(&["exec"], way.to_str().unwrap()), Some(way.clone().into()));
    assert_eq!(exec(&["exec", "--in", "web"], way.to_str().unwrap()), Some(way.join("sub").into()));
}

/// `pitcrew` with these arguments and this text as its input.
fn given(project: &Project, args: &[&str], text: &str) -> Said {
    let command = project.command(common::binary());
    let file = project.path("../given");
    fs::write(&file, text).unwrap();
    // A pipe, as a file could be read again.
    let mut command = piped(&command, &file);
    command.args(args);
    ask::run(command)
}

/// The same command with a pipe as its input that contains this file.
fn piped(command: &Command, file: &Path) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "cat \"$0\" | exec \"$@\""]).arg(file).arg(command.get_program());
    shell.env_clear();
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.current_dir(command.get_current_dir().unwrap());
    shell
}

#[test]
fn the_file_can_be_standard_input() {
    let project = Project::empty();
    let sleep = long_sleep();
    fs::create_dir(project.path("sub")).unwrap();
    let text = format!(
        "[process]\nweb = {{ command = 'pwd; exec sleep {sleep}', cwd = 'sub' }}\ncat = 'cat'\n"
    );
    given(&project, &["-f", "-", "check"], &text).code(0);
    given(&project, &["-f", "-", "check"], "[process]\nweb = 1\n").code(2).err("<stdin>:2:7");
    given(&project, &["-f", "-", "-f", "-", "check"], &text).code(2).err("only once");
    let up = given(&project, &["-f", "-", "up", "--no-tui"], "[process]\na = 'pwd'\n").code(0);
    assert_eq!(up.out, format!("a | {}\n", project.dir().display()));
    // In the background the engine is another process, whose input is another one.
    given(&project, &["-f", "-", "up", "--detach"], &text).code(0);
    // A second one is the same project.
    given(&project, &["-f", "-", "up", "--detach"], &text).code(0);
    given(&project, &["-f", "-", "up", "--no-tui"], &text).code(1).err("is already running");
    for args in [&["ps", "--json"][..], &["-f", "-", "ps", "--json"]] {
        let said = ask::run({
            let mut command = project.command(common::binary());
            command.args(args);
            command
        });
        let status = said.json();
        assert_eq!(said.code, 0);
        let mut all = status["processes"].as_array().unwrap().iter();
        assert!(all.all(|one| one["state"] == "ready"), "{status}");
        assert_eq!(status["project"], "project");
        assert!(!said.err.contains("is gone"), "{said:?}");
    }
    project.ask(["logs", "web"]).code(0).out(project.path("sub").to_str().unwrap());
    project.ask(["reload"]).code(1).err("came from standard input, which cannot be read again");
    project.ask(["down"]).code(0);
    project.nothing_left_within(BOUND);
    project.ask(["ps"]).code(2).err("no procfile.toml");
    project.ask(["-f", "-", "ps"]).code(1);
    project.ask(["-f", "/dev/null", "check"]).code(2).err("pass it as standard input: `-f - <");
}

/// The project of a process that is started in the background, in a separate folder.
fn nested(project: &Project, sleep: &str) -> PathBuf {
    let inner = project.path("inner");
    fs::create_dir(&inner).unwrap();
    let text = format!("[process]\ninner = 'sleep {sleep} & exec sleep {sleep}'\n");
    fs::write(inner.join("procfile.toml"), text).unwrap();
    inner
}

#[test]
fn a_project_that_a_process_starts_in_the_background_is_no_stray() {
    let (sleep, outer) = (long_sleep(), long_sleep());
    let project = Project::new(&format!(
        "[process]\nstarts = '{} -C inner up --detach && echo started'\nweb = 'exec sleep {outer}'\n",
        common::binary()
    ));
    nested(&project, &sleep);
    let up = project.up([]);
    up.wait_out("started");
    up.wait_err("starts succeeded");
    let inner = || project.ask(["-C", "inner", "ps", "--json"]);
    let guardian = inner().code(0).json()["pid"].as_u64().unwrap();
    assert_eq!(inner().json()["processes"][0]["state"], "ready");
    up.signal(libc::SIGTERM);
    let mut up = up;
    assert_eq!(up.ended().code(), None, "by the signal");
    let said = up.err.lossy();
    assert!(!said.contains("ended with the project"), "{said}");
    up.forget();
    // It went on, with all that is its own; and still leaves nothing when its engine is killed.
    assert_eq!(inner().code(0).json()["processes"][0]["state"], "ready");
    wait_until("both sleep", || common::with_argument(&sleep).len() == 2);
    let guardian = u32::try_from(guardian).unwrap();
    let engine = children_of(guardian).first().copied().unwrap();
    assert!(alive(engine));
    send(engine, libc::SIGKILL);
    project.nothing_left_within(BOUND);
    assert!(common::with_argument(&sleep).is_empty() && carriers(&project.mark).is_empty());
}

#[test]
fn a_project_in_the_background_outlives_a_killed_outer_one() {
    let sleep = long_sleep();
    let project = Project::new(&format!(
        "[process]\nstarts = '{} -C inner up --detach && echo started'\nweb = 'exec sleep 1000'\n",
        common::binary()
    ));
    nested(&project, &sleep);
    let up = project.up([]);
    up.wait_out("started");
    up.wait_err("starts succeeded");
    send(up.engine(), libc::SIGKILL);
    up.forget();
    let status = project.ask(["-C", "inner", "ps", "--json"]).code(0).json();
    assert_eq!(status["processes"][0]["state"], "ready");
    project.ask(["-C", "inner", "down"]).code(0);
    project.nothing_left_within(BOUND);
}

#[test]
fn a_folder_and_variables_that_are_no_utf_8_are_like_any_other() {
    let sleep = long_sleep();
    let project = Project::empty();
    let odd = project.dir().join(OsString::from_vec(b"f\xff\xfe".to_vec()));
    fs::create_dir(&odd).unwrap();
    let text = format!(
        "[project]\nlog = {{ dir = 'logs' }}\n\
         [process.web]\ncommand = '''pwd; printf '%s\\n' \"$ODD\"; exec sleep {sleep}'''\n\
         watch = ['*.txt']\nready = {{ file = 'procfile.toml' }}\n\
         [process.once]\ncommand = 'echo once'\nautostart = false\n"
    );
    fs::write(odd.join("procfile.toml"), text).unwrap();
    let value = OsString::from_vec(b"v\xff=\x01".to_vec());
    let pitcrew = |args: &[&str]| {
        let mut command = project.command(common::binary());
        command.current_dir(&odd).args(args).env("ODD", &value);
        command.env(OsString::from_vec(b"N\xff".to_vec()), "1");
        command
    };
    let say = |args: &[&str]| ask::run(pitcrew(args));
    say(&["check"]).code(0);
    say(&["up", "--detach", "--wait"]).code(0);
    let status = say(&["ps", "--json"]).code(0).json();
    assert_eq!(status["processes"][0]["state"], "ready");
    say(&["ps"]).code(0);
    say(&["why", "web"]).code(0);
    say(&["run", "once"]).code(0).out("once");
    say(&["events"]).code(0);
    say(&["reload"]).code(0).out("no changes");
    let log = || fs::read(odd.join("logs/web.log")).unwrap_or_default();
    let wanted = [odd.as_os_str().as_bytes(), b"\n", value.as_bytes(), b"\n"].concat();
    wait_until("its log is written", || log().starts_with(&wanted));
    say(&["logs", "web"]).code(0);
    fs::write(odd.join("a.txt"), "").unwrap();
    wait_until("it runs anew", || say(&["ps", "--json"]).json()["processes"][0]["run"] == 2);
    say(&["up", "--no-tui"]).code(1).err("is already running");
    say(&["down"]).code(0);
    project.nothing_left_within(BOUND);
    // Read from the files of the log, in the folder of that name.
    say(&["logs", "web"]).code(0);
    say(&["exec", "--in", "web", "--", "pwd"]).code(0);
    let done = project.finished(pitcrew(&["up", "--no-tui", "once"]));
    done.assert_code(0);
}

#[test]
fn a_unix_socket_is_reached_however_long_its_path_is() {
    let project = Project::new("");
    let deep = project.path(&"d".repeat(120));
    fs::create_dir(&deep).unwrap();
    let text = format!(
        "[process.web]\ncommand = 'exec sleep 1000'\nready = {{ unix = '{}/s', foreign = true }}\n",
        deep.display()
    );
    project.write("procfile.toml", &text);
    // Bound by a short name, as a server does that is in that folder.
    let link = project.path("l");
    std::os::unix::fs::symlink(&deep, &link).unwrap();
    let up = project.up([]);
    up.wait_err("web started");
    wait_until("there is an answer", || {
        project.one("web")["why"]
            .as_str()
            .is_some_and(|why| why.contains("the socket does not exist"))
    });
    let listener = std::os::unix::net::UnixListener::bind(link.join("s")).unwrap();
    up.wait_err("web is ready");
    drop(listener);
    up.signal(libc::SIGTERM);
    up.done();
}

#[test]
fn a_terminal_less_run_has_the_input_of_its_caller() {
    let project = Project::new("[process]\na = 'cat'\n");
    let mut command = project.pitcrew(["run", "a"]);
    command.stdin(Stdio::piped());
    let mut run = project.start_with_input(command);
    run.stdin().write_all(b"hello\n").unwrap();
    let done = run.done();
    done.assert_code(0);
    assert_eq!(done.out, "hello\n");
}
