//! Fetches rows of output, with further requests if the time limit of one response was not enough.

use crate::control::wire::{SliceQuery, SliceResponse};
use crate::control::{Control, ControlError};

/// Fetches all rows of a query, as far as there are that many.
pub(super) async fn fetch_rows(
    control: &impl Control,
    query: SliceQuery,
) -> Result<SliceResponse, ControlError> {
    let rows = query.rows.unwrap_or(100);
    let (forward, back) = (query.after.is_some() || query.at.is_some(), query.after.is_none());
    let rest = SliceQuery { at: None, above: None, before: None, after: None, ..query.clone() };
    let mut response = control.slice(query).await?;
    while forward
        && response.rows.len() < rows
        && let Some(after) = response.after_from.take()
    {
        let (after, missing) = (Some(after), Some(rows - response.rows.len()));
        let next = control.slice(SliceQuery { after, rows: missing, ..rest.clone() }).await?;
        response.rows.extend(next.rows);
        let SliceResponse { partials, after, after_from, lines, next, .. } = next;
        response = SliceResponse { partials, after, after_from, lines, next, ..response };
    }
    while back
        && response.rows.len() < rows
        && let Some(before) = response.before_from.take()
    {
        let (before, missing) = (Some(before), Some(rows - response.rows.len()));
        let next = control.slice(SliceQuery { before, rows: missing, ..rest.clone() }).await?;
        response.rows.splice(0..0, next.rows);
        let SliceResponse { before, before_from, above, first, .. } = next;
        response = SliceResponse { before, before_from, above, first, ..response };
    }
    Ok(response)
}
