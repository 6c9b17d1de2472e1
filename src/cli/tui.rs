//! Runs the interface, a separate process next to the engine, which it starts or finds.
//!
//! `up` with it is three processes: this one, which is the job of the shell; and, in a session of
//! their own, the guardian and the engine. What happens to this one happens to it alone, but that it
//! says goodbye or takes the project with it.

use std::cell::RefCell;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::Child;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;

use super::detach::EngineLifetime;
use super::engine_main::GOODBYE;
use super::{ColorChoice, GlobalOptions, ProgramExit, UpArgs, detach, project, remote};
use crate::control::wire::{ProcessState, ProjectState};
use crate::control::{Client, Control as _, ControlErrorKind, Measure};
use crate::machine::Snapshot;
use crate::output::safe_name;
use crate::spec::{Signal, Spec, counted};
use crate::sys::{ProjectDirs, alive_holder, own_process};
use crate::tui::app::{self, ExitReason, Options, StartingProject, TuiExit};
use crate::tui::config::{self, Config, TimestampStyle};
use crate::tui::model::ClientRole;
use crate::tui::theme::ThemeName;

/// How often it is looked whether something has happened to the engine's process.
const LOOK: Duration = Duration::from_millis(5);

/// The outermost process of the project, ours to wait for.
type EngineProcess = Rc<RefCell<Child>>;

#[derive(Debug, Clone, Args)]
pub(super) struct AttachArgs {
    /// The process whose terminal is to be shown
    name: Option<String>,
}

/// Whether `up` opens it: a terminal on both ends that can be drawn on, and nothing said that is
/// about plain lines.
pub(super) fn is_wanted(args: &UpArgs) -> bool {
    !args.no_tui && !args.quiet && has_terminal() && !is_dumb()
}

fn has_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// The interface on a running project.
pub(super) fn attach(global: &GlobalOptions, args: &AttachArgs) -> ProgramExit {
    if let Some(name) = &args.name {
        let text = format!("the terminal of {name} cannot be attached to in this version");
        return project::wrong(&format!("{text}\n`pitcrew attach` shows the project"));
    }
    if !has_terminal() {
        return project::wrong(
            "`attach` needs a terminal; `pitcrew ps` and `pitcrew logs -f` do not",
        );
    }
    if is_dumb() {
        let text = "this terminal cannot be drawn on (TERM is `dumb` or not set)";
        return project::wrong(&format!("{text}; `pitcrew logs -f` needs no more than that"));
    }
    let (name, folders) = match remote::folders(global) {
        Ok(found) => found,
        Err(ending) => return ending,
    };
    let left = remote::block_on(async {
        let client = remote::reach(&name, folders).await;
        // What is wrong is said where it stays.
        client.status(Measure::No).await.map_err(|problem| remote::complain(&problem))?;
        let options = options(global, ClientRole::Guest, |_| {});
        app::run(client, options).await.map_err(|error| broken(&error))
    });
    match left {
        Ok(Ok(left)) => {
            if left.how == ExitReason::Ended && left.takes {
                remote::print(&summary(&left.overview));
            } else if left.how == ExitReason::Detached && left.takes {
                goes_on(&left.overview.project);
            }
            ending_of(left.how)
        }
        Ok(Err(ending)) | Err(ending) => ending,
    }
}

/// The project, and the interface on it as its owner.
pub(super) fn up(
    global: &GlobalOptions,
    args: &UpArgs,
    spec: &Spec,
    snapshot: &Snapshot,
) -> ProgramExit {
    let folders = match ProjectDirs::of(&spec.project.file) {
        Ok(folders) => folders,
        Err(error) => return project::failed(&error.to_string()),
    };
    let words = folders.state.join("up.log");
    let is_refused = alive_holder(&folders).is_some();
    let started = detach::open(&words)
        .and_then(|file| detach::start(global, args, spec, file, EngineLifetime::Owner));
    let child = match started {
        Ok(child) => Rc::new(RefCell::new(child)),
        Err(error) => return project::failed(&format!("cannot start the engine: {error}")),
    };
    let name = spec.project.name.clone();
    let client = remote::client(&name, folders.clone());
    let up = come_up(client.clone(), folders, Rc::clone(&child));
    let engine = Rc::clone(&child);
    let mut options = options(global, ClientRole::Owner, move |signal| {
        _ = own_process::send(&engine.borrow(), signal);
    });
    if args.timestamps {
        options.config.timestamps = TimestampStyle::Time;
    }
    let ending = remote::block_on(async {
        if is_refused || !spec.project.env_pipes.is_empty() {
            // A refusal, and what an env file that is a pipe waits for, are said where it stays.
            let is_up = tokio::select! {
                is_up = up => is_up,
                never = detach::repeat_env_file_notices(&words) => match never {},
            };
            if !is_up {
                return ended(&child, &words).await;
            }
        } else {
            let overview = ProjectState::before_start(&name, snapshot);
            options.coming = Some(StartingProject { overview, up: Box::pin(up) });
        }
        let left = match app::run(client, options).await {
            Ok(left) => left,
            Err(error) => {
                _ = own_process::send(&child.borrow(), Signal::HUP);
                gone(&child).await;
                return broken(&error);
            }
        };
        if left.how == ExitReason::NotUp {
            return ended(&child, &words).await;
        }
        leave(&name, left, &child).await
    });
    ending.unwrap_or_else(|ending| ending)
}

/// Waits until it answers; false when it has ended instead.
async fn come_up(client: Client, folders: ProjectDirs, child: EngineProcess) -> bool {
    let own = child.borrow().id();
    let has_ended = || !matches!(child.borrow_mut().try_wait(), Ok(None));
    while detach::opened(&folders, own, &has_ended).await {
        match client.status(Measure::No).await {
            Ok(_) => return true,
            Err(problem) if problem.error == ControlErrorKind::Version => return true,
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
    false
}

/// It has ended before anything could be shown.
async fn ended(child: &EngineProcess, words: &Path) -> ProgramExit {
    let ending = gone(child).await;
    detach::show_last_words(words);
    ending
}

fn goes_on(name: &str) {
    let name = safe_name(name);
    remote::print(&format!("{name} goes on; `pitcrew attach` shows it\n"));
}

/// After the interface: what is left to be done for the project, and what is said of it.
async fn leave(name: &str, left: TuiExit, child: &EngineProcess) -> ProgramExit {
    match left.how {
        ExitReason::Detached => {
            let input = child.borrow_mut().stdin.take();
            let said = input.map(|mut input| input.write_all(&[GOODBYE]));
            if let Some(Err(error)) = said {
                return project::failed(&format!("cannot leave it alone: {error}"));
            }
            if left.takes {
                goes_on(name);
            }
            ProgramExit::GOOD
        }
        ExitReason::Ended => {
            let ending = gone(child).await;
            if left.takes {
                remote::print(&summary(&left.overview));
            }
            ending
        }
        ExitReason::NotUp => gone(child).await,
        // The third one: it is not waited for any more.
        ExitReason::Signal(signal) if [Signal::INT, Signal::TERM].contains(&signal) => {
            ProgramExit::Signal(signal)
        }
        // As for a program in a terminal that is closed.
        how @ (ExitReason::Signal(_) | ExitReason::Gone) => {
            _ = own_process::send(&child.borrow(), Signal::HUP);
            gone(child).await;
            ending_of(how)
        }
    }
}

fn ending_of(how: ExitReason) -> ProgramExit {
    match how {
        ExitReason::Ended | ExitReason::Detached | ExitReason::NotUp => ProgramExit::GOOD,
        ExitReason::Signal(signal) => ProgramExit::Signal(signal),
        ExitReason::Gone => ProgramExit::Signal(Signal::HUP),
    }
}

/// Waits for its end, and passes on how that was.
async fn gone(child: &EngineProcess) -> ProgramExit {
    use std::os::unix::process::ExitStatusExt as _;
    let watch = own_process::ProcessExitWatch::of(child.borrow().id());
    if let Ok(watch) = watch {
        _ = watch.gone().await;
    }
    let status = loop {
        let looked = child.borrow_mut().try_wait();
        match looked {
            Ok(Some(status)) => break status,
            Ok(None) => tokio::time::sleep(LOOK).await,
            Err(error) => return project::failed(&format!("cannot wait for the engine: {error}")),
        }
    };
    match status.signal().and_then(Signal::from_number) {
        Some(signal) => ProgramExit::Signal(signal),
        None => ProgramExit::code(status.code().unwrap_or(1)),
    }
}

fn broken(error: &std::io::Error) -> ProgramExit {
    project::failed(&format!("the terminal: {error}"))
}

fn options(
    global: &GlobalOptions,
    stand: ClientRole,
    pass_on: impl Fn(Signal) + 'static,
) -> Options {
    let file = config::path(|name| std::env::var_os(name));
    let (config, warnings) = file.map(|file| Config::load(&file)).unwrap_or_default();
    let mut look = config.look(|name| std::env::var(name).ok());
    if global.color == ColorChoice::Never {
        look = look.themed(ThemeName::None);
    }
    let signals = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];
    Options {
        config,
        look,
        zone: TimeZone::system(),
        stand,
        warning: warnings.first().map(|first| match warnings.len() {
            1 => first.to_string(),
            all => format!("{first} (and {} more)", all - 1),
        }),
        suspend: own_process::stop_self,
        beside: own_process::run_beside,
        signals: signals
            .into_iter()
            .filter(|signal| !own_process::stays_ignored(*signal))
            .collect(),
        pass_on: Box::new(pass_on),
        coming: None,
    }
}

/// One line for each process: what became of it, and where to read more.
fn summary(overview: &ProjectState) -> String {
    let all = &overview.processes;
    let widest = all.iter().map(|one| safe_name(&one.status.name).chars().count()).max();
    let name = widest.unwrap_or(0).min(30);
    let line = |one: &ProcessState| {
        let status = &one.status;
        let exit = match (status.exit_code, status.signal) {
            (Some(code), _) => format!("  exit {code}"),
            (None, Some(signal)) => format!("  {signal}"),
            (None, None) => String::new(),
        };
        let log = one.log_file.as_ref().map(|path| format!("  {}", safe_name(path)));
        let line = format!(
            "{:name$}  {:<9}  {}{exit}{}",
            safe_name(&status.name),
            status.state.to_string(),
            counted(status.run, "run"),
            log.unwrap_or_default(),
        );
        format!("{}\n", line.trim_end())
    };
    all.iter().map(line).collect()
}
