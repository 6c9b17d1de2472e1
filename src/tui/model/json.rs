//! Pretty-prints lines of JSON as several rows.

use std::sync::Arc;

use ratatui::style::Style;

use super::log_window::{LogItem, LogLine, RowKey};
use crate::tui::text::StyledLine;

/// The size limit in bytes. Formatting a screen of longer lines would take long, and few read them.
const MAX_SIZE: usize = 16 << 10;

/// Returns the rows of an item: the item itself, unless it is a line with a JSON object or array that
/// takes several rows.
pub(super) fn pretty_rows(key: RowKey, item: &LogItem) -> Vec<(RowKey, LogItem)> {
    let pretty = item.line().and_then(|line| Some((line, pretty(&line.bytes)?)));
    let Some((line, pretty)) = pretty else { return vec![(key, item.clone())] };
    let to_item = |(index, row): (usize, &str)| {
        let row = LogLine {
            bytes: Arc::from(row.as_bytes()),
            text: StyledLine::plain_of(row, Style::new()),
            ..line.clone()
        };
        (RowKey { event: index as u64, ..key }, LogItem::Line(row))
    };
    pretty.lines().enumerate().map(to_item).collect()
}

fn pretty(bytes: &[u8]) -> Option<String> {
    let text = bytes.trim_ascii();
    let is_candidate = matches!(text.first(), Some(b'{' | b'[')) && text.len() <= MAX_SIZE;
    if !is_candidate {
        return None;
    }
    let value: serde_json::Value = serde_json::from_slice(text).ok()?;
    let pretty = serde_json::to_string_pretty(&value).ok()?;
    pretty.contains('\n').then_some(pretty)
}
