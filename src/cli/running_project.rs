//! Finds and connects to the running project.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{GlobalOptions, ProgramExit, messages, project, runtime};
use crate::control::wire::ProjectState;
use crate::control::{Client, Control as _, ControlError, ControlResult, Measure};
use crate::spec::{self, FILE, ProjectLocator, Spec};
use crate::sys::{ControlSocket, ProjectDirs, alive_holder, is_running, suspended_peer};

/// A project that has just been started opens its socket within this time.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const OPEN_POLL: Duration = Duration::from_millis(20);

/// Returns the name and the folders of the project of this command line, running or not.
pub(super) fn find(global: &GlobalOptions) -> Result<(String, ProjectDirs), ProgramExit> {
    let locator = project::locate(global)?;
    let file = running_without_file(&locator).map_or_else(|| spec::find(&locator), Ok);
    let file = file.or_else(|faults| {
        from_stdin(&locator).ok_or_else(|| messages::faults(&faults, global.color))
    })?;
    let dirs = ProjectDirs::of(&file).map_err(|error| messages::failure(&error.to_string()))?;
    let loaded = spec::inspect(&locator).ok();
    Ok((loaded.map_or_else(|| folder_name(&file), |loaded| loaded.spec.project.name), dirs))
}

/// Like [`find`], but prints nothing if there is none, and does not read the name from the file.
pub(super) fn find_silently(global: &GlobalOptions) -> Option<(String, ProjectDirs)> {
    let locator = project::locate(global).ok()?;
    let file = running_without_file(&locator)
        .or_else(|| spec::find(&locator).ok())
        .or_else(|| from_stdin(&locator))?;
    Some((folder_name(&file), ProjectDirs::of(&file).ok()?))
}

fn folder_name(file: &Path) -> String {
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
    folder.to_string_lossy().into_owned()
}

/// The running project of this folder that was read from standard input.
fn from_stdin(locator: &ProjectLocator) -> Option<PathBuf> {
    if !locator.files.is_empty() {
        return None;
    }
    let locator = ProjectLocator { files: vec![spec::STDIN.into()], ..locator.clone() };
    let file = spec::find(&locator).ok()?;
    is_running(&file).then_some(file)
}

/// The file of a running project that no longer exists. It is nearer than any file that exists.
fn running_without_file(locator: &ProjectLocator) -> Option<PathBuf> {
    let real = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    if let Some(first) = locator.files.first() {
        let path = locator.dir.join(first);
        let file = real(path.parent()?).join(path.file_name()?);
        return (!path.exists() && is_running(&file)).then_some(file);
    }
    for folder in locator.dir.ancestors() {
        // A dangling link ends the search too.
        if folder.join(FILE).symlink_metadata().is_ok() {
            return None;
        }
        let file = real(folder).join(FILE);
        if is_running(&file) {
            return Some(file);
        }
    }
    None
}

/// Prints that a project is running whose file no longer exists, if so.
pub(super) fn note_running_without_file(global: &GlobalOptions) {
    let locator = project::locate(global).ok();
    if let Some(file) = locator.and_then(|locator| running_without_file(&locator)) {
        let text = "is still running; `pitcrew down` ends it";
        messages::note(&format!("the project started from {} {text}", file.display()));
    }
}

/// The folders of this project, if it is running.
pub(super) fn dirs_if_running(spec: &Spec) -> Option<ProjectDirs> {
    let dirs = ProjectDirs::of(&spec.project.file).ok()?;
    alive_holder(&dirs)?;
    Some(dirs)
}

/// Connects to the running project and sends it a request.
pub(super) fn request<T, F: Future<Output = ControlResult<T>>>(
    global: &GlobalOptions,
    send: impl FnOnce(Client) -> F,
) -> Result<T, ProgramExit> {
    let (name, dirs) = find(global)?;
    let response = block_on(async { send(connect(&name, dirs).await).await })?;
    response.map_err(|error| messages::control_error(&error))
}

/// Returns the client of a project; waits a moment for a project that is about to open its socket.
pub(super) async fn connect(name: &str, dirs: ProjectDirs) -> Client {
    // A socket that this user may not use stays so.
    let is_awaited = || match ControlSocket::connect(&dirs) {
        Ok(_) => false,
        Err(error) => error.kind() != io::ErrorKind::PermissionDenied,
    };
    let opened = async {
        while is_awaited() && alive_holder(&dirs).is_some() {
            tokio::time::sleep(OPEN_POLL).await;
        }
    };
    _ = tokio::time::timeout(OPEN_TIMEOUT, opened).await;
    client(name, dirs)
}

/// Returns the client of a project. A message or an error says that its engine is suspended.
pub(super) fn client(name: &str, dirs: ProjectDirs) -> Client {
    let client = Client::new(name, move || ControlSocket::connect(&dirs))
        .with_suspension_check(suspended_peer);
    client.on_suspension(|problem| {
        if let Some(problem) = problem {
            messages::note(&problem.message);
        }
    })
}

/// Requests the complete state of the project.
pub(super) async fn state(client: &Client) -> ControlResult<ProjectState> {
    let mut state = ProjectState::default();
    let first = client.watch(Measure::No).await?.next().await;
    state.apply(first.ok_or_else(ControlError::ended)??);
    Ok(state)
}

/// Runs a future to completion on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, ProgramExit> {
    let runtime = runtime::single_threaded()
        .map_err(|error| messages::cannot("start the runtime", &error))?;
    Ok(runtime.block_on(future))
}
