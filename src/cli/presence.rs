//! Presence: creates socket, record and journal of a running project again if they were removed,
//! and notices when its file is gone. It polls once a second, which takes a handful of system
//! calls, because no notification covers the renaming of a parent folder.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::project::HeldProject;
use crate::control::{LocalControl, Server};
use crate::engine::{Notice, NoticeSender};
use crate::sys::journal::SessionStrayRules;
use crate::sys::{ControlSocket, FileFollower, TokenFile, user};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// So many removed sockets keep their connections.
const BEFORE: usize = 4;

/// What is kept, and what for.
pub(super) struct PresenceOptions {
    pub(super) project: HeldProject,
    /// What stands in the journal.
    pub(super) policies: Box<dyn Fn() -> SessionStrayRules + Send>,
    /// What has become of the file, for those who ask.
    pub(super) file_gone: watch::Sender<Option<String>>,
    pub(super) notices: NoticeSender,
}

/// The task that keeps a project known.
pub(super) struct PresenceTask {
    task: tokio::task::JoinHandle<Presence>,
    over: oneshot::Sender<()>,
}

/// The project as others find it, from this moment on.
struct Presence {
    kept: PresenceOptions,
    local: LocalControl,
    /// Nothing as long as it cannot be made.
    socket: Option<(ControlSocket, Server)>,
    /// Those whose socket was removed.
    before: VecDeque<Server>,
    token: Option<TokenFile>,
    /// The problem that was told last.
    told: Option<String>,
}

impl PresenceTask {
    /// Listens in the runtime folder and keeps it so. Needs a runtime.
    pub(super) fn start(
        kept: PresenceOptions,
        local: LocalControl,
        token: Option<TokenFile>,
    ) -> io::Result<Self> {
        let socket = Some(listen(&kept.project, &local)?);
        let presence = Presence { kept, local, socket, before: VecDeque::new(), token, told: None };
        let (over, ended) = oneshot::channel();
        Ok(Self { task: tokio::spawn(presence.keep(ended)), over })
    }

    /// Lets go of everything; what is being answered is answered to the end.
    pub(super) async fn finish(self) {
        _ = self.over.send(());
        let Ok(presence) = self.task.await else { return };
        // The lock is the last to go.
        if let Some((socket, server)) = presence.socket {
            drop(socket);
            server.finish().await;
        }
    }
}

fn listen(project: &HeldProject, local: &LocalControl) -> io::Result<(ControlSocket, Server)> {
    let (socket, listener) = ControlSocket::bind(&project.folders)?;
    Ok((socket, Server::start(listener, user(), local.clone())?))
}

impl Presence {
    async fn keep(mut self, mut ended: oneshot::Receiver<()>) -> Self {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut ended => return self,
                _ = looks.tick() => self.look(),
            }
        }
    }

    fn look(&mut self) {
        let follower = Arc::clone(&self.kept.project.follower);
        let mut follower = follower.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = follower.look();
        let is_news = *self.kept.file_gone.borrow() != gone;
        if is_news {
            let text = match &gone {
                Some(gone) => format!("{gone}; what runs goes on"),
                None => format!("{} is there again", self.kept.project.folders.file.display()),
            };
            self.kept.notices.tell(Notice::general(text));
            self.kept.file_gone.send_replace(gone);
        }
        let problem = self.renew(&follower).err().map(|error| error.to_string());
        if problem != self.told {
            if let Some(text) = &problem {
                let text = format!("cannot make its socket or its record again: {text}");
                self.kept.notices.tell(Notice::general(text));
            }
            self.told = problem;
        }
    }

    /// Makes what is missing; the first problem is told after all was tried.
    fn renew(&mut self, follower: &FileFollower) -> io::Result<()> {
        let project = &mut self.kept.project;
        let record = project.lock.renew(follower);
        let journal = if project.journal.is_there() {
            Ok(())
        } else {
            project.journal.write(&(self.kept.policies)())
        };
        let socket = if self.socket.as_ref().is_some_and(|(socket, _)| socket.is_there()) {
            Ok(())
        } else {
            self.listen_again()
        };
        let token = self.token.as_ref().map_or(Ok(()), TokenFile::renew);
        record.and(journal).and(socket).and(token)
    }

    fn listen_again(&mut self) -> io::Result<()> {
        let project = &self.kept.project;
        project.folders.renew_runtime().map_err(io::Error::other)?;
        let (socket, server) = listen(project, &self.local)?;
        if let Some((gone, before)) = self.socket.replace((socket, server)) {
            drop(gone);
            // Those that are connected to it stay so.
            self.before.push_back(before);
            if self.before.len() > BEFORE {
                self.before.pop_front();
            }
        }
        Ok(())
    }
}
