//! Notices: messages to the front end that are not state changes.

use tokio::sync::mpsc;

use crate::output::{LogFileEvent, LogFileNotice};
use crate::spec::{Name, counted};

/// A message to the user that is not a state change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The process; `None` for pitcrew itself.
    pub about: Option<Name>,
    /// One sentence, not yet sanitized for a terminal.
    pub text: String,
}

impl Notice {
    pub(crate) fn about(name: &Name, text: impl Into<String>) -> Self {
        Self { about: Some(name.clone()), text: text.into() }
    }

    pub(crate) fn general(text: impl Into<String>) -> Self {
        Self { about: None, text: text.into() }
    }
}

impl From<LogFileNotice> for Notice {
    fn from(notice: LogFileNotice) -> Self {
        let text = match notice.event {
            LogFileEvent::Failing { error } => {
                let rest = "up to 8 MiB of output is kept for it, and the rest is counted as lost";
                format!("cannot be written: {error}; {rest}")
            }
            LogFileEvent::Recovered { lost_lines: 0, .. } => {
                "is written again; nothing is missing".to_owned()
            }
            LogFileEvent::Recovered { lost_lines, lost_bytes } => {
                format!("is written again; {}", lost(lost_lines, lost_bytes))
            }
            LogFileEvent::Lost { error, lost_lines, lost_bytes } => {
                let lost = lost(lost_lines, lost_bytes);
                format!("could not be written to the end: {error}; {lost}")
            }
            LogFileEvent::NotRotated { error } => {
                format!("is full but cannot be renamed: {error}; it keeps growing")
            }
        };
        Self::about(&notice.source, format!("its log {} {text}", notice.path.display()))
    }
}

/// `lost: 3 lines (120 bytes)`
fn lost(lines: u64, bytes: u64) -> String {
    format!("lost: {} ({})", counted(lines, "line"), counted(bytes, "byte"))
}

/// Sends notices to the front end. Clones have the same receiver.
#[derive(Debug, Clone)]
pub struct NoticeSender(mpsc::UnboundedSender<Notice>);

impl NoticeSender {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Notice>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sends a notice, and writes it to the diagnostics. Never waits.
    pub fn send(&self, notice: Notice) {
        let about = notice.about.as_ref().map_or("pitcrew", Name::as_str);
        tracing::info!(about, text = notice.text, "notice");
        _ = self.0.send(notice);
    }
}
