//! Writes every event as a line of JSON, with an observer that misses none.
//!
//! `cargo run --example events`

use std::io::Write;
use std::sync::mpsc;

use pitcrew::{Command, Error, ProcessManager};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let manager = ProcessManager::new();
    let (lines, log) = mpsc::channel();
    let observer = manager.observe(move |event| {
        // A slow observer delays nothing.
        if let Ok(line) = serde_json::to_string(event) {
            _ = lines.send(line);
        }
    })?;

    manager.run(Command::new("true").name("good")).await?;
    manager.run(Command::new("false").name("bad").retries(1)).await?;
    let stopped = manager.start(Command::new("sleep").arg("1000").name("stopped")).await?;
    stopped.stop().await?;
    manager.shutdown().await;

    // The observer runs in a separate task; this waits until it has received everything.
    observer.finish().await;
    let mut out = std::io::stdout();
    for line in log {
        _ = writeln!(out, "{line}");
    }
    Ok(())
}
