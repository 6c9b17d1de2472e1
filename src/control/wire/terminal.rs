//! Types of terminals: the screen for scripts, and the messages of an attached viewer.
//!
//! After the upgrade of `GET /v1/terminal/{name}` both sides send messages: the length of the rest as
//! four bytes, little-endian; one byte for the kind; the body. A viewer sends JSON ([`ViewerMessage`]).
//! The project answers a `take` with a frame ([`Frame::encode`]) once the screen has changed, so a slow
//! viewer skips frames and nothing queues.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::machine::StateName;
use crate::terminal::key::{KeyEvent, MouseEvent};
use crate::terminal::{Frame, Palette, ScreenContent, Size, Version};

/// Which screen to return, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ScreenQuery {
    /// Respond when the screen has another version than this; immediately if it has.
    #[param(format = "uint64")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Respond when this regular expression matches the text of the screen, or no longer can because the
    /// process has succeeded, failed or was skipped. `^` and `$` match at the ends of rows.
    #[param(format = "regex")]
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Respond after this many milliseconds at the latest; default: 0.
    #[param(format = "uint64")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
    /// Include the rows with escape sequences for colours and styles.
    #[serde(default)]
    pub ansi: bool,
}

/// The screen of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScreenResponse {
    /// Name of the process.
    pub name: String,
    /// State of the process.
    pub state: StateName,
    /// A run is alive; otherwise it is the last screen.
    pub running: bool,
    /// The version of the screen; it grows with each change.
    pub version: u64,
    /// Whether the regular expression matches, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<bool>,
    /// What is on the screen.
    #[serde(flatten)]
    pub content: ScreenContent,
    /// The rows with escape sequences, if the query asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ansi: Option<String>,
}

/// A message of a viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ViewerMessage {
    /// Requests the changes since a version, as soon as there are any.
    Take(Version),
    /// A key.
    Key(KeyEvent),
    /// Pasted text.
    Paste(String),
    /// The mouse.
    Mouse(MouseEvent),
    /// The pane has the focus or has lost it.
    Focus(bool),
    /// The size that the viewer can show.
    Size {
        /// In cells.
        size: Size,
        /// Width and height of a cell in pixels, if they are known.
        #[serde(default)]
        cell: Option<(u16, u16)>,
        /// The viewer can type, so the program may get its size.
        interactive: bool,
    },
    /// The colours of the viewer's terminal, for queries of programs.
    Palette(Palette),
}

/// A message of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalMessage {
    /// The answer to [`ViewerMessage::Take`].
    Frame(Frame),
    /// Another message.
    Note(TerminalNote),
}

/// A message of the project that is not a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalNote {
    /// The program has written to the clipboard (OSC 52).
    Clipboard {
        /// The primary selection instead of the clipboard.
        primary: bool,
        /// The text.
        text: String,
    },
    /// Input has not reached the program, for this reason.
    Refused(String),
}
