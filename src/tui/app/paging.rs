//! Pages of output rows, requested again if the time for one response was not enough.

use crate::control::wire::{SliceQuery, SliceResponse};
use crate::control::{Control, ControlError};

/// All rows that were asked for, as far as there are so many.
pub(super) async fn whole(
    control: &impl Control,
    asked: SliceQuery,
) -> Result<SliceResponse, ControlError> {
    let rows = asked.rows.unwrap_or(100);
    let (forth, back) = (asked.after.is_some() || asked.at.is_some(), asked.after.is_none());
    let rest = SliceQuery { at: None, above: None, before: None, after: None, ..asked.clone() };
    let mut given = control.slice(asked).await?;
    while forth
        && given.rows.len() < rows
        && let Some(after) = given.after_from.take()
    {
        let (after, left) = (Some(after), Some(rows - given.rows.len()));
        let next = control.slice(SliceQuery { after, rows: left, ..rest.clone() }).await?;
        given.rows.extend(next.rows);
        let SliceResponse { partials, after, after_from, lines, next, .. } = next;
        given = SliceResponse { partials, after, after_from, lines, next, ..given };
    }
    while back
        && given.rows.len() < rows
        && let Some(before) = given.before_from.take()
    {
        let (before, left) = (Some(before), Some(rows - given.rows.len()));
        let next = control.slice(SliceQuery { before, rows: left, ..rest.clone() }).await?;
        given.rows.splice(0..0, next.rows);
        let SliceResponse { before, before_from, above, first, .. } = next;
        given = SliceResponse { before, before_from, above, first, ..given };
    }
    Ok(given)
}
