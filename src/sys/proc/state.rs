//! Whether a process is stopped, and when it was started.

use super::{parse_stat, read, stat};

/// Returns the process that suspends this one: itself if it is stopped, or its parent if it has ended
/// and the parent is stopped.
pub(in crate::sys) fn suspended(pid: u32) -> Option<u32> {
    let of = |pid| read(format!("/proc/{pid}/stat")).ok();
    let line = of(pid)?;
    match state(&line)? {
        'T' | 't' => Some(pid),
        'Z' => {
            let parent = parse_stat(pid, &line)?.parent;
            matches!(state(&of(parent)?)?, 'T' | 't').then_some(parent)
        }
        _ => None,
    }
}

fn state(line: &[u8]) -> Option<char> {
    let close = memchr::memrchr(b')', line)?;
    line.get(close + 2).copied().map(char::from)
}

/// When a process began, in seconds.
pub(in crate::sys) fn started(pid: u32) -> Option<String> {
    let ticks = stat(pid)?.start / rustix::param::clock_ticks_per_second();
    let text = read("/proc/stat").ok()?;
    let boot = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
    let boot: u64 = std::str::from_utf8(boot).ok()?.trim().parse().ok()?;
    let second = i64::try_from(boot + ticks).ok()?;
    Some(format!("{:.0}", jiff::Timestamp::from_second(second).ok()?))
}
