//! `attach`: opens the interface of the running project.

use std::io::IsTerminal as _;

use clap::{Args, ColorChoice};
use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::completions::{NameKind, names};
use super::{ExitResult, GlobalOptions, ProgramExit, messages, running_project, stdout};
use crate::control::wire::{ProcessState, ProjectState, ScreenQuery};
use crate::control::{Client, Control as _, ControlError, ControlResult, Measure};
use crate::output::{is_dumb_terminal, safe_name};
use crate::spec::{Signal, counted, first_of, io_error_text};
use crate::sys::own_process;
use crate::tui::app::{self, Options};
use crate::tui::config::{self, Config};
use crate::tui::model::ClientRole;
use crate::tui::msg::ExitReason;
use crate::tui::theme::ThemeName;

#[derive(Debug, Clone, Args)]
pub(super) struct AttachArgs {
    /// Show the terminal of this process or replica, with `tty = true`
    #[arg(add = names(NameKind::Terminal))]
    name: Option<String>,
}

pub(super) fn attach(global: &GlobalOptions, args: &AttachArgs) -> ExitResult {
    if !has_terminal() {
        let text = "`attach` needs a terminal; `pitcrew ps` and `pitcrew logs -f` do not";
        return Err(messages::usage_error(text));
    }
    if is_dumb() {
        let text = "this terminal cannot be drawn on (TERM is `dumb` or not set)";
        return Err(messages::usage_error(&format!("{text}; use `pitcrew logs -f`")));
    }
    let (name, dirs) = running_project::find(global)?;
    let exit = running_project::block_on(async {
        let (client, suspension) = with_suspension(running_project::connect(&name, dirs).await);
        // An error is printed before the screen of the interface covers it.
        let terminal = check(&client, args.name.as_deref()).await;
        let terminal = terminal.map_err(|error| messages::control_error(&error))?;
        let mut options = options(global, ClientRole::Guest, suspension, |_| {});
        options.terminal = terminal;
        app::run(client, options).await.map_err(|error| terminal_failure(&error))
    })??;
    if exit.reason == ExitReason::Ended && exit.is_writable {
        print_summary(&exit.overview);
    } else if exit.reason == ExitReason::Detached && exit.is_writable {
        print_still_running(&exit.overview.project);
    }
    Ok(program_exit(exit.reason))
}

/// Checks that the project responds, and that the process has a terminal; returns its full name.
async fn check(client: &Client, name: Option<&str>) -> ControlResult<Option<String>> {
    client.status(Measure::No).await?;
    let Some(name) = name else { return Ok(None) };
    let screen = client.screen(name, ScreenQuery::default()).await?;
    Ok(Some(screen.name))
}

pub(super) fn has_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || is_dumb_terminal(&term))
}

pub(super) fn program_exit(reason: ExitReason) -> ProgramExit {
    match reason {
        ExitReason::Ended | ExitReason::Detached | ExitReason::NotUp => ProgramExit::SUCCESS,
        ExitReason::Signal(signal) => ProgramExit::Signal(signal),
        ExitReason::Gone => ProgramExit::Signal(Signal::HUP),
    }
}

pub(super) fn terminal_failure(error: &std::io::Error) -> ProgramExit {
    messages::failure(&format!("the terminal: {}", io_error_text(error)))
}

/// Makes the client report the suspension of the engine to the interface.
pub(super) fn with_suspension(client: Client) -> (Client, watch::Receiver<Option<ControlError>>) {
    let (sender, suspension) = watch::channel(None);
    (client.on_suspension(move |problem| _ = sender.send_replace(problem)), suspension)
}

/// The options of the interface; `forward_signal` receives the signals of this process.
pub(super) fn options(
    global: &GlobalOptions,
    role: ClientRole,
    suspension: watch::Receiver<Option<ControlError>>,
    forward_signal: impl Fn(Signal) + 'static,
) -> Options {
    let file = config::path(|name| std::env::var_os(name));
    let (mut config, warnings) = file.map(|file| Config::load(&file)).unwrap_or_default();
    config.zone = TimeZone::system();
    let mut look = config.appearance(|name| std::env::var(name).ok());
    if global.color == ColorChoice::Never {
        look = look.themed(ThemeName::None);
    }
    let mut signals = vec![Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];
    signals.retain(|signal| !own_process::stays_ignored(*signal));
    Options {
        config,
        look,
        role,
        suspension,
        warning: (!warnings.is_empty()).then(|| first_of(&warnings, 1)),
        suspend: own_process::stop_self,
        run_external: own_process::run_beside,
        signals,
        forward_signal: Box::new(forward_signal),
        starting: None,
        terminal: None,
    }
}

pub(super) fn print_still_running(name: &str) {
    let name = safe_name(name);
    stdout::print(&format!("{name} keeps running. Reattach with: pitcrew attach\n"));
}

/// Prints a line for each process: its last state, runs, exit and log file.
pub(super) fn print_summary(project: &ProjectState) {
    let processes = &project.processes;
    let widths = processes.iter().map(|process| safe_name(&process.name).chars().count());
    let width = widths.max().unwrap_or(0).min(30);
    let line = |process: &ProcessState| {
        let exit = match (process.exit_code, process.signal) {
            (Some(code), _) => format!("  exit {code}"),
            (None, Some(signal)) => format!("  {signal}"),
            (None, None) => String::new(),
        };
        let log = process.options.log_file.as_ref().map(|path| format!("  {}", safe_name(path)));
        let line = format!(
            "{:width$}  {:<9}  {}{exit}{}",
            safe_name(&process.name),
            process.state.to_string(),
            counted(process.run, "run"),
            log.unwrap_or_default(),
        );
        format!("{}\n", line.trim_end())
    };
    stdout::print(&processes.iter().map(line).collect::<String>());
}
