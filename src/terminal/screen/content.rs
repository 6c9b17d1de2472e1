//! Content of a screen for scripts and tests: text, size, cursor and title.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::frame::ScreenSnapshot;

/// What is on the screen of a command with [`Command::tty`](crate::Command::tty).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ScreenContent {
    /// The rows, without blanks at their ends and without blank rows at the end.
    pub text: String,
    /// Its width in cells.
    pub columns: u16,
    /// Its height in cells.
    pub rows: u16,
    /// Row and column of the cursor, from 0; `None` while the program hides it.
    #[serde(with = "cursor")]
    #[cfg_attr(feature = "control", schema(value_type = Option<CursorPosition>))]
    pub cursor: Option<(u16, u16)>,
    /// The title that the program has set: at most 256 bytes, without control characters.
    pub title: Option<String>,
    /// Whether a full-screen program runs, such as an editor.
    #[serde(rename = "full_screen")]
    pub is_full_screen: bool,
}

/// The cursor in JSON.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema))]
pub(crate) struct CursorPosition {
    /// Row, from 0.
    row: u16,
    /// Column, from 0.
    column: u16,
}

mod cursor {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::CursorPosition;

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde calls"
    )]
    pub(super) fn serialize<S: Serializer>(
        cursor: &Option<(u16, u16)>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        cursor.map(|(row, column)| CursorPosition { row, column }).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<(u16, u16)>, D::Error> {
        let position = Option::<CursorPosition>::deserialize(deserializer)?;
        Ok(position.map(|CursorPosition { row, column }| (row, column)))
    }
}

impl From<ScreenSnapshot> for ScreenContent {
    fn from(ScreenSnapshot { text, frame }: ScreenSnapshot) -> Self {
        Self {
            text,
            columns: frame.size.columns(),
            rows: frame.size.rows(),
            cursor: frame.cursor.visible.then_some((frame.cursor.row, frame.cursor.column)),
            title: frame.title,
            is_full_screen: frame.modes.alternate_screen,
        }
    }
}

impl ScreenContent {
    /// Whether this text is on the screen, within one row.
    pub fn contains(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// Returns a row, counted from 0; empty below the last one with text.
    pub fn row(&self, row: u16) -> &str {
        self.text.lines().nth(row.into()).unwrap_or_default()
    }
}

impl fmt::Display for ScreenContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
