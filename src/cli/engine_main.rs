//! Main function of the engine process: runtime, control endpoint, front end, exit code.

use std::io::{IsTerminal as _, Read as _, stderr, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::control_endpoint::ControlEndpoint;
use super::end_report::{self, RemainingProcess};
use super::file_maintenance::FileMaintenance;
use super::locked_project::LockedProject;
use super::messages::{cannot, use_colour};
use super::reload::FileReloader;
use super::signal_handlers::SignalHandlers;
use super::terminal_passthrough::TerminalPassthrough;
use super::{
    ExitResult, GlobalOptions, ProgramExit, diagnostics, event_file, messages, project, runtime,
};
use crate::control::LocalControl;
use crate::control::wire::ProjectEnd;
use crate::engine::{
    Clock, Engine, EngineHandle, EngineOptions, Foreground, Notice, NoticeSender, Request,
    SpecLoader,
};
use crate::machine::{ProcessId, ProjectExit, Snapshot, Supervisor};
use crate::plain::{FrontThread, LineStyle, Plain, PlainOptions, Verbosity};
use crate::sys::journal::SessionStrayRules;
use crate::sys::{HostOptions, RealHost, guardian, own_process};

/// The output of the engine process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Display {
    /// All notices, and the output of processes unless `quiet`.
    Everything { quiet: bool, timestamps: bool },
    /// Notices about problems: another process has the terminal.
    Problems,
}

/// A project about to run.
pub(super) struct EngineSetup {
    pub(super) supervisor: Supervisor,
    pub(super) chosen: Vec<ProcessId>,
    pub(super) no_dependencies: bool,
    pub(super) display: Display,
    pub(super) events: Option<PathBuf>,
    pub(super) log_file: Option<PathBuf>,
    /// An address on which it serves the API, in addition to the control socket.
    pub(super) listen: Option<SocketAddr>,
    pub(super) foreground: Option<(ProcessId, Foreground)>,
    /// Reads the file again; `None` if that is not possible.
    pub(super) reloader: Option<Arc<FileReloader>>,
    /// The process that started it has the other end of its standard input.
    pub(super) owned: bool,
    /// Forwards the output of the process in the foreground, on a separate thread.
    pub(super) forward_output: Option<Box<dyn FnOnce() + Send>>,
    /// The process in the foreground has a pseudo-terminal, to which ours is passed on.
    pub(super) passes_terminal: bool,
}

impl EngineSetup {
    /// A process in the foreground, with its dependencies in the background.
    pub(super) fn foreground(
        supervisor: Supervisor,
        process: ProcessId,
        foreground: Foreground,
    ) -> Self {
        Self {
            supervisor,
            chosen: vec![process],
            no_dependencies: false,
            display: Display::Problems,
            events: None,
            log_file: None,
            listen: None,
            foreground: Some((process, foreground)),
            reloader: None,
            owned: false,
            forward_output: None,
            passes_terminal: false,
        }
    }
}

/// A seed for the jitter of retries.
pub(super) fn seed() -> u64 {
    Clock::wall().as_nanosecond() as u64
}

/// Runs a locked project to its end, with plain output.
pub(super) fn run(global: &GlobalOptions, locked: LockedProject, setup: EngineSetup) -> ExitResult {
    runtime::check_threads().map_err(|error| cannot("start its threads", &error))?;
    let default_log = locked.files.as_ref().map(|files| files.dirs.state.join("pitcrew.log"));
    let _diagnostics = match (&setup.log_file, &default_log) {
        (Some(log), _) => Some(
            diagnostics::start(log, global.verbose)
                .map_err(|error| cannot(&format!("write {}", log.display()), &error))?,
        ),
        (None, Some(log)) => diagnostics::start(log, global.verbose).ok(),
        (None, None) => None,
    };
    let own_files = own_files([&setup.events, &setup.log_file, &default_log]);
    let runtime = runtime::multi_threaded().map_err(|error| cannot("start the runtime", &error))?;
    let exit = runtime.block_on(run_engine(global, locked, setup, own_files));
    runtime.shutdown_background();
    exit
}

fn pass_terminal_on(
    process: Option<ProcessId>,
    engine: &EngineHandle,
) -> Result<Option<TerminalPassthrough>, ProgramExit> {
    let passthrough = process.map(|id| TerminalPassthrough::start(engine, id)).transpose();
    passthrough.map_err(|error| cannot("pass the terminal on", &error))
}

async fn run_engine(
    global: &GlobalOptions,
    mut locked: LockedProject,
    mut setup: EngineSetup,
    own_files: Vec<PathBuf>,
) -> ExitResult {
    let cannot_start_threads = |error| cannot("start its threads", &error);
    let few_descriptors =
        runtime::too_few_descriptors(setup.supervisor.spec(), own_process::descriptor_limit());
    let host = start_host(&mut locked, few_descriptors.is_some());
    let host = Arc::new(host.map_err(|error| cannot("start the spawner", &error))?);
    let name = setup.supervisor.spec().project.name.clone();
    let locator = project::locate(global)?;
    let foreground = setup.foreground.as_ref().map(|(id, _)| *id);
    let takes_terminal =
        foreground.is_some() && !setup.passes_terminal && own_process::in_foreground();
    let loader = || setup.reloader.clone().map(|reloader| reloader as Arc<dyn SpecLoader>);
    let options = EngineOptions {
        inherited: std::env::vars_os().collect(),
        colour: use_colour(global.color, &stdout()),
        runtime_dir: locked.files.as_ref().map(|files| files.dirs.runtime.clone()),
        session: locked.policies.session.clone(),
        takes_terminal,
        foreground: setup.foreground.take(),
        loader: loader(),
        own_files,
        observer: None,
    };
    let mut engine = Engine::new(Arc::clone(&host), setup.supervisor, options);
    let notices = engine.notices();
    for text in locked.recovered.into_iter().chain(few_descriptors) {
        notices.send(Notice::general(text));
    }
    let event_writer = start_event_writer(setup.events.as_deref(), &mut engine)?;
    let forward = setup.forward_output.map(|work| FrontThread::start("pitcrew-pass", work));
    let forwarding = forward.transpose().map_err(cannot_start_threads)?;
    let handle = engine.handle();
    let passthrough = pass_terminal_on(foreground.filter(|_| setup.passes_terminal), &handle)?;
    let events = engine.observe();
    let Some(feed) = engine.feed() else { return Err(ProgramExit::FAILURE) };
    let guardian = locked.guardian.pid;
    let control = LocalControl::new(handle.clone(), &name, guardian, locator, events);
    let state_dir = locked.files.as_ref().map(|files| files.dirs.state.clone());
    let mut endpoint = None;
    if let Some(project) = locked.files {
        let (file_gone, file_status) = tokio::sync::watch::channel(None);
        let policies = current_policies(setup.reloader.as_ref(), &locked.policies);
        let files = FileMaintenance { project, policies, file_gone, notices: notices.clone() };
        let served = control.clone().with_spec_loader(loader()).with_file_status(file_status);
        let listening = ControlEndpoint::listen(files, setup.listen, served)
            .map_err(|error| cannot("listen", &error))?;
        if let Some(text) = listening.port_notice() {
            notices.send(Notice::general(text));
        }
        endpoint = Some(listening);
    }
    let mut plain = Plain::start(&handle, feed, plain_options(global, setup.display, foreground))
        .map_err(cannot_start_threads)?;
    let mut handlers = SignalHandlers::start(&handle, &host, locked.guardian);
    handlers.follow_reader(plain.closed(), &handle);
    if takes_terminal {
        handlers.follow_stops(&handle, foreground);
    }
    if setup.owned {
        follow_owner(&handle).map_err(cannot_start_threads)?;
    }
    // On a thread of the runtime: messages from the tasks of the runs need no switch of threads.
    let exit = tokio::spawn(engine.run(setup.chosen, !setup.no_dependencies)).await;
    let exit =
        exit.map_err(|error| messages::failure(&format!("the engine has failed: {error}")))?;
    if takes_terminal {
        _ = own_process::reclaim_terminal();
    }
    let last = handle.snapshot();
    let end =
        state_dir.filter(|_| setup.reloader.is_some()).map(|dir| (dir, end_of(&control, &last)));
    if let Some((dir, end)) = &end {
        end_report::write(dir, guardian, end.clone(), Vec::new());
    }
    drop(control);
    if let Some(endpoint) = endpoint {
        endpoint.finish().await;
    }
    if !last.leaving {
        let policies = current_policies(setup.reloader.as_ref(), &locked.policies)();
        let left = end_unclaimed(&host, &policies, &notices).await;
        if let Some((dir, end)) = end.filter(|_| !left.is_empty()) {
            end_report::write(&dir, guardian, end, left);
        }
        drop(notices);
        let rest = async {
            for thread in [event_writer, forwarding].into_iter().flatten() {
                thread.done().await;
            }
            // After the last output and before the next message.
            drop(passthrough);
            plain.finish().await;
        };
        handlers.finish(rest).await;
    }
    // A stopped guardian would not notice the end of this process.
    guardian::resume(guardian);
    Ok(exit_code(&exit, foreground, &last))
}

/// Starts to write the file of `--events`, if there is one.
fn start_event_writer(
    file: Option<&Path>,
    engine: &mut Engine<RealHost>,
) -> Result<Option<FrontThread>, ProgramExit> {
    let Some(file) = file else { return Ok(None) };
    let writer = event_file::start(file, engine);
    writer.map(Some).map_err(|error| cannot(&format!("write {}", file.display()), &error))
}

/// The exit code of the process in the foreground, or else that of the project.
fn exit_code(exit: &ProjectExit, foreground: Option<ProcessId>, last: &Snapshot) -> ProgramExit {
    let process = foreground.and_then(|id| last.processes.iter().find(|process| process.id == id));
    match (exit, process) {
        (ProjectExit::Signal(signal), _) => ProgramExit::Signal(*signal),
        (_, Some(process)) => ProgramExit::code(process.shell_code.unwrap_or(1)),
        (ProjectExit::Code(code), None) => ProgramExit::code(*code),
        (ProjectExit::Quiet { well: true } | ProjectExit::Asked, None) => ProgramExit::SUCCESS,
        (ProjectExit::Quiet { well: false }, None) => ProgramExit::FAILURE,
    }
}

/// Why the project has ended, for the process that started it in the background.
fn end_of(project: &LocalControl, last: &Snapshot) -> ProjectEnd {
    project.project_end(last).unwrap_or_else(|| ProjectEnd {
        reason: "nothing was left to run".to_owned(),
        process: None,
        last_output: None,
    })
}

/// Creates the host, which uses as few descriptors as possible if `is_thrifty`.
fn start_host(locked: &mut LockedProject, is_thrifty: bool) -> std::io::Result<RealHost> {
    if let Some(files) = locked.files.as_mut().filter(|_| is_thrifty) {
        files.lock.release_file();
        files.follower.lock().unwrap_or_else(PoisonError::into_inner).release();
    }
    RealHost::new(HostOptions { soft_nofile: locked.soft_nofile, is_thrifty })
}

/// Returns the current stray policies, which change with a reload.
fn current_policies(
    reloader: Option<&Arc<FileReloader>>,
    initial: &SessionStrayRules,
) -> Box<dyn Fn() -> SessionStrayRules + Send> {
    let (reloader, initial) = (reloader.cloned(), initial.clone());
    Box::new(move || {
        reloader.as_ref().map_or_else(|| initial.clone(), |reloader| reloader.policies())
    })
}

/// The real paths of the files that pitcrew writes, whose changes are ignored.
fn own_files<'a>(files: impl IntoIterator<Item = &'a Option<PathBuf>>) -> Vec<PathBuf> {
    let real = |file: &PathBuf| {
        let name = file.file_name()?;
        let folder = std::path::absolute(file).ok()?.parent()?.canonicalize().ok()?;
        Some(folder.join(name))
    };
    files.into_iter().flatten().filter_map(real).collect()
}

fn plain_options(
    global: &GlobalOptions,
    display: Display,
    foreground: Option<ProcessId>,
) -> PlainOptions {
    let (terminal, colour) = (stdout().is_terminal(), use_colour(global.color, &stdout()));
    let (lines, verbosity) = match display {
        Display::Everything { quiet, timestamps } => {
            ((!quiet).then_some(LineStyle { terminal, colour, timestamps }), Verbosity::Everything)
        }
        Display::Problems => (None, Verbosity::Problems { foreground }),
    };
    PlainOptions {
        lines,
        verbosity,
        colour: use_colour(global.color, &stderr()),
        terminal: stderr().is_terminal(),
        before_write: Some(own_process::wait_for_terminal),
    }
}

/// Ends processes that no longer belong to a run, and names them; returns processes that cannot be
/// ended.
async fn end_unclaimed(
    host: &RealHost,
    policies: &SessionStrayRules,
    notices: &NoticeSender,
) -> Vec<RemainingProcess> {
    for unclaimed in host.unclaimed(policies.clone()).await {
        notices.send(Notice::general(format!("ended with the project: {}", unclaimed.stray)));
    }
    let mut left = Vec::new();
    for unkillable in host.kill_all(policies.clone()).await {
        notices.send(Notice::general(format!("cannot kill {}", unkillable.stray)));
        left.extend(RemainingProcess::of(unkillable.stray));
    }
    left
}

/// The owner writes this byte to detach.
pub(super) const DETACH_BYTE: u8 = b'D';

/// Requests a hang-up when the owner has ended without detaching, as if its terminal were closed.
///
/// Has its own thread, because it lasts as long as the project, and the runtime may have only one
/// thread for blocking work.
fn follow_owner(engine: &EngineHandle) -> std::io::Result<()> {
    let handle = engine.clone();
    std::thread::Builder::new().name("pitcrew-owner".to_owned()).spawn(move || {
        if has_owner_ended() {
            _ = handle.request(Request::HangUp);
        }
    })?;
    Ok(())
}

/// Waits for the end of the owner; returns false if it has detached.
fn has_owner_ended() -> bool {
    let mut byte = [0];
    loop {
        match std::io::stdin().read(&mut byte) {
            Ok(0) => return true,
            Ok(_) if byte == [DETACH_BYTE] => return false,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return true,
        }
    }
}
