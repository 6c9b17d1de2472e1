//! Main function of the engine process: runtime, signals, front end, exit code.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use super::end_report::{self, LeftBehind};
use super::events::EventWriter;
use super::external_events::ExternalEvents;
use super::presence::PresenceOptions;
use super::project::{HeldProject, LockedProject};
use super::reload::FileReloader;
use super::{GlobalOptions, ProgramExit, diagnostics, project, remote, runtime};
use crate::control::LocalControl;
use crate::control::wire::ProjectEnd;
use crate::engine::{
    Clock, Engine, EngineHandle, EngineOptions, Foreground, Notice, NoticeSender, Request,
    SpecLoader,
};
use crate::machine::{ProcessId, ProjectExit, Snapshot, Supervisor};
use crate::plain::{FrontThread, LineStyle, Plain, PlainOptions, Verbosity};
use crate::sys::guardian;
use crate::sys::journal::SessionStrayRules;
use crate::sys::{HostOptions, RealHost, own_process};

#[derive(Debug, Clone, Copy)]
pub(super) enum Display {
    /// All there is to say, and what the children print unless `quiet`.
    Everything { quiet: bool, timestamps: bool },
    /// What goes wrong: something else has the terminal.
    Problems,
}

/// A project about to run.
pub(super) struct EngineSetup {
    pub(super) supervisor: Supervisor,
    pub(super) chosen: Vec<ProcessId>,
    pub(super) dependencies: bool,
    pub(super) shows: Display,
    pub(super) events: Option<PathBuf>,
    pub(super) log_file: Option<PathBuf>,
    /// Answers there too, and not on the control socket alone.
    pub(super) listen: Option<SocketAddr>,
    pub(super) foreground: Option<(ProcessId, Foreground)>,
    /// How its file is read again, if it is.
    pub(super) again: Option<Arc<FileReloader>>,
    /// Whoever started it holds the other end of its standard input.
    pub(super) owned: bool,
    /// Passes on what the one in the foreground prints, on a thread of its own.
    pub(super) passing: Option<Box<dyn FnOnce() + Send>>,
}

/// A number to begin jitter with.
pub(super) fn seed() -> u64 {
    Clock::wall().as_nanosecond() as u64
}

/// Runs a project that is ours to its end, in plain lines.
pub(super) fn serve(
    global: &GlobalOptions,
    held: LockedProject,
    serve: EngineSetup,
) -> ProgramExit {
    if let Err(error) = runtime::for_threads() {
        return project::failed(&format!("cannot start its threads: {error}"));
    }
    let log = serve.log_file.clone().or_else(|| held.log.clone());
    let _diagnostics = match log.map(|log| (diagnostics::start(&log, global.verbose), log)) {
        Some((Err(error), log)) if serve.log_file.is_some() => {
            return project::failed(&format!("cannot write {}: {error}", log.display()));
        }
        started => started.and_then(|(started, _)| started.ok()),
    };
    let runtime = match runtime::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return project::failed(&format!("cannot start the runtime: {error}")),
    };
    let ending = runtime.block_on(serve_on(global, held, serve));
    runtime.shutdown_background();
    ending
}

fn open_event_file(
    file: Option<PathBuf>,
    engine: &mut Engine<RealHost>,
) -> Result<Option<EventWriter>, String> {
    file.map(|file| {
        EventWriter::open(&file, engine)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))
    })
    .transpose()
}

async fn serve_on(
    global: &GlobalOptions,
    mut held: LockedProject,
    mut serve: EngineSetup,
) -> ProgramExit {
    let short =
        runtime::too_few_descriptors(serve.supervisor.spec(), own_process::descriptor_limit());
    let host = match start_host(&mut held, short.is_some()) {
        Ok(host) => Arc::new(host),
        Err(error) => return project::failed(&format!("cannot start the spawner: {error}")),
    };
    let project = serve.supervisor.spec().project.name.clone();
    let files = match project::locate(global) {
        Ok(files) => files,
        Err(ending) => return ending,
    };
    let own = serve.foreground.as_ref().map(|(id, _)| *id);
    let settings = settings(global, &held, &mut serve);
    let takes_terminal = settings.takes_terminal;
    let mut engine = Engine::new(Arc::clone(&host), serve.supervisor, settings);
    let notices = engine.notices();
    for text in held.recovered.into_iter().chain(short) {
        notices.tell(Notice::general(text));
    }
    let recorder = match open_event_file(serve.events, &mut engine) {
        Ok(recorder) => recorder,
        Err(error) => return project::failed(&error),
    };
    let passing =
        match serve.passing.map(|work| FrontThread::start("pitcrew-pass", work)).transpose() {
            Ok(passing) => passing,
            Err(error) => return project::failed(&format!("cannot start its threads: {error}")),
        };
    let handle = engine.handle();
    let events = engine.observe();
    let Some(feed) = engine.feed() else { return ProgramExit::FAILED };
    let guardian = held.guardian.pid();
    let local = LocalControl::new(handle.clone(), &project, guardian, files, events);
    let asked = local.clone();
    let state = held.project.as_ref().map(|project| project.folders.state.clone());
    let again = serve.again.as_ref();
    let local = local.with_reread(again.map(|again| Arc::clone(again) as Arc<dyn SpecLoader>));
    let (local, kept) = keep(held.project, local, policies_of(again, &held.policies), &notices);
    let listening = match remote::listen(kept, serve.listen, local) {
        Ok(listening) => listening,
        Err(error) => return project::failed(&format!("cannot listen: {error}")),
    };
    if let Some(text) = listening.as_ref().and_then(remote::ControlEndpoint::told) {
        notices.tell(Notice::general(text));
    }
    let mut plain = match Plain::start(&handle, feed, plain_options(global, serve.shows, own)) {
        Ok(plain) => plain,
        Err(error) => return project::failed(&format!("cannot start its threads: {error}")),
    };
    let world = ExternalEvents { engine: handle.clone(), host: Arc::clone(&host) };
    let mut watching = world.watch(held.guardian);
    watching.follow_reader(plain.closed(), &handle);
    if takes_terminal {
        watching.follow_stops(&handle, own);
    }
    if serve.owned
        && let Err(error) = follow_owner(&handle)
    {
        return project::failed(&format!("cannot start its threads: {error}"));
    }
    // On a thread of the runtime, as what is told by the tasks of the runs comes without a switch of
    // threads there.
    let running = tokio::spawn(engine.run(serve.chosen, serve.dependencies));
    let finish = match running.await {
        Ok(finish) => finish,
        Err(error) => return project::failed(&format!("the engine has failed: {error}")),
    };
    if takes_terminal {
        _ = own_process::reclaim_terminal();
    }
    let last = handle.snapshot();
    let end = state.filter(|_| serve.again.is_some()).map(|state| (state, end_of(&asked, &last)));
    if let Some((state, end)) = &end {
        end_report::write(state, guardian, end.clone(), Vec::new());
    }
    drop(asked);
    if let Some(listening) = listening {
        listening.finish().await;
    }
    if !last.leaving {
        let policies = serve.again.as_ref().map_or(held.policies, |again| again.policies());
        let left = end_unclaimed(&host, &policies, &notices).await;
        if let Some((state, end)) = end.filter(|_| !left.is_empty()) {
            end_report::write(&state, guardian, end, left);
        }
        drop((notices, world));
        let rest = async {
            if let Some(recorder) = recorder {
                recorder.finish().await;
            }
            if let Some(passing) = passing {
                passing.done().await;
            }
            plain.finish().await;
        };
        watching.finish(rest).await;
    }
    // One that is stopped would not see our end.
    guardian::resume(guardian);
    exit_code(&finish, own, &last)
}

/// The exit code of the process in the foreground, or else that of the project.
fn exit_code(finish: &ProjectExit, own: Option<ProcessId>, last: &Snapshot) -> ProgramExit {
    let process = own.and_then(|id| last.processes.iter().find(|process| process.id == id));
    match (process.map(|process| process.shell_code), finish) {
        (_, ProjectExit::Signal(_)) | (None, _) => ending(finish),
        (Some(code), _) => ProgramExit::code(code.unwrap_or(1)),
    }
}

/// Why the project has ended, for whoever started it in the background.
fn end_of(project: &LocalControl, last: &Snapshot) -> ProjectEnd {
    project.project_end(last).unwrap_or_else(|| ProjectEnd {
        reason: "nothing was left to run".to_owned(),
        process: None,
        last_output: None,
    })
}

/// What starts processes; with as few descriptors as can be where `is_thrifty`.
fn start_host(held: &mut LockedProject, is_thrifty: bool) -> std::io::Result<RealHost> {
    if let Some(project) = held.project.as_mut().filter(|_| is_thrifty) {
        project.lock.release_file();
        project.follower.lock().unwrap_or_else(PoisonError::into_inner).release();
    }
    RealHost::new(HostOptions { soft_nofile: held.descriptors, is_thrifty })
}

fn settings(
    global: &GlobalOptions,
    held: &LockedProject,
    serve: &mut EngineSetup,
) -> EngineOptions {
    let foreground = serve.foreground.take();
    EngineOptions {
        inherited: std::env::vars_os().collect(),
        colour: project::colour(global.color, &std::io::stdout()),
        runtime: held.project.as_ref().map(|project| project.folders.runtime.clone()),
        session: held.session.clone(),
        takes_terminal: foreground.is_some() && own_process::in_foreground(),
        front: foreground,
        reread: serve.again.clone().map(|again| again as Arc<dyn SpecLoader>),
        own_files: own_files([&serve.events, &serve.log_file, &held.log]),
        witness: None,
    }
}

/// What keeps a project known, and the project with news of its file.
fn keep(
    project: Option<HeldProject>,
    local: LocalControl,
    policies: Box<dyn Fn() -> SessionStrayRules + Send>,
    notices: &NoticeSender,
) -> (LocalControl, Option<PresenceOptions>) {
    let (file_gone, file_status) = tokio::sync::watch::channel(None);
    let notices = notices.clone();
    let kept = project.map(|project| PresenceOptions { project, policies, file_gone, notices });
    (local.with_file_status(file_status), kept)
}

/// What the guardian is to leave alive, as it is at any time.
fn policies_of(
    again: Option<&Arc<FileReloader>>,
    first: &SessionStrayRules,
) -> Box<dyn Fn() -> SessionStrayRules + Send> {
    let (again, first) = (again.cloned(), first.clone());
    Box::new(move || again.as_ref().map_or_else(|| first.clone(), |again| again.policies()))
}

/// What pitcrew writes, as it is seen among the files of the project.
fn own_files<'a>(files: impl IntoIterator<Item = &'a Option<PathBuf>>) -> Vec<PathBuf> {
    let real = |file: &PathBuf| {
        let name = file.file_name()?;
        let folder = std::path::absolute(file).ok()?.parent()?.canonicalize().ok()?;
        Some(folder.join(name))
    };
    files.into_iter().flatten().filter_map(real).collect()
}

fn plain_options(global: &GlobalOptions, shows: Display, own: Option<ProcessId>) -> PlainOptions {
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    let stderr = std::io::stderr();
    let colour = project::colour(global.color, &std::io::stdout());
    let (lines, tells) = match shows {
        Display::Everything { quiet, timestamps } => {
            ((!quiet).then_some(LineStyle { terminal, colour, timestamps }), Verbosity::Everything)
        }
        Display::Problems => (None, Verbosity::Problems { own }),
    };
    PlainOptions {
        lines,
        tells,
        colour: project::colour(global.color, &stderr),
        terminal: std::io::IsTerminal::is_terminal(&stderr),
        before_write: Some(own_process::wait_for_terminal),
    }
}

/// How the program ends when the project ended like this.
pub(super) fn ending(finish: &ProjectExit) -> ProgramExit {
    match finish {
        ProjectExit::Quiet { well: true } | ProjectExit::Asked => ProgramExit::GOOD,
        ProjectExit::Quiet { well: false } => ProgramExit::FAILED,
        ProjectExit::Signal(signal) => ProgramExit::Signal(*signal),
        ProjectExit::Code(code) => ProgramExit::code(*code),
    }
}

/// Ends what belongs to no run any more, and names it; returns what cannot be ended.
pub(super) async fn end_unclaimed(
    host: &RealHost,
    policies: &SessionStrayRules,
    notices: &NoticeSender,
) -> Vec<LeftBehind> {
    for one in host.unclaimed(policies.clone()).await {
        let (pid, command) = (one.stray.pid, one.stray.command);
        notices.tell(Notice::general(format!("ended with the project: {pid} {command}")));
    }
    let mut left = Vec::new();
    for one in host.kill_all(policies.clone()).await {
        let (pid, command) = (one.stray.pid, one.stray.command);
        notices.tell(Notice::general(format!("cannot end {pid} {command}")));
        left.extend(LeftBehind::of(pid, command));
    }
    left
}

/// What an owner says when it leaves the project alone.
pub(super) const GOODBYE: u8 = b'D';

/// Waits for the end of the owner; false when it has said goodbye before.
fn owner_is_gone() -> bool {
    use std::io::Read as _;
    let mut said = [0];
    loop {
        match std::io::stdin().read(&mut said) {
            Ok(0) => return true,
            Ok(_) if said == [GOODBYE] => return false,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return true,
        }
    }
}

/// An owner that is gone without goodbye is a terminal that is gone.
///
/// On a thread of its own: it lasts as long as the project, and those of the runtime for what
/// blocks may be one only.
fn follow_owner(engine: &EngineHandle) -> std::io::Result<()> {
    let handle = engine.clone();
    std::thread::Builder::new().name("pitcrew-owner".to_owned()).spawn(move || {
        if owner_is_gone() {
            _ = handle.request(Request::HangUp);
        }
    })?;
    Ok(())
}
