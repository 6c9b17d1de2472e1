//! Reads the process table: live processes, their parents and their markers.

use std::collections::HashMap;
use std::sync::Once;
use std::time::Duration;

/// Carried by everything a test starts.
pub(super) const MARK: &str = "PITCREW_TEST_MARK";

pub fn send(pid: u32, signal: i32) {
    // SAFETY: a plain system call.
    unsafe { libc::kill(i32::try_from(pid).unwrap(), signal) };
}

/// Alive, and not a zombie.
pub fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

#[derive(Debug, Clone)]
pub struct Stat {
    pub pid: u32,
    pub state: char,
    pub parent: u32,
    pub group: u32,
    pub session: u32,
    pub foreground: i32,
}

pub fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let mut number = || fields.next()?.parse::<i64>().ok();
    let (parent, group, session, _tty) = (number()?, number()?, number()?, number()?);
    let foreground = number()? as i32;
    let as_pid = |number: i64| u32::try_from(number).unwrap_or_default();
    Some(Stat {
        pid,
        state,
        parent: as_pid(parent),
        group: as_pid(group),
        session: as_pid(session),
        foreground,
    })
}

pub fn all_stats() -> Vec<Stat> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).filter_map(stat).collect()
}

pub fn children_of(pid: u32) -> Vec<u32> {
    all_stats().into_iter().filter(|one| one.parent == pid).map(|one| one.pid).collect()
}

/// Everything below, zombies too.
pub fn below(pid: u32) -> Vec<Stat> {
    let all = all_stats();
    let mut by_parent: HashMap<u32, Vec<&Stat>> = HashMap::new();
    for one in &all {
        by_parent.entry(one.parent).or_default().push(one);
    }
    let (mut found, mut next) = (Vec::new(), vec![pid]);
    while let Some(pid) = next.pop() {
        for one in by_parent.get(&pid).into_iter().flatten() {
            next.push(one.pid);
            found.push((*one).clone());
        }
    }
    found
}

pub(super) fn zombies_of_session(session: u32) -> Vec<u32> {
    let all = all_stats().into_iter();
    all.filter(|one| one.session == session && one.state == 'Z').map(|one| one.pid).collect()
}

/// Every living process with this mark in its environment.
pub fn carriers(mark: &str) -> Vec<u32> {
    let wanted = format!("{MARK}={mark}");
    with_environment(|entry| entry == wanted.as_bytes())
}

/// Every living process with such an entry in the environment of its last exec.
pub fn with_environment(fits: impl Fn(&[u8]) -> bool) -> Vec<u32> {
    living_with("environ", fits)
}

/// The processes that have exactly this as an argument, such as a number of seconds to sleep.
pub fn with_argument(argument: &str) -> Vec<u32> {
    living_with("cmdline", |one| one == argument.as_bytes())
}

/// All of them at the same time: reading `/proc` takes a while, in which one can go and another come.
fn living_with(file: &str, fits: impl Fn(&[u8]) -> bool) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let found: Vec<u32> =
        pids.filter(|pid| settled(*pid, file).split(|b| *b == 0).any(&fits)).collect();
    found.into_iter().filter(|pid| alive(*pid)).collect()
}

/// What stands in `/proc/PID/NAME`. In the midst of an exec both the environment and the arguments
/// read as empty for a moment, and an existing process would not be seen.
fn settled(pid: u32, name: &str) -> Vec<u8> {
    let read = |name| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    for _ in 0..200 {
        let bytes = read(name);
        let is_in_exec = bytes.is_empty()
            && read("cmdline").is_empty()
            // Neither a kernel thread nor an ended process has a program.
            && std::fs::read_link(format!("/proc/{pid}/exe")).is_ok();
        if !is_in_exec {
            return if bytes.is_empty() { read(name) } else { bytes };
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Vec::new()
}

pub fn describe(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("{pid} {:?} {}", stat(pid), String::from_utf8_lossy(&line).replace('\0', " "))
}

pub fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// A line of `/proc/PID/status` in KiB, such as `VmHWM`.
pub fn memory_kib(pid: u32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or_default()
}

/// Ends whatever is left, after a failure.
pub(super) fn clean(mark: &str) {
    for _ in 0..200 {
        let left = carriers(mark);
        if left.is_empty() {
            break;
        }
        for pid in left {
            send(pid, libc::SIGKILL);
        }
        reap_orphans();
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Orphans are adopted by this process, so that they can be seen and do not depend on pid 1.
pub(super) fn adopt_orphans() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: a plain system call.
        unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
    });
}

/// Reaps orphans that were left to us by a kill. What a test starts itself and waits for leads a session, or it is
/// in our session and in our group or leads one; an orphan is none of that.
pub fn reap_orphans() {
    let Some(own) = stat(std::process::id()) else { return };
    for one in all_stats() {
        let leads_session = one.session == one.pid;
        let is_started = one.session == own.session && [one.pid, own.group].contains(&one.group);
        if one.parent == own.pid && one.state == 'Z' && !leads_session && !is_started {
            // SAFETY: a plain system call.
            unsafe {
                let pid = i32::try_from(one.pid).unwrap();
                libc::waitpid(pid, std::ptr::null_mut(), libc::WNOHANG);
            }
        }
    }
}
