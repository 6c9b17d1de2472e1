//! Many short jobs: `cargo bench --bench pool`. 10,000 runs of `true` through 16 slots,
//! compared with `xargs -P16` and a semaphore around bare `tokio::process`.

use std::fmt::Write as _;
use std::io;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::sync::Semaphore;

#[expect(dead_code, reason = "each program uses its part of it")]
mod support;
use support::{Budget, Held, Project, beside, head, median, now, processor};

const JOBS: usize = 10_000;
const SLOTS: usize = 16;

fn main() -> io::Result<()> {
    let runs = support::runs(5);
    let mut text = format!("[pool.p]\nconcurrency = {SLOTS}\njobs = [\n");
    for _ in 0..JOBS {
        text.push_str("  { command = [\"true\"] },\n");
    }
    _ = writeln!(text, "]");
    let project = Project::new(&text)?;
    let (mut ours, mut jobs, mut xargs, mut semaphore) = (vec![], vec![], vec![], vec![]);
    let (mut our_cost, mut xargs_cost, mut semaphore_cost) = (vec![], vec![], vec![]);
    for round in 0..runs {
        let events = project.path(&format!("events{round}"));
        let (start, before) = (now(), processor());
        let mut manager = Held::start(project.up(&["--quiet", "--events"]).arg(&events))?;
        if !manager.wait()?.success() {
            return Err(io::Error::other("a job failed"));
        }
        ours.push(JOBS as f64 / start.elapsed().as_secs_f64());
        our_cost.push(cost(before));
        jobs.extend(between(&events));
        let before = processor();
        xargs.extend(with_xargs());
        xargs_cost.push(cost(before));
        let before = processor();
        semaphore.push(with_semaphore()?);
        semaphore_cost.push(cost(before));
    }
    let (whole, jobs) = (median(ours), median(jobs));
    let xargs = (!xargs.is_empty()).then(|| median(xargs));
    let xargs_cost = xargs.map(|_| median(xargs_cost));
    let semaphore = Some(median(semaphore));
    head("10,000 jobs of `true`, 16 slots", runs);
    let bare = ("bare semaphore", semaphore);
    beside("jobs, from exec to exit of pitcrew", whole, "/s", bare, Budget::Least(0.9));
    beside("jobs, from the first start to the last end", jobs, "/s", bare, Budget::None);
    beside(
        "jobs, from exec to exit of pitcrew",
        whole,
        "/s",
        ("xargs -P16", xargs),
        Budget::Least(1.0),
    );
    let (our, bare) = (median(our_cost), ("bare semaphore", Some(median(semaphore_cost))));
    beside("processor time of a job, `true` included", our, "ms", bare, Budget::Most(1.0 / 0.9));
    let peer = ("xargs -P16", xargs_cost);
    beside("processor time of a job, `true` included", our, "ms", peer, Budget::None);
    Ok(())
}

/// Milliseconds of processor time of a job since then.
fn cost(before: f64) -> f64 {
    (processor() - before) * 1e3 / JOBS as f64
}

fn between(events: &std::path::Path) -> Option<f64> {
    let first = support::events(events, "process_started").first().and_then(support::time_of)?;
    let last = support::events(events, "process_completed").last().and_then(support::time_of)?;
    Some(JOBS as f64 / (last - first))
}

fn with_xargs() -> Option<f64> {
    let program = support::find("xargs")?;
    let start = now();
    let script = format!("seq {JOBS} | {} -P{SLOTS} -n1 true", program.display());
    let good = Command::new("sh").arg("-c").arg(script).status().ok()?.success();
    good.then(|| JOBS as f64 / start.elapsed().as_secs_f64())
}

/// Uses a runtime with as many threads as pitcrew, and pipes for the outputs too.
fn with_semaphore() -> io::Result<f64> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let start = now();
    runtime.block_on(async {
        let slots = Arc::new(Semaphore::new(SLOTS));
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..JOBS {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            running.spawn(async move {
                let mut command = tokio::process::Command::new("true");
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let output = command.output().await;
                drop(slot);
                output.is_ok_and(|output| output.status.success())
            });
        }
        while running.join_next().await.is_some() {}
    });
    Ok(JOBS as f64 / start.elapsed().as_secs_f64())
}
