//! Spawns a child, on a permanent thread.
//!
//! A child asks to be killed with its parent, and the kernel means the parent *thread*: children
//! spawned from a runtime's threads died while the runtime lived. So there is a separate thread, which
//! ends when the host and all its children are gone.
#![expect(unsafe_code, reason = "clone on a stack of our own, with every signal blocked")]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::pipe::{PipeFlags, pipe_with};

use super::deadline::{now, pause};
use super::exec::{self, ChildArguments, ExecStep};
use super::input_wait::InputId;
use super::launch_plan;
use super::leader::Leader;
use super::own_process::open_without_waiting;
use super::pty::Pty;
use super::registry::{CLONING, LeaderEntry, LeaderId, NONE, Registry};
use super::spawners::{SpawnJob, SpawnerTurn, Spawners};
use super::{HostOptions, Launch, OutputFd, StdinTarget};
use crate::spec::{StartError, StartErrorKind};
use crate::terminal::Size;

/// Why a start did not happen.
#[derive(Debug)]
pub(super) enum SpawnFailure {
    /// The program is being written to: worth another try in a moment.
    Busy(Box<Launch>),
    Failed(StartError),
}

/// A leader and our ends of its pipes.
#[derive(Debug)]
pub(super) struct SpawnedChild {
    pub(super) leader: Leader,
    pub(super) stdio: ParentFds,
}

/// Our ends of the pipes of a child.
#[derive(Debug, Default)]
pub(super) struct ParentFds {
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) stderr: Option<OwnedFd>,
    /// Keeps an open input from ending, if the input does not do that itself.
    pub(super) open_input: Option<OwnedFd>,
    /// Our end of its terminal; then it has no pipes.
    pub(super) terminal: Option<OwnedFd>,
    /// What its input is, if something can be written to it.
    pub(super) input_id: Option<InputId>,
}

/// The body of thread number `slot`.
pub(super) fn run(
    next: impl Fn(Option<Duration>) -> SpawnerTurn,
    registry: &Arc<Registry>,
    slot: usize,
    options: HostOptions,
) {
    const REAP_INTERVAL: Duration = Duration::from_millis(10);
    let mut spawner = ChildSpawner { registry, slot, options, stack: None };
    let mut zombies: Vec<LeaderId> = Vec::new();
    let mut open = true;
    while open || !zombies.is_empty() {
        zombies.retain(|leader| matches!(registry.reap(leader), Ok(false)));
        match next((!zombies.is_empty()).then_some(REAP_INTERVAL)) {
            SpawnerTurn::Job(SpawnJob::Reap(leader)) => zombies.push(leader),
            // The caller has given up: do not even start.
            SpawnerTurn::Job(SpawnJob::Launch { answer, .. }) if answer.is_closed() => {}
            SpawnerTurn::Job(SpawnJob::Launch { launch, answer, spawners }) => {
                // An answer that is not received is dropped, which kills the child.
                let _ = answer.send(spawner.launch(launch, spawners));
            }
            SpawnerTurn::Timeout => {}
            SpawnerTurn::Closed => {
                open = false;
                if !zombies.is_empty() {
                    pause(REAP_INTERVAL);
                }
            }
        }
    }
}

/// The resources of one thread that spawns children.
struct ChildSpawner<'a> {
    registry: &'a Arc<Registry>,
    /// The index in [`Registry::launching`].
    slot: usize,
    options: HostOptions,
    stack: Option<ChildStack>,
}

impl ChildSpawner<'_> {
    fn launch(
        &mut self,
        launch: Box<Launch>,
        spawners: Spawners,
    ) -> Result<SpawnedChild, SpawnFailure> {
        let registry = self.registry;
        let Some(launching) = registry.launching.get(self.slot) else {
            return Err(SpawnFailure::Failed(no_spawner()));
        };
        let mut plan = launch_plan::plan(&launch).map_err(SpawnFailure::Failed)?;
        plan.parent = rustix::process::getpid().as_raw_nonzero().get();
        plan.nofile = self.options.soft_nofile.map(nofile);
        let failed = |what: &'static str| {
            move |error: io::Error| SpawnFailure::Failed(launch_plan::resource(what, &error))
        };
        let input = named_input(&launch).map_err(SpawnFailure::Failed)?;
        let stdio = StdioFds::open(&launch, input, self.options.is_thrifty)
            .map_err(failed("cannot create its pipes"))?;
        plan.stdio = stdio.child();
        plan.terminal = stdio.terminal.as_ref().map(AsRawFd::as_raw_fd);
        let stack = match self.stack.take() {
            Some(stack) => stack,
            None => ChildStack::new().map_err(failed("no memory for its start"))?,
        };
        let stack = self.stack.insert(stack);
        // Before the child, so that pids are known to have only risen since it was created.
        _ = registry.recent_pids.read();
        let (token, cloned_after) = (registry.token(), now());
        launching.store(CLONING, Ordering::SeqCst);
        let cloned = stack.clone_child(&ChildArguments { plan: &plan, launching });
        let (pid, pidfd) = cloned.map_err(|error| {
            launching.store(NONE, Ordering::SeqCst);
            failed("cannot create another process")(error)
        })?;
        let marker = launch_plan::marker(&launch.env);
        let leads_session = launch.terminal.is_some();
        registry.insert(pid, LeaderEntry { token, marker, cloned_after, leads_session });
        let pidfd = (!self.options.is_thrifty).then(|| Arc::new(pidfd));
        let id = LeaderId { pid, token, pidfd };
        let registry = Arc::clone(registry);
        let mut leader = Leader { id, cloned_after, registry, spawners, reaped: false };
        let failure = plan.failure();
        // A child that has reported a failure is about to end.
        while failure.is_some() && matches!(leader.reap(), Ok(false)) {
            pause(Duration::from_micros(50));
        }
        launching.store(NONE, Ordering::SeqCst);
        match failure {
            None => Ok(SpawnedChild { leader, stdio: stdio.parent }),
            Some(failure) if failure.step == ExecStep::Exec && failure.errno == libc::ETXTBSY => {
                Err(SpawnFailure::Busy(launch))
            }
            Some(failure) => Err(SpawnFailure::Failed(launch_plan::error(failure, &launch, &plan))),
        }
    }
}

/// Returns this soft limit of descriptors with our hard one.
fn nofile(soft: u64) -> libc::rlimit {
    let hard = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let hard = hard.unwrap_or(libc::RLIM_INFINITY);
    libc::rlimit { rlim_cur: soft.min(hard), rlim_max: hard }
}

/// The number of descriptors that stay free after a start.
const RESERVE: usize = 8;
/// The same if descriptors are short.
const RESERVE_WHEN_THRIFTY: usize = 1;

/// Returns how many descriptors must be free for a start: pipes, an empty input, and the reserve.
pub(super) fn descriptors(is_thrifty: bool) -> usize {
    if is_thrifty { 3 + RESERVE_WHEN_THRIFTY } else { 5 + RESERVE }
}

/// All descriptors of a start, ours and the child's, each close-on-exec.
struct StdioFds {
    parent: ParentFds,
    /// Descriptors 0, 1 and 2 of the child.
    child: [Option<OwnedFd>; 3],
    /// Whether descriptor 2 of the child is the same as descriptor 1.
    is_shared: bool,
    /// Pitcrew's controlling terminal, for a child in the foreground.
    terminal: Option<OwnedFd>,
}

impl StdioFds {
    fn open(launch: &Launch, input: Option<OwnedFd>, is_thrifty: bool) -> io::Result<Self> {
        let reserve = if is_thrifty { RESERVE_WHEN_THRIFTY } else { RESERVE };
        if let Some(size) = launch.terminal {
            let stdio = Self::open_terminal(size)?;
            ensure_reserve(reserve)?;
            return Ok(stdio);
        }
        let null = || -> io::Result<Option<OwnedFd>> {
            let null = File::options().read(true).write(true).open("/dev/null")?;
            Ok(Some(above_stdio(null.into())?))
        };
        let pipe = || -> io::Result<(OwnedFd, OwnedFd)> {
            let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
            Ok((above_stdio(read)?, above_stdio(write)?))
        };
        let mut open_input = None;
        let (child_stdin, stdin) = match &launch.stdin {
            StdinTarget::Open => {
                let (input, kept_open) = endless_input()?;
                open_input = kept_open;
                (Some(above_stdio(input)?), None)
            }
            StdinTarget::Null => (null()?, None),
            StdinTarget::Inherit => (None, None),
            StdinTarget::Path(_) => (input.map(above_stdio).transpose()?, None),
            StdinTarget::File(file) => (Some(fcntl_dupfd_cloexec(file.as_fd(), 3)?), None),
            StdinTarget::Pipe => pipe().map(|(read, write)| (Some(read), Some(write)))?,
        };
        let output = |target: &OutputFd, stdout: Option<&OwnedFd>| -> io::Result<_> {
            match target {
                OutputFd::Null => Ok((None, null()?)),
                OutputFd::Inherit => Ok((None, None)),
                OutputFd::Pipe => pipe().map(|(read, write)| (Some(read), Some(write))),
                OutputFd::File(file) => Ok((None, Some(fcntl_dupfd_cloexec(file.as_fd(), 3)?))),
                OutputFd::Stdout => {
                    let stdout = stdout.map_or(rustix::stdio::stdout(), AsFd::as_fd);
                    Ok((None, Some(fcntl_dupfd_cloexec(stdout, 3)?)))
                }
            }
        };
        let (stdout, child_stdout) = output(&launch.stdout, None)?;
        let is_shared = is_thrifty
            && matches!((&launch.stdout, &launch.stderr), (OutputFd::Pipe, OutputFd::Pipe));
        let (stderr, child_stderr) =
            if is_shared { (None, None) } else { output(&launch.stderr, child_stdout.as_ref())? };
        // Without a controlling terminal there is no foreground.
        let terminal = if launch.foreground { super::own_process::terminal() } else { None };
        ensure_reserve(reserve)?;
        let input = child_stdin.as_ref().filter(|_| stdin.is_some());
        let input_id = input.map(InputId::of).transpose()?;
        Ok(Self {
            parent: ParentFds { stdin, stdout, stderr, open_input, terminal: None, input_id },
            child: [child_stdin, child_stdout, child_stderr],
            is_shared,
            terminal,
        })
    }

    /// Opens a pseudo-terminal, which has its size before the program can ask for it.
    fn open_terminal(size: Size) -> io::Result<Self> {
        let Pty { master, slave } = Pty::open(size)?;
        let slave = above_stdio(slave)?;
        let parent = ParentFds {
            terminal: Some(above_stdio(master)?),
            input_id: Some(InputId::of(&slave)?),
            ..ParentFds::default()
        };
        Ok(Self { parent, child: [Some(slave), None, None], is_shared: true, terminal: None })
    }

    /// Returns the descriptors that become 0, 1 and 2 of the child.
    fn child(&self) -> [Option<RawFd>; 3] {
        let [stdin, stdout, stderr] = &self.child;
        let stdout = if self.parent.terminal.is_some() { stdin } else { stdout };
        let stderr = if self.is_shared { stdout } else { stderr };
        [stdin, stdout, stderr].map(|fd| fd.as_ref().map(AsRawFd::as_raw_fd))
    }
}

/// Creates an input that never ends and never delivers data; also returns the descriptors that must
/// be held for that, if anything.
///
/// A pipe for each run, because a shared one would carry data that one child writes into it
/// (through
/// `/dev/stdin`) to all others. Opened for both directions, it has a writer as long as it has a
/// reader, so we hold nothing: no descriptor per run, and nothing ends with us. It takes one page,
/// because all pipes of a user share 16,384.
fn endless_input() -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    // A kernel with larger pages rounds up.
    _ = rustix::pipe::fcntl_setpipe_size(&write, 4096);
    let path = format!("/proc/thread-self/fd/{}", write.as_raw_fd());
    match open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        Ok(both) => Ok((both, None)),
        // Without /proc the other end is held as long as the run lives.
        Err(_) => Ok((read, Some(write))),
    }
}

/// Opens the input file by name, here so that the error contains its name.
fn named_input(launch: &Launch) -> Result<Option<OwnedFd>, StartError> {
    let StdinTarget::Path(path) = &launch.stdin else { return Ok(None) };
    let name = path.to_string_lossy();
    let failed = |error| launch_plan::resource(&format!("cannot open its input {name:?}"), &error);
    // The start does not wait for the writer of a FIFO; the child does, as usual.
    open_without_waiting(path, OFlags::RDONLY).map(Some).map_err(failed)
}

/// Makes sure that a few descriptors stay free after a start: finding strays requires reading `/proc`,
/// and without a free one an incomplete stop would look like a clean one.
pub(super) fn ensure_reserve(count: usize) -> io::Result<()> {
    let null = File::open("/dev/null")?;
    let spare: io::Result<Vec<File>> = (1..count).map(|_| null.try_clone()).collect();
    spare.map(drop)
}

/// Duplicates a file to a number above 2, so that moving it to 0, 1 or 2 overwrites no other.
fn above_stdio(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { Ok(fcntl_dupfd_cloexec(fd.as_fd(), 3)?) }
}

/// The stack of the child, with an inaccessible guard page below it.
struct ChildStack {
    base: *mut c_void,
}

impl ChildStack {
    const GUARD: usize = 64 << 10; // one page everywhere
    const SIZE: usize = 128 << 10;

    fn new() -> io::Result<Self> {
        use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new private mapping; nothing is replaced.
        let base =
            unsafe { mmap_anonymous(ptr::null_mut(), Self::SIZE, access, MapFlags::PRIVATE) }?;
        let stack = Self { base };
        // SAFETY: the lower part of the mapping just made, which nothing uses.
        unsafe { mprotect(base, Self::GUARD, MprotectFlags::empty()) }?;
        Ok(stack)
    }

    /// Creates the child and waits until it has executed the program or ended.
    fn clone_child(&self, arguments: &ChildArguments<'_>) -> io::Result<(u32, OwnedFd)> {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        let mut pidfd: RawFd = -1;
        let all_signals = !0_u64;
        let mut before = 0_u64;
        // SAFETY: the mask is this thread's and is put back. The bare system call blocks the C
        // library's own signals as well: none of our handlers may run in the child. `clone` runs
        // `child` on our stack, which nothing else uses while this thread is suspended; the arguments
        // and `pidfd` live until it continues.
        let (pid, error) = unsafe {
            let set = libc::SYS_rt_sigprocmask;
            libc::syscall(set, libc::SIG_SETMASK, &raw const all_signals, &raw mut before, 8);
            let pid = libc::clone(
                exec::child,
                self.base.byte_add(Self::SIZE),
                flags,
                ptr::from_ref(arguments).cast_mut().cast(),
                &raw mut pidfd,
            );
            let error = io::Error::last_os_error();
            libc::syscall(set, libc::SIG_SETMASK, &raw const before, 0_usize, 8);
            (pid, error)
        };
        let pid = u32::try_from(pid).map_err(|_| error)?;
        // SAFETY: clone succeeded with CLONE_PIDFD, so this is a new descriptor that is ours.
        Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
    }
}

impl Drop for ChildStack {
    fn drop(&mut self) {
        // SAFETY: our own mapping; no child is on it, as `clone_child` waits for that.
        let _: Result<(), Errno> = unsafe { rustix::mm::munmap(self.base, Self::SIZE) };
    }
}

/// The error if the thread no longer exists.
pub(super) fn no_spawner() -> StartError {
    let message = "the thread that starts processes is gone".to_owned();
    StartError { kind: StartErrorKind::Other, message }
}
