//! A terminal for measurements: the bytes written to it, their times, and the resulting screen.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{Held, now};

const ROWS: u16 = 36;
const COLUMNS: u16 = 120;

/// A program on a pseudo-terminal.
pub(crate) struct Terminal {
    pub(crate) held: Held,
    master: File,
    screen: vt100::Parser,
    /// The number of bytes written to it.
    pub(crate) bytes: usize,
    /// The time of the start.
    pub(crate) start: Instant,
}

impl Terminal {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname(&master, Vec::new())?;
        let path = path.into_string().map_err(io::Error::other)?;
        let slave: OwnedFd = File::options().read(true).write(true).open(path)?.into();
        let size =
            rustix::termios::Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&slave, size)?;
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("NO_COLOR");
        command.stdin(Stdio::from(slave.try_clone()?)).stdout(Stdio::from(slave.try_clone()?));
        command.stderr(Stdio::from(slave));
        #[expect(unsafe_code, reason = "two system calls between fork and exec")]
        // SAFETY: both are safe to call there.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let start = now();
        let held = Held::start(command)?;
        // Our copies of its descriptors are closed with the command.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let cells = |count| NonZeroU16::new(count).ok_or(io::ErrorKind::InvalidInput);
        let screen = vt100::Parser::new(cells(ROWS)?, cells(COLUMNS)?, 0);
        Ok(Self { held, master: File::from(master), screen, bytes: 0, start })
    }

    pub(crate) fn keys(&mut self, keys: &str) -> io::Result<()> {
        self.master.write_all(keys.as_bytes())
    }

    /// The text on the screen.
    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads until the screen fulfils the condition; returns the time of the last byte that was needed, and
    /// `None` if it never does.
    pub(crate) fn until(&mut self, seconds: u64, so: impl Fn(&str) -> bool) -> Option<Instant> {
        if so(&self.text()) {
            return Some(now());
        }
        let end = now() + Duration::from_secs(seconds);
        while now() < end {
            let came = self.read(end)?;
            if so(&self.text()) {
                return Some(came);
            }
        }
        None
    }

    /// Reads for this time.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = now() + time;
        while now() < end && self.read(end).is_some() {}
    }

    /// Reads once, or waits until the deadline, and returns the time; `None` if the terminal is gone.
    fn read(&mut self, end: Instant) -> Option<Instant> {
        let left = end.saturating_duration_since(now());
        let left =
            Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&left)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Some(now()),
            Ok(_) => {}
            Err(_) => return None,
        }
        let mut buffer = vec![0; 1 << 16];
        let length = self.master.read(&mut buffer).ok().filter(|length| *length > 0)?;
        let came = now();
        self.bytes += length;
        self.screen.process(buffer.get(..length).unwrap_or_default());
        Some(came)
    }

    /// Types the keys that end it and waits for its exit; kills it if it does not react.
    pub(crate) fn end(mut self, keys: &[(&str, &str)]) -> io::Result<()> {
        // The start is over by then.
        self.pass(Duration::from_millis(300));
        for (shown, keys) in keys {
            self.until(10, |text| text.contains(shown));
            self.keys(keys)?;
        }
        let end = now() + Duration::from_secs(5);
        while !self.held.has_ended() && now() < end {
            self.pass(Duration::from_millis(20));
            crate::support::pause(1);
        }
        Ok(())
    }
}
