//! Running commands: live output, and waiting for a line.

use std::sync::{Arc, Mutex};

use pitcrew::{Error, Line, ProcessManager, Stdin, Stream};

use crate::common::commands::sh;
use crate::common::own_process::test;

/// Three lines, one to stdout and two to stderr, each after a line of input, so in this order.
const THREE: &str = "read x; echo a; read x; echo b >&2; read x; echo c >&2";

fn shown(line: &Line) -> (Stream, String) {
    (line.stream(), line.text().into_owned())
}

#[test]
fn laravel_output_can_be_retrieved_via_start_callback() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("echo a; echo b >&2; echo c")).await.unwrap();
        let reader = handle.clone();
        let read = tokio::spawn(async move {
            let (mut chunks, mut all) = (reader.chunks(), [Vec::new(), Vec::new()]);
            while let Some(piece) = chunks.next().await {
                all[usize::from(piece.stream == Stream::Err)].extend(piece.bytes);
            }
            all
        });
        assert!(handle.wait().await.unwrap().success());
        assert_eq!(read.await.unwrap(), [b"a\nc\n".to_vec(), b"b\n".to_vec()]);
    });
}

#[test]
fn laravel_output_can_be_retrieved_via_wait_callback() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("echo a; echo b; read x; echo c").stdin(Stdin::Piped)).await;
        let handle = handle.unwrap();
        // Some of it has arrived before it is read.
        handle.wait_for_line(|line| line.text() == "b").await.unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (reader, into) = (handle.clone(), Arc::clone(&seen));
        let read = tokio::spawn(async move {
            let mut lines = reader.lines();
            while let Some(line) = lines.next().await {
                into.lock().unwrap().push(line.text().into_owned());
            }
        });
        handle.close_stdin();
        handle.wait().await.unwrap();
        read.await.unwrap();
        assert_eq!(*seen.lock().unwrap(), ["a", "b", "c"]);
    });
}

#[test]
fn laravel_invoked_process_wait_until_with_error_output() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh(THREE).stdin(Stdin::Piped)).await.unwrap();
        let (mut lines, mut seen) = (handle.lines(), Vec::new());
        for _ in 0..3 {
            handle.write("\n").await.unwrap();
            seen.push(shown(&lines.next().await.unwrap()));
        }
        let expected = [(Stream::Out, "a"), (Stream::Err, "b"), (Stream::Err, "c")];
        assert_eq!(seen, expected.map(|(stream, text)| (stream, text.to_owned())));
        assert!(lines.next().await.is_none());
    });
}

#[test]
fn laravel_invoked_process_wait_until_called_twice() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("echo 1; echo 2; echo 3; echo 4")).await.unwrap();
        let mut lines = handle.lines();
        let mut until = async |wanted: &str| {
            let mut seen = Vec::new();
            while let Some(line) = lines.next().await {
                seen.push(line.text().into_owned());
                if line.text() == wanted {
                    break;
                }
            }
            seen
        };
        assert_eq!(until("2").await, ["1", "2"]);
        assert_eq!(until("4").await, ["3", "4"], "a stream goes on where it was");
        // The one on the handle begins at the beginning each time.
        for _ in 0..2 {
            let mut seen = 0;
            let wanted = |line: &Line| {
                seen += 1;
                line.text() == "2"
            };
            assert_eq!(handle.wait_for_line(wanted).await.unwrap().text(), "2");
            assert_eq!(seen, 2);
        }
    });
}

#[test]
fn laravel_invoked_process_wait_until_that_never_matches() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("echo 1; echo 2; echo 3")).await.unwrap();
        let mut seen = Vec::new();
        let wanted = |line: &Line| {
            seen.push(line.text().into_owned());
            false
        };
        let error = handle.wait_for_line(wanted).await.unwrap_err();
        assert!(matches!(error, Error::Ended { .. }), "{error:?}");
        assert_eq!(seen, ["1", "2", "3"]);
        assert!(handle.wait().await.unwrap().success());
    });
}

#[test]
fn laravel_invoked_process_wait_until_followed_by_wait() {
    test(async {
        let manager = ProcessManager::new();
        let line = "echo 1; read x; echo 2; echo 3; exit 4";
        let handle = manager.start(sh(line).stdin(Stdin::Piped)).await.unwrap();
        let mut cursor = handle.cursor();
        handle.wait_for_line(|line| line.text() == "1").await.unwrap();
        assert_eq!(cursor.stdout(), b"1\n");
        handle.close_stdin();
        let result = handle.wait().await.unwrap();
        assert_eq!((result.code(), result.stdout()), (4, &b"1\n2\n3\n"[..]));
        assert_eq!(cursor.stdout(), b"2\n3\n");
    });
}

#[test]
fn laravel_invoked_process_wait_called_twice() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("echo 1; exit 3")).await.unwrap();
        let mut cursor = handle.cursor();
        let first = handle.wait().await.unwrap();
        assert_eq!((first.code(), cursor.stdout()), (3, b"1\n".to_vec()));
        let second = handle.wait().await.unwrap();
        assert_eq!((second.id(), second.code()), (first.id(), 3));
        assert_eq!(second.stdout(), b"1\n");
        assert_eq!(cursor.stdout(), b"", "nothing comes twice");
    });
}

#[test]
fn laravel_invoked_process_wait_followed_by_wait_until() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("echo 1; echo 2")).await.unwrap();
        handle.wait().await.unwrap();
        // It can be asked for stored output, and ends where that ends.
        assert!(handle.wait_for_line(|line| line.text() == "2").await.is_ok());
        let error = handle.wait_for_line(|line| line.text() == "3").await.unwrap_err();
        assert!(matches!(error, Error::Ended { .. }), "{error:?}");
    });
}

#[test]
fn laravel_invoked_process_output_with_latest_output() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh(THREE).stdin(Stdin::Piped)).await.unwrap();
        let (mut lines, mut latest) = (handle.lines(), handle.cursor());
        let mut all = Vec::new();
        for expected in [(&b"a\n"[..], &b""[..]), (b"", b"b\n"), (b"", b"c\n")] {
            handle.write("\n").await.unwrap();
            lines.next().await.unwrap();
            // Each output has its own place, and looking at one moves nothing of the other.
            assert_eq!(latest.stdout(), expected.0);
            assert_eq!(latest.stderr(), expected.1);
            assert_eq!((latest.stdout(), latest.stderr()), (Vec::new(), Vec::new()));
            let mut whole = handle.cursor();
            all.push((whole.stdout(), whole.stderr()));
        }
        assert_eq!(all[2], (b"a\n".to_vec(), b"b\nc\n".to_vec()));
        let result = handle.wait().await.unwrap();
        assert_eq!((result.stdout(), result.stderr()), (&b"a\n"[..], &b"b\nc\n"[..]));
    });
}

#[test]
fn laravel_invoked_process_stops_from_within_its_output_handler() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(sh("echo 1; echo 2; exec sleep 1000")).await.unwrap();
        let mut lines = handle.lines();
        let mut seen = Vec::new();
        while let Some(line) = lines.next().await {
            seen.push(line.text().into_owned());
            if line.text() == "2" {
                assert_eq!(handle.stop().await.unwrap().code(), 143);
            }
        }
        assert_eq!(seen, ["1", "2"]);
        assert_eq!(handle.pid(), None);
    });
}
