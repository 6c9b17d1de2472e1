//! Pools and pipelines with real processes.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use pitcrew::{
    Command, CommandFault, Error, Event, Exit, OnFailure, Output, PoolJob, ProcessManager,
    ProcessPool, Signal, StartErrorKind, StateName, Stdin,
};

use crate::common::commands::{ms, sh};
use crate::common::own_process::test;
use crate::common::wait_until;

/// Runs until there is a file with this name.
fn waits_for(folder: &Path, gate: &str) -> Command {
    sh("until [ -e \"$1\" ]; do sleep 0.01; done").arg(folder.join(gate))
}

/// The most processes that were alive at the same time, and the names in the order of their starts.
fn of_events(manager: &ProcessManager) -> impl Future<Output = (usize, Vec<String>)> + use<> {
    let mut events = manager.events();
    async move {
        let (mut alive, mut most, mut order) = (HashSet::new(), 0, Vec::new());
        while let Some(event) = events.next().await {
            let Some(of) = event.subject() else {
                if event.kind() == "project_stopped" {
                    break;
                }
                continue;
            };
            match event.kind() {
                "process_started" => {
                    alive.insert(of.id);
                    order.push(of.name.to_string());
                }
                "process_completed" | "process_killed" => _ = alive.remove(&of.id),
                _ => {}
            }
            most = most.max(alive.len());
        }
        (most, order)
    }
}

#[test]
fn results_come_by_key_in_the_order_of_the_jobs() {
    test(async {
        let manager = ProcessManager::new();
        let pool = ProcessPool::new(&manager, 3);
        let jobs = [("slow", "sleep 0.2; echo s"), ("quick", "echo q"), ("bad", "exit 9")];
        let results = pool.run_all(jobs.map(|(key, line)| (key, sh(line)))).await;
        let keys: Vec<_> = results.iter().map(|(key, _)| *key).collect();
        assert_eq!((keys, results.len()), (vec!["slow", "quick", "bad"], 3));
        assert!(!results.success());
        assert_eq!(results.get(&"slow").unwrap().as_ref().unwrap().stdout(), b"s\n");
        assert_eq!(results.get(&"bad").unwrap().as_ref().unwrap().code(), 9);
        assert!(results.get(&"none").is_none());
    });
}

#[test]
fn an_empty_pool_succeeds_and_a_key_given_twice_has_two_results() {
    test(async {
        let slotless = ProcessPool::new(&ProcessManager::new(), 0);
        assert!(slotless.submit(sh("true")).await.unwrap().success(), "0 slots are taken as 1");
        let manager = ProcessManager::new();
        let pool = ProcessPool::new(&manager, 1);
        let none = pool.run_all(Vec::<(u8, Command)>::new()).await;
        assert!(none.success() && none.is_empty());
        let results = pool.run_all([("k", sh("echo 1")), ("k", sh("echo 2"))]).await;
        let outs: Vec<_> = results.into_iter().map(|(_, r)| r.unwrap().stdout().to_vec()).collect();
        assert_eq!(outs, [b"1\n", b"2\n"]);
    });
}

#[test]
fn a_piped_input_needs_a_handle_which_a_job_has() {
    test(async {
        let pool = ProcessPool::new(&ProcessManager::new(), 1);
        let cat = || Command::new("cat").stdin(Stdin::Piped);
        let results = pool.run_all([("cat", cat()), ("true", Command::new("true"))]).await;
        let refused = results.get(&"cat").unwrap();
        let expected = CommandFault::PipedUnheld;
        assert!(matches!(refused, Err(Error::Invalid { fault, .. }) if *fault == expected));
        assert!(results.get(&"true").unwrap().is_ok());

        let job = pool.submit(cat());
        while job.handle().and_then(|handle| handle.pid()).is_none() {
            tokio::time::sleep(ms(2)).await;
        }
        let handle = job.handle().unwrap();
        handle.write("in").await.unwrap();
        handle.close_stdin();
        assert_eq!(job.await.unwrap().stdout(), b"in");
    });
}

#[test]
fn never_more_than_the_slots_are_alive_and_none_idles() {
    test(async {
        let manager = ProcessManager::new();
        let seen = tokio::spawn(of_events(&manager));
        let pool = ProcessPool::new(&manager, 3);
        let jobs = (0..30).map(|n| (n, sh("sleep 0.02").name(format!("j{n:02}"))));
        assert!(pool.run_all(jobs).await.success());
        manager.shutdown().await;
        let (most, order) = seen.await.unwrap();
        assert_eq!(most, 3);
        assert!(order.is_sorted() && order.len() == 30, "{order:?}");
    });
}

#[test]
fn a_job_that_cannot_start_fails_alone() {
    test(async {
        let manager = ProcessManager::new();
        let pool = ProcessPool::new(&manager, 1);
        let jobs = [("a", sh("true")), ("b", Command::new("/no/such")), ("c", Command::new(""))];
        let results = pool.run_all(jobs.into_iter().chain([("d", sh("true"))])).await;
        assert!(results.get(&"a").unwrap().is_ok() && results.get(&"d").unwrap().is_ok());
        match results.get(&"b").unwrap() {
            Err(Error::Start { error, .. }) => {
                assert_eq!(error.kind, StartErrorKind::ProgramNotFound);
            }
            other => unreachable!("{other:?}"),
        }
        assert!(matches!(
            results.get(&"c").unwrap(),
            Err(Error::Invalid { fault: CommandFault::NoProgram, .. })
        ));
    });
}

#[test]
fn priority_goes_first_and_a_delayed_job_waits_its_time() {
    test(async {
        let manager = ProcessManager::new();
        let folder = tempfile::tempdir().unwrap();
        let seen = tokio::spawn(of_events(&manager));
        let pool = ProcessPool::new(&manager, 1);
        let job = |name: &str| PoolJob::from(sh("true").name(name));
        let gate = pool.submit(waits_for(folder.path(), "go"));
        let begun = Instant::now();
        let rest = [
            pool.submit(job("late").delay(ms(300)).priority(99)),
            pool.submit(job("low").priority(-1)),
            pool.submit(job("first")),
            pool.submit(job("second")),
            pool.submit(job("high").priority(7)),
        ];
        assert_eq!(rest[1].state(), StateName::Queued);
        // Submitting does not wait until they are in the queue.
        while rest.iter().any(|job| job.id().is_none()) {
            tokio::time::sleep(ms(2)).await;
        }
        fs::write(folder.path().join("go"), "").unwrap();
        gate.await.unwrap();
        for one in rest {
            one.await.unwrap();
        }
        assert!(begun.elapsed() >= ms(300));
        manager.shutdown().await;
        let (_, order) = seen.await.unwrap();
        let order: Vec<&str> = order.iter().skip(1).map(String::as_str).collect();
        assert_eq!(order, ["high", "first", "second", "low", "late"]);
    });
}

#[test]
fn a_paused_pool_starts_nothing_until_it_is_resumed() {
    test(async {
        let manager = ProcessManager::new();
        let pool = ProcessPool::new(&manager, 2);
        pool.pause();
        let mut job = pool.submit(sh("echo done"));
        let paused = tokio::time::timeout(ms(200), &mut job).await;
        assert!(paused.is_err());
        assert_eq!((pool.queued(), pool.running().len()), (1, 0));
        pool.resume();
        assert_eq!(job.await.unwrap().stdout(), b"done\n");
        assert_eq!(pool.queued(), 0);
    });
}

#[test]
fn a_closed_pool_takes_no_more_and_drains() {
    test(async {
        let manager = ProcessManager::new();
        let folder = tempfile::tempdir().unwrap();
        let pool = ProcessPool::new(&manager, 1);
        let path = folder.path();
        let jobs =
            pool.submit_all((0..3).map(|n| sh("touch \"$1\"").arg(path.join(n.to_string()))));
        pool.close();
        assert!(matches!(pool.submit(sh("true")).await, Err(Error::Closed(_))));
        jobs.into_iter().for_each(pitcrew::Job::detach);
        pool.drain().await;
        assert_eq!(fs::read_dir(path).unwrap().count(), 3);
        manager.shutdown().await;
    });
}

#[test]
fn a_stop_cancels_what_is_queued_and_stops_what_runs_at_the_same_time() {
    test(async {
        let manager = ProcessManager::new();
        let pool = ProcessPool::new(&manager, 20);
        let policy = pitcrew::StopPolicy { grace: ms(1000), ..Default::default() };
        let stubborn = sh("trap '' TERM; echo up; while :; do sleep 1; done").stop(policy);
        let mut jobs = pool.submit_all((0..23).map(|_| stubborn.clone()));
        wait_until("twenty run", || pool.running().len() == 20);
        for handle in pool.running() {
            handle.wait_for_line(|_| true).await.unwrap();
        }
        let begun = Instant::now();
        pool.stop().await;
        let took = begun.elapsed();
        assert!(took >= ms(1000) && took < ms(19_000), "one grace for all, not {took:?}");
        for job in jobs.drain(..20) {
            assert_eq!(job.await.unwrap().status(), Some(Exit::Signal(Signal::KILL)));
        }
        for job in jobs {
            assert!(matches!(job.await, Err(Error::Cancelled { .. })));
        }
    });
}

#[test]
fn a_queued_job_that_is_dropped_never_runs_and_a_running_one_goes_on() {
    test(async {
        let manager = ProcessManager::new();
        let folder = tempfile::tempdir().unwrap();
        let pool = ProcessPool::new(&manager, 1);
        let touch = |name: &str| sh("touch \"$1\"").arg(folder.path().join(name));
        let running = pool.submit(waits_for(folder.path(), "go"));
        wait_until("it runs", || pool.running().len() == 1);
        let queued = pool.submit(touch("never"));
        let kept = pool.submit(touch("kept"));
        drop((queued, running));
        fs::write(folder.path().join("go"), "").unwrap();
        assert!(kept.await.unwrap().success());
        pool.drain().await;
        assert!(!folder.path().join("never").exists());
    });
}

#[test]
fn with_on_failure_stop_the_first_failure_skips_and_stops_the_rest() {
    test(async {
        let manager = ProcessManager::new();
        let pool = ProcessPool::new(&manager, 2).on_failure(OnFailure::Stop);
        let jobs = [
            ("runs", sh("exec sleep 1000")),
            ("fails", sh("exit 3").name("bad")),
            ("queued", sh("true")),
        ];
        let results = pool.run_all(jobs).await;
        let outcome = |key| results.get(&key).unwrap();
        assert_eq!(outcome("runs").as_ref().unwrap().status(), Some(Exit::Signal(Signal::TERM)));
        assert_eq!(outcome("fails").as_ref().unwrap().code(), 3);
        let skipped = outcome("queued").as_ref().unwrap_err();
        assert!(matches!(skipped, Error::Skipped { .. }), "{results:?}");
        let said = skipped.to_string();
        assert!(said.ends_with(" was skipped: pool stopped because bad failed"), "{said}");
        assert!(pool.submit(sh("true")).await.unwrap().success(), "it goes on");
    });
}

#[test]
fn a_pool_that_is_dropped_works_off_what_it_was_given() {
    test(async {
        let manager = ProcessManager::new();
        let folder = tempfile::tempdir().unwrap();
        let pool = ProcessPool::new(&manager, 1);
        let touch = |name: &str| sh("sleep 0.05; touch \"$1\"").arg(folder.path().join(name));
        for job in pool.submit_all(["a", "b", "c"].map(touch)) {
            job.detach();
        }
        drop(pool);
        let mut events = manager.events();
        while !folder.path().join("c").exists() {
            events.next().await.unwrap();
        }
        while !manager.active().is_empty() {
            tokio::time::sleep(ms(2)).await;
        }
    });
}

#[test]
fn a_pool_that_has_drained_says_how_its_jobs_ended() {
    test(async {
        let manager = ProcessManager::new();
        let mut events = manager.events();
        let pool = ProcessPool::new(&manager, 2);
        pool.run_all([(1, sh("true")), (2, sh("false")), (3, sh("true"))]).await;
        while let Some(event) = events.next().await {
            if let Event::PoolDrained(e) = event {
                assert_eq!((e.succeeded, e.failed), (2, 1));
                break;
            }
        }
    });
}

#[test]
fn ten_thousand_jobs_leave_no_trace() {
    test(async {
        let manager = ProcessManager::new();
        let pool = ProcessPool::new(&manager, 16);
        let results = pool.run_all((0..10_000).map(|n| (n, Command::new("true")))).await;
        assert!(results.success());
        assert!(manager.active().is_empty() && pool.queued() == 0);
        assert_eq!(manager.snapshot().unwrap().processes.len(), 0);
    });
}

#[test]
fn stages_are_joined_by_pipes_and_each_has_its_result() {
    test(async {
        let manager = ProcessManager::new();
        let result = manager
            .pipeline([sh("printf 'b\\na\\nb\\n'; echo from-one >&2"), Command::new("sort")])
            .pipe(Command::new("uniq").arg("-c"))
            .run()
            .await
            .unwrap();
        assert!(result.success());
        let text = String::from_utf8(result.stdout().to_vec()).unwrap();
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["1", "a", "2", "b"]);
        assert_eq!(result.stages().len(), 3);
        assert_eq!(result.stages()[0].as_ref().unwrap().stderr(), b"from-one\n");
    });
}

#[test]
fn a_stage_that_ends_early_is_no_failure_and_a_failing_stage_is() {
    test(async {
        let manager = ProcessManager::new();
        let early = manager.pipeline([Command::new("yes"), Command::new("head").arg("-1")]);
        let result = early.run().await.unwrap();
        assert!(result.success() && result.stdout() == b"y\n");
        assert!(result.stdout_lossy() == "y\n" && result.stdout_contains("y"));
        let status = result.stages()[0].as_ref().unwrap().status();
        assert_eq!(status, Some(Exit::Signal(Signal::PIPE)));

        let failing = manager.pipeline([sh("echo x; exit 4"), Command::new("cat")]);
        let result = failing.run().await.unwrap();
        assert!(!result.success() && result.stdout() == b"x\n");
        let error = result.ensure_success().unwrap_err();
        assert!(error.to_string().contains("exit 4"), "{error}");
        // A stage that is cut off because the one after it failed has not done its work.
        let cut = manager.pipeline([Command::new("yes"), sh("exec 0<&-; exit 1")]).run().await;
        assert!(!cut.unwrap().success());
    });
}

#[test]
fn a_pipeline_with_a_stage_that_cannot_start_ends_the_others() {
    test(async {
        let manager = ProcessManager::new();
        let stages = [sh("exec sleep 1000"), Command::new("no-such-program"), Command::new("cat")];
        let error = manager.pipeline(stages).run().await.unwrap_err();
        assert!(matches!(error, Error::Start { .. }), "{error:?}");
        assert!(manager.active().is_empty());
    });
}

#[test]
fn senseless_pipelines_are_refused() {
    test(async {
        let manager = ProcessManager::new();
        let cases = [
            (vec![], CommandFault::NoStage),
            (vec![sh("a").retries(1)], CommandFault::StageRetry),
            (vec![sh("a"), sh("b").stdin("x")], CommandFault::StageInput),
            // It could not be written to.
            (vec![sh("a").stdin(Stdin::Piped), sh("b")], CommandFault::PipedUnheld),
            // It would be called silent while it writes to the next stage.
            (vec![sh("a").idle_timeout(ms(9)), sh("b")], CommandFault::StageIdle),
            (vec![sh("a").output(Output::Null), sh("b")], CommandFault::StageOutput),
        ];
        for (stages, expected) in cases {
            match manager.pipeline(stages).run().await {
                Err(Error::Invalid { fault, .. }) => assert_eq!(fault, expected),
                other => unreachable!("{expected:?}: {other:?}"),
            }
        }
        assert!(manager.snapshot().is_none());
    });
}

#[test]
fn the_first_stage_has_an_input_and_a_dropped_pipeline_is_killed() {
    test(async {
        let manager = ProcessManager::new();
        let stages = [Command::new("cat").stdin(Stdin::from("in")), Command::new("cat")];
        assert_eq!(manager.pipeline(stages).run().await.unwrap().stdout(), b"in");
        let endless = manager.pipeline([Command::new("yes"), sh("cat >/dev/null")]).run();
        assert!(tokio::time::timeout(ms(200), endless).await.is_err());
        while !manager.active().is_empty() {
            tokio::time::sleep(ms(2)).await;
        }
    });
}

#[test]
fn two_hundred_megabytes_flow_through_with_flat_memory() {
    test(async {
        let memory = || {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        };
        let manager = ProcessManager::new();
        manager.run(Command::new("true")).await.unwrap();
        let before = memory();
        let stages = [sh("head -c 200000000 /dev/zero"), Command::new("cat"), sh("wc -c")];
        let result = manager.pipeline(stages).run().await.unwrap();
        assert_eq!(String::from_utf8_lossy(result.stdout()).trim(), "200000000");
        assert!(memory() - before < 8 << 10, "{before} kB became {} kB", memory());
    });
}
