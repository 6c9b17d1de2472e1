//! The cases of queues, the retry helper and the event dispatcher that apply to a queue of commands.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use pitcrew::{Command, Event, PoolJob, ProcessManager, ProcessPool, Retry};

use crate::common::commands::{ms, run, sh};
use crate::common::own_process::test;

#[test]
fn laravel_queue_worker_can_work_until_queue_is_empty() {
    test(async {
        let manager = ProcessManager::new();
        let folder = tempfile::tempdir().unwrap();
        let pool = ProcessPool::new(&manager, 1);
        let note = |n| sh("echo $1 >> log").arg(format!("{n}")).cwd(folder.path());
        for job in pool.submit_all((0..5).map(note)) {
            job.detach();
        }
        pool.drain().await;
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert_eq!(log, "0\n1\n2\n3\n4\n");
    });
}

#[test]
fn laravel_queue_job_can_be_fired_based_on_priority() {
    test(async {
        let manager = ProcessManager::new();
        let folder = tempfile::tempdir().unwrap();
        let pool = ProcessPool::new(&manager, 1);
        let job = |name: &str, priority| {
            let command = sh("echo \"$1\" >> log").arg(name).cwd(folder.path());
            PoolJob::from(command).priority(priority)
        };
        pool.pause();
        let jobs = pool.submit_all([job("low", 0), job("high", 10), job("higher", 20)]);
        pool.resume();
        for job in jobs {
            job.await.unwrap();
        }
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert_eq!(log, "higher\nhigh\nlow\n");
    });
}

#[test]
fn laravel_queue_job_is_released_on_exception_with_its_delay() {
    test(async {
        let manager = ProcessManager::new();
        let mut events = manager.events();
        let command = sh("exit 1").retries(2).retry_delay(ms(200));
        let begun = Instant::now();
        let result = manager.run(command).await.unwrap();
        assert!(begun.elapsed() >= ms(400));
        assert_eq!((result.attempts().len(), result.code()), (3, 1));
        let mut kinds = Vec::new();
        while let Some(event) = events.next().await {
            kinds.push(event.kind());
            if event.kind() == "process_gave_up" {
                break;
            }
        }
        let retried = kinds.iter().filter(|kind| **kind == "process_retrying").count();
        assert_eq!(retried, 2, "{kinds:?}");
    });
}

#[test]
fn laravel_queue_job_in_back_off_holds_up_no_other() {
    test(async {
        let manager = ProcessManager::new();
        let pool = ProcessPool::new(&manager, 1);
        let failing = pool.submit(sh("exit 1").retries(1).retry_delay(Duration::from_mins(10)));
        assert_eq!(pool.submit(sh("echo done")).await.unwrap().stdout(), b"done\n");
        assert_eq!(pool.queued(), 1);
        failing.handle().unwrap().stop().await.unwrap();
        assert_eq!(failing.await.unwrap().attempts().len(), 1);
    });
}

#[test]
fn laravel_retry_until_it_succeeds() {
    test(async {
        let folder = tempfile::tempdir().unwrap();
        let line = "echo x >> tries; [ $(wc -l < tries) -eq 2 ] && echo 'at last'";
        let result = run(sh(line).cwd(folder.path()).retries(1)).await;
        assert!(result.success());
        assert_eq!((result.attempts().len(), result.stdout()), (2, &b"at last\n"[..]));
    });
}

#[test]
fn laravel_retry_with_backoff() {
    test(async {
        let retry = Retry::times(3).delay(ms(50)).factor(2.0).max_delay(ms(100));
        let begun = Instant::now();
        let result = run(sh("exit 1").retry(retry)).await;
        assert_eq!(result.attempts().len(), 4);
        assert!(begun.elapsed() >= ms(50 + 100 + 100));
    });
}

#[test]
fn laravel_retry_only_what_can_succeed() {
    test(async {
        let begun = Instant::now();
        let command = Command::new("/no/such/program").retries(5).retry_delay(ms(60_000));
        assert!(ProcessManager::new().run(command).await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(30));
    });
}

#[test]
fn laravel_events_nested_event() {
    test(async {
        // A listener that starts something itself sees the events of that as well.
        let manager = ProcessManager::new();
        let mut events = manager.events();
        manager.run(sh("true").name("outer")).await.unwrap();
        let mut ended = Vec::new();
        while let Some(event) = events.next().await {
            let Event::ProcessCompleted(e) = &event else { continue };
            ended.push(e.of.name.to_string());
            if ended.len() == 2 {
                break;
            }
            manager.run(sh("true").name("inner")).await.unwrap();
        }
        assert_eq!(ended, ["outer", "inner"]);
    });
}

#[test]
fn laravel_events_listeners_can_be_removed_and_two_of_the_same_both_fire() {
    test(async {
        let manager = ProcessManager::new();
        let (sender, receiver) = mpsc::channel();
        let listen = |name: &'static str| {
            let sender = sender.clone();
            let hears = move |event: &Event| _ = sender.send((name, event.kind()));
            manager.observe(hears).unwrap()
        };
        let (first, second) = (listen("first"), listen("second"));
        manager.run(Command::new("true")).await.unwrap();
        drop(first);
        manager.run(Command::new("true")).await.unwrap();
        manager.shutdown().await;
        let mut seen = Vec::new();
        loop {
            let got =
                tokio::task::block_in_place(|| receiver.recv_timeout(Duration::from_secs(30)));
            let (name, kind) = got.unwrap();
            seen.push((name, kind));
            if (name, kind) == ("second", "project_stopped") {
                break;
            }
        }
        let of = |name| seen.iter().filter(|one| **one == (name, "process_completed")).count();
        // The removed observer may not have handled the earlier events yet.
        assert!(of("first") <= 1, "{seen:?}");
        assert_eq!(of("second"), 2);
        drop(second);
    });
}
