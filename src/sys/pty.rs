//! Pseudo-terminals: opening, size, modes. What the child does with its end between clone and exec is
//! in `exec.rs`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, unlockpt};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, Winsize, tcgetattr, tcgetpgrp, tcsetattr, tcsetwinsize,
};

use crate::terminal::Size;

/// Both ends of a pseudo-terminal, each closed on exec.
#[derive(Debug)]
pub struct Pty {
    /// Our end. Does not block.
    pub master: OwnedFd,
    /// The child's 0, 1 and 2. To be closed here once the child has it, on Linux: the end of the
    /// output comes when nobody has it any more. On macOS to be kept until the child has ended, as
    /// unread output is dropped with its last descriptor.
    pub slave: OwnedFd,
}

impl Pty {
    /// Opens a pseudo-terminal that has its size before anybody can ask for it.
    pub fn open(size: Size) -> io::Result<Self> {
        // NOCTTY: a session leader without a terminal would get this one as its own.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let slave = slave(&master)?;
        resize(&master, size, None)?;
        let mut attributes = tcgetattr(&slave)?;
        // So that the kernel's line editing erases characters and not bytes.
        attributes.input_modes |= InputModes::IUTF8;
        tcsetattr(&slave, OptionalActions::Now, &attributes)?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        Ok(Self { master, slave })
    }
}

/// The other end, without going by its path, which a container may not show.
fn slave(master: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    match rustix::pty::ioctl_tiocgptpeer(master, flags) {
        // Linux before 4.13.
        Err(Errno::NOTTY | Errno::INVAL) => slave_by_path(master),
        slave => Ok(slave?),
    }
}

fn slave_by_path(master: &OwnedFd) -> io::Result<OwnedFd> {
    let path = rustix::pty::ptsname(master, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?)
}

/// Gives the terminal another size; the foreground process gets SIGWINCH. `cell` is the size of a
/// cell in pixels, if known.
pub fn resize(master: impl AsFd, size: Size, cell: Option<(u16, u16)>) -> io::Result<()> {
    let (width, height) = cell.unwrap_or_default();
    let window = Winsize {
        ws_col: size.columns(),
        ws_row: size.rows(),
        ws_xpixel: width.saturating_mul(size.columns()),
        ws_ypixel: height.saturating_mul(size.rows()),
    };
    Ok(tcsetwinsize(master, window)?)
}

/// Whether an error of reading our end means that nobody has the other one any more. All that was
/// written to it has been read by then.
pub fn is_end(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::IO.raw_os_error())
}

/// What the program has asked of the terminal's line editing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineModes {
    /// The kernel hands out whole lines.
    pub canonical: bool,
    /// The kernel shows what is typed.
    pub echo: bool,
}

impl LineModes {
    /// Whether a secret is asked for: whole lines, not shown (`sudo`, `ssh`, `passwd`, `read -s`).
    pub fn is_secret(self) -> bool {
        self.canonical && !self.echo
    }
}

/// The modes of line editing, seen from our end.
pub fn line_modes(master: impl AsFd) -> io::Result<LineModes> {
    let modes = tcgetattr(master)?.local_modes;
    let has = |mode| modes.contains(mode);
    Ok(LineModes { canonical: has(LocalModes::ICANON), echo: has(LocalModes::ECHO) })
}

/// The process group that input goes to.
pub fn foreground(master: impl AsFd) -> io::Result<u32> {
    Ok(tcgetpgrp(master)?.as_raw_nonzero().get().unsigned_abs())
}
