//! Input of commands.

use pitcrew::{Command, Error, ProcessManager, Stdin};

use crate::common::commands::{ms, run, sh};
use crate::common::own_process::{alone, test};

const SIZES: [usize; 5] = [1, 16, 64, 1024, 4096];

/// So many KiB and a byte, in which no part looks like another.
fn input(kib: usize) -> Vec<u8> {
    (0..=(kib << 10)).map(|n| (n % 251) as u8).collect()
}

#[test]
fn symfony_process_pipes() {
    test(async {
        let folder = tempfile::tempdir().unwrap();
        // Reads all and then writes all of it twice; copies while it reads.
        for line in ["cat > all; cat all; cat all >&2", "tee /dev/stderr"] {
            for kib in SIZES {
                let input = input(kib);
                let result = run(sh(line).cwd(folder.path()).stdin(input.clone())).await;
                assert!(result.success());
                assert!(result.stdout() == input, "{line}: {kib} KiB to stdout");
                assert!(result.stderr() == input, "{line}: {kib} KiB to stderr");
            }
        }
    });
}

#[test]
fn symfony_set_stream_as_input() {
    test(async {
        let folder = tempfile::tempdir().unwrap();
        for kib in SIZES {
            let (input, file) = (input(kib), folder.path().join("input"));
            std::fs::write(&file, &input).unwrap();
            let result = run(Command::new("tee").arg("/dev/stderr").stdin(Stdin::File(file))).await;
            assert!(result.stdout() == input && result.stderr() == input, "{kib} KiB");
        }
    });
}

#[test]
fn symfony_live_stream_as_input() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(Command::new("cat").stdin(Stdin::Piped)).await.unwrap();
        handle.write("hello").await.unwrap();
        let mut chunks = handle.chunks();
        let mut seen = Vec::new();
        while let Some(piece) = chunks.next().await {
            seen.extend(piece.bytes);
            if seen == b"hello" {
                handle.close_stdin();
            }
        }
        assert_eq!(handle.wait().await.unwrap().stdout(), b"hello");
    });
}

#[test]
fn symfony_iterator_input() {
    test(async {
        let manager = ProcessManager::new();
        let handle = manager.start(Command::new("cat").stdin(Stdin::Piped)).await.unwrap();
        for part in ["ping", "pong"] {
            handle.write(part).await.unwrap();
        }
        handle.close_stdin();
        assert_eq!(handle.wait().await.unwrap().stdout(), b"pingpong");
    });
}

#[test]
fn symfony_simple_input_stream() {
    test(async {
        let manager = ProcessManager::new();
        let line = "read a; echo \"$a-1\"; read b; echo \"$b-2\"; cat";
        let handle = manager.start(sh(line).stdin(Stdin::Piped)).await.unwrap();
        let mut lines = handle.lines();
        let mut said = "ping".to_owned();
        for expected in ["ping-1", "ping-1-2"] {
            handle.write(format!("{said}\n")).await.unwrap();
            said = lines.next().await.unwrap().text().into_owned();
            assert_eq!(said, expected);
        }
        handle.write("the rest").await.unwrap();
        handle.close_stdin();
        assert_eq!(lines.next().await.unwrap().text(), "the rest");
        assert!(handle.wait().await.unwrap().success());
    });
}

#[test]
fn symfony_input_stream_on_empty() {
    test(async {
        // The next chunk is not requested before the last one was taken.
        let manager = ProcessManager::new();
        let folder = tempfile::tempdir().unwrap();
        let line = "echo up; until [ -e go ]; do sleep 0.01; done; wc -c";
        let command = sh(line).cwd(folder.path()).stdin(Stdin::Piped);
        let handle = manager.start(command).await.unwrap();
        handle.wait_for_line(|line| line.text() == "up").await.unwrap();
        let mut writing = Box::pin(handle.write(vec![b'x'; 1 << 20]));
        let early = tokio::time::timeout(ms(200), &mut writing).await;
        assert!(early.is_err(), "nobody has read it");
        std::fs::write(folder.path().join("go"), "").unwrap();
        writing.await.unwrap();
        handle.close_stdin();
        let result = handle.wait().await.unwrap();
        assert_eq!(result.stdout_lossy().split_whitespace().last(), Some("1048576"));
    });
}

#[test]
fn symfony_input_without_a_reader() {
    test(async {
        let manager = ProcessManager::new();
        let command = sh("exec 0<&-; echo closed; exec sleep 1000").stdin(Stdin::Piped);
        let handle = manager.start(command).await.unwrap();
        handle.wait_for_line(|line| line.text() == "closed").await.unwrap();
        let error = handle.write("x").await.unwrap_err();
        assert!(matches!(error, Error::Input { .. }), "{error:?}");
        handle.kill().await.unwrap();
    });
}

#[test]
fn symfony_not_terminable_input_pipe() {
    alone(|| {
        // Our own input never ends, and the command has it.
        let (read, write) = rustix::pipe::pipe().unwrap();
        rustix::stdio::dup2_stdin(&read).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let result = runtime.block_on(async {
            let manager = ProcessManager::new();
            let result = manager.run(sh("echo hello").stdin(Stdin::Inherit)).await;
            manager.shutdown().await;
            result
        });
        assert_eq!(result.unwrap().stdout(), b"hello\n");
        drop((runtime, write, read));
    });
}
