//! Receives messages on the `notify` socket of a run.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::notice::{Notice, NoticeSender};
use crate::machine::{Fact, RunId};
use crate::spec::{Name, one_line};
use crate::sys::notify::{self, Datagram, NotifySocket};

/// After each thing said there is silence for so long; who says more has to wait.
const PACE: Duration = Duration::from_millis(10);

/// The end of a socket at which somebody listens. Dropped, the socket is gone with its file.
#[derive(Debug)]
pub(super) struct NotifyListener {
    listening: JoinHandle<()>,
    _socket: Arc<NotifySocket>,
    path: std::path::PathBuf,
}

impl Drop for NotifyListener {
    fn drop(&mut self) {
        self.listening.abort();
        // The task lets go of the socket only a little later.
        _ = std::fs::remove_file(&self.path);
    }
}

pub(super) struct NotifyPeer {
    pub(super) run: RunId,
    pub(super) name: Name,
    pub(super) leader: u32,
    /// The environment of the run, with its marks.
    pub(super) env: Arc<[(OsString, OsString)]>,
}

impl NotifyListener {
    pub(super) fn new(
        socket: NotifySocket,
        speaker: NotifyPeer,
        facts: mpsc::UnboundedSender<Fact>,
        notices: NoticeSender,
    ) -> Self {
        let (path, socket) = (socket.path().to_owned(), Arc::new(socket));
        let heard = Arc::clone(&socket);
        let listening = tokio::spawn(async move {
            listen(&heard, speaker, facts, &notices).await;
        });
        Self { listening, _socket: socket, path }
    }
}

async fn listen(
    socket: &NotifySocket,
    speaker: NotifyPeer,
    facts: mpsc::UnboundedSender<Fact>,
    notices: &NoticeSender,
) {
    let (mut known, mut has_refused) = (None, false);
    while let Ok(datagram) = socket.receive().await {
        let NotifyMessage { ready, status } = NotifyMessage::parse(&datagram);
        if !ready && (status.is_none() || status == known) {
            tokio::time::sleep(PACE).await;
            continue;
        }
        if belongs(&datagram, &speaker).await {
            known = status.clone().or(known);
            let run = speaker.run;
            if facts.send(Fact::Notified { run, ready, status }).is_err() {
                return;
            }
        } else if !std::mem::replace(&mut has_refused, true) {
            let who = datagram.pid.map_or_else(|| "somebody".to_owned(), notify::describe);
            let text = format!("refused what {who} says to its notify socket: not part of it");
            notices.tell(Notice::about(&speaker.name, text));
        }
        tokio::time::sleep(PACE).await;
    }
}

/// The first look is at once: whoever has spoken may end right after.
async fn belongs(datagram: &Datagram, speaker: &NotifyPeer) -> bool {
    let Some(pid) = datagram.pid else { return false };
    if notify::descends(pid, speaker.leader) {
        return true;
    }
    let env = Arc::clone(&speaker.env);
    let looked = tokio::task::spawn_blocking(move || notify::carries_marks(pid, &env));
    looked.await.unwrap_or(false)
}

/// What a datagram says that is of interest here.
#[derive(Debug, Default, PartialEq, Eq)]
struct NotifyMessage {
    ready: bool,
    status: Option<String>,
}

impl NotifyMessage {
    fn parse(datagram: &Datagram) -> Self {
        let mut said = Self::default();
        for line in datagram.bytes.split(|byte| *byte == b'\n') {
            if line == b"READY=1" {
                said.ready = true;
            } else if let Some(status) = line.strip_prefix(b"STATUS=") {
                said.status = Some(one_line(&String::from_utf8_lossy(status)));
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Datagram, NotifyMessage};

    fn said(text: &[u8]) -> NotifyMessage {
        NotifyMessage::parse(&Datagram { bytes: text.to_vec(), pid: None })
    }

    #[test]
    fn lines_are_taken_by_themselves() {
        let status = Some("half way".to_owned());
        assert_eq!(said(b"STATUS=half way\nREADY=1\n"), NotifyMessage { ready: true, status });
        assert_eq!(said(b"READY=0\nREADY=1 \n READY=1\nXREADY=1"), NotifyMessage::default());
        assert_eq!(said(b"STATUS=\x1b[2J\xff").status.as_deref(), Some("[2J\u{fffd}"));
    }

    proptest! {
        #[test]
        fn garbage_is_harmless(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let said = said(&bytes);
            prop_assert_eq!(said.ready, bytes.split(|b| *b == b'\n').any(|line| line == b"READY=1"));
        }
    }
}
