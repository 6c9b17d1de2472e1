//! Live output and output of ended commands.

use pitcrew::{Command, Error, Output, ProcessManager, Stdin, Stream};

use crate::common::commands::{run, sh};
use crate::common::own_process::test;

#[test]
fn symfony_callback_is_executed_for_output_whenever_output_is_disabled() {
    test(async {
        let manager = ProcessManager::new();
        let command = sh("read x; echo foo").stdin(Stdin::Piped).output(Output::Discard);
        let handle = manager.start(command).await.unwrap();
        let mut lines = handle.lines();
        handle.close_stdin();
        assert_eq!(lines.next().await.unwrap().text(), "foo");
        assert_eq!(handle.wait().await.unwrap().stdout(), b"");
    });
}

#[test]
fn symfony_read_support_is_disabled_without_output() {
    test(async {
        // Reading output that goes to /dev/null is an error, and does not wait.
        let manager = ProcessManager::new();
        let command = sh("echo foo; exec sleep 1000").output(Output::Null);
        let handle = manager.start(command).await.unwrap();
        let mut lines = handle.lines();
        let error = handle.wait_for_line(|_| true).await.unwrap_err();
        assert!(matches!(error, Error::Unread { .. }), "{error:?}");
        assert_eq!(handle.cursor().stdout(), b"");
        handle.stop().await.unwrap();
        assert!(lines.next().await.is_none());
    });
}

#[test]
fn symfony_all_output_is_actually_read_on_termination() {
    test(async {
        // More than two reads, and ended before it is read.
        let manager = ProcessManager::new();
        let size = 2 * (256 << 10) + 2;
        let line = format!("head -c {size} /dev/zero; head -c {size} /dev/zero >&2");
        let handle = manager.start(sh(&line)).await.unwrap();
        let result = handle.wait().await.unwrap();
        assert_eq!((result.stdout().len(), result.stderr().len()), (size, size));
        let mut cursor = handle.cursor();
        assert_eq!((cursor.stdout().len(), cursor.stderr().len()), (size, size));
    });
}

#[test]
fn symfony_incremental_output() {
    test(async {
        for (to, stream) in [("", Stream::Out), (" >&2", Stream::Err)] {
            let manager = ProcessManager::new();
            let line = format!("echo foo{to}; read x; echo bar{to}; read x");
            let handle = manager.start(sh(&line).stdin(Stdin::Piped)).await.unwrap();
            let mut cursor = handle.cursor();
            let mut new = || match stream {
                Stream::Out => cursor.stdout(),
                Stream::Err => cursor.stderr(),
            };
            handle.wait_for_line(|line| line.text() == "foo").await.unwrap();
            assert_eq!((new(), new()), (b"foo\n".to_vec(), Vec::new()));
            handle.write("\n").await.unwrap();
            handle.wait_for_line(|line| line.text() == "bar").await.unwrap();
            assert_eq!((new(), new()), (b"bar\n".to_vec(), Vec::new()));
            handle.close_stdin();
            handle.wait().await.unwrap();
        }
    });
}

#[test]
fn symfony_incremental_output_does_not_require_another_call() {
    test(async {
        for to in ["", " >&2"] {
            let manager = ProcessManager::new();
            let line = format!("for i in 0 1 2; do printf $i{to}; sleep 0.02; done; read x");
            let handle = manager.start(sh(&line).stdin(Stdin::Piped)).await.unwrap();
            let (mut cursor, mut seen) = (handle.cursor(), Vec::new());
            // The command is not awaited, and nothing else of it is read.
            while seen.len() < 3 {
                seen.extend(if to.is_empty() { cursor.stdout() } else { cursor.stderr() });
                tokio::task::yield_now().await;
            }
            assert_eq!(seen, b"012");
            handle.kill().await.unwrap();
        }
    });
}

#[test]
fn symfony_iterator_output() {
    test(async {
        let manager = ProcessManager::new();
        let line = "printf 123; read x; printf 234 >&2; read x; printf 345; read x; printf 456 >&2";
        let handle = manager.start(sh(line).stdin(Stdin::Piped)).await.unwrap();
        let mut chunks = handle.chunks();
        let first = chunks.next().await.unwrap();
        assert_eq!((first.stream, &first.bytes[..]), (Stream::Out, &b"123"[..]));
        let mut seen = Vec::new();
        for _ in 0..3 {
            handle.write("\n").await.unwrap();
            // It continues at its previous position.
            let piece = chunks.next().await.unwrap();
            seen.push((piece.stream, String::from_utf8(piece.bytes).unwrap()));
        }
        let expected = [(Stream::Err, "234"), (Stream::Out, "345"), (Stream::Err, "456")];
        assert_eq!(seen, expected.map(|(stream, text)| (stream, text.to_owned())));
        assert!(chunks.next().await.is_none());
    });
}

#[test]
fn symfony_non_blocking_nor_clearing_iterator_output() {
    test(async {
        let manager = ProcessManager::new();
        let line = "read x; cat; read x";
        let handle = manager.start(sh(line).stdin(Stdin::Piped)).await.unwrap();
        let mut cursor = handle.cursor();
        assert_eq!((cursor.stdout(), cursor.stdout()), (Vec::new(), Vec::new()));
        handle.write("go\n123").await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 3 {
            seen.extend(cursor.stdout());
            tokio::task::yield_now().await;
        }
        handle.close_stdin();
        // What was looked at is there all the same.
        assert_eq!(handle.wait().await.unwrap().stdout(), b"123");
        assert_eq!(handle.cursor().stdout(), b"123");
    });
}

#[test]
fn symfony_output_that_is_no_text_comes_whole_in_any_pieces() {
    test(async {
        // Letters of two bytes, cut anywhere by the pipe.
        let manager = ProcessManager::new();
        let line = "n=0; while [ $n -lt 2000 ]; do printf 'éüñ'; n=$((n+1)); done; echo";
        let handle = manager.start(sh(line)).await.unwrap();
        let line = handle.lines().next().await.unwrap();
        assert_eq!(line.text(), "éüñ".repeat(2000));
        handle.wait().await.unwrap();
    });
}

#[test]
fn symfony_output_of_a_grandchild_that_holds_the_pipe() {
    test(async {
        // The run ends with the leader; what its children print immediately after it is not lost.
        // It runs longer than a busy machine needs to check, and is never silent for long.
        let ticks = "n=0; while [ $n -lt 20 ]; do echo tick; sleep 0.02; n=$((n+1)); done";
        let line = format!("({ticks}; echo late) & echo early");
        let result = run(sh(&line).stop(leaves())).await;
        assert!(result.success() && result.leaked());
        assert!(result.stdout_contains("early\n") && result.stdout_lossy().ends_with("\nlate\n"));
    });
}

fn leaves() -> pitcrew::StopPolicy {
    pitcrew::StopPolicy { strays: pitcrew::StraysPolicy::Leave, ..Default::default() }
}

#[test]
fn symfony_chained_processes() {
    test(async {
        let manager = ProcessManager::new();
        let first = sh("echo Hello >&2; printf ABCDEF");
        let result = manager.pipeline([first, Command::new("rev")]).run().await.unwrap();
        let stages = result.stages();
        let first = stages[0].as_ref().unwrap();
        assert_eq!((first.stdout(), first.stderr()), (&b""[..], &b"Hello\n"[..]));
        assert_eq!(String::from_utf8_lossy(result.stdout()).trim_end(), "FEDCBA");
        assert_eq!(stages[1].as_ref().unwrap().stderr(), b"");
    });
}
