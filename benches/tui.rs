//! The interface: `cargo bench --bench tui`, or a part of it: `-- start`, `kept`, `idle`, `flood`.
//! On a terminal of 120x36, compared with mprocs where possible.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::process::Command;
use std::time::Duration;

#[path = "tui/kept.rs"]
mod kept;
#[expect(dead_code, reason = "each program uses its part of it")]
mod support;
#[path = "tui/terminal.rs"]
mod terminal;

use support::{Budget, Project, beside, find, head, median, now, percentile, row};
use terminal::Terminal;

/// The number of processes of the project that is started.
const FEW: usize = 5;
/// The number of processes of the idle project.
const IDLE: usize = 50;
/// The duration of the idle measurement.
const QUIET: Duration = Duration::from_secs(20);
/// The number of keys pressed while four processes print.
const KEYS: usize = 200;

fn main() -> io::Result<()> {
    let parts: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|one| one == part);
    if wanted("start") {
        start()?;
    }
    if wanted("kept") {
        kept::measure()?;
    }
    if wanted("idle") {
        idle()?;
    }
    if wanted("flood") {
        flood()?;
    }
    Ok(())
}

fn procfile(count: usize) -> String {
    let mut text = String::from("[process]\n");
    for number in 1..=count {
        _ = writeln!(text, "proc-{number} = {{ command = [\"sleep\", \"1000\"] }}");
    }
    text
}

/// pitcrew with its interface.
fn pitcrew(project: &Project) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pitcrew"));
    command.current_dir(project.path(""));
    command.env("XDG_RUNTIME_DIR", project.path("runtime"));
    command.env("XDG_STATE_HOME", project.path("state"));
    command.env("XDG_CONFIG_HOME", project.path("config"));
    command
}

fn mprocs(project: &Project, count: usize) -> io::Result<Option<Command>> {
    let Some(program) = find("mprocs") else { return Ok(None) };
    let mut text = String::from("procs:\n");
    for number in 1..=count {
        _ = write!(text, "  proc-{number}:\n    cmd: [\"sleep\", \"1000\"]\n");
    }
    fs::write(project.path("mprocs.yaml"), text)?;
    let mut command = Command::new(program);
    command.current_dir(project.path(""));
    command.env("XDG_CONFIG_HOME", project.path("config"));
    Ok(Some(command))
}

const OURS: &[(&str, &str)] = &[("", "q"), ("Quit?", "y")];
const THEIRS: &[(&str, &str)] = &[("", "q")];

/// From the exec until the screen shows every process.
fn start() -> io::Result<()> {
    let runs = support::runs(15);
    let (mut first, mut running, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let last = format!("proc-{FEW}");
    for _ in 0..runs {
        let project = Project::new(&procfile(FEW))?;
        let mut terminal = Terminal::start(&mut pitcrew(&project))?;
        let begun = terminal.start;
        let shown = terminal.until(20, |text| text.contains(&last));
        first.extend(shown.map(|at| (at - begun).as_secs_f64() * 1e3));
        let shown = terminal.until(20, |text| text.contains("5/5 ready"));
        running.extend(shown.map(|at| (at - begun).as_secs_f64() * 1e3));
        terminal.end(OURS)?;
        if let Some(mut command) = mprocs(&project, FEW)? {
            let mut terminal = Terminal::start(&mut command)?;
            let begun = terminal.start;
            let shown = terminal.until(20, |text| text.contains(&last));
            theirs.extend(shown.map(|at| (at - begun).as_secs_f64() * 1e3));
            terminal.end(THEIRS)?;
        }
    }
    head("the start, five processes", runs);
    let peer = (!theirs.is_empty()).then(|| median(theirs));
    row("first frame, every process listed", median(first.clone()), "ms", Budget::Most(25.0));
    beside("the same", median(first), "ms", ("mprocs", peer), Budget::None);
    row("every process runs and is shown so", median(running), "ms", Budget::None);
    Ok(())
}

/// The cost of the idle interface, and the bytes it writes.
fn idle() -> io::Result<()> {
    let project = Project::new(&procfile(IDLE))?;
    let mut terminal = Terminal::start(&mut pitcrew(&project))?;
    let ready = format!("{IDLE}/{IDLE} ready");
    terminal.until(30, |text| text.contains(&ready));
    let ours = quiet(&mut terminal);
    terminal.end(OURS)?;
    let theirs = match mprocs(&project, IDLE)? {
        Some(mut command) => {
            let mut terminal = Terminal::start(&mut command)?;
            terminal.until(30, |text| text.contains("proc-30"));
            let found = quiet(&mut terminal);
            terminal.end(THEIRS)?;
            Some(found)
        }
        None => None,
    };
    head("50 processes, nothing happens for 20 s", 1);
    row("processor, of one core", ours.0, "%", Budget::Most(0.1));
    beside("the same", ours.0, "%", ("mprocs", theirs.map(|one| one.0)), Budget::None);
    row("written to the terminal", ours.1, "B", Budget::Most(0.0));
    beside("the same", ours.1, "B", ("mprocs", theirs.map(|one| one.1)), Budget::None);
    Ok(())
}

/// Processor time in percent of a core, and bytes written.
fn quiet(terminal: &mut Terminal) -> (f64, f64) {
    // The start is over by then.
    terminal.pass(Duration::from_secs(12));
    let all: Vec<u32> = support::managers(terminal.held.pid());
    let used = || all.iter().map(|pid| support::processor_nanos(*pid)).sum::<f64>();
    let (before, bytes) = (used(), terminal.bytes);
    terminal.pass(QUIET);
    let percent = (used() - before) / 1e9 / QUIET.as_secs_f64() * 100.0;
    (percent, (terminal.bytes - bytes) as f64)
}

/// Four processes print as fast as they can while the cursor moves.
fn flood() -> io::Result<()> {
    let mut text = String::from("[process]\n");
    for number in 1..=4 {
        _ = writeln!(text, "yes-{number} = {{ command = [\"yes\", \"number {number}\"] }}");
    }
    let project = Project::new(&text)?;
    let mut terminal = Terminal::start(&mut pitcrew(&project))?;
    terminal.until(20, |text| text.contains("4/4 ready"));
    terminal.pass(Duration::from_secs(2));
    let mut spans = Vec::new();
    for at in 0..KEYS {
        let is_down = at % 2 == 0;
        let wanted = if is_down { "▌● yes-1" } else { "▌Σ all" };
        let pressed = now();
        terminal.keys(if is_down { "j" } else { "k" })?;
        let seen = terminal.until(20, |text| has_cursor(text, wanted));
        spans.extend(seen.map(|at| (at - pressed).as_secs_f64() * 1e3));
        terminal.pass(Duration::from_millis(30 + at as u64 % 40));
    }
    head("four processes print as fast as they can", spans.len());
    let missing = KEYS - spans.len();
    row("from the key to the frame, median", median(spans.clone()), "ms", Budget::None);
    row("the same, p99", percentile(&mut spans, 99), "ms", Budget::Most(100.0));
    row("keys that were not answered", missing as f64, "", Budget::Most(0.0));
    terminal.end(&[("", "\x03"), ("Quit?", "\x03")])
}

/// Whether the cursor is at this process, whatever symbol is between it and the name.
fn has_cursor(text: &str, wanted: &str) -> bool {
    let name = wanted.rsplit(' ').next().unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once('▌'))
        .any(|(_, rest)| rest.split('┃').next().is_some_and(|row| row.contains(name)))
}
