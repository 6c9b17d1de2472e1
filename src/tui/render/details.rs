//! Details screen of the selected process: an overview, its runs, environment, probes and files.

pub mod facts;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{chart, clock_of, percent, placeholder, uptime, widest};
use crate::control::wire::{OutputRow, RunDetails};
use crate::machine::Cause;
use crate::spec::format_size;
use crate::tui::appearance::{Appearance, inside, put, skip_rows};
use crate::tui::model::Model;
use crate::tui::model::details::DetailsTab;
use crate::tui::text::{self, StyledLine};
use crate::tui::theme::Role;

/// Lines of output that are shown.
const LAST_LINES: usize = 6;

pub(in crate::tui) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    put(area, 0, &tab_bar(ui, usize::from(area.width)), buffer);
    let lines = last_lines(ui);
    let (tab, beside, below) = areas(ui, area, lines.len());
    draw_tab(ui, tab, buffer);
    if let Some(area) = beside {
        draw_runs_and_usage(ui, area, buffer);
    }
    let Some(area) = below else { return };
    let inside = ui.look.pane(area, "Last output", false, buffer);
    let hidden = lines.len().saturating_sub(usize::from(inside.height));
    for (row, line) in lines.iter().skip(hidden).enumerate() {
        put(inside, row, &line.cut(0, usize::from(inside.width)), buffer);
    }
}

/// Number of rows of the current tab, and how many of them are visible.
pub(in crate::tui) fn rows(ui: &Model, area: Rect) -> (usize, usize) {
    let inside = without_border(areas(ui, area, last_lines(ui).len()).0);
    let rows = tab_lines(ui, usize::from(inside.width)).len();
    (rows, usize::from(inside.height).max(1))
}

/// The areas of the tab, and in the overview of runs and resources beside it and of the last lines
/// below both.
fn areas(ui: &Model, area: Rect, last_lines: usize) -> (Rect, Option<Rect>, Option<Rect>) {
    let body = skip_rows(area, 1);
    if ui.details.tab != DetailsTab::Overview {
        return (body, None, None);
    }
    let height = if body.height >= 18 && last_lines > 0 { last_lines as u16 + 2 } else { 0 };
    let upper = Rect { height: body.height - height, ..body };
    let below = (height > 0).then_some(Rect { y: upper.bottom(), height, ..body });
    if body.width < 100 {
        return (upper, None, below);
    }
    let tab = Rect { width: upper.width * 11 / 20, ..upper };
    let beside = Rect { x: tab.right(), width: upper.width - tab.width, ..upper };
    (tab, Some(beside), below)
}

/// The area of a tab without its border, which it has if there is room for one.
fn without_border(area: Rect) -> Rect {
    if area.height >= 6 && area.width >= 40 { inside(area) } else { area }
}

/// Name, state, and the tabs; only the current tab if there is no room for all.
fn tab_bar(ui: &Model, columns: usize) -> Line<'static> {
    let look = &ui.look;
    let is_wide = columns >= 72;
    let tabs: usize = DetailsTab::WORDS.iter().map(|title| title.len() + 3).sum();
    let room = columns.saturating_sub(if is_wide { tabs } else { 14 });
    let process = ui.cursor_process();
    let name = process.map_or(ui.list.cursor.name(), |process| process.name.as_str());
    let mut line = Line::from(look.span(format!(" {}", look.fit(name, room / 2)), Role::Title));
    if let Some(process) = process {
        let sign = look.glyphs.state(process.state, process.checked);
        let state = format!("  {sign} {}", process.state.word(process.checked));
        let state = look.fit(&state, room.saturating_sub(line.width()));
        line.push_span(Span::styled(state, look.theme.state(process.state)));
    }
    line.push_span(" ".repeat(room.saturating_sub(line.width())));
    for tab in DetailsTab::ALL {
        if *tab == ui.details.tab {
            line.push_span(look.span(format!("[{tab}]"), Role::Key));
        } else if is_wide {
            line.push_span(look.span(format!(" {tab} "), Role::Dim));
        }
    }
    line
}

fn draw_tab(ui: &Model, area: Rect, buffer: &mut Buffer) {
    let inside = without_border(area);
    if inside != area {
        ui.look.pane(area, ui.details.tab.as_str(), true, buffer);
    }
    let lines = tab_lines(ui, usize::from(inside.width));
    if lines.is_empty() {
        return placeholder(inside, no_lines(ui), &ui.look, buffer);
    }
    let height = usize::from(inside.height);
    let above = ui.details.above.min(lines.len().saturating_sub(height.max(1)));
    for (row, line) in lines.iter().skip(above).enumerate() {
        put(inside, row, line, buffer);
    }
}

/// The text of a tab that has no lines.
fn no_lines(ui: &Model) -> &'static str {
    if ui.cursor_process().is_none() {
        return "select one process";
    }
    if ui.details_data().is_none() {
        return "loading…";
    }
    match ui.details.tab {
        DetailsTab::Overview | DetailsTab::Files => "",
        DetailsTab::Runs => "no runs yet",
        DetailsTab::Env => "no environment variables configured",
        DetailsTab::Probes => "no health checks configured",
    }
}

fn tab_lines(ui: &Model, columns: usize) -> Vec<Line<'static>> {
    match ui.details.tab {
        DetailsTab::Overview => overview(ui, columns),
        DetailsTab::Runs => runs(ui, columns, true),
        DetailsTab::Env => env(ui, columns),
        DetailsTab::Probes => probes(ui, columns),
        DetailsTab::Files => {
            let files = facts::files(ui);
            let labels = widest(files.iter().map(|(label, _)| *label), 4, columns / 3);
            let file = |(label, path): &(&str, String)| {
                labelled(label, labels, path, Role::Text, columns, &ui.look)
            };
            files.iter().flat_map(file).collect()
        }
    }
}

/// A label and its text, which continues below its beginning.
fn labelled(
    label: &str,
    labels: usize,
    text: &str,
    role: Role,
    columns: usize,
    look: &Appearance,
) -> Vec<Line<'static>> {
    let room = columns.saturating_sub(labels + 3);
    let rows =
        text.lines().flat_map(|line| StyledLine::plain_of(line, look.style(role)).wrap_words(room));
    let line = |(at, mut row): (usize, Line<'static>)| {
        let label = if at == 0 { label } else { "" };
        row.spans.insert(0, look.span(format!(" {}  ", look.pad(label, labels)), Role::Dim));
        row
    };
    rows.enumerate().map(line).collect()
}

fn overview(ui: &Model, columns: usize) -> Vec<Line<'static>> {
    let facts = match ui.cursor_process() {
        Some(process) => facts::facts(ui, process),
        None => facts::members(ui),
    };
    let labels = widest(facts.iter().map(|(label, _)| label.as_ref()), 5, 14);
    let is_bad = ui.cursor_process().is_some_and(|process| process.state.is_bad());
    let fact = |(label, text): &facts::FactRow| {
        let role = if label == "why" && is_bad { Role::Bad } else { Role::Text };
        labelled(label, labels, text, role, columns, &ui.look)
    };
    facts.iter().flat_map(fact).collect()
}

fn env(ui: &Model, columns: usize) -> Vec<Line<'static>> {
    let Some(details) = ui.details_data().map(|known| &known.details) else { return Vec::new() };
    let names = details.env.iter().map(|variable| variable.name.as_str());
    let names = widest(names, 4, columns / 3);
    let mut lines = Vec::new();
    for variable in &details.env {
        let (value, role) = match &variable.value {
            Some(value) => (value.as_str(), Role::Text),
            None => ("hidden, may be a secret (E shows it)", Role::Dim),
        };
        lines.extend(labelled(&variable.name, names, value, role, columns, &ui.look));
    }
    if details.env_inherited {
        lines.push(Line::from(ui.look.span(" + inherited from pitcrew", Role::Dim)));
    }
    lines
}

fn probes(ui: &Model, columns: usize) -> Vec<Line<'static>> {
    let look = &ui.look;
    let mut lines = Vec::new();
    for check in ui.details_data().into_iter().flat_map(|known| &known.details.checks) {
        let (sign, role) = match check.good {
            Some(true) => (look.glyphs.yes, Role::Good),
            Some(false) => (look.glyphs.no, Role::Bad),
            None => (look.glyphs.dot, Role::Dim),
        };
        let label = check.which.as_str();
        lines.extend(labelled(label, 6, &facts::terms(check), Role::Text, columns, look));
        let answer = format!("{sign} {}", facts::answer(check));
        lines.extend(labelled("", 6, &answer, role, columns, look));
    }
    lines
}

/// Widths of the columns of runs that depend on their texts.
struct RunColumns {
    run: usize,
    end: usize,
    /// 0 if there is no room for causes.
    cause: usize,
}

impl RunColumns {
    const START: usize = 8;
    const UP: usize = 7;

    /// A cause takes a third of the room at most, unless the ends leave more.
    fn of(rows: &[[String; 5]], columns: usize) -> Self {
        let [run, .., end, cause] = rows.iter().fold([4, 0, 0, 3, 3], |mut widths, row| {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = text::width(cell).max(*width);
            }
            widths
        });
        let room = columns.saturating_sub(run + Self::START + Self::UP + 5);
        let least_cause = if room < 24 { 0 } else { cause.min(room / 3) };
        let end = end.min(room.saturating_sub(least_cause + 1));
        let cause = if least_cause > 0 { cause.min(room.saturating_sub(end + 1)) } else { 0 };
        Self { run, end, cause }
    }
}

/// A table of runs, the latest first. An end that is too long continues in the next row with
/// `wraps`, and is cut without.
fn runs(ui: &Model, columns: usize, wraps: bool) -> Vec<Line<'static>> {
    let look = &ui.look;
    let runs = ui.details_data().map(|known| known.details.runs.as_slice()).unwrap_or_default();
    if runs.is_empty() {
        return Vec::new();
    }
    let rows: Vec<[String; 5]> = runs.iter().map(|run| run_cells(ui, run)).collect();
    let widths = RunColumns::of(&rows, columns);
    let line = |[run, start, up]: [&str; 3], end: Line<'static>, cause: &str, role: Role| {
        let mut line = Line::from(vec![
            look.span(format!(" {} ", look.pad(run, widths.run)), role),
            look.span(look.pad(start, RunColumns::START), Role::Dim),
            look.span(format!(" {} ", look.pad(up, RunColumns::UP)), role),
        ]);
        let blanks = widths.end.saturating_sub(end.width()) + 1;
        line.extend(end);
        line.push_span(" ".repeat(blanks));
        line.push_span(look.span(look.fit(cause, widths.cause), Role::Dim));
        line
    };
    let heading = Line::from(look.span("end", Role::Dim));
    let mut lines = vec![line(["run", "start", "up"], heading, "why", Role::Dim)];
    for (run, [number, start, up, end, cause]) in runs.iter().zip(&rows) {
        let is_bad = run.success == Some(false);
        let style = look.style(if is_bad { Role::Bad } else { Role::Text });
        let mut ends = if wraps {
            StyledLine::plain_of(end, style).wrap_words(widths.end)
        } else {
            vec![Line::styled(look.fit(end, widths.end), style)]
        }
        .into_iter();
        let first = ends.next().unwrap_or_default();
        lines.push(line([number, start, up], first, cause, Role::Text));
        lines.extend(ends.map(|end| line(["", "", ""], end, "", Role::Text)));
    }
    lines
}

/// Number, start, duration, end and cause of a run.
fn run_cells(ui: &Model, run: &RunDetails) -> [String; 5] {
    let current = ui.cursor_process();
    let current = current.filter(|process| process.run == run.run && run.end.is_none());
    // Not in seconds, which would be redrawn every second.
    let up = current.and_then(|process| process.uptime_ms).map(|ms| uptime(ms, ui.age()));
    let up = run.duration_ms.map(facts::time).or(up);
    let state = current.map(|process| process.state.word(process.checked).to_owned());
    let end = run.end.clone().or(state).into_iter().chain(run.next.clone());
    [
        format!("#{}", run.run),
        run.started.as_ref().map(|at| clock_of(ui, at)).unwrap_or_default(),
        up.unwrap_or_default(),
        end.collect::<Vec<_>>().join(", "),
        run.cause.as_ref().map(Cause::describe).unwrap_or_default(),
    ]
}

fn draw_runs_and_usage(ui: &Model, area: Rect, buffer: &mut Buffer) {
    let look = &ui.look;
    let inside = look.pane(area, "Runs & resources", false, buffer);
    let usage = ui.cursor_process().and_then(|process| ui.usage.of(process.id));
    let charts = if usage.is_some() { 2.min(inside.height / 4) } else { 0 };
    let runs = runs(ui, usize::from(inside.width), false);
    if runs.is_empty() {
        let text =
            if ui.cursor_process().is_some() { " no runs yet" } else { " select one process" };
        placeholder(inside, text, look, buffer);
    }
    let room = usize::from(inside.height.saturating_sub(charts + charts.min(1)));
    let shown = runs.len().min(room);
    for (row, line) in runs.iter().take(shown).enumerate() {
        put(inside, row, line, buffer);
    }
    let Some(usage) = usage else { return };
    let columns = usize::from(inside.width).saturating_sub(20).min(60);
    let latest = |values: &[f64]| values.last().copied().unwrap_or(0.0);
    let rows = [
        ("cpu", &usage.cpu, percent(latest(&usage.cpu))),
        ("mem", &usage.memory, format_size(latest(&usage.memory) as u64)),
    ];
    for (row, (label, values, now)) in rows.into_iter().take(usize::from(charts)).enumerate() {
        let line = Line::from(vec![
            look.span(format!(" {label} "), Role::Dim),
            look.span(chart(values, columns, look), Role::Busy),
            look.span(format!(" {now}"), Role::Text),
        ]);
        put(inside, shown + 1 + row, &line, buffer);
    }
}

fn last_lines(ui: &Model) -> Vec<StyledLine> {
    let Some(known) = ui.details_data() else { return Vec::new() };
    let lines = known.last_lines.rows.iter().filter_map(|row| match row {
        OutputRow::Line { line, .. } => Some(line),
        OutputRow::Mark(_) => None,
    });
    let lines: Vec<_> = lines.chain(&known.last_lines.partials).collect();
    let hidden = lines.len().saturating_sub(LAST_LINES);
    lines.into_iter().skip(hidden).map(|line| StyledLine::of(&line.bytes(), true)).collect()
}
