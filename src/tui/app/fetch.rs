//! What is copied and has to be got from the project first.

use std::fmt::Write as _;

use tokio::sync::mpsc::Sender;

use super::pour::{self, NOTHING};
use super::whole::whole;
use crate::control::wire::{Row, SeekAsked, SliceAsked};
use crate::control::{Control, Problem};
use crate::tui::msg::{Fetched, Msg, Wish};
use crate::tui::text;
use crate::tui::ui::select::Selection;
use crate::tui::ui::window::{Item, Key, item};

/// Rows that are got at once.
const ROWS: usize = 5000;

/// Gets it, to be copied.
pub(super) async fn fetched(control: &impl Control, what: Fetched) -> Msg {
    let text = match what {
        Fetched::Command(name) => command(control, &name).await,
        Fetched::Why(name) => why(control, &name).await,
        Fetched::Error(asked) => error(control, asked).await,
        Fetched::Lines(asked, selection) => {
            let (sender, portions) = pour::channel();
            return pour::held(lines(control, asked, selection, sender), portions).await;
        }
    };
    match text {
        Ok(Some(text)) => Msg::Do(Wish::Copy(text)),
        Ok(None) => Msg::Said(Err(NOTHING.to_owned())),
        Err(problem) => Msg::Said(Err(problem.message)),
    }
}

async fn command(control: &impl Control, name: &str) -> Result<Option<String>, Problem> {
    let details = control.details(name, crate::control::wire::Looked::default()).await?;
    Ok(Some(crate::tui::view::sheet::command(&details)))
}

/// The whole chain, a line for each.
async fn why(control: &impl Control, name: &str) -> Result<Option<String>, Problem> {
    let why = control.why(name).await?;
    let mut all = format!("{}: {}", why.name, why.why);
    for because in why.chain {
        let indent = "  ".repeat(because.depth as usize);
        _ = write!(all, "\n{indent}{}: {}", because.name, because.why);
    }
    Ok(Some(all))
}

async fn error(control: &impl Control, asked: SeekAsked) -> Result<Option<String>, Problem> {
    Ok(match control.seek(asked).await?.row {
        Some(Row::Line { line, .. }) => {
            Some(text::copied(&line.bytes()).trim_end_matches(['\n', '\r']).to_owned())
        }
        Some(Row::Mark(_)) | None => None,
    })
}

/// All that is selected, wherever it is, a portion at a time.
async fn lines(
    control: &impl Control,
    asked: SliceAsked,
    selection: Selection,
    portions: Sender<Vec<u8>>,
) -> Result<(), String> {
    let (start, end) = selection.ends();
    let mut after = start.key.before();
    loop {
        let place = Some(after.place());
        let slice = SliceAsked { after: place, rows: Some(ROWS), ..asked.clone() };
        let given = whole(control, slice).await.map_err(|problem| problem.message)?;
        let more = given.after;
        let rows = given.rows.into_iter().map(item).take_while(|(key, _)| *key <= end.key);
        let items: Vec<(Key, Item)> = rows.collect();
        if portions.send(selection.text(&items).into_bytes()).await.is_err() {
            return Ok(());
        }
        match items.last() {
            Some((last, _)) if more && *last < end.key => after = *last,
            _ => return Ok(()),
        }
    }
}
