//! A pseudo-terminal whose other end the test reads and writes.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{BOUND, Text};

/// A program that runs on a separate terminal.
pub struct Terminal {
    pub child: Child,
    master: Option<File>,
    /// All that was shown.
    pub shown: Text,
    gone: Arc<AtomicBool>,
    blind: Arc<AtomicBool>,
    kitty: Arc<AtomicBool>,
}

impl Terminal {
    /// Starts it with the terminal as its three descriptors and its controlling terminal.
    pub fn start(command: Command) -> Self {
        Self::start_sized(command, 40, 200)
    }

    /// The same with this number of rows and columns.
    pub fn start_sized(mut command: Command, rows: u16, columns: u16) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave: OwnedFd = File::options().read(true).write(true).open(path).unwrap().into();
        rustix::termios::tcsetwinsize(&slave, size(rows, columns)).unwrap();
        command
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave));
        // SAFETY: two system calls between fork and exec.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        drop(command);
        let master = File::from(master);
        let (shown, gone) = (Text::default(), Arc::new(AtomicBool::new(false)));
        let (from, text, ends) = (master.try_clone().unwrap(), shown.clone(), Arc::clone(&gone));
        let blind = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&blind);
        let kitty = Arc::new(AtomicBool::new(false));
        let has_kitty = Arc::clone(&kitty);
        std::thread::spawn(move || look(&from, &text, &ends, &closed, &has_kitty));
        Self { child, master: Some(master), shown, gone, blind, kitty }
    }

    /// Says from now on that it knows the keyboard protocol of kitty.
    pub fn know_kitty(&self) {
        self.kitty.store(true, Ordering::Relaxed);
    }

    pub fn type_in(&mut self, keys: &str) {
        self.master.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the window larger or smaller: its programs get SIGWINCH.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        let master = self.master.as_ref().unwrap();
        rustix::termios::tcsetwinsize(master, size(rows, columns)).unwrap();
    }

    /// The modes of the line, as `stty` shows them.
    pub fn modes(&self) -> rustix::termios::Termios {
        rustix::termios::tcgetattr(self.master.as_ref().unwrap()).unwrap()
    }

    /// Stops reading: the terminal is full after a moment.
    pub fn stop_reading(&self) {
        self.blind.store(true, Ordering::Relaxed);
    }

    /// Takes the terminal away, as when its window is closed.
    pub fn hang_up(&mut self) {
        self.master = None;
        self.gone.store(true, Ordering::Relaxed);
    }

    /// Waits until this is shown.
    #[track_caller]
    pub fn wait(&self, wanted: &str) {
        assert!(
            self.shown.wait_part(wanted),
            "waited in vain for {wanted:?}; shown:\n{}",
            self.shown.lossy()
        );
    }

    /// Waits until this was shown this many times.
    #[track_caller]
    pub fn wait_times(&self, wanted: &str, times: usize) {
        let enough =
            |bytes: &[u8]| memchr::memmem::find_iter(bytes, wanted.as_bytes()).count() >= times;
        assert!(
            self.shown.wait_for(enough),
            "waited in vain for {wanted:?}, {times} times; shown:\n{}",
            self.shown.lossy()
        );
    }

    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < BOUND, "it does not end; shown:\n{}", self.shown.lossy());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn size(rows: u16, columns: u16) -> rustix::termios::Winsize {
    rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Reads what is shown, until there is no more or it is to end.
fn look(mut from: &File, text: &Text, gone: &AtomicBool, blind: &AtomicBool, kitty: &AtomicBool) {
    let mut buffer = [0; 4096];
    while !gone.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(from, PollFlags::IN)];
        let pace = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        match poll(&mut ready, Some(&pace)) {
            Ok(0) | Err(_) => continue,
            Ok(_) => {}
        }
        if blind.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        match from.read(&mut buffer) {
            Ok(length @ 1..) => {
                answer(from, &buffer[..length], kitty.load(Ordering::Relaxed));
                text.push(&buffer[..length]);
            }
            Ok(0) | Err(_) => break,
        }
    }
    text.push(&[]);
}

/// Answers what every terminal answers: what it is, and its flags if it has the protocol of kitty.
fn answer(mut to: &File, bytes: &[u8], has_kitty: bool) {
    let asks = |query: &[u8]| memchr::memmem::find(bytes, query).is_some();
    if has_kitty && asks(b"\x1b[?u") {
        _ = to.write_all(b"\x1b[?0u");
    }
    if asks(b"\x1b[c") {
        _ = to.write_all(b"\x1b[?62;22c");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("shown:\n{}", self.shown.lossy());
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
