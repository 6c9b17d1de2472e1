//! The library compared with bare `tokio::process`, `duct`, `xargs -P` and GNU parallel:
//! `cargo bench --bench library`. All parts, or some: `run`, `pool`, `capture`, `lines`, `stop`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Stdio;
use std::sync::Arc;

use pitcrew::{Command, Output, ProcessManager, ProcessPool};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinSet;

#[expect(dead_code, reason = "each program uses its part of it")]
mod support;
use support::{Budget, beside, head, median, now, row};

const SUBSCRIBERS: usize = 8;
const RATE: u64 = 100_000;

fn main() -> io::Result<()> {
    let errand = support::errand();
    if let Some((what, arguments)) = &errand
        && what == "print-lines"
    {
        return print_lines(arguments);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let wanted = |what: &str| errand.as_ref().is_none_or(|(only, _)| only == what);
    runtime.block_on(async {
        if wanted("run") {
            one_run().await?;
        }
        if wanted("pool") {
            pools().await?;
        }
        if wanted("capture") {
            capture().await?;
        }
        if wanted("lines") {
            lines().await?;
        }
        if wanted("stop") {
            stop().await?;
        }
        Ok(())
    })
}

fn bad(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

fn lost(error: pitcrew::Error) -> io::Error {
    io::Error::other(error)
}

/// `tokio::process`, with pipes like ours.
fn bare(program: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Milliseconds of a sequential run of `true`.
async fn one_run() -> io::Result<()> {
    const EACH: u32 = 100;
    let runs = support::runs(15);
    let manager = ProcessManager::new();
    let (mut ours, mut tokios, mut ducts) = (vec![], vec![], vec![]);
    let (mut our_cost, mut tokio_cost, mut duct_cost) = (vec![], vec![], vec![]);
    let span = |begun: std::time::Instant| begun.elapsed().as_secs_f64() * 1e6 / f64::from(EACH);
    let cost = |before: f64| (support::processor() - before) * 1e6 / f64::from(EACH);
    for _ in 0..runs {
        let (begun, before) = (now(), support::processor());
        for _ in 0..EACH {
            let result = manager.run(Command::new("true")).await.map_err(lost)?;
            result.ensure_success().map_err(lost)?;
        }
        ours.push(span(begun));
        our_cost.push(cost(before));
        let (begun, before) = (now(), support::processor());
        for _ in 0..EACH {
            let output = bare("true").output().await?;
            output.status.success().then_some(()).ok_or_else(|| bad("true failed"))?;
        }
        tokios.push(span(begun));
        tokio_cost.push(cost(before));
        let (begun, before) = (now(), support::processor());
        for _ in 0..EACH {
            duct::cmd!("true").stdin_null().stdout_capture().stderr_capture().run()?;
        }
        ducts.push(span(begun));
        duct_cost.push(cost(before));
    }
    manager.shutdown().await;
    head("one run of `true`, one after the other", runs);
    let (ours, our_cost) = (median(ours), median(our_cost));
    let what = "from the call to the result";
    beside(what, ours, "us", ("tokio::process", Some(median(tokios))), Budget::Most(1.3));
    beside(what, ours, "us", ("duct", Some(median(ducts))), Budget::None);
    let what = "processor time, `true` included";
    let peer = ("tokio::process", Some(median(tokio_cost)));
    beside(what, our_cost, "us", peer, Budget::None);
    beside(what, our_cost, "us", ("duct", Some(median(duct_cost))), Budget::None);
    Ok(())
}

/// Jobs per second through this number of slots.
async fn pools() -> io::Result<()> {
    let jobs = std::env::var("JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(10_000);
    let runs = support::runs(3);
    for slots in [1, 4, 16, 64] {
        let (mut ours, mut semaphores, mut xargs, mut parallels) = (vec![], vec![], vec![], vec![]);
        let (mut our_cost, mut bare_cost) = (vec![], vec![]);
        let cost = |before: f64| (support::processor() - before) * 1e3 / jobs as f64;
        for _ in 0..runs {
            let before = support::processor();
            ours.push(with_pool(jobs, slots).await?);
            our_cost.push(cost(before));
            let before = support::processor();
            semaphores.push(with_semaphore(jobs, slots).await);
            bare_cost.push(cost(before));
            xargs.extend(with_shell("xargs", &format!("-P{slots} -n1 true"), jobs));
            // GNU parallel takes 10 ms a job, so it gets fewer of them.
            parallels.extend(with_shell("parallel", &format!("-j{slots} true"), jobs / 20));
        }
        head(&format!("{jobs} jobs of `true`, {slots} slots"), runs);
        let ours = median(ours);
        let some = |all: Vec<f64>| (!all.is_empty()).then(|| median(all));
        let budget = if slots == 16 { Budget::Least(0.9) } else { Budget::None };
        beside("jobs", ours, "/s", ("bare semaphore", some(semaphores)), budget);
        beside("jobs", ours, "/s", ("xargs -P", some(xargs)), Budget::None);
        beside("jobs", ours, "/s", ("GNU parallel", some(parallels)), Budget::None);
        let peer = ("bare semaphore", some(bare_cost));
        let what = "processor time of a job, `true` included";
        beside(what, median(our_cost), "ms", peer, Budget::None);
    }
    Ok(())
}

async fn with_pool(jobs: usize, slots: usize) -> io::Result<f64> {
    let manager = ProcessManager::new();
    let pool = ProcessPool::new(&manager, slots);
    let begun = now();
    let results = pool.run_all((0..jobs).map(|job| (job, Command::new("true")))).await;
    let took = begun.elapsed();
    manager.shutdown().await;
    if !results.success() {
        return Err(bad("a job failed"));
    }
    Ok(jobs as f64 / took.as_secs_f64())
}

async fn with_semaphore(jobs: usize, slots: usize) -> f64 {
    let begun = now();
    let gate = Arc::new(Semaphore::new(slots));
    let mut running = JoinSet::new();
    for _ in 0..jobs {
        let gate = Arc::clone(&gate);
        running.spawn(async move {
            let slot = gate.acquire_owned().await;
            let output = bare("true").output().await;
            drop(slot);
            output.is_ok_and(|output| output.status.success())
        });
    }
    while running.join_next().await.is_some() {}
    jobs as f64 / begun.elapsed().as_secs_f64()
}

/// A peer that reads the jobs from its input.
fn with_shell(program: &str, arguments: &str, jobs: usize) -> Option<f64> {
    let program = support::find(program)?;
    let script = format!("seq {jobs} | {} {arguments} >/dev/null 2>&1", program.display());
    let begun = now();
    let good = std::process::Command::new("sh").arg("-c").arg(script).status().ok()?.success();
    good.then(|| jobs as f64 / begun.elapsed().as_secs_f64())
}

/// Megabytes per second of a gigabyte that is printed in one go.
async fn capture() -> io::Result<()> {
    const SIZE: usize = 1_000_000_000;
    let runs = support::runs(5);
    let size = SIZE.to_string();
    let (mut ours, mut tokios, mut ducts) = (vec![], vec![], vec![]);
    let (mut our_memory, mut duct_memory) = (vec![], vec![]);
    let rate = |begun: std::time::Instant| SIZE as f64 / 1e6 / begun.elapsed().as_secs_f64();
    let arguments = ["-c", &size, "/dev/zero"];
    for _ in 0..runs {
        let manager = ProcessManager::new();
        let (begun, before) = (now(), forget_peak());
        let command = Command::new("head").args(arguments).output(Output::tail(8 << 20));
        let result = manager.run(command).await.map_err(lost)?;
        ours.push(rate(begun));
        our_memory.push(peak_since(before));
        if result.stdout().len() + result.stdout_dropped() as usize != SIZE {
            return Err(bad("bytes are missing"));
        }
        drop(result);
        manager.shutdown().await;
        let begun = now();
        let mut child = bare("head").args(arguments).spawn()?;
        let mut out = child.stdout.take().ok_or_else(|| bad("no pipe"))?;
        let (mut all, mut buffer) = (0, vec![0; 256 << 10]);
        loop {
            match out.read(&mut buffer).await? {
                0 => break,
                read => all += read,
            }
        }
        child.wait().await?;
        tokios.push(rate(begun));
        if all != SIZE {
            return Err(bad("bytes are missing"));
        }
        let (begun, before) = (now(), forget_peak());
        let output = duct::cmd("head", arguments).stdin_null().stdout_capture().run()?;
        ducts.push(rate(begun));
        duct_memory.push(peak_since(before));
        drop(output);
    }
    head("1 GB of output, the last 8 MiB kept", runs);
    let ours = median(ours);
    beside(
        "rate",
        ours,
        "MB/s",
        ("tokio::process, nothing kept", Some(median(tokios))),
        Budget::None,
    );
    beside("rate", ours, "MB/s", ("duct, all kept", Some(median(ducts))), Budget::None);
    let (memory, peer) = (median(our_memory), ("duct, all kept", Some(median(duct_memory))));
    beside("memory above before, most", memory, "MiB", peer, Budget::None);
    row("memory above before, most", memory, "MiB", Budget::Most(32.0));
    Ok(())
}

/// The memory of this program in kB; resets its maximum.
fn forget_peak() -> u64 {
    _ = std::fs::write("/proc/self/clear_refs", "5");
    support::status(std::process::id(), "VmRSS").unwrap_or_default()
}

fn peak_since(before: u64) -> f64 {
    let most = support::status(std::process::id(), "VmHWM").unwrap_or_default();
    most.saturating_sub(before) as f64 / 1024.0
}

/// A command that prints this number of numbered lines, 100,000 a second.
fn print_lines(arguments: &[OsString]) -> io::Result<()> {
    let seconds: u64 = arguments.first().and_then(|n| n.to_str()?.parse().ok()).unwrap_or(1);
    let (mut out, begun) = (io::stdout().lock(), now());
    let mut printed = 0;
    let mut text = Vec::new();
    while printed < seconds * RATE {
        let due = begun.elapsed().as_micros() as u64 * RATE / 1_000_000;
        text.clear();
        for line in printed..due.min(seconds * RATE) {
            writeln!(text, "{line:08} a line of a usual length, such as servers print all day")?;
        }
        out.write_all(&text)?;
        printed = printed.max(due);
        support::pause(1);
    }
    Ok(())
}

/// Eight readers of 100,000 lines a second.
async fn lines() -> io::Result<()> {
    const SECONDS: u64 = 5;
    let runs = support::runs(5);
    let (mut ours, mut nobody, mut theirs) = (vec![], vec![], vec![]);
    let (mut missed, mut their_missed) = (0, 0);
    let (mut took, mut took_nobody) = (vec![], vec![]);
    for _ in 0..runs {
        let (cost, time, seen) = our_lines(SECONDS, SUBSCRIBERS).await?;
        ours.push(cost);
        took.push(time);
        missed += SUBSCRIBERS as u64 * SECONDS * RATE - seen;
        let (cost, time, _) = our_lines(SECONDS, 0).await?;
        nobody.push(cost);
        took_nobody.push(time);
        let (cost, seen) = their_lines(SECONDS).await?;
        theirs.push(cost);
        their_missed += SUBSCRIBERS as u64 * SECONDS * RATE - seen;
    }
    head("8 who read lines, 100,000 lines a second", runs);
    row("lines missed by all of them", missed as f64, "", Budget::Most(0.0));
    let name = format!("broadcast channel ({their_missed} missed)");
    let ours = median(ours);
    beside("processor time", ours, "% of a core", (&name, Some(median(theirs))), Budget::None);
    let peer = ("nobody reads", Some(median(nobody)));
    beside("processor time", ours, "% of a core", peer, Budget::None);
    let peer = ("nobody reads", Some(median(took_nobody)));
    beside("time of the program that prints", median(took), "s", peer, Budget::Most(1.05));
    Ok(())
}

/// Processor time of this program alone, in seconds.
fn own_time() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Percent of a core, seconds, and the number of lines that all readers saw in order.
async fn our_lines(seconds: u64, readers: usize) -> io::Result<(f64, f64, u64)> {
    let manager = ProcessManager::new();
    let command = Command::new(support::again()?).arg("print-lines").arg(seconds.to_string());
    let (before, begun) = (own_time(), now());
    let handle = manager.start(command).await.map_err(lost)?;
    let mut reading = JoinSet::new();
    for _ in 0..readers {
        let mut lines = handle.lines();
        reading.spawn(async move {
            let mut seen = 0;
            while let Some(line) = lines.next().await {
                let number = line.text().get(..8).and_then(|number| number.parse::<u64>().ok());
                seen += u64::from(line.missed() == 0 && number == Some(seen));
            }
            seen
        });
    }
    handle.wait().await.map_err(lost)?.ensure_success().map_err(lost)?;
    let time = begun.elapsed().as_secs_f64();
    let mut seen = 0;
    while let Some(one) = reading.join_next().await {
        seen += one.unwrap_or_default();
    }
    let cost = (own_time() - before) / begun.elapsed().as_secs_f64();
    manager.shutdown().await;
    Ok((cost * 100.0, time, seen))
}

/// The same with one reader of lines and a broadcast channel with room for a second.
async fn their_lines(seconds: u64) -> io::Result<(f64, u64)> {
    let (before, begun) = (own_time(), now());
    let program = support::again()?;
    let program = program.to_str().ok_or_else(|| bad("an odd path"))?;
    let mut child = bare(program).arg("print-lines").arg(seconds.to_string()).spawn()?;
    let out = child.stdout.take().ok_or_else(|| bad("no pipe"))?;
    let (sender, _) = broadcast::channel::<Arc<str>>(RATE as usize);
    let mut reading = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let mut lines = sender.subscribe();
        reading.spawn(async move {
            let mut seen = 0;
            loop {
                match lines.recv().await {
                    Ok(line) => {
                        let number = line.get(..8).and_then(|number| number.parse::<u64>().ok());
                        seen += u64::from(number == Some(seen));
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return seen,
                }
            }
        });
    }
    let mut lines = BufReader::with_capacity(256 << 10, out).lines();
    while let Some(line) = lines.next_line().await? {
        _ = sender.send(line.into());
    }
    drop(sender);
    child.wait().await?;
    let mut seen = 0;
    while let Some(one) = reading.join_next().await {
        seen += one.unwrap_or_default();
    }
    let cost = (own_time() - before) / begun.elapsed().as_secs_f64();
    Ok((cost * 100.0, seen))
}

/// Stops a hundred commands at the same time; none ignores the signal.
async fn stop() -> io::Result<()> {
    const MANY: usize = 100;
    let runs = support::runs(9);
    let (mut ours, mut tokios) = (vec![], vec![]);
    for _ in 0..runs {
        let manager = ProcessManager::new();
        for _ in 0..MANY {
            manager.start(Command::new("sleep").arg("1000")).await.map_err(lost)?;
        }
        let begun = now();
        manager.stop_all().await;
        ours.push(begun.elapsed().as_secs_f64() * 1e3);
        manager.shutdown().await;
        let mut children = Vec::new();
        for _ in 0..MANY {
            children.push(bare("sleep").arg("1000").spawn()?);
        }
        let begun = now();
        for child in &children {
            let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
            let pid = pid.and_then(rustix::process::Pid::from_raw).ok_or_else(|| bad("no pid"))?;
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        for child in &mut children {
            child.wait().await?;
        }
        tokios.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    head("stop of 100 `sleep` at once", runs);
    let ours = median(ours);
    row("until all are over", ours, "ms", Budget::Most(500.0));
    beside(
        "until all are over",
        ours,
        "ms",
        ("tokio::process", Some(median(tokios))),
        Budget::None,
    );
    Ok(())
}
