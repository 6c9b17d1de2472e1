//! Whether the one who answers belongs to the run that is asked.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use super::ProbedRun;
use crate::sys::{HolderProject, Host, ListenPlace, Listener, PortHolder};

/// Tells the answers of a run from those of others.
pub(super) struct ListenerOwnership<'a, H> {
    pub(super) host: &'a H,
    /// Nothing where any answer counts.
    pub(super) run: Option<ProbedRun<'a>>,
}

impl<H> Clone for ListenerOwnership<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for ListenerOwnership<'_, H> {}

/// What the listener at a place means for the answer.
pub(super) enum ListenerVerdict {
    /// The answer counts, with this to be said about it.
    Counts(Option<String>),
    /// Nobody is seen there. If there is an answer all the same, it counts.
    Unseen,
    /// It is somebody else's.
    Taken(String),
}

impl<H: Host> ListenerOwnership<'_, H> {
    /// Who gets a connection to this address. Other machines are simply asked.
    pub(super) async fn of_address(&self, address: SocketAddr) -> ListenerVerdict {
        let Some(run) = self.run.filter(|_| is_here(address.ip())) else {
            return ListenerVerdict::Counts(None);
        };
        let seen = self.host.listener(ListenPlace::Tcp(address), Some(run.leader)).await;
        standing(&format!("port {}", address.port()), seen, run)
    }

    /// Who listens on a socket in the file system; `peer` is who the kernel says it is.
    pub(super) async fn of_socket(&self, path: &Path, peer: Option<u32>) -> ListenerVerdict {
        let Some(run) = self.run else { return ListenerVerdict::Counts(None) };
        let place = ListenPlace::Unix { path: path.to_owned(), peer };
        let seen = self.host.listener(place, Some(run.leader)).await;
        standing("the socket", seen, run)
    }
}

fn standing(what: &str, seen: Listener, run: ProbedRun<'_>) -> ListenerVerdict {
    match seen {
        Listener::Unchecked | Listener::Own => ListenerVerdict::Counts(None),
        Listener::Nobody => ListenerVerdict::Unseen,
        Listener::Shared(other) => {
            ListenerVerdict::Counts(Some(format!("{what} is shared with {other}")))
        }
        Listener::Hidden(who) => ListenerVerdict::Counts(Some(format!(
            "whether it belongs to {} cannot be told: {what} is held by {who}",
            run.name
        ))),
        Listener::Other(holder) => ListenerVerdict::Taken(taken(what, &holder, run)),
    }
}

fn taken(what: &str, holder: &PortHolder, run: ProbedRun<'_>) -> String {
    let is_told = holder.project != HolderProject::None;
    let rest = if is_told { String::new() } else { format!(", which is not part of {}", run.name) };
    format!("{what} is taken by {holder}{rest}")
}

/// What is said of an answer whose listener nobody can see.
pub(super) fn unseen(run: Option<ProbedRun<'_>>) -> Option<String> {
    run.map(|run| format!("who listens cannot be seen, so it may not be {}", run.name))
}

/// Whether an address is one of this machine.
fn is_here(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() || ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok()
}
