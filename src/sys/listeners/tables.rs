//! Reads the kernel's lists of listening sockets.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) inode: u64,
    /// The user that owns it; `None` for a socket in the file system.
    pub(super) uid: Option<u32>,
}

/// All listening TCP sockets by port, each with its address; an IPv4-mapped IPv6 address is stored as
/// the IPv4 address.
#[derive(Debug, Default)]
pub(super) struct Tables(HashMap<u16, Vec<(IpAddr, Socket)>>);

impl Tables {
    /// Reads the lists of the kernel.
    pub(super) fn read() -> Self {
        let mut tables = Self::default();
        for list in ["/proc/net/tcp", "/proc/net/tcp6"] {
            let text = listening(list);
            for (port, ip, socket) in text.split(|byte| *byte == b'\n').filter_map(tcp_line) {
                tables.0.entry(port).or_default().push((ip, socket));
            }
        }
        tables
    }

    /// Returns the sockets that accept connections to this address: the kernel prefers one bound to the
    /// address itself, then one for all of IPv4, then one for everything.
    pub(super) fn at(&self, address: SocketAddr) -> Vec<Socket> {
        let ip = match address.ip() {
            ip if ip.is_unspecified() && ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
            ip if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip.to_canonical(),
        };
        let any_ipv4 = ip.is_ipv4().then_some(Ipv4Addr::UNSPECIFIED.into());
        let preferred = [Some(ip), any_ipv4, Some(Ipv6Addr::UNSPECIFIED.into())];
        let bound_to = |ip: IpAddr| self.matching(address.port(), |bound| *bound == ip);
        let mut matches = preferred.into_iter().flatten().map(bound_to);
        matches.find(|sockets| !sockets.is_empty()).unwrap_or_default()
    }

    /// Returns the sockets that have a port for all addresses, or for those of `localhost`.
    pub(super) fn on(&self, port: u16) -> Vec<Socket> {
        self.matching(port, |ip| ip.is_unspecified() || ip.is_loopback())
    }

    fn matching(&self, port: u16, is_match: impl Fn(&IpAddr) -> bool) -> Vec<Socket> {
        let sockets = self.0.get(&port).map(Vec::as_slice).unwrap_or_default();
        sockets.iter().filter(|(ip, _)| is_match(ip)).map(|(_, socket)| *socket).collect()
    }
}

/// Returns the sockets that listen at this path, under the name they were bound to.
pub(super) fn unix_at(path: &Path) -> Vec<Socket> {
    let text = std::fs::read("/proc/net/unix").unwrap_or_default();
    text.split(|byte| *byte == b'\n').filter_map(|line| unix_line(line, path)).collect()
}

fn unix_line(line: &[u8], path: &Path) -> Option<Socket> {
    const LISTENS: u32 = 0x0001_0000;
    let mut rest = line;
    let mut field = || {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let (field, left) = rest.split_at_checked(end)?;
        rest = left;
        std::str::from_utf8(field).ok()
    };
    let (_, _, _, flags, _, _, inode) =
        (field()?, field()?, field()?, field()?, field()?, field()?, field()?);
    if u32::from_str_radix(flags, 16).ok()? & LISTENS == 0 {
        return None;
    }
    let bound = Path::new(OsStr::from_bytes(rest.strip_prefix(b" ")?));
    // A socket bound to a relative path is listed with that path.
    let is_match = if bound.is_absolute() { bound == path } else { path.ends_with(bound) };
    is_match.then_some(Socket { inode: inode.parse().ok()?, uid: None })
}

fn tcp_line(line: &[u8]) -> Option<(u16, IpAddr, Socket)> {
    let mut fields = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    let (uid, inode) = (fields.nth(3)?, fields.nth(1)?);
    let socket = Socket { inode: inode.parse().ok()?, uid: Some(uid.parse().ok()?) };
    Some((u16::from_str_radix(port, 16).ok()?, ip(address)?, socket))
}

/// The state of a listening socket.
const LISTEN: &str = "0A";

/// Parses an address as the kernel writes it: words of 32 bits, in the byte order of this machine.
fn ip(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok();
    if text.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?.to_ne_bytes()).into());
    }
    let words = [word(0)?, word(8)?, word(16)?, word(24)?];
    let mut bytes = [0; 16];
    for (target, word) in bytes.chunks_exact_mut(4).zip(words) {
        target.copy_from_slice(&word.to_ne_bytes());
    }
    Some(IpAddr::from(Ipv6Addr::from(bytes)).to_canonical())
}

/// Reads the beginning of a list of TCP sockets. Listening ones come first: with 10,000 connections
/// reading all of it would take 10 ms.
fn listening(list: &str) -> Vec<u8> {
    const CHUNK: usize = 32 << 10;
    let Ok(file) = File::open(list) else { return Vec::new() };
    let mut text = Vec::with_capacity(4096);
    loop {
        let before = text.len();
        match (&file).take(CHUNK as u64).read_to_end(&mut text) {
            Ok(0) | Err(_) => return text,
            Ok(_) => {}
        }
        let new = text.get(before..).unwrap_or_default();
        let listens = format!(" {LISTEN} ");
        if before > 0 && memchr::memmem::find(new, listens.as_bytes()).is_none() {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        // As it is written on a machine whose low bytes come first.
        if cfg!(target_endian = "big") {
            return;
        }
        let line = b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0";
        let socket = Socket { inode: 4242, uid: Some(1000) };
        assert_eq!(tcp_line(line), Some((8080, Ipv4Addr::LOCALHOST.into(), socket)));
        let line = b"   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0 100 0 0 10 0";
        let socket = Socket { inode: 7, uid: Some(0) };
        assert_eq!(tcp_line(line), Some((8080, Ipv6Addr::LOCALHOST.into(), socket)));
        let mapped = ip("0000000000000000FFFF00000100007F");
        assert_eq!(mapped, Some(Ipv4Addr::LOCALHOST.into()));
        let established =
            b"   0: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000 0 0 1 1";
        assert_eq!(tcp_line(established), None);
        for broken in ["", "x", "   0: 0100007F", "0: zz:1F90 0:0 0A"] {
            assert_eq!(tcp_line(broken.as_bytes()), None);
        }
    }

    #[test]
    fn a_socket_is_known_by_the_path_it_was_bound_by() {
        let line = b"00000000aaaaaaaa: 00000002 00000000 00010000 0001 01 555 /run/my app/s";
        let found = |path: &str| unix_line(line, Path::new(path)).map(|socket| socket.inode);
        assert_eq!(found("/run/my app/s"), Some(555));
        assert_eq!(found("/run/my"), None);
        let relative = b"0: 00000002 00000000 00010000 0001 01 556 tmp/s";
        assert!(unix_line(relative, Path::new("/project/tmp/s")).is_some());
        let connected = b"0: 00000003 00000000 00000000 0001 03 557 /run/my app/s";
        assert_eq!(unix_line(connected, Path::new("/run/my app/s")), None);
    }
}
