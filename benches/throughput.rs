//! One child that prints as fast as it can: `cargo bench --bench throughput`. 2 GB of lines into a
//! log file, compared with supervisord and `cat`; the maximum memory of the engine; and the delay of
//! the lines of another process meanwhile.
//!
//! The rate is measured from the first byte of the child until the log file is complete. `GB` in the
//! environment sets the amount. The processor time is that of the process that reads and writes, without
//! the child: other load on the machine changes it less than the rate. A bare loop that reads and
//! writes in one thread, with the larger pipe that pitcrew also uses, shows the limit of the machine.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

#[path = "throughput/peers.rs"]
mod peers;
#[expect(dead_code, reason = "each program uses its part of it")]
mod support;
use peers::{with_honcho, with_reader, with_supervisord};
use support::{
    Budget, Held, Project, beside, head, median, now, pause, percentile, row, until, wall,
};

const LINE: usize = 80;
/// The number of lines that the generator writes at a time.
const LINES: usize = 8192;
const BLOCK: usize = LINE * LINES;
/// Memory beyond the budget for output, in MB.
const BEYOND: f64 = 64.0;

fn main() -> io::Result<()> {
    if let Some((errand, arguments)) = support::errand() {
        let argument =
            |at: usize| arguments.get(at).and_then(|text| text.to_str()).unwrap_or_default();
        let stamp = Path::new(argument(0));
        return match errand.as_str() {
            "lines" => lines(stamp, argument(1).parse().unwrap_or(0)),
            "long" => long(stamp, argument(1).parse().unwrap_or(0)),
            "ticks" => ticks(),
            "bare" => bare(),
            other => Err(io::Error::other(format!("no such errand: {other}"))),
        };
    }
    let total = (gigabytes() * 1e9) as u64 / BLOCK as u64 * BLOCK as u64;
    let runs = support::runs(5);
    quiet(total, runs)?;
    shown(total, runs)?;
    endless(total / 2)
}

fn gigabytes() -> f64 {
    std::env::var("GB").ok().and_then(|text| text.parse().ok()).unwrap_or(2.0)
}

// Generators.

/// A block of lines, of which the first contains its number.
fn block(number: u64) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    for line in 0..LINES {
        _ = writeln!(
            block,
            "{line:>16} the quick brown fox jumps over the lazy dog and on and on 0123"
        );
    }
    mark(&mut block, number);
    block
}

fn mark(block: &mut [u8], number: u64) {
    let text = format!("{number:>16}");
    block.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
}

/// Writes the time to a file, then prints.
fn lines(stamp: &Path, total: u64) -> io::Result<()> {
    let mut block = block(0);
    fs::write(stamp, wall().to_string())?;
    let mut stdout = File::from(std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?);
    for number in 0..total / BLOCK as u64 {
        mark(&mut block, number);
        stdout.write_all(&block)?;
    }
    Ok(())
}

/// A line without an end.
fn long(stamp: &Path, total: u64) -> io::Result<()> {
    let block = vec![b'x'; BLOCK];
    fs::write(stamp, wall().to_string())?;
    let mut stdout = File::from(std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?);
    (0..total / BLOCK as u64).try_for_each(|_| stdout.write_all(&block))
}

/// The time, ten times a second.
fn ticks() -> io::Result<()> {
    let mut stdout = io::stdout();
    loop {
        writeln!(stdout, "{:.6}", wall())?;
        stdout.flush()?;
        pause(100);
    }
}

/// The bare loop of reads and writes.
fn bare() -> io::Result<()> {
    let (mut stdin, stdout) = (io::stdin().lock(), io::stdout());
    let mut stdout = File::from(std::os::fd::AsFd::as_fd(&stdout).try_clone_to_owned()?);
    _ = rustix::pipe::fcntl_setpipe_size(&stdin, 1 << 20);
    let mut text = vec![0; 256 << 10];
    loop {
        let read = stdin.read(&mut text)?;
        let Some(text) = text.get(..read).filter(|text| !text.is_empty()) else { return Ok(()) };
        stdout.write_all(text)?;
    }
}

/// Whether a file contains exactly the output of `lines`.
fn is_exact(file: &Path, total: u64) -> io::Result<bool> {
    let mut file = File::open(file)?;
    let (mut wanted, mut found) = (block(0), vec![0; BLOCK]);
    for number in 0..total / BLOCK as u64 {
        mark(&mut wanted, number);
        file.read_exact(&mut found)?;
        if wanted != found {
            return Ok(false);
        }
    }
    Ok(file.read(&mut found)? == 0)
}

// Measurement.

fn size(file: &Path) -> u64 {
    file.metadata().map_or(0, |data| data.len())
}

/// MB/s from the time stamp until the file is complete.
fn rate(stamp: &Path, file: &Path, total: u64) -> f64 {
    let whole = until(180, 1, || size(file) >= total);
    let end = wall();
    let start: f64 =
        fs::read_to_string(stamp).ok().and_then(|text| text.parse().ok()).unwrap_or(end);
    if whole { total as f64 / 1e6 / (end - start) } else { f64::NAN }
}

fn procfile(errand: &str, total: u64, memory: &str) -> io::Result<String> {
    let again = support::again()?.display().to_string();
    let mut text = format!("[project]\noutput = {{ memory = \"{memory}\" }}\n");
    _ = write!(
        text,
        "[process.flood]\ncommand = [{again:?}, {errand:?}, \"stamp\", \"{total}\"]\n\
         log = {{ file = \"flood.log\", max_size = \"1024GiB\" }}\n\
         [process.tick]\ncommand = [{again:?}, \"ticks\"]\n\
         log = {{ file = \"tick.log\", max_size = \"1024GiB\" }}\n"
    );
    Ok(text)
}

/// The rate and the processor time of writing the output to a file.
#[derive(Clone, Copy)]
struct Pace {
    rate: f64,
    /// Seconds per gigabyte.
    cost: f64,
}

impl Pace {
    /// Measures the reading process, which is still alive.
    fn of(reader: u32, stamp: &Path, file: &Path, total: u64) -> Self {
        let rate = rate(stamp, file, total);
        Self { rate, cost: support::processor_of(reader) / (total as f64 / 1e9) }
    }
}

/// The figures of one run of pitcrew.
struct Run {
    pace: Pace,
    /// The maximum memory of the engine in MB.
    memory: f64,
    exact: bool,
    /// The delay of each tick in milliseconds.
    late: Vec<f64>,
    /// The number of lines that were not shown.
    unshown: usize,
}

/// Computes the delay of each line, which contains its time in seconds.
fn lateness(line: &str) -> Option<f64> {
    line.trim().rsplit(' ').next()?.parse().ok().map(|then: f64| (wall() - then) * 1e3)
}

/// Follows a growing file until it is stopped.
fn follow(file: &Path, stop: &AtomicBool) -> Vec<f64> {
    let mut late = Vec::new();
    if !until(10, 1, || file.exists()) {
        return late;
    }
    let Ok(file) = File::open(file) else { return late };
    let (mut reader, mut line) = (BufReader::new(file), String::new());
    while !stop.load(Ordering::Relaxed) {
        match reader.read_line(&mut line) {
            Ok(1..) if line.ends_with('\n') => {
                late.extend(lateness(&line));
                line.clear();
            }
            _ => pause(1),
        }
    }
    late
}

/// The reading speed of the output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Eyes {
    Quick,
    /// Like a slow terminal, some 15 MB/s.
    Slow,
}

/// Reads the output of the front end to its end; counts the lines of the flood.
fn watch(mut stdout: ChildStdout, total: u64, eyes: Eyes) -> (Vec<f64>, usize) {
    let mut late = Vec::new();
    let (mut shown, mut kept) = (0, 0);
    let mut text = vec![0; if eyes == Eyes::Quick { 1 << 20 } else { 64 << 10 }];
    // The prefix of pitcrew and honcho.
    let tick = memchr::memmem::Finder::new("tick");
    loop {
        let room = text.get_mut(kept..).unwrap_or_default();
        let Ok(read @ 1..) = stdout.read(room) else {
            return (late, (total as usize / LINE).saturating_sub(shown));
        };
        if eyes == Eyes::Slow {
            pause(4);
        }
        let (all, _) = text.split_at(kept + read);
        let end = memchr::memrchr(b'\n', all).map_or(0, |last| last + 1);
        let (whole, rest) = all.split_at(end);
        let ticks = tick.find_iter(whole).filter_map(|at| whole.get(at..));
        let before = late.len();
        late.extend(ticks.filter_map(|tick| {
            let line = tick.split(|byte| *byte == b'\n').next()?;
            std::str::from_utf8(line).ok().and_then(lateness)
        }));
        shown += memchr::memchr_iter(b'\n', whole).count() - (late.len() - before);
        kept = rest.len();
        text.copy_within(end..end + kept, 0);
    }
}

fn run(total: u64, memory: &str, eyes: Option<Eyes>) -> io::Result<Run> {
    let project = Project::new(&procfile("lines", total, memory)?)?;
    let mut command = project.up(if eyes.is_none() { &["--quiet"] } else { &[] });
    if eyes.is_some() {
        command.stdout(Stdio::piped());
    }
    let mut manager = Held::start(&mut command)?;
    let engine = support::engine(manager.pid()).ok_or_else(|| io::Error::other("no engine"))?;
    let (stamp, log, ticks) =
        (project.path("stamp"), project.path("flood.log"), project.path("tick.log"));
    let stop = AtomicBool::new(false);
    let stdout = manager.0.stdout.take();
    let (pace, memory, (late, unshown)) = std::thread::scope(|scope| {
        let seen = scope.spawn(|| match stdout.zip(eyes) {
            Some((stdout, eyes)) => watch(stdout, total, eyes),
            None => (follow(&ticks, &stop), 0),
        });
        let pace = Pace::of(engine, &stamp, &log, total);
        let memory = support::status(engine, "VmHWM").unwrap_or(0) as f64 / 1024.0;
        stop.store(true, Ordering::Relaxed);
        manager.signal("-TERM");
        (pace, memory, seen.join().unwrap_or_default())
    });
    _ = manager.wait();
    Ok(Run { pace, memory, exact: is_exact(&log, total)?, late, unshown })
}

// Reports.

fn quiet(total: u64, runs: usize) -> io::Result<()> {
    let (mut ours, mut small, mut supervisord) = (Vec::new(), Vec::new(), Vec::new());
    let (mut cat, mut bare, mut late) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        ours.push(run(total, "256MiB", None)?);
        if let Some((pace, ticks)) = with_supervisord(total)? {
            supervisord.push(pace);
            late.extend(ticks);
        }
        cat.push(with_reader(total, Command::new("cat"))?);
        let mut again = Command::new(support::again()?);
        again.arg("bare");
        bare.push(with_reader(total, again)?);
        small.push(run(total, "8MiB", None)?);
    }
    head(&format!("{} MB of {LINE}-byte lines to a log file, not shown", total / 1_000_000), runs);
    let paces = [&ours, &small].map(|all| all.iter().map(|one| one.pace).collect::<Vec<_>>());
    let peers = [
        ("supervisord", &supervisord, Budget::Least(1.3)),
        ("cat > file", &cat, Budget::Least(0.6)),
        ("bare loop", &bare, Budget::None),
    ];
    for (what, paces) in ["rate, 256 MiB kept", "rate, 8 MiB kept"].into_iter().zip(&paces) {
        for (name, peer, budget) in peers {
            let rate = middle(paces, |one| one.rate).unwrap_or(f64::NAN);
            beside(what, rate, "MB/s", (name, middle(peer, |one| one.rate)), budget);
        }
    }
    for (name, peer, _) in peers {
        let cost = paces.first().and_then(|paces| middle(paces, |one| one.cost));
        let peer = middle(peer, |one| one.cost);
        let what = "processor time for a GB, 256 MiB kept";
        beside(what, cost.unwrap_or(f64::NAN), "s", (name, peer), Budget::None);
    }
    tell(&ours, 256.0, ("supervisord", late));
    tell(&small, 8.0, ("supervisord", Vec::new()));
    Ok(())
}

fn middle(paces: &[Pace], what: impl Fn(&Pace) -> f64) -> Option<f64> {
    (!paces.is_empty()).then(|| median(paces.iter().map(what).collect()))
}

/// Reports memory, exactness and delay, compared with a peer.
fn tell(all: &[Run], kept: f64, (peer, mut theirs): (&str, Vec<f64>)) {
    let inexact = all.iter().filter(|one| !one.exact).count();
    row("runs whose log is not exact", inexact as f64, "", Budget::Most(0.0));
    let memory = all.iter().map(|one| one.memory).fold(0.0, f64::max);
    row(&format!("most memory, {kept:.0} MiB kept"), memory, "MiB", Budget::Most(kept + BEYOND));
    let mut late: Vec<f64> = all.iter().flat_map(|one| one.late.iter().copied()).collect();
    let what = format!("another's line is seen, p99 of {}", late.len());
    let late = percentile(&mut late, 99);
    row(&what, late, "ms", Budget::Most(100.0));
    if !theirs.is_empty() {
        let theirs = Some(percentile(&mut theirs, 99));
        beside("the same", late, "ms", (peer, theirs), Budget::None);
    }
}

fn shown(total: u64, runs: usize) -> io::Result<()> {
    let (mut quick, mut slow) = (Vec::new(), Vec::new());
    let (mut honcho, mut late) = (Vec::new(), Vec::new());
    // honcho is slow, so it gets less output.
    let few = total / 20 / BLOCK as u64 * BLOCK as u64;
    for _ in 0..runs {
        quick.push(run(total, "256MiB", Some(Eyes::Quick))?);
        slow.push(run(total, "8MiB", Some(Eyes::Slow))?);
        if let Some((rate, ticks)) = with_honcho(few)? {
            honcho.push(rate);
            late.extend(ticks);
        }
    }
    let megabytes = total / 1_000_000;
    head(
        &format!("{megabytes} MB of {LINE}-byte lines to a log file and shown, read at once"),
        runs,
    );
    let rate = median(quick.iter().map(|one| one.pace.rate).collect());
    let honcho = (!honcho.is_empty()).then(|| median(honcho));
    beside("rate", rate, "MB/s", ("honcho, no log", honcho), Budget::None);
    tell(&quick, 256.0, ("honcho", late));
    let unshown = quick.iter().map(|one| one.unshown).max().unwrap_or(0);
    row("lines not shown (worst)", unshown as f64, "", Budget::None);
    head("The same, read as by a slow terminal", runs);
    let rate = median(slow.iter().map(|one| one.pace.rate).collect());
    row("rate into the log", rate, "MB/s", Budget::None);
    tell(&slow, 8.0, ("", Vec::new()));
    Ok(())
}

/// One line without an end: pieces, but every byte.
fn endless(total: u64) -> io::Result<()> {
    let total = total / BLOCK as u64 * BLOCK as u64;
    let project = Project::new(&procfile("long", total, "8MiB")?)?;
    let manager = Held::start(&mut project.up(&["--quiet"]))?;
    let engine = support::engine(manager.pid()).ok_or_else(|| io::Error::other("no engine"))?;
    let log = project.path("flood.log");
    let start = now();
    let rate = rate(&project.path("stamp"), &log, total);
    let memory = support::status(engine, "VmHWM").unwrap_or(0) as f64 / 1024.0;
    drop(manager);
    let mut file = File::open(&log)?;
    let mut found = vec![0; BLOCK];
    let mut wrong = 0;
    loop {
        match file.read(&mut found)? {
            0 => break,
            read => wrong += found.iter().take(read).filter(|byte| **byte != b'x').count(),
        }
    }
    head(
        &format!(
            "{} MB without a newline, {:.1} s",
            total / 1_000_000,
            start.elapsed().as_secs_f64()
        ),
        1,
    );
    row("rate", rate, "MB/s", Budget::None);
    row(
        "bytes that are wrong or too many",
        wrong as f64 + (size(&log) - total) as f64,
        "",
        Budget::Most(0.0),
    );
    row("most memory, 8 MiB kept", memory, "MiB", Budget::Most(8.0 + BEYOND));
    Ok(())
}
