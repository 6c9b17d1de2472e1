//! The ten most frequent words of this very file, by programs joined with pipes of the system.
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
            // Ends early, which makes the stage before it no failure.
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
