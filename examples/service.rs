//! Keeps a service alive: it crashes and is restarted after growing delays, until it fails too often in
//! a row.
//!
//! `cargo run --example service`

#![expect(clippy::wildcard_enum_match_arm, reason = "only some events matter here")]

use std::time::Duration;

use pitcrew::{Command, Error, Event, ProcessManager, Retry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let manager = ProcessManager::new();
    let mut events = manager.events();

    // Crashes three times, then runs until it is stopped.
    let crashes = "
        n=$(cat runs 2>/dev/null || echo 0); echo $((n + 1)) > runs
        [ $n -lt 3 ] && { echo \"crash $n\" >&2; exit 70; }
        echo serving; exec sleep 1000";
    let folder = std::env::temp_dir().join(format!("pitcrew-service-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| Error::System(error.into()))?;
    let service = Command::shell(crashes).name("service").cwd(&folder).retry(
        Retry::times(5)
            .delay(Duration::from_millis(50))
            .factor(2.0)
            .max_delay(Duration::from_secs(5))
            // A run of a minute resets the number of retries.
            .reset_after(Duration::from_mins(1)),
    );
    let service = manager.start(service).await?;

    let story = tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                Event::ProcessStarted(e) => println!("run {} (pid {})", e.of.run, e.pid),
                Event::ProcessCompleted(e) => println!("  ended: {:?}", e.end.exit_code),
                Event::ProcessRetrying(e) => println!("  again in {} ms", e.delay_ms),
                Event::ProcessKilled(e) => {
                    println!("  ended on purpose: {:?}", e.by);
                    return;
                }
                _ => {}
            }
        }
    });

    service.wait_for_line(|line| line.text() == "serving").await?;
    let result = service.stop().await?;
    _ = story.await;
    println!("{} attempts", result.attempts().len());
    _ = std::fs::remove_dir_all(folder);
    Ok(())
}
