//! Events of the library: each run has exactly one end event, sent after all output.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pitcrew::event::RunError;
use pitcrew::{Command, Event, ProcessManager, ProcessPool, StopPolicy};

use crate::common::commands::{ms, sh};
use crate::common::own_process::test;

/// The events of each run, by name and number.
type Ends = BTreeMap<(String, u32), Vec<String>>;

#[test]
fn every_run_has_exactly_one_end_of_the_kind_that_fits() {
    test(async {
        let manager = ProcessManager::new();
        let ends: Arc<Mutex<Ends>> = Arc::default();
        let sink = Arc::clone(&ends);
        let observer = manager.observe(move |event| {
            let (of, end) = match event {
                Event::ProcessCompleted(e) => (&e.of, "completed".to_owned()),
                Event::ProcessKilled(e) => (&e.of, format!("killed by {:?}", e.by)),
                Event::ProcessFailed(e) => (&e.of, format!("failed: {:?}", e.error)),
                _ => return,
            };
            let of = (of.name.to_string(), of.run);
            sink.lock().unwrap().entry(of).or_default().push(end);
        });
        let observer = observer.unwrap();

        let grace = StopPolicy { grace: ms(20), ..StopPolicy::default() };
        let stubborn = "trap '' TERM; while :; do sleep 0.01; done";
        let timed = sh("exec sleep 1000").name("timed").timeout(ms(30));
        let silent = sh(stubborn).name("silent").idle_timeout(ms(30)).stop(grace);
        let pool = ProcessPool::new(&manager, 4);
        let jobs = pool.submit_all([
            sh("exit 3").name("retried").retries(2),
            sh("kill -KILL $$").name("signalled"),
            Command::new("no-such-program").name("missing"),
            timed,
            silent,
            sh("sleep 1000 &").name("leaks"),
        ]);
        let stopped = manager.start(sh("exec sleep 1000").name("stopped")).await.unwrap();
        let killed = manager.start(sh(stubborn).name("killed")).await.unwrap();
        // Many concurrently, and still one end.
        let stops = (stopped.stop(), stopped.stop(), killed.kill(), killed.stop(), killed.kill());
        let (_, _, _, _, _) = tokio::join!(stops.0, stops.1, stops.2, stops.3, stops.4);
        for job in jobs {
            _ = job.await;
        }
        let open = manager.start(sh("exec sleep 1000").name("open")).await.unwrap();
        manager.shutdown().await;
        _ = open.wait().await;
        observer.finish().await;

        let ends = std::mem::take(&mut *ends.lock().unwrap());
        let ends: Vec<(String, u32, String)> =
            ends.into_iter().map(|((name, run), ends)| (name, run, ends.join(" and "))).collect();
        let expected = [
            ("killed", 1, "killed by Kill".to_owned()),
            ("leaks", 1, "completed".to_owned()),
            ("missing", 1, format!("failed: {:?}", RunError::ProgramNotFound)),
            ("open", 1, "killed by Shutdown".to_owned()),
            ("retried", 1, "completed".to_owned()),
            ("retried", 2, "completed".to_owned()),
            ("retried", 3, "completed".to_owned()),
            ("signalled", 1, "completed".to_owned()),
            ("silent", 1, format!("failed: {:?}", RunError::IdleTimeout)),
            ("stopped", 1, "killed by Stop".to_owned()),
            ("timed", 1, format!("failed: {:?}", RunError::Timeout)),
        ];
        assert_eq!(ends, expected.map(|(name, run, end)| (name.to_owned(), run, end)));
    });
}

#[test]
fn the_end_is_reported_after_the_last_byte_and_after_the_run_has_left() {
    test(async {
        let manager = ProcessManager::new();
        let mut events = manager.events();
        // A grandchild that prints on while the leader has gone long since.
        let line = "echo first; (sleep 0.1; echo last) &";
        let handle = manager.start(sh(line)).await.unwrap();
        let (id, mut cursor) = (handle.id(), handle.cursor());
        loop {
            match events.next().await {
                Some(Event::ProcessCompleted(_)) => break,
                Some(_) => {}
                None => panic!("no end event"),
            }
        }
        assert!(manager.get(id).is_none() && manager.active().is_empty());
        let printed = cursor.stdout();
        assert!(printed.starts_with(b"first\n"));
        assert_eq!(handle.wait().await.unwrap().stdout(), printed, "nothing came after its end");
        assert_eq!(cursor.stdout(), b"");
    });
}
