//! Receives messages on the `notify` socket of a run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::context::EngineContext;
use super::notice::Notice;
use crate::machine::{Fact, RunId};
use crate::spec::{Name, one_line};
use crate::sys::Host;
use crate::sys::notify::{self, Datagram, NotifySocket};

/// The minimum time between two messages of a run; further messages wait in the socket.
const PACE: Duration = Duration::from_millis(10);

/// A task that receives on a notify socket. Dropping it removes the socket with its file.
#[derive(Debug)]
pub(super) struct NotifyListener {
    task: JoinHandle<()>,
    path: PathBuf,
}

impl Drop for NotifyListener {
    fn drop(&mut self) {
        self.task.abort();
        // The aborted task closes the socket only a little later.
        _ = std::fs::remove_file(&self.path);
    }
}

/// A run that may send to its socket.
pub(super) struct NotifyPeer {
    pub(super) run: RunId,
    pub(super) name: Name,
    pub(super) leader: u32,
    /// The environment of the run, with its markers.
    pub(super) env: Arc<[(OsString, OsString)]>,
}

impl NotifyListener {
    pub(super) fn new<H: Host>(
        socket: NotifySocket,
        peer: NotifyPeer,
        context: Arc<EngineContext<H>>,
    ) -> Self {
        let path = socket.path.clone();
        let task = tokio::spawn(async move { listen(&socket, peer, &context).await });
        Self { task, path }
    }
}

async fn listen<H: Host>(socket: &NotifySocket, peer: NotifyPeer, context: &EngineContext<H>) {
    let (mut latest, mut has_refused) = (None, false);
    while let Ok(datagram) = socket.receive().await {
        let NotifyMessage { ready, status } = NotifyMessage::parse(&datagram);
        if ready || (status.is_some() && status != latest) {
            if is_from_run(&datagram, &peer).await {
                latest = status.clone().or(latest);
                context.send_fact(Fact::Notified { run: peer.run, ready, status });
            } else if !std::mem::replace(&mut has_refused, true) {
                let sender =
                    datagram.pid.map_or_else(|| "an unknown process".to_owned(), notify::describe);
                let text = format!(
                    "ignored a notify message from {sender}, which is not part of the process tree"
                );
                context.notices.send(Notice::about(&peer.name, text));
            }
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Whether a datagram comes from the tree of the run. The tree is checked first, without a switch of
/// threads: the sender may exit right after it has sent.
async fn is_from_run(datagram: &Datagram, peer: &NotifyPeer) -> bool {
    let Some(pid) = datagram.pid else { return false };
    if notify::descends(pid, peer.leader) {
        return true;
    }
    let env = Arc::clone(&peer.env);
    let carries = tokio::task::spawn_blocking(move || notify::has_marker(pid, &env));
    carries.await.unwrap_or(false)
}

/// The supported variables of a datagram.
#[derive(Debug, Default, PartialEq, Eq)]
struct NotifyMessage {
    ready: bool,
    status: Option<String>,
}

impl NotifyMessage {
    fn parse(datagram: &Datagram) -> Self {
        let mut message = Self::default();
        for line in datagram.bytes.split(|byte| *byte == b'\n') {
            if line == b"READY=1" {
                message.ready = true;
            } else if let Some(status) = line.strip_prefix(b"STATUS=") {
                message.status = Some(one_line(&String::from_utf8_lossy(status)));
            }
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Datagram, NotifyMessage};

    fn parse(text: &[u8]) -> NotifyMessage {
        NotifyMessage::parse(&Datagram { bytes: text.to_vec(), pid: None })
    }

    #[test]
    fn each_notify_line_is_parsed_independently() {
        let status = Some("half way".to_owned());
        assert_eq!(parse(b"STATUS=half way\nREADY=1\n"), NotifyMessage { ready: true, status });
        assert_eq!(parse(b"READY=0\nREADY=1 \n READY=1\nXREADY=1"), NotifyMessage::default());
        assert_eq!(parse(b"STATUS=\x1b[2J\xff").status.as_deref(), Some("[2J\u{fffd}"));
    }

    proptest! {
        #[test]
        fn garbage_is_harmless(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let message = parse(&bytes);
            prop_assert_eq!(message.ready, bytes.split(|b| *b == b'\n').any(|line| line == b"READY=1"));
        }
    }
}
