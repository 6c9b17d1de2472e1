//! Starts the engine as a separate process in its own session, and waits until it is up.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use clap::ColorChoice;

use super::super::{GlobalOptions, ProgramExit, locked_project, messages, running_project};
use super::UpArgs;
use crate::control::{Client, Control as _, ControlErrorKind, Measure};
use crate::spec::{Signal, Spec, io_error_text};
use crate::sys::{self, ControlSocket, ProjectDirs, alive_holder, journal, own_process};

/// The interval of checks whether the engine is up or has ended.
const POLL: Duration = Duration::from_millis(5);
/// The interval of checks whether the engine waits for an env file.
const NOTICE_POLL: Duration = Duration::from_millis(100);
/// The most that is read of the engine's messages.
const MAX_LOG: u64 = 64 << 10;

/// Whether the engine ends together with the process that has started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineLifetime {
    Independent,
    /// It ends when its standard input is closed, from its first moment on.
    #[cfg(feature = "tui")]
    Owned,
}

/// An engine that this process has started.
#[derive(Clone)]
pub(super) struct BackgroundEngine {
    child: Rc<RefCell<Child>>,
    dirs: ProjectDirs,
    /// Its messages, because it has no terminal.
    log: PathBuf,
    pub(super) client: Client,
}

impl BackgroundEngine {
    /// Starts the same `up` with plain output in its own session.
    pub(super) fn start(
        global: &GlobalOptions,
        args: &UpArgs,
        spec: &Spec,
        dirs: &ProjectDirs,
        lifetime: EngineLifetime,
    ) -> io::Result<Self> {
        let log = dirs.state.join("up.log");
        let stderr = open_log(&log).map_err(|error| {
            io::Error::other(format!("cannot write {}: {}", log.display(), io_error_text(&error)))
        })?;
        locked_project::require_proc()?;
        let mut command = Command::new(std::env::current_exe()?);
        for file in &global.file {
            command.arg("-f").arg(file);
        }
        for _ in 0..global.verbose {
            command.arg("-v");
        }
        // The engine has another standard input, so it reads the text of this one from memory.
        let text =
            global.stdin.get().map(|text| own_process::inheritable_text(&text)).transpose()?;
        if let Some(text) = &text {
            command.arg("--stdin-fd").arg(text.as_raw_fd().to_string());
        }
        sys::in_own_project(&mut command, &journal::new_session()?);
        // `-C` has been applied. `auto` means no colour there, because the output is not read.
        if global.color == ColorChoice::Always {
            command.args(["--color", "always"]);
        }
        command.args(["up", "--no-tui", "--keep", "--quiet"]);
        let flags = [
            (args.no_deps, "--no-deps"),
            (args.no_watch, "--no-watch"),
            (args.fail_fast, "--fail-fast"),
        ];
        for (given, flag) in flags {
            command.args(given.then_some(flag));
        }
        for (path, flag) in [(&args.events, "--events"), (&args.log_file, "--log-file")] {
            if let Some(path) = path {
                command.arg(flag).arg(path);
            }
        }
        if let Some(address) = args.listen {
            command.arg("--listen").arg(address.to_string());
        }
        #[cfg(feature = "tui")]
        command.args((lifetime == EngineLifetime::Owned).then_some("--owned"));
        command.arg("--").args(&args.names);
        command.stdout(Stdio::null()).stderr(stderr);
        match lifetime {
            EngineLifetime::Independent => command.stdin(Stdio::null()),
            #[cfg(feature = "tui")]
            EngineLifetime::Owned => command.stdin(Stdio::piped()),
        };
        own_process::in_own_session(&mut command);
        own_process::keep_descriptors(&mut command, env_file_descriptors(spec)?);
        let child = Rc::new(RefCell::new(command.spawn()?));
        let client = running_project::client(&spec.project.name, dirs.clone());
        Ok(Self { child, dirs: dirs.clone(), log, client })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.borrow().id()
    }

    pub(super) fn send(&self, signal: Signal) {
        _ = own_process::send(&self.child.borrow(), signal);
    }

    #[cfg(feature = "tui")]
    pub(super) fn take_stdin(&self) -> Option<std::process::ChildStdin> {
        self.child.borrow_mut().stdin.take()
    }

    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.child.borrow_mut().try_wait(), Ok(None))
    }

    /// Waits until the engine responds; returns false if it has ended instead.
    pub(super) async fn wait_until_up(self) -> bool {
        while self.wait_for_socket().await {
            // A connection is accepted before there is an engine that responds or fails to start.
            match self.client.status(Measure::No).await {
                Ok(_) => return true,
                Err(error) if error.error == ControlErrorKind::Version => return true,
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
        false
    }

    /// Waits until the engine has opened its socket; returns false if it has ended instead.
    async fn wait_for_socket(&self) -> bool {
        loop {
            // A socket that responds may be that of another `up`, which then holds the lock.
            let is_own = alive_holder(&self.dirs).is_some_and(|holder| holder.pid == self.pid());
            if is_own && ControlSocket::connect(&self.dirs).is_ok() {
                return true;
            }
            if self.has_ended() {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Like [`Self::wait_until_up`]; prints meanwhile which env files the engine waits for.
    pub(super) async fn wait_until_up_with_notices(self) -> bool {
        let log = self.log.clone();
        tokio::select! {
            is_up = self.wait_until_up() => is_up,
            never = print_env_file_notices(&log) => match never {},
        }
    }

    /// Waits until the engine has ended; returns how.
    pub(super) async fn wait(&self) -> ProgramExit {
        if let Ok(watch) = own_process::ProcessExitWatch::of(self.pid()) {
            _ = watch.exited().await;
        }
        let status = loop {
            let status = self.child.borrow_mut().try_wait();
            match status {
                Ok(Some(status)) => break status,
                Ok(None) => tokio::time::sleep(POLL).await,
                Err(error) => {
                    return messages::cannot("wait for the engine", &error);
                }
            }
        };
        match status.signal().and_then(Signal::from_number) {
            Some(signal) => ProgramExit::Signal(signal),
            None => ProgramExit::code(status.code().unwrap_or(1)),
        }
    }

    /// Prints the messages of an engine that has not come up.
    pub(super) fn print_log(&self) {
        if let Ok(text) = read_log(&self.log) {
            _ = io::stderr().write_all(text.as_bytes());
        }
    }
}

/// Creates the file for the engine's messages.
fn open_log(log: &Path) -> io::Result<File> {
    let mut options = File::options();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(log)?;
    // On a full disk an engine that cannot start would end without a message.
    file.write_all(b"\n")?;
    file.set_len(0)?;
    file.rewind()?;
    Ok(file)
}

fn read_log(log: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(log)?.take(MAX_LOG).read_to_string(&mut text)?;
    Ok(text)
}

async fn print_env_file_notices(log: &Path) -> Infallible {
    let mut printed = 0;
    loop {
        tokio::time::sleep(NOTICE_POLL).await;
        let Ok(text) = read_log(log) else { continue };
        let is_notice = |line: &&str| line.starts_with("pitcrew: waiting for the env file ");
        for notice in text.lines().filter(is_notice).skip(printed) {
            _ = writeln!(io::stderr(), "{notice}");
            printed += 1;
        }
    }
}

/// The descriptors of env files such as `/dev/fd/63`.
fn env_file_descriptors(spec: &Spec) -> io::Result<Vec<RawFd>> {
    let mut descriptors = Vec::new();
    for path in &spec.project.env_pipes {
        let number = ["/dev/fd", "/proc/self/fd"]
            .iter()
            .find_map(|folder| path.strip_prefix(folder).ok()?.to_str()?.parse::<RawFd>().ok());
        if path == Path::new("/dev/stdin") || matches!(number, Some(0..=2)) {
            return Err(io::Error::other(format!(
                "a project in the background cannot read {} as an env file; \
                 use another descriptor, or `up --no-tui`",
                path.display()
            )));
        }
        descriptors.extend(number);
    }
    Ok(descriptors)
}
