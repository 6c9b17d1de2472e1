//! A command: what to run, where, with what, and for how long.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Retry;
use crate::output::CaptureLimit;
use crate::spec::StopPolicy;

/// A command and everything that is to be known about running it. A plain value: nothing runs before
/// it is given to a [`ProcessManager`](crate::ProcessManager) or a pool, and it can be run again.
///
/// ```
/// use std::time::Duration;
/// use pitcrew::Command;
///
/// let build = Command::new("cargo")
///     .args(["build", "--release"])
///     .cwd("/src/app")
///     .env("CARGO_TERM_COLOR", "never")
///     .timeout(Duration::from_secs(600))
///     .retries(2)
///     .retry_delay(Duration::from_secs(1));
/// assert_eq!(build.to_string(), "cargo build --release");
/// ```
#[derive(Debug, Clone)]
#[must_use = "a command does nothing before it is run"]
pub struct Command {
    pub(super) line: CommandKind,
    pub(super) name: Option<String>,
    pub(super) cwd: Option<PathBuf>,
    pub(super) inherit_env: bool,
    /// In the order in which they were said; a value to set, or nothing to remove.
    pub(super) env: Vec<(OsString, Option<OsString>)>,
    pub(super) stdin: Stdin,
    pub(super) output: Output,
    pub(super) merged: bool,
    pub(super) tty: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) retry: Retry,
    pub(super) stop: StopPolicy,
    pub(super) success: Vec<i32>,
}

#[derive(Debug, Clone)]
pub(super) enum CommandKind {
    /// A program and its arguments.
    Program(Vec<OsString>),
    /// Text for `/bin/sh -c`, and its `$1`, `$2` and so on.
    Shell(OsString, Vec<OsString>),
}

/// What a command reads.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Stdin {
    /// Nothing: `/dev/null`.
    #[default]
    Null,
    /// An input that never ends and never brings anything: for a program that takes the end of its
    /// input for the end of its work, as `esbuild --watch` does.
    Open,
    /// These bytes, then the end. A command that does not read them all is no error.
    Bytes(Vec<u8>),
    /// This file, from its beginning at each attempt. A relative path is relative to the current
    /// folder of this program, whatever the folder of the command.
    File(PathBuf),
    /// What is written with [`ProcessHandle::write`](crate::ProcessHandle::write), until
    /// [`close_stdin`](crate::ProcessHandle::close_stdin). Not together with retries, and not where
    /// nobody has a handle: [`ProcessManager::run`](crate::ProcessManager::run), a pipeline,
    /// [`ProcessPool::run_all`](crate::ProcessPool::run_all).
    Piped,
    /// What this program reads itself.
    Inherit,
}

impl From<&str> for Stdin {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<String> for Stdin {
    fn from(text: String) -> Self {
        Self::Bytes(text.into())
    }
}

impl From<Vec<u8>> for Stdin {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Stdin {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// Where the outputs of a command go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Kept for the result, so many bytes of each output at most, and there to be read along.
    Capture(CaptureLimit),
    /// Not kept; there to be read along while it comes.
    Discard,
    /// `/dev/null`: nothing of it is ever seen. Not together with an idle timeout.
    Null,
    /// This program's own outputs. Not together with an idle timeout.
    Inherit,
}

impl Output {
    /// The last so many bytes of each output.
    pub fn tail(bytes: usize) -> Self {
        Self::Capture(CaptureLimit { bytes, keep: crate::output::KeepSide::Tail })
    }

    /// The first so many bytes of each output.
    pub fn head(bytes: usize) -> Self {
        Self::Capture(CaptureLimit { bytes, keep: crate::output::KeepSide::Head })
    }
}

impl Default for Output {
    /// The last 8 MiB of each.
    fn default() -> Self {
        Self::tail(8 << 20)
    }
}

impl Command {
    fn of(line: CommandKind) -> Self {
        Self {
            line,
            name: None,
            cwd: None,
            inherit_env: true,
            env: Vec::new(),
            stdin: Stdin::default(),
            output: Output::default(),
            merged: false,
            tty: false,
            timeout: None,
            idle_timeout: None,
            retry: Retry::never(),
            stop: StopPolicy::default(),
            success: vec![0],
        }
    }

    /// A program, searched in the `PATH` it will have itself, with no shell between. A program that
    /// does not exist is an error.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self::of(CommandKind::Program(vec![program.into()]))
    }

    /// A line for `/bin/sh -c`. [`Command::arg`] gives it `$1` and so on, which need no quoting. A
    /// program in it that does not exist is exit code 127, as in any shell.
    ///
    /// The shell stands between: begin the line with `exec` when it only starts one program.
    pub fn shell(line: impl Into<OsString>) -> Self {
        Self::of(CommandKind::Shell(line.into(), Vec::new()))
    }

    /// One more argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        let (CommandKind::Program(all) | CommandKind::Shell(_, all)) = &mut self.line;
        all.push(argument.into());
        self
    }

    /// More arguments.
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let (CommandKind::Program(all) | CommandKind::Shell(_, all)) = &mut self.line;
        all.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// What it is called in events; the name of its program unless said. An empty one is refused.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Its working folder; the one of this program at the start unless said.
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cwd = Some(folder.into());
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), Some(value.into())));
        self
    }

    /// Sets variables of its environment.
    pub fn envs<N: Into<OsString>, V: Into<OsString>>(
        mut self,
        all: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.env.extend(all.into_iter().map(|(name, value)| (name.into(), Some(value.into()))));
        self
    }

    /// Takes a variable out of its environment, wherever it comes from.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// Whether it inherits the environment of this program; it does unless said.
    pub fn inherit_env(mut self, inherit: bool) -> Self {
        self.inherit_env = inherit;
        self
    }

    /// What it reads; nothing unless said.
    pub fn stdin(mut self, stdin: impl Into<Stdin>) -> Self {
        self.stdin = stdin.into();
        self
    }

    /// Where its outputs go; they are kept unless said.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Sends stderr where stdout goes, so that both are in the exact order of their writing.
    pub fn merge_stderr(mut self) -> Self {
        self.merged = true;
        self
    }

    /// Whether it gets a terminal of its own. There are none yet: such a command is refused with
    /// [`Fault::NoTerminal`](crate::CommandFault::NoTerminal) before anything starts.
    pub fn tty(mut self, tty: bool) -> Self {
        self.tty = tty;
        self
    }

    /// The longest life of one attempt, after which it is stopped by its stop policy. None unless
    /// said. Zero is refused.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The longest silence on both outputs, after which it is stopped. None unless said. Zero is
    /// refused, and so is it where the outputs are not read.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// How often it is tried again after it failed: these are extra attempts. A stop or a kill is
    /// never followed by one, nor is a start that cannot succeed.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retry = self.retry.with_attempts(Some(retries));
        self
    }

    /// How long to wait before each of them.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry = self.retry.with_delay(delay);
        self
    }

    /// How often and when it is tried again, in full.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How it is stopped; TERM, ten seconds, KILL unless said.
    pub fn stop(mut self, stop: StopPolicy) -> Self {
        self.stop = stop;
        self
    }

    /// Which exit codes mean success; 0 unless said.
    pub fn success_codes(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.success = codes.into_iter().collect();
        self
    }

    /// Goes on with `change` where `condition` holds.
    ///
    /// ```
    /// # use pitcrew::Command;
    /// let verbose = true;
    /// let list = Command::new("ls").when(verbose, |ls| ls.arg("-la"));
    /// assert_eq!(list.to_string(), "ls -la");
    /// ```
    pub fn when(self, condition: bool, change: impl FnOnce(Self) -> Self) -> Self {
        if condition { change(self) } else { self }
    }

    pub(super) fn called(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let first = match &self.line {
            CommandKind::Program(argv) => argv.first().map(OsString::as_os_str).unwrap_or_default(),
            CommandKind::Shell(script, _) => first_word(script),
        };
        let name = Path::new(first).file_name().unwrap_or(first);
        name.to_string_lossy().into_owned()
    }

    pub(super) fn argv(&self) -> Vec<OsString> {
        match &self.line {
            CommandKind::Program(argv) => argv.clone(),
            CommandKind::Shell(script, arguments) => {
                let shell = ["/bin/sh", "-c"].map(OsString::from);
                let zero = (!arguments.is_empty()).then(|| OsString::from("sh"));
                let all = shell.into_iter().chain([script.clone()]).chain(zero);
                all.chain(arguments.iter().cloned()).collect()
            }
        }
    }
}

fn first_word(script: &OsStr) -> &OsStr {
    use std::os::unix::ffi::OsStrExt;
    let words = script.as_bytes().split(u8::is_ascii_whitespace);
    let word = words.filter(|word| !word.is_empty()).find(|word| *word != b"exec");
    OsStr::from_bytes(word.unwrap_or(b"sh"))
}

impl fmt::Display for Command {
    /// As it could be typed into a shell; for people, not for a shell. Nothing in it does anything to
    /// a terminal: control characters show as `$'\e'` and the like, in a shell line as `\e`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = match &self.line {
            CommandKind::Program(argv) => argv,
            CommandKind::Shell(script, arguments) => {
                f.write_str(&visible(&script.to_string_lossy(), &['\n', '\t']))?;
                if arguments.is_empty() { "" } else { " " }.fmt(f)?;
                arguments
            }
        };
        for (place, argument) in arguments.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            write_word(f, &argument.to_string_lossy())?;
        }
        Ok(())
    }
}

/// One argument, quoted where it has to be.
fn write_word(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    match shlex::try_quote(text) {
        Ok(quoted) if !text.contains(char::is_control) => f.write_str(&quoted),
        _ => write!(f, "$'{}'", visible(&text.replace('\\', "\\\\").replace('\'', "\\'"), &[])),
    }
}

/// The text with its control characters as shells write them, but these.
fn visible(text: &str, spared: &[char]) -> String {
    let mut shown = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            _ if !one.is_control() || spared.contains(&one) => shown.push(one),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\u{1b}' => shown.push_str("\\e"),
            '\0'..='\u{7f}' => _ = write!(shown, "\\x{:02x}", u32::from(one)),
            _ => _ = write!(shown, "\\u{:04x}", u32::from(one)),
        }
    }
    shown
}
