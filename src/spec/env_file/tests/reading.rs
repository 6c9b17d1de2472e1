//! Env files that are not regular files: pipes, devices, folders.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::thread;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::super::{EnvContent, EnvPipes, read};

fn never(path: &Path) {
    panic!("{} made somebody wait", path.display());
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn a_pipe_is_read_to_its_end_and_again_when_it_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("env");
    fifo(&path);
    for text in ["A=1\n", "A=2\n"] {
        let waits = Cell::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
                writer.write_all(text.as_bytes()).unwrap();
            });
            let waiting = |_: &Path| waits.set(waits.get() + 1);
            let content = read(&path, EnvPipes::Read, &waiting).unwrap();
            assert!(matches!(content, EnvContent::Pipe(bytes) if bytes == text.as_bytes()));
        });
    }
}

#[test]
fn a_pipe_without_a_writer_is_reported_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("env");
    fifo(&path);
    let waits = Cell::new(0);
    let content = thread::scope(|scope| {
        // The writer opens the pipe after the missing writer was reported.
        let (come, comes) = std::sync::mpsc::channel();
        scope.spawn({
            let path = &path;
            move || {
                comes.recv().unwrap();
                let mut writer = OpenOptions::new().write(true).open(path).unwrap();
                writer.write_all(b"A=1").unwrap();
            }
        });
        let waiting = |reported: &Path| {
            assert_eq!(reported, path);
            waits.set(waits.get() + 1);
            come.send(()).unwrap();
        };
        read(&path, EnvPipes::Read, &waiting).unwrap()
    });
    assert!(matches!(content, EnvContent::Pipe(bytes) if bytes == b"A=1"));
    assert_eq!(waits.get(), 1);
}

#[test]
fn a_read_only_query_opens_no_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("env");
    fifo(&path);
    for path in [path.as_path(), Path::new("/dev/null"), Path::new("/dev/fd/4711")] {
        let content = read(path, EnvPipes::Skip, &never).unwrap();
        assert!(matches!(content, EnvContent::Skipped), "{}", path.display());
    }
}

#[test]
fn an_inherited_pipe_keeps_what_it_held() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"A=1\n").unwrap();
    drop(writer);
    let path = format!("/dev/fd/{}", reader.as_raw_fd());
    for _ in 0..2 {
        let content = read(Path::new(&path), EnvPipes::Read, &never).unwrap();
        assert!(matches!(content, EnvContent::Pipe(bytes) if bytes == b"A=1\n"));
    }
}

#[test]
fn content_that_is_not_text_is_refused_or_empty() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| read(path, EnvPipes::Read, &never);
    assert!(
        matches!(read(Path::new("/dev/null")), Ok(EnvContent::Pipe(bytes)) if bytes.is_empty())
    );
    assert!(matches!(read(&folder.path().join("none")), Ok(EnvContent::Missing)));
    assert_eq!(read(folder.path()).unwrap_err(), "it is a folder");
    assert_eq!(read(Path::new("/dev/zero")).unwrap_err(), "it is larger than 1 MiB");
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!(read(&socket).unwrap_err(), "it is a socket");
}
