use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::output::{LineSplitter, LogStore, Stream};
use crate::spec::OutputLimits;

const LONG: Duration = Duration::from_mins(1);

/// A log file in its own folder, and its notices.
struct Bench {
    dir: tempfile::TempDir,
    path: PathBuf,
    notices: Receiver<LogFileNotice>,
    log: LogFile,
    splitter: LineSplitter,
}

fn writers(pace: Duration) -> (LogWriters, Receiver<LogFileNotice>) {
    let (send, notices) = channel();
    let mut writers = LogWriters::new(move |notice| _ = send.send(notice));
    writers.intervals = CheckIntervals { check: pace, retry: Duration::from_millis(5) };
    (writers, notices)
}

fn splitter(log: &LogFile) -> LineSplitter {
    let store = LogStore::new(OutputLimits { memory: 1 << 20, line: 64 << 10 });
    let web = store.source(&"web".into());
    LineSplitter::new(&store, web, 1, Some(log.clone()))
}

impl Bench {
    fn new(pace: Duration, max_size: u64, keep: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/deep/web.log");
        let (writers, notices) = writers(pace);
        let policy = LogPolicy { file: path.clone(), max_size, keep };
        let log = writers.open(&"web".into(), &policy, None);
        let splitter = splitter(&log);
        Self { dir, path, notices, log, splitter }
    }

    /// Checked before each write, so that changes are noticed immediately.
    fn eager() -> Self {
        Self::new(Duration::ZERO, 10 << 20, 5)
    }

    fn link_to(target: &Path) -> Self {
        let bench = Self::eager();
        fs::create_dir_all(bench.path.parent().unwrap()).unwrap();
        symlink(target, &bench.path).unwrap();
        bench
    }

    fn push(&mut self, text: &[u8]) {
        assert!(self.splitter.wait_room(Some(LONG)));
        self.splitter.push(Stream::Out, text, Timestamp::from_second(1_767_323_045).unwrap());
    }

    fn event(&self) -> LogFileEvent {
        self.notices.recv_timeout(LONG).unwrap().event
    }

    fn failing(&self) -> String {
        let event = self.event();
        let LogFileEvent::Failing { error } = event else { panic!("{event:?}") };
        error
    }

    fn recovered(&self) -> (u64, u64) {
        let event = self.event();
        let LogFileEvent::Recovered { lost_lines, lost_bytes } = event else { panic!("{event:?}") };
        (lost_lines, lost_bytes)
    }

    /// Waits until everything that was pushed is in the file.
    fn settle(&self) {
        let done = |cx: &mut Context<'_>| self.log.poll(cx, |queue| queue.bytes == 0);
        assert!(block_on(Some(LONG), done).is_some());
    }

    /// Closes the file and returns its contents.
    fn end(mut self) -> Vec<u8> {
        self.splitter.finish(Stream::Out, Timestamp::UNIX_EPOCH);
        assert!(self.log.close(LONG));
        fs::read(&self.path).unwrap()
    }
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    PathBuf::from(format!("{}.{number}", path.display()))
}

/// The file without the lines that note a gap.
fn own_lines(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
    lines.filter(|line| !line.starts_with(b"--- pitcrew: ")).collect::<Vec<_>>().concat()
}

#[test]
fn bytes_are_exact_and_private() {
    let mut bench = Bench::eager();
    let text = b"a\0b\xff\xfe\n\r\n\n\x1b[31mred\nno newline";
    bench.push(text);
    let path = bench.path.clone();
    let dir = bench.dir.path().join("logs");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    bench.settle();
    assert_eq!((mode(&path), mode(&dir)), (0o600, 0o700));
    assert_eq!(bench.end(), text);
}

#[test]
fn a_restart_appends() {
    let mut bench = Bench::eager();
    fs::create_dir_all(bench.path.parent().unwrap()).unwrap();
    fs::write(&bench.path, "before\n").unwrap();
    bench.push(b"after\n");
    bench.splitter = splitter(&bench.log);
    bench.push(b"again\n");
    assert_eq!(bench.end(), b"before\nafter\nagain\n");
}

#[test]
fn rotation_loses_nothing_and_cuts_no_line() {
    const TOTAL: usize = 50 << 20;
    let mut bench = Bench::new(LONG, 256 << 10, 1000);
    let mut input = Vec::with_capacity(TOTAL);
    let mut number = 0_usize;
    while input.len() < TOTAL {
        let line = format!("{number} {}\n", "x".repeat(number * 7919 % 300));
        input.extend_from_slice(line.as_bytes());
        number += 1;
    }
    for chunk in input.chunks(10_007) {
        bench.push(chunk);
    }
    let path = bench.path.clone();
    let dir = bench.dir.path().to_owned();
    bench.splitter.finish(Stream::Out, Timestamp::UNIX_EPOCH);
    assert!(bench.log.close(LONG));
    let count = fs::read_dir(path.parent().unwrap()).unwrap().count() - 1;
    assert!(count >= TOTAL / (256 << 10), "{count} in {dir:?}");
    let mut output = Vec::with_capacity(TOTAL);
    for file in (1..=count).rev().map(|n| numbered(&path, n)).chain([path.clone()]) {
        let bytes = fs::read(file).unwrap();
        assert!(bytes.len() <= 256 << 10);
        assert_eq!(bytes.last(), Some(&b'\n'));
        output.extend(bytes);
    }
    assert!(output == input);
}

#[test]
fn only_so_many_files_are_kept() {
    for (keep, expected) in [(0, 1), (1, 2), (3, 4)] {
        let mut bench = Bench::new(LONG, 100, keep);
        for number in 0..200 {
            bench.push(format!("{number:9}\n").as_bytes());
        }
        let logs = bench.path.parent().unwrap().to_owned();
        bench.settle();
        assert_eq!(fs::read_dir(&logs).unwrap().count(), expected);
        assert!(bench.end().ends_with(b"199\n"));
    }
}

#[test]
fn a_line_longer_than_the_file_has_its_own() {
    let mut bench = Bench::new(LONG, 10, 9);
    bench.push(b"short\n");
    bench.push(b"much longer than ten bytes\nend\n");
    let path = bench.path.clone();
    bench.settle();
    assert_eq!(fs::read(numbered(&path, 2)).unwrap(), b"short\n");
    assert_eq!(fs::read(numbered(&path, 1)).unwrap(), b"much longer than ten bytes\n");
    assert_eq!(bench.end(), b"end\n");
}

/// Replaces the file of this name atomically.
fn switch(bench: &Bench, target: &Path) {
    let link = bench.dir.path().join("link");
    symlink(target, &link).unwrap();
    fs::rename(&link, &bench.path).unwrap();
}

#[test]
fn what_a_full_disk_did_not_take_is_written_when_there_is_room() {
    let mut bench = Bench::link_to(Path::new("/dev/full"));
    let mut pushed = Vec::new();
    let mut push = |bench: &mut Bench, text: &str| {
        pushed.extend_from_slice(text.as_bytes());
        bench.push(text.as_bytes());
    };
    push(&mut bench, "one\ntwo\n");
    assert_eq!(bench.failing(), "No space left on device");
    for number in 0..5000 {
        push(&mut bench, &format!("{number}\n"));
    }
    let real = bench.dir.path().join("real.log");
    switch(&bench, &real);
    assert_eq!(bench.recovered(), (0, 0));
    push(&mut bench, "after\n");
    assert_eq!(bench.end(), pushed);
}

#[test]
fn what_does_not_fit_in_the_queue_of_a_full_disk_is_a_counted_gap_at_its_place() {
    let mut bench = Bench::link_to(Path::new("/dev/full"));
    bench.push(b"first\n");
    bench.failing();
    let line = vec![b'x'; 63 << 10];
    let line = [&line[..], b"\n"].concat();
    let kept = (MAX_QUEUED - 6) / line.len();
    for _ in 0..kept + 10 {
        bench.push(&line);
    }
    let real = bench.dir.path().join("real.log");
    switch(&bench, &real);
    assert_eq!(bench.recovered(), (10, 10 * line.len() as u64));
    bench.push(b"after\n");
    let file = bench.end();
    assert_eq!(own_lines(&file), [b"first\n", &line.repeat(kept)[..], b"after\n"].concat());
    let text = String::from_utf8(file).unwrap();
    let mut last = text.lines().rev();
    assert_eq!(last.next(), Some("after"));
    let note = "--- pitcrew: 10 lines (645,130 bytes) lost: No space left on device, \
        2026-01-02T03:04:05Z to 2026-01-02T03:04:05Z ---";
    assert_eq!(last.next(), Some(note));
}

#[test]
fn bytes_for_a_permanently_failing_file_are_lost_and_reported() {
    let mut bench = Bench::link_to(Path::new("/dev/full"));
    bench.push(b"one\ntwo\n");
    bench.failing();
    bench.push(b"three\n");
    assert!(bench.log.close(LONG));
    let LogFileEvent::Lost { lost_lines, lost_bytes, .. } = bench.event() else { panic!() };
    assert_eq!((lost_lines, lost_bytes), (3, 14));
}

#[test]
fn nothing_is_lost_however_often_it_fails() {
    let mut bench = Bench::eager();
    let mut came = Vec::new();
    // The folder is a link that is switched atomically between a folder and a file.
    let logs = bench.path.parent().unwrap().to_owned();
    let (real, none) = (bench.dir.path().join("real"), bench.dir.path().join("none"));
    fs::create_dir(&real).unwrap();
    fs::create_dir(logs.parent().unwrap()).unwrap();
    fs::write(&none, "").unwrap();
    let switch = |target: &Path| {
        let link = real.with_file_name("link");
        symlink(target, &link).unwrap();
        fs::rename(&link, &logs).unwrap();
    };
    switch(&real);
    let mut push = |bench: &mut Bench, text: &str| {
        bench.push(text.as_bytes());
        came.extend_from_slice(text.as_bytes());
    };
    push(&mut bench, "first\n");
    bench.settle();
    for round in 0..5 {
        switch(&none);
        push(&mut bench, &format!("round {round}\nkept\n"));
        assert_eq!(bench.failing(), "Not a directory");
        switch(&real);
        assert_eq!(bench.recovered(), (0, 0));
        push(&mut bench, "back\n");
        bench.settle();
    }
    assert_eq!(bench.end(), came);
}

#[test]
fn a_gap_begins_on_a_fresh_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("web.log");
    fs::write(&path, "torn").unwrap();
    let policy = LogPolicy { file: path.clone(), max_size: 10 << 20, keep: 5 };
    let mut target = RotatingFile::new(path.clone(), &policy, Duration::ZERO);
    let mut lost = LostLines::new("x".into(), Timestamp::UNIX_EPOCH);
    lost.add(b"x\n", Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    target.write(&[QueueItem::Gap(lost)]).unwrap();
    let file = fs::read(&path).unwrap();
    assert!(file.starts_with(b"torn\n--- pitcrew: 1 line (2 bytes) lost: "));
}

#[test]
fn a_file_or_folder_that_vanishes_is_made_again() {
    let mut bench = Bench::eager();
    let logs = bench.path.parent().unwrap().to_owned();
    bench.push(b"one\n");
    bench.settle();
    fs::remove_file(&bench.path).unwrap();
    bench.push(b"two\n");
    bench.settle();
    assert_eq!(fs::read(&bench.path).unwrap(), b"two\n");
    fs::remove_dir_all(logs.parent().unwrap()).unwrap();
    bench.push(b"three\n");
    bench.settle();
    fs::write(&bench.path, "").unwrap();
    bench.push(b"four\n");
    assert_eq!(bench.end(), b"four\n");
}

#[test]
fn a_file_that_cannot_be_renamed_grows() {
    let mut bench = Bench::new(LONG, 10, 1);
    fs::create_dir_all(numbered(&bench.path, 1).join("in the way")).unwrap();
    bench.push(b"12345678\nabcdefgh\n");
    assert!(matches!(bench.event(), LogFileEvent::NotRotated { .. }));
    assert_eq!(bench.end(), b"12345678\nabcdefgh\n");
}

#[test]
fn only_regular_files_are_accepted() {
    let mut bench = Bench::eager();
    fs::create_dir_all(&bench.path).unwrap();
    bench.push(b"x\n");
    assert_eq!(bench.failing(), "Is a directory");
    assert!(bench.log.close(LONG));
}

#[test]
fn a_fifo_without_reader_delays_nothing() {
    let mut bench = Bench::eager();
    fs::create_dir_all(bench.path.parent().unwrap()).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &bench.path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    bench.push(b"x\n");
    assert_eq!(bench.failing(), "No such device or address");
    assert!(bench.log.close(LONG));
}

/// More hung files than base threads, then a working file.
#[test]
fn hung_files_fill_up_and_stop_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (writers, _notices) = writers(LONG);
    let line = vec![b'x'; 1023].into_iter().chain([b'\n']).collect::<Vec<_>>();
    let mut hung = Vec::new();
    for number in 0..5 {
        let path = dir.path().join(format!("{number}.log"));
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
        let reader = fs::File::options().read(true).write(true).open(&path).unwrap();
        let policy = LogPolicy { file: path, max_size: 1 << 20, keep: 1 };
        let log = writers.open(&"hung".into(), &policy, None);
        let mut splitter = splitter(&log);
        let mut pushed = 0;
        while splitter.wait_room(Some(Duration::ZERO)) && pushed <= 2 * MAX_QUEUED {
            splitter.push(Stream::Out, &line, Timestamp::UNIX_EPOCH);
            pushed += line.len();
        }
        assert!((MAX_QUEUED..MAX_QUEUED + (1 << 20)).contains(&pushed), "{pushed}");
        assert!(!log.close(Duration::ZERO));
        hung.push((log, splitter, reader, pushed));
    }
    let path = dir.path().join("good.log");
    let policy = LogPolicy { file: path.clone(), max_size: 1 << 20, keep: 1 };
    let good = writers.open(&"good".into(), &policy, None);
    splitter(&good).push(Stream::Out, b"here\n", Timestamp::UNIX_EPOCH);
    assert!(good.close(LONG));
    assert_eq!(fs::read(path).unwrap(), b"here\n");
    for (log, _, mut reader, pushed) in hung {
        reader.read_exact(&mut vec![0; pushed]).unwrap();
        assert!(log.close(LONG));
    }
}

#[test]
fn a_file_that_is_replaced_is_left_alone() {
    let mut bench = Bench::eager();
    bench.push(b"one\n");
    bench.settle();
    let old = fs::metadata(&bench.path).unwrap().ino();
    let aside = bench.dir.path().join("aside.log");
    fs::rename(&bench.path, &aside).unwrap();
    fs::write(&bench.path, "new\n").unwrap();
    assert_ne!(fs::metadata(&bench.path).unwrap().ino(), old);
    bench.push(b"two\n");
    bench.settle();
    assert_eq!(fs::read(&aside).unwrap(), b"one\n");
    assert_eq!(bench.end(), b"new\ntwo\n");
}
