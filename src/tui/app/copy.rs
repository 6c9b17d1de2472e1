//! Fetches text to copy from the project.

use std::fmt::Write as _;

use tokio::sync::mpsc::Sender;

use super::export::{self, NOTHING};
use super::paging::whole;
use crate::control::wire::{OutputRow, SeekQuery, SliceQuery};
use crate::control::{Control, ControlError};
use crate::tui::model::log_window::{LogItem, RowKey, item};
use crate::tui::model::selection::Selection;
use crate::tui::msg::{Cmd, CopySource, Msg};
use crate::tui::text;

/// Rows that are got at once.
const ROWS: usize = 5000;

/// Gets it, to be copied.
pub(super) async fn fetched(control: &impl Control, what: CopySource) -> Msg {
    let text = match what {
        CopySource::Command(name) => command(control, &name).await,
        CopySource::Why(name) => why(control, &name).await,
        CopySource::Error(asked) => error(control, asked).await,
        CopySource::Lines(asked, selection) => {
            let (sender, portions) = export::channel();
            return export::held(lines(control, asked, selection, sender), portions).await;
        }
    };
    match text {
        Ok(Some(text)) => Msg::Do(Cmd::Copy(text)),
        Ok(None) => Msg::Said(Err(NOTHING.to_owned())),
        Err(problem) => Msg::Said(Err(problem.message)),
    }
}

async fn command(control: &impl Control, name: &str) -> Result<Option<String>, ControlError> {
    let details = control.details(name, crate::control::wire::DetailsQuery::default()).await?;
    Ok(Some(crate::tui::render::details::command(&details)))
}

/// The whole chain, a line for each.
async fn why(control: &impl Control, name: &str) -> Result<Option<String>, ControlError> {
    let why = control.why(name).await?;
    let mut all = format!("{}: {}", why.name, why.why);
    for because in why.chain {
        let indent = "  ".repeat(because.depth as usize);
        _ = write!(all, "\n{indent}{}: {}", because.name, because.why);
    }
    Ok(Some(all))
}

async fn error(control: &impl Control, asked: SeekQuery) -> Result<Option<String>, ControlError> {
    Ok(match control.seek(asked).await?.row {
        Some(OutputRow::Line { line, .. }) => {
            Some(text::copied(&line.bytes()).trim_end_matches(['\n', '\r']).to_owned())
        }
        Some(OutputRow::Mark(_)) | None => None,
    })
}

/// All that is selected, wherever it is, a portion at a time.
async fn lines(
    control: &impl Control,
    asked: SliceQuery,
    selection: Selection,
    portions: Sender<Vec<u8>>,
) -> Result<(), String> {
    let (start, end) = selection.ends();
    let mut after = start.key.before();
    loop {
        let place = Some(after.place());
        let slice = SliceQuery { after: place, rows: Some(ROWS), ..asked.clone() };
        let given = whole(control, slice).await.map_err(|problem| problem.message)?;
        let more = given.after;
        let rows = given.rows.into_iter().map(item).take_while(|(key, _)| *key <= end.key);
        let items: Vec<(RowKey, LogItem)> = rows.collect();
        if portions.send(selection.text(&items).into_bytes()).await.is_err() {
            return Ok(());
        }
        match items.last() {
            Some((last, _)) if more && *last < end.key => after = *last,
            _ => return Ok(()),
        }
    }
}
