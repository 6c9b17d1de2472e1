//! Ownership of a listener: whether an answer comes from the probed run.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use super::{ProbeSession, ProbedRun};
use crate::sys::{HolderProject, Host, ListenPlace, Listener};

/// The effect of the listener's owner on the answer.
pub(super) enum ListenerVerdict {
    /// The answer counts, with an optional note.
    Counts(Option<String>),
    /// No listener is visible. If there is an answer, it counts.
    Unseen,
    /// Another process listens.
    Taken(String),
}

impl ListenerVerdict {
    /// Returns the note about the listener of an answer; an error if the answer does not count.
    pub(super) fn into_note(self, run: Option<ProbedRun<'_>>) -> Result<Option<String>, String> {
        match self {
            Self::Counts(note) => Ok(note),
            Self::Unseen => Ok(run
                .map(|run| format!("the listener is not visible, so it may not be {}", run.name))),
            Self::Taken(text) => Err(text),
        }
    }
}

impl<H: Host> ProbeSession<'_, H> {
    /// Returns the verdict on an address. Other machines are not checked.
    pub(super) async fn verdict_on_address(&self, address: SocketAddr) -> ListenerVerdict {
        let Some(run) = self.run.filter(|_| is_local(address.ip())) else {
            return ListenerVerdict::Counts(None);
        };
        let listener = self.host.listener(ListenPlace::Tcp(address), Some(run.leader)).await;
        verdict(&format!("port {}", address.port()), listener, run)
    }

    /// Returns the verdict on a unix socket; `peer` is the listener according to the kernel.
    pub(super) async fn verdict_on_socket(
        &self,
        path: &Path,
        peer: Option<u32>,
    ) -> ListenerVerdict {
        let Some(run) = self.run else { return ListenerVerdict::Counts(None) };
        let place = ListenPlace::Unix { path: path.to_owned(), peer };
        let listener = self.host.listener(place, Some(run.leader)).await;
        verdict("the socket", listener, run)
    }
}

fn verdict(place: &str, listener: Listener, run: ProbedRun<'_>) -> ListenerVerdict {
    match listener {
        Listener::Unchecked | Listener::Own => ListenerVerdict::Counts(None),
        Listener::NotFound => ListenerVerdict::Unseen,
        Listener::Shared(other) => {
            ListenerVerdict::Counts(Some(format!("{place} is shared with {other}")))
        }
        Listener::Hidden(holder) => ListenerVerdict::Counts(Some(format!(
            "it is unknown whether it belongs to {}: {place} is held by {holder}",
            run.name
        ))),
        Listener::Other(holder) if holder.project == HolderProject::None => {
            let text = format!("{place} is in use by {holder}, which is not part of {}", run.name);
            ListenerVerdict::Taken(text)
        }
        Listener::Other(holder) => ListenerVerdict::Taken(format!("{place} is in use by {holder}")),
    }
}

/// Whether an address is one of this machine.
fn is_local(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() || ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::PortHolder;

    fn verdict_on(listener: Listener) -> ListenerVerdict {
        verdict("port 5432", listener, ProbedRun { leader: 7, name: "db" })
    }

    #[test]
    fn an_answer_counts_unless_the_listener_is_known_to_be_of_another_process() {
        for listener in [Listener::Own, Listener::Unchecked] {
            assert!(matches!(verdict_on(listener), ListenerVerdict::Counts(None)));
        }
        assert!(matches!(verdict_on(Listener::NotFound), ListenerVerdict::Unseen));
        let holder = PortHolder {
            pid: 9,
            program: "postgres".to_owned(),
            process: None,
            project: HolderProject::None,
        };
        let ListenerVerdict::Taken(text) = verdict_on(Listener::Other(holder.clone())) else {
            panic!("it counts")
        };
        assert_eq!(text, "port 5432 is in use by postgres (pid 9), which is not part of db");
        let ListenerVerdict::Counts(Some(text)) = verdict_on(Listener::Shared(holder)) else {
            panic!("no note")
        };
        assert_eq!(text, "port 5432 is shared with postgres (pid 9)");
        for holder in
            ["docker-proxy (pid 9), which forwards connections", "a process of another user"]
        {
            let ListenerVerdict::Counts(Some(text)) =
                verdict_on(Listener::Hidden(holder.to_owned()))
            else {
                panic!("it may be the run: {holder}")
            };
            let doubt = "it is unknown whether it belongs to db: port 5432 is held by";
            assert_eq!(text, format!("{doubt} {holder}"));
        }
    }
}
