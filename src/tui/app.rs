//! Application loop: connects terminal, signals and project with the model.

mod copy;
mod editor;
mod export;
mod external;
mod paging;
mod programs;
mod signals;
mod tasks;

use std::io;
use std::pin::Pin;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crossterm::event::{Event as Typed, KeyEventKind};
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use signals::{Signals, UiSignal};

use super::appearance::Appearance;
use super::clock::FrameClock;
use super::config::Config;
use super::keys::Chord;
use super::model::{ClientRole, Model};
use super::msg::{Cmd, Msg, QuitMode, TerminalCmd, TimedMsg};
use super::render::view;
use super::terminal::{self, Terminal, TerminalInput};
use super::update::{begin, update};
use crate::control::Control;
use crate::control::wire::ProjectState;
use crate::spec::Signal;
use tasks::Tasks;

/// Between two frames when output comes.
const PACE: Duration = Duration::from_millis(33);
/// Between two frames when somebody types or scrolls.
const FAST: Duration = Duration::from_millis(8);
/// How long a frame is put off for rows that are on their way.
const PATIENCE: Duration = Duration::from_millis(25);
/// Signals that come so soon after another program had the terminal were meant for that.
const ECHO: Duration = Duration::from_millis(100);
/// Messages that were made and not taken yet.
const AHEAD: usize = 64;

/// What the interface is started with.
pub struct Options {
    pub config: Config,
    pub look: Appearance,
    /// Where the user is on the clock.
    pub zone: TimeZone,
    /// Who we are to the project.
    pub stand: ClientRole,
    /// Said at the start.
    pub warning: Option<String>,
    /// Stops this process until it is continued.
    pub suspend: fn(),
    /// Runs another program on this terminal and waits for its end.
    pub beside: ExternalProgram,
    /// Signals that are listened to.
    pub signals: Vec<Signal>,
    /// What is done with one of them, for an owner.
    pub pass_on: Box<dyn Fn(Signal)>,
    /// A project that is not up yet.
    pub coming: Option<StartingProject>,
}

/// Runs a program that has the terminal for itself.
pub type ExternalProgram = fn(&mut Command) -> io::Result<ExitStatus>;

/// A project that is on its way up: it is shown meanwhile, and what is wished for waits.
pub struct StartingProject {
    pub overview: ProjectState,
    /// Ends when it is up; false when it never will be.
    pub up: Pin<Box<dyn Future<Output = bool>>>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("stand", &self.stand).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub struct TuiExit {
    pub how: ExitReason,
    /// The project as it was seen last.
    pub overview: ProjectState,
    /// The terminal takes what is written to it.
    pub takes: bool,
}

/// Why the interface was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    Ended,
    /// It goes on without us.
    Detached,
    /// A signal ended the interface.
    Signal(Signal),
    /// The terminal is gone.
    Gone,
    /// The project never came up.
    NotUp,
}

/// Runs the interface on this terminal until it is left. Needs a runtime.
pub async fn run(control: impl Control + Clone + 'static, options: Options) -> io::Result<TuiExit> {
    let clock = FrameClock::start();
    let mut ui = Model::new(options.config, options.look, options.stand, terminal::size());
    ui.zone = options.zone;
    ui.now = clock.now();
    if let Some(warning) = options.warning {
        ui.say(warning, super::theme::Role::Warn);
    }
    let (overview, coming) = options.coming.map(|one| (one.overview, one.up)).unzip();
    if let Some(overview) = overview {
        ui.await_start(overview);
    }
    let (terminal, typed) = Terminal::take(ui.mouse)?;
    let (sender, messages) = mpsc::channel(AHEAD);
    let mut app = App {
        tasks: Tasks::new(control, sender, coming.is_none()),
        coming,
        ui,
        terminal: Some(terminal),
        clock,
        dirty: true,
        urgent: true,
        drawn: Duration::ZERO,
        waiting: None,
        left: None,
        suspend: options.suspend,
        beside: options.beside,
        lent: None,
        pass_on: options.pass_on,
        signals_seen: 0,
    };
    app.tasks.begin();
    let cmds = begin(&mut app.ui);
    app.perform(cmds);
    let mut world = AppEvent { typed, messages, signals: Signals::listen(&options.signals) };
    let how = app.go(&mut world).await;
    // The terminal is given back before anything is said.
    let takes = app.terminal.take().is_none_or(Terminal::give_back);
    Ok(TuiExit { how, overview: app.ui.overview, takes })
}

struct AppEvent {
    typed: mpsc::UnboundedReceiver<TerminalInput>,
    messages: mpsc::Receiver<Msg>,
    signals: Signals,
}

struct App<C> {
    ui: Model,
    tasks: Tasks<C>,
    terminal: Option<Terminal>,
    clock: FrameClock,
    /// The project comes up.
    coming: Option<Pin<Box<dyn Future<Output = bool>>>>,
    /// Something may look different.
    dirty: bool,
    /// Somebody waits for it.
    urgent: bool,
    /// When the last frame was drawn.
    drawn: Duration,
    /// Since when it is waited for rows.
    waiting: Option<Duration>,
    left: Option<ExitReason>,
    suspend: fn(),
    beside: ExternalProgram,
    /// When another program gave the terminal back.
    lent: Option<Duration>,
    pass_on: Box<dyn Fn(Signal)>,
    signals_seen: usize,
}

impl<C: Control + Clone + 'static> App<C> {
    async fn go(&mut self, world: &mut AppEvent) -> ExitReason {
        loop {
            if let Some(how) = self.left {
                return how;
            }
            if self.terminal.as_ref().is_some_and(Terminal::is_broken) {
                return ExitReason::Gone;
            }
            let pause = self.draw_or_wait();
            self.wait(world, pause).await;
            // Everything that is there already, before the next frame.
            for _ in 0..AHEAD * 4 {
                if let Ok(input) = world.typed.try_recv() {
                    self.input(input);
                } else if let Ok(msg) = world.messages.try_recv() {
                    self.message(msg);
                } else {
                    break;
                }
            }
        }
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self, world: &mut AppEvent, pause: DrawDelay) {
        let sleeps = async {
            match pause.sleep {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let news = async {
            match (&self.terminal, pause.for_terminal) {
                (Some(terminal), true) => terminal.news().await,
                _ => std::future::pending().await,
            }
        };
        let coming = async {
            match &mut self.coming {
                Some(coming) => coming.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            heard = world.signals.next() => self.heard(&heard),
            is_up = coming => self.came_up(is_up),
            input = world.typed.recv() => self.input(input.unwrap_or(TerminalInput::Gone)),
            () = news => {}
            Some(msg) = world.messages.recv() => self.message(msg),
            () = sleeps => self.tick(),
        }
    }

    fn came_up(&mut self, is_up: bool) {
        self.coming = None;
        if is_up {
            self.tasks.open();
        } else {
            self.left = Some(ExitReason::NotUp);
        }
    }

    /// Draws if it is time; otherwise how long it is not.
    fn draw_or_wait(&mut self) -> DrawDelay {
        let now = self.clock.now().since_start;
        if !self.dirty {
            return DrawDelay { sleep: self.ui.changes_in(), for_terminal: false };
        }
        let Some(terminal) = &mut self.terminal else { return DrawDelay::default() };
        if !terminal.is_free() {
            return DrawDelay { sleep: None, for_terminal: true };
        }
        let gap = if self.urgent { FAST } else { PACE };
        let mut due = self.drawn + gap;
        if self.ui.is_waiting() {
            // What is on its way comes in a moment: better late by that than empty.
            due = due.max(*self.waiting.get_or_insert(now) + PATIENCE);
        } else {
            self.waiting = None;
        }
        if let Some(early) = due.checked_sub(now).filter(|early| !early.is_zero()) {
            return DrawDelay { sleep: Some(early), for_terminal: false };
        }
        self.ui.now = self.clock.now();
        let ui = &self.ui;
        if terminal.draw(|frame| view(ui, frame)).is_err() {
            self.left = Some(ExitReason::Gone);
        }
        self.drawn = now;
        (self.dirty, self.urgent) = (false, false);
        DrawDelay { sleep: self.ui.changes_in(), for_terminal: false }
    }

    fn tick(&mut self) {
        self.ui.now = self.clock.now();
        self.dirty = true;
    }

    fn message(&mut self, msg: Msg) {
        let timed = TimedMsg { now: self.clock.now(), msg };
        let cmds = update(&mut self.ui, timed);
        self.dirty = true;
        self.perform(cmds);
    }

    fn input(&mut self, input: TerminalInput) {
        let event = match input {
            TerminalInput::Event(event) => event,
            TerminalInput::Gone => {
                self.left = Some(ExitReason::Gone);
                return;
            }
        };
        let msg = match event {
            Typed::Key(key) if key.kind == KeyEventKind::Release => return,
            Typed::Key(key) => match Chord::of(key) {
                Some(chord) => Msg::Key(chord),
                None => return,
            },
            Typed::Mouse(mouse) => Msg::Mouse(mouse),
            Typed::Paste(text) => Msg::Paste(text),
            // The signal has said so already.
            Typed::Resize(..) | Typed::FocusGained | Typed::FocusLost => return,
        };
        self.urgent = true;
        self.message(msg);
    }

    fn resize(&mut self) {
        let Some(terminal) = &mut self.terminal else { return };
        match terminal.redraw() {
            Ok(size) => self.message(Msg::Resize(size)),
            Err(_) => self.left = Some(ExitReason::Gone),
        }
        self.urgent = true;
    }

    fn heard(&mut self, heard: &UiSignal) {
        match heard {
            UiSignal::Stop => self.stop(),
            UiSignal::Resize => self.resize(),
            // Whoever had the terminal meanwhile may have left it in any state.
            UiSignal::Continue => {
                if let Some(terminal) = &mut self.terminal {
                    _ = terminal.retake();
                }
                self.resize();
            }
            UiSignal::End(Signal::INT | Signal::QUIT) if self.was_lent() => {}
            UiSignal::End(signal) => {
                let signal = *signal;
                self.signals_seen += 1;
                let stops = [Signal::INT, Signal::TERM].contains(&signal);
                let leaves = self.ui.stand == ClientRole::Guest || !stops;
                if leaves || self.signals_seen > 2 {
                    self.left = Some(ExitReason::Signal(signal));
                } else {
                    (self.pass_on)(signal);
                    self.message(Msg::Ending);
                }
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all that is not of the terminal")]
    fn perform(&mut self, cmds: Vec<Cmd>) {
        for wish in cmds {
            match wish {
                Cmd::Leave(QuitMode::Ended) => self.left = Some(ExitReason::Ended),
                Cmd::Leave(QuitMode::Detached) => self.left = Some(ExitReason::Detached),
                Cmd::Terminal(TerminalCmd::Suspend) => self.stop(),
                Cmd::Terminal(TerminalCmd::Redraw) => self.resize(),
                Cmd::Terminal(TerminalCmd::Mouse(on)) => {
                    if let Some(terminal) = &mut self.terminal {
                        terminal.set_mouse(on);
                    }
                }
                Cmd::Copy(text) => self.copy(&text),
                Cmd::Show(file) => self.show(&file),
                Cmd::EditAt(place) => self.edit(&place),
                wish => self.tasks.perform(wish),
            }
        }
    }
}

/// Until when nothing is drawn.
#[derive(Debug, Clone, Copy, Default)]
struct DrawDelay {
    sleep: Option<Duration>,
    for_terminal: bool,
}
