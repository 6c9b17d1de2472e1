//! The output layer: `cargo bench --bench output`. Medians of five, each compared with a limit measured
//! in the same run.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pitcrew::output::{
    LineSplitter, LogStore, LogWriters, ReadFrom, ReadLimit, SourceSelection, Stream,
};
use pitcrew::output::{StyleMode, safe_line};
use pitcrew::spec::{LogPolicy, Name, OutputLimits};

const CHUNK: usize = 64 << 10;
const TOTAL: usize = 1 << 30;

fn main() -> io::Result<()> {
    let line = [vec![b'x'; 79], vec![b'\n']].concat();
    let chunk: Vec<u8> = line.iter().copied().cycle().take(CHUNK).collect();

    let copy = rate(|| {
        let mut kept = vec![0; CHUNK];
        for _ in 0..TOTAL / CHUNK {
            kept.copy_from_slice(std::hint::black_box(&chunk));
            std::hint::black_box(&kept);
        }
    });
    let append = rate(|| {
        let store = LogStore::new(OutputLimits::default());
        feed(&mut intake(&store, "web", None), &chunk);
    });
    println!("append, 80-byte lines     {append:6.0} MB/s   (copy in cache {copy:.0} MB/s)");
    let follow = rate(|| followed(&chunk));
    println!("append, read by a thread  {follow:6.0} MB/s");

    let dir = tempfile::tempdir()?;
    let plain = rate(|| {
        written(&dir.path().join("plain"), &chunk).unwrap_or_else(|error| println!("{error}"));
    });
    for (what, max_size) in [("one log file", u64::MAX), ("rotated by 10 MiB", 10 << 20)] {
        let log = rate(|| logged(dir.path(), max_size, &chunk));
        let share = log / plain;
        println!("{what:24}  {log:6.0} MB/s   {share:.2} of bare write ({plain:.0} MB/s)");
    }
    windows();
    texts();
    Ok(())
}

fn intake(
    store: &Arc<LogStore>,
    name: &str,
    log: Option<pitcrew::output::LogFile>,
) -> LineSplitter {
    LineSplitter::new(store, store.source(&Name::new(name)), 1, log)
}

fn feed(intake: &mut LineSplitter, chunk: &[u8]) {
    for _ in 0..TOTAL / CHUNK {
        intake.wait_room(None);
        intake.push(Stream::Out, chunk, Timestamp::UNIX_EPOCH);
    }
}

fn followed(chunk: &[u8]) {
    let store = LogStore::new(OutputLimits::default());
    let mut reader = store.reader(SourceSelection::All, ReadFrom::Oldest);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while reader.wait_newer(None) == Some(pitcrew::output::WakeReason::Lines) {
                std::hint::black_box(reader.read(ReadLimit { lines: 10_000, bytes: 1 << 20 }));
            }
        });
        feed(&mut intake(&store, "web", None), chunk);
        store.close();
    });
}

fn written(path: &Path, chunk: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    for _ in 0..TOTAL / CHUNK {
        file.write_all(chunk)?;
    }
    std::fs::remove_file(path)
}

fn logged(dir: &Path, max_size: u64, chunk: &[u8]) {
    let writers = LogWriters::new(|notice| println!("{notice:?}"));
    let policy = LogPolicy { file: dir.join("logs/web.log"), max_size, keep: 5 };
    let log = writers.open(&"web".into(), &policy, None);
    let store = LogStore::new(OutputLimits::default());
    feed(&mut intake(&store, "web", Some(log.clone())), chunk);
    assert!(log.close(Duration::from_mins(1)), "all written");
    _ = std::fs::remove_dir_all(dir.join("logs"));
}

/// Reads slices of 40 of a million lines from 50 sources.
fn windows() {
    let store = LogStore::new(OutputLimits::default());
    let mut intakes: Vec<_> = (0..50).map(|n| intake(&store, &format!("p{n}"), None)).collect();
    for number in 0..20_000 {
        for intake in &mut intakes {
            let line = format!("{number} a short line of output\n");
            intake.push(Stream::Out, line.as_bytes(), Timestamp::UNIX_EPOCH);
        }
    }
    println!("{:?}", store.gauge());
    let mut numbers = (0..store.next_seq()).step_by(9973).cycle();
    let forward = median(|| {
        let from = numbers.next().unwrap_or_default();
        std::hint::black_box(store.read(&SourceSelection::All, from, ReadLimit::lines(40)));
    });
    let back = median(|| {
        std::hint::black_box(store.tail(&SourceSelection::All, 40));
    });
    println!("40 of 1,000,000 lines     {forward:?} forward, {back:?} at the end (budget 1ms)");
}

fn texts() {
    let plain = "GET /assets/index.js 200 in 12 ms, 3141 bytes, cache miss\n";
    let styled = "\x1b[32mGET\x1b[0m /assets/índex.js \x1b[1m200\x1b[0m in 12 ms, 3141 bytes\n";
    for (what, line) in [("plain", plain), ("styled", styled)] {
        let time = median(|| {
            for _ in 0..1000 {
                std::hint::black_box(safe_line(line.as_bytes(), StyleMode::Keep));
            }
        });
        println!("safe text, {what:6}         {:?} a line", time / 1000);
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn time(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..5).map(|_| time(&mut work)).collect();
    times.sort_unstable();
    times.get(2).copied().unwrap_or_default()
}

/// Megabytes per second of work that handles `TOTAL` bytes.
fn rate(work: impl FnMut()) -> f64 {
    TOTAL as f64 / 1e6 / median(work).as_secs_f64()
}
