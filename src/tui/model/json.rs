//! Pretty-prints lines of JSON over several rows.

use std::sync::Arc;

use ratatui::style::Style;

use super::log_window::{LogItem, LogLine, RowKey};
use crate::tui::text::StyledLine;

/// Longer ones stay as they are: nobody reads them, and a screen of them would take long.
const LONGEST: usize = 16 << 10;

/// What is shown instead of an item: itself, unless it is a line that is JSON and more than one
/// value.
pub(super) fn laid_out(key: RowKey, item: &LogItem) -> Vec<(RowKey, LogItem)> {
    let pretty = item.line().and_then(|line| Some((line, pretty(&line.bytes)?)));
    let Some((line, pretty)) = pretty else { return vec![(key, item.clone())] };
    let of_row = |(at, row): (usize, &str)| {
        let shown = LogLine {
            bytes: Arc::from(row.as_bytes()),
            text: StyledLine::plain_of(row, Style::new()),
            ..line.clone()
        };
        (RowKey { event: at as u64, ..key }, LogItem::Line(shown))
    };
    pretty.lines().enumerate().map(of_row).collect()
}

fn pretty(bytes: &[u8]) -> Option<String> {
    let text = bytes.trim_ascii();
    let is_some = matches!(text.first(), Some(b'{' | b'[')) && text.len() <= LONGEST;
    if !is_some {
        return None;
    }
    let value: serde_json::Value = serde_json::from_slice(text).ok()?;
    let pretty = serde_json::to_string_pretty(&value).ok()?;
    pretty.contains('\n').then_some(pretty)
}
