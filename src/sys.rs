//! The interface to the operating system: a [`Host`] launches runs, a [`Child`] is one live run.
//!
//! Nothing in this layer decides *whether* or *when*; it carries out requests and reports what
//! happened.
//!
//! The real host is for Linux (5.9 or later, for `close_range`; it works from 5.4) and relies on
//! pidfds, child subreapers and `/proc`.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::spec::{Exit, Signal, StartError, Stray, StraysPolicy};
use crate::terminal::Size;

mod abstract_sockets;
mod child;
mod deadline;
mod engine_process;
mod exec;
mod file_identity;
pub mod guardian;
mod host;
mod input_wait;
pub mod journal;
mod kill;
mod launch_plan;
mod leader;
mod listeners;
mod lock;
mod logical_path;
mod nested_sessions;
pub mod notify;
pub mod own_process;
pub mod own_terminal;
mod path_bytes;
mod pipe;
mod preflight;
mod proc;
mod project_dirs;
pub mod pty;
mod recent_pids;
mod registry;
mod signal_set;
mod socket;
mod spawn;
mod spawners;
mod stray;
mod sweep;
mod terminal_io;
mod token;
mod usage;

pub use child::RealChild;
pub use engine_process::EngineProcess;
pub use file_identity::FileFollower;
pub use host::RealHost;
pub use input_wait::{InputDetector, WaitingThread};
pub use listeners::{HolderProject, ListenPlace, Listener, PortHolder};
pub use lock::{Holder, Lock, LockError, alive_holder, is_running};
pub use logical_path::LogicalFolders;
pub use nested_sessions::{in_own_project, own_session};
pub use own_process::end_by;
pub use pipe::OutputPipe;
pub use proc::{PROCESS, REPLICA, ROLE, RUN, SESSION, start_ticks};
pub use project_dirs::{ProjectDirError, ProjectDirs, user};
pub use socket::{ControlSocket, SocketAddress, suspended_peer};
pub use terminal_io::{InputWriter, OutputReader, PtyMaster};
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
    /// The whole environment; nothing else is inherited. Includes the marker variables
    /// (`PITCREW_SESSION`, `PITCREW_PROCESS`, `PITCREW_RUN`) by which strays are recognised.
    pub env: Vec<(OsString, OsString)>,
    /// Descriptor 0.
    pub stdin: StdinTarget,
    /// Descriptor 1.
    pub stdout: OutputFd,
    /// Descriptor 2.
    pub stderr: OutputFd,
    /// Makes the new group the foreground group of pitcrew's controlling terminal before exec.
    pub foreground: bool,
    /// The size of a pseudo-terminal that becomes descriptors 0, 1 and 2, and the controlling terminal of
    /// a session that the leader leads. `stdin`, `stdout`, `stderr` and `foreground` have no effect then:
    /// [`Child::stdout`] and [`Child::stdin`] are the other end of the terminal.
    pub terminal: Option<Size>,
}

/// How pitcrew was started, for a [`RealHost`].
#[derive(Debug, Clone, Copy, Default)]
pub struct HostOptions {
    /// The soft limit of descriptors that children get, as [`own_process::raise_descriptor_limit`]
    /// returned it; `None` leaves them ours.
    pub soft_nofile: Option<u64>,
    /// Whether descriptors are short: then a run takes one instead of three, both outputs of a child
    /// share a pipe, and its end is polled.
    pub is_thrifty: bool,
}

/// Descriptor 0 of a child.
#[derive(Debug, Clone)]
pub enum StdinTarget {
    /// `/dev/null`.
    Null,
    /// A pipe that never ends and never delivers data.
    Open,
    /// A pipe whose other end is [`Child::stdin`].
    Pipe,
    /// Pitcrew's own.
    Inherit,
    /// This file, or the reading end of this pipe.
    File(Arc<OwnedFd>),
    /// The file with this name, opened for each run.
    Path(PathBuf),
}

/// Descriptor 1 or 2 of a child.
#[derive(Debug, Clone)]
pub enum OutputFd {
    /// A pipe whose other end is [`Child::stdout`] or [`Child::stderr`].
    Pipe,
    /// Pitcrew's own.
    Inherit,
    /// `/dev/null`.
    Null,
    /// The same pipe as descriptor 1, so that both outputs keep the order in which they were written.
    /// For descriptor 1 itself the same as [`OutputFd::Inherit`].
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
    /// Starts happen in the order of the calls. Dropping the future does not undo a start: the child is
    /// killed and reaped.
    fn launch(
        &self,
        launch: Launch,
    ) -> impl Future<Output = Result<Self::Child, StartError>> + Send + use<Self>;

    /// Reports why a launch would fail, as far as that can be checked beforehand. Called before a run is
    /// ended to be replaced by another one. Blocks for at most a fifth of a second.
    ///
    /// # Errors
    /// The error that [`Host::launch`] would return.
    fn preflight(&self, launch: Launch) -> Result<(), StartError> {
        drop(launch);
        Ok(())
    }

    /// Checks whether the run of this leader, which has not been reaped, could be ended.
    ///
    /// # Errors
    /// The leader must not be signalled, because it runs as another user now.
    fn may_end(&self, pid: u32) -> io::Result<()> {
        let _: u32 = pid;
        Ok(())
    }

    /// Sends SIGKILL to every tree of this host, for a program that is about to exit. Blocks for at most
    /// a second. Children are reaped as always.
    fn end_everything(&self) {}

    /// Returns the resources used by each live run with its whole tree, by pid of the leader. Empty if
    /// they are unknown.
    fn measure(&self) -> impl Future<Output = HashMap<u32, Usage>> + Send + use<Self> {
        std::future::ready(HashMap::new())
    }

    /// Returns the listener at an address, as seen from the run of `leader`; without a run nothing
    /// is [`Listener::Own`]. [`Listener::Unchecked`] if the host cannot know.
    fn listener(
        &self,
        place: ListenPlace,
        leader: Option<u32>,
    ) -> impl Future<Output = Listener> + Send + use<Self> {
        _ = (place, leader);
        std::future::ready(Listener::Unchecked)
    }
}

/// Looks for a thread that waits for input. A single look proves nothing, see [`InputDetector`].
pub type InputLooker = Box<dyn Fn() -> InputLook + Send + Sync>;

/// A look for a thread that waits for input.
pub type InputLook = Pin<Box<dyn Future<Output = Option<WaitingThread>> + Send + Sync>>;

/// One live run: a leader, its group, and its tree.
///
/// The leader is not reaped before [`Child::reap`], so until then its pid and group id cannot be
/// reused. Dropping an unreaped child kills its group and reaps the leader.
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

    /// Waits until the leader has ended and returns how, without reaping it. Cancel safe; can be called
    /// again.
    fn exited(&mut self) -> impl Future<Output = io::Result<Exit>> + Send;

    /// Gives the terminal of the run another size; its foreground group gets SIGWINCH. `cell` is the size
    /// of a cell in pixels, if known. No effect without a terminal.
    fn resize(&self, size: Size, cell: Option<(u16, u16)>) -> io::Result<()>;

    /// Returns what looks for a thread of the run that is blocked in a read of its terminal or of the pipe
    /// that [`Child::stdin`] writes to; `None` if it has neither.
    fn input_looker(&self) -> Option<InputLooker>;

    /// Sends `signal` to the group. It is no error if the group is gone. TERM is followed by CONT,
    /// because a stopped child would not handle it.
    fn signal(&self, signal: Signal) -> io::Result<()>;

    /// Returns the live descendants of this run without the leader: members of the group, and others
    /// recognised by parentage or by the marker variables. They are split by `policy` and by `keep`,
    /// the names of programs that are left alone together with everything below them. A descendant
    /// that a signal has already ended is not among the kept ones.
    fn strays(
        &self,
        policy: StraysPolicy,
        keep: &Arc<BTreeSet<String>>,
    ) -> impl Future<Output = Strays> + Send;

    /// Sends `signal` to those of `pids` that are still descendants.
    fn signal_these(&self, signal: Signal, pids: Vec<u32>) -> impl Future<Output = ()> + Send;

    /// Sends `signal` to the descendants that `policy` ends, and scans again until there are no new
    /// ones; programs named in `keep` are left alone, with everything below them. Returns those that
    /// cannot be signalled. Does not wait until they end.
    fn signal_strays(
        &self,
        signal: Signal,
        policy: StraysPolicy,
        keep: &Arc<BTreeSet<String>>,
    ) -> impl Future<Output = Vec<Descendant>> + Send;

    /// Sends SIGKILL to the whole tree, leader and group first, then to all descendants until none is
    /// left that can be signalled; takes at most two seconds. Returns an error if a descendant is left
    /// that may not be signalled or that the kernel cannot end; [`Child::strays`] names them. Does not
    /// wait until the leader ends.
    fn kill_tree(&self) -> impl Future<Output = io::Result<()>> + Send;

    /// Reaps the leader. Must be the last call.
    fn reap(self) -> io::Result<()>;
}

/// The live descendants of a run, split by what happens to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strays {
    /// The descendants to end.
    pub to_end: Vec<Descendant>,
    /// The descendants that are left alone.
    pub kept: Vec<Descendant>,
}

/// A live descendant of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descendant {
    pub stray: Stray,
    /// Its program name (the kernel's `comm`), which is compared with `keep`.
    pub program: String,
    /// Whether it is in the leader's group.
    pub in_group: bool,
    /// Whether a signal has already ended it, so that it disappears as soon as it is scheduled.
    pub is_dying: bool,
}

impl Descendant {
    /// Returns the descendants that are not dying. The members of a tree that a signal ends exit one
    /// after another, so dying processes are not reported as survivors.
    pub(crate) fn survivors(descendants: &[Self]) -> Vec<Self> {
        descendants.iter().filter(|descendant| !descendant.is_dying).cloned().collect()
    }
}
