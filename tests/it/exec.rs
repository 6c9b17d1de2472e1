//! `pitcrew exec`: unchanged input and output, time limits, retries and exit codes.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{self, Done, Project, feed, long_sleep, with_argument};

fn exec<const N: usize>(args: [&str; N]) -> Done {
    let project = Project::empty();
    let mut command = project.pitcrew(["exec"]);
    command.args(args);
    project.finished(command)
}

fn sh(script: &str) -> Done {
    exec(["--", "sh", "-c", script])
}

#[test]
fn a_limit_of_nothing_is_refused() {
    exec(["--timeout", "0s", "--", "true"]).assert_code(2);
}

#[test]
fn the_code_of_the_command_is_the_code() {
    for code in [0, 1, 2, 77, 255] {
        sh(&format!("exit {code}")).assert_code(code);
    }
}

#[test]
fn a_signal_is_128_plus_its_number() {
    sh("kill -TERM $$").assert_code(143);
    sh("kill -KILL $$").assert_code(137);
    sh("kill -SEGV $$").assert_code(139);
}

#[test]
fn no_such_program_is_127_and_not_executable_126() {
    let done = exec(["--", "no-such-program-here"]);
    done.assert_code(127);
    done.assert_err("no-such-program-here");
    let project = Project::empty();
    // The same if a folder of PATH may not be entered, because the program may not be there.
    std::fs::create_dir(project.path("closed")).unwrap();
    std::fs::set_permissions(project.path("closed"), PermissionsExt::from_mode(0o000)).unwrap();
    let mut command = project.pitcrew(["exec", "--", "no-such-program-here"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", project.path("closed").display()));
    project.finished(command).assert_code(127);
    project.write("plain", "not a program");
    project.run(["exec", "--", "./plain"]).assert_code(126);
    project.run(["exec", "--", "/"]).assert_code(126);
}

#[test]
fn outputs_are_passed_on_apart_and_byte_for_byte() {
    let done = sh("printf 'out\\0\\377'; printf 'err\\001\\n\\n' >&2; printf end");
    done.assert_code(0);
    assert_eq!(done.raw, b"out\0\xffend");
    assert_eq!(done.err, "err\u{1}\n\n");
}

#[test]
fn input_is_inherited_and_both_ways_are_byte_exact() {
    let project = Project::empty();
    let mut command = project.pitcrew(["exec", "--", "cat"]);
    command.stdin(Stdio::piped());
    let bytes: Vec<u8> =
        (0..20_000_000_u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    let mut exec = project.start_with_input(command);
    let feeding = feed(exec.stdin(), bytes.clone());
    let done = exec.done();
    feeding.join().unwrap();
    done.assert_code(0);
    assert_eq!(done.raw.len(), bytes.len());
    assert!(done.raw == bytes, "the bytes differ");
}

#[test]
fn a_timeout_is_124_and_ends_the_tree() {
    let sleep = long_sleep();
    let since = Instant::now();
    let script = format!("sleep {sleep} & setsid sleep {sleep} & echo up; wait");
    // Enough to begin, on a machine that is busy too.
    let done = exec(["--timeout", "4s", "--", "sh", "-c", &script]);
    done.assert_code(124);
    assert_eq!(done.out, "up\n");
    assert!(since.elapsed() >= Duration::from_secs(4));
    done.assert_err("timed out after 4.0s");
    assert!(with_argument(&sleep).is_empty());
}

#[test]
fn an_idle_timeout_is_124_and_spares_what_prints() {
    let sleep = long_sleep();
    let script = format!("echo up; exec sleep {sleep}");
    exec(["--idle-timeout", "200ms", "--", "sh", "-c", &script]).assert_code(124);
    let script = "for i in $(seq 45); do echo $i; sleep 0.1; done";
    exec(["--idle-timeout", "4s", "--", "sh", "-c", script]).assert_code(0);
}

#[test]
fn retries_are_extra_tries_and_the_last_code_counts() {
    let done = exec(["--retries", "2", "--", "sh", "-c", "echo try; exit 5"]);
    done.assert_code(5);
    assert_eq!(done.out, "try\n".repeat(3));
    let done =
        exec(["--retries", "9", "--", "sh", "-c", "echo $PITCREW_RUN; [ $PITCREW_RUN = 3 ]"]);
    done.assert_code(0);
    assert_eq!(done.out, "1\n2\n3\n");
}

#[test]
fn retry_delay_is_kept() {
    let since = Instant::now();
    exec(["--retries", "2", "--retry-delay", "200ms", "--", "false"]).assert_code(1);
    assert!(since.elapsed() >= Duration::from_millis(400));
}

#[test]
fn a_timeout_is_for_each_try() {
    let sleep = long_sleep();
    let script = format!("echo try; exec sleep {sleep}");
    let done = exec(["--timeout", "4s", "--retries", "1", "--", "sh", "-c", &script]);
    done.assert_code(124);
    assert_eq!(done.out, "try\ntry\n");
}

#[test]
fn cwd_and_env_are_set() {
    let project = Project::empty();
    std::fs::create_dir(project.path("sub")).unwrap();
    let done = project.run([
        "exec",
        "--cwd",
        "sub",
        "--env",
        "A=1",
        "--env",
        "B=x=y",
        "--",
        "sh",
        "-c",
        "pwd; echo $A $B",
    ]);
    done.assert_code(0);
    assert_eq!(done.out, format!("{}\n1 x=y\n", project.path("sub").display()));
    project.run(["exec", "--env", "novalue", "--", "true"]).assert_code(2);
    let done = project.run(["exec", "--cwd", "gone", "--", "true"]);
    assert_ne!(done.code(), 0);
    done.assert_err("gone");
}

#[test]
fn in_takes_folder_and_environment_of_a_process() {
    let project = Project::new(
        "[process.api]\ncommand = 'true'\ncwd = 'sub'\nenv = { A = 'one' }\nport = 4321\n",
    );
    std::fs::create_dir(project.path("sub")).unwrap();
    let done = project.run(["exec", "--in", "api", "--", "sh", "-c", "pwd; echo $A $PORT"]);
    done.assert_code(0);
    assert_eq!(done.out, format!("{}\none 4321\n", project.path("sub").display()));
    project.write("x.env", "URL=http://x:$PORT/$PITCREW_PORT_API/$PITCREW_REPLICA/$PWD\n");
    let file = format!(
        "{}[process.w]\ncommand = 'true'\nport = 80\nreplicas = 2\nenv_file = 'x.env'\n",
        project.text("procfile.toml")
    );
    project.write("procfile.toml", &file);
    let script = "echo $URL $PORT $PITCREW_PORT_API";
    let done = project.run(["exec", "--in", "w.2", "--", "sh", "-c", script]);
    let dir = project.dir();
    assert_eq!(done.out, format!("http://x:81/4321/2/{} 81 4321\n", dir.display()));
    let done = project.run(["exec", "--in", "apx", "--", "true"]);
    done.assert_code(2);
    done.assert_err("`api`");
}

#[test]
fn in_takes_the_ports_of_a_replica_and_of_all_others() {
    let project = Project::new(
        "[process.web]\ncommand = 'true'\nport = 4321\nreplicas = 2\nenv_file = '.env'\n\
         [process.db]\ncommand = 'true'\nport = 5432\n\
         [process.job]\ncommand = 'true'\n",
    );
    project.write(".env", "OWN=${PORT:-none} $PITCREW_REPLICA\nDB=db:$PITCREW_PORT_DB\n");
    let script = "echo $PORT $OWN $DB $PITCREW_PORT_WEB $PITCREW_PORT_WEB_2";
    let done = project.run(["exec", "--in", "web.2", "--", "sh", "-c", script]);
    done.assert_code(0);
    assert_eq!(done.out, "4322 4322 2 db:5432 4321 4322\n");
    let script = "echo ${PORT-none} $PITCREW_PORT_DB";
    let done = project.run(["exec", "--in", "job", "--", "sh", "-c", script]);
    assert_eq!(done.out, "none 5432\n");
    let done = project.run(["exec", "--in", "db", "--env", "PORT=1", "--", "printenv", "PORT"]);
    assert_eq!(done.out, "1\n");
}

#[test]
fn arguments_are_passed_as_they_are() {
    let done = exec(["--", "printf", "%s|", "a b", "", "$HOME", "*", "'q'", "--flag"]);
    assert_eq!(done.out, "a b||$HOME|*|'q'|--flag|");
}

#[test]
fn a_signal_to_us_ends_it_and_us() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let project = Project::empty();
        let sleep = long_sleep();
        let exec = project.start(project.pitcrew([
            "exec",
            "--",
            "sh",
            "-c",
            &format!("sleep {sleep} & echo up; wait"),
        ]));
        exec.wait_out("up");
        exec.signal(signal);
        assert_eq!(exec.done().signal(), signal);
        assert!(with_argument(&sleep).is_empty());
    }
}

#[test]
fn a_background_process_does_not_keep_it() {
    let sleep = long_sleep();
    let done = sh(&format!("sleep {sleep} & echo out"));
    done.assert_code(0);
    assert_eq!(done.out, "out\n");
    assert!(with_argument(&sleep).is_empty());
}

#[test]
fn a_reader_that_goes_away_ends_it_as_a_pipe_does() {
    let project = Project::empty();
    let mut shell = project.command("bash");
    let script = format!("{} exec -- yes | head -n 1; echo ${{PIPESTATUS[0]}}", common::binary());
    shell.args(["-c", &script]);
    let done = project.finished(shell);
    assert_eq!(done.out, "y\n141\n", "{done}");
}

#[test]
fn a_slow_reader_loses_nothing() {
    let project = Project::empty();
    let mut shell = project.command("sh");
    let script = format!(
        "{} exec -- sh -c 'seq 300000' | (sleep 0.5; sha1sum); seq 300000 | sha1sum",
        common::binary()
    );
    shell.args(["-c", &script]);
    let done = project.finished(shell);
    let sums: Vec<&str> = done.out.lines().collect();
    assert_eq!(sums[0], sums[1]);
}
