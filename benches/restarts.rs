//! Crashes: `cargo bench --bench restarts`. 100 processes that fail immediately are restarted 100 times
//! each; afterwards no zombie, descriptor or memory may be left.
//!
//! A smaller round comes first, so that permanent allocations (tables, threads, the memory of the
//! allocator) exist before the reference figures are measured.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::process::Command;

#[expect(dead_code, reason = "each program uses its part of it")]
mod support;
use support::{Budget, Held, Project, beside, head, median, now, row, until};

const PROCESSES: usize = 100;
const CYCLES: usize = 10_000;
const WARM: usize = 2_000;
/// The number of bare starts for comparison.
const BARE: usize = 4_000;

struct Round {
    rate: f64,
    zombies: f64,
    descriptors: f64,
    growth: f64,
    bare: f64,
    bare_two: f64,
}

fn main() -> io::Result<()> {
    let runs = support::runs(3);
    let rounds = (0..runs).map(|_| round()).collect::<io::Result<Vec<_>>>()?;
    let middle = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    let worst = |of: fn(&Round) -> f64| rounds.iter().map(of).fold(f64::MIN, f64::max);
    head("10,000 crashes and restarts", runs);
    let rate = middle(|one| one.rate);
    beside("cycles", rate, "/s", ("spawn and wait", Some(middle(|one| one.bare))), Budget::None);
    beside(
        "cycles",
        rate,
        "/s",
        ("the same, twice at once", Some(middle(|one| one.bare_two))),
        Budget::None,
    );
    row("zombies (worst)", worst(|one| one.zombies), "", Budget::Most(0.0));
    row("more descriptors (worst)", worst(|one| one.descriptors), "", Budget::Most(0.0));
    row("more memory (worst)", worst(|one| one.growth), "MB", Budget::Most(2.0));
    Ok(())
}

fn procfile() -> String {
    let mut text = String::from(
        "[process.gate]\ncommand = \"until [ -e open ]; do sleep 0.02; done\"\n\
         [process.stay]\ncommand = [\"sleep\", \"100000\"]\n",
    );
    for (name, cycles, after) in
        [("warm", WARM, ""), ("crash", CYCLES, "depends_on = { gate = \"succeeded\" }\n")]
    {
        let attempts = cycles / PROCESSES - 1;
        for number in 0..PROCESSES {
            _ = write!(
                text,
                "[process.{name}{number}]\ncommand = [\"false\"]\n{after}\
                 retry = {{ attempts = {attempts}, backoff = {{ initial = \"1ms\", max = \"1ms\" }} }}\n"
            );
        }
    }
    text
}

fn round() -> io::Result<Round> {
    let project = Project::new(&procfile())?;
    let events = project.path("events");
    let manager = Held::start(project.up(&["--quiet", "--keep", "--events"]).arg(&events))?;
    let engine = support::engine(manager.pid()).ok_or_else(|| io::Error::other("no engine"))?;
    let gave_up = |count| until(120, 20, || support::count(&events, "process_gave_up") >= count);
    let memory = || support::status(engine, "VmRSS").unwrap_or(0) as f64 / 1e3;

    if !gave_up(PROCESSES) {
        return Err(io::Error::other("the first round did not end"));
    }
    support::pause(500);
    let (descriptors, before) = (support::descriptors(engine), memory());
    let start = now();
    fs::write(project.path("open"), "")?;
    if !gave_up(2 * PROCESSES) {
        return Err(io::Error::other("the crashes did not end"));
    }
    let span = start.elapsed().as_secs_f64();
    support::pause(500);
    // The gate process has ended, and with it three descriptors: its pidfd and its outputs.
    let more = support::descriptors(engine) as f64 - descriptors as f64 + 3.0;
    let round = Round {
        rate: CYCLES as f64 / span,
        zombies: support::zombies(engine) as f64,
        descriptors: more,
        growth: memory() - before,
        bare: 0.0,
        bare_two: 0.0,
    };
    drop(manager);
    Ok(Round { bare: bare(1), bare_two: bare(2), ..round })
}

/// The cost of bare starts and waits on this number of threads.
fn bare(threads: usize) -> f64 {
    let start = now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..BARE / threads {
                    _ = Command::new("false").status();
                }
            });
        }
    });
    BARE as f64 / start.elapsed().as_secs_f64()
}
