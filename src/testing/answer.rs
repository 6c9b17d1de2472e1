//! Answers of the scripted host: a script, a sequence of scripts, or a function.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Call, Script};
use crate::spec::counted;

/// The answer to a command: a [`Script`], a [`Sequence`] of them, or a function.
#[derive(Debug, Clone)]
#[must_use = "an answer does nothing before it is added to a host"]
pub struct Answer(AnswerKind);

#[derive(Clone)]
enum AnswerKind {
    Always(Script),
    Sequence(Sequence),
    By(Arc<dyn Fn(&Call) -> Script + Send + Sync>),
}

impl Answer {
    /// Answers with the script that a function returns for the command.
    ///
    /// ```
    /// use pitcrew::testing::{Answer, Script, ScriptedHost};
    ///
    /// let host = ScriptedHost::new().on(
    ///     "echo *",
    ///     Answer::by(|call| Script::new().out(call.line().trim_start_matches("echo "))),
    /// );
    /// # drop(host);
    /// ```
    pub fn by(answer: impl Fn(&Call) -> Script + Send + Sync + 'static) -> Self {
        Self(AnswerKind::By(Arc::new(answer)))
    }

    /// Returns the script for this command, or why there is none.
    pub(super) fn script_for(&self, call: &Call) -> Result<Script, String> {
        match &self.0 {
            AnswerKind::Always(script) => Ok(script.clone()),
            AnswerKind::Sequence(sequence) => sequence.next(),
            AnswerKind::By(answer) => Ok(answer(call)),
        }
    }
}

impl From<Script> for Answer {
    fn from(script: Script) -> Self {
        Self(AnswerKind::Always(script))
    }
}

impl From<Sequence> for Answer {
    fn from(sequence: Sequence) -> Self {
        Self(AnswerKind::Sequence(sequence))
    }
}

impl fmt::Debug for AnswerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always(script) => script.fmt(f),
            Self::Sequence(sequence) => sequence.fmt(f),
            Self::By(_) => f.write_str("a function"),
        }
    }
}

/// A sequence of scripts: the first command gets the first script. What follows the last one must be
/// stated explicitly.
///
/// ```
/// use pitcrew::testing::{Script, ScriptedHost, Sequence};
///
/// let flaky = Sequence::new([Script::new().exit(1), Script::new().exit(1)]).then(Script::new());
/// let twice = Sequence::new([Script::new(), Script::new()]).then_fail();
/// let host = ScriptedHost::new().on("flaky", flaky).on("twice", twice);
/// # drop(host);
/// ```
#[derive(Debug, Clone)]
#[must_use = "a sequence does nothing before it is added to a host"]
pub struct Sequence {
    scripts: Arc<[Script]>,
    then: Option<Box<Script>>,
    used: Arc<AtomicUsize>,
}

/// A sequence whose continuation is not stated yet; see [`Sequence`].
#[derive(Debug, Clone)]
#[must_use = "state what follows: then, then_repeat_last or then_fail"]
pub struct SequenceBuilder(Vec<Script>);

impl Sequence {
    /// Creates a sequence of these scripts; state next what follows.
    #[expect(clippy::new_ret_no_self, reason = "the builder requires to state what follows")]
    pub fn new(scripts: impl IntoIterator<Item = Script>) -> SequenceBuilder {
        SequenceBuilder(scripts.into_iter().collect())
    }

    fn next(&self) -> Result<Script, String> {
        let index = self.used.fetch_add(1, Ordering::Relaxed);
        let script = self.scripts.get(index).or(self.then.as_deref());
        let count = counted(self.scripts.len(), "script");
        script.cloned().ok_or_else(|| format!("its sequence of {count} is used up"))
    }
}

impl SequenceBuilder {
    /// After the last script, always this one.
    pub fn then(self, script: Script) -> Sequence {
        self.followed_by(Some(script))
    }

    /// After the last script, the last one again. An empty sequence has none, and behaves as with
    /// [`SequenceBuilder::then_fail`].
    pub fn then_repeat_last(self) -> Sequence {
        let last = self.0.last().cloned();
        self.followed_by(last)
    }

    /// After the last script, further commands are unexpected.
    pub fn then_fail(self) -> Sequence {
        self.followed_by(None)
    }

    fn followed_by(self, then: Option<Script>) -> Sequence {
        let then = then.map(Box::new);
        Sequence { scripts: self.0.into(), then, used: Arc::default() }
    }
}
