//! The way to a running project, and the way it is reached.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Ending, Global, project};
use crate::control::{Client, Kind, Local, Problem, Server};
use crate::output::safe_name;
use crate::spec::{self, Locate};
use crate::sys::{ControlSocket, Folders, TokenFile, alive_holder, user};

/// One that has just been started opens its socket within this.
const OPENS: Duration = Duration::from_secs(5);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// What answers for a project; its files go with it.
pub(super) struct Listening {
    servers: Vec<Server>,
    _socket: ControlSocket,
    port: Option<(SocketAddr, TokenFile)>,
}

/// Answers on the control socket of a project, and on a port of this machine where one is wanted.
pub(super) fn listen(
    folders: Option<&Folders>,
    port: Option<SocketAddr>,
    local: Local,
) -> io::Result<Option<Listening>> {
    let Some(folders) = folders else { return Ok(None) };
    let (socket, listener) = ControlSocket::bind(folders)?;
    let mut servers = vec![Server::start(listener, user(), local.clone())?];
    let port = match port {
        None => None,
        Some(wanted) => {
            let on = |error: io::Error| io::Error::other(format!("{wanted}: {error}"));
            let listener = TcpListener::bind(wanted).map_err(on)?;
            let address = listener.local_addr()?;
            let (file, token) = TokenFile::make(folders)?;
            servers.push(Server::start_on_port(listener, &token, local).map_err(on)?);
            Some((address, file))
        }
    };
    Ok(Some(Listening { servers, _socket: socket, port }))
}

impl Listening {
    /// Where else it can be reached, and what one has to know for that.
    pub(super) fn told(&self) -> Option<String> {
        let (address, file) = self.port.as_ref()?;
        Some(format!("listening on http://{address}; the token is in {}", file.path.display()))
    }

    /// Takes no more questions, and lets the answers under way go out.
    pub(super) async fn finish(self) {
        let Self { servers, _socket: socket, port } = self;
        drop((socket, port));
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
pub(super) fn folders(global: &Global) -> Result<(String, Folders), Ending> {
    let locate = project::locate(global)?;
    let file = match spec::find(&locate) {
        Ok(file) => file,
        Err(_) if let Some(file) = from_stdin(&locate) => file,
        Err(faults) => {
            project::show(&faults, project::colour(global.color, &io::stderr()));
            return Err(Ending::WRONG);
        }
    };
    let folders = Folders::of(&file).map_err(|error| project::failed(&error.to_string()))?;
    Ok((name(global, &file), folders))
}

/// The project of this folder that came from standard input and runs, where there is no file.
fn from_stdin(locate: &Locate) -> Option<PathBuf> {
    if !locate.files.is_empty() {
        return None;
    }
    let request = Locate { files: vec![spec::STDIN.into()], ..locate.clone() };
    let file = spec::find(&request).ok()?;
    alive_holder(&Folders::of(&file).ok()?).map(|_| file)
}

/// What the project is called; the name of its folder where its file has become faulty.
fn name(global: &Global, file: &Path) -> String {
    let loaded = project::locate(global).ok().and_then(|locate| spec::load(&locate).ok());
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
    let folder = || folder.to_string_lossy().into_owned();
    loaded.map_or_else(folder, |loaded| loaded.spec.project.name)
}

/// The same for who cannot be told why there is none.
pub(super) fn folders_quietly(global: &Global) -> Option<(String, Folders)> {
    let locate = project::locate(global).ok()?;
    let file = spec::find(&locate).ok().or_else(|| from_stdin(&locate))?;
    let name = file.parent().and_then(Path::file_name).unwrap_or_default();
    Some((name.to_string_lossy().into_owned(), Folders::of(&file).ok()?))
}

/// Does something with the running project.
pub(super) fn with<T, F: Future<Output = Result<T, Problem>>>(
    global: &Global,
    ask: impl FnOnce(Client) -> F,
) -> Result<T, Ending> {
    let (name, folders) = folders(global)?;
    block_on(async {
        let client = reach(&name, folders).await;
        ask(client).await.map_err(|problem| complain(&problem))
    })?
}

/// The client of a project. Waits a moment for one that is about to open its socket.
pub(super) async fn reach(name: &str, folders: Folders) -> Client {
    let opened = async {
        while ControlSocket::connect(&folders).is_err() && alive_holder(&folders).is_some() {
            tokio::time::sleep(LOOK).await;
        }
    };
    _ = tokio::time::timeout(OPENS, opened).await;
    Client::new(name, move || ControlSocket::connect(&folders))
}

/// Runs one thing to its end on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Ending> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => Ok(runtime.block_on(future)),
        Err(error) => Err(project::failed(&format!("cannot start the runtime: {error}"))),
    }
}

/// Says why something was not done.
pub(super) fn complain(problem: &Problem) -> Ending {
    match problem.error {
        Kind::UnknownName | Kind::Wrong => project::wrong(&problem.message),
        Kind::Timeout => {
            project::failed(&problem.message);
            Ending::TIMEOUT
        }
        Kind::NotRunning
        | Kind::Conflict
        | Kind::Ended
        | Kind::Version
        | Kind::Unauthorized
        | Kind::Forbidden
        | Kind::Failed => project::failed(&problem.message),
    }
}

/// Writes bytes to stdout; false when nobody reads them.
pub(super) fn write(bytes: &[u8]) -> bool {
    let mut stdout = io::stdout();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).is_ok()
}

/// Says something beside the answer.
pub(super) fn remark(text: &str) {
    _ = writeln!(io::stderr(), "pitcrew: {}", safe_name(text));
}

/// Writes to stdout; that nobody reads it is no failure.
pub(super) fn print(text: &str) {
    _ = io::stdout().write_all(text.as_bytes());
}

/// Writes a value as one line of JSON.
pub(super) fn print_json(value: &impl serde::Serialize) {
    if let Ok(mut text) = serde_json::to_string(value) {
        text.push('\n');
        print(&text);
    }
}
