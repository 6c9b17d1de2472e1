//! What is copied and has to be got from the project first.

use std::fmt::Write as _;

use super::whole::whole;
use crate::control::wire::{Row, SeekAsked, SliceAsked};
use crate::control::{Control, Problem};
use crate::tui::msg::{Fetched, Msg, Wish};
use crate::tui::text;
use crate::tui::ui::select::Selection;
use crate::tui::ui::window::{Key, item};

/// Rows that are got at once.
const ROWS: usize = 5000;

/// Gets it, to be copied.
pub(super) async fn fetched(control: &impl Control, what: Fetched) -> Msg {
    let text = match what {
        Fetched::Command(name) => command(control, &name).await,
        Fetched::Why(name) => why(control, &name).await,
        Fetched::Error(asked) => error(control, asked).await,
        Fetched::Lines(asked, selection) => lines(control, asked, selection).await,
    };
    match text {
        Ok(Some(text)) => Msg::Do(Wish::Copy(text)),
        Ok(None) => Msg::Said(Err("there is nothing to copy".to_owned())),
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

/// All that is selected, wherever it is.
async fn lines(
    control: &impl Control,
    asked: SliceAsked,
    selection: Selection,
) -> Result<Option<String>, Problem> {
    let (start, end) = selection.ends();
    let mut items = Vec::new();
    let mut after = start.key.before();
    loop {
        let place = Some(after.place());
        let slice = SliceAsked { after: place, rows: Some(ROWS), ..asked.clone() };
        let given = whole(control, slice).await?;
        let more = given.after;
        let before = items.len();
        items.extend(given.rows.into_iter().map(item).take_while(|(key, _)| *key <= end.key));
        match items.last().map(|(key, _): &(Key, _)| *key) {
            Some(last) if more && items.len() > before && last < end.key => after = last,
            _ => break,
        }
    }
    Ok(Some(selection.text(&items)).filter(|text| !text.is_empty()))
}
