//! Shared helpers: projects in temporary folders, and pitcrew running in them.
//!
//! Tests synchronise on output, never with a sleep; a wait for anything else polls with a generous limit.
#![expect(
    unsafe_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::manual_assert,
    clippy::struct_excessive_bools,
    reason = "tests, and plain system calls"
)]

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

pub mod ask;
pub mod commands;
pub mod events;
pub mod own_process;
mod processes;
pub mod pty;
pub mod real_host;
mod running;
pub mod screen;
pub mod strict;
pub mod svg;
mod text;

pub use processes::*;
use processes::{MARK, adopt_orphans, clean};
pub use running::{Done, Running};
pub use text::Text;

/// The limit of every wait; the machine may be busy.
pub const BOUND: Duration = Duration::from_secs(40);

/// The number of repetitions of a stress test; `PITCREW_TEST_TIMES` overrides the default.
pub fn times(default: u32) -> u32 {
    let wanted = std::env::var("PITCREW_TEST_TIMES").ok().and_then(|text| text.parse().ok());
    let times = wanted.unwrap_or(default);
    println!("{times} times");
    times
}

pub fn binary() -> &'static str {
    match option_env!("CARGO_BIN_EXE_pitcrew") {
        Some(path) => path,
        None => panic!("an example is built without it"),
    }
}

/// A temporary folder with a `procfile.toml`, and separate runtime and state folders.
pub struct Project {
    folder: tempfile::TempDir,
    pub mark: String,
}

impl Project {
    pub fn new(procfile: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        adopt_orphans();
        let folder = tempfile::tempdir().unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        let project = Self { folder, mark };
        for name in ["project", "runtime", "state"] {
            std::fs::create_dir(project.folder.path().join(name)).unwrap();
        }
        project.write("procfile.toml", procfile);
        project
    }

    /// A project without a file, for `exec`.
    pub fn empty() -> Self {
        let project = Self::new("");
        std::fs::remove_file(project.path("procfile.toml")).unwrap();
        project
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("project").canonicalize().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.read(name)).into_owned()
    }

    /// A command with the environment of this project, without that of the test run.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir())
            .env_clear()
            .env(
                "PATH",
                std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin")),
            )
            .env("HOME", self.folder.path())
            .env("LANG", "C.UTF-8")
            .env("XDG_RUNTIME_DIR", self.folder.path().join("runtime"))
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env(MARK, &self.mark);
        command
    }

    pub fn pitcrew<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = self.command(binary());
        command.args(args);
        command
    }

    /// Starts `pitcrew up --no-tui` with these arguments.
    pub fn up<const N: usize>(&self, args: [&str; N]) -> Running {
        let mut command = self.pitcrew(["up", "--no-tui"]);
        command.args(args);
        self.start(command)
    }

    /// Starts a command in a new session with an empty input; both outputs are read from the start.
    pub fn start(&self, mut command: Command) -> Running {
        command.stdin(Stdio::null());
        self.start_with_input(command)
    }

    pub fn start_with_input(&self, mut command: Command) -> Running {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        in_own_session(&mut command);
        Running::new(command.spawn().unwrap(), &self.mark)
    }

    /// Runs a command to its end and checks that nothing is left.
    pub fn finished(&self, command: Command) -> Done {
        self.start(command).done()
    }

    /// Runs `pitcrew` with these arguments to its end.
    pub fn run<const N: usize>(&self, args: [&str; N]) -> Done {
        self.finished(self.pitcrew(args))
    }

    /// Runs `pitcrew up --no-tui` with these arguments to its end.
    pub fn up_done<const N: usize>(&self, args: [&str; N]) -> Done {
        self.up(args).done()
    }

    /// Returns the events of this file, after the checks for all events.
    pub fn events(&self, name: &str) -> Vec<Value> {
        events::read(&self.path(name))
    }

    /// The processes that carry the mark.
    pub fn carriers(&self) -> Vec<u32> {
        carriers(&self.mark)
    }

    /// Waits until nothing that this project started is left; panics after `bound`.
    pub fn nothing_left_within(&self, bound: Duration) {
        let start = Instant::now();
        loop {
            reap_orphans();
            let left = self.carriers();
            if left.is_empty() {
                return;
            }
            if start.elapsed() >= bound {
                let text = left.iter().map(|pid| describe(*pid)).collect::<Vec<_>>().join("\n");
                self.clean();
                panic!("left after {bound:?}:\n{text}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn clean(&self) {
        clean(&self.mark);
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.clean();
        }
    }
}

#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < BOUND, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes a command the leader of a session: those are the commands that a test waits for itself.
pub fn in_own_session(command: &mut Command) {
    // SAFETY: one system call between fork and exec.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}

/// A change of the state that a child starts with, between fork and exec.
#[derive(Debug, Clone, Copy)]
pub enum Oddity {
    /// This signal is ignored.
    Ignores(i32),
    /// This signal is blocked.
    Blocks(i32),
    /// This many descriptors can be open, soft and hard.
    Descriptors(u64, u64),
}

pub fn with_oddities(command: &mut Command, oddities: &[Oddity]) {
    let oddities = oddities.to_vec();
    let set = move || {
        for oddity in &oddities {
            // SAFETY: plain system calls on values that live here.
            unsafe {
                match *oddity {
                    Oddity::Ignores(signal) => {
                        libc::signal(signal, libc::SIG_IGN);
                    }
                    Oddity::Blocks(signal) => {
                        let mut set = std::mem::zeroed();
                        libc::sigemptyset(&raw mut set);
                        libc::sigaddset(&raw mut set, signal);
                        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
                    }
                    Oddity::Descriptors(soft, hard) => {
                        let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
                        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
                    }
                }
            }
        }
        Ok(())
    };
    // SAFETY: only system calls between fork and exec.
    unsafe { command.pre_exec(set) };
}

/// A unique number of seconds to sleep.
pub fn long_sleep() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{}.{number}1", 100_000 + std::process::id())
}

/// Compares a text with a file of the repository; `PITCREW_TEST_WRITE` writes the file first.
#[track_caller]
pub fn assert_file(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("PITCREW_TEST_WRITE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    for (now, then) in text.lines().zip(golden.lines()) {
        assert_eq!(now, then);
    }
    assert_eq!(text, golden);
}

/// Writes all bytes on a new thread.
pub fn feed(mut to: impl Write + Send + 'static, bytes: Vec<u8>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let _ = to.write_all(&bytes);
    })
}

/// Whether `PATH` contains this program.
pub fn is_executable_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| Path::new(&folder).join(program).exists())
}

/// FNV-1a, to compare data that is too long to display.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
