//! Pools, pipes and concurrency.

use std::time::{Duration, Instant};

use pitcrew::{
    Command, Error, Exit, ProcessManager, ProcessPool, Signal, StateName, Stdin, StopPolicy,
    TimeLimit,
};

use crate::common::commands::{ms, sh};
use crate::common::own_process::test;
use crate::common::wait_until;

fn pool(slots: usize) -> (ProcessManager, ProcessPool) {
    let manager = ProcessManager::new();
    let pool = ProcessPool::new(&manager, slots);
    (manager, pool)
}

#[test]
fn laravel_process_pool() {
    test(async {
        let (_manager, pool) = pool(2);
        let results = pool.run_all(["echo 1", "echo 2"].map(sh).into_iter().enumerate()).await;
        assert!(results.success());
        assert_eq!(results.get(&0).unwrap().as_ref().unwrap().stdout(), b"1\n");
        assert_eq!(results.get(&1).unwrap().as_ref().unwrap().stdout(), b"2\n");
    });
}

#[test]
fn laravel_process_pool_failed() {
    test(async {
        let (_manager, pool) = pool(2);
        let results = pool.run_all([(0, sh("echo fine")), (1, sh("exit 1"))]).await;
        assert!(!results.success());
        assert!(results.get(&0).unwrap().as_ref().unwrap().success());
        assert!(!results.get(&1).unwrap().as_ref().unwrap().success());
    });
}

#[test]
fn laravel_invoked_process_pool_count() {
    test(async {
        let (_manager, pool) = pool(2);
        let jobs = pool.submit_all(["read x", "read x"].map(|line| sh(line).stdin(Stdin::Piped)));
        assert_eq!(jobs.len(), 2);
        wait_until("both run", || pool.running().len() == 2);
        pool.running().iter().for_each(pitcrew::ProcessHandle::close_stdin);
        pool.drain().await;
        assert_eq!((pool.running().len(), pool.queued()), (0, 0));
    });
}

#[test]
fn laravel_process_pool_can_receive_output_for_each_process_via_start_method() {
    test(async {
        let (_manager, pool) = pool(2);
        let commands = [("a", "1"), ("b", "2")].map(|(key, n)| {
            let line = format!("read x; echo 'out {n}'; echo 'err {n}' >&2");
            (key, sh(&line).stdin(Stdin::Piped))
        });
        let (keys, commands): (Vec<_>, Vec<_>) = commands.into_iter().unzip();
        let jobs = pool.submit_all(commands);
        wait_until("both run", || {
            jobs.iter().all(|job| job.handle().is_some_and(|h| h.pid().is_some()))
        });
        let mut reading = Vec::new();
        for (key, job) in keys.into_iter().zip(&jobs) {
            let handle = job.handle().unwrap();
            reading.push(tokio::spawn(async move {
                let (mut lines, mut seen) = (handle.lines(), Vec::new());
                handle.close_stdin();
                while let Some(line) = lines.next().await {
                    seen.push(format!("{key}: {}", line.text()));
                }
                seen.sort();
                seen
            }));
        }
        let mut seen = Vec::new();
        for task in reading {
            seen.extend(task.await.unwrap());
        }
        assert_eq!(seen, ["a: err 1", "a: out 1", "b: err 2", "b: out 2"]);
        // The results have it as well.
        for (n, job) in jobs.into_iter().enumerate() {
            let result = job.await.unwrap();
            assert_eq!(result.stdout_lossy(), format!("out {}\n", n + 1));
            assert_eq!(result.stderr_lossy(), format!("err {}\n", n + 1));
        }
    });
}

#[test]
fn laravel_invoked_process_pool_can_be_iterated() {
    test(async {
        let (manager, pool) = pool(3);
        let jobs =
            pool.submit_all((0..3).map(|n| sh("exec sleep 1000").name(format!("member-{n}"))));
        wait_until("all run", || pool.running().len() == 3);
        let names: Vec<_> = pool.running().iter().map(|one| one.name().to_owned()).collect();
        assert_eq!(names, ["member-0", "member-1", "member-2"]);
        for handle in pool.running() {
            manager.signal(handle.id(), Signal::INT).unwrap();
        }
        for job in jobs {
            assert_eq!(job.await.unwrap().status(), Some(Exit::Signal(Signal::INT)));
        }
    });
}

#[test]
fn laravel_process_pool_results_can_be_iterated_in_definition_order() {
    test(async {
        let (_manager, pool) = pool(3);
        // The first is the last to end, whatever the machine is busy with.
        let folder = tempfile::tempdir().unwrap();
        let last = sh("until [ -e a ] && [ -e b ]; do sleep 0.01; done; echo last");
        let jobs = [("slow", last), ("a", sh("echo a; touch a")), ("b", sh("echo b; touch b"))];
        let jobs = jobs.map(|(key, command)| (key, command.cwd(folder.path())));
        let results = pool.run_all(jobs).await;
        let seen: Vec<_> = results
            .into_iter()
            .map(|(key, outcome)| (key, outcome.unwrap().stdout_lossy().into_owned()))
            .collect();
        let expected = [("slow", "last\n"), ("a", "a\n"), ("b", "b\n")];
        assert_eq!(seen, expected.map(|(key, text)| (key, text.to_owned())));
    });
}

#[test]
fn laravel_process_pool_results_can_be_evaluated_by_name() {
    test(async {
        let (_manager, pool) = pool(2);
        let results = pool.run_all([("first", sh("echo 1")), ("second", sh("echo 2"))]).await;
        assert_eq!(results.get(&"first").unwrap().as_ref().unwrap().stdout(), b"1\n");
        assert_eq!(results.get(&"second").unwrap().as_ref().unwrap().stdout(), b"2\n");
        assert!(results.get(&"third").is_none());
    });
}

#[test]
fn laravel_invoked_process_pool_can_be_stopped() {
    test(async {
        let (_manager, pool) = pool(2);
        let jobs = pool.submit_all((0..2).map(|_| sh("exec sleep 1000")));
        wait_until("both run", || pool.running().len() == 2);
        pool.stop().await;
        assert!(pool.running().is_empty());
        for job in jobs {
            assert_eq!((job.state(), job.await.unwrap().code()), (StateName::Stopped, 143));
        }
    });
}

#[test]
fn laravel_pool_members_are_all_read_at_the_same_time() {
    test(async {
        // One that prints a megabyte does not wait for a sibling that is asked first, and breaks no
        // limit of its own because of it.
        let (_manager, pool) = pool(2);
        let folder = tempfile::tempdir().unwrap();
        let sleeper = sh("until [ -e done ]; do sleep 0.01; done").cwd(folder.path());
        let writer = sh("head -c 1000000 /dev/zero; touch done").cwd(folder.path());
        let jobs = [("first", sleeper), ("big", writer.timeout(Duration::from_secs(30)))];
        let results = pool.run_all(jobs).await;
        assert!(results.success(), "{results:?}");
        assert_eq!(results.get(&"big").unwrap().as_ref().unwrap().stdout().len(), 1_000_000);
    });
}

#[test]
fn laravel_pool_a_timeout_does_not_affect_other_results() {
    test(async {
        let (_manager, pool) = pool(3);
        let jobs = [
            ("good", sh("echo good")),
            ("slow", sh("echo part; exec sleep 1000").timeout(ms(300))),
            ("late", sh("sleep 0.5; echo late")),
        ];
        let results = pool.run_all(jobs).await;
        let error = results.get(&"slow").unwrap().as_ref().unwrap_err();
        assert!(matches!(error, Error::TimedOut { limit: TimeLimit::Total(_), .. }), "{error:?}");
        assert_eq!(results.get(&"good").unwrap().as_ref().unwrap().stdout(), b"good\n");
        assert_eq!(results.get(&"late").unwrap().as_ref().unwrap().stdout(), b"late\n");
    });
}

#[test]
fn laravel_pool_stop_gives_one_grace_to_all() {
    test(async {
        let (_manager, pool) = pool(20);
        let policy = StopPolicy { grace: ms(1000), ..StopPolicy::default() };
        let line = "trap '' TERM; echo up; while :; do sleep 1; done";
        let jobs = pool.submit_all((0..20).map(|_| sh(line).stop(policy.clone())));
        wait_until("all run", || pool.running().len() == 20);
        for handle in pool.running() {
            handle.wait_for_line(|line| line.text() == "up").await.unwrap();
        }
        let begun = Instant::now();
        pool.stop().await;
        let took = begun.elapsed();
        assert!(took >= ms(1000) && took < ms(19_000), "twenty graces would be 20 s, not {took:?}");
        for job in jobs {
            assert_eq!(job.await.unwrap().code(), 137);
        }
    });
}

#[test]
fn laravel_concurrency_work_can_be_distributed() {
    test(async {
        // Both are there at the same time, or neither would end.
        let folder = tempfile::tempdir().unwrap();
        let meet = |me: &str, other: &str| {
            sh("touch \"$1\"; until [ -e \"$2\" ]; do sleep 0.01; done; echo \"$1\"")
                .arg(me)
                .arg(other)
                .cwd(folder.path())
        };
        let (_manager, pool) = pool(2);
        let results = pool.run_all([(1, meet("a", "b")), (2, meet("b", "a"))]).await;
        assert!(results.success());
        assert_eq!(results.get(&1).unwrap().as_ref().unwrap().stdout(), b"a\n");
        assert_eq!(results.get(&2).unwrap().as_ref().unwrap().stdout(), b"b\n");
    });
}

#[test]
fn laravel_concurrency_run_may_use_custom_timeout() {
    test(async {
        let (_manager, pool) = pool(1);
        let quick = pool.submit(sh("exec sleep 1000").timeout(ms(100)));
        // The time in the queue is not part of its duration.
        let behind = pool.submit(sh("echo done").timeout(Duration::from_secs(20)));
        assert!(matches!(quick.await, Err(Error::TimedOut { .. })));
        assert_eq!(behind.await.unwrap().stdout(), b"done\n");
    });
}

#[test]
fn laravel_concurrency_run_handler_process_error_code() {
    test(async {
        let (_manager, pool) = pool(1);
        let result = pool.submit(sh("exit 7")).await.unwrap();
        assert_eq!((result.code(), result.success()), (7, false));
        assert!(result.ensure_success().unwrap_err().to_string().contains("exit 7"));
    });
}

#[test]
fn laravel_process_pipe() {
    test(async {
        let manager = ProcessManager::new();
        let stages = [sh("printf 'foo\\nbar\\nfoo\\n'"), Command::new("grep").arg("foo")];
        let result = manager.pipeline(stages).run().await.unwrap();
        assert!(result.success());
        assert_eq!(result.stdout(), b"foo\nfoo\n");
    });
}

#[test]
fn laravel_process_simple_pipe_failed() {
    test(async {
        let manager = ProcessManager::new();
        let stages = [sh("echo fault >&2; exit 1"), Command::new("cat")];
        let result = manager.pipeline(stages).run().await.unwrap();
        assert!(!result.success());
        assert_eq!(result.stages()[0].as_ref().unwrap().code(), 1);
        // The error is that of the failed stage, with its output.
        let error = result.ensure_success().unwrap_err();
        assert!(error.to_string().ends_with("failed: exit 1\nstderr:\n    fault"), "{error}");
    });
}

#[test]
fn laravel_process_pipe_of_empty_output_gives_an_empty_input() {
    test(async {
        let manager = ProcessManager::new();
        let stages = [Command::new("true"), Command::new("cat"), sh("wc -c")];
        let result = manager.pipeline(stages).run().await.unwrap();
        assert!(result.success());
        assert_eq!(String::from_utf8_lossy(result.stdout()).trim(), "0");
    });
}
