//! Runs ten jobs in a pool of three slots, and shows the progress.
//!
//! `cargo run --example pool`

#![expect(clippy::wildcard_enum_match_arm, reason = "only some events matter here")]

use pitcrew::{Command, Error, Event, PoolJob, ProcessManager, ProcessPool};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let manager = ProcessManager::new();
    let pool = ProcessPool::new(&manager, 3);

    let mut events = manager.events();
    let progress = tokio::spawn(async move {
        let mut done = 0;
        while let Some(event) = events.next().await {
            match event {
                Event::ProcessStarted(e) => println!("       start {} (pid {})", e.of.name, e.pid),
                Event::ProcessCompleted(e) => {
                    done += 1;
                    let how = if e.end.success { "done" } else { "FAILED" };
                    println!("{done:2}/10  {how} {} after {} ms", e.of.name, e.end.duration_ms);
                }
                Event::PoolDrained(e) => {
                    println!("{} succeeded, {} failed", e.succeeded, e.failed);
                    break;
                }
                _ => {}
            }
        }
    });

    let jobs = (1..=10).map(|number| {
        let line = format!("sleep 0.{number}; test {number} -ne 7");
        let job = PoolJob::from(Command::shell(line).name(format!("job-{number}")));
        // The last jobs start first: they have a higher priority.
        (number, if number > 8 { job.priority(1) } else { job })
    });
    let results = pool.run_all(jobs).await;
    // An error means that the progress display has ended, which is not a failure.
    _ = progress.await;

    for (number, outcome) in &results {
        if let Ok(result) = outcome
            && !result.success()
        {
            println!("job {number} ended with {}", result.code());
        }
    }
    Ok(())
}
