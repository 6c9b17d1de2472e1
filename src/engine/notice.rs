//! Notices: messages to the front end that are no state change.

use tokio::sync::mpsc;

use crate::output;
use crate::spec::{Name, counted};

/// A message to the user that is no state change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The process it is about; `None` if it is about pitcrew itself.
    pub about: Option<Name>,
    /// One sentence, not yet made safe to show.
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

impl From<output::LogFileNotice> for Notice {
    fn from(notice: output::LogFileNotice) -> Self {
        match notice {
            output::LogFileNotice::LogFailing { source, path, error } => Self::about(
                &source,
                format!(
                    "cannot write its log {}: {error}; up to 8 MiB of what it prints is kept for it, \
                     and the rest counted as lost",
                    path.display()
                ),
            ),
            output::LogFileNotice::LogRecovered { source, path, lost_lines: 0, .. } => Self::about(
                &source,
                format!("its log {} is written again; nothing is missing there", path.display()),
            ),
            output::LogFileNotice::LogRecovered { source, path, lost_lines, lost_bytes } => {
                Self::about(
                    &source,
                    format!(
                        "its log {} is written again; lost there: {}",
                        path.display(),
                        lost(lost_lines, lost_bytes)
                    ),
                )
            }
            output::LogFileNotice::LogLost { source, path, error, lost_lines, lost_bytes } => {
                Self::about(
                    &source,
                    format!(
                        "its log {} could not be written to the end: {error}; lost there: {}",
                        path.display(),
                        lost(lost_lines, lost_bytes)
                    ),
                )
            }
            output::LogFileNotice::LogNotRotated { source, path, error } => Self::about(
                &source,
                format!(
                    "its log {} is full but cannot be renamed: {error}; it grows on",
                    path.display()
                ),
            ),
        }
    }
}

/// `3 lines (120 bytes)`
fn lost(lines: u64, bytes: u64) -> String {
    format!("{} ({})", counted(lines, "line"), counted(bytes, "byte"))
}

/// Where notices go; clones go to the same place.
#[derive(Debug, Clone)]
pub struct NoticeSender(mpsc::UnboundedSender<Notice>);

impl NoticeSender {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Notice>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Tells it, and writes it to the diagnostics. Never waits.
    pub fn tell(&self, notice: Notice) {
        let about = notice.about.as_ref().map_or("pitcrew", Name::as_str);
        tracing::info!(about, text = notice.text, "notice");
        _ = self.0.send(notice);
    }
}
