//! Reader of `/proc`.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};

use super::call::{Files, Source, SystemCall, Wait, classify};
use super::decide::{ProcessReading, ThreadReading};
use crate::sys::proc;

/// Number of `/dev/tty`, which stands for a process's own terminal.
const OWN_TERMINAL: u64 = 5 << 8;

/// What a run's input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InputId {
    /// A terminal with this device number.
    Terminal {
        /// `st_rdev` of the child's end.
        device: u64,
    },
    /// A pipe or a file.
    File {
        /// `st_dev`.
        device: u64,
        /// `st_ino`.
        inode: u64,
    },
}

impl InputId {
    /// Returns the identity of an open file: of the child's end of a terminal, or of either end of a pipe.
    pub(crate) fn of(file: impl AsFd) -> io::Result<Self> {
        let data = rustix::fs::fstat(file)?;
        Ok(if rustix::fs::FileType::from_raw_mode(data.st_mode).is_char_device() {
            Self::Terminal { device: data.st_rdev }
        } else {
            Self::File { device: data.st_dev, inode: data.st_ino }
        })
    }
}

/// Looks at a process. One that is busy costs three small files, one that waits three and about
/// two a thread.
///
/// Returns `None` if the process is gone.
pub(crate) fn read_process(pid: u32, input: InputId) -> Option<ProcessReading> {
    let stat = proc::stat(pid)?;
    let is_foreground = match input {
        InputId::Terminal { device } => stat.terminal == device && stat.foreground == stat.group,
        InputId::File { .. } => true,
    };
    let mut reading = ProcessReading {
        pid,
        started: stat.start,
        parent: stat.parent,
        is_foreground,
        is_halted: matches!(stat.state, 'Z' | 'X' | 'T' | 't'),
        threads: Vec::new(),
    };
    if reading.is_halted || !is_foreground {
        return Some(reading);
    }
    let files = ProcFiles { pid, input, terminal: stat.terminal };
    for entry in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let Some(tid) = entry.ok()?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let thread = match read_thread(pid, tid, &files) {
            Ok(thread) => thread,
            // Ended meanwhile.
            Err(error) if is_gone(&error) => continue,
            Err(_) => return None,
        };
        let is_busy = thread.wait == Wait::Other;
        reading.threads.push(thread);
        // No thread can make up for it.
        if is_busy {
            break;
        }
    }
    Some(reading)
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

fn read_thread(pid: u32, tid: u32, files: &ProcFiles) -> io::Result<ThreadReading> {
    let line = fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall"));
    let wait = match line {
        Ok(line) => SystemCall::parse(&line).map_or(Wait::Unknown, |call| classify(call, files)),
        Err(error) if is_gone(&error) && !is_there(pid, tid) => return Err(error),
        // Not permitted, or a kernel without it.
        Err(_) => Wait::Unknown,
    };
    if wait == Wait::Other {
        return Ok(ThreadReading { tid, wait, switches: 0 });
    }
    let status = fs::read(format!("/proc/{pid}/task/{tid}/status"))?;
    let count = |name| proc::field(&status, name).and_then(proc::parse::<u64>).unwrap_or(0);
    let switches = count("voluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:");
    Ok(ThreadReading { tid, wait, switches })
}

fn is_there(pid: u32, tid: u32) -> bool {
    fs::exists(format!("/proc/{pid}/task/{tid}")).unwrap_or(false)
}

struct ProcFiles {
    pid: u32,
    input: InputId,
    terminal: u64,
}

impl ProcFiles {
    fn link(&self, descriptor: &str) -> Option<String> {
        let link = fs::read_link(format!("/proc/{}/fd/{descriptor}", self.pid)).ok()?;
        link.to_str().map(str::to_owned)
    }

    fn is_input(&self, descriptor: i32) -> bool {
        let path = format!("/proc/{}/fd/{descriptor}", self.pid);
        let Ok(data) = fs::metadata(path) else { return false };
        match self.input {
            InputId::Terminal { device } => {
                let number = data.rdev();
                number == device || (number == OWN_TERMINAL && self.terminal == device)
            }
            InputId::File { device, inode } => data.dev() == device && data.ino() == inode,
        }
    }

    /// Whether the process has both ends of a pipe.
    fn is_own_pipe(&self, link: &str) -> bool {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/fd", self.pid)) else { return false };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| self.link(name).as_deref() == Some(link)).nth(1).is_some()
    }
}

impl Files for ProcFiles {
    fn source(&self, descriptor: i32) -> Source {
        let Some(link) = self.link(&descriptor.to_string()) else { return Source::Other };
        match link.as_str() {
            "anon_inode:[eventpoll]" => Source::Epoll,
            "anon_inode:[eventfd]" | "anon_inode:[signalfd]" => Source::Internal,
            _ if self.is_input(descriptor) => Source::Input,
            pipe if pipe.starts_with("pipe:[") && self.is_own_pipe(pipe) => Source::Internal,
            _ => Source::Other,
        }
    }

    fn watched(&self, descriptor: i32) -> Option<Vec<(i32, u32)>> {
        let text = fs::read_to_string(format!("/proc/{}/fdinfo/{descriptor}", self.pid)).ok()?;
        Some(text.lines().filter_map(watched_line).collect())
    }

    fn memory(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        let memory = File::open(format!("/proc/{}/mem", self.pid)).ok()?;
        memory.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }
}

/// `tfd:        0 events:       19 data:                0  pos:0 ino:3 sdev:19`
fn watched_line(line: &str) -> Option<(i32, u32)> {
    let mut words = line.strip_prefix("tfd:")?.split_ascii_whitespace();
    let descriptor = words.next()?.parse().ok()?;
    let events = words.skip_while(|word| *word != "events:").nth(1)?;
    Some((descriptor, u32::from_str_radix(events, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_epoll_are_read() {
        let line = "tfd:       16 events:     2019 data:               10  pos:0 ino:b sdev:f";
        assert_eq!(watched_line(line), Some((16, 0x2019)));
        assert_eq!(watched_line("flags:\t02000002"), None);
    }
}
