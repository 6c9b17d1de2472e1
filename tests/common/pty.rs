//! A terminal for a test: its other end is read and typed into.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{BOUND, Text};

/// Something that runs on a terminal of its own.
pub struct Terminal {
    pub child: Child,
    master: File,
    /// All that was shown.
    pub shown: Text,
}

impl Terminal {
    /// Starts it with the terminal as its three descriptors and its controlling terminal.
    pub fn start(mut command: Command) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave: OwnedFd = File::options().read(true).write(true).open(path).unwrap().into();
        let size = rustix::termios::Winsize { ws_row: 40, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&slave, size).unwrap();
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
        let shown = Text::read(master.try_clone().unwrap());
        Self { child, master, shown }
    }

    pub fn type_in(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
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

    /// Waits until this was shown so many times.
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

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("shown:\n{}", self.shown.lossy());
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
