//! The details of one process.
#![expect(clippy::wildcard_enum_match_arm, reason = "most actions are not for here")]

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{bytes, cells, chart, nothing, widest};
use crate::machine::StateName;
use crate::tui::action::Action;
use crate::tui::glyphs::state_word;
use crate::tui::look::{Look, put};
use crate::tui::text::{self, Text};
use crate::tui::theme::Role;

/// What there is to know about a process; every text is as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub state: Option<StateName>,
    /// A check says when it is ready.
    pub checked: bool,
    /// Why it is there.
    pub why: String,
    /// What it is, label and words, in this order: command, folder, policy …
    pub facts: Vec<(String, String)>,
    /// Its runs, the latest first.
    pub runs: Vec<Run>,
    /// Its environment.
    pub variables: Vec<Variable>,
    /// What its checks answered, the latest first.
    pub probes: Vec<Probe>,
    /// Its files, what each is for, and its path.
    pub files: Vec<(String, String)>,
    /// Share of one processor in percent, the latest last.
    pub processor: Vec<f64>,
    /// Bytes of its tree, the latest last.
    pub memory: Vec<f64>,
    /// The last lines it printed.
    pub last_lines: Vec<Text>,
}

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub run: u32,
    /// When it began: `14:31:51`.
    pub start: String,
    /// How long it was, or has been, alive.
    pub up: String,
    /// How long it took to be ready.
    pub ready: String,
    /// How it ended, or why it runs.
    pub end: String,
    /// It ended badly.
    pub bad: bool,
}

/// One variable of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it was set.
    pub source: String,
}

/// One answer of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// When it answered.
    pub time: String,
    /// What was asked.
    pub check: String,
    /// What it answered.
    pub answer: String,
    /// It was what is wanted.
    pub good: bool,
}

/// A part of the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tab {
    /// What it is and where it is.
    #[default]
    Overview,
    /// Its runs.
    Runs,
    /// Its environment.
    Env,
    /// Its checks.
    Probes,
    /// Its files.
    Files,
}

impl Tab {
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
pub struct Details {
    /// The part.
    pub tab: Tab,
    /// Rows above the first one.
    pub above: usize,
    /// The values of variables are shown: they may be secret.
    pub values: bool,
}

impl Details {
    /// Does what can be done here; whether it was one of those.
    pub fn act(&mut self, action: Action, sheet: &Sheet, page: usize) -> bool {
        let last = self.rows(sheet).saturating_sub(1);
        let to = |above: usize| above.min(last);
        match action {
            Action::NextTab => self.turn(1),
            Action::PreviousTab => self.turn(Tab::ALL.len() - 1),
            Action::ShowEnv => (self.tab, self.values, self.above) = (Tab::Env, !self.values, 0),
            Action::Up => self.above = self.above.saturating_sub(1),
            Action::Down => self.above = to(self.above + 1),
            Action::HalfUp => self.above = self.above.saturating_sub(page / 2),
            Action::HalfDown => self.above = to(self.above + page / 2),
            Action::PageUp => self.above = self.above.saturating_sub(page),
            Action::PageDown => self.above = to(self.above + page),
            Action::First => self.above = 0,
            Action::Last => self.above = last,
            _ => return false,
        }
        true
    }

    fn turn(&mut self, by: usize) {
        let at = Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        self.tab = Tab::ALL.get((at + by) % Tab::ALL.len()).copied().unwrap_or_default();
        self.above = 0;
    }

    fn rows(self, sheet: &Sheet) -> usize {
        match self.tab {
            Tab::Overview => sheet.facts.len() + 2,
            Tab::Runs => sheet.runs.len(),
            Tab::Env => sheet.variables.len(),
            Tab::Probes => sheet.probes.len(),
            Tab::Files => sheet.files.len(),
        }
    }

    /// Draws it.
    pub fn draw(self, sheet: &Sheet, area: Rect, look: &Look, buffer: &mut Buffer) {
        put(area, 0, &self.head(sheet, usize::from(area.width), look), buffer);
        let body =
            Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
        if self.tab != Tab::Overview || body.width < 100 {
            return self.draw_tab(sheet, body, look, buffer);
        }
        // Wide: the runs beside, the last lines below.
        let below = if body.height >= 20 { (sheet.last_lines.len() as u16 + 2).min(8) } else { 0 };
        let upper = Rect { height: body.height - below, ..body };
        let half = upper.width * 11 / 20;
        self.draw_tab(sheet, Rect { width: half, ..upper }, look, buffer);
        let beside = Rect { x: upper.x + half, width: upper.width - half, ..upper };
        draw_resources(sheet, beside, look, buffer);
        if below > 0 {
            let lower = Rect { y: body.y + upper.height, height: below, ..body };
            let inside = look.pane(lower, "Last output", false, buffer);
            let height = usize::from(inside.height);
            let first = sheet.last_lines.len().saturating_sub(height);
            let lines = sheet.last_lines.get(first..).unwrap_or_default();
            for (at, line) in lines.iter().enumerate() {
                put(inside, at, &line.cut(0, usize::from(inside.width)), buffer);
            }
        }
    }

    /// Name, state, and the parts there are.
    fn head(self, sheet: &Sheet, columns: usize, look: &Look) -> Line<'static> {
        let mut spans = Vec::new();
        let tabs: usize = Tab::ALL.iter().map(|tab| tab.title().len() + 3).sum();
        let room = columns.saturating_sub(if columns >= 72 { tabs } else { 14 });
        let mut name = look.fit(&sheet.name, room / 2);
        name.insert(0, ' ');
        let mut used = text::width(&name);
        spans.push(look.span(name, Role::Title));
        if let Some(state) = sheet.state {
            let sign = look.glyphs.state(state, sheet.checked);
            let words = format!("  {sign} {}", state_word(state, sheet.checked));
            let words = look.fit(&words, room.saturating_sub(used));
            used += text::width(&words);
            spans.push(Span::styled(words, look.theme.state(state)));
        }
        spans.push(Span::raw(" ".repeat(room.saturating_sub(used))));
        // Where there is no room for all, the one that is shown.
        let shown = Tab::ALL.iter().filter(|tab| columns >= 72 || **tab == self.tab);
        for tab in shown {
            if *tab == self.tab {
                spans.push(look.span(format!("[{}]", tab.title()), Role::Key));
            } else {
                spans.push(look.span(format!(" {} ", tab.title()), Role::Dim));
            }
        }
        Line::from(spans)
    }

    fn draw_tab(self, sheet: &Sheet, area: Rect, look: &Look, buffer: &mut Buffer) {
        let framed = area.height >= 6 && area.width >= 40;
        let inside = if framed { look.pane(area, self.tab.title(), true, buffer) } else { area };
        let columns = usize::from(inside.width);
        let lines = match self.tab {
            Tab::Overview => overview(sheet, columns, look),
            Tab::Runs => runs(&sheet.runs, look),
            Tab::Env => self.variables(sheet, columns, look),
            Tab::Probes => probes(&sheet.probes, columns, look),
            Tab::Files => files(&sheet.files, columns, look),
        };
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

    fn variables(self, sheet: &Sheet, columns: usize, look: &Look) -> Vec<Line<'static>> {
        let names = widest(sheet.variables.iter().map(|one| one.name.as_str()), 4, columns / 3);
        let line = |one: &Variable| {
            let value = if self.values { one.value.as_str() } else { "(E shows it)" };
            let room = columns.saturating_sub(names + 18);
            cells(
                vec![
                    (look.pad(&one.name, names), Role::Text),
                    (look.pad(value, room), if self.values { Role::Text } else { Role::Dim }),
                    (look.fit(&one.source, 16), Role::Dim),
                ],
                look,
            )
        };
        sheet.variables.iter().map(line).collect()
    }
}

/// Label and words; long words go on in the next row, below their beginning.
fn overview(sheet: &Sheet, columns: usize, look: &Look) -> Vec<Line<'static>> {
    let labels = widest(sheet.facts.iter().map(|(label, _)| label.as_str()), 5, 14);
    let mut lines = Vec::new();
    let mut fact = |label: &str, words: &str, role: Role| {
        let text = Text::plain_of(words, look.style(role));
        for (at, row) in text.wrap_words(columns.saturating_sub(labels + 3)).into_iter().enumerate()
        {
            let label = if at == 0 { label } else { "" };
            let mut spans = vec![look.span(format!(" {}  ", look.pad(label, labels)), Role::Dim)];
            spans.extend(row.spans);
            lines.push(Line::from(spans));
        }
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

fn runs(all: &[Run], look: &Look) -> Vec<Line<'static>> {
    if all.is_empty() {
        return Vec::new();
    }
    let head = format!(" {:5} {:8}  {:8} {:8} end", "run", "start", "up", "ready");
    let mut lines = vec![Line::from(look.span(head, Role::Dim))];
    lines.extend(all.iter().map(|run| {
        cells(
            vec![
                (format!(" #{:<4}", run.run), Role::Text),
                (look.pad(&run.start, 9), Role::Dim),
                (look.pad(&run.up, 8), Role::Text),
                (look.pad(&run.ready, 8), Role::Dim),
                (look.fit(&run.end, 200), if run.bad { Role::Bad } else { Role::Text }),
            ],
            look,
        )
    }));
    lines
}

fn probes(all: &[Probe], columns: usize, look: &Look) -> Vec<Line<'static>> {
    let line = |one: &Probe| {
        let (sign, role) =
            if one.good { (look.glyphs.yes, Role::Good) } else { (look.glyphs.no, Role::Bad) };
        let words = format!("{}: {}", one.check, one.answer);
        cells(
            vec![
                (format!(" {sign}"), role),
                (look.pad(&one.time, 12), Role::Dim),
                (look.fit(&words, columns.saturating_sub(16)), Role::Text),
            ],
            look,
        )
    };
    all.iter().map(line).collect()
}

fn files(all: &[(String, String)], columns: usize, look: &Look) -> Vec<Line<'static>> {
    let labels = widest(all.iter().map(|(label, _)| label.as_str()), 4, columns / 3);
    let line = |(label, path): &(String, String)| {
        let room = columns.saturating_sub(labels + 3);
        cells(
            vec![
                (format!(" {}", look.pad(label, labels)), Role::Dim),
                (look.fit(path, room), Role::Text),
            ],
            look,
        )
    };
    all.iter().map(line).collect()
}

fn draw_resources(sheet: &Sheet, area: Rect, look: &Look, buffer: &mut Buffer) {
    let inside = look.pane(area, "Runs & resources", false, buffer);
    let height = usize::from(inside.height);
    let runs = runs(&sheet.runs, look);
    let charts = 2.min(height / 4) * usize::from(!sheet.processor.is_empty());
    let room = height.saturating_sub(if charts > 0 { charts + 1 } else { 0 });
    let shown = runs.len().min(room);
    if runs.is_empty() {
        nothing(inside, " it has not run yet", look, buffer);
    }
    for (at, line) in runs.iter().take(shown).enumerate() {
        put(inside, at, line, buffer);
    }
    let wide = usize::from(inside.width).saturating_sub(20);
    let latest = |values: &[f64]| values.last().copied().unwrap_or(0.0);
    let rows = [
        ("cpu", &sheet.processor, format!("{:.0}%", latest(&sheet.processor))),
        ("mem", &sheet.memory, bytes(latest(&sheet.memory) as u64)),
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
