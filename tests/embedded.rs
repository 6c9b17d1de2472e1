//! The library as a part of another program: it prints nothing, changes no signal handling and nothing else of the
//! process, and two managers are independent.
//!
//! Without the default harness, which prints and starts threads: the test runs this program again and inspects it.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command as Program, ExitCode};
use std::time::{Duration, Instant};

use pitcrew::{
    Command, Event, OnFailure, Output, ProcessManager, ProcessPool, Retry, Signal, StateName,
    StopPolicy,
};

/// Set for the process that is examined.
const MARK: &str = "EMBEDDED_TEST";

fn main() -> ExitCode {
    if std::env::var_os(MARK).is_some() {
        embedded();
        return ExitCode::SUCCESS;
    }
    let name = "the_library_prints_nothing_takes_no_signals_and_has_no_global_state";
    let me = std::env::current_exe().unwrap();
    let output = Program::new("timeout")
        .args(["-k", "1", "60"])
        .arg(me)
        .env(MARK, "1")
        // Diagnostics are off by default, and never printed by the library.
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() && out.is_empty() && err.is_empty() {
        println!("test {name} ... ok");
        return ExitCode::SUCCESS;
    }
    println!("test {name} ... FAILED\n{}\nstdout: {out}\nstderr: {err}", output.status);
    ExitCode::FAILURE
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The examined process.
fn embedded() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // It has its threads and its own two descriptors from here on.
    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
    let before = Process::now();
    runtime.block_on(everything(&before));
    // The threads of a manager end with it, though not in the same moment.
    let until = Instant::now() + Duration::from_secs(10);
    while Process::now() != before && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(Process::now(), before);
}

/// Everything of this process that a library could change behind its back.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    /// Caught, ignored and blocked signals, its threads, its mask for new files.
    status: BTreeMap<String, String>,
    limits: String,
    folder: String,
    environment: Vec<(String, String)>,
    group: i32,
    session: i32,
    is_subreaper: bool,
    descriptors: Vec<String>,
    children: usize,
}

impl Process {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let lines = status.lines().filter_map(|line| line.split_once(":\t"));
        let wanted = ["SigCgt", "SigIgn", "SigBlk", "Threads", "Umask", "NoNewPrivs", "Groups"];
        let mut descriptors: Vec<String> = fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .map(|target| target.to_string_lossy().into_owned())
            .filter(|target| !target.starts_with("/proc/"))
            .collect();
        descriptors.sort_unstable();
        Self {
            status: lines
                .filter(|(name, _)| wanted.contains(name))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            limits: fs::read_to_string("/proc/self/limits").unwrap(),
            folder: std::env::current_dir().unwrap().to_string_lossy().into_owned(),
            environment: std::env::vars().collect(),
            group: rustix::process::getpgrp().as_raw_nonzero().get(),
            session: session(),
            is_subreaper: rustix::process::child_subreaper().unwrap().is_some(),
            descriptors,
            children: children(),
        }
    }

    /// What must not even change while commands run.
    fn dispositions(&self) -> Vec<Option<&String>> {
        ["SigCgt", "SigIgn", "SigBlk", "Umask"].map(|name| self.status.get(name)).to_vec()
    }
}

/// From the kernel's table: it is 0, and no number for `rustix`, where the leader is beyond our namespace.
fn session() -> i32 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().nth(3).unwrap().parse().unwrap()
}

fn children() -> usize {
    let me = std::process::id().to_string();
    let stats = fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let parent = |stat: &String| {
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_whitespace().nth(1).map(str::to_owned)
    };
    stats.filter(|stat| parent(stat).as_deref() == Some(&me)).count()
}

fn sh(line: &str) -> Command {
    Command::shell(line)
}

/// Good and bad ends of everything there is, in two managers at the same time.
async fn everything(before: &Process) {
    let (one, two) = (ProcessManager::new(), ProcessManager::new());
    let mut events = one.events();
    let _observer = one.observe(|_| {}).unwrap();

    let server = sh("trap 'echo hup' HUP; echo up; while :; do sleep 0.01; done");
    let server = one.start(server).await.unwrap();
    server.wait_for_line(|line| line.text() == "up").await.unwrap();
    server.signal(Signal::HUP).unwrap();
    server.wait_for_line(|line| line.text() == "hup").await.unwrap();
    assert_eq!(Process::now().dispositions(), before.dispositions());

    // The other one has another number, or the same, and knows nothing of the first.
    let alone = two.start(Command::new("sleep").arg("1000")).await.unwrap();
    assert_eq!((one.active().len(), two.active().len()), (1, 1));

    assert!(one.run(sh("echo out; echo err >&2; exit 3")).await.unwrap().ensure_success().is_err());
    assert!(one.run(Command::new("no-such-program")).await.is_err());
    let silent = StopPolicy { grace: Duration::from_millis(50), ..StopPolicy::default() };
    let stubborn = sh("trap '' TERM; sleep 1000 & sleep 1000; :").stop(silent);
    assert!(one.run(stubborn.timeout(Duration::from_millis(50))).await.is_err());
    let flaky = sh("exit 1").retry(Retry::times(2));
    assert_eq!(one.run(flaky).await.unwrap().attempts().len(), 3);
    one.run(sh("setsid sleep 1000 & echo left behind").output(Output::Discard)).await.unwrap();
    one.pipeline([Command::new("yes"), Command::new("head").arg("-1")]).run().await.unwrap();
    let pool = ProcessPool::new(&one, 2).on_failure(OnFailure::Stop);
    let jobs = ["true", "false", "no-such-program"].map(|name| (name, Command::new(name)));
    assert!(!pool.run_all(jobs).await.success());

    two.shutdown().await;
    assert_eq!(alone.state(), StateName::Stopped);
    assert_eq!(server.state(), StateName::Ready);
    assert!(one.run(Command::new("true")).await.unwrap().success());

    // Dropped while it runs something.
    drop((pool, one));
    assert!(server.wait().await.unwrap().killed_by().is_some());
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    assert!(matches!(last, Some(Event::ProjectStopped(_))), "{last:?}");
}
