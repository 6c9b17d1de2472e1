//! Starts the engine as a separate process in its own session, and waits until it answers.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{GlobalOptions, UpArgs, project};
use crate::spec::Spec;
use crate::sys::{self, ControlSocket, ProjectDirs, alive_holder, journal, own_process};

/// How often it is looked whether the socket is there.
const LOOK: Duration = Duration::from_millis(5);
/// How often it is looked whether the engine waits for an env file.
const REPEAT: Duration = Duration::from_millis(100);
/// What it says at most when it cannot start.
const LAST_WORDS: u64 = 64 << 10;

/// Says why it did not come up.
pub(super) fn show_last_words(words: &Path) {
    let mut text = String::new();
    let read = File::open(words).map(|file| file.take(LAST_WORDS).read_to_string(&mut text));
    _ = read.and_then(|_| io::stderr().write_all(text.as_bytes()));
}

/// Opens the file for the messages of an engine in the background, which has no terminal.
pub(super) fn open(words: &Path) -> io::Result<File> {
    let mut options = File::options();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let opened = options.open(words).and_then(|file| {
        // An engine that cannot start would end without a message where the disk is full.
        (&file).write_all(b"\n")?;
        file.set_len(0)?;
        (&file).rewind()?;
        Ok(file)
    });
    opened.map_err(|error| io::Error::other(format!("cannot write {}: {error}", words.display())))
}

/// Repeats on stderr that the engine waits for an env file that is a pipe, while it starts.
pub(super) async fn repeat_env_file_notices(words: &Path) -> Infallible {
    let mut repeated = 0;
    loop {
        tokio::time::sleep(REPEAT).await;
        let mut text = String::new();
        let read = File::open(words).map(|file| file.take(LAST_WORDS).read_to_string(&mut text));
        let is_notice = |line: &&str| line.starts_with("pitcrew: waiting for the env file ");
        let notices: Vec<&str> = text.lines().filter(is_notice).skip(repeated).collect();
        if read.is_ok() {
            for notice in &notices {
                _ = writeln!(io::stderr(), "{notice}");
            }
            repeated += notices.len();
        }
    }
}

/// How it hangs together with who starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineLifetime {
    None,
    /// It ends with the pipe that is its input, from its first moment on.
    #[cfg(feature = "tui")]
    Owner,
}

/// The same `up` in plain lines, in a session of its own.
pub(super) fn start(
    global: &GlobalOptions,
    args: &UpArgs,
    spec: &Spec,
    words: File,
    tie: EngineLifetime,
) -> io::Result<Child> {
    project::has_proc()?;
    let mut command = Command::new(std::env::current_exe()?);
    for file in &global.file {
        command.arg("-f").arg(file);
    }
    for _ in 0..global.verbose {
        command.arg("-v");
    }
    // What was read from our own input the engine finds in memory: its input is another one.
    let text = global.stdin.get().map(|text| own_process::inheritable_text(&text)).transpose()?;
    if let Some(text) = &text {
        command.arg("--stdin-fd").arg(text.as_raw_fd().to_string());
    }
    sys::in_own_project(&mut command, &journal::new_session()?);
    // `-C` is done already. Nobody looks, so colour is a matter of `always` alone.
    if global.color == super::ColorChoice::Always {
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
    command.args((tie == EngineLifetime::Owner).then_some("--owned"));
    command.arg("--").args(&args.names);
    command.stdout(Stdio::null()).stderr(words);
    match tie {
        EngineLifetime::None => command.stdin(Stdio::null()),
        #[cfg(feature = "tui")]
        EngineLifetime::Owner => command.stdin(Stdio::piped()),
    };
    own_process::in_own_session(&mut command);
    own_process::keep_descriptors(&mut command, env_descriptors(spec)?);
    command.spawn()
}

/// The descriptors that env files such as `/dev/fd/63` are.
fn env_descriptors(spec: &Spec) -> io::Result<Vec<RawFd>> {
    let mut found = Vec::new();
    for path in &spec.project.env_pipes {
        let number = ["/dev/fd", "/proc/self/fd"]
            .iter()
            .find_map(|folder| path.strip_prefix(folder).ok()?.to_str()?.parse::<RawFd>().ok());
        match number {
            _ if path == Path::new("/dev/stdin") => return Err(taken(path)),
            Some(0..=2) => return Err(taken(path)),
            number => found.extend(number),
        }
    }
    Ok(found)
}

fn taken(path: &Path) -> io::Error {
    let name = path.display();
    io::Error::other(format!(
        "a project that is not in the foreground has no {name} to read as an env file; \
         take another descriptor, or `up --no-tui`"
    ))
}

/// Waits until the child with this number, and no other `up`, has opened the socket of the project; false when it has
/// ended instead.
pub(super) async fn opened(
    folders: &ProjectDirs,
    own: u32,
    mut has_ended: impl FnMut() -> bool,
) -> bool {
    loop {
        // A socket that answers may be that of another `up`, which then holds the lock.
        let is_own = alive_holder(folders).is_some_and(|holder| holder.pid == own);
        if is_own && ControlSocket::connect(folders).is_ok() {
            return true;
        }
        if has_ended() {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
}
