//! Prints the ten most frequent words of this file, with programs connected by system pipes.
//!
//! `cargo run --example pipeline`

use pitcrew::{Command, Error, ProcessManager, Stdin};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let manager = ProcessManager::new();
    let words = manager
        .pipeline([
            Command::new("tr").args(["-cs", "a-zA-Z", "\\n"]).stdin(Stdin::File(file!().into())),
            Command::new("sort"),
            Command::new("uniq").arg("-c"),
            Command::new("sort").arg("-rn"),
            // Ends early; the SIGPIPE of the stage before is not a failure.
            Command::new("head").arg("-10"),
        ])
        .run()
        .await?
        .ensure_success()?;
    print!("{}", String::from_utf8_lossy(words.stdout()));
    for stage in words.stages().iter().flatten() {
        println!("{:>10?} {}", stage.duration(), stage.command());
    }
    Ok(())
}
