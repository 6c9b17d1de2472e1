//! A command: program, arguments, working folder, environment, input, output and limits.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Retry;
use crate::output::CaptureLimit;
use crate::spec::StopPolicy;

/// A command and everything needed to run it. A plain value: nothing runs before it is passed to a
/// [`ProcessManager`](crate::ProcessManager) or a pool, and it can be run several times.
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
    pub(super) kind: CommandKind,
    pub(super) name: Option<String>,
    pub(super) cwd: Option<PathBuf>,
    pub(super) inherit_env: bool,
    /// In the order of the calls; `None` removes a variable.
    pub(super) env: Vec<(OsString, Option<OsString>)>,
    pub(super) stdin: Stdin,
    pub(super) output: Output,
    pub(super) merges_stderr: bool,
    pub(super) tty: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) retry: Retry,
    pub(super) stop: StopPolicy,
    pub(super) success_codes: Vec<i32>,
}

#[derive(Debug, Clone)]
pub(super) enum CommandKind {
    /// A program and its arguments.
    Program(Vec<OsString>),
    /// Text for `/bin/sh -c`, and its `$1`, `$2` and so on.
    Shell(OsString, Vec<OsString>),
}

/// The standard input of a command.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Stdin {
    /// `/dev/null`.
    #[default]
    Null,
    /// An input that never ends and never delivers data, for programs that exit at the end of their input,
    /// such as `esbuild --watch`.
    Open,
    /// These bytes, then the end. It is no error if the command does not read them all.
    Bytes(Vec<u8>),
    /// This file, from its beginning in each attempt. A relative path is relative to the current folder of
    /// this program, whatever the folder of the command.
    File(PathBuf),
    /// What is written with [`ProcessHandle::write`](crate::ProcessHandle::write), until
    /// [`close_stdin`](crate::ProcessHandle::close_stdin). Not allowed with retries, nor without a handle:
    /// [`ProcessManager::run`](crate::ProcessManager::run), a pipeline,
    /// [`ProcessPool::run_all`](crate::ProcessPool::run_all).
    Piped,
    /// The standard input of this program.
    Inherit,
}

impl<B: Into<Vec<u8>>> From<B> for Stdin {
    fn from(bytes: B) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// The destination of the outputs of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Kept for the result up to this limit, and available to readers.
    Capture(CaptureLimit),
    /// Not kept, but available to readers while it comes.
    Discard,
    /// `/dev/null`. Not allowed with an idle timeout.
    Null,
    /// The outputs of this program. Not allowed with an idle timeout.
    Inherit,
}

impl Output {
    /// Keeps the last `bytes` bytes of each output.
    pub fn tail(bytes: usize) -> Self {
        Self::Capture(CaptureLimit { bytes, keep: crate::output::KeepSide::Tail })
    }

    /// Keeps the first `bytes` bytes of each output.
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
    fn of(kind: CommandKind) -> Self {
        Self {
            kind,
            name: None,
            cwd: None,
            inherit_env: true,
            env: Vec::new(),
            stdin: Stdin::default(),
            output: Output::default(),
            merges_stderr: false,
            tty: false,
            timeout: None,
            idle_timeout: None,
            retry: Retry::never(),
            stop: StopPolicy::default(),
            success_codes: vec![0],
        }
    }

    /// Creates a command for a program, which is searched in the `PATH` of the command, without a shell. A
    /// program that does not exist is an error.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self::of(CommandKind::Program(vec![program.into()]))
    }

    /// Creates a command from a line for `/bin/sh -c`. [`Command::arg`] sets `$1` and so on, which need no
    /// quoting. If the line names a program that does not exist, the exit code is 127, as in any shell.
    ///
    /// Begin the line with `exec` if it only starts one program, so that no shell stays in between.
    pub fn shell(line: impl Into<OsString>) -> Self {
        Self::of(CommandKind::Shell(line.into(), Vec::new()))
    }

    /// Adds an argument.
    pub fn arg(self, argument: impl Into<OsString>) -> Self {
        self.args([argument])
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let (CommandKind::Program(argv) | CommandKind::Shell(_, argv)) = &mut self.kind;
        argv.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets its name in events; default: the name of its program. An empty name is refused.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets its working folder; default: that of this program at the start.
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
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.env
            .extend(variables.into_iter().map(|(name, value)| (name.into(), Some(value.into()))));
        self
    }

    /// Removes a variable from its environment, wherever it comes from.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// Sets whether it inherits the environment of this program; default: yes.
    pub fn inherit_env(mut self, inherit: bool) -> Self {
        self.inherit_env = inherit;
        self
    }

    /// Sets its standard input; default: none.
    pub fn stdin(mut self, stdin: impl Into<Stdin>) -> Self {
        self.stdin = stdin.into();
        self
    }

    /// Sets the destination of its outputs; default: the last 8 MiB of each are kept.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Sends stderr to stdout, so that both keep the exact order of writing.
    pub fn merge_stderr(mut self) -> Self {
        self.merges_stderr = true;
        self
    }

    /// Gives it a terminal, which is its input and both of its outputs: 80 columns, 24 rows, compatible with
    /// `xterm-256color`. [`ProcessHandle::screen`](crate::ProcessHandle::screen) is what is on it,
    /// [`send_keys`](crate::ProcessHandle::send_keys) types into it, and
    /// [`wait_for_screen`](crate::ProcessHandle::wait_for_screen) waits for it. Its output is captured as that
    /// of a pipe, as stdout, without what full-screen programs draw; lines end with `\r\n`.
    ///
    /// [`Stdin::Bytes`] are typed at the start; their end is not the end of the input. `Stdin::File`,
    /// `Stdin::Inherit`, `Output::Null` and `Output::Inherit` are refused. At a stop HUP follows TERM after
    /// 100 ms, as interactive shells ignore TERM, unless the stop policy has another signal or a command.
    ///
    /// ```
    /// use pitcrew::{Command, ProcessManager};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), pitcrew::Error> {
    /// let manager = ProcessManager::new();
    /// let result = manager.run(Command::shell("test -t 0 && echo yes").tty(true)).await?;
    /// assert_eq!(result.stdout(), b"yes\r\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn tty(mut self, tty: bool) -> Self {
        self.tty = tty;
        self
    }

    /// Sets the maximum duration of one attempt, after which it is stopped by its stop policy. Default:
    /// none. Zero is refused.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the maximum time without output, after which it is stopped. Default: none. Zero is refused, and
    /// so is any value if the outputs are not read.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Sets the number of retries after a failure. There is no retry after a stop or a kill, nor after a
    /// start that cannot succeed.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retry.policy.attempts = Some(retries);
        self
    }

    /// Sets the delay before each retry.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry = self.retry.delay(delay);
        self
    }

    /// Sets the full retry policy.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets its stop policy; default: TERM, ten seconds, KILL.
    pub fn stop(mut self, stop: StopPolicy) -> Self {
        self.stop = stop;
        self
    }

    /// Sets the exit codes that mean success; default: 0.
    pub fn success_codes(mut self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.success_codes = codes.into_iter().collect();
        self
    }

    /// Applies `change` if `condition` holds.
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

    pub(super) fn display_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let first = match &self.kind {
            CommandKind::Program(argv) => argv.first().map(OsString::as_os_str).unwrap_or_default(),
            CommandKind::Shell(script, _) => first_word(script),
        };
        let name = Path::new(first).file_name().unwrap_or(first);
        name.to_string_lossy().into_owned()
    }

    pub(super) fn argv(&self) -> Vec<OsString> {
        match &self.kind {
            CommandKind::Program(argv) => argv.clone(),
            CommandKind::Shell(script, arguments) => {
                let shell = ["/bin/sh", "-c"].map(OsString::from);
                let zero = (!arguments.is_empty()).then(|| OsString::from("sh"));
                let argv = shell.into_iter().chain([script.clone()]).chain(zero);
                argv.chain(arguments.iter().cloned()).collect()
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
    /// Formats it as it could be typed into a shell, for people only. Control characters show as `$'\e'`
    /// and the like, in a shell line as `\e`, so the text is safe for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = match &self.kind {
            CommandKind::Program(argv) => argv,
            CommandKind::Shell(script, arguments) => {
                f.write_str(&visible(&script.to_string_lossy(), &['\n', '\t']))?;
                if arguments.is_empty() { "" } else { " " }.fmt(f)?;
                arguments
            }
        };
        for (index, argument) in arguments.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write_word(f, &argument.to_string_lossy())?;
        }
        Ok(())
    }
}

/// Writes one argument, quoted if necessary.
fn write_word(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    match shlex::try_quote(text) {
        Ok(quoted) if !text.contains(char::is_control) => f.write_str(&quoted),
        _ => write!(f, "$'{}'", visible(&text.replace('\\', "\\\\").replace('\'', "\\'"), &[])),
    }
}

/// Escapes control characters as shells write them, except those in `kept`.
fn visible(text: &str, kept: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if !c.is_control() || kept.contains(&c) => escaped.push(c),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{1b}' => escaped.push_str("\\e"),
            '\0'..='\u{7f}' => _ = write!(escaped, "\\x{:02x}", u32::from(c)),
            _ => _ = write!(escaped, "\\u{:04x}", u32::from(c)),
        }
    }
    escaped
}
