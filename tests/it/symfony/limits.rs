//! Time limits.

use std::time::{Duration, Instant};

use pitcrew::{Command, Error, Output, ProcessManager, StateName, TimeLimit};

use crate::common::commands::{ms, run, sh};
use crate::common::own_process::test;

fn limit(outcome: Result<pitcrew::ProcessResult, Error>) -> TimeLimit {
    match outcome {
        Err(Error::TimedOut { limit, .. }) => limit,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn symfony_idle_timeout_not_exceeded_when_output_is_sent() {
    test(async {
        let line = "while :; do echo foo; sleep 0.02; done";
        let command = sh(line).timeout(Duration::from_secs(5)).idle_timeout(ms(4500));
        let outcome = ProcessManager::new().run(command).await;
        assert_eq!(limit(outcome), TimeLimit::Total(Duration::from_secs(5)));
    });
}

#[test]
fn symfony_iterate_over_process_with_timeout() {
    test(async {
        let manager = ProcessManager::new();
        let command = sh("echo a; exec sleep 1000").timeout(ms(500));
        let handle = manager.start(command).await.unwrap();
        let mut lines = handle.lines();
        while lines.next().await.is_some() {}
        assert_eq!(limit(handle.wait().await), TimeLimit::Total(ms(500)));
    });
}

#[test]
fn symfony_check_timeout_on_started_process() {
    test(async {
        // It is not awaited, and only its state is read.
        let manager = ProcessManager::new();
        let handle = manager.start(sh("exec sleep 1000").timeout(ms(100))).await.unwrap();
        while handle.state() != StateName::Failed {
            tokio::time::sleep(ms(2)).await;
        }
        assert_eq!(handle.pid(), None);
        assert_eq!(limit(handle.wait().await), TimeLimit::Total(ms(100)));
    });
}

#[test]
fn symfony_check_timeout_on_terminated_process() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("exit 3").timeout(Duration::from_secs(4))).await.unwrap();
        assert_eq!(handle.wait().await.unwrap().code(), 3);
        tokio::time::sleep(ms(4100)).await;
        assert_eq!(handle.wait().await.unwrap().code(), 3);
    });
}

#[test]
fn symfony_start_after_a_timeout() {
    test(async {
        let manager = ProcessManager::new();
        let command = sh("exec sleep 1000").timeout(ms(100));
        for _ in 0..2 {
            let begun = Instant::now();
            let outcome = manager.run(command.clone()).await;
            assert_eq!(limit(outcome), TimeLimit::Total(ms(100)));
            assert!(begun.elapsed() >= ms(100));
        }
        assert!(manager.run(sh("true").timeout(Duration::from_secs(20))).await.unwrap().success());
    });
}

#[test]
fn symfony_float_and_null_timeout() {
    test(async {
        let begun = Instant::now();
        let outcome = ProcessManager::new().run(sh("exec sleep 1000").timeout(ms(250))).await;
        assert_eq!(limit(outcome), TimeLimit::Total(ms(250)));
        assert!(begun.elapsed() >= ms(250));
        assert!(run(sh("sleep 0.3")).await.success());
        // The longest duration is valid.
        assert!(run(Command::new("true").timeout(Duration::MAX)).await.success());
    });
}

#[test]
fn symfony_set_null_idle_timeout_while_output_is_disabled() {
    test(async {
        assert!(run(sh("echo a").output(Output::Null)).await.success());
        let both = sh("echo a").output(Output::Discard).idle_timeout(Duration::from_secs(20));
        assert!(run(both).await.success());
    });
}

#[test]
fn symfony_timeout_with_both_outputs_closed() {
    test(async {
        let line = "exec >&- 2>&-; exec sleep 1000";
        let outcome = ProcessManager::new().run(sh(line).timeout(ms(300))).await;
        assert_eq!(limit(outcome), TimeLimit::Total(ms(300)));
    });
}

#[test]
fn symfony_timeout_while_it_prints_without_end() {
    test(async {
        let command = Command::new("yes").timeout(ms(300));
        let error = ProcessManager::new().run(command).await.unwrap_err();
        let result = error.result().unwrap();
        assert!(result.stdout().len() <= 8 << 20 && result.stdout_contains("y\ny\n"));
        assert_eq!(limit(Err(error)), TimeLimit::Total(ms(300)));
    });
}
