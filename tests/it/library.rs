//! The library with real processes: commands, handles, results, managers.

use std::time::Duration;

use pitcrew::{
    Command, CommandFault, Error, Exit, Output, ProcessManager, Retry, Signal, StartErrorKind,
    StateName, Stdin, Stream, TimeLimit,
};

use crate::common::commands::{ms, run, sh};
use crate::common::own_process::test;

#[test]
fn the_example_of_the_contract_works() {
    test(async {
        let manager = ProcessManager::new();
        let result = manager.run(Command::new("ls").arg("-la")).await.unwrap();
        assert!(result.success() && result.stdout_lossy().contains("Cargo.toml"));
    });
}

#[test]
fn a_result_has_both_outputs_code_and_duration() {
    test(async {
        let result = run(sh("echo out; echo err >&2; exit 3")).await;
        assert_eq!((result.stdout(), result.stderr()), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!((result.status(), result.code()), (Some(Exit::Code(3)), 3));
        assert!(!result.success() && !result.leaked());
        assert_eq!(result.attempts().len(), 1);
        assert!(result.stdout_contains("ou") && !result.stdout_contains("err"));
        assert!(result.stderr_contains("err"));
    });
}

#[test]
fn ended_by_a_signal_is_a_result_with_128_and_its_number() {
    test(async {
        let result = run(sh("kill -9 $$")).await;
        assert_eq!((result.status(), result.code()), (Some(Exit::Signal(Signal::KILL)), 137));
    });
}

#[test]
fn a_missing_program_is_an_error_and_in_a_shell_127() {
    test(async {
        let manager = ProcessManager::new();
        let error = manager.run(Command::new("no-such-program")).await.unwrap_err();
        let Error::Start { error: start, .. } = &error else { panic!("{error:?}") };
        assert_eq!(start.kind, StartErrorKind::ProgramNotFound);
        assert_eq!(
            error.to_string(),
            "cannot start `no-such-program`: no such program \"no-such-program\""
        );
        assert_eq!(manager.run(sh("no-such-program")).await.unwrap().code(), 127);
        assert!(manager.start(Command::new("/")).await.is_err());
    });
}

#[test]
fn a_missing_folder_is_an_error_of_its_own() {
    test(async {
        let manager = ProcessManager::new();
        let error = manager.run(Command::new("ls").cwd("/no/such")).await.unwrap_err();
        let Error::Start { error, .. } = error else { panic!("{error:?}") };
        assert_eq!(error.kind, StartErrorKind::CwdNotFound);
    });
}

#[test]
fn arguments_are_passed_as_they_are_and_to_a_shell_as_its_own() {
    test(async {
        let odd = "a b'c\"d$e*\n";
        let result = run(Command::new("printf").args(["%s|", odd, ""])).await;
        assert_eq!(result.stdout_lossy(), format!("{odd}||"));
        let result = run(sh("printf '%s|' \"$1\" \"$2\"").arg(odd).arg("2")).await;
        assert_eq!(result.stdout_lossy(), format!("{odd}|2|"));
    });
}

#[test]
fn bytes_that_are_no_text_are_passed_and_kept() {
    use std::os::unix::ffi::OsStringExt;
    test(async {
        let odd = std::ffi::OsString::from_vec(b"\xff\xfe".to_vec());
        let result = run(Command::new("printf").arg("%s").arg(odd)).await;
        assert_eq!(result.stdout(), b"\xff\xfe");
    });
}

#[test]
fn folder_and_environment_are_set_added_and_removed() {
    test(async {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let line = "pwd -P; echo $A $B; echo ${HOME-none}";
        let command = sh(line).cwd(&real).env("A", "1").envs([("B", "2"), ("A", "3")]);
        let result = run(command.env_remove("HOME")).await;
        assert_eq!(result.stdout_lossy(), format!("{}\n3 2\nnone\n", real.display()));
    });
}

#[test]
fn without_inheriting_there_is_only_what_was_set() {
    test(async {
        let result = run(Command::new("/usr/bin/env").inherit_env(false).env("ONLY", "1")).await;
        let text = result.stdout_lossy().into_owned();
        let mut names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["ONLY", "PITCREW_PROCESS", "PITCREW_RUN", "PITCREW_SESSION"]);
    });
}

#[test]
fn input_can_be_nothing_bytes_a_file_or_written() {
    test(async {
        assert_eq!(run(Command::new("cat")).await.stdout(), b"");
        assert_eq!(run(Command::new("cat").stdin("0")).await.stdout(), b"0");
        let big = vec![b'x'; 8 << 20];
        let result = run(Command::new("cat").stdin(big.clone())).await;
        assert_eq!((result.stdout().len(), result.stdout_dropped()), (big.len(), 0));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "in a file").unwrap();
        let from_file = Command::new("cat").stdin(Stdin::File(file.path().into()));
        assert_eq!(run(from_file).await.stdout(), b"in a file");

        let manager = ProcessManager::new();
        let cat = manager.start(Command::new("cat").stdin(Stdin::Piped)).await.unwrap();
        cat.write("one\n").await.unwrap();
        cat.wait_for_line(|line| line.text() == "one").await.unwrap();
        cat.write("two").await.unwrap();
        cat.close_stdin();
        assert_eq!(cat.wait().await.unwrap().stdout(), b"one\ntwo");
        assert!(matches!(cat.write("three").await, Err(Error::Input { .. })));
    });
}

#[test]
fn input_that_is_not_read_is_no_error() {
    test(async {
        let result = run(Command::new("true").stdin(vec![b'x'; 4 << 20])).await;
        assert!(result.success());
    });
}

#[test]
fn a_missing_input_file_is_an_error_of_the_start() {
    test(async {
        let command = Command::new("cat").stdin(Stdin::File("/no/such/file".into()));
        let error = ProcessManager::new().run(command).await.unwrap_err();
        assert!(matches!(error, Error::Start { .. }), "{error:?}");
        let said = "cannot start `cat`: cannot open its input \"/no/such/file\": no such file or directory";
        assert_eq!(error.to_string(), said);
    });
}

#[test]
fn a_large_output_is_kept_from_its_end_or_its_beginning() {
    test(async {
        let line = "seq 1 200000";
        let tail = run(sh(line).output(Output::tail(1000))).await;
        assert!(tail.stdout().ends_with(b"199999\n200000\n") && tail.stdout().len() == 1000);
        let head = run(sh(line).output(Output::head(1000))).await;
        assert!(head.stdout().starts_with(b"1\n2\n3\n") && head.stdout().len() == 1000);
        assert_eq!(tail.stdout_dropped(), head.stdout_dropped());
        assert_eq!(tail.stdout_dropped() + 1000, 1_288_895);
    });
}

#[test]
fn both_outputs_full_of_bytes_do_not_block() {
    test(async {
        let line = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2";
        let result = run(sh(line)).await;
        assert_eq!((result.stdout().len(), result.stderr().len()), (3_000_000, 3_000_000));
    });
}

#[test]
fn merged_outputs_are_in_the_order_of_writing() {
    test(async {
        let result =
            run(sh("for i in 1 2 3; do echo o$i; echo e$i >&2; done").merge_stderr()).await;
        assert_eq!(result.stdout_lossy(), "o1\ne1\no2\ne2\no3\ne3\n");
        assert_eq!(result.stderr(), b"");
    });
}

#[test]
fn discarded_output_can_be_read_along_and_null_is_nothing() {
    test(async {
        let manager = ProcessManager::new();
        let line = "echo seen; read go";
        let command = sh(line).output(Output::Discard).stdin(Stdin::Piped);
        let handle = manager.start(command).await.unwrap();
        let line = handle.wait_for_line(|_| true).await.unwrap();
        assert_eq!((line.text().as_ref(), line.stream()), ("seen", Stream::Out));
        handle.write("go\n").await.unwrap();
        let result = handle.wait().await.unwrap();
        assert_eq!((result.stdout(), result.stdout_dropped()), (&b""[..], 5));
        let result = manager.run(sh("echo unseen").output(Output::Null)).await.unwrap();
        assert_eq!((result.stdout(), result.stdout_dropped()), (&b""[..], 0));
    });
}

#[test]
fn senseless_commands_are_refused_before_anything_starts() {
    test(async {
        let second = Duration::from_secs(1);
        let cases = [
            (Command::new(""), CommandFault::NoProgram),
            (Command::new("a").timeout(Duration::ZERO), CommandFault::ZeroLimit("timeout")),
            (
                Command::new("a").idle_timeout(Duration::ZERO),
                CommandFault::ZeroLimit("idle timeout"),
            ),
            (Command::new("a").idle_timeout(second).output(Output::Null), CommandFault::IdleUnseen),
            (
                Command::new("a").idle_timeout(second).output(Output::Inherit),
                CommandFault::IdleUnseen,
            ),
            (Command::new("a").stdin(Stdin::Piped).retries(1), CommandFault::PipedRetry),
            (Command::new("a").stdin(Stdin::Piped), CommandFault::PipedUnheld),
            (
                Command::new("a").tty(true).stdin(Stdin::Inherit),
                CommandFault::TerminalStdio("`Stdin::Inherit`"),
            ),
            (
                Command::new("a").tty(true).output(Output::Null),
                CommandFault::TerminalStdio("`Output::Null`"),
            ),
            (Command::new("a").name(""), CommandFault::NoName),
            (Command::new("a").name("\0"), CommandFault::Nul("the name \"\\0\"".into())),
            (Command::new("a").env("A=B", ""), CommandFault::VariableName("A=B".into())),
            (Command::new("a").env("", ""), CommandFault::VariableName(String::new())),
            (Command::new("a").arg("\0"), CommandFault::Nul("the argument \"\\0\"".into())),
            (Command::new("a").env("A", "\0"), CommandFault::Nul("the variable \"A\"".into())),
            (
                Command::new("a").retry(Retry::times(1).jitter(2.0)),
                CommandFault::Retry("jitter must be from 0 to 1"),
            ),
        ];
        let manager = ProcessManager::new();
        for (command, expected) in cases {
            match manager.run(command).await {
                Err(Error::Invalid { fault, .. }) => assert_eq!(fault, expected),
                other => panic!("{expected:?}: {other:?}"),
            }
        }
        assert!(manager.snapshot().is_none(), "nothing was started for them");
    });
}

#[test]
fn a_broken_time_limit_is_an_error_that_has_the_output() {
    test(async {
        let manager = ProcessManager::new();
        let command = sh("echo before; exec sleep 60").timeout(ms(4000));
        let error = manager.run(command).await.unwrap_err();
        let Error::TimedOut { result, limit } = &error else { panic!("{error:?}") };
        assert_eq!((result.stdout(), *limit), (&b"before\n"[..], TimeLimit::Total(ms(4000))));
        assert_eq!(result.code(), 143);
        assert!(error.to_string().contains("ran longer than 4s and was stopped"), "{error}");

        let talks = sh("for i in 1 2 3; do echo $i >&2; sleep 0.1; done; exec sleep 60");
        let error = manager.run(talks.idle_timeout(ms(4000))).await.unwrap_err();
        let Error::TimedOut { result, limit } = &error else { panic!("{error:?}") };
        assert_eq!((result.stderr(), *limit), (&b"1\n2\n3\n"[..], TimeLimit::Idle(ms(4000))));
    });
}

#[test]
fn a_time_limit_ends_the_whole_tree_and_gives_a_grace() {
    test(async {
        let line = "trap 'echo cleaned; exit 9' TERM; sleep 1000 & echo up; wait";
        let error = ProcessManager::new().run(sh(line).timeout(ms(4000))).await.unwrap_err();
        assert_eq!(error.result().unwrap().stdout(), b"up\ncleaned\n");
        assert_eq!(error.result().unwrap().code(), 9);
    });
}

#[test]
fn retries_are_extra_attempts_and_the_last_one_counts() {
    test(async {
        let folder = tempfile::tempdir().unwrap();
        let line = "echo x >> n; echo try $(wc -l < n); [ $(wc -l < n) -ge 3 ]";
        let result = run(sh(line).cwd(folder.path()).retries(5)).await;
        assert!(result.success());
        assert_eq!((result.attempts().len(), result.stdout()), (3, &b"try 3\n"[..]));
        let result = run(sh("exit 7").retries(2)).await;
        let codes: Vec<_> = result.attempts().iter().map(|attempt| attempt.status).collect();
        assert_eq!(codes, [Some(Exit::Code(7)); 3]);
    });
}

#[test]
fn a_stop_while_it_waits_for_its_next_attempt_ends_it() {
    test(async {
        let manager = ProcessManager::new();
        let command = sh("exit 1").retry(Retry::forever().delay(Duration::from_mins(10)));
        let handle = manager.start(command).await.unwrap();
        while handle.state() != StateName::Backoff {
            tokio::time::sleep(ms(5)).await;
        }
        let result = handle.stop().await.unwrap();
        assert_eq!((result.code(), result.attempts().len()), (1, 1));
    });
}

#[test]
fn other_codes_can_mean_success() {
    test(async {
        let grep = Command::new("grep").arg("x").stdin("y").success_codes([0, 1]);
        assert!(run(grep).await.ensure_success().is_ok());
    });
}

#[test]
fn the_message_of_a_failure_is_worth_reading() {
    test(async {
        let result = run(sh("echo building; echo \"no such file\" >&2; exit 2")).await;
        let text = result.ensure_success().unwrap_err().to_string();
        assert_eq!(
            text,
            "the command `echo building; echo \"no such file\" >&2; exit 2` failed: exit 2\n\
             stdout:\n    building\n\
             stderr:\n    no such file"
        );
        let text = run(sh("seq 100; exit 127")).await.ensure_success().unwrap_err().to_string();
        assert!(text.contains(
            "exit 127 (no such program)\nstdout (last lines; 80 lines omitted):\n    81\n"
        ));
    });
}

#[test]
fn a_very_long_command_is_cut_in_messages() {
    test(async {
        let manager = ProcessManager::new();
        let long = Command::new("echo").arg("ä".repeat(3_000_000));
        let error = manager.run(long).await.unwrap_err();
        assert!(matches!(&error, Error::Start { error, .. }
            if error.kind == StartErrorKind::ArgumentsTooLong));
        let message = error.to_string();
        assert!(message.starts_with("cannot start `echo ") && message.len() < 4000, "{message}");
        assert!(message.contains("ä…`: arguments and environment of"), "{message}");
    });
}

#[test]
fn a_display_can_be_read_and_typed() {
    let command = Command::new("printf").args(["%s", "a b", "it's", ""]);
    assert_eq!(command.to_string(), "printf '%s' 'a b' \"it's\" ''");
    assert_eq!(Command::shell("a | b").arg("c d").to_string(), "a | b 'c d'");
    // Neither an argument nor a line does anything to a terminal.
    let hostile = Command::new("e\u{1b}[2J").args(["it's\n\\", "\u{7}\0", "\u{9b}5n"]);
    assert_eq!(hostile.to_string(), r"$'e\e[2J' $'it\'s\n\\' $'\x07\x00' $'\u009b5n'");
    assert_eq!(Command::shell("a\n\tb \u{1b}[2J").to_string(), "a\n\tb \\e[2J");
}

#[test]
fn what_is_displayed_means_the_same_to_a_shell() {
    test(async {
        let nasty = ["a b", "it's\n\\", "\u{1b}[1m\u{7}", "\u{9b}5n", "$x `y` \"", "\\", "!"];
        let shown = Command::new("printf").arg("%s,").args(nasty).to_string();
        let typed = run(Command::new("bash").args(["-c", &shown]).env("LC_ALL", "C.UTF-8")).await;
        assert_eq!(typed.stdout_lossy(), nasty.map(|one| format!("{one},")).concat());
    });
}
