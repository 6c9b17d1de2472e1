//! Results, failures, input and quiet commands.

use std::time::{Duration, Instant};

use pitcrew::{Command, Error, Output, ProcessManager, ProcessPool, TimeLimit};

use crate::common::commands::{ms, run, sh};
use crate::common::own_process::test;

#[test]
fn laravel_successful_process() {
    test(async {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ProcessTest"), "").unwrap();
        let result = run(Command::new("ls").cwd(folder.path())).await;
        assert!(result.success());
        assert_eq!((result.code(), result.stdout()), (0, &b"ProcessTest\n"[..]));
        assert!(result.stdout_contains("ProcessTest") && !result.stderr_contains("Test"));
        assert_eq!(result.stderr(), b"");
        assert!(result.ensure_success().is_ok());
    });
}

#[test]
fn laravel_real_processes_can_have_error_output() {
    test(async {
        let result = run(sh("echo \"Hello World\" >&2; exit 1")).await;
        assert!(!result.success());
        assert_eq!((result.stdout(), result.stderr()), (&b""[..], &b"Hello World\n"[..]));
    });
}

/// The message of the failure of this line.
async fn complaint(line: &str) -> String {
    run(sh(line)).await.ensure_success().unwrap_err().to_string()
}

#[test]
fn laravel_real_processes_can_throw_without_output() {
    test(async {
        assert_eq!(complaint("exit 1").await, "the command `exit 1` failed: exit 1");
    });
}

#[test]
fn laravel_real_processes_can_throw_with_error_output() {
    test(async {
        assert_eq!(
            complaint("echo 'Hello World' >&2; exit 1").await,
            "the command `echo 'Hello World' >&2; exit 1` failed: exit 1\n\
             stderr:\n    Hello World"
        );
    });
}

#[test]
fn laravel_real_processes_can_throw_with_output() {
    test(async {
        assert_eq!(
            complaint("echo 'Hello World'; exit 1").await,
            "the command `echo 'Hello World'; exit 1` failed: exit 1\nstdout:\n    Hello World"
        );
        // What counts as false elsewhere is output all the same.
        assert!(complaint("echo 0; exit 1").await.ends_with("exit 1\nstdout:\n    0"));
    });
}

#[test]
fn laravel_real_processes_can_throw_if_true() {
    test(async {
        let result = run(sh("echo out; echo err >&2; exit 9")).await;
        // Asked or not, the result is the same, and the error carries it.
        assert_eq!(result.code(), 9);
        let error = result.clone().ensure_success().unwrap_err();
        let held = error.result().unwrap();
        assert_eq!((held.id(), held.code()), (result.id(), 9));
        assert_eq!((held.stdout(), held.stderr()), (&b"out\n"[..], &b"err\n"[..]));
    });
}

#[test]
fn laravel_quiet_processes_can_throw() {
    test(async {
        for quiet in [Output::Discard, Output::Null] {
            let line = "echo out; echo err >&2; exit 1";
            let result = run(sh(line).output(quiet)).await;
            let id = result.id();
            let error = result.ensure_success().unwrap_err();
            assert_eq!(error.to_string(), format!("the command `{line}` failed: exit 1"));
            let Error::Failed(held) = &error else { panic!("{error:?}") };
            assert_eq!((held.code(), held.id()), (1, id));
        }
    });
}

#[test]
fn laravel_quiet_processes_in_pools_can_throw() {
    test(async {
        let manager = ProcessManager::new();
        let pool = ProcessPool::new(&manager, 2);
        let quiet = |line: &str| sh(line).output(Output::Null);
        let results = pool.run_all([(1, quiet("echo a; exit 1")), (2, quiet("echo b"))]).await;
        assert!(!results.success());
        let failed = results.get(&1).unwrap().clone().unwrap();
        let error = failed.ensure_success().unwrap_err();
        assert_eq!(error.to_string(), "the command `echo a; exit 1` failed: exit 1");
        assert_eq!(results.get(&2).unwrap().as_ref().unwrap().stdout(), b"");
    });
}

#[test]
fn laravel_quiet_processes_return_empty_output() {
    test(async {
        for quiet in [Output::Discard, Output::Null] {
            let result = run(sh("echo out; echo err >&2").output(quiet)).await;
            assert!(result.success());
            assert_eq!((result.stdout(), result.stderr()), (&b""[..], &b""[..]));
            assert!(!result.stdout_contains("out") && !result.stderr_contains("err"));
        }
    });
}

#[test]
fn laravel_real_processes_can_use_standard_input() {
    test(async {
        // Nothing is added, and what counts as false elsewhere is input all the same.
        for input in ["foobar", "0", ""] {
            assert_eq!(run(Command::new("cat").stdin(input)).await.stdout(), input.as_bytes());
        }
    });
}

#[test]
fn laravel_process_with_multiple_environment_variables() {
    test(async {
        let base = sh("echo $A $B").env("A", "one");
        let first = run(base.clone().env("B", "two")).await;
        let second = run(base.clone().env("A", "three")).await;
        let third = run(base).await;
        assert_eq!(first.stdout(), b"one two\n");
        // A variable more does not take away the ones before, and one run leaves nothing in the next.
        assert_eq!((second.stdout(), third.stdout()), (&b"three\n"[..], &b"one\n"[..]));
    });
}

#[test]
fn laravel_real_processes_can_timeout() {
    test(async {
        let begun = Instant::now();
        let command = sh("exec sleep 30").timeout(Duration::from_secs(1));
        let error = ProcessManager::new().run(command).await.unwrap_err();
        assert_eq!(error.to_string(), "`exec sleep 30` ran longer than 1s and was stopped");
        assert!(begun.elapsed() >= Duration::from_secs(1));
        assert!(begun.elapsed() < Duration::from_secs(25));
    });
}

#[test]
fn laravel_a_timeout_can_be_set_with_an_interval() {
    test(async {
        // Less than a second is less than a second, and not none.
        let command = sh("exec sleep 30").timeout(ms(150));
        let error = ProcessManager::new().run(command).await.unwrap_err();
        let Error::TimedOut { limit, .. } = error else { panic!("{error:?}") };
        assert_eq!(limit, TimeLimit::Total(ms(150)));
    });
}

#[test]
fn laravel_general_and_idle_timeouts_are_distinguished_and_caught_together() {
    test(async {
        let manager = ProcessManager::new();
        let general = manager.run(sh("exec sleep 30").timeout(ms(100))).await.unwrap_err();
        let idle = manager.run(sh("exec sleep 30").idle_timeout(ms(100))).await.unwrap_err();
        let limit = |error: &Error| match error {
            Error::TimedOut { limit, .. } => *limit,
            other => unreachable!("{other:?}"),
        };
        assert_eq!(limit(&general), TimeLimit::Total(ms(100)));
        assert_eq!(limit(&idle), TimeLimit::Idle(ms(100)));
        assert_eq!(idle.to_string(), "`exec sleep 30` printed nothing for 100ms and was stopped");
    });
}

#[test]
fn laravel_timed_out_processes_still_expose_their_result() {
    test(async {
        let line = "echo 'Hello World'; echo 'and on' >&2; exec sleep 30";
        let error = ProcessManager::new().run(sh(line).timeout(ms(4000))).await.unwrap_err();
        let result = error.result().unwrap();
        assert_eq!(result.stdout(), b"Hello World\n");
        assert_eq!(result.stderr(), b"and on\n");
        assert!(!result.success());
    });
}
