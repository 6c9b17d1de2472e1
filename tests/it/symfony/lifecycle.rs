//! States, pids, exit codes, signals and stops.

use pitcrew::event::{EndCause, Event};
use pitcrew::{Command, Error, Exit, ProcessManager, Signal, StateName, Stdin, StopPolicy};

use crate::common::commands::{ms, run, sh};
use crate::common::own_process::test;

#[test]
fn symfony_start_is_non_blocking() {
    test(async {
        let manager = ProcessManager::new();
        // It ends only after we have done something: a start that waited would never return.
        let handle = manager.start(sh("read x").stdin(Stdin::Piped)).await.unwrap();
        assert!(handle.pid().is_some());
        handle.write("\n").await.unwrap();
        assert!(handle.wait().await.unwrap().success());
    });
}

#[test]
fn symfony_get_exit_code_is_null_when_starting_again() {
    test(async {
        let manager = ProcessManager::new();
        let command = sh("read x; exit 5").stdin(Stdin::Piped);
        for _ in 0..2 {
            let handle = manager.start(command.clone()).await.unwrap();
            let waiting = tokio::time::timeout(ms(20), handle.wait()).await;
            assert!(waiting.is_err(), "there is no code before the end");
            handle.close_stdin();
            assert_eq!(handle.wait().await.unwrap().code(), 5);
        }
    });
}

#[test]
fn symfony_status() {
    test(async {
        let manager = ProcessManager::new();
        let command = sh("read x; true").stdin(Stdin::Piped);
        assert!(manager.active().is_empty(), "a command that is not run is nothing");
        let handle = manager.start(command).await.unwrap();
        assert!(matches!(handle.state(), StateName::Starting | StateName::Ready));
        handle.close_stdin();
        handle.wait().await.unwrap();
        assert_eq!(handle.state(), StateName::Succeeded);
        let failed = manager.start(sh("exit 1")).await.unwrap();
        failed.wait().await.unwrap();
        assert_eq!(failed.state(), StateName::Failed);
    });
}

#[test]
fn symfony_get_pid() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("echo $$; read x").stdin(Stdin::Piped)).await.unwrap();
        let line = handle.wait_for_line(|_| true).await.unwrap();
        assert_eq!(handle.pid().unwrap().to_string(), line.text());
        handle.close_stdin();
        handle.wait().await.unwrap();
        assert_eq!(handle.pid(), None);
    });
}

#[test]
fn symfony_restart() {
    test(async {
        let manager = ProcessManager::new();
        let command = sh("echo $$; read x").stdin(Stdin::Piped);
        let one = manager.start(command.clone()).await.unwrap();
        let two = manager.start(command).await.unwrap();
        assert!(one.id() != two.id() && one.pid() != two.pid());
        let pids = [one.pid(), two.pid()].map(Option::unwrap);
        one.close_stdin();
        let first = one.wait().await.unwrap();
        assert_eq!(two.pid(), Some(pids[1]), "the end of one is not that of the other");
        two.close_stdin();
        let second = two.wait().await.unwrap();
        let printed = [first.stdout_lossy(), second.stdout_lossy()];
        assert_eq!(printed, pids.map(|pid| format!("{pid}\n")));
    });
}

#[test]
fn symfony_multiple_calls_to_proc_get_status() {
    test(async {
        let manager = ProcessManager::new();
        for code in [0, 123] {
            let line = format!("echo foo; exit {code}");
            let handle = manager.start(sh(&line)).await.unwrap();
            let mut chunks = handle.chunks();
            while chunks.next().await.is_some() {
                // Looked at from where its output is read, and it loses no code.
                _ = (handle.state(), handle.pid());
            }
            while handle.state() != StateName::Succeeded && handle.state() != StateName::Failed {
                tokio::task::yield_now().await;
            }
            assert_eq!(handle.wait().await.unwrap().code(), code);
        }
    });
}

#[test]
fn symfony_wait_stopped_dead_process() {
    test(async {
        // Neither a stopped process nor a process that ignores its stop remains.
        let policy = StopPolicy { grace: ms(200), ..StopPolicy::default() };
        for line in ["kill -STOP $$", "trap '' TERM; kill -STOP $$; while :; do sleep 1; done"] {
            let command = sh(line).timeout(ms(300)).stop(policy.clone());
            let error = ProcessManager::new().run(command).await.unwrap_err();
            assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
        }
    });
}

#[test]
fn symfony_process_is_signaled_if_stopped() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("exec sleep 1000")).await.unwrap();
        let result = handle.stop().await.unwrap();
        assert_eq!(result.status(), Some(Exit::Signal(Signal::TERM)));
        assert_eq!((result.code(), result.killed_by()), (143, Some(EndCause::Stop)));
        // Once more changes nothing.
        assert_eq!(handle.stop().await.unwrap().code(), 143);
    });
}

#[test]
fn symfony_process_is_not_signaled() {
    test(async {
        let result = run(sh("exit 3")).await;
        assert_eq!((result.status(), result.killed_by()), (Some(Exit::Code(3)), None));
    });
}

#[test]
fn symfony_process_externally_signaled_is_a_result() {
    test(async {
        let manager = ProcessManager::new();
        let mut events = manager.events();
        let handle = manager.start(sh("exec sleep 1000")).await.unwrap();
        let pid = i32::try_from(handle.pid().unwrap()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let result = handle.wait().await.unwrap();
        assert_eq!(result.status(), Some(Exit::Signal(Signal::KILL)));
        assert_eq!((result.success(), result.killed_by()), (false, None));
        while let Some(event) = events.next().await {
            assert!(!matches!(event, Event::ProcessKilled(_)), "we have not killed it");
            if let Event::ProcessCompleted(e) = event {
                assert_eq!(e.end.signal, Some(Signal::KILL));
                break;
            }
        }
    });
}

#[test]
fn symfony_exit_code_is_available_after_signal() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("exec sleep 1000")).await.unwrap();
        handle.signal(Signal::KILL).unwrap();
        let result = handle.wait().await.unwrap();
        assert_eq!((result.code(), result.success()), (137, false));
        assert_eq!(result.status(), Some(Exit::Signal(Signal::KILL)));
    });
}

#[test]
fn symfony_wrong_signal() {
    for bad in [-4, 0, 1000] {
        assert_eq!(Signal::from_number(bad), None);
    }
    assert!("HURL".parse::<Signal>().is_err());
    assert_eq!("SIGTERM".parse::<Signal>().unwrap(), Signal::TERM);
}

#[test]
fn symfony_stop_terminates_process_cleanly() {
    test(async {
        // From where the output is read, by each of the ways there are.
        type End = fn(&pitcrew::ProcessHandle);
        let ways: [(End, i32); 2] = [
            (|handle| handle.signal(Signal::KILL).unwrap(), 137),
            (|handle| handle.signal(Signal::TERM).unwrap(), 143),
        ];
        let manager = ProcessManager::new();
        for (end, code) in ways {
            let handle = manager.start(sh("echo foo; exec sleep 1000")).await.unwrap();
            let mut lines = handle.lines();
            while let Some(line) = lines.next().await {
                assert_eq!(line.text(), "foo");
                end(&handle);
            }
            assert_eq!(handle.wait().await.unwrap().code(), code);
        }
        let handle = manager.start(sh("echo foo; exec sleep 1000")).await.unwrap();
        let mut lines = handle.lines();
        while lines.next().await.is_some() {
            assert_eq!(handle.stop().await.unwrap().code(), 143);
        }
    });
}

#[test]
fn symfony_stop_from_within_an_observer() {
    test(async {
        let manager = ProcessManager::new();
        let weak = manager.clone();
        let observer = manager
            .observe(move |event| {
                if let Event::ProcessReady(e) = event {
                    let handle = e.of.id.and_then(|id| weak.get(id));
                    drop(tokio::spawn(async move { handle.unwrap().stop().await }));
                }
            })
            .unwrap();
        let result = manager.run(Command::new("sleep").arg("1000")).await.unwrap();
        assert_eq!((result.code(), result.killed_by()), (143, Some(EndCause::Stop)));
        drop(observer);
    });
}

#[test]
fn symfony_ignoring_signal() {
    test(async {
        let policy = StopPolicy { grace: ms(200), ..StopPolicy::default() };
        let manager = ProcessManager::new();
        let line = "trap '' TERM; echo up; while :; do sleep 1; done";
        let handle = manager.start(sh(line).stop(policy)).await.unwrap();
        handle.wait_for_line(|line| line.text() == "up").await.unwrap();
        let result = handle.stop().await.unwrap();
        assert_eq!(result.status(), Some(Exit::Signal(Signal::KILL)));
        // The same with another ignored signal: the stop does not wait until it ends by itself.
        let policy = StopPolicy { signal: Signal::INT, grace: ms(200), ..StopPolicy::default() };
        let line = "trap '' INT; echo up; while :; do sleep 1; done";
        let handle = manager.start(sh(line).stop(policy)).await.unwrap();
        handle.wait_for_line(|line| line.text() == "up").await.unwrap();
        assert_eq!(handle.stop().await.unwrap().code(), 137);
    });
}

#[test]
fn symfony_stop_ends_what_a_shell_line_has_started() {
    test(async {
        let manager = ProcessManager::new();
        let line = "sleep 1000 & echo up; sleep 1000; :";
        let handle = manager.start(sh(line)).await.unwrap();
        handle.wait_for_line(|line| line.text() == "up").await.unwrap();
        handle.stop().await.unwrap();
        crate::common::own_process::gone(&handle);
    });
}
