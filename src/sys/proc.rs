//! Reads information about other processes from `/proc`.
//!
//! All of it may be outdated when it is used: a process can be gone, or its pid reused. Use
//! [`super::kill::seen`] to act on it safely.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::io::Errno;

use super::deadline::pause;

mod state;

pub(super) use state::{started, suspended};

/// The marker variables by which the descendants of a run are recognised; this one names the session.
pub const SESSION: &str = "PITCREW_SESSION";
/// Names the process, replica included.
pub const PROCESS: &str = "PITCREW_PROCESS";
/// The number of the run.
pub const RUN: &str = "PITCREW_RUN";
/// Tells what belongs to a run (the commands of its checks, its stop command) from the run itself.
pub const ROLE: &str = "PITCREW_ROLE";
/// Tells replicas apart, where there are any.
pub const REPLICA: &str = "PITCREW_REPLICA";

/// One line of `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) group: u32,
    pub(super) session: u32,
    /// Clock ticks from boot to its start. Together with the pid it is unique.
    pub(super) start: u64,
    /// The kernel's `comm`, at most 15 bytes.
    pub(super) program: String,
    /// It has ended but was not reaped yet.
    pub(super) zombie: bool,
    /// Processor time, in ticks.
    pub(super) ticks: u64,
    /// Processor time of its reaped children, in ticks.
    pub(super) ticks_of_ended: u64,
    /// Pages in memory.
    pub(super) pages: u64,
    /// It is a thread of the kernel.
    kernel: bool,
}

impl Stat {
    /// Distinguishes this process from a later one with the same pid.
    pub(super) fn identity(&self) -> (u32, u64) {
        (self.pid, self.start)
    }

    /// It is a thread of the kernel.
    pub(super) fn is_of_kernel(&self) -> bool {
        self.kernel
    }
}

/// The marker variables of a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct ProcessMarker {
    pub(super) session: Option<Vec<u8>>,
    pub(super) process: Option<Vec<u8>>,
    pub(super) run: Option<Vec<u8>>,
    pub(super) replica: Option<Vec<u8>>,
    pub(super) role: Option<Vec<u8>>,
}

impl ProcessMarker {
    /// Takes one variable if it is a marker.
    pub(super) fn take(&mut self, name: &[u8], value: &[u8]) {
        let slot = match name {
            name if name == SESSION.as_bytes() => &mut self.session,
            name if name == PROCESS.as_bytes() => &mut self.process,
            name if name == RUN.as_bytes() => &mut self.run,
            name if name == REPLICA.as_bytes() => &mut self.replica,
            name if name == ROLE.as_bytes() => &mut self.role,
            _ => return,
        };
        *slot = Some(value.to_vec());
    }

    /// Whether it names one run; not every process has replicas.
    pub(super) fn is_complete(&self) -> bool {
        self.session.is_some() && self.process.is_some() && self.run.is_some()
    }
}

/// Opens something. If descriptors are exhausted, retries for at most a fifth of a second, because an
/// empty answer would mean "no process is left". (Starts leave a few descriptors free for this.)
pub(super) fn patiently<T>(mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..20 {
        match open() {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                pause(Duration::from_millis(10));
            }
            done => return done,
        }
    }
    open()
}

/// Reads a small file of `/proc` in few calls; the standard library asks for the size first, which is
/// always 0 here.
fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = patiently(|| File::open(path.as_ref()))?;
    let mut bytes = Vec::with_capacity(4096);
    loop {
        bytes.reserve(1024);
        match rustix::io::read(&file, rustix::buffer::spare_capacity(&mut bytes)) {
            Ok(0) => return Ok(bytes),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns the process with this pid; `None` if there is none.
pub(super) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(pid, &read(format!("/proc/{pid}/stat")).ok()?)
}

/// When a process was started, in ticks since the start of the system; `None` if it has ended.
pub fn start_ticks(pid: u32) -> Option<u64> {
    stat(pid).filter(|stat| !stat.zombie).map(|stat| stat.start)
}

/// Whether a signal has already ended a process that still exists: a tree that gets a signal ends one
/// process after another, and a process with much memory takes a while.
pub(super) fn is_dying(pid: u32) -> bool {
    let tasks = patiently(|| fs::read_dir(format!("/proc/{pid}/task")));
    let Ok(tasks) = tasks else { return false };
    let mut tasks = tasks.flatten().map(|task| task.path()).peekable();
    let goes = |task: &Path| {
        // In this order, because the second state follows the first.
        read(task.join("status")).is_ok_and(|status| awaits_kill(&status))
            || read(task.join("stat")).is_ok_and(|line| flags(&line) & PF_EXITING != 0)
    };
    tasks.peek().is_some() && tasks.all(|task| goes(&task))
}

/// For a fatal signal the kernel sends KILL to each thread of the process.
fn awaits_kill(status: &[u8]) -> bool {
    const KILL: u64 = 1 << (libc::SIGKILL - 1);
    let pending = |line: &[u8]| {
        let set = line.strip_prefix(b"SigPnd:").or_else(|| line.strip_prefix(b"ShdPnd:"))?;
        u64::from_str_radix(std::str::from_utf8(set).ok()?.trim(), 16).ok()
    };
    status.split(|byte| *byte == b'\n').filter_map(pending).any(|set| set & KILL != 0)
}

fn flags(line: &[u8]) -> u64 {
    let rest = memchr::memrchr(b')', line).and_then(|close| line.get(close + 1..));
    let rest = std::str::from_utf8(rest.unwrap_or_default()).unwrap_or_default();
    rest.split_ascii_whitespace().nth(6).and_then(|flags| flags.parse().ok()).unwrap_or(0)
}

/// The flag of a thread of the kernel.
const PF_KTHREAD: u64 = 0x0020_0000;
/// That of a thread that is on its way out.
const PF_EXITING: u64 = 0x0000_0004;

fn parse_stat(pid: u32, line: &[u8]) -> Option<Stat> {
    // The name may contain blanks and parentheses: it ends at the last parenthesis.
    let open = memchr::memchr(b'(', line)?;
    let close = memchr::memrchr(b')', line)?;
    let program = String::from_utf8_lossy(line.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
    let dead = matches!(*fields.first()?, "Z" | "X" | "x");
    Some(Stat {
        pid,
        parent: u32::try_from(number(1)?).ok()?,
        group: u32::try_from(number(2)?).ok()?,
        session: u32::try_from(number(3)?).ok()?,
        start: number(19)?,
        program,
        // A main thread that has ended while others run shows as Z too, but the process lives.
        zombie: dead && number(17)? <= 1,
        ticks: number(11)? + number(12)?,
        // The kernel shows these signed; they are never negative.
        ticks_of_ended: number(13).unwrap_or(0) + number(14).unwrap_or(0),
        pages: number(21).unwrap_or(0),
        kernel: number(6)? & PF_KTHREAD != 0,
    })
}

/// The numbers of all processes.
pub(super) fn pids() -> impl Iterator<Item = u32> {
    let entries = patiently(|| fs::read_dir("/proc")).into_iter().flatten();
    entries.filter_map(|entry| number(&entry.ok()?.file_name()))
}

/// Returns all processes, including those of other users, without kernel threads.
pub(super) fn everyone() -> Vec<Stat> {
    pids().filter_map(stat).filter(|one| !one.kernel).collect()
}

/// Opens the kernel's files with the last pid of our namespace and the upper limit of pids. They are
/// kept open, because they are read often; not every kernel has the first one.
pub(super) fn numbers() -> io::Result<(File, File)> {
    let open = |name| File::open(Path::new("/proc/sys/kernel").join(name));
    Ok((open("ns_last_pid")?, open("pid_max")?))
}

/// Reads the number from such a file.
pub(super) fn number_in(file: &File) -> Option<u32> {
    let mut bytes = [0; 16];
    let length = rustix::io::pread(file, &mut bytes, 0).ok()?;
    std::str::from_utf8(bytes.get(..length)?).ok()?.trim().parse().ok()
}

/// Returns how many pids are in use, including those of other namespaces.
pub(super) fn in_use() -> u32 {
    rustix::system::sysinfo().procs.into()
}

/// Returns the parent of this process, its parent, and so on.
pub(super) fn ancestors() -> Vec<u32> {
    let mut all = Vec::new();
    let mut one = std::process::id();
    while let Some(stat) = stat(one).filter(|stat| stat.parent != 0 && !all.contains(&stat.parent))
    {
        one = stat.parent;
        all.push(one);
    }
    all
}

/// Whether a pid is that of a process, and not of a thread: `/proc` does not list threads, but has
/// entries for them.
pub(super) fn is_process(pid: u32) -> bool {
    let status = read(format!("/proc/{pid}/status")).unwrap_or_default();
    let mut lines = status.split(|byte| *byte == b'\n');
    let leads = lines.find_map(|line| line.strip_prefix(b"Tgid:"));
    let leads = leads.and_then(|text| std::str::from_utf8(text).ok());
    leads.and_then(|text| text.trim().parse().ok()) == Some(pid)
}

fn number(name: &OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

/// The children of each process. Without `CONFIG_PROC_CHILDREN` it takes one scan of all of `/proc`.
#[derive(Debug, Default)]
pub(super) struct ChildTable {
    by_parent: Option<HashMap<u32, Vec<u32>>>,
}

impl ChildTable {
    pub(super) fn look() -> Self {
        static LISTED: OnceLock<bool> = OnceLock::new();
        if *LISTED.get_or_init(|| Path::new("/proc/thread-self/children").exists()) {
            return Self::default();
        }
        Self::by_parent(&everyone())
    }

    fn by_parent(all: &[Stat]) -> Self {
        let mut map: HashMap<u32, Vec<u32>> = HashMap::new();
        for one in all {
            map.entry(one.parent).or_default().push(one.pid);
        }
        Self { by_parent: Some(map) }
    }

    /// The children of a process, zombies too.
    ///
    /// The kernel lists them by the thread that made them. A child that is reaped in the midst of
    /// the read can hide a sibling; for our own children the caller keeps reaps out.
    pub(super) fn of(&self, pid: u32) -> Vec<u32> {
        if let Some(map) = &self.by_parent {
            return map.get(&pid).cloned().unwrap_or_default();
        }
        let tasks = patiently(|| fs::read_dir(format!("/proc/{pid}/task")));
        let Ok(tasks) = tasks else { return Vec::new() };
        let mut children = Vec::new();
        for task in tasks.flatten() {
            let Ok(list) = read(task.path().join("children")) else { continue };
            let list = String::from_utf8_lossy(&list);
            children.extend(list.split_ascii_whitespace().filter_map(|n| n.parse::<u32>().ok()));
        }
        children
    }
}

/// Everything alive below `roots` (and they themselves), parents before their children.
pub(super) fn below(roots: &[u32]) -> Vec<Stat> {
    below_by(&ChildTable::look(), roots)
}

/// The same, by a look that was made before.
pub(super) fn below_by(children: &ChildTable, roots: &[u32]) -> Vec<Stat> {
    let mut found: Vec<Stat> = Vec::new();
    let mut queue: std::collections::VecDeque<u32> = roots.iter().copied().collect();
    let mut met = std::collections::HashSet::new();
    while let Some(pid) = queue.pop_front() {
        if !met.insert(pid) {
            continue;
        }
        let Some(stat) = stat(pid).filter(|stat| !stat.zombie) else { continue };
        queue.extend(children.of(pid));
        found.push(stat);
    }
    found
}

/// Returns the markers a process had at its exec; empty if its memory may not be read.
pub(super) fn marker(pid: u32) -> ProcessMarker {
    let mut marker = ProcessMarker::default();
    for entry in environment(pid).split(|byte| *byte == 0) {
        if let Some(at) = memchr::memchr(b'=', entry) {
            let (name, value) = entry.split_at(at);
            marker.take(name, value.get(1..).unwrap_or_default());
        }
    }
    marker
}

/// Returns the environment of a process. During an exec the environment and the command line read as
/// empty for a moment; taking that for a cleared environment would end what should be left alone.
fn environment(pid: u32) -> Vec<u8> {
    const MOMENT: Duration = Duration::from_millis(1);
    for _ in 0..50 {
        match read(format!("/proc/{pid}/environ")) {
            Ok(bytes) if bytes.is_empty() => {}
            done => return done.unwrap_or_default(),
        }
        let settled = read(format!("/proc/{pid}/cmdline")).map_or(true, |line| !line.is_empty());
        if stat(pid).is_none_or(|stat| stat.zombie || stat.kernel) {
            return Vec::new();
        }
        pause(MOMENT);
        if settled {
            break;
        }
    }
    read(format!("/proc/{pid}/environ")).unwrap_or_default()
}

/// Returns the command line for display: control characters escaped, at most 200 characters; the
/// program name if there is none.
pub(super) fn command_line(stat: &Stat) -> String {
    let bytes = read(format!("/proc/{}/cmdline", stat.pid)).unwrap_or_default();
    let text = visible(&bytes);
    if text.is_empty() { visible(stat.program.as_bytes()) } else { text }
}

fn visible(bytes: &[u8]) -> String {
    const LONGEST: usize = 200;
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    let bytes = bytes.get(..end.min(LONGEST * 8)).unwrap_or_default();
    let mut text = String::new();
    let mut length = 0;
    for c in String::from_utf8_lossy(bytes).chars() {
        let shown: String = match c {
            '\0' => " ".to_owned(),
            c if c.is_control() => c.escape_default().collect(),
            c => c.to_string(),
        };
        length += shown.chars().count();
        if length > LONGEST - 1 {
            text.push('…');
            break;
        }
        text.push_str(&shown);
    }
    text
}

#[cfg(test)]
mod tests {
    use rustix::process::{WaitId, WaitIdOptions, waitid};

    use super::*;

    #[test]
    fn a_name_full_of_parentheses_is_read_whole() {
        let line = b"42 (a) b (c) Z 7 8 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 77\n";
        let stat = parse_stat(42, line).unwrap();
        assert_eq!(stat.program, "a) b (c");
        assert_eq!((stat.parent, stat.group, stat.session, stat.start), (7, 8, 9, 12345));
        assert!(stat.zombie);
        assert_eq!((stat.ticks, stat.ticks_of_ended, stat.pages), (0, 0, 77));
    }

    #[test]
    fn one_that_was_killed_is_dying_until_it_has_gone() {
        assert!(awaits_kill(b"Name:\tx\nSigPnd:\t0000000000000100\nShdPnd:\t0\n"));
        assert!(awaits_kill(b"SigPnd:\t0\nShdPnd:\t0000000000004100\n"));
        // TERM alone, which the process blocks or handles.
        assert!(!awaits_kill(b"SigPnd:\t0\nShdPnd:\t0000000000004000\nSigBlk:\tffff\n"));
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(!is_dying(child.id()));
        child.kill().unwrap();
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
        waitid(WaitId::Pid(pid), ended).unwrap();
        assert!(is_dying(child.id()));
        child.wait().unwrap();
        assert!(!is_dying(child.id()));
    }

    #[test]
    fn a_dead_main_thread_with_live_siblings_is_no_zombie() {
        let line = b"42 (x) Z 7 8 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 12345 0 0\n";
        assert!(!parse_stat(42, line).unwrap().zombie);
    }

    #[test]
    fn a_command_line_can_do_nothing_to_a_terminal() {
        assert_eq!(visible(b"sh\0-c\0echo \x1b[2J\n\0"), "sh -c echo \\u{1b}[2J\\n");
        assert_eq!(visible(b"a\0\xff\0"), "a \u{fffd}");
        let long = visible(&[b'x'; 5000]);
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn the_listed_children_and_the_parents_of_all_agree() {
        let child = std::process::Command::new("sleep").arg("1000").spawn();
        let mut child = child.unwrap();
        let me = std::process::id();
        assert!(ChildTable::by_parent(&everyone()).of(me).contains(&child.id()));
        assert!(ChildTable::look().of(me).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn markers_are_found_among_other_variables() {
        let mut marker = ProcessMarker::default();
        marker.take(b"PITCREW_RUN", b"3");
        marker.take(b"PITCREW_RUNS", b"4");
        assert_eq!(marker.run.as_deref(), Some(&b"3"[..]));
        assert!(!marker.is_complete());
    }
}
