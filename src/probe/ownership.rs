//! Ownership of a listener: whether an answer comes from the probed run.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use super::ProbedRun;
use crate::sys::{HolderProject, Host, ListenPlace, Listener, PortHolder};

/// Decides whether an answer belongs to a run.
pub(super) struct ListenerOwnership<'a, H> {
    pub(super) host: &'a H,
    /// `None` if any answer counts.
    pub(super) run: Option<ProbedRun<'a>>,
}

impl<H> Clone for ListenerOwnership<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for ListenerOwnership<'_, H> {}

/// What the listener means for the answer.
pub(super) enum ListenerVerdict {
    /// The answer counts, with an optional note.
    Counts(Option<String>),
    /// No listener is visible. If there is an answer, it counts.
    Unseen,
    /// Another process listens.
    Taken(String),
}

impl<H: Host> ListenerOwnership<'_, H> {
    /// Returns the verdict for an address. Other machines are not checked.
    pub(super) async fn of_address(&self, address: SocketAddr) -> ListenerVerdict {
        let Some(run) = self.run.filter(|_| is_here(address.ip())) else {
            return ListenerVerdict::Counts(None);
        };
        let seen = self.host.listener(ListenPlace::Tcp(address), Some(run.leader)).await;
        standing(&format!("port {}", address.port()), seen, run)
    }

    /// Returns the verdict for a unix socket; `peer` is the listener according to the kernel.
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
            "it is unknown whether it belongs to {}: {what} is held by {who}",
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

/// The note about an answer whose listener is not visible.
pub(super) fn unseen(run: Option<ProbedRun<'_>>) -> Option<String> {
    run.map(|run| format!("the listener is not visible, so it may not be {}", run.name))
}

/// Whether an address is one of this machine.
fn is_here(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() || ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seen: Listener) -> ListenerVerdict {
        standing("port 5432", seen, ProbedRun { leader: 7, name: "db" })
    }

    #[test]
    fn an_answer_counts_unless_the_listener_is_known_to_be_of_another_process() {
        for seen in [Listener::Own, Listener::Unchecked] {
            assert!(matches!(of(seen), ListenerVerdict::Counts(None)));
        }
        assert!(matches!(of(Listener::Nobody), ListenerVerdict::Unseen));
        let holder = PortHolder {
            pid: 9,
            program: "postgres".to_owned(),
            process: None,
            project: HolderProject::None,
        };
        let ListenerVerdict::Taken(text) = of(Listener::Other(holder.clone())) else {
            panic!("it counts")
        };
        assert_eq!(text, "port 5432 is taken by postgres (pid 9), which is not part of db");
        let ListenerVerdict::Counts(Some(text)) = of(Listener::Shared(holder)) else {
            panic!("no note")
        };
        assert_eq!(text, "port 5432 is shared with postgres (pid 9)");
        for who in ["docker-proxy (pid 9), which forwards connections", "a process of another user"]
        {
            let ListenerVerdict::Counts(Some(text)) = of(Listener::Hidden(who.to_owned())) else {
                panic!("it may be the run: {who}")
            };
            let doubt = "it is unknown whether it belongs to db: port 5432 is held by";
            assert_eq!(text, format!("{doubt} {who}"));
        }
    }
}
