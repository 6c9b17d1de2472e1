use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::*;
use crate::control::wire::{
    KeysRequest, ScreenQuery, ScreenResponse, StopRequest, TerminalMessage, TerminalNote,
    ViewerMessage,
};
use crate::control::{Client, Server};
use crate::terminal::key::{KeyCode, KeyEvent, Modifiers};
use crate::terminal::{Row, View};

const FILE: &str = "[process.menu]\ncommand = 'menu'\ntty = true\n[process]\nweb = 'serve'\n";

/// A project on a scripted host whose `menu` has a terminal, and its control socket.
struct Project {
    folder: tempfile::TempDir,
    host: ScriptedHost,
    local: LocalControl,
    server: Server,
    engine: tokio::task::JoinHandle<()>,
}

impl Project {
    fn start() -> Self {
        let menu = Script::new().out_bytes("\u{1b}[?1049hmenu").read_line().out_bytes("\r\nchosen");
        let host = ScriptedHost::new().on("menu", menu.run_on());
        let host = host.on("serve", Script::forever());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("procfile.toml"), FILE).unwrap();
        let dir = folder.path().to_owned();
        let files = ProjectLocator { files: Vec::new(), dir, stdin: None };
        let supervisor = Supervisor::new(load(&files).unwrap().spec, SupervisorOptions::default());
        let chosen = supervisor.autostart();
        let mut engine = Engine::new(Arc::new(host.clone()), supervisor, EngineOptions::default());
        let (handle, events) = (engine.handle(), engine.observe());
        let engine = tokio::spawn(async move { _ = engine.run(chosen, true).await });
        let local = LocalControl::new(handle, "shop", 1, files, events);
        let listener = UnixListener::bind(folder.path().join("control")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let user = rustix::process::geteuid().as_raw();
        let server = Server::start(listener, user, local.clone()).unwrap();
        Self { folder, host, local, server, engine }
    }

    fn client(&self) -> Client {
        let path = self.folder.path().join("control");
        Client::new("shop", move || connect(&path))
    }

    async fn end(self) {
        self.local.shutdown(ShutdownRequest { kill: false }).await.unwrap();
        self.engine.await.unwrap();
        self.server.finish().await;
    }
}

fn connect(path: &Path) -> std::io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Waits on `menu` for this regular expression.
async fn wait_for(control: &impl Control, pattern: &str, wait: u64) -> ScreenResponse {
    let query = ScreenQuery {
        pattern: Some(pattern.to_owned()),
        wait: Some(wait),
        ..ScreenQuery::default()
    };
    control.screen("menu", query).await.unwrap()
}

fn keys(keys: &[&str]) -> KeysRequest {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    KeysRequest { name: "menu".to_owned(), keys, ..KeysRequest::default() }
}

/// A viewer of `menu`, and what it sees.
struct Viewer {
    stream: TerminalStream,
    view: View,
}

impl Viewer {
    async fn attach(control: &impl Control) -> Self {
        let stream = control.terminal("menu").await.unwrap();
        Self { stream, view: View::default() }
    }

    /// Takes frames until this text is on the screen.
    async fn until(&mut self, text: &str) {
        let is_shown = |row: &Row| row.text().contains(text);
        while !self.view.rows().iter().any(is_shown) {
            self.stream.sender.send(&ViewerMessage::Take(self.view.version())).await.unwrap();
            match self.stream.receiver.next().await.unwrap().unwrap() {
                TerminalMessage::Frame(frame) => self.view.apply(frame),
                TerminalMessage::Note(note) => panic!("{note:?}"),
            }
        }
    }

    async fn press_enter(&mut self) {
        let key = KeyEvent::new(KeyCode::Enter, Modifiers::NONE);
        self.stream.sender.send(&ViewerMessage::Key(key)).await.unwrap();
    }
}

#[tokio::test]
async fn viewers_of_the_socket_and_of_this_process_see_the_same_screen_and_type_into_it() {
    let project = Project::start();
    let mut remote = Viewer::attach(&project.client()).await;
    let mut local = Viewer::attach(&project.local).await;
    remote.until("menu").await;
    local.until("menu").await;
    assert!(remote.view.modes().alternate_screen);
    remote.press_enter().await;
    local.until("chosen").await;
    remote.until("chosen").await;
    assert_eq!(local.view.rows(), remote.view.rows());
    assert_eq!(project.host.assert_ran("menu").input(), b"\r");
    let mut stream = remote.stream;
    project.end().await;
    while let Some(message) = stream.receiver.next().await.unwrap() {
        assert!(matches!(message, TerminalMessage::Frame(_)), "{message:?}");
    }
}

#[tokio::test]
async fn a_name_without_a_terminal_is_refused_with_the_reason() {
    let project = Project::start();
    let client = project.client();
    let unknown = client.terminal("meny").await.unwrap_err();
    assert_eq!(unknown.error, ControlErrorKind::UnknownName);
    assert!(unknown.message.contains("did you mean `menu`?"), "{unknown}");
    let plain = client.terminal("web").await.unwrap_err();
    assert_eq!(plain.error, ControlErrorKind::Conflict);
    assert_eq!(plain.message, "web has no terminal (tty = false)");
    assert_eq!(project.local.terminal("web").await.unwrap_err(), plain);
    project.end().await;
}

#[tokio::test]
async fn keys_for_a_run_that_has_ended_are_refused_and_the_viewer_stays() {
    let project = Project::start();
    let client = project.client();
    let mut viewer = Viewer::attach(&client).await;
    viewer.until("menu").await;
    let stop = StopRequest { names: vec!["menu".to_owned()], no_wait: false };
    assert!(client.execute(ControlCommand::Stop(stop)).await.unwrap().ok);
    viewer.press_enter().await;
    let answer = viewer.stream.receiver.next().await.unwrap();
    let refused = TerminalNote::Refused("is not running".to_owned());
    assert_eq!(answer, Some(TerminalMessage::Note(refused)));
    project.end().await;
}

#[tokio::test]
async fn a_script_waits_for_the_screen_types_and_sees_the_next_one() {
    let project = Project::start();
    let client = project.client();
    let menu = wait_for(&client, "^menu$", 10_000).await;
    assert_eq!((menu.matched, menu.running, menu.content.is_full_screen), (Some(true), true, true));
    assert_eq!((menu.content.columns, menu.content.rows), (80, 24));
    assert_eq!(menu.content.cursor, Some((0, 4)));
    assert_eq!((menu.name.as_str(), menu.ansi), ("menu", None));
    let since = ScreenQuery {
        since: Some(menu.version),
        wait: Some(10_000),
        ansi: true,
        ..ScreenQuery::default()
    };
    let typed = client.execute(ControlCommand::Keys(keys(&["Enter"])));
    let (next, typed) = tokio::join!(client.screen("menu", since), typed);
    assert!(typed.unwrap().ok);
    assert!(next.unwrap().version > menu.version);
    let chosen = wait_for(&client, "chosen", 10_000).await;
    assert_eq!(chosen.content.text, "menu\nchosen");
    assert_eq!(wait_for(&client, "no such text", 1).await.matched, Some(false));
    project.end().await;
}

#[tokio::test]
async fn text_and_a_paste_are_typed_and_a_wrong_key_types_nothing() {
    let project = Project::start();
    let client = project.client();
    wait_for(&client, "menu", 10_000).await;
    let error = client.execute(ControlCommand::Keys(keys(&["x", "C-Entr"]))).await.unwrap_err();
    assert_eq!(error.error, ControlErrorKind::InvalidRequest);
    assert!(error.message.contains("did you mean `Enter`?"), "{error}");
    let both = KeysRequest { text: Some("x".to_owned()), ..keys(&["x"]) };
    let error = client.execute(ControlCommand::Keys(both)).await.unwrap_err();
    assert_eq!(error.message, "give one of `keys`, `text` and `paste`");
    let paste = KeysRequest { paste: Some("a\nb".to_owned()), ..keys(&[]) };
    client.execute(ControlCommand::Keys(paste)).await.unwrap();
    let text = KeysRequest { text: Some("Up\n".to_owned()), ..keys(&[]) };
    client.execute(ControlCommand::Keys(text)).await.unwrap();
    wait_for(&client, "chosen", 10_000).await;
    let input = project.host.assert_ran("menu").input();
    assert!(b"a\rbUp\r".starts_with(&input) && input.len() >= 2, "{input:?}");
    project.end().await;
}

#[tokio::test]
async fn a_wait_for_the_screen_of_a_run_that_was_stopped_lasts_until_its_time() {
    let project = Project::start();
    let client = project.client();
    wait_for(&client, "menu", 10_000).await;
    let stop = StopRequest { names: vec!["menu".to_owned()], no_wait: false };
    assert!(client.execute(ControlCommand::Stop(stop)).await.unwrap().ok);
    let last = wait_for(&client, "chosen", 30).await;
    assert_eq!((last.matched, last.running), (Some(false), false));
    assert_eq!(last.content.text, "menu");
    let error = client.execute(ControlCommand::Keys(keys(&["x"]))).await.unwrap_err();
    assert_eq!(error.error, ControlErrorKind::Conflict);
    assert_eq!(error.message, "menu is not running, so nothing reads its keys");
    let query = ScreenQuery { pattern: Some("(".to_owned()), ..ScreenQuery::default() };
    let error = client.screen("menu", query).await.unwrap_err();
    assert!(error.message.starts_with("invalid regular expression: "), "{error}");
    project.end().await;
}
