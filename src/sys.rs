//! The seam to the operating system: a [`Host`] launches, a [`Child`] is one live run.
//!
//! Nothing in this layer decides *whether* or *when*; it does what it is told and says what
//! happened.
//!
//! The real one is for Linux (5.9 or later, for `close_range`; it works from 5.4): pidfds, child
//! subreapers and `/proc` are what its promises rest on.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::spec::{Exit, Signal, StartError, Stray, StraysPolicy};

mod abstract_sockets;
mod child;
mod deadline;
mod engine_process;
mod exec;
mod file_identity;
pub mod guardian;
mod host;
pub mod journal;
mod kill;
mod launch_plan;
mod listeners;
mod lock;
mod logical_path;
mod nested_sessions;
pub mod notify;
pub mod own_process;
mod path_bytes;
mod pipe;
mod preflight;
mod proc;
mod project_dirs;
mod recent_pids;
mod registry;
mod socket;
mod spawn;
mod spawners;
mod stray;
mod sweep;
mod token;
mod usage;

pub use child::RealChild;
pub use engine_process::RunningEngine;
pub use file_identity::FileFollower;
pub use host::{HostOptions, RealHost};
pub use listeners::{HolderProject, ListenPlace, Listener, PortHolder};
pub use lock::{Holder, Lock, LockError, alive_holder, is_running};
pub use logical_path::LogicalFolders;
pub use nested_sessions::{in_own_project, own_session};
pub use own_process::end_by;
pub use pipe::OutputPipe;
pub use proc::{PROCESS, REPLICA, ROLE, RUN, SESSION};
pub use project_dirs::{ProjectDirError, ProjectDirs};
pub use socket::{ControlSocket, SocketAddress, suspended_peer, user};
pub use token::TokenFile;
pub use usage::Usage;

/// Everything that is needed to start one run.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Program and arguments, never empty. A program with a slash is relative to `cwd`; one without
    /// is searched in the `PATH` of `env`.
    pub argv: Vec<OsString>,
    /// Absolute working folder.
    pub cwd: PathBuf,
    /// The whole environment, nothing is inherited beyond it. Holds the marker variables
    /// (`PITCREW_SESSION`, `PITCREW_PROCESS`, `PITCREW_RUN`) by which strays are known.
    pub env: Vec<(OsString, OsString)>,
    /// Descriptor 0.
    pub stdin: StdinTarget,
    /// Descriptor 1.
    pub stdout: OutputFd,
    /// Descriptor 2.
    pub stderr: OutputFd,
    /// Makes the new group the foreground group of pitcrew's controlling terminal before exec.
    pub foreground: bool,
}

/// What descriptor 0 of a child is.
#[derive(Debug, Clone)]
pub enum StdinTarget {
    /// `/dev/null`.
    Null,
    /// A pipe of its own that never ends and never brings anything.
    Open,
    /// A pipe whose other end is [`Child::stdin`].
    Pipe,
    /// Pitcrew's own.
    Inherit,
    /// This file, or the reading end of this pipe.
    File(Arc<OwnedFd>),
    /// The file with this name, opened anew for each run.
    Path(PathBuf),
}

/// What descriptor 1 or 2 of a child is.
#[derive(Debug, Clone)]
pub enum OutputFd {
    /// A pipe whose other end is [`Child::stdout`] or [`Child::stderr`].
    Pipe,
    /// Pitcrew's own.
    Inherit,
    /// `/dev/null`.
    Null,
    /// What descriptor 1 is, so that both come through one pipe in the order of their writing. For
    /// descriptor 1 itself the same as [`OutputFd::Inherit`].
    Stdout,
    /// This file, or the writing end of this pipe.
    File(Arc<OwnedFd>),
}

/// A pipe whose ends are closed on exec: the reading one, then the writing one.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// Starts runs.
pub trait Host: Send + Sync + 'static {
    /// One live run of this host.
    type Child: Child;

    /// Starts a run; ends when exec has succeeded or is known to have failed.
    ///
    /// Starts happen in the order of the calls. Dropping the future does not undo a start: the
    /// child it would have given is killed and reaped.
    fn launch(
        &self,
        launch: Launch,
    ) -> impl Future<Output = Result<Self::Child, StartError>> + Send + use<Self>;

    /// Why a launch would fail, as far as that can be seen beforehand; asked before a run is ended for
    /// another one. Blocks for a moment, a fifth of a second at most.
    ///
    /// # Errors
    /// What [`Host::launch`] would answer.
    fn preflight(&self, launch: Launch) -> Result<(), StartError> {
        drop(launch);
        Ok(())
    }

    /// Whether the run of this leader, which has not been reaped, could be ended.
    ///
    /// # Errors
    /// It may not be signalled: it acts as another user now.
    fn may_end(&self, pid: u32) -> io::Result<()> {
        let _: u32 = pid;
        Ok(())
    }

    /// SIGKILL to every tree of this host, here and now: for a program that is about to end or lets
    /// go of everything. Blocks for a moment, a second at most. Children are reaped as always.
    fn end_everything(&self) {}

    /// What each live run takes with its whole tree, by the number of its leader. Nothing where that
    /// cannot be known.
    fn measure(&self) -> impl Future<Output = HashMap<u32, Usage>> + Send + use<Self> {
        std::future::ready(HashMap::new())
    }

    /// Who listens there, seen from the run that `leader` leads; without a run nobody is
    /// [`Listener::Own`]. [`Listener::Unchecked`] where the host cannot know.
    fn listener(
        &self,
        place: ListenPlace,
        leader: Option<u32>,
    ) -> impl Future<Output = Listener> + Send + use<Self> {
        _ = (place, leader);
        std::future::ready(Listener::Unchecked)
    }
}

/// One live run: a leader, its group, and its tree.
///
/// The leader is not reaped before [`Child::reap`], so until then its pid and its group id cannot
/// mean anybody else. Dropping an unreaped child kills its group and reaps the leader.
pub trait Child: Send + Sync + 'static {
    /// The reading end of an output.
    type Read: AsyncRead + Unpin + Send + Sync;
    /// The writing end of the input.
    type Write: AsyncWrite + Unpin + Send + Sync;

    /// The leader's pid, which is also the id of the group.
    fn pid(&self) -> u32;
    /// The reading end of descriptor 1, once.
    fn stdout(&mut self) -> Option<Self::Read>;
    /// The reading end of descriptor 2, once.
    fn stderr(&mut self) -> Option<Self::Read>;
    /// The writing end of descriptor 0, once.
    fn stdin(&mut self) -> Option<Self::Write>;

    /// Waits until the leader has ended and says how, without reaping it. Cancel safe; can be asked
    /// again.
    fn exited(&mut self) -> impl Future<Output = io::Result<Exit>> + Send;

    /// Sends `signal` to the group. A group that is gone already is no error. After a TERM comes a
    /// CONT, as a stopped child would not notice it.
    fn signal(&self, signal: Signal) -> io::Result<()>;

    /// The descendants of this run that are alive now, the leader left out: members of the group,
    /// and others known by descent or by the marker variables. Sorted by what `policy` says, and by
    /// `keep`, the program names that are left alone together with everything below them. One that
    /// a signal has ended is waited for with those that go, and is nobody who stays.
    fn strays(
        &self,
        policy: StraysPolicy,
        keep: &Arc<BTreeSet<String>>,
    ) -> impl Future<Output = Strays> + Send;

    /// Sends `signal` to those descendants among `pids` that still are descendants.
    fn signal_these(&self, signal: Signal, pids: Vec<u32>) -> impl Future<Output = ()> + Send;

    /// Sends `signal` to the descendants that `policy` lets go, repeating the look until no new one
    /// turns up; `keep` holds program names that are left alone, with everything below them. Gives
    /// those that cannot be signalled. Does not wait for anybody's end.
    fn signal_strays(
        &self,
        signal: Signal,
        policy: StraysPolicy,
        keep: &Arc<BTreeSet<String>>,
    ) -> impl Future<Output = Vec<Descendant>> + Send;

    /// SIGKILL to the whole tree, leader and group first, then all descendants until none is left
    /// that can be signalled; two seconds at most. An error says that somebody is left whom we may
    /// not signal or the kernel cannot end; [`Child::strays`] names them. Does not wait for the
    /// leader's end.
    fn kill_tree(&self) -> impl Future<Output = io::Result<()>> + Send;

    /// Reaps the leader. The last call.
    fn reap(self) -> io::Result<()>;
}

/// The live descendants of a run, by what becomes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strays {
    /// Those that are to be ended.
    pub going: Vec<Descendant>,
    /// Those that are left alone.
    pub staying: Vec<Descendant>,
}

/// A live descendant of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descendant {
    pub stray: Stray,
    /// Its program name (the kernel's `comm`), against which `keep` is held.
    pub program: String,
    /// Whether it is in the leader's group.
    pub in_group: bool,
    /// A signal has ended it already, and it is gone as soon as it has had a processor.
    pub is_dying: bool,
}

impl Descendant {
    /// Those that were left behind. Of a tree that a signal ends one goes after the other: that the
    /// leader was the first leaves nobody behind.
    pub(crate) fn left(all: &[Self]) -> Vec<Self> {
        all.iter().filter(|one| !one.is_dying).cloned().collect()
    }
}
