//! Frames, slices and searches of the interface over a million stored lines.

use std::io;
use std::path::Path;
use std::time::Duration;

use pitcrew::control::wire::{ProgressQuery, SearchQuery, SliceResponse};
use pitcrew::control::{Client, Control as _, ControlError, Measure};
use pitcrew::sys::{ControlSocket, ProjectDirs};
use pitcrew::tui::appearance::Appearance;
use pitcrew::tui::clock::FrameClock;
use pitcrew::tui::config::Config;
use pitcrew::tui::model::log_window::RowKey;
use pitcrew::tui::model::logs::LogsQuery;
use pitcrew::tui::model::{ClientRole, Model};
use pitcrew::tui::msg::{Cmd, Msg};
use pitcrew::tui::render::view;
use pitcrew::tui::theme::ThemeName;
use pitcrew::tui::update::{begin, update};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};
use ratatui::{TerminalOptions, Viewport};

use super::{OURS, Terminal, pitcrew};
use crate::support::{self, Budget, Held, Project, head, median, now, percentile, row};

const LINES: u64 = 1_000_000;
const FRAMES: u64 = 500;

/// Prints this number of lines, of which only the first matches once, and waits.
fn procfile() -> String {
    let line =
        "2026-01-02T03:04:05Z INFO request handled method=GET path=/v1/cart status=200 id=%d";
    let script = format!(
        "echo the needle; seq -f \"{}\" 2 {LINES}; exec sleep 1000",
        line.replace("%d", "%.0f")
    );
    format!("[process]\na = '''{script}'''\n")
}

pub(crate) fn measure() -> io::Result<()> {
    let project = Project::new(&procfile())?;
    let mut manager = Held::start(&mut project.up(&["--quiet"]))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measured(&project.path("procfile.toml"), &project));
    manager.signal("-TERM");
    manager.wait()?;
    measured.map_err(|problem| io::Error::other(problem.message))?;
    on_screen()
}

fn client(file: &Path, project: &Project) -> io::Result<Client> {
    let (runtime, state) = (project.path("runtime"), project.path("state"));
    let folders = ProjectDirs::with(&file.canonicalize()?, |name| match name {
        "XDG_RUNTIME_DIR" => Some(runtime.clone().into()),
        "XDG_STATE_HOME" => Some(state.clone().into()),
        _ => None,
    });
    let folders = folders.map_err(io::Error::other)?;
    Ok(Client::new("bench", move || ControlSocket::connect(&folders)))
}

async fn measured(file: &Path, project: &Project) -> Result<(), ControlError> {
    let client = client(file, project).map_err(|error| failed(&error))?;
    wait_for_lines(&client).await?;
    let mut model = LogsModel::new(client.clone()).await?;
    let (mut bare, mut whole, mut slices) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..FRAMES {
        // A different part of the output each time, so that every row is drawn again.
        let place = at.wrapping_mul(7_919_993) % LINES;
        let start = now();
        let asked = model.go(place);
        let Some(asked) = asked else { continue };
        let slicing = now();
        let given = client.slice(asked.slice.clone()).await?;
        slices.push(slicing.elapsed().as_secs_f64() * 1e3);
        model.take(&asked, given);
        let drawing = now();
        model.draw().map_err(|error| failed(&error))?;
        bare.push(drawing.elapsed().as_secs_f64() * 1e3);
        whole.push(start.elapsed().as_secs_f64() * 1e3);
    }
    head("1,000,000 lines kept, a frame of 120x36, all new", bare.len());
    row("the frame, drawn and encoded", median(bare.clone()), "ms", Budget::Most(2.0));
    row("the same, p99", percentile(&mut bare, 99), "ms", Budget::None);
    row("the rows asked over the socket", median(slices), "ms", Budget::None);
    row("rows asked, taken and drawn", median(whole.clone()), "ms", Budget::Most(2.0));
    row("the same, p99", percentile(&mut whole, 99), "ms", Budget::None);
    searches(&client).await
}

async fn wait_for_lines(client: &Client) -> Result<(), ControlError> {
    let end = now() + Duration::from_mins(1);
    while now() < end {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let Ok(mut grown) = client.growth(ProgressQuery::default()).await else { continue };
        if let Some(Ok(grown)) = grown.next().await
            && grown.lines >= LINES
        {
            return Ok(());
        }
    }
    Err(failed(&"the lines do not come"))
}

/// The first result of a search, and its end.
async fn searches(client: &Client) -> Result<(), ControlError> {
    let runs = support::runs(15);
    head("1,000,000 lines kept, a search", runs);
    for (what, search) in [
        ("in every line", "request"),
        ("in one of a thousand", "id=[0-9]*777\\b"),
        ("any case, in every line", "(?i)REQUEST"),
        ("in the oldest line alone", "needle"),
    ] {
        let (mut first, mut over) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            let asked = SearchQuery { search: search.to_owned(), ..SearchQuery::default() };
            let start = now();
            let mut flow = client.search(asked).await?;
            let mut hit = None;
            while let Some(found) = flow.next().await {
                let found = found?;
                if found.previous.is_some() {
                    hit.get_or_insert_with(|| start.elapsed());
                }
            }
            first.extend(hit.map(|hit| hit.as_secs_f64() * 1e3));
            over.push(start.elapsed().as_secs_f64() * 1e3);
        }
        row(&format!("{what}: first hit"), median(first), "ms", Budget::Most(50.0));
        row(&format!("{what}: all counted"), median(over), "ms", Budget::None);
    }
    Ok(())
}

/// The same on the screen: from the last key of the search until the screen shows the result.
fn on_screen() -> io::Result<()> {
    let runs = support::runs(5);
    let project = Project::new(&procfile())?;
    let mut terminal = Terminal::start(&mut pitcrew(&project))?;
    terminal.until(60, |text| text.contains("1,000,000 lines"));
    terminal.pass(Duration::from_secs(1));
    terminal.keys("\t")?;
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for run in 0..runs {
        // A different pattern each time; the first match is near, the second at the other end. Before
        // the last key there are many matches.
        let wanted = [format!("id=99999{run}"), format!("id={}$", 2 + run)];
        for (spans, wanted) in [&mut near, &mut far].into_iter().zip(wanted) {
            let (begun, last) = wanted.split_at(wanted.len() - 1);
            terminal.keys("G")?;
            terminal.pass(Duration::from_millis(200));
            terminal.keys(&format!("/{begun}"))?;
            terminal.until(5, |text| text.contains(begun));
            terminal.pass(Duration::from_millis(700));
            let pressed = now();
            terminal.keys(last)?;
            let is_there = |text: &str| {
                text.lines().any(|row| row.contains(&wanted) && row.contains(" 1 of 1 "))
            };
            let seen = terminal.until(20, is_there);
            spans.extend(seen.map(|at| (at - pressed).as_secs_f64() * 1e3));
            // Leaves the prompt; the lines keep the focus.
            terminal.keys("\x1b")?;
            terminal.pass(Duration::from_millis(300));
        }
    }
    row("typed: shown and counted, near", median(near), "ms", Budget::None);
    row("typed: shown and counted, far", median(far), "ms", Budget::None);
    terminal.end(OURS)
}

fn failed(error: &impl ToString) -> ControlError {
    ControlError::new(pitcrew::control::ControlErrorKind::Failed, error.to_string())
}

/// The model and its terminal.
struct LogsModel {
    ui: Model,
    clock: FrameClock,
    surface: ratatui::Terminal<CrosstermBackend<io::Sink>>,
}

impl LogsModel {
    async fn new(client: Client) -> Result<Self, ControlError> {
        let size = Size::new(120, 36);
        let look = Appearance::new(ThemeName::Dark, true);
        let ui = Model::new(Config::default(), look, ClientRole::Owner, size);
        let options =
            TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, size.width, size.height)) };
        let surface = CrosstermBackend::new(io::sink());
        let surface = ratatui::Terminal::with_options(surface, options);
        let surface = surface.map_err(|error| failed(&error))?;
        let mut model = Self { ui, clock: FrameClock::start(), surface };
        _ = begin(&mut model.ui);
        if let Some(pushed) = client.watch(Measure::No).await?.next().await {
            model.tell(Msg::State(Box::new(pushed?)));
        }
        if let Some(grown) = client.growth(ProgressQuery::default()).await?.next().await {
            model.tell(Msg::Progress(ProgressQuery::default(), grown?));
        }
        Ok(model)
    }

    fn tell(&mut self, msg: Msg) -> Vec<Cmd> {
        update(&mut self.ui, self.clock.now(), msg)
    }

    /// Scrolls to this line; returns the queries that are needed for it.
    fn go(&mut self, line: u64) -> Option<LogsQuery> {
        let pane = self.ui.logs_area();
        self.ui.logs.jump_to_hit(RowKey::line(line), pane);
        let wishes = self.tell(Msg::Tick);
        wishes
            .into_iter()
            .find_map(|wish| if let Cmd::FetchRows(ask) = wish { Some(ask) } else { None })
    }

    fn take(&mut self, asked: &LogsQuery, given: SliceResponse) {
        _ = self.tell(Msg::Rows(asked.generation, asked.from, Ok(given)));
    }

    fn draw(&mut self) -> io::Result<()> {
        let ui = &self.ui;
        self.surface.draw(|frame| view(ui, frame)).map(drop)
    }
}
