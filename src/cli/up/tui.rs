//! `up` with the interface: starts the engine in the background, and opens the interface as its
//! owner.
//!
//! These are three processes: this one, which is the job of the shell; and, in their own session,
//! the guardian and the engine. What happens to this process does not affect them, except that its
//! end means detach, stop or hang-up.

use std::io::Write as _;

use super::super::engine_main::DETACH_BYTE;
use super::super::{ExitResult, GlobalOptions, ProgramExit, attach, messages, running_project};
use super::UpArgs;
use super::engine_process::{BackgroundEngine, EngineLifetime};
use crate::control::wire::ProjectState;
use crate::machine::Snapshot;
use crate::spec::{Signal, Spec};
use crate::sys::{ProjectDirs, alive_holder};
use crate::tui::app::{self, StartingProject, TuiExit};
use crate::tui::config::TimestampStyle;
use crate::tui::model::ClientRole;
use crate::tui::msg::ExitReason;

pub(super) fn up(
    global: &GlobalOptions,
    args: &UpArgs,
    spec: &Spec,
    snapshot: &Snapshot,
) -> ExitResult {
    let dirs = ProjectDirs::of(&spec.project.file)
        .map_err(|error| messages::failure(&error.to_string()))?;
    let is_running = alive_holder(&dirs).is_some();
    let mut engine = BackgroundEngine::start(global, args, spec, &dirs, EngineLifetime::Owned)
        .map_err(|error| messages::cannot("start the engine", &error))?;
    let name = &spec.project.name;
    // Not on stderr, because the interface has the terminal.
    let (client, suspension) = attach::with_suspension(engine.client);
    engine.client = client.clone();
    let signalled = engine.clone();
    let mut options = attach::options(global, ClientRole::Owner, suspension, move |signal| {
        signalled.send(signal);
    });
    if args.timestamps {
        options.config.timestamps = TimestampStyle::Time;
    }
    running_project::block_on(async {
        if is_running || !spec.project.env_pipes.is_empty() {
            // A refusal, or the wait for an env file, is printed before the screen covers it.
            if !engine.clone().wait_until_up_with_notices().await {
                return report_not_up(&engine).await;
            }
        } else {
            let overview = ProjectState::before_start(name, snapshot);
            let up = Box::pin(engine.clone().wait_until_up());
            options.starting = Some(StartingProject { overview, up });
        }
        match app::run(client, options).await {
            Ok(exit) if exit.reason == ExitReason::NotUp => report_not_up(&engine).await,
            Ok(exit) => leave(name, exit, &engine).await,
            Err(error) => {
                engine.send(Signal::HUP);
                engine.wait().await;
                attach::terminal_failure(&error)
            }
        }
    })
}

async fn report_not_up(engine: &BackgroundEngine) -> ProgramExit {
    let exit = engine.wait().await;
    engine.print_log();
    exit
}

/// Detaches from the engine or waits for its end, after the interface has been closed.
async fn leave(name: &str, exit: TuiExit, engine: &BackgroundEngine) -> ProgramExit {
    match exit.reason {
        ExitReason::Detached => {
            let written = engine.take_stdin().map(|mut input| input.write_all(&[DETACH_BYTE]));
            if let Some(Err(error)) = written {
                return messages::cannot("detach", &error);
            }
            if exit.is_writable {
                attach::print_still_running(name);
            }
            ProgramExit::SUCCESS
        }
        ExitReason::Ended => {
            let code = engine.wait().await;
            if exit.is_writable {
                attach::print_summary(&exit.overview);
            }
            code
        }
        ExitReason::NotUp => engine.wait().await,
        // The third signal: this process does not wait any more.
        ExitReason::Signal(signal) if [Signal::INT, Signal::TERM].contains(&signal) => {
            ProgramExit::Signal(signal)
        }
        // As for any program whose terminal is closed.
        reason @ (ExitReason::Signal(_) | ExitReason::Gone) => {
            engine.send(Signal::HUP);
            engine.wait().await;
            attach::program_exit(reason)
        }
    }
}
