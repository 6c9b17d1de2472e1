//! Real processes on the real host, started by the test itself as the engine would start them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pitcrew::sys::{Child, Host, HostOptions, Launch, OutputFd, RealChild, RealHost, StdinTarget};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::{BOUND, with_environment};

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
        terminal: None,
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

pub type Lines = tokio::io::Lines<BufReader<pitcrew::sys::OutputReader>>;

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

pub async fn wait_until_async(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < BOUND, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Every living process that carries the marker of this session.
pub fn of_session(session: &str) -> Vec<u32> {
    let wanted = format!("PITCREW_SESSION={session}");
    with_environment(|entry| entry == wanted.as_bytes())
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn session(name: &str) -> String {
    format!("test-{name}-{}", std::process::id())
}
