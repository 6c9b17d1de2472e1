//! Laravel's assertions about fake processes.

use pitcrew::testing::{Pattern, Script, ScriptedHost};
use pitcrew::{Command, ProcessManager, Signal};

use super::fakes::fake;
use crate::common::commands::sh;

/// The message of a panic; fails when there is none.
fn panic_of<T>(test: impl FnOnce() -> T) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test)).err();
    *panic.expect("it did not panic").downcast::<String>().unwrap()
}

/// A host that accepts every command.
fn willing() -> (ScriptedHost, ProcessManager) {
    fake(ScriptedHost::new().on("*", Script::new()))
}

#[tokio::test(start_paused = true)]
async fn laravel_basic_fake_assertions() {
    let (host, manager) = fake(ScriptedHost::new().on("ls *", Script::new().exit(2)));
    assert_eq!(manager.run(sh("ls -la").env("A", "b").cwd("/tmp")).await.unwrap().code(), 2);

    host.assert_ran("ls -la");
    // What Laravel's closure is given: the command, and how it ended.
    let run = host.assert_ran(Pattern::when(|call| {
        call.line() == "ls -la" && call.cwd() == "/tmp" && call.env("A").is_some()
    }));
    assert_eq!(run.exit(), Some(pitcrew::Exit::Code(2)));
    host.assert_ran_times("ls *", 1);
    host.assert_not_ran("cat *");
    assert!(host.ran_like("cat *").is_empty());

    assert!(panic_of(|| host.assert_ran("cat *")).starts_with("no command like \"cat *\" was run"));
    let times = panic_of(|| host.assert_ran_times("ls *", 2));
    assert!(times.starts_with("commands like \"ls *\" were run 1 times instead of 2"), "{times}");
    let not = panic_of(|| host.assert_not_ran("ls *"));
    assert!(not.starts_with("a command like \"ls *\" was run"), "{not}");
}

#[tokio::test(start_paused = true)]
async fn laravel_assert_ran_with_falsy_command_string() {
    let (host, manager) = willing();
    manager.run(sh("0")).await.unwrap();
    host.assert_ran("0");
    host.assert_not_ran("");
    host.assert_not_ran("1");
    manager.start(sh("false")).await.unwrap().wait().await.unwrap();
    host.assert_ran("false");
}

#[tokio::test(start_paused = true)]
async fn laravel_asserting_processes_ran_in_order() {
    let (host, manager) = willing();
    manager.run(sh("git fetch")).await.unwrap();
    manager.run(Command::new("git").arg("merge")).await.unwrap();
    host.assert_ran_in_order(["git fetch", "git merge"]);

    // Out of order, too few and too many are all not so.
    let swapped = panic_of(|| host.assert_ran_in_order(["git merge", "git fetch"]));
    assert!(swapped.starts_with("run 1 is not like \"git merge\""), "{swapped}");
    let fewer = panic_of(|| host.assert_ran_in_order(["git fetch"]));
    assert!(fewer.starts_with("1 more were run than the 1 expected"), "{fewer}");
    let more = panic_of(|| host.assert_ran_in_order(["git fetch", "git merge", "git push"]));
    assert!(more.starts_with("run 3, like \"git push\", is missing"), "{more}");
}

#[tokio::test(start_paused = true)]
async fn laravel_fake_assertions_with_array_commands() {
    let (host, manager) = willing();
    manager.run(Command::new("ls").args(["-la", "a b"])).await.unwrap();
    host.assert_ran(Pattern::argv(["ls", "-la", "a b"]));
    host.assert_ran("ls -la 'a b'");
    host.assert_ran(Pattern::program("ls"));
    host.assert_ran_times(Pattern::argv(["ls", "-la", "a b"]), 1);
    host.assert_not_ran(Pattern::argv(["ls", "-la", "a", "b"]));
    host.assert_not_ran(Pattern::argv(["ls"]));
}

#[tokio::test(start_paused = true)]
async fn laravel_asserting_that_nothing_ran() {
    let (host, manager) = willing();
    host.assert_nothing_ran();
    manager.run(sh("ls")).await.unwrap();
    let message = panic_of(|| host.assert_nothing_ran());
    assert_eq!(message, "something was run; these were run:\n  1. ls");
}

#[tokio::test(start_paused = true)]
async fn laravel_asserting_received_signals() {
    let script = Script::forever().interrupted_by(Signal::HUP, Script::new().out("reloaded"));
    let (host, manager) = fake(ScriptedHost::new().on("serve", script));
    let server = manager.start(Command::new("serve")).await.unwrap();
    server.signal(Signal::HUP).unwrap();
    server.wait_for_line(|line| line.text() == "reloaded").await.unwrap();
    let run = host.assert_ran("serve");
    assert!(run.got(Signal::HUP) && !run.got(Signal::USR1) && run.is_running());
    server.kill().await.unwrap();
    host.assert_nothing_left();
}
