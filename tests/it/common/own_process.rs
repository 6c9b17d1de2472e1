//! Tests in a separate process: the test program runs itself again for one test, and checks afterwards that no child,
//! zombie, descriptor or marked process is left.

use std::process::Command;
use std::time::Duration;

use pitcrew::ProcessHandle;

use super::{children_of, descriptors, wait_until, with_environment};

/// How long a test may take: far more than any of them needs.
const TEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Carried by the process of such a test and everything it starts.
const MARK: &str = "PITCREW_TEST_INNER";

/// Runs the calling test again in a separate process, where it may change process-wide state.
/// `true` in that process.
pub fn in_own_process() -> bool {
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let name = std::thread::current().name().unwrap().to_owned();
    let mark = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap().trim().to_owned();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, &mark)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{name}:\n{text}");
    let mark = format!("{MARK}={mark}");
    wait_until("nothing is left of the test", || {
        with_environment(|entry| entry == mark.as_bytes()).is_empty()
    });
    false
}

/// Runs it in a separate process, and checks that nothing is left at the end.
pub fn alone(body: impl FnOnce()) {
    if in_own_process() {
        // tokio has two descriptors that it keeps once there was a runtime.
        drop(tokio::runtime::Runtime::new());
        let own = std::process::id();
        let before = descriptors(own);
        body();
        wait_until("no child is left", || children_of(own).is_empty());
        wait_until("no descriptor is left", || descriptors(own) == before);
    }
}

/// Runs it in a runtime in a separate process, with a time limit.
pub fn test(body: impl Future<Output = ()>) {
    alone(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime
            .block_on(async { tokio::time::timeout(TEST_TIMEOUT, body).await.expect("it hangs") });
    });
}

/// Waits until no process of this command is alive.
pub fn gone(handle: &ProcessHandle) {
    let mark = format!("={}@{}", handle.name(), handle.id());
    wait_until("all of it is gone", || {
        with_environment(|entry| entry.ends_with(mark.as_bytes())).is_empty()
    });
}
