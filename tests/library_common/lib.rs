//! Runs a test in a process of its own and proves afterwards that nothing of it is left: no child, no
//! zombie, no descriptor, nobody who carries its mark.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "tests; not every file uses all of it"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pitcrew::ProcessHandle;

/// How long a test may take: far more than any of them needs.
const MOST: Duration = Duration::from_mins(1);
/// How long what was killed may show in the process table.
const SOON: Duration = Duration::from_secs(40);
/// Carried by the process of a test and all it starts.
const MARK: &str = "LIBRARY_TEST";

/// Runs it in a runtime in a process of its own, with an end should it hang.
pub fn test(body: impl Future<Output = ()>) {
    alone(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(MOST, body).await.expect("it hangs") });
    });
}

/// Runs it in a process of its own.
pub fn alone(body: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        // tokio has two descriptors that it keeps once there was a runtime.
        drop(tokio::runtime::Runtime::new());
        let before = descriptors();
        body();
        until("no child is left", || children().is_empty());
        until("no descriptor is left", || descriptors() == before);
        return;
    }
    let name = std::thread::current().name().unwrap().to_owned();
    let mark = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap().trim().to_owned();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture"])
        .env(MARK, &mark)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "it was not run: {out}");
    let mark = format!("{MARK}={mark}\0");
    until("nobody is left", || carriers(&mark).is_empty());
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Our children, dead ones too.
fn children() -> Vec<String> {
    let mut found = Vec::new();
    let me = std::process::id();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let parent = rest.split_whitespace().nth(1).and_then(|parent| parent.parse().ok());
        if parent == Some(me) {
            found.push(stat);
        }
    }
    found
}

/// Command lines of those who have this in their environment.
fn carriers(mark: &str) -> Vec<String> {
    let carries = |pid: &Path| {
        let environ = fs::read(pid.join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environ).contains(mark)
    };
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    all.filter(|pid| carries(pid)).map(|pid| line_of(&pid)).collect()
}

fn line_of(pid: &Path) -> String {
    let line = fs::read(pid.join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

/// Waits until it holds.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < until, "{what}: children {:?}", children());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until no process of this command is alive.
pub fn gone(handle: &ProcessHandle) {
    let mark = format!("={}@{}\0", handle.name(), handle.id());
    until("all of it is gone", || carriers(&mark).is_empty());
}
