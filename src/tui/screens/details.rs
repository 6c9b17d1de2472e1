//! Details screen of one process.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{cells, chart, nothing, widest};
use crate::machine::StateName;
use crate::spec::{CheckRole, format_size};
use crate::tui::appearance::{Appearance, put};
use crate::tui::motion::Motion;
use crate::tui::text::{self, StyledLine};
use crate::tui::theme::Role;

/// What there is to know about a process; every text is as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DetailsSheet {
    pub name: String,
    pub state: Option<StateName>,
    /// A check says when it is ready.
    pub checked: bool,
    pub why: String,
    /// What it is, label and words, in this order: command, folder, policy …
    pub facts: Vec<(String, String)>,
    /// Its runs, the latest first.
    pub runs: Vec<RunRow>,
    pub variables: Vec<VariableRow>,
    /// It has the environment of pitcrew besides.
    pub inherits: bool,
    pub probes: Vec<CheckRow>,
    /// Its files, what each is for, and its path.
    pub files: Vec<(String, String)>,
    /// Share of one processor in percent, the latest last.
    pub processor: Vec<f64>,
    /// Bytes of its tree, the latest last.
    pub memory: Vec<f64>,
    /// The last lines it printed.
    pub last_lines: Vec<StyledLine>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunRow {
    pub run: u32,
    /// When it began: `14:31:51`.
    pub start: String,
    /// How long it was, or has been, alive.
    pub up: String,
    pub cause: String,
    /// How it ended, or where it is.
    pub end: String,
    pub bad: bool,
}

/// One variable of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariableRow {
    pub name: String,
    /// Its value; nothing where it looks like a secret and nobody asked for it.
    pub value: Option<String>,
}

/// A check, and what it answered last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// What it is for: `ready` or `health`.
    pub which: CheckRole,
    /// What is asked, how often, and how much of it is enough.
    pub check: String,
    pub answer: String,
    /// It was what is wanted, if it has answered.
    pub good: Option<bool>,
}

/// A part of the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DetailsTab {
    /// What it is and where it is.
    #[default]
    Overview,
    Runs,
    Env,
    Probes,
    Files,
}

impl DetailsTab {
    /// All of them, in their order.
    pub const ALL: &'static [Self] =
        &[Self::Overview, Self::Runs, Self::Env, Self::Probes, Self::Files];

    fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Runs => "Runs",
            Self::Env => "Env",
            Self::Probes => "Probes",
            Self::Files => "Files",
        }
    }
}

/// Which part is shown, and how far it is scrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DetailsView {
    pub tab: DetailsTab,
    /// Rows above the first one.
    pub above: usize,
    /// Values that look like secrets are shown too.
    pub values: bool,
}

impl DetailsView {
    /// Scrolls the part that is shown in this area.
    pub(in crate::tui) fn scroll(
        &mut self,
        motion: Motion,
        sheet: &DetailsSheet,
        area: Rect,
        look: &Appearance,
    ) {
        let inside = framed(self.body(sheet, area).0);
        let page = usize::from(inside.height).max(1);
        let last = self.lines(sheet, usize::from(inside.width), look).len().saturating_sub(page);
        self.above = motion.apply(self.above.min(last), last, page);
    }

    /// Shows the next part, or with `back` the previous one.
    pub(in crate::tui) fn turn(&mut self, back: bool) {
        let by = if back { DetailsTab::ALL.len() - 1 } else { 1 };
        let at = DetailsTab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        self.tab =
            DetailsTab::ALL.get((at + by) % DetailsTab::ALL.len()).copied().unwrap_or_default();
        self.above = 0;
    }

    /// Shows or hides the values of the environment.
    pub(in crate::tui) fn toggle_values(&mut self) {
        (self.tab, self.values, self.above) = (DetailsTab::Env, !self.values, 0);
    }

    /// Where the part is; where resources and last lines are beside and below it.
    fn body(self, sheet: &DetailsSheet, area: Rect) -> (Rect, Option<Rect>, Option<Rect>) {
        let body =
            Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
        if self.tab != DetailsTab::Overview {
            return (body, None, None);
        }
        let is_wide = body.width >= 100;
        let below = if body.height >= 18 { (sheet.last_lines.len() as u16 + 2).min(8) } else { 0 };
        let upper = Rect { height: body.height - below, ..body };
        let lower = Rect { y: body.y + upper.height, height: below, ..body };
        let lower = (below > 2).then_some(lower);
        let upper = if lower.is_some() { upper } else { body };
        let half = upper.width * 11 / 20;
        let beside = Rect { x: upper.x + half, width: upper.width - half, ..upper };
        if is_wide {
            (Rect { width: half, ..upper }, Some(beside), lower)
        } else {
            (upper, None, lower)
        }
    }

    pub fn draw(self, sheet: &DetailsSheet, area: Rect, look: &Appearance, buffer: &mut Buffer) {
        put(area, 0, &self.head(sheet, usize::from(area.width), look), buffer);
        let (body, beside, lower) = self.body(sheet, area);
        self.draw_tab(sheet, body, look, buffer);
        if let Some(beside) = beside {
            draw_resources(sheet, beside, look, buffer);
        }
        let Some(lower) = lower else { return };
        let inside = look.pane(lower, "Last output", false, buffer);
        let height = usize::from(inside.height);
        let first = sheet.last_lines.len().saturating_sub(height);
        let lines = sheet.last_lines.get(first..).unwrap_or_default();
        for (at, line) in lines.iter().enumerate() {
            put(inside, at, &line.cut(0, usize::from(inside.width)), buffer);
        }
    }

    fn lines(self, sheet: &DetailsSheet, columns: usize, look: &Appearance) -> Vec<Line<'static>> {
        match self.tab {
            DetailsTab::Overview => overview(sheet, columns, look),
            DetailsTab::Runs => runs(&sheet.runs, columns, look),
            DetailsTab::Env => variables(sheet, columns, look),
            DetailsTab::Probes => probes(&sheet.probes, columns, look),
            DetailsTab::Files => files(&sheet.files, columns, look),
        }
    }

    /// Name, state, and the parts there are.
    fn head(self, sheet: &DetailsSheet, columns: usize, look: &Appearance) -> Line<'static> {
        let mut spans = Vec::new();
        let tabs: usize = DetailsTab::ALL.iter().map(|tab| tab.title().len() + 3).sum();
        let room = columns.saturating_sub(if columns >= 72 { tabs } else { 14 });
        let mut name = look.fit(&sheet.name, room / 2);
        name.insert(0, ' ');
        let mut used = text::width(&name);
        spans.push(look.span(name, Role::Title));
        if let Some(state) = sheet.state {
            let sign = look.glyphs.state(state, sheet.checked);
            let words = format!("  {sign} {}", state.word(sheet.checked));
            let words = look.fit(&words, room.saturating_sub(used));
            used += text::width(&words);
            spans.push(Span::styled(words, look.theme.state(state)));
        }
        spans.push(Span::raw(" ".repeat(room.saturating_sub(used))));
        // Where there is no room for all, the one that is shown.
        let shown = DetailsTab::ALL.iter().filter(|tab| columns >= 72 || **tab == self.tab);
        for tab in shown {
            if *tab == self.tab {
                spans.push(look.span(format!("[{}]", tab.title()), Role::Key));
            } else {
                spans.push(look.span(format!(" {} ", tab.title()), Role::Dim));
            }
        }
        Line::from(spans)
    }

    fn draw_tab(self, sheet: &DetailsSheet, area: Rect, look: &Appearance, buffer: &mut Buffer) {
        let inside = framed(area);
        if inside != area {
            look.pane(area, self.tab.title(), true, buffer);
        }
        let lines = self.lines(sheet, usize::from(inside.width), look);
        if lines.is_empty() {
            return nothing(inside, "there is nothing here", look, buffer);
        }
        // The last rows stay where there is room for them.
        let height = usize::from(inside.height);
        let above = self.above.min(lines.len().saturating_sub(height.max(1)));
        for (at, line) in lines.iter().skip(above).take(height).enumerate() {
            put(inside, at, line, buffer);
        }
    }
}

/// Without a border where there is no room for one.
fn framed(area: Rect) -> Rect {
    if area.height >= 6 && area.width >= 40 { crate::tui::appearance::inside(area) } else { area }
}

/// A label and words; long words go on in the next row, below their beginning.
fn labelled(
    label: &str,
    labels: usize,
    words: &str,
    role: Role,
    columns: usize,
    look: &Appearance,
) -> Vec<Line<'static>> {
    let room = columns.saturating_sub(labels + 3);
    let rows = words
        .lines()
        .flat_map(|line| StyledLine::plain_of(line, look.style(role)).wrap_words(room));
    let line = |(at, row): (usize, Line<'static>)| {
        let label = if at == 0 { label } else { "" };
        let mut spans = vec![look.span(format!(" {}  ", look.pad(label, labels)), Role::Dim)];
        spans.extend(row.spans);
        Line::from(spans)
    };
    rows.enumerate().map(line).collect()
}

fn overview(sheet: &DetailsSheet, columns: usize, look: &Appearance) -> Vec<Line<'static>> {
    let labels = widest(sheet.facts.iter().map(|(label, _)| label.as_str()), 5, 14);
    let mut lines = Vec::new();
    let mut fact = |label: &str, words: &str, role: Role| {
        lines.extend(labelled(label, labels, words, role, columns, look));
    };
    if !sheet.why.is_empty() {
        let bad = matches!(
            sheet.state,
            Some(StateName::Failed | StateName::Backoff | StateName::Unhealthy)
        );
        fact("why", &sheet.why, if bad { Role::Bad } else { Role::Text });
    }
    for (label, words) in &sheet.facts {
        fact(label, words, Role::Text);
    }
    lines
}

fn variables(sheet: &DetailsSheet, columns: usize, look: &Appearance) -> Vec<Line<'static>> {
    let names = widest(sheet.variables.iter().map(|one| one.name.as_str()), 4, columns / 3);
    let mut lines = Vec::new();
    for one in &sheet.variables {
        let (value, role) = match &one.value {
            Some(value) => (value.as_str(), Role::Text),
            None => ("looks like a secret: E shows it", Role::Dim),
        };
        lines.extend(labelled(&one.name, names, value, role, columns, look));
    }
    if sheet.inherits {
        let words = "and what pitcrew has in its own environment";
        lines.push(Line::from(look.span(format!(" {words}"), Role::Dim)));
    }
    lines
}

fn runs(all: &[RunRow], columns: usize, look: &Appearance) -> Vec<Line<'static>> {
    if all.is_empty() {
        return Vec::new();
    }
    let room = columns.saturating_sub(26);
    let ends = widest(all.iter().map(|run| run.end.as_str()), 3, room);
    let why = if room > ends + 8 { "why" } else { "" };
    let head =
        format!(" {:5} {:8} {:7} {} {why}", "run", "start", "up", text::pad("end", ends, ""));
    let mut lines = vec![Line::from(look.span(look.fit(&head, columns), Role::Dim))];
    lines.extend(all.iter().map(|run| {
        cells(
            vec![
                (format!(" #{:<4}", run.run), Role::Text),
                (look.pad(&run.start, 8), Role::Dim),
                (look.pad(&run.up, 7), Role::Text),
                (look.pad(&run.end, ends), if run.bad { Role::Bad } else { Role::Text }),
                (
                    look.fit(
                        if why.is_empty() { "" } else { &run.cause },
                        room.saturating_sub(ends),
                    ),
                    Role::Dim,
                ),
            ],
            look,
        )
    }));
    lines
}

fn probes(all: &[CheckRow], columns: usize, look: &Appearance) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for one in all {
        let (sign, role) = match one.good {
            Some(true) => (look.glyphs.yes, Role::Good),
            Some(false) => (look.glyphs.no, Role::Bad),
            None => (look.glyphs.dot, Role::Dim),
        };
        lines.extend(labelled(one.which.as_str(), 6, &one.check, Role::Text, columns, look));
        lines.extend(labelled("", 6, &format!("{sign} {}", one.answer), role, columns, look));
    }
    lines
}

fn files(all: &[(String, String)], columns: usize, look: &Appearance) -> Vec<Line<'static>> {
    let labels = widest(all.iter().map(|(label, _)| label.as_str()), 4, columns / 3);
    let line =
        |(label, path): &(String, String)| labelled(label, labels, path, Role::Text, columns, look);
    all.iter().flat_map(line).collect()
}

fn draw_resources(sheet: &DetailsSheet, area: Rect, look: &Appearance, buffer: &mut Buffer) {
    let inside = look.pane(area, "Runs & resources", false, buffer);
    let height = usize::from(inside.height);
    let runs = runs(&sheet.runs, usize::from(inside.width), look);
    let charts = 2.min(height / 4) * usize::from(!sheet.processor.is_empty());
    let room = height.saturating_sub(if charts > 0 { charts + 1 } else { 0 });
    let shown = runs.len().min(room);
    if runs.is_empty() {
        let words = match sheet.state {
            Some(_) => " it has not run yet",
            None => " several: choose one of them for its runs",
        };
        nothing(inside, words, look, buffer);
    }
    for (at, line) in runs.iter().take(shown).enumerate() {
        put(inside, at, line, buffer);
    }
    let wide = usize::from(inside.width).saturating_sub(20);
    let latest = |values: &[f64]| values.last().copied().unwrap_or(0.0);
    let rows = [
        ("cpu", &sheet.processor, format!("{:.0}%", latest(&sheet.processor))),
        ("mem", &sheet.memory, format_size(latest(&sheet.memory) as u64)),
    ];
    for (at, (label, values, now)) in rows.iter().take(charts).enumerate() {
        let line = cells(
            vec![
                (format!(" {label}"), Role::Dim),
                (chart(values, wide.min(60), look), Role::Busy),
                (now.clone(), Role::Text),
            ],
            look,
        );
        put(inside, shown + 1 + at, &line, buffer);
    }
}
