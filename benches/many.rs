//! Many processes: `cargo bench --bench many`. The time to start and to stop 1,000 of them, and 200
//! compared with supervisord, honcho and mprocs, alternating in the same run.
//!
//! "Up" is the time from the exec of the manager until the last process runs, "down" that from the
//! signal until the manager has ended and no process is left.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::process::{Command, Stdio};

#[expect(dead_code, reason = "each program uses its part of it")]
mod support;
use support::{Budget, Held, Project, beside, find, head, living, median, now, row, until, wall};

const MANY: usize = 1000;
const SOME: usize = 200;

/// Up and down, in seconds.
type Spans = (f64, f64);

fn main() -> io::Result<()> {
    let runs = support::runs(3);
    let spans = (0..runs).map(thousand).collect::<io::Result<Vec<_>>>()?;
    let (up, down) = medians(&spans);
    head("1,000 processes", runs);
    row("all started", up, "s", Budget::Most(4.0));
    row("all stopped, nothing left", down, "s", Budget::Most(1.0));

    let runs = support::runs(5);
    let mut ours = Vec::new();
    let mut theirs = [const { Vec::new() }; 3];
    for round in 0..runs {
        ours.push(pitcrew(round)?);
        let [supervisord, honcho, mprocs] = &mut theirs;
        supervisord.extend(with_supervisord(round)?);
        honcho.extend(with_honcho(round)?);
        mprocs.extend(with_mprocs(round)?);
    }
    let (up, down) = medians(&ours);
    let peers = ["supervisord", "honcho", "mprocs"].into_iter().zip(theirs);
    let peers: Vec<_> =
        peers.map(|(name, all)| (name, (!all.is_empty()).then(|| medians(&all)))).collect();
    head("200 processes", runs);
    for (name, spans) in &peers {
        beside("all started", up, "s", (name, spans.map(|(up, _)| up)), Budget::Most(1.0));
    }
    for (name, spans) in &peers {
        beside("all stopped", down, "s", (name, spans.map(|(_, down)| down)), Budget::Most(1.0));
    }
    Ok(())
}

fn medians(all: &[Spans]) -> Spans {
    (median(all.iter().map(|one| one.0).collect()), median(all.iter().map(|one| one.1).collect()))
}

/// A unique time to sleep.
fn unique(manager: usize, round: usize) -> String {
    format!("{}.{manager}{round}", 100_000 + std::process::id())
}

fn procfile(count: usize, seconds: &str) -> String {
    let mut text = String::from("[process]\n");
    for number in 0..count {
        _ = writeln!(text, "p{number} = {{ command = [\"sleep\", \"{seconds}\"] }}");
    }
    text
}

/// Measures by the events, which contain the time of each start.
fn thousand(round: usize) -> io::Result<Spans> {
    let seconds = unique(0, round);
    let project = Project::new(&procfile(MANY, &seconds))?;
    let events = project.path("events");
    let start = wall();
    let mut manager = Held::start(project.up(&["--quiet", "--events"]).arg(&events))?;
    until(60, 20, || support::count(&events, "process_started") == MANY);
    let last = support::events(&events, "process_started").last().and_then(support::time_of);
    let up = last.map_or(f64::NAN, |last| last - start);
    Ok((up, down(&mut manager, &seconds)?))
}

fn pitcrew(round: usize) -> io::Result<Spans> {
    let seconds = unique(1, round);
    let project = Project::new(&procfile(SOME, &seconds))?;
    timed(&mut project.up(&["--quiet"]), &seconds)
}

fn with_supervisord(round: usize) -> io::Result<Option<Spans>> {
    let Some(program) = find("supervisord") else { return Ok(None) };
    let seconds = unique(2, round);
    let project = Project::new("")?;
    let mut text = String::from(
        "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=pid\nminfds=4096\n",
    );
    for number in 0..SOME {
        _ = write!(text, "[program:p{number}]\ncommand=sleep {seconds}\nstartsecs=0\n");
    }
    let file = project.path("supervisord.conf");
    fs::write(&file, text)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(file).current_dir(project.path(""));
    timed(&mut command, &seconds).map(Some)
}

fn with_honcho(round: usize) -> io::Result<Option<Spans>> {
    let Some(program) = find("honcho") else { return Ok(None) };
    let seconds = unique(3, round);
    let project = Project::new("")?;
    let lines = (0..SOME).map(|number| format!("p{number}: exec sleep {seconds}\n"));
    fs::write(project.path("Procfile"), lines.collect::<String>())?;
    timed(Command::new(program).arg("start").current_dir(project.path("")), &seconds).map(Some)
}

/// mprocs needs a terminal, which `script` provides; `q` ends it.
fn with_mprocs(round: usize) -> io::Result<Option<Spans>> {
    let (Some(program), Some(script)) = (find("mprocs"), find("script")) else { return Ok(None) };
    let seconds = unique(4, round);
    let project = Project::new("")?;
    let mut text = String::from("procs:\n");
    for number in 0..SOME {
        _ = write!(text, "  p{number}:\n    cmd: [\"sleep\", \"{seconds}\"]\n");
    }
    fs::write(project.path("mprocs.yaml"), text)?;
    let mut command = Command::new(script);
    command.args(["-qfc", &program.to_string_lossy(), "/dev/null"]).current_dir(project.path(""));
    command.env("TERM", "xterm-256color").stdin(Stdio::piped());
    timed(&mut command, &seconds).map(Some)
}

fn timed(command: &mut Command, seconds: &str) -> io::Result<Spans> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let start = now();
    let mut manager = Held::start(command)?;
    let all = until(60, 5, || living(&["sleep", seconds]) == SOME);
    let up = if all { start.elapsed().as_secs_f64() } else { f64::NAN };
    Ok((up, down(&mut manager, seconds)?))
}

/// Ends the manager and waits until nothing is left.
fn down(manager: &mut Held, seconds: &str) -> io::Result<f64> {
    // Output about the start that is still being written is not part of the stop.
    support::pause(300);
    let start = now();
    match manager.0.stdin.as_mut() {
        Some(stdin) => io::Write::write_all(stdin, b"q")?,
        None => manager.signal("-TERM"),
    }
    let gone =
        until(60, 2, || manager.has_ended()) && until(5, 2, || living(&["sleep", seconds]) == 0);
    Ok(if gone { start.elapsed().as_secs_f64() } else { f64::NAN })
}
