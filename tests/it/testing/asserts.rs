//! Assertions of the scripted host, and their failure messages.

use pitcrew::testing::{Pattern, Script, ScriptedHost};
use pitcrew::{Command, StartErrorKind};

use super::{on, panic_of};

/// A host that ran `git fetch`, `git push` and `missing`, in this order.
async fn asked() -> ScriptedHost {
    let missing = Script::refused(StartErrorKind::ProgramNotFound);
    let (host, manager) = on(ScriptedHost::new().on("missing", missing).on("git *", Script::new()));
    manager.run(Command::new("git").arg("fetch")).await.unwrap();
    manager.run(Command::shell("git push")).await.unwrap();
    manager.run(Command::new("missing")).await.unwrap_err();
    host
}

#[tokio::test(start_paused = true)]
async fn what_is_so_passes() {
    let host = asked().await;
    assert_eq!(host.assert_ran("git *").call().line(), "git fetch");
    host.assert_ran(Pattern::argv(["git", "fetch"]));
    host.assert_ran("git push");
    host.assert_ran("missing");
    host.assert_ran_times("git *", 2);
    host.assert_ran_times("git pull", 0);
    host.assert_ran_in_order(["git fetch", "git push", "missing"]);
    host.assert_ran_in_order([
        Pattern::program("git"),
        Pattern::line("* push"),
        Pattern::when(|call| call.argv().len() == 1),
    ]);
    host.assert_not_ran("git pull*");
    host.assert_nothing_unexpected();
    host.assert_nothing_left();
    ScriptedHost::new().assert_nothing_ran();
    ScriptedHost::new().assert_ran_in_order(Vec::<Pattern>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_so_is_said_with_what_was_run() {
    let host = asked().await;
    let list = "these were run:\n  1. git fetch\n  2. git push\n  3. missing   (not started: no such \
                program \"missing\")";
    let said = |message: String, wanted: &str| assert_eq!(message, format!("{wanted}; {list}"));
    said(panic_of(|| host.assert_ran("git pull*")), "no command like \"git pull*\" was run");
    said(
        panic_of(|| host.assert_ran(Pattern::argv(["git push"]))),
        "no command like exactly [\"git push\"] was run",
    );
    said(
        panic_of(|| host.assert_ran_times("git *", 3)),
        "commands like \"git *\" were run 2 times instead of 3",
    );
    said(panic_of(|| host.assert_not_ran("git p*")), "a command like \"git p*\" was run");
    said(panic_of(|| host.assert_not_ran("missing")), "a command like \"missing\" was run");
    said(panic_of(|| host.assert_nothing_ran()), "something was run");
    said(
        panic_of(|| host.assert_ran_in_order(["git push", "git fetch", "missing"])),
        "run 1 is not like \"git push\"",
    );
    said(
        panic_of(|| host.assert_ran_in_order(["git fetch", "git push"])),
        "1 more were run than the 2 expected",
    );
    said(
        panic_of(|| host.assert_ran_in_order(["git *", "git *", "*", "git gc"])),
        "run 4, like \"git gc\", is missing",
    );
    let line = line!() + 1;
    let condition = Pattern::when(|_| false);
    let wanted = format!("no command like the condition of {}:{line}:21 was run", file!());
    said(panic_of(|| host.assert_ran(condition)), &wanted);
    let nothing = panic_of(|| ScriptedHost::new().assert_ran("x"));
    assert_eq!(nothing, "no command like \"x\" was run; nothing was run");
}

#[tokio::test(start_paused = true)]
async fn the_host_that_was_made_does_not_go_with_an_unexpected_command() {
    let (host, manager) = on(ScriptedHost::new());
    let clone = host.clone();
    manager.run(Command::new("x")).await.unwrap_err();
    drop(clone);
    let message = panic_of(|| drop(host));
    let wanted = "unexpected command: x; there is no rule at all; these were run:\n  1. x   \
                  (unexpected)";
    assert_eq!(message, wanted);

    // The caller already knows.
    let (host, manager) = on(ScriptedHost::new());
    manager.run(Command::new("x")).await.unwrap_err();
    assert!(host.unexpected()[0].was_unexpected());
    drop(host);

    // A panic that is under way is not made worse.
    let (host, manager) = on(ScriptedHost::new());
    manager.run(Command::new("x")).await.unwrap_err();
    let message = panic_of(move || {
        let _host = host;
        panic!("the first");
    });
    assert_eq!(message, "the first");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_named() {
    let (host, manager) = on(ScriptedHost::new().on("serve *", Script::forever()));
    let server = manager.start(Command::shell("serve 80")).await.unwrap();
    let pid = server.pid().unwrap();
    let message = panic_of(|| host.assert_nothing_left());
    assert_eq!(message, format!("left behind: {pid} serve 80 is alive"));
    server.kill().await.unwrap();
    host.assert_nothing_left();
}

#[tokio::test(start_paused = true)]
async fn long_lists_are_cut() {
    let (host, manager) = on(ScriptedHost::new().allow_unexpected());
    for number in 0..60 {
        manager.run(Command::new("x").arg(number.to_string())).await.unwrap();
    }
    let message = panic_of(|| host.assert_nothing_ran());
    assert!(message.ends_with("\n  50. x 49\n  and 10 more"), "{message}");
}
