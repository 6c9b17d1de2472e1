//! One child that prints as fast as it can: `cargo bench --bench throughput`. 2 GB of lines into a
//! log file beside supervisord and `cat`, what the engine's memory grows to, and how late another
//! process is seen meanwhile.
//!
//! The rate is taken from the moment the child begins to print until the log file is whole. `GB` in
//! the environment makes it smaller.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

mod support;
use support::{
    Budget, Held, Project, beside, head, median, now, pause, percentile, row, until, wall,
};

const LINE: usize = 80;
/// Lines the generator writes at once.
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
            other => Err(io::Error::other(format!("no such errand: {other}"))),
        };
    }
    let total = (gigabytes() * 1e9) as u64 / BLOCK as u64 * BLOCK as u64;
    let runs = support::runs(3);
    quiet(total, runs)?;
    shown(total, runs)?;
    endless(total / 2)
}

fn gigabytes() -> f64 {
    std::env::var("GB").ok().and_then(|text| text.parse().ok()).unwrap_or(2.0)
}

// What is printed.

/// A stretch of lines, of which the first knows its place among all.
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

/// Leaves the time in a file, then prints.
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

/// One line without an end.
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

/// Whether a file holds what `lines` prints, byte for byte.
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

// How it is measured.

fn size(file: &Path) -> u64 {
    file.metadata().map_or(0, |data| data.len())
}

/// MB/s from the stamp to the moment the file has all.
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

/// What one run of pitcrew gave.
struct Run {
    rate: f64,
    /// The most memory the engine had, in MB.
    memory: f64,
    exact: bool,
    /// How late each tick was seen, in milliseconds.
    late: Vec<f64>,
    /// Lines that were not shown.
    unshown: usize,
}

/// Seconds as they came, in lines: how late each is now.
fn lateness(line: &str) -> Option<f64> {
    line.trim().rsplit(' ').next()?.parse().ok().map(|then: f64| (wall() - then) * 1e3)
}

/// Follows a growing file until it is told to stop.
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

/// Reads what the front shows until it ends; counts the lines of the flood.
fn watch(mut stdout: ChildStdout, total: u64) -> (Vec<f64>, usize) {
    let mut late = Vec::new();
    let (mut shown, mut kept) = (0, 0);
    let mut text = vec![0; 1 << 20];
    let tick = memchr::memmem::Finder::new("tick ");
    loop {
        let room = text.get_mut(kept..).unwrap_or_default();
        let Ok(read @ 1..) = stdout.read(room) else {
            return (late, (total as usize / LINE).saturating_sub(shown));
        };
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

fn run(total: u64, memory: &str, quiet: bool) -> io::Result<Run> {
    let project = Project::new(&procfile("lines", total, memory)?)?;
    let mut command = project.up(if quiet { &["--quiet"] } else { &[] });
    if !quiet {
        command.stdout(Stdio::piped());
    }
    let mut manager = Held::start(&mut command)?;
    let engine = support::engine(manager.pid()).ok_or_else(|| io::Error::other("no engine"))?;
    let (stamp, log, ticks) =
        (project.path("stamp"), project.path("flood.log"), project.path("tick.log"));
    let stop = AtomicBool::new(false);
    let stdout = manager.0.stdout.take();
    let (rate, memory, (late, unshown)) = std::thread::scope(|scope| {
        let seen = scope.spawn(|| match stdout {
            Some(stdout) => watch(stdout, total),
            None => (follow(&ticks, &stop), 0),
        });
        let rate = rate(&stamp, &log, total);
        let memory = support::status(engine, "VmHWM").unwrap_or(0) as f64 / 1024.0;
        stop.store(true, Ordering::Relaxed);
        manager.signal("-TERM");
        (rate, memory, seen.join().unwrap_or_default())
    });
    _ = manager.wait();
    Ok(Run { rate, memory, exact: is_exact(&log, total)?, late, unshown })
}

fn with_supervisord(total: u64) -> io::Result<Option<f64>> {
    let Some(program) = support::find("supervisord") else { return Ok(None) };
    let project = Project::new("")?;
    let (again, log) = (support::again()?, project.path("flood.log"));
    let text = format!(
        "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=pid\n\
         [program:flood]\ncommand={} lines stamp {total}\nstartsecs=0\nautorestart=false\n\
         stdout_logfile={}\nstdout_logfile_maxbytes=0\n",
        again.display(),
        log.display()
    );
    let file = project.path("supervisord.conf");
    fs::write(&file, text)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(file).current_dir(project.path("")).stdout(Stdio::null());
    let _manager = Held::start(&mut command)?;
    Ok(Some(rate(&project.path("stamp"), &log, total)))
}

fn with_cat(total: u64) -> io::Result<f64> {
    let project = Project::new("")?;
    let script = format!("'{}' lines stamp {total} | cat > flood.log", support::again()?.display());
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).current_dir(project.path(""));
    let mut shell = Held::start(&mut command)?;
    let rate = rate(&project.path("stamp"), &project.path("flood.log"), total);
    shell.wait()?;
    Ok(rate)
}

// What is told.

fn quiet(total: u64, runs: usize) -> io::Result<()> {
    let (mut ours, mut supervisord, mut cat) = (Vec::new(), Vec::new(), Vec::new());
    let mut small = Vec::new();
    for _ in 0..runs {
        ours.push(run(total, "256MiB", true)?);
        supervisord.extend(with_supervisord(total)?);
        cat.push(with_cat(total)?);
        small.push(run(total, "8MiB", true)?);
    }
    head(&format!("{} MB of {LINE}-byte lines to a log file, not shown", total / 1_000_000), runs);
    let rate = median(ours.iter().map(|one| one.rate).collect());
    let supervisord = (!supervisord.is_empty()).then(|| median(supervisord));
    beside("rate", rate, "MB/s", ("supervisord", supervisord), Budget::Least(1.3));
    beside("rate", rate, "MB/s", ("cat > file", Some(median(cat))), Budget::Least(0.6));
    tell(&ours, 256.0);
    let rate = median(small.iter().map(|one| one.rate).collect());
    row("rate, 8 MiB kept", rate, "MB/s", Budget::None);
    tell(&small, 8.0);
    Ok(())
}

fn tell(all: &[Run], kept: f64) {
    let inexact = all.iter().filter(|one| !one.exact).count();
    row("runs whose log is not exact", inexact as f64, "", Budget::Most(0.0));
    let memory = all.iter().map(|one| one.memory).fold(0.0, f64::max);
    row(&format!("most memory, {kept:.0} MiB kept"), memory, "MiB", Budget::Most(kept + BEYOND));
    let mut late: Vec<f64> = all.iter().flat_map(|one| one.late.iter().copied()).collect();
    let what = format!("another's line is seen, p99 of {}", late.len());
    row(&what, percentile(&mut late, 99), "ms", Budget::Most(100.0));
}

fn shown(total: u64, runs: usize) -> io::Result<()> {
    let all = (0..runs).map(|_| run(total, "256MiB", false)).collect::<io::Result<Vec<_>>>()?;
    head(
        &format!(
            "{} MB of {LINE}-byte lines to a log file and shown, read at once",
            total / 1_000_000
        ),
        runs,
    );
    row("rate", median(all.iter().map(|one| one.rate).collect()), "MB/s", Budget::None);
    tell(&all, 256.0);
    let unshown = all.iter().map(|one| one.unshown).max().unwrap_or(0);
    row("lines not shown (worst)", unshown as f64, "", Budget::None);
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
