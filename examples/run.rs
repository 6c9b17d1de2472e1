//! Runs commands and handles their results.
//!
//! `cargo run --example run`

use std::time::Duration;

use pitcrew::{Command, Error, ProcessManager};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let manager = ProcessManager::new();

    // A non-zero exit code is a result like any other.
    let listing = manager.run(Command::new("ls").arg("-la").arg("/")).await?;
    println!("{} printed {} bytes", listing.command(), listing.stdout().len());

    // `ensure_success` turns it into an error, with the last lines of both outputs.
    let build = Command::shell("echo compiling; echo 'no such file: main.c' >&2; exit 2");
    if let Err(error) = manager.run(build).await?.ensure_success() {
        println!("{error}");
    }

    // A time limit ends the whole tree; the output until then is in the error.
    let endless = Command::shell("echo working; sleep 1000").timeout(Duration::from_millis(200));
    match manager.run(endless).await {
        Err(Error::TimedOut { result, limit }) => {
            println!("it {limit}; it had printed {:?}", result.stdout_lossy());
        }
        other => println!("{other:?}"),
    }

    // A missing program is an error, which suggests the nearest name.
    if let Err(error) = manager.run(Command::new("ech")).await {
        println!("{error}");
    }
    Ok(())
}
