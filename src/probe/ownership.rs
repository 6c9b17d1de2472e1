//! Whether the one who answers belongs to the run that is asked.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use super::Run;
use crate::sys::{HolderProject, Host, ListenPlace, Listener, PortHolder};

/// Tells the answers of a run from those of others.
pub(super) struct Ownership<'a, H> {
    pub(super) host: &'a H,
    /// Nothing where any answer counts.
    pub(super) run: Option<Run<'a>>,
}

impl<H> Clone for Ownership<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Ownership<'_, H> {}

/// What the listener at a place means for the answer.
pub(super) enum Standing {
    /// The answer counts, with this to be said about it.
    Counts(Option<String>),
    /// Nobody is seen there. If there is an answer all the same, it counts.
    Unseen,
    /// It is somebody else's.
    Taken(String),
}

impl<H: Host> Ownership<'_, H> {
    /// Who gets a connection to this address. Other machines are simply asked.
    pub(super) async fn of_address(&self, address: SocketAddr) -> Standing {
        let Some(run) = self.run.filter(|_| is_here(address.ip())) else {
            return Standing::Counts(None);
        };
        let seen = self.host.listener(ListenPlace::Tcp(address), Some(run.leader)).await;
        standing(&format!("port {}", address.port()), seen, run)
    }

    /// Who listens on a socket in the file system; `peer` is who the kernel says it is.
    pub(super) async fn of_socket(&self, path: &Path, peer: Option<u32>) -> Standing {
        let Some(run) = self.run else { return Standing::Counts(None) };
        let place = ListenPlace::Unix { path: path.to_owned(), peer };
        let seen = self.host.listener(place, Some(run.leader)).await;
        standing("the socket", seen, run)
    }
}

fn standing(what: &str, seen: Listener, run: Run<'_>) -> Standing {
    match seen {
        Listener::Unchecked | Listener::Own => Standing::Counts(None),
        Listener::Nobody => Standing::Unseen,
        Listener::Shared(other) => Standing::Counts(Some(format!("{what} is shared with {other}"))),
        Listener::Hidden(who) => Standing::Counts(Some(format!(
            "whether it belongs to {} cannot be told: {what} is held by {who}",
            run.name
        ))),
        Listener::Other(holder) => Standing::Taken(taken(what, &holder, run)),
    }
}

fn taken(what: &str, holder: &PortHolder, run: Run<'_>) -> String {
    let is_told = holder.project != HolderProject::None;
    let rest = if is_told { String::new() } else { format!(", which is not part of {}", run.name) };
    format!("{what} is taken by {holder}{rest}")
}

/// What is said of an answer whose listener nobody can see.
pub(super) fn unseen(run: Option<Run<'_>>) -> Option<String> {
    run.map(|run| format!("who listens cannot be seen, so it may not be {}", run.name))
}

/// Whether an address is one of this machine.
fn is_here(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() || ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok()
}
