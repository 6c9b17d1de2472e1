//! Env files that are pipes, with the real binary.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use crate::common;
use crate::common::{Project, Text};
use rustix::fs::{CWD, FileType, Mode, mknodat};

const FILE: &str = "[project]\nname = 'shop'\nreload = true\nenv_file = 'pipe'\n[process.a]\n\
                    command = 'echo \"a has $A.\"; exec sleep 1000'\n";

fn with_pipe() -> Project {
    let project = Project::empty();
    project.write("procfile.toml", FILE);
    mknodat(CWD, project.path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    project
}

/// Returns when a process has opened it for reading.
fn write_to_pipe(project: &Project, text: &str) {
    let mut pipe = OpenOptions::new().write(true).open(project.path("pipe")).unwrap();
    pipe.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_pipe_is_read_once_for_each_reading_and_says_when_it_waits() {
    let project = with_pipe();
    let up = project.up([]);
    let waits = |n| up.err.wait_for(|text| count(text, "waiting for the env file") == n);
    assert!(waits(1));
    write_to_pipe(&project, "A=one\n");
    up.wait_out("| a has one.");
    up.signal(libc::SIGUSR1);
    assert!(waits(2));
    write_to_pipe(&project, "A=two\n");
    up.wait_out("| a has two.");
    // A reading that hangs holds up nothing, and what was written to the pipe was no change of a
    // file, so it was not read again meanwhile.
    project.ask(["check"]).code(0);
    up.signal(libc::SIGUSR1);
    assert!(waits(3));
    up.signal(libc::SIGINT);
    up.done();
}

fn count(text: &[u8], wanted: &str) -> usize {
    String::from_utf8_lossy(text).matches(wanted).count()
}

#[test]
fn a_reading_that_hangs_at_the_start_ends_with_the_first_signal() {
    let project = with_pipe();
    let up = project.up([]);
    up.wait_err("waiting for the env file");
    up.signal(libc::SIGINT);
    assert_eq!(up.done().signal(), libc::SIGINT);
}

#[test]
fn a_file_that_hangs_is_reported_by_a_background_start_and_by_a_reload() {
    let project = with_pipe();
    let early = project.ask(["up", "--detach", "--timeout", "2s"]).code(124);
    early.err("waiting for the env file").err("was stopped before it had started");
    project.nothing_left_within(common::BOUND);
    std::thread::scope(|scope| {
        let started = scope.spawn(|| project.ask(["up", "--detach", "--wait"]));
        write_to_pipe(&project, "A=one\n");
        started.join().unwrap().code(0);
        let mut reload = project.pitcrew(["reload"]);
        let mut reload = reload.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let said = Text::read(reload.stderr.take().unwrap());
        assert!(said.wait("is still reading its files; waiting for data on the pipe").is_some());
        write_to_pipe(&project, "A=one\n");
        assert!(reload.wait().unwrap().success());
    });
    project.ask(["down"]).code(0);
    project.nothing_left_within(common::BOUND);
}

#[test]
fn a_read_only_query_opens_no_pipe() {
    let project = with_pipe();
    for args in [["check", "--json"], ["graph", "--json"]] {
        project.run(args).assert_code(0);
    }
    // It reports immediately that nothing runs.
    project.run(["ps", "--json"]).assert_code(1);
    project.run(["why", "a"]).assert_code(1);
}

#[test]
fn a_project_in_the_background_reads_an_inherited_pipe_once() {
    let project = Project::empty();
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"A=secret\n").unwrap();
    drop(writer);
    let file = FILE.replace("'pipe'", "'/dev/fd/7'").replace("echo", "exec >out; echo");
    project.write("procfile.toml", &file);
    let mut command = project.pitcrew(["up", "--detach", "--wait"]);
    let inherited = reader.as_raw_fd();
    // SAFETY: one system call between fork and exec.
    #[expect(unsafe_code, reason = "a descriptor under a number of its own")]
    unsafe {
        command.pre_exec(move || {
            libc::dup2(inherited, 7);
            Ok(())
        });
    }
    common::ask::run(command).code(0);
    common::wait_until("it has run", || project.text("out") == "a has secret.\n");
    // It cannot be read again, so a reload uses its previous contents.
    project.ask(["reload"]).code(0).out("no changes");
    project.ask(["down"]).code(0);
    project.nothing_left_within(common::BOUND);
    // Standard input is not that of the project.
    project.write("procfile.toml", &file.replace("/dev/fd/7", "/dev/stdin"));
    project.ask(["up", "--detach"]).code(1).err("another descriptor");
}
