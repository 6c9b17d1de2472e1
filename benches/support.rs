//! Shared by the benchmarks of the whole program: tables, medians, peers, readers of `/proc`.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time and waits for it")]

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock for durations.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The wall clock, which all processes share, in seconds.
pub(crate) fn wall() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

pub(crate) fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Polls a condition every few milliseconds; `false` when `seconds` have passed.
pub(crate) fn until(seconds: u64, step: u64, mut so: impl FnMut() -> bool) -> bool {
    let end = now() + Duration::from_secs(seconds);
    while now() < end {
        if so() {
            return true;
        }
        pause(step);
    }
    so()
}

/// The median.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The given percentile.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(rank).copied().unwrap_or(f64::NAN)
}

/// The number of measurements: `RUNS`, or this default.
pub(crate) fn runs(usual: usize) -> usize {
    std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(usual)
}

/// The budget of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Budget {
    Most(f64),
    Least(f64),
    /// No budget, for comparison only.
    None,
}

impl Budget {
    fn verdict(self, value: f64) -> String {
        let judged = |good: bool, sign: &str, limit: f64| {
            let word = if good { "PASS" } else { "OVER BUDGET" };
            format!("{word} ({sign} {})", figure(limit))
        };
        match self {
            Self::Most(limit) => judged(value <= limit, "<=", limit),
            Self::Least(limit) => judged(value >= limit, ">=", limit),
            Self::None => String::new(),
        }
    }
}

/// Prints the head of a table.
pub(crate) fn head(title: &str, runs: usize) {
    println!("\n{title} (median of {runs})");
    let columns = ("what", "pitcrew", "beside", "ratio");
    println!("  {:44} {:>12}  {:30} {:>6}  budget", columns.0, columns.1, columns.2, columns.3);
}

/// Prints a figure with its limit.
pub(crate) fn row(what: &str, ours: f64, unit: &str, budget: Budget) {
    let ours_text = format!("{} {unit}", figure(ours));
    println!("  {what:44} {ours_text:>12}  {:30} {:>6}  {}", "", "", budget.verdict(ours));
}

/// Prints a figure with that of a peer in the same run; the budget is for the ratio.
pub(crate) fn beside(what: &str, ours: f64, unit: &str, peer: (&str, Option<f64>), budget: Budget) {
    let ours_text = format!("{} {unit}", figure(ours));
    let (name, theirs) = peer;
    match theirs {
        Some(theirs) => {
            let theirs_text = format!("{name} {} {unit}", figure(theirs));
            let ratio = ours / theirs;
            let verdict = budget.verdict(ratio);
            println!("  {what:44} {ours_text:>12}  {theirs_text:30} {ratio:>6.2}  {verdict}");
        }
        None => println!("  {what:44} {ours_text:>12}  {:30}", format!("{name} is not installed")),
    }
}

fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A temporary folder with a project.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new(procfile: &str) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("procfile.toml"), procfile)?;
        fs::create_dir(folder.path().join("runtime"))?;
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(folder.path().join("runtime"), private)?;
        Ok(Self { folder })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `pitcrew up` with these arguments, without output.
    pub(crate) fn up(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pitcrew"));
        command.arg("-C").arg(self.folder.path()).arg("up").arg("--no-tui").args(arguments);
        command.env("XDG_RUNTIME_DIR", self.path("runtime"));
        command.env("XDG_STATE_HOME", self.path("state"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.current_dir(self.folder.path());
        command
    }
}

/// A child that is killed on drop.
pub(crate) struct Held(pub(crate) Child);

impl Held {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        _ = Command::new("kill").arg(signal).arg(self.pid().to_string()).status();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        self.0.wait()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.signal("-TERM");
            if !until(15, 10, || self.has_ended()) {
                _ = self.0.kill();
                _ = self.0.wait();
            }
        }
    }
}

/// A program on `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A command that runs this benchmark in another role.
pub(crate) fn again() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// The role of this process.
pub(crate) fn errand() -> Option<(String, Vec<OsString>)> {
    let mut arguments = std::env::args_os().skip(1);
    let what = arguments.next()?.into_string().ok()?;
    (!what.starts_with('-')).then(|| (what, arguments.collect()))
}

/// Seconds of processor time of this program and all reaped children.
pub(crate) fn processor() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: f64 = fields.skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// Seconds of processor time of all threads of a process so far.
pub(crate) fn processor_of(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// Nanoseconds of processor time of all threads of a process so far.
pub(crate) fn processor_nanos(pid: u32) -> f64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0.0 };
    let taken = |one: fs::DirEntry| {
        let text = fs::read_to_string(one.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    threads.flatten().filter_map(taken).sum()
}

/// This process and its descendants that run the same program: guardian and engine, but no child.
pub(crate) fn managers(pid: u32) -> Vec<u32> {
    let Ok(program) = fs::read_link(format!("/proc/{pid}/exe")) else { return vec![pid] };
    let is_same =
        |one: &u32| fs::read_link(format!("/proc/{one}/exe")).is_ok_and(|of| of == program);
    let mut all = vec![pid];
    let mut at = 0;
    while let Some(one) = all.get(at) {
        let below: Vec<u32> = children(*one).into_iter().filter(is_same).collect();
        all.extend(below);
        at += 1;
    }
    all
}

/// One number of `/proc/PID/status`, such as `VmHWM` in kB.
pub(crate) fn status(pid: u32, key: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The children of a process, from the list of each thread.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|one| fs::read_to_string(one.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// The engine, which is the child of the guardian that was started.
pub(crate) fn engine(guardian: u32) -> Option<u32> {
    let mut found = None;
    until(5, 2, || {
        found = children(guardian).first().copied();
        found.is_some()
    });
    found
}

/// The number of its zombies.
pub(crate) fn zombies(pid: u32) -> usize {
    let is_zombie = |child: &u32| {
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    };
    children(pid).iter().filter(|child| is_zombie(child)).count()
}

/// The number of its open descriptors.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// The live processes with exactly this command line.
pub(crate) fn living(argv: &[&str]) -> usize {
    let wanted: Vec<u8> = argv.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
    let Ok(all) = fs::read_dir("/proc") else { return 0 };
    let is_one = |path: &Path| fs::read(path.join("cmdline")).is_ok_and(|line| line == wanted);
    all.flatten()
        .filter(|one| one.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit))
        .filter(|one| is_one(&one.path()))
        .count()
}

/// The complete events in a file.
pub(crate) fn events(file: &Path, kind: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let all = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    all.filter(|event: &serde_json::Value| event.get("event").is_some_and(|of| of == kind))
        .collect()
}

/// The time of an event in seconds since 1970.
pub(crate) fn time_of(event: &serde_json::Value) -> Option<f64> {
    let time: jiff::Timestamp = event.get("time")?.as_str()?.parse().ok()?;
    Some(time.as_millisecond() as f64 / 1e3)
}

/// The number of events of a kind.
pub(crate) fn count(file: &Path, kind: &str) -> usize {
    let text = fs::read(file).unwrap_or_default();
    memchr::memmem::find_iter(&text, &format!("\"event\":\"{kind}\"")).count()
}
