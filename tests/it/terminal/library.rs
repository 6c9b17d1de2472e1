//! The terminal of a command of the library.

use std::time::Duration;

use pitcrew::testing::{Script, ScriptedHost};
use pitcrew::{Command, Error, ProcessManager, Stdin};

#[tokio::test(start_paused = true)]
async fn a_screen_is_waited_for_driven_and_kept_after_the_end() {
    let program = Script::new()
        .out_bytes("\u{1b}]2;the title\u{7}\u{1b}[?1049hmenu\n> one\n  two")
        .read_line()
        .out_bytes("\u{1b}[2J\u{1b}[Hchosen")
        .wait(Duration::from_secs(1));
    let host = ScriptedHost::new().on("menu", program);
    let manager = ProcessManager::with_host(host.clone());
    let handle = manager.start(Command::new("menu").tty(true)).await.unwrap();
    let screen = handle.wait_for_screen(|screen| screen.contains("two")).await.unwrap();
    assert_eq!((screen.columns, screen.rows), (80, 24));
    assert_eq!((screen.row(1), screen.row(9)), ("> one", ""));
    assert!(screen.is_full_screen);
    assert_eq!(screen.title.as_deref(), Some("the title"));
    assert_eq!(screen.cursor, Some((2, 5)));
    handle.send_keys(["Down", "Enter"]).unwrap();
    handle.wait_for_screen(|screen| screen.text == "chosen").await.unwrap();
    let result = handle.wait().await.unwrap();
    assert_eq!(result.stdout(), b"\x1b]2;the title\x07", "what it draws is no output");
    assert_eq!(handle.screen().unwrap().text, "chosen");
    assert_eq!(host.assert_ran("menu").input(), b"\x1b[B\r");
    let error = handle.wait_for_screen(|_| false).await.unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    let error = handle.send_keys(["x"]).unwrap_err();
    assert_eq!(error.to_string(), "cannot write to `menu`: it is not running");
}

#[tokio::test(start_paused = true)]
async fn a_command_without_a_terminal_says_so_and_a_wrong_key_is_named() {
    let host = ScriptedHost::new().on("*", Script::forever());
    let manager = ProcessManager::with_host(host.clone());
    let plain = manager.start(Command::new("plain")).await.unwrap();
    assert!(plain.screen().is_none());
    let error = plain.send_keys(["x"]).unwrap_err();
    let wanted = "cannot write to `plain`: it has no terminal; use `tty(true)`";
    assert_eq!(error.to_string(), wanted);
    assert_eq!(plain.wait_for_screen(|_| true).await.unwrap_err().to_string(), wanted);
    let handle = manager.start(Command::new("tui").tty(true)).await.unwrap();
    let error = handle.send_keys(["C-Foo"]).unwrap_err().to_string();
    assert!(error.contains("no such key \"Foo\" in \"C-Foo\""), "{error}");
    manager.shutdown().await;
}

#[tokio::test]
async fn bytes_and_writes_are_typed_and_the_environment_fits() {
    let manager = ProcessManager::new();
    let shell = "read a; read b; echo \"$a $b $TERM ${COLUMNS-none}\"";
    let command = Command::shell(shell).tty(true).env("COLUMNS", "3").stdin("one\ntwo\n");
    let result = manager.run(command).await.unwrap();
    let last = result.stdout_lossy().lines().last().unwrap().to_owned();
    assert_eq!(last, "one two xterm-256color 3");
    let command = Command::shell(shell).tty(true).stdin(Stdin::Piped);
    let handle = manager.start(command).await.unwrap();
    handle.write("three\nfour\n").await.unwrap();
    let result = handle.wait().await.unwrap();
    let last = result.stdout_lossy().lines().last().unwrap().to_owned();
    assert_eq!(last, "three four xterm-256color none");
}

#[tokio::test]
async fn a_retry_gets_a_blank_screen() {
    let manager = ProcessManager::new();
    let command = Command::shell("echo $PITCREW_RUN; exit 1").tty(true).retries(1);
    let handle = manager.start(command).await.unwrap();
    assert_eq!(handle.wait().await.unwrap().attempts().len(), 2);
    assert_eq!(handle.screen().unwrap().text, "2");
}
