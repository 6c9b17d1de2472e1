//! What the tests of real processes share. Synchronised by lines and ends, never by a sleep of a
//! guessed length; a wait for something the kernel tells nobody polls with a generous bound.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::allow_attributes,
    reason = "each test uses a part"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use pitcrew::sys::{Child, Host, HostOptions, Launch, OutputFd, RealChild, RealHost, StdinTarget};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

pub const BOUND: Duration = Duration::from_secs(20);

pub fn host() -> RealHost {
    RealHost::new(HostOptions::default()).unwrap()
}

pub fn launch<const N: usize>(argv: [&str; N]) -> Launch {
    Launch {
        argv: argv.iter().map(OsString::from).collect(),
        cwd: PathBuf::from("/"),
        env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
        stdin: StdinTarget::Null,
        stdout: OutputFd::Pipe,
        stderr: OutputFd::Pipe,
        foreground: false,
    }
}

pub fn sh(script: &str) -> Launch {
    launch(["/bin/sh", "-c", script])
}

/// A run of a process with markers, as the engine starts it.
pub fn marked(script: &str, session: &str, process: &str, run: u32) -> Launch {
    let mut launch = sh(script);
    launch.env.push(("PITCREW_SESSION".into(), session.into()));
    launch.env.push(("PITCREW_PROCESS".into(), process.into()));
    launch.env.push(("PITCREW_RUN".into(), run.to_string().into()));
    launch
}

/// The whole output of a run, which is reaped.
pub async fn output(host: &RealHost, launch: Launch) -> String {
    let mut child = host.launch(launch).await.unwrap();
    let mut text = String::new();
    child.stdout().unwrap().read_to_string(&mut text).await.unwrap();
    child.stderr().unwrap().read_to_string(&mut text).await.unwrap();
    child.exited().await.unwrap();
    child.reap().unwrap();
    text
}

pub type Lines = tokio::io::Lines<BufReader<pitcrew::sys::OutputPipe>>;

/// Starts and gives the lines of its output.
pub async fn start(host: &RealHost, launch: Launch) -> (RealChild, Lines) {
    let mut child = host.launch(launch).await.unwrap();
    let lines = BufReader::new(child.stdout().unwrap()).lines();
    (child, lines)
}

pub async fn line(lines: &mut Lines) -> String {
    let next = tokio::time::timeout(BOUND, lines.next_line()).await;
    next.expect("no line in time").unwrap().expect("its output has ended")
}

pub async fn pid_line(lines: &mut Lines) -> u32 {
    line(lines).await.trim().parse().unwrap()
}

/// Alive, and not a zombie.
pub fn alive(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit(')').next().unwrap().trim_start().chars().next();
    !matches!(state, Some('Z' | 'X'))
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < BOUND, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub async fn wait_until_async(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < BOUND, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Every process (zombies too) whose environment held this session at its exec, with its state.
pub fn carriers(session: &str) -> Vec<u32> {
    let wanted = format!("PITCREW_SESSION={session}");
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|b| *b == 0).any(|entry| entry == wanted.as_bytes())
        })
        .collect()
}

/// Our own children, zombies too.
pub fn children() -> Vec<u32> {
    let mut all = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        all.extend(list.split_whitespace().map(|n| n.parse::<u32>().unwrap()));
    }
    all
}

/// Open descriptors.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// Runs a test again in a process of its own, where it may change what is process-wide.
/// `true` in that process.
pub fn in_own_process(name: &str) -> bool {
    const INNER: &str = "PITCREW_TEST_INNER";
    if std::env::var_os(INNER).is_some_and(|inner| inner == name) {
        return true;
    }
    let inner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INNER, name)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&inner.stdout) + String::from_utf8_lossy(&inner.stderr);
    assert!(inner.status.success() && text.contains("1 passed"), "{name}:\n{text}");
    false
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn session(name: &str) -> String {
    format!("test-{name}-{}", std::process::id())
}
