//! Creates socket, lock record, journal and token of a running project again if they were removed,
//! and notices when its file is gone. It polls once a second, which takes a handful of system
//! calls, because no notification covers the renaming of a parent folder.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::locked_project::ProjectFiles;
use crate::control::{LocalControl, Server};
use crate::engine::{Notice, NoticeSender};
use crate::spec::io_error_text;
use crate::sys::journal::SessionStrayRules;
use crate::sys::{ControlSocket, FileFollower, TokenFile, user};

const INTERVAL: Duration = Duration::from_secs(1);
/// The number of removed sockets whose connections are kept.
const MAX_REMOVED_SOCKETS: usize = 4;

/// The files of a project, and where changes of them are reported.
pub(super) struct FileMaintenance {
    pub(super) project: ProjectFiles,
    /// Returns the content of the journal.
    pub(super) policies: Box<dyn Fn() -> SessionStrayRules + Send>,
    /// Receives a sentence if the project's file was moved or removed; `None` while it is in its
    /// place.
    pub(super) file_gone: watch::Sender<Option<String>>,
    pub(super) notices: NoticeSender,
}

pub(super) struct FileMaintenanceTask {
    task: tokio::task::JoinHandle<MaintainedFiles>,
    stop: oneshot::Sender<()>,
}

struct MaintainedFiles {
    files: FileMaintenance,
    control: LocalControl,
    socket: Option<(ControlSocket, Server)>,
    /// The servers of removed sockets, oldest first.
    removed: VecDeque<Server>,
    token: Option<TokenFile>,
    last_problem: Option<String>,
}

impl FileMaintenanceTask {
    /// Opens the control socket, and maintains the files from now on. Needs a runtime.
    pub(super) fn start(
        files: FileMaintenance,
        control: LocalControl,
        token: Option<TokenFile>,
    ) -> io::Result<Self> {
        let socket = Some(listen(&files.project, &control)?);
        let (removed, last_problem) = (VecDeque::new(), None);
        let mut state = MaintainedFiles { files, control, socket, removed, token, last_problem };
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut interval = tokio::time::interval(INTERVAL);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = &mut stopped => return state,
                    _ = interval.tick() => state.check(),
                }
            }
        });
        Ok(Self { task, stop })
    }

    /// Removes the socket, waits until pending responses have been sent, and releases the lock.
    pub(super) async fn finish(self) {
        _ = self.stop.send(());
        // The lock is released last, when `state` goes out of scope.
        let Ok(state) = self.task.await else { return };
        if let Some((socket, server)) = state.socket {
            drop(socket);
            server.finish().await;
        }
    }
}

fn listen(files: &ProjectFiles, control: &LocalControl) -> io::Result<(ControlSocket, Server)> {
    let (socket, listener) = ControlSocket::bind(&files.dirs)?;
    Ok((socket, Server::start(listener, user(), control.clone())?))
}

impl MaintainedFiles {
    fn check(&mut self) {
        let follower = Arc::clone(&self.files.project.follower);
        let mut follower = follower.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = follower.check();
        let has_changed = *self.files.file_gone.borrow() != gone;
        if has_changed {
            let text = match &gone {
                Some(gone) => format!("{gone}; running processes continue"),
                None => format!("{} is there again", self.files.project.dirs.file.display()),
            };
            self.files.notices.send(Notice::general(text));
            self.files.file_gone.send_replace(gone);
        }
        let problem = self.renew(&follower).err().map(|error| io_error_text(&error));
        if let Some(text) = problem.as_ref().filter(|_| problem != self.last_problem) {
            let text = format!("cannot create its socket or its record again: {text}");
            self.files.notices.send(Notice::general(text));
        }
        self.last_problem = problem;
    }

    /// Creates all missing files; returns the first error after all were tried.
    fn renew(&mut self, follower: &FileFollower) -> io::Result<()> {
        let project = &mut self.files.project;
        let record = project.lock.renew(follower);
        let journal = if project.journal.path.exists() {
            Ok(())
        } else {
            project.journal.write(&(self.files.policies)())
        };
        let socket = if self.socket.as_ref().is_some_and(|(socket, _)| socket.is_there()) {
            Ok(())
        } else {
            self.renew_socket()
        };
        let token = self.token.as_ref().map_or(Ok(()), TokenFile::renew);
        record.and(journal).and(socket).and(token)
    }

    fn renew_socket(&mut self) -> io::Result<()> {
        let project = &self.files.project;
        project.dirs.renew_runtime().map_err(io::Error::other)?;
        let socket = listen(project, &self.control)?;
        if let Some((removed, server)) = self.socket.replace(socket) {
            drop(removed);
            // The server keeps its connections.
            self.removed.push_back(server);
            if self.removed.len() > MAX_REMOVED_SOCKETS {
                self.removed.pop_front();
            }
        }
        Ok(())
    }
}
