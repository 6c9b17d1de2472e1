//! Starts a server, waits until it reports that it listens, uses it, and stops it.
//!
//! `cargo run --example server` (needs python3)

use std::time::Duration;

use pitcrew::{Command, ProcessManager, Signal, StopPolicy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manager = ProcessManager::new();
    let server = Command::new("python3")
        .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"])
        .stop(StopPolicy { signal: Signal::INT, ..StopPolicy::default() });
    let server = manager.start(server).await?;

    // Earlier output counts too, so there is no race with a fast server. The wait has its own limit.
    let listening = server.wait_for_line(|line| line.text().contains("port "));
    let line = tokio::time::timeout(Duration::from_secs(20), listening).await??;
    let port = line.text().split("port ").nth(1).and_then(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u16>().ok()
    });
    let port = port.ok_or("it says no port")?;
    println!("pid {:?} listens", server.pid());

    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    println!("{}", answer.lines().next().unwrap_or_default());

    let result = server.stop().await?;
    println!("ended by {:?}, status {:?}", result.killed_by(), result.status());
    let log = result.stderr_lossy().into_owned();
    println!("it logged {} request", log.lines().filter(|line| line.contains("GET /")).count());
    Ok(())
}
