//! What tests share: a project in a folder of its own, pitcrew running in it, its output to wait for, and the
//! proof at the end that nothing is left.
//!
//! Synchronised by what is printed, never by a sleep of a guessed length; a wait for something that
//! nobody tells polls with a generous bound.
#![allow(
    unsafe_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::manual_assert,
    clippy::needless_pass_by_value,
    clippy::struct_excessive_bools,
    reason = "tests, and plain system calls"
)]

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

pub mod ask;
pub mod commands;
pub mod events;
pub mod own_process;
mod processes;
pub mod pty;
pub mod real_host;
pub mod screen;
pub mod strict;
pub mod svg;

pub use processes::*;
use processes::{MARK, adopt_orphans, clean, zombies_of_session};

/// How long anything may take; the machine may be busy.
pub const BOUND: Duration = Duration::from_secs(40);

/// How often a test that shakes something does it; `PITCREW_TEST_TIMES` says otherwise.
pub fn times(ordinarily: u32) -> u32 {
    let asked = std::env::var("PITCREW_TEST_TIMES").ok().and_then(|text| text.parse().ok());
    let times = asked.unwrap_or(ordinarily);
    println!("{times} times");
    times
}

pub fn binary() -> &'static str {
    match option_env!("CARGO_BIN_EXE_pitcrew") {
        Some(path) => path,
        None => panic!("an example is built without it"),
    }
}

/// A folder with a `procfile.toml`, and the runtime and state folders of a user of its own.
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

    /// A command with the environment of this project and nothing of the one who runs the tests.
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

    /// `pitcrew up --no-tui` and these arguments, started.
    pub fn up<const N: usize>(&self, args: [&str; N]) -> Running {
        let mut command = self.pitcrew(["up", "--no-tui"]);
        command.args(args);
        self.start(command)
    }

    /// Started in a session of its own, input empty, both outputs read from the first moment.
    pub fn start(&self, mut command: Command) -> Running {
        command.stdin(Stdio::null());
        self.start_with_input(command)
    }

    pub fn start_with_input(&self, mut command: Command) -> Running {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        in_own_session(&mut command);
        let mut child = command.spawn().unwrap();
        let out = Text::read(child.stdout.take().unwrap());
        let err = Text::read(child.stderr.take().unwrap());
        Running { child, out, err, mark: self.mark.clone(), status: None, proven: false }
    }

    /// Started, waited for, and nothing left.
    pub fn finished(&self, command: Command) -> Done {
        self.start(command).done()
    }

    /// `pitcrew` with these arguments, to its end.
    pub fn run<const N: usize>(&self, args: [&str; N]) -> Done {
        self.finished(self.pitcrew(args))
    }

    /// `pitcrew up --no-tui` with these arguments, to its end.
    pub fn up_done<const N: usize>(&self, args: [&str; N]) -> Done {
        self.up(args).done()
    }

    /// The events in this file, checked for what holds for all events.
    pub fn events(&self, name: &str) -> Vec<Value> {
        events::read(&self.path(name))
    }

    /// Everything that carries the mark.
    pub fn carriers(&self) -> Vec<u32> {
        carriers(&self.mark)
    }

    /// Nothing is left of anything this project started, at the latest after `bound`.
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

/// Pitcrew at work.
pub struct Running {
    child: Child,
    pub out: Text,
    pub err: Text,
    mark: String,
    status: Option<ExitStatus>,
    proven: bool,
}

/// How it ended.
#[derive(Debug)]
pub struct Done {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
    pub raw: Vec<u8>,
}

impl Done {
    /// The exit code; panics, with what it said, when a signal ended it.
    #[track_caller]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by {:?}: {self}", self.status))
    }

    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code(), code, "{self}");
    }

    /// By which signal it ended.
    #[track_caller]
    pub fn signal(&self) -> i32 {
        self.status.signal().unwrap_or_else(|| panic!("not by a signal: {self}"))
    }

    #[track_caller]
    pub fn assert_err(&self, wanted: &str) {
        assert!(self.err.contains(wanted), "no {wanted:?} in {self}");
    }

    #[track_caller]
    pub fn assert_out(&self, wanted: &str) {
        assert!(self.out.contains(wanted), "no {wanted:?} in {self}");
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cut = |text: &str| text.chars().take(8_000).collect::<String>();
        write!(f, "{:?}\nstdout:\n{}\nstderr:\n{}", self.status, cut(&self.out), cut(&self.err))
    }
}

impl Running {
    /// The one the shell knows, which becomes the guardian.
    pub fn guardian(&self) -> u32 {
        self.child.id()
    }

    /// Its child.
    pub fn engine(&self) -> u32 {
        let mut found = None;
        wait_until("there is an engine", || {
            found = children_of(self.guardian()).first().copied();
            found.is_some()
        });
        found.unwrap()
    }

    pub fn signal(&self, signal: i32) {
        send(self.guardian(), signal);
    }

    pub fn stdin(&mut self) -> std::process::ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Waits until stdout holds this text, and gives what stands before it in its line.
    #[track_caller]
    pub fn wait_out(&self, wanted: &str) -> String {
        self.wait_text(&self.out, wanted)
    }

    #[track_caller]
    pub fn wait_err(&self, wanted: &str) -> String {
        self.wait_text(&self.err, wanted)
    }

    /// The line that holds it, whole.
    #[track_caller]
    fn wait_text(&self, text: &Text, wanted: &str) -> String {
        text.wait(wanted).unwrap_or_else(|| {
            panic!(
                "waited in vain for {wanted:?}\nstdout:\n{}\nstderr:\n{}",
                self.out.lossy(),
                self.err.lossy()
            )
        })
    }

    /// A number that a child printed after `label`, such as its pid.
    #[track_caller]
    pub fn number(&self, label: &str) -> u32 {
        let line = self.wait_out(label);
        let (_, after) = line.split_once(label).unwrap();
        let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("no number after {label:?} in {line:?}"))
    }

    /// Waits for its end. Not yet the proof that nothing is left.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        self.ended_within(BOUND)
    }

    #[track_caller]
    pub fn ended_within(&mut self, bound: Duration) -> ExitStatus {
        let start = Instant::now();
        while self.status.is_none() {
            self.status = self.child.try_wait().unwrap();
            if self.status.is_none() && start.elapsed() > bound {
                panic!(
                    "not ended within {bound:?}\nstdout:\n{}\nstderr:\n{}",
                    self.out.lossy(),
                    self.err.lossy()
                );
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.status.unwrap()
    }

    /// Waits for its end; at that moment nothing may be left of it, no zombie either.
    #[track_caller]
    pub fn done(mut self) -> Done {
        let status = self.ended();
        self.prove_nothing_left();
        self.out.wait_end();
        self.err.wait_end();
        let raw = self.out.bytes();
        Done { status, out: self.out.lossy(), err: self.err.lossy(), raw }
    }

    #[track_caller]
    fn prove_nothing_left(&mut self) {
        self.proven = true;
        let left = carriers(&self.mark);
        let zombies = zombies_of_session(self.child.id());
        if !left.is_empty() || !zombies.is_empty() {
            let mut text: Vec<String> = left.iter().map(|pid| describe(*pid)).collect();
            text.extend(zombies.iter().map(|pid| format!("zombie {}", describe(*pid))));
            clean(&self.mark);
            panic!("left: {}\nstderr:\n{}", text.join("\n"), self.err.lossy());
        }
    }

    /// The end is not of interest any more, as somebody was killed on purpose.
    pub fn forget(mut self) {
        self.proven = true;
        let _ = self.ended();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("stdout:\n{}\nstderr:\n{}", self.out.lossy(), self.err.lossy());
            clean(&self.mark);
            let _ = self.child.wait();
        } else if !self.proven {
            clean(&self.mark);
            let _ = self.child.wait();
            panic!("the test has to wait for its end");
        }
    }
}

/// What one output has given so far.
#[derive(Clone, Default)]
pub struct Text(Arc<(Mutex<Got>, Condvar)>);

#[derive(Default)]
struct Got {
    bytes: Vec<u8>,
    ended: bool,
}

impl Text {
    pub fn read(mut from: impl Read + Send + 'static) -> Self {
        let text = Self(Arc::default());
        let into = text.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let length = match from.read(&mut buffer) {
                    Ok(length) => length,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(_) => 0,
                };
                into.push(&buffer[..length]);
                if length == 0 {
                    return;
                }
            }
        });
        text
    }

    /// More of it; its end when it is empty.
    pub fn push(&self, bytes: &[u8]) {
        let mut got = self.0.0.lock().unwrap();
        got.bytes.extend_from_slice(bytes);
        got.ended |= bytes.is_empty();
        self.0.1.notify_all();
    }

    /// The line with this text, once it is there to its end.
    pub fn wait(&self, wanted: &str) -> Option<String> {
        let until = Instant::now() + BOUND;
        let mut got = self.0.0.lock().unwrap();
        loop {
            if let Some(at) = memchr::memmem::find(&got.bytes, wanted.as_bytes()) {
                let start = got.bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
                let end = got.bytes[at..].iter().position(|b| *b == b'\n').map(|n| at + n);
                if let Some(end) = end.or(got.ended.then_some(got.bytes.len())) {
                    return Some(String::from_utf8_lossy(&got.bytes[start..end]).into_owned());
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if got.ended || left.is_zero() {
                return None;
            }
            got = self.0.1.wait_timeout(got, left).unwrap().0;
        }
    }

    /// The same for text that ends no line, such as a prompt.
    pub fn wait_part(&self, wanted: &str) -> bool {
        self.wait_for(|bytes| memchr::memmem::find(bytes, wanted.as_bytes()).is_some())
    }

    pub fn wait_for(&self, condition: impl Fn(&[u8]) -> bool) -> bool {
        let until = Instant::now() + BOUND;
        let mut got = self.0.0.lock().unwrap();
        loop {
            if condition(&got.bytes) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if got.ended || left.is_zero() {
                return false;
            }
            got = self.0.1.wait_timeout(got, left).unwrap().0;
        }
    }

    #[track_caller]
    pub fn wait_end(&self) {
        let until = Instant::now() + BOUND;
        let mut got = self.0.0.lock().unwrap();
        while !got.ended {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "an output stays open after the end");
            got = self.0.1.wait_timeout(got, left).unwrap().0;
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.0.lock().unwrap().bytes.clone()
    }

    pub fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap().bytes).into_owned()
    }

    /// How often this text is in it.
    pub fn count(&self, wanted: &str) -> usize {
        memchr::memmem::find_iter(&self.0.0.lock().unwrap().bytes, wanted.as_bytes()).count()
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

/// Makes it the leader of a session, as those are whom a test starts and waits for itself.
pub fn in_own_session(command: &mut Command) {
    // SAFETY: one system call between fork and exec.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}

/// What a child starts with, changed between fork and exec.
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

/// A number of seconds to sleep that nobody else sleeps.
pub fn long_sleep() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{}.{number}1", 100_000 + std::process::id())
}

/// Compares with a file of the repository; with `PITCREW_TEST_WRITE` it is written first.
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

/// Writes all of it on a thread of its own.
pub fn feed(mut to: impl Write + Send + 'static, bytes: Vec<u8>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let _ = to.write_all(&bytes);
    })
}

/// Whether there is such a program; nothing is run for that.
pub fn is_executable_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| Path::new(&folder).join(program).exists())
}

/// FNV-1a, to compare what is too long to show.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
