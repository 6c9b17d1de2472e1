//! Tests a program that runs commands: nothing is run, and minutes pass instantly.
//!
//! `cargo test --example testing` runs the tests at the end of this file; `cargo run --example testing`
//! shows what the program would do, with the same scripted host.

use std::time::Duration;

use pitcrew::testing::{Pattern, Script, ScriptedHost};
use pitcrew::{Command, Error, ProcessManager, ProcessPool};

/// The code under test. It takes the manager that runs its commands; the real one is
/// `ProcessManager::new()`.
async fn release(manager: &ProcessManager, version: &str) -> Result<(), Error> {
    manager.run(Command::shell("cargo test --workspace")).await?.ensure_success()?;

    let pool = ProcessPool::new(manager, 2);
    let targets = ["x86_64", "aarch64", "riscv64"];
    let build = |target| (target, Command::new("cross").args(["build", "--target", target]));
    for (_, outcome) in pool.run_all(targets.map(build)).await {
        outcome?.ensure_success()?;
    }

    // The registry is often busy.
    let upload = Command::new("upload").arg(version).timeout(Duration::from_mins(2));
    let upload = upload.retries(3).retry_delay(Duration::from_mins(10));
    manager.run(upload).await?.ensure_success()?;
    Ok(())
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Error> {
    let host = ScriptedHost::new().on(Pattern::any(), Script::new());
    release(&ProcessManager::with_host(host.clone()), "1.2.0").await?;
    for run in host.ran() {
        println!("would run: {run}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pitcrew::Signal;
    use pitcrew::testing::Sequence;

    use super::*;

    /// The initial scripts of all tests: every command succeeds.
    fn usual() -> (ScriptedHost, ProcessManager) {
        let host = ScriptedHost::new()
            .on("cargo test*", Script::new().out("12 passed"))
            .on("cross build *", Script::new().wait(Duration::from_mins(5)))
            .on("upload *", Script::new());
        let manager = ProcessManager::with_host(host.clone());
        (host, manager)
    }

    #[tokio::test(start_paused = true)]
    async fn builds_two_at_a_time_and_uploads_at_the_end() {
        let (host, manager) = usual();
        release(&manager, "1.2.0").await.unwrap();
        let builds = host.ran_like("cross *");
        let minutes: Vec<u64> = builds.iter().map(|run| run.at().as_secs() / 60).collect();
        assert_eq!(minutes, [0, 0, 5]);
        host.assert_ran_times("cross build --target *", 3);
        assert_eq!(host.assert_ran("upload 1.2.0").at().as_secs(), 600);
    }

    #[tokio::test(start_paused = true)]
    async fn uploads_nothing_when_the_tests_fail() {
        let (host, manager) = usual();
        host.add_first("cargo test*", Script::new().err("one failed").exit(101));
        let error = release(&manager, "1.2.0").await.unwrap_err();
        assert!(error.to_string().contains("one failed"), "{error}");
        host.assert_ran_in_order(["cargo test --workspace"]);
        host.assert_not_ran("upload *");
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_hangs_is_ended_and_tried_again() {
        let (host, manager) = usual();
        let upload = Sequence::new([Script::forever(), Script::new().exit(1)]).then(Script::new());
        host.add_first("upload *", upload);
        release(&manager, "1.2.0").await.unwrap();
        let uploads = host.ran_like("upload *");
        assert!(uploads[0].got(Signal::TERM), "it hung for two minutes");
        // 10 minutes of builds; 2 of hanging and 10 of patience; 10 again.
        let minutes: Vec<u64> = uploads.iter().map(|run| run.at().as_secs() / 60).collect();
        assert_eq!(minutes, [10, 22, 32]);
        host.assert_nothing_left();
    }
}
