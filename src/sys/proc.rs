//! Reads information about other processes from `/proc`.
//!
//! All of it may be outdated when it is used: a process can be gone, or its pid reused. Use
//! [`super::kill::signal_process`] to act on it safely.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::io::Errno;

use super::deadline::pause;

#[cfg(test)]
mod tests;

/// The marker variables by which the descendants of a run are recognised; this one names the session.
pub const SESSION: &str = "PITCREW_SESSION";
/// Names the process, replica included.
pub const PROCESS: &str = "PITCREW_PROCESS";
/// The number of the run.
pub const RUN: &str = "PITCREW_RUN";
/// Distinguishes what belongs to a run (the commands of its checks, its stop command) from the run
/// itself.
pub const ROLE: &str = "PITCREW_ROLE";
/// The number of the replica, if the process has replicas.
pub const REPLICA: &str = "PITCREW_REPLICA";

/// The pid and the start time of a process. A later process with the same pid has another start time.
pub(super) type ProcessIdentity = (u32, u64);

/// One line of `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) group: u32,
    pub(super) session: u32,
    /// Clock ticks from boot to its start.
    pub(super) start: u64,
    /// The kernel's `comm`, at most 15 bytes.
    pub(super) program: String,
    /// Whether it has ended but was not reaped yet.
    pub(super) zombie: bool,
    /// Processor time, in ticks.
    pub(super) ticks: u64,
    /// Processor time of its reaped children, in ticks.
    pub(super) ticks_of_ended: u64,
    /// Pages in memory.
    pub(super) pages: u64,
    /// The device number of its terminal; 0 without one.
    pub(super) terminal: u64,
    /// The foreground group of its terminal; 0 without one.
    pub(super) foreground: u32,
    /// The state of its main thread, as a letter.
    pub(super) state: char,
    /// The kernel's `PF_` flags.
    flags: u64,
}

impl Stat {
    pub(super) fn identity(&self) -> ProcessIdentity {
        (self.pid, self.start)
    }

    /// Whether it is a thread of the kernel.
    pub(super) fn is_of_kernel(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }

    /// Whether it is stopped, by a signal or a debugger.
    fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

/// The flag of a kernel thread.
const PF_KTHREAD: u64 = 0x0020_0000;
/// The flag of a thread that is exiting.
const PF_EXITING: u64 = 0x0000_0004;

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
        let field = match name {
            name if name == SESSION.as_bytes() => &mut self.session,
            name if name == PROCESS.as_bytes() => &mut self.process,
            name if name == RUN.as_bytes() => &mut self.run,
            name if name == REPLICA.as_bytes() => &mut self.replica,
            name if name == ROLE.as_bytes() => &mut self.role,
            _ => return,
        };
        *field = Some(value.to_vec());
    }

    /// Whether it names one run; not every process has replicas.
    pub(super) fn is_complete(&self) -> bool {
        self.session.is_some() && self.process.is_some() && self.run.is_some()
    }
}

/// Calls `open`. If descriptors are exhausted, retries for at most a fifth of a second, because an
/// empty answer would mean "no process is left". (Starts leave a few descriptors free for this.)
pub(super) fn with_retry<T>(mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..20 {
        match open() {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                pause(Duration::from_millis(10));
            }
            result => return result,
        }
    }
    open()
}

/// Lists a folder below `/proc`; empty if it cannot be read.
pub(super) fn entries(path: impl AsRef<Path>) -> impl Iterator<Item = fs::DirEntry> {
    with_retry(|| fs::read_dir(path.as_ref())).into_iter().flatten().flatten()
}

/// Parses a number or another value that the kernel writes as text.
pub(super) fn parse<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// Returns the rest of the line that begins with `name`.
pub(super) fn field<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name.as_bytes()))
}

/// Reads a small file of `/proc` in few calls; the standard library asks for the size first, which is
/// always 0 here.
fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = with_retry(|| File::open(path.as_ref()))?;
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

/// Returns when a process was started, in ticks since the start of the system; `None` if it has ended.
pub fn start_ticks(pid: u32) -> Option<u64> {
    stat(pid).filter(|stat| !stat.zombie).map(|stat| stat.start)
}

/// Returns when a process was started, as a timestamp in seconds.
pub(super) fn started(pid: u32) -> Option<String> {
    let ticks = stat(pid)?.start / rustix::param::clock_ticks_per_second();
    let boot: u64 = parse(field(&read("/proc/stat").ok()?, "btime ")?)?;
    let second = i64::try_from(boot + ticks).ok()?;
    Some(format!("{:.0}", jiff::Timestamp::from_second(second).ok()?))
}

/// Returns the process that suspends this one: itself if it is stopped, or its parent if it has ended
/// and the parent is stopped.
pub(super) fn suspended(pid: u32) -> Option<u32> {
    let process = stat(pid)?;
    let suspending = if process.state == 'Z' { stat(process.parent)? } else { process };
    suspending.is_stopped().then_some(suspending.pid)
}

/// Whether a signal has already ended a process that still exists: a tree that gets a signal ends one
/// process after another, and a process with much memory takes a while.
pub(super) fn is_dying(pid: u32) -> bool {
    let mut tasks = entries(format!("/proc/{pid}/task")).map(|task| task.path()).peekable();
    let is_ending = |task: &Path| {
        // In this order, because the second state follows the first.
        read(task.join("status")).is_ok_and(|status| has_pending_kill(&status))
            || read(task.join("stat"))
                .is_ok_and(|line| parse_stat(pid, &line).is_some_and(|s| s.flags & PF_EXITING != 0))
    };
    tasks.peek().is_some() && tasks.all(|task| is_ending(&task))
}

/// For a fatal signal the kernel sends KILL to each thread of the process.
fn has_pending_kill(status: &[u8]) -> bool {
    const KILL: u64 = 1 << (libc::SIGKILL - 1);
    ["SigPnd:", "ShdPnd:"].iter().any(|name| {
        let set = field(status, name).and_then(|set| std::str::from_utf8(set).ok());
        set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
            .is_some_and(|set| set & KILL != 0)
    })
}

fn parse_stat(pid: u32, line: &[u8]) -> Option<Stat> {
    // The name may contain blanks and parentheses: it ends at the last parenthesis.
    let open = memchr::memchr(b'(', line)?;
    let close = memchr::memrchr(b')', line)?;
    let program = String::from_utf8_lossy(line.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
    let small = |index: usize| number(index).and_then(|number| u32::try_from(number).ok());
    let state = fields.first()?.chars().next()?;
    Some(Stat {
        pid,
        parent: small(1)?,
        group: small(2)?,
        session: small(3)?,
        start: number(19)?,
        program,
        // A main thread that has ended while others run shows as Z too, but the process lives.
        zombie: matches!(state, 'Z' | 'X' | 'x') && number(17)? <= 1,
        ticks: number(11)? + number(12)?,
        // The kernel shows these signed; they are never negative.
        ticks_of_ended: number(13).unwrap_or(0) + number(14).unwrap_or(0),
        pages: number(21).unwrap_or(0),
        // The kernel shows it signed.
        terminal: fields.get(4)?.parse::<i32>().ok()?.cast_unsigned().into(),
        // The kernel shows -1 without a terminal.
        foreground: small(5).unwrap_or(0),
        state,
        flags: number(6)?,
    })
}

/// Returns the pids of all processes.
pub(super) fn pids() -> impl Iterator<Item = u32> {
    entries("/proc").filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Returns all processes, including those of other users, without kernel threads.
pub(super) fn processes() -> Vec<Stat> {
    pids().filter_map(stat).filter(|process| !process.is_of_kernel()).collect()
}

/// Returns a process, its parent, the parent of that, and so on, as far as they are visible.
pub(super) fn with_ancestors(pid: u32) -> impl Iterator<Item = Stat> {
    // A pid that is reused in between could make a circle.
    const MAX_DEPTH: usize = 256;
    std::iter::successors(stat(pid), |process| stat(process.parent)).take(MAX_DEPTH)
}

/// Whether a pid is that of a process, and not of a thread: `/proc` does not list threads, but has
/// entries for them.
pub(super) fn is_process(pid: u32) -> bool {
    let status = read(format!("/proc/{pid}/status")).unwrap_or_default();
    field(&status, "Tgid:").and_then(parse) == Some(pid)
}

/// The children of each process. Without `CONFIG_PROC_CHILDREN` it takes one scan of all of `/proc`.
#[derive(Debug, Default)]
pub(super) struct ChildTable {
    by_parent: Option<HashMap<u32, Vec<u32>>>,
}

impl ChildTable {
    pub(super) fn read() -> Self {
        static IS_LISTED: OnceLock<bool> = OnceLock::new();
        if *IS_LISTED.get_or_init(|| Path::new("/proc/thread-self/children").exists()) {
            return Self::default();
        }
        Self::by_parent(&processes())
    }

    fn by_parent(processes: &[Stat]) -> Self {
        let mut by_parent: HashMap<u32, Vec<u32>> = HashMap::new();
        for process in processes {
            by_parent.entry(process.parent).or_default().push(process.pid);
        }
        Self { by_parent: Some(by_parent) }
    }

    /// Returns the children of a process, zombies too.
    ///
    /// The kernel lists them by the thread that made them. A child that is reaped during the read can
    /// hide a sibling; for our own children the caller keeps reaps out.
    pub(super) fn of(&self, pid: u32) -> Vec<u32> {
        if let Some(by_parent) = &self.by_parent {
            return by_parent.get(&pid).cloned().unwrap_or_default();
        }
        let mut children = Vec::new();
        for task in entries(format!("/proc/{pid}/task")) {
            let Ok(list) = read(task.path().join("children")) else { continue };
            children.extend(list.split(u8::is_ascii_whitespace).filter_map(parse::<u32>));
        }
        children
    }
}

/// Returns everything alive below `roots`, including them, parents before their children.
pub(super) fn below(children: &ChildTable, roots: &[u32]) -> Vec<Stat> {
    let mut found: Vec<Stat> = Vec::new();
    let mut queue: VecDeque<u32> = roots.iter().copied().collect();
    let mut visited = HashSet::new();
    while let Some(pid) = queue.pop_front() {
        if !visited.insert(pid) {
            continue;
        }
        let Some(stat) = stat(pid).filter(|stat| !stat.zombie) else { continue };
        queue.extend(children.of(pid));
        found.push(stat);
    }
    found
}

/// Selects processes with everything below them, from a list with parents before their children.
#[derive(Debug, Default)]
pub(super) struct Subtrees(HashSet<u32>);

impl Subtrees {
    /// Whether a process is selected, by `is_root` or with its parent.
    pub(super) fn contains(&mut self, stat: &Stat, is_root: impl FnOnce() -> bool) -> bool {
        let is_in = self.0.contains(&stat.parent) || is_root();
        if is_in {
            self.0.insert(stat.pid);
        }
        is_in
    }
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
    for _ in 0..50 {
        match read(format!("/proc/{pid}/environ")) {
            Ok(bytes) if bytes.is_empty() => {}
            result => return result.unwrap_or_default(),
        }
        let settled = read(format!("/proc/{pid}/cmdline")).map_or(true, |line| !line.is_empty());
        if stat(pid).is_none_or(|stat| stat.zombie || stat.is_of_kernel()) {
            return Vec::new();
        }
        pause(Duration::from_millis(1));
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
    const MAX_CHARS: usize = 200;
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    let bytes = bytes.get(..end.min(MAX_CHARS * 8)).unwrap_or_default();
    let mut text = String::new();
    let mut length = 0;
    for c in String::from_utf8_lossy(bytes).chars() {
        let shown: String = match c {
            '\0' => " ".to_owned(),
            c if c.is_control() => c.escape_default().collect(),
            c => c.to_string(),
        };
        length += shown.chars().count();
        if length > MAX_CHARS - 1 {
            text.push('…');
            break;
        }
        text.push_str(&shown);
    }
    text
}
