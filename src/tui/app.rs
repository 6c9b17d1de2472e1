//! Application loop: connects terminal, signals and project with the model.

mod copy;
mod editor;
mod export;
mod external;
mod paging;
mod perform;
mod programs;
mod signals;
mod tasks;
mod terminal_link;

use std::io;
use std::pin::Pin;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crossterm::event::{Event as InputEvent, KeyEventKind};
use tokio::sync::{mpsc, watch};

use signals::{Signals, UiSignal};

use super::appearance::Appearance;
use super::clock::FrameClock;
use super::config::Config;
use super::keys::Chord;
use super::model::{ClientRole, Model};
use super::msg::{ExitReason, Msg};
use super::render::view;
use super::terminal::{self, Terminal, TerminalInput};
use super::theme::Role;
use super::update::{begin, update};
use crate::control::wire::ProjectState;
use crate::control::{Control, ControlError};
use crate::spec::Signal;
use tasks::Tasks;
use terminal_link::TerminalLink;

/// Shortest time between two frames that show new output.
const FRAME: Duration = Duration::from_millis(33);
/// Shortest time between two frames after a key or a mouse event.
const INPUT_FRAME: Duration = Duration::from_millis(8);
/// For so long after a key, what a process draws is taken for the answer to that key.
const ECHO_TIME: Duration = Duration::from_millis(300);
/// How long a frame is delayed for rows that are on their way.
const ROWS_DELAY: Duration = Duration::from_millis(25);
/// Interrupts within this time after another program had the terminal are addressed to that
/// program.
const FOREIGN_SIGNAL: Duration = Duration::from_millis(100);
/// Capacity of the message queue.
const QUEUE: usize = 64;

pub struct Options {
    pub config: Config,
    pub look: Appearance,
    pub role: ClientRole,
    /// The error to show while the engine is suspended.
    pub suspension: watch::Receiver<Option<ControlError>>,
    /// Shown at the start.
    pub warning: Option<String>,
    /// Stops this process until it is continued.
    pub suspend: fn(),
    pub run_external: ExternalProgram,
    /// The signals to handle.
    pub signals: Vec<Signal>,
    /// Forwards such a signal to the project, if the interface owns it.
    pub forward_signal: Box<dyn Fn(Signal)>,
    pub starting: Option<StartingProject>,
    /// The process or replica whose terminal is shown first, zoomed.
    pub terminal: Option<String>,
}

/// Runs a program that uses the terminal, and waits for its end.
pub type ExternalProgram = fn(&mut Command) -> io::Result<ExitStatus>;

/// A project that is starting: it is shown, and requests wait.
pub struct StartingProject {
    pub overview: ProjectState,
    /// Completes when the project is up, with `false` if it never will be.
    pub up: Pin<Box<dyn Future<Output = bool>>>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("role", &self.role).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub struct TuiExit {
    pub reason: ExitReason,
    /// The last known state of the project.
    pub overview: ProjectState,
    /// Whether the terminal accepts output.
    pub is_writable: bool,
}

/// Runs the interface on this terminal until the user leaves it. Needs a runtime.
pub async fn run(control: impl Control + Clone + 'static, options: Options) -> io::Result<TuiExit> {
    let clock = FrameClock::start();
    let mut ui = Model::new(options.config, options.look, options.role, terminal::size());
    ui.now = clock.now();
    ui.terminal.attach_to = options.terminal;
    if let Some(warning) = options.warning {
        ui.notify(warning, Role::Warn);
    }
    let (overview, starting) = options.starting.map(|start| (start.overview, start.up)).unzip();
    if let Some(overview) = overview {
        ui.await_start(overview);
    }
    let (terminal, input) = Terminal::take(ui.mouse)?;
    let (sender, messages) = mpsc::channel(QUEUE);
    let mut app = App {
        tasks: Tasks::new(control, sender, starting.is_none()),
        link: None,
        starting,
        ui,
        terminal: Some(terminal),
        clock,
        dirty: true,
        urgent: true,
        drawn: Duration::ZERO,
        typed: None,
        waiting: None,
        exit: None,
        suspend: options.suspend,
        run_external: options.run_external,
        external_end: None,
        forward_signal: options.forward_signal,
        signal_count: 0,
    };
    app.tasks.subscribe();
    let cmds = begin(&mut app.ui);
    app.perform(cmds);
    let signals = Signals::listen(&options.signals);
    let mut sources = EventSources { input, messages, signals, suspension: options.suspension };
    let reason = app.run_loop(&mut sources).await;
    // The terminal is restored before anything is printed.
    let is_writable = app.terminal.take().is_none_or(Terminal::give_back);
    Ok(TuiExit { reason, overview: app.ui.overview, is_writable })
}

struct EventSources {
    input: mpsc::UnboundedReceiver<TerminalInput>,
    messages: mpsc::Receiver<Msg>,
    signals: Signals,
    suspension: watch::Receiver<Option<ControlError>>,
}

struct App<C> {
    ui: Model,
    tasks: Tasks<C>,
    /// The connection to the terminal that is shown.
    link: Option<TerminalLink>,
    terminal: Option<Terminal>,
    clock: FrameClock,
    /// The project, while it is starting.
    starting: Option<Pin<Box<dyn Future<Output = bool>>>>,
    /// The screen may be outdated.
    dirty: bool,
    /// The user waits for the next frame.
    urgent: bool,
    /// When the last frame was drawn.
    drawn: Duration,
    /// When a key was typed into a process.
    typed: Option<Duration>,
    /// Since when the next frame waits for rows.
    waiting: Option<Duration>,
    exit: Option<ExitReason>,
    suspend: fn(),
    run_external: ExternalProgram,
    /// When the last external program ended.
    external_end: Option<Duration>,
    forward_signal: Box<dyn Fn(Signal)>,
    signal_count: usize,
}

/// The condition for drawing the next frame.
enum DrawDelay {
    /// A time, or only for events.
    Time(Option<Duration>),
    /// The terminal has not accepted the last frame yet.
    Terminal,
}

impl<C: Control + Clone + 'static> App<C> {
    async fn run_loop(&mut self, sources: &mut EventSources) -> ExitReason {
        loop {
            if let Some(reason) = self.exit {
                return reason;
            }
            if self.terminal.as_ref().is_some_and(Terminal::is_broken) {
                return ExitReason::Gone;
            }
            let delay = self.draw_if_due();
            self.wait(sources, delay).await;
            // Handles everything that has arrived already before the next frame.
            for _ in 0..QUEUE * 4 {
                if let Ok(input) = sources.input.try_recv() {
                    self.input(input);
                } else if let Ok(msg) = sources.messages.try_recv() {
                    self.message(msg);
                } else {
                    break;
                }
            }
        }
    }

    /// Waits for the first event and handles it.
    async fn wait(&mut self, sources: &mut EventSources, delay: DrawDelay) {
        let next_frame = async {
            match (delay, &self.terminal) {
                (DrawDelay::Time(Some(time)), _) => tokio::time::sleep(time).await,
                (DrawDelay::Terminal, Some(terminal)) => terminal.news().await,
                (DrawDelay::Time(None), _) | (_, None) => std::future::pending().await,
            }
        };
        let started = async {
            match &mut self.starting {
                Some(starting) => starting.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = sources.signals.next() => self.on_signal(signal),
            is_up = started => {
                self.starting = None;
                if is_up {
                    self.tasks.start();
                } else {
                    self.exit = Some(ExitReason::NotUp);
                }
            }
            input = sources.input.recv() => self.input(input.unwrap_or(TerminalInput::Gone)),
            Some(msg) = sources.messages.recv() => self.message(msg),
            Ok(()) = sources.suspension.changed() => {
                let problem = sources.suspension.borrow_and_update().clone();
                self.message(Msg::Suspended(problem));
            }
            () = next_frame => {
                self.ui.now = self.clock.now();
                self.dirty = true;
            }
        }
    }

    /// Draws a frame if one is due, and returns the condition for the next one.
    fn draw_if_due(&mut self) -> DrawDelay {
        let now = self.clock.now();
        let Some(terminal) = self.terminal.as_mut().filter(|_| self.dirty) else {
            return DrawDelay::Time(self.ui.next_change_in());
        };
        if !terminal.is_free() {
            return DrawDelay::Terminal;
        }
        let mut due = self.drawn + if self.urgent { INPUT_FRAME } else { FRAME };
        if self.ui.is_loading() {
            // The rows arrive in a moment: better late by that than empty.
            due = due.max(*self.waiting.get_or_insert(now.since_start) + ROWS_DELAY);
        } else {
            self.waiting = None;
        }
        if let Some(early) = due.checked_sub(now.since_start).filter(|early| !early.is_zero()) {
            return DrawDelay::Time(Some(early));
        }
        self.ui.now = now;
        let ui = &self.ui;
        if terminal.draw(|frame| view(ui, frame)).is_err() {
            self.exit = Some(ExitReason::Gone);
        }
        terminal.set_cursor_shape(ui.cursor_shape());
        self.drawn = now.since_start;
        (self.dirty, self.urgent) = (false, false);
        if self.ui.terminal.open.is_some() {
            let cmds = update(&mut self.ui, now, Msg::Drawn);
            self.perform(cmds);
        }
        DrawDelay::Time(self.ui.next_change_in())
    }

    fn message(&mut self, msg: Msg) {
        let now = self.clock.now();
        let is_answer = self.typed.is_some_and(|at| now.since_start < at + ECHO_TIME);
        self.urgent |= is_answer && matches!(msg, Msg::Terminal(..));
        // A key that goes to a process changes nothing here: the next frame is the answer to it.
        let is_passed_on = matches!(msg, Msg::Press(_)) && self.ui.passes_keys_on();
        let cmds = update(&mut self.ui, now, msg);
        self.dirty |= !(is_passed_on && self.ui.passes_keys_on());
        self.perform(cmds);
    }

    fn input(&mut self, input: TerminalInput) {
        let msg = match input {
            TerminalInput::Gone => {
                self.exit = Some(ExitReason::Gone);
                return;
            }
            TerminalInput::Kitty(is_supported) => {
                if let Some(terminal) = &mut self.terminal {
                    terminal.set_kitty(is_supported);
                }
                return;
            }
            TerminalInput::Color(kind, color) => Msg::Color(kind, color),
            TerminalInput::Event(InputEvent::Key(key)) => {
                let is_typing = self.ui.is_typing();
                if !is_typing
                    && (key.kind == KeyEventKind::Release || Chord::from_event(key).is_none())
                {
                    return;
                }
                self.typed = is_typing.then(|| self.clock.now().since_start);
                Msg::Press(key)
            }
            TerminalInput::Event(InputEvent::Mouse(mouse)) => Msg::Mouse(mouse),
            TerminalInput::Event(InputEvent::Paste(text)) => Msg::Paste(text),
            TerminalInput::Event(InputEvent::FocusGained) => Msg::Focus(true),
            TerminalInput::Event(InputEvent::FocusLost) => Msg::Focus(false),
            // SIGWINCH reports a new size.
            TerminalInput::Event(InputEvent::Resize(..)) => return,
        };
        self.urgent = true;
        self.message(msg);
    }

    fn resize(&mut self) {
        let Some(terminal) = &mut self.terminal else { return };
        match terminal.redraw() {
            Ok(size) => self.message(Msg::Resize(size)),
            Err(_) => self.exit = Some(ExitReason::Gone),
        }
        self.urgent = true;
    }

    fn on_signal(&mut self, signal: UiSignal) {
        match signal {
            UiSignal::Stop => self.suspend(),
            UiSignal::Resize => self.resize(),
            // Another program may have left the terminal in any state.
            UiSignal::Continue => {
                if let Some(terminal) = &mut self.terminal {
                    _ = terminal.retake();
                }
                self.resize();
            }
            UiSignal::End(Signal::INT | Signal::QUIT) if self.is_foreign_signal() => {}
            UiSignal::End(signal) => {
                self.signal_count += 1;
                let stops = [Signal::INT, Signal::TERM].contains(&signal);
                if self.ui.role == ClientRole::Guest || !stops || self.signal_count > 2 {
                    self.exit = Some(ExitReason::Signal(signal));
                } else {
                    (self.forward_signal)(signal);
                    self.message(Msg::QuitSignal);
                }
            }
        }
    }
}
