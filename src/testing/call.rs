//! Call: a command that was requested of a host, and its text form.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use crate::sys::{Launch, OutputFd, StdinTarget};
use crate::terminal::Size;

/// Programs that run the text after `-c`.
const SHELLS: [&str; 6] = ["sh", "ash", "bash", "dash", "ksh", "zsh"];

/// A command that was requested of a host.
///
/// ```
/// use pitcrew::testing::{Script, ScriptedHost};
/// use pitcrew::{Command, ProcessManager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pitcrew::Error> {
/// let host = ScriptedHost::new().on("*", Script::new());
/// let manager = ProcessManager::with_host(host.clone());
/// manager.run(Command::new("git").args(["commit", "-m", "two words"]).env("LANG", "C")).await?;
///
/// let run = host.assert_ran("git *");
/// assert_eq!(run.call().line(), "git commit -m 'two words'");
/// assert_eq!(run.call().argv(), ["git", "commit", "-m", "two words"]);
/// assert_eq!(run.call().env("LANG").unwrap(), "C");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Call {
    launch: Launch,
    line: String,
    words: String,
}

impl Call {
    pub(super) fn new(launch: Launch) -> Self {
        let words = quoted(&launch.argv);
        let line = shell_line(&launch.argv).unwrap_or_else(|| words.clone());
        Self { launch, line, words }
    }

    /// Returns the command as it could be typed: the text of a shell line, or program and arguments quoted
    /// where necessary. Text patterns are compared with it.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Program and arguments, quoted where necessary, including a shell and its `-c`.
    pub(super) fn words(&self) -> &str {
        &self.words
    }

    /// The program.
    pub fn program(&self) -> &OsStr {
        self.launch.argv.first().map(OsString::as_os_str).unwrap_or_default()
    }

    /// Program and arguments. A shell line is `/bin/sh`, `-c` and its text.
    pub fn argv(&self) -> &[OsString] {
        &self.launch.argv
    }

    /// The working folder.
    pub fn cwd(&self) -> &Path {
        &self.launch.cwd
    }

    /// The value of a variable of its environment.
    pub fn env(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        let mut variables = self.launch.env.iter().rev();
        variables.find(|(known, _)| known == name.as_ref()).map(|(_, value)| value.as_os_str())
    }

    /// Its complete environment, including the marker variables of pitcrew.
    pub fn envs(&self) -> &[(OsString, OsString)] {
        &self.launch.env
    }

    /// Its standard input.
    pub fn stdin(&self) -> &StdinTarget {
        &self.launch.stdin
    }

    /// Its standard output.
    pub fn stdout(&self) -> &OutputFd {
        &self.launch.stdout
    }

    /// The size of its terminal at the start; `None` without a terminal.
    pub(super) fn terminal(&self) -> Option<Size> {
        self.launch.terminal
    }

    /// Whether something can be written to its input.
    pub(super) fn has_writable_input(&self) -> bool {
        self.launch.terminal.is_some() || matches!(self.launch.stdin, StdinTarget::Pipe)
    }

    /// Its standard error.
    pub fn stderr(&self) -> &OutputFd {
        &self.launch.stderr
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

fn quoted(argv: &[OsString]) -> String {
    let word = |word: &OsString| {
        let text = word.to_string_lossy();
        shlex::try_quote(&text).map_or_else(|_| format!("{text:?}"), std::borrow::Cow::into_owned)
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Returns the text of `sh -c TEXT`, and its arguments `$1` and so on.
fn shell_line(argv: &[OsString]) -> Option<String> {
    let (program, rest) = argv.split_first()?;
    let name = Path::new(program).file_name()?.to_str()?;
    if !SHELLS.contains(&name) {
        return None;
    }
    let is_c = |word: &OsString| {
        let word = word.to_string_lossy();
        word.starts_with('-') && !word.starts_with("--") && word.ends_with('c')
    };
    let (text, rest) = rest.get(rest.iter().position(is_c)? + 1..)?.split_first()?;
    let mut line = text.to_string_lossy().into_owned();
    // The first one is `$0`, which is irrelevant.
    if let Some(arguments) = rest.get(1..).filter(|arguments| !arguments.is_empty()) {
        line.push(' ');
        line.push_str(&quoted(arguments));
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(argv: &[&str]) -> String {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        shell_line(&argv).unwrap_or_else(|| quoted(&argv))
    }

    #[test]
    fn commands_are_shown_as_they_could_be_typed() {
        assert_eq!(shown(&["git", "log", "a b", ""]), "git log 'a b' ''");
        assert_eq!(shown(&["/bin/sh", "-c", "echo 'a  b' | wc"]), "echo 'a  b' | wc");
        assert_eq!(shown(&["bash", "-eu", "-o", "pipefail", "-c", "x"]), "x");
        assert_eq!(shown(&["bash", "-euc", "x"]), "x");
        assert_eq!(shown(&["sh", "-c", "ls \"$1\"", "sh", "a b"]), "ls \"$1\" 'a b'");
        assert_eq!(shown(&["sh", "run.sh"]), "sh run.sh");
        assert_eq!(shown(&["sh", "-c"]), "sh -c");
        assert_eq!(shown(&["sh"]), "sh");
    }
}
