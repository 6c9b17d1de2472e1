//! The library with real processes: handles, streams, managers and events.

use std::time::{Duration, Instant};

use pitcrew::event::{EndCause, RunError};
use pitcrew::{
    Command, Error, Event, Output, ProcessManager, Signal, StateName, Stdin, StopPolicy, Stream,
};

use crate::common::commands::{ms, run, sh};
use crate::common::own_process::{alone, gone, test};

#[test]
fn wait_for_line_sees_what_was_printed_before_and_errs_at_the_end() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("echo one; echo two; echo three")).await.unwrap();
        handle.wait().await.unwrap();
        let line = handle.wait_for_line(|line| line.text().starts_with("tw")).await.unwrap();
        assert_eq!(line.text(), "two");
        let error = handle.wait_for_line(|line| line.text() == "four").await.unwrap_err();
        assert!(matches!(error, Error::Ended { .. }));
    });
}

#[test]
fn an_unread_line_delays_nothing() {
    test(async {
        let manager = ProcessManager::new();
        for output in [Output::Null, Output::Inherit] {
            let handle = manager.start(sh("exec sleep 1000").output(output)).await.unwrap();
            let error = handle.wait_for_line(|_| true).await.unwrap_err();
            assert!(matches!(error, Error::Unread { .. }), "{error:?}");
            handle.kill().await.unwrap();
        }
    });
}

#[test]
fn lines_come_whole_from_both_outputs_and_without_the_last_newline() {
    test(async {
        let manager = ProcessManager::new();
        let line = "printf 'a'; sleep 0.05; printf 'b\\nc\\n'; printf 'err' >&2; printf 'last'";
        let handle = manager.start(sh(line)).await.unwrap();
        let mut lines = handle.lines();
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            all.push((line.stream(), line.text().into_owned()));
        }
        let out: Vec<_> = all.iter().filter(|(s, _)| *s == Stream::Out).map(|(_, t)| t).collect();
        assert_eq!(out, ["ab", "c", "last"]);
        assert!(all.contains(&(Stream::Err, "err".to_owned())));
    });
}

#[test]
fn cursors_are_independent_and_give_what_is_new() {
    test(async {
        let manager = ProcessManager::new();
        let line = "echo 1; read x; echo 2; echo e >&2; read y";
        let handle = manager.start(sh(line).stdin(Stdin::Piped)).await.unwrap();
        let (mut first, mut second) = (handle.cursor(), handle.cursor());
        handle.wait_for_line(|line| line.text() == "1").await.unwrap();
        assert_eq!((first.stdout(), first.stdout()), (b"1\n".to_vec(), Vec::new()));
        handle.write("\n").await.unwrap();
        handle.wait_for_line(|line| line.text() == "e").await.unwrap();
        assert_eq!((first.stdout(), second.stdout()), (b"2\n".to_vec(), b"1\n2\n".to_vec()));
        assert_eq!(first.stderr(), b"e\n");
        handle.kill().await.unwrap();
    });
}

#[test]
fn many_wait_and_all_get_the_same() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("read x; exit 5").stdin(Stdin::Piped)).await.unwrap();
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let handle = handle.clone();
                tokio::spawn(async move { handle.wait().await.unwrap().code() })
            })
            .collect();
        handle.close_stdin();
        for task in waiting {
            assert_eq!(task.await.unwrap(), 5);
        }
        assert_eq!(handle.wait().await.unwrap().code(), 5);
    });
}

#[test]
fn stop_goes_by_the_stop_policy_and_many_stops_are_one() {
    test(async {
        let manager = ProcessManager::new();
        let policy = StopPolicy { signal: Signal::INT, ..StopPolicy::default() };
        let line = "trap 'echo int; exit 4' INT; echo up; while :; do sleep 0.05; done";
        let handle = manager.start(sh(line).stop(policy)).await.unwrap();
        handle.wait_for_line(|line| line.text() == "up").await.unwrap();
        let (a, b) = tokio::join!(handle.stop(), handle.stop());
        let result = a.unwrap();
        assert_eq!((result.code(), b.unwrap().code()), (4, 4));
        assert_eq!(result.stdout(), b"up\nint\n");
        assert_eq!(result.killed_by(), Some(EndCause::Stop));
        assert!(!result.success());
    });
}

#[test]
fn a_process_that_ignores_the_signal_is_killed_after_its_grace_period_and_a_kill_is_immediate() {
    test(async {
        let manager = ProcessManager::new();
        let policy = StopPolicy { grace: ms(300), ..StopPolicy::default() };
        let line = "trap '' TERM; echo up; while :; do sleep 1; done";
        let stubborn = sh(line).stop(policy);
        let handle = manager.start(stubborn.clone()).await.unwrap();
        handle.wait_for_line(|line| line.text() == "up").await.unwrap();
        let before = Instant::now();
        assert_eq!(handle.stop().await.unwrap().code(), 137);
        assert!(before.elapsed() >= ms(300));
        let handle = manager.start(sh(line)).await.unwrap();
        let result = manager.kill(handle.id()).await.unwrap();
        assert_eq!(result.killed_by(), Some(EndCause::Kill));
        assert!(matches!(manager.kill(handle.id()).await, Err(Error::NotFound(_))));
    });
}

#[test]
fn signals_reach_the_group_and_no_process_after_the_end() {
    test(async {
        let manager = ProcessManager::new();
        let line = "trap 'echo usr1; exit 0' USR1; echo up; while :; do sleep 0.02; done";
        let handle = manager.start(sh(line)).await.unwrap();
        handle.wait_for_line(|line| line.text() == "up").await.unwrap();
        manager.signal(handle.id(), Signal::USR1).unwrap();
        assert_eq!(handle.wait().await.unwrap().stdout(), b"up\nusr1\n");
        assert!(matches!(handle.signal(Signal::TERM), Err(Error::NotFound(_))));
    });
}

#[test]
fn a_leader_that_leaves_children_is_reported_and_they_are_ended() {
    test(async {
        let before = Instant::now();
        let result = run(sh("sleep 1000 & echo gone")).await;
        assert!(result.success() && result.leaked() && before.elapsed() < Duration::from_secs(50));
        assert!(result.strays()[0].command.contains("sleep"), "{:?}", result.strays());
    });
}

#[test]
fn what_a_short_run_leaves_is_found_however_short_it_was() {
    test(async {
        // Beside others that come and go, so that numbers are given to many.
        let manager = ProcessManager::new();
        let pool = pitcrew::ProcessPool::new(&manager, 4);
        let jobs = (0..60).flat_map(|n| {
            let leaves = sh("(setsid sleep 1000 >/dev/null 2>&1 &)");
            [((n, true), leaves), ((n, false), Command::new("true"))]
        });
        for ((n, leaves), outcome) in pool.run_all(jobs).await {
            let result = outcome.unwrap();
            assert!(result.success());
            assert_eq!(result.leaked(), leaves, "{n}: {:?}", result.strays());
        }
    });
}

#[test]
fn two_processes_of_the_same_name_are_distinguished_with_their_children() {
    test(async {
        let manager = ProcessManager::new();
        // Both leave a daemon behind; the end of one must not touch the other's.
        let line = "(setsid sh -c 'echo daemon; exec sleep 1000' &) ; read x";
        let start =
            async || manager.start(sh(line).name("twin").stdin(Stdin::Piped)).await.unwrap();
        let (one, two) = (start().await, start().await);
        one.wait_for_line(|line| line.text() == "daemon").await.unwrap();
        two.wait_for_line(|line| line.text() == "daemon").await.unwrap();
        one.close_stdin();
        assert_eq!(one.wait().await.unwrap().strays().len(), 1);
        assert_eq!(two.state(), StateName::Ready);
        two.close_stdin();
        assert_eq!(two.wait().await.unwrap().strays().len(), 1);
    });
}

#[test]
fn a_dropped_run_is_killed_with_its_tree_and_a_dropped_handle_lives_on() {
    test(async {
        let manager = ProcessManager::new();
        let running = manager.run(sh("sleep 1000 & sleep 1000; :"));
        assert!(tokio::time::timeout(ms(200), running).await.is_err());
        let handle = manager.start(sh("exec sleep 0.2")).await.unwrap();
        let id = handle.id();
        drop(handle);
        let again = manager.get(id).unwrap();
        assert!(again.wait().await.unwrap().success());
        while !manager.active().is_empty() {
            tokio::time::sleep(ms(5)).await;
        }
    });
}

#[test]
fn active_and_get_return_the_running_commands() {
    test(async {
        let manager = ProcessManager::new();
        assert!(manager.active().is_empty());
        let one = manager.start(sh("exec sleep 1000").name("one")).await.unwrap();
        let two = manager.start(sh("exec sleep 1000").name("two")).await.unwrap();
        let names: Vec<_> = manager.active().iter().map(|h| h.name().to_owned()).collect();
        assert_eq!(names, ["one", "two"]);
        assert!(two.id() > one.id() && one.pid() != two.pid());
        manager.stop_all().await;
        assert!(manager.active().is_empty() && manager.get(one.id()).is_none());
        assert_eq!(one.pid(), None);
        assert_eq!(one.wait().await.unwrap().code(), 143);
    });
}

#[test]
fn after_a_shutdown_nothing_starts_and_nothing_is_left() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("exec sleep 1000")).await.unwrap();
        manager.shutdown().await;
        assert_eq!(handle.wait().await.unwrap().code(), 143);
        let error = manager.run(Command::new("true")).await.unwrap_err();
        assert!(matches!(error, Error::Closed(_)), "{error:?}");
        manager.shutdown().await;
        let unused = ProcessManager::new();
        unused.shutdown().await;
        assert!(matches!(unused.start(Command::new("true")).await, Err(Error::Closed(_))));
    });
}

#[test]
fn a_manager_that_is_dropped_leaves_nothing_running() {
    test(async {
        let manager = ProcessManager::new();
        let other = ProcessManager::new();
        let line = "trap '' TERM; (setsid sh -c 'trap \"\" TERM; sleep 1000; :' &); echo up; sleep 1000; :";
        let handle = manager.start(sh(line)).await.unwrap();
        let beside = other.start(sh("exec sleep 1000")).await.unwrap();
        handle.wait_for_line(|line| line.text() == "up").await.unwrap();
        drop(manager);
        // Immediately: the program may be about to end.
        gone(&handle);
        let result = handle.wait().await.unwrap();
        // Reported as an end on purpose, not as one by itself.
        assert_eq!((result.code(), result.killed_by()), (137, Some(EndCause::Shutdown)));
        assert_eq!(beside.state(), StateName::Ready, "managers know nothing of each other");
        beside.kill().await.unwrap();
    });
}

#[test]
fn a_runtime_that_ends_takes_its_commands_along() {
    alone(|| {
        let manager = ProcessManager::new();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let handle = runtime.block_on(manager.start(sh("sleep 1000 & sleep 1000; :"))).unwrap();
        drop(runtime);
        gone(&handle);
        drop(manager);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        assert!(matches!(runtime.block_on(handle.wait()), Err(Error::Closed(_))));
    });
}

#[test]
fn outside_of_a_runtime_there_is_an_error_and_no_panic() {
    struct Nothing;
    impl std::task::Wake for Nothing {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    let manager = ProcessManager::new();
    let waker = std::sync::Arc::new(Nothing).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut running = Box::pin(manager.run(Command::new("true")));
    match running.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(Error::NoRuntime)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_million_lines_past_a_reader_that_never_reads_do_no_harm() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("seq 2000000").output(Output::Discard)).await.unwrap();
        let (mut lines, events) = (handle.lines(), manager.events());
        assert!(handle.wait().await.unwrap().success());
        let mut missed = 0;
        let mut last = String::new();
        while let Some(line) = lines.next().await {
            missed += line.missed();
            last = line.text().into_owned();
        }
        assert_eq!(last, "2000000");
        assert!(missed > 10_000_000, "{missed}");
        drop(events);
    });
}

#[test]
fn a_run_error_is_in_its_attempt() {
    test(async {
        let command = sh("exec sleep 60").timeout(ms(100)).retries(1);
        let error = ProcessManager::new().run(command).await.unwrap_err();
        let errors: Vec<_> = error.result().unwrap().attempts().iter().map(|a| a.error).collect();
        assert_eq!(errors, [Some(RunError::Timeout); 2]);
    });
}

#[test]
fn events_are_published_in_order_and_the_end_when_all_is_final() {
    test(async {
        let manager = ProcessManager::new();
        let mut events = manager.events();
        let handle = manager.start(sh("echo a; exit 1").name("x").retries(1)).await.unwrap();
        let mut kinds = Vec::new();
        while let Some(event) = events.next().await {
            kinds.push(event.kind());
            if let Event::ProcessCompleted(e) = &event {
                assert_eq!(e.of.id, Some(handle.id()));
                // The retry may have begun after the first run.
                let is_last = e.of.run == 2;
                let process = manager.get(handle.id()).filter(|_| is_last);
                assert!(process.is_none_or(|process| process.pid().is_none()));
            }
            if event.kind() == "process_gave_up" {
                break;
            }
        }
        assert_eq!(
            kinds,
            [
                "process_started",
                "process_ready",
                "process_completed",
                "process_retrying",
                "process_started",
                "process_ready",
                "process_completed",
                "process_gave_up"
            ]
        );
        assert!(manager.get(handle.id()).is_none() && manager.active().is_empty());
    });
}

#[test]
fn a_slow_subscriber_learns_how_many_it_missed() {
    test(async {
        let manager = ProcessManager::new();
        let mut slow = manager.events();
        let pool = pitcrew::ProcessPool::new(&manager, 8);
        let jobs = (0..1100).map(|n| (n, Command::new("/no/such/program")));
        pool.run_all(jobs).await;
        let pairs = (0..1000).map(|n| (n, Command::new("true")));
        pool.run_all(pairs).await;
        let mut seen = 0;
        let first = slow.next().await.unwrap();
        let missed = slow.missed();
        assert!(missed > 0);
        assert_eq!(first.stamp().seq, missed + 1, "the numbers go on where the gap ends");
        while let Ok(Some(_)) = tokio::time::timeout(ms(50), slow.next()).await {
            seen += 1;
        }
        assert!(seen >= 4000, "{seen}");
        assert_eq!(slow.missed(), 0);
        assert!(manager.snapshot().is_some());
    });
}

#[test]
fn an_observer_sees_every_event_and_a_panic_in_one_is_contained() {
    test(async {
        let manager = ProcessManager::new();
        let (sender, receiver) = std::sync::mpsc::channel();
        let good = manager.observe(move |event| _ = sender.send(event.stamp().seq)).unwrap();
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let bad = manager.observe(|_| panic!("an observer of a user")).unwrap();
        for _ in 0..3 {
            manager.run(Command::new("true")).await.unwrap();
        }
        bad.caught_up().await;
        good.finish().await;
        bad.finish().await;
        std::panic::set_hook(hook);
        assert_eq!(receiver.iter().collect::<Vec<u64>>(), (1..=9).collect::<Vec<u64>>());
    });
}
