//! A running pitcrew: its outputs, its exit, and the check that nothing is left.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use super::processes::{clean, zombies_of_session};
use super::{BOUND, Text, carriers, children_of, describe, send, wait_until};

/// A running pitcrew.
pub struct Running {
    child: Child,
    pub out: Text,
    pub err: Text,
    mark: String,
    status: Option<ExitStatus>,
    proven: bool,
}

/// A pitcrew that has exited.
#[derive(Debug)]
pub struct Done {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
    pub raw: Vec<u8>,
}

impl Done {
    /// The exit code. Panics, with the output, if a signal ended it.
    #[track_caller]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by {:?}: {self}", self.status))
    }

    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.code(), code, "{self}");
    }

    /// The signal that ended it. Panics otherwise.
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
    /// Takes over a child with piped outputs.
    pub fn new(mut child: Child, mark: &str) -> Self {
        let out = Text::read(child.stdout.take().unwrap());
        let err = Text::read(child.stderr.take().unwrap());
        Self { child, out, err, mark: mark.to_owned(), status: None, proven: false }
    }

    /// The process that was started, which becomes the guardian.
    pub fn guardian(&self) -> u32 {
        self.child.id()
    }

    /// The child of the guardian.
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

    /// Waits until stdout contains this text, and returns the whole line.
    #[track_caller]
    pub fn wait_out(&self, wanted: &str) -> String {
        self.wait_text(&self.out, wanted)
    }

    #[track_caller]
    pub fn wait_err(&self, wanted: &str) -> String {
        self.wait_text(&self.err, wanted)
    }

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

    /// Returns the number that a child prints after `label`, such as its pid.
    #[track_caller]
    pub fn number(&self, label: &str) -> u32 {
        let line = self.wait_out(label);
        let (_, after) = line.split_once(label).unwrap();
        let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("no number after {label:?} in {line:?}"))
    }

    /// Waits for its exit, without the check that nothing is left.
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

    /// Waits for its exit; nothing may be left at that moment, not even a zombie.
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

    /// Waits for its exit without any check, because the test has killed a part of it.
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
