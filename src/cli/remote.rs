//! Finds and connects to a running project, and serves its control endpoint.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::presence::{PresenceOptions, PresenceTask};
use super::{GlobalOptions, ProgramExit, project, runtime, stdout};
use crate::control::wire::ProjectState;
use crate::control::{
    Client, Control as _, ControlError, ControlErrorKind, LocalControl, Measure, Server,
};
use crate::output::safe_name;
use crate::spec::{self, FILE, ProjectLocator};
use crate::sys::{
    ControlSocket, ProjectDirs, TokenFile, alive_holder, is_running, suspended_peer, user,
};

/// One that has just been started opens its socket within this.
const OPENS: Duration = Duration::from_secs(5);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// What answers for a project; its files go with it.
pub(super) struct ControlEndpoint {
    /// On the names that go with the lock, and on a port.
    servers: Vec<Server>,
    keeper: PresenceTask,
    port: Option<(SocketAddr, PathBuf)>,
}

/// Answers for a project: on its control socket, by the names that nobody can remove, and on a port
/// of this machine where one is wanted.
pub(super) fn listen(
    kept: Option<PresenceOptions>,
    port: Option<SocketAddr>,
    local: LocalControl,
) -> io::Result<Option<ControlEndpoint>> {
    let Some(mut kept) = kept else { return Ok(None) };
    let mut servers = Vec::new();
    for listener in kept.project.lock.listeners() {
        servers.push(Server::start(listener, user(), local.clone())?);
    }
    let (port, token) = match port {
        None => (None, None),
        Some(wanted) => {
            let on = |error: io::Error| io::Error::other(format!("{wanted}: {error}"));
            let listener = TcpListener::bind(wanted).map_err(on)?;
            let address = listener.local_addr()?;
            let (file, token) = TokenFile::make(&kept.project.folders)?;
            let server = Server::start_on_port(listener, &token, local.clone()).map_err(on)?;
            servers.push(server);
            (Some((address, file.path.clone())), Some(file))
        }
    };
    let keeper = PresenceTask::start(kept, local, token)?;
    Ok(Some(ControlEndpoint { servers, keeper, port }))
}

impl ControlEndpoint {
    /// Where else it can be reached, and what one has to know for that.
    pub(super) fn told(&self) -> Option<String> {
        let (address, token) = self.port.as_ref()?;
        Some(format!("listening on http://{address}; the token is in {}", token.display()))
    }

    /// Takes no more questions, and lets the answers under way go out.
    pub(super) async fn finish(self) {
        let Self { servers, keeper, port: _ } = self;
        keeper.finish().await;
        for server in servers {
            server.finish().await;
        }
    }
}

/// An address of this machine that no other machine can reach.
pub(super) fn own_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:8080".to_owned())?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("other machines could reach it; take 127.0.0.1 or [::1]".to_owned())
}

/// Where the project of this command line is, running or not.
pub(super) fn folders(global: &GlobalOptions) -> Result<(String, ProjectDirs), ProgramExit> {
    let locate = project::locate(global)?;
    let file = match running_without_file(&locate).map_or_else(|| spec::find(&locate), Ok) {
        Ok(file) => file,
        Err(_) if let Some(file) = from_stdin(&locate) => file,
        Err(faults) => {
            project::show(&faults, project::colour(global.color, &io::stderr()));
            return Err(ProgramExit::WRONG);
        }
    };
    let folders = ProjectDirs::of(&file).map_err(|error| project::failed(&error.to_string()))?;
    Ok((name(global, &file), folders))
}

/// The project of this folder that came from standard input and runs, where there is no file.
fn from_stdin(locate: &ProjectLocator) -> Option<PathBuf> {
    if !locate.files.is_empty() {
        return None;
    }
    let request = ProjectLocator { files: vec![spec::STDIN.into()], ..locate.clone() };
    let file = spec::find(&request).ok()?;
    is_running(&file).then_some(file)
}

/// The file that a running project was started from, where it is not there any more: nearer than
/// any that is.
pub(super) fn running_without_file(locate: &ProjectLocator) -> Option<PathBuf> {
    let real = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    if let Some(first) = locate.files.first() {
        let path = locate.dir.join(first);
        let file = real(path.parent()?).join(path.file_name()?);
        return (!path.exists() && is_running(&file)).then_some(file);
    }
    for folder in locate.dir.ancestors() {
        // A link that leads nowhere is not looked past either.
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

/// Says so when there is no file to read, but what was started from it still runs.
pub(super) fn tell_running_without_file(global: &GlobalOptions) {
    let file = project::locate(global).ok().and_then(|locate| running_without_file(&locate));
    if let Some(file) = file {
        let text = "still runs; `pitcrew down` ends it";
        project::say(&format!("what was started from {} {text}", file.display()));
    }
}

/// What the project is called; the name of its folder where its file has become faulty.
fn name(global: &GlobalOptions, file: &Path) -> String {
    let loaded = project::locate(global).ok().and_then(|locate| spec::inspect(&locate).ok());
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
    let folder = || folder.to_string_lossy().into_owned();
    loaded.map_or_else(folder, |loaded| loaded.spec.project.name)
}

/// The same for who cannot be told why there is none.
pub(super) fn folders_quietly(global: &GlobalOptions) -> Option<(String, ProjectDirs)> {
    let locate = project::locate(global).ok()?;
    let file = running_without_file(&locate)
        .or_else(|| spec::find(&locate).ok())
        .or_else(|| from_stdin(&locate))?;
    let name = file.parent().and_then(Path::file_name).unwrap_or_default();
    Some((name.to_string_lossy().into_owned(), ProjectDirs::of(&file).ok()?))
}

/// Does something with the running project.
pub(super) fn with<T, F: Future<Output = Result<T, ControlError>>>(
    global: &GlobalOptions,
    ask: impl FnOnce(Client) -> F,
) -> Result<T, ProgramExit> {
    let (name, folders) = folders(global)?;
    block_on(async {
        let client = reach(&name, folders).await;
        ask(client).await.map_err(|problem| complain(&problem))
    })?
}

/// The client of a project. Waits a moment for one that is about to open its socket.
pub(super) async fn reach(name: &str, folders: ProjectDirs) -> Client {
    // One that may not be reached will not open its socket to this user later.
    let is_awaited = || match ControlSocket::connect(&folders) {
        Ok(_) => false,
        Err(error) => error.kind() != io::ErrorKind::PermissionDenied,
    };
    let opened = async {
        while is_awaited() && alive_holder(&folders).is_some() {
            tokio::time::sleep(LOOK).await;
        }
    };
    _ = tokio::time::timeout(OPENS, opened).await;
    client(name, folders)
}

/// The client of a project that notices when nobody can answer.
pub(super) fn client(name: &str, folders: ProjectDirs) -> Client {
    Client::new(name, move || ControlSocket::connect(&folders)).noticing(suspended_peer)
}

/// Says what has become of the file of a running project, if it is gone.
pub(super) fn tell_file_gone(gone: Option<&str>) {
    if let Some(gone) = gone {
        remark(&format!("{gone}; what runs goes on"));
    }
}

/// The project with all that is pushed to an interface, as it is now.
pub(super) async fn overview(client: &Client) -> Result<ProjectState, ControlError> {
    let mut overview = ProjectState::default();
    let first = client.watch(Measure::No).await?.next().await;
    overview.apply(first.ok_or_else(ControlError::ended)??);
    Ok(overview)
}

/// Runs one thing to its end on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, ProgramExit> {
    match runtime::small_runtime() {
        Ok(runtime) => Ok(runtime.block_on(future)),
        Err(error) => Err(project::failed(&format!("cannot start the runtime: {error}"))),
    }
}

/// Says why something was not done.
pub(super) fn complain(problem: &ControlError) -> ProgramExit {
    match problem.error {
        ControlErrorKind::UnknownName | ControlErrorKind::Wrong => project::wrong(&problem.message),
        ControlErrorKind::Timeout => {
            project::failed(&problem.message);
            ProgramExit::TIMEOUT
        }
        ControlErrorKind::NotRunning
        | ControlErrorKind::Conflict
        | ControlErrorKind::Ended
        | ControlErrorKind::Version
        | ControlErrorKind::Unauthorized
        | ControlErrorKind::Suspended
        | ControlErrorKind::Forbidden
        | ControlErrorKind::Failed => project::failed(&problem.message),
    }
}

/// Writes bytes to stdout; false when nobody reads them.
pub(super) fn write(bytes: &[u8]) -> bool {
    stdout::write(bytes)
}

/// Says something beside the answer.
pub(super) fn remark(text: &str) {
    _ = writeln!(io::stderr(), "pitcrew: {}", safe_name(text));
}

/// Writes to stdout; that nobody reads it is no failure.
pub(super) fn print(text: &str) {
    _ = stdout::write(text.as_bytes());
}

/// Writes a value as one line of JSON.
pub(super) fn print_json(value: &impl serde::Serialize) {
    if let Ok(mut text) = serde_json::to_string(value) {
        text.push('\n');
        print(&text);
    }
}
