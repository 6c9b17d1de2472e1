//! Patterns for commands.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::panic::Location;
use std::path::Path;
use std::sync::Arc;

use super::Call;
use crate::sys::{PROCESS, REPLICA};

/// A pattern for commands. Text is a pattern for the line: `"git fetch*"`.
///
/// ```
/// use pitcrew::testing::{Pattern, ScriptedHost, Script};
///
/// let host = ScriptedHost::new()
///     .on("git fetch*", Script::new())
///     .on(Pattern::argv(["git", "status"]), Script::new().out("clean"))
///     .on(Pattern::program("npm"), Script::new().exit(1))
///     .on(Pattern::when(|call| call.cwd().ends_with("web")), Script::forever());
/// host.assert_not_ran("rm *");
/// ```
#[derive(Clone)]
pub struct Pattern(PatternKind);

#[derive(Clone)]
enum PatternKind {
    Line(String),
    Program(OsString),
    Argv(Vec<OsString>),
    Process(String),
    When(CallPredicate, &'static Location<'static>),
}

type CallPredicate = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

impl Pattern {
    /// Matches any command.
    pub fn any() -> Self {
        Self::line("*")
    }

    /// Matches the line, where `*` stands for anything, including nothing, spaces and newlines. Nothing else
    /// is special.
    ///
    /// The line is that of [`Call::line`]: the text of a shell line, or program and arguments, quoted only
    /// where necessary. A shell as the program matches both `"exit 3"` and `"sh -c 'exit 3'"`.
    pub fn line(line: impl Into<String>) -> Self {
        Self(PatternKind::Line(line.into()))
    }

    /// Matches commands that run this program: by file name, or by the exact path if it has a slash.
    pub fn program(program: impl Into<OsString>) -> Self {
        Self(PatternKind::Program(program.into()))
    }

    /// Matches commands with exactly this program and these arguments.
    pub fn argv<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Self {
        Self(PatternKind::Argv(words.into_iter().map(Into::into).collect()))
    }

    /// Matches commands of the process with this name: all replicas of `worker`, or only `worker.2`. In a
    /// library call it is the name of the command.
    pub fn process(name: impl Into<String>) -> Self {
        Self(PatternKind::Process(name.into()))
    }

    /// Matches commands for which the function returns true.
    #[track_caller]
    pub fn when(condition: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        Self(PatternKind::When(Arc::new(condition), Location::caller()))
    }

    /// Whether a command matches.
    pub fn matches(&self, call: &Call) -> bool {
        match &self.0 {
            PatternKind::Line(line) => is_like(call.line(), line) || is_like(call.words(), line),
            PatternKind::Program(program) => {
                let path = call.program();
                path == program || Path::new(path).file_name() == Some(program.as_os_str())
            }
            PatternKind::Argv(argv) => call.argv() == argv,
            PatternKind::Process(name) => is_of_process(call, name),
            PatternKind::When(condition, _) => condition(call),
        }
    }
}

/// Whether a command is that of the process or replica with this name.
fn is_of_process(call: &Call, name: &str) -> bool {
    let text = |name| call.env(name).map(OsStr::to_string_lossy);
    let Some(process) = text(PROCESS) else { return false };
    // The marker of a command of the library is `NAME@ID`.
    let process = process.rsplit_once('@').map_or(&*process, |(name, _)| name);
    process == name || text(REPLICA).is_some_and(|number| format!("{process}.{number}") == name)
}

/// Whether `text` matches `pattern`, in which `*` stands for anything.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return text == pattern };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(end)
}

impl From<&str> for Pattern {
    fn from(line: &str) -> Self {
        Self::line(line)
    }
}

impl From<String> for Pattern {
    fn from(line: String) -> Self {
        Self::line(line)
    }
}

impl From<&Pattern> for Pattern {
    fn from(pattern: &Pattern) -> Self {
        pattern.clone()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            PatternKind::Line(line) => write!(f, "{line:?}"),
            PatternKind::Program(program) => {
                write!(f, "the program {:?}", program.to_string_lossy())
            }
            PatternKind::Argv(argv) => write!(f, "exactly {argv:?}"),
            PatternKind::Process(name) => write!(f, "process {name:?}"),
            PatternKind::When(_, location) => write!(f, "the condition of {location}"),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn a_star_is_anything_and_nothing_else_is_special() {
        for (text, pattern) in [
            ("git fetch", "git fetch"),
            ("git fetch --all", "git fetch*"),
            ("git fetch", "git fetch*"),
            ("git fetch", "*"),
            ("", "*"),
            ("", ""),
            ("a\nb\nc", "a*c"),
            ("a b c", "*b*"),
            ("abcbd", "a*b*d"),
            ("aXbXc", "a**c"),
            ("[ -f x ] && echo ?", "[ -f x ]*?"),
            ("echo *", "echo *"),
        ] {
            assert!(is_like(text, pattern), "{text:?} {pattern:?}");
        }
        for (text, pattern) in [
            ("git fetch", "git"),
            ("git fetch", "git fetc?"),
            ("git", "git *"),
            ("aba", "ab*ba"),
            ("a", "a*a"),
            ("abc", "*b"),
            ("x", ""),
            ("a/b", "a.b"),
        ] {
            assert!(!is_like(text, pattern), "{text:?} {pattern:?}");
        }
    }
}
