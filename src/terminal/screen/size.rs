//! Size of a terminal.

use serde::{Deserialize, Serialize};

/// A terminal's size in character cells, within the bounds that an emulated screen can have.
///
/// The emulator needs two columns, as a wide character takes that many. The upper bounds keep one
/// screen below 24 MB whatever a viewer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "RawSize")]
pub struct Size {
    columns: u16,
    rows: u16,
}

#[derive(Deserialize)]
struct RawSize {
    columns: u16,
    rows: u16,
}

impl From<RawSize> for Size {
    fn from(raw: RawSize) -> Self {
        Self::new(raw.columns, raw.rows)
    }
}

impl Size {
    /// Largest number of columns.
    pub const MAX_COLUMNS: u16 = 1000;
    /// Largest number of rows.
    pub const MAX_ROWS: u16 = 500;

    /// A size, moved into the bounds if it lies outside.
    pub fn new(columns: u16, rows: u16) -> Self {
        Self { columns: columns.clamp(2, Self::MAX_COLUMNS), rows: rows.clamp(1, Self::MAX_ROWS) }
    }

    /// Number of columns, 2 to [`Self::MAX_COLUMNS`].
    pub fn columns(self) -> u16 {
        self.columns
    }

    /// Number of rows, 1 to [`Self::MAX_ROWS`].
    pub fn rows(self) -> u16 {
        self.rows
    }
}

/// The size of a terminal that no viewer has looked at: 80×24.
impl Default for Size {
    fn default() -> Self {
        Self::new(80, 24)
    }
}
