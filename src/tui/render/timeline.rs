//! Renders events: the timeline screen, and the latest ones below the dashboard.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Border, clock, placeholder, screen_pane, widest};
use crate::machine::EventText;
use crate::tui::appearance::{put, window};
use crate::tui::model::Model;
use crate::tui::model::layout::PaneArea;
use crate::tui::text;
use crate::tui::theme::Role;

pub(in crate::tui) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    let (look, timeline) = (&ui.look, &ui.timeline);
    let (total, shown) = timeline.counts();
    let title = if timeline.is_filtered() {
        format!("Events {} {shown} of {total}, filtered", look.glyphs.dot)
    } else {
        format!("Events {} {total}", look.glyphs.dot)
    };
    let inside = screen_pane(area, &title, look, buffer);
    if shown == 0 {
        let text = if total == 0 { "no events yet" } else { "no event matches the filter" };
        return placeholder(inside, text, look, buffer);
    }
    let rows = window(shown, timeline.row(), usize::from(inside.height));
    let events: Vec<&EventText> = timeline.rows(rows.clone()).collect();
    let names = name_width(&events);
    look.draw_rows(inside, shown, timeline.row(), buffer, |row| {
        let event = events.get(row - rows.start);
        event.map(|event| line(ui, event, names, inside.width)).unwrap_or_default()
    });
}

/// Draws the latest events below the dashboard.
pub(super) fn draw_strip(ui: &Model, pane: PaneArea, buffer: &mut Buffer) {
    let right = match ui.timeline.unread() {
        0 => "press 2 for all".to_owned(),
        unread => format!("{unread} unread · press 2 for all"),
    };
    let border = Border { title: "Events".to_owned(), right, ..Border::default() };
    border.draw(pane, &ui.look, buffer);
    let events: Vec<_> = ui.timeline.latest().take(usize::from(pane.inside.height)).collect();
    let names = name_width(&events);
    for (row, event) in events.into_iter().enumerate() {
        put(pane.inside, row, &line(ui, event, names, pane.inside.width), buffer);
    }
}

fn name_width(events: &[&EventText]) -> usize {
    widest(events.iter().filter_map(|event| event.name.as_deref()), 7, 16)
}

/// One event in one row: time, state, name, event, reason.
fn line(ui: &Model, event: &EventText, names: usize, columns: u16) -> Line<'static> {
    let look = &ui.look;
    let (sign, style) = match event.state {
        Some(state) => (look.glyphs.state(state, true), look.theme.state(state)),
        None => (look.glyphs.dot, look.style(Role::Text)),
    };
    let name = event.name.as_deref();
    let name_style = name.map_or(look.style(Role::Title), |name| look.theme.process(name));
    let name = look.pad(name.unwrap_or("project"), names);
    let time_and_sign = 8 + 1 + 1 + 1;
    let room = usize::from(columns).saturating_sub(time_and_sign + names + 1);
    let role = if event.is_bad() { Role::Bad } else { Role::Text };
    let what = look.fit(&event.what, room);
    let left = room.saturating_sub(text::width(&what) + 2);
    let mut spans = vec![
        look.span(clock(ui, event.time), Role::Dim),
        " ".into(),
        Span::styled(sign, style),
        " ".into(),
        Span::styled(name, name_style),
        " ".into(),
        look.span(what, role),
    ];
    if !event.why.is_empty() && left > 4 {
        spans.extend(["  ".into(), look.span(look.fit(&event.why, left), Role::Dim)]);
    }
    Line::from(spans)
}
