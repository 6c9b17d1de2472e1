//! Fetches text to copy from the project.

use std::fmt::Write as _;

use tokio::sync::mpsc::Sender;

use super::export;
use super::paging::fetch_rows;
use crate::control::wire::{OutputRow, SeekQuery, SliceQuery};
use crate::control::{Control, ControlError};
use crate::tui::model::log_window::{LogItem, RowKey, log_item};
use crate::tui::model::selection::Selection;
use crate::tui::msg::{Cmd, CopySource, Msg, NOTHING_TO_COPY};
use crate::tui::text;

/// Rows of one request.
const ROWS: usize = 5000;

/// Fetches a text to copy.
pub(super) async fn fetch(control: &impl Control, source: CopySource) -> Msg {
    let text = match source {
        CopySource::Command(name) => command(control, &name).await,
        CopySource::Why(name) => why(control, &name).await,
        CopySource::Error(query) => error(control, query).await,
        CopySource::Lines(query, selection) => {
            let (sender, chunks) = export::channel();
            return export::to_clipboard(lines(control, query, selection, sender), chunks).await;
        }
    };
    match text {
        Ok(Some(text)) => Msg::Perform(Cmd::Copy(text)),
        Ok(None) => Msg::Notice(Err(NOTHING_TO_COPY.to_owned())),
        Err(problem) => Msg::Notice(Err(problem.message)),
    }
}

async fn command(control: &impl Control, name: &str) -> Result<Option<String>, ControlError> {
    let details = control.details(name, crate::control::wire::DetailsQuery::default()).await?;
    Ok(Some(crate::tui::render::details::facts::command(&details)))
}

/// The whole chain of causes, a line for each.
async fn why(control: &impl Control, name: &str) -> Result<Option<String>, ControlError> {
    let why = control.why(name).await?;
    let mut text = format!("{}: {}", why.root.name, why.root.why);
    for link in why.chain {
        let indent = "  ".repeat(link.depth as usize);
        _ = write!(text, "\n{indent}{}: {}", link.name, link.why);
    }
    Ok(Some(text))
}

async fn error(control: &impl Control, query: SeekQuery) -> Result<Option<String>, ControlError> {
    Ok(match control.seek(query).await?.row {
        Some(OutputRow::Line { line, .. }) => {
            Some(text::copied(&line.bytes()).trim_end_matches(['\n', '\r']).to_owned())
        }
        Some(OutputRow::Mark(_)) | None => None,
    })
}

/// The whole selection, also of rows that are not loaded, in chunks.
async fn lines(
    control: &impl Control,
    query: SliceQuery,
    selection: Selection,
    chunks: Sender<Vec<u8>>,
) -> Result<(), String> {
    let (start, end) = selection.bounds();
    let mut after = start.key.before();
    loop {
        let place = Some(after.to_query());
        let query = SliceQuery { after: place, rows: Some(ROWS), ..query.clone() };
        let response = fetch_rows(control, query).await.map_err(|problem| problem.message)?;
        let has_more = response.after;
        let rows = response.rows.into_iter().map(log_item).take_while(|(key, _)| *key <= end.key);
        let items: Vec<(RowKey, LogItem)> = rows.collect();
        if chunks.send(selection.text(&items).into_bytes()).await.is_err() {
            return Ok(());
        }
        match items.last() {
            Some((last, _)) if has_more && *last < end.key => after = *last,
            _ => return Ok(()),
        }
    }
}
