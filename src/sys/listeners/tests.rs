//! Real processes that hold sockets. A listener is handed to a child as its input, so that a shell
//! is a server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};

use super::*;
use crate::spec::Signal;
use crate::sys::{Child, Host, HostOptions, Launch, OutputFd, RealChild, RealHost, StdinTarget};

fn host() -> RealHost {
    RealHost::new(HostOptions::default()).unwrap()
}

/// A run of the process or replica `name` that has this socket as its input and runs this script.
async fn run(host: &RealHost, name: &str, socket: Option<OwnedFd>, script: &str) -> RealChild {
    // A session for each test: the end of a run ends whatever else has its marks.
    let session = format!("listeners-{host:p}");
    let (process, replica) = name.split_once('.').unwrap_or((name, ""));
    let variables = [
        ("PATH", "/usr/bin:/bin"),
        ("PITCREW_REPLICA", replica),
        ("PITCREW_SESSION", session.as_str()),
        ("PITCREW_PROCESS", process),
        ("PITCREW_RUN", "1"),
    ];
    let launch = Launch {
        argv: ["/bin/sh", "-c", script].map(Into::into).to_vec(),
        cwd: "/".into(),
        env: variables.map(|(name, value)| (name.into(), value.into())).to_vec(),
        stdin: socket.map_or(StdinTarget::Null, |socket| StdinTarget::File(Arc::new(socket))),
        stdout: OutputFd::Pipe,
        stderr: OutputFd::Null,
        foreground: false,
        terminal: None,
    };
    host.launch(launch).await.unwrap()
}

/// Waits for a line that it prints.
async fn line(child: &mut RealChild) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout().unwrap()).read_line(&mut line).await.unwrap();
    line.trim().to_owned()
}

async fn end(mut child: RealChild) {
    child.kill_tree().await.unwrap();
    child.exited().await.unwrap();
    child.reap().unwrap();
}

fn listen(address: impl Into<SocketAddr>) -> (OwnedFd, SocketAddr) {
    let listener = TcpListener::bind(address.into()).unwrap();
    let address = listener.local_addr().unwrap();
    (listener.into(), address)
}

async fn listener_at(host: &RealHost, address: SocketAddr, run: &RealChild) -> Listener {
    host.listener(ListenPlace::Tcp(address), Some(run.pid())).await
}

const WAITS: &str = "echo up; exec sleep 1000";
/// The same, in a child of the leader.
const BELOW: &str = "exec 3<&0 </dev/null; sleep 1000 <&3 & exec 3<&-; echo up; wait";

#[tokio::test]
async fn a_listener_belongs_to_its_run_and_to_no_other() {
    let host = host();
    for (script, name) in [(WAITS, "db"), (BELOW, "db.2")] {
        let (socket, address) = listen((Ipv4Addr::LOCALHOST, 0));
        let mut db = run(&host, name, Some(socket), script).await;
        let mut web = run(&host, "web", None, WAITS).await;
        line(&mut db).await;
        line(&mut web).await;
        // Twice: the second time it is remembered.
        for _ in 0..2 {
            assert_eq!(listener_at(&host, address, &db).await, Listener::Own, "{script}");
            let seen = listener_at(&host, address, &web).await;
            let Listener::Other(holder) = seen else { panic!("it is that of web: {seen:?}") };
            assert_eq!(holder.process.as_deref(), Some(name));
            assert_eq!(holder.project, HolderProject::This);
            let shown = holder.to_string();
            assert!(shown.ends_with(&format!(", which is {name} of this project")), "{shown}");
        }
        let port = ListenPlace::Port(address.port());
        assert!(matches!(host.listener(port.clone(), None).await, Listener::Other(_)));
        end(db).await;
        assert_eq!(host.listener(port, None).await, Listener::NotFound);
        end(web).await;
    }
}

#[tokio::test]
async fn a_holder_outside_of_the_project_is_named() {
    let host = host();
    let (_socket, address) = listen((Ipv4Addr::LOCALHOST, 0));
    let web = run(&host, "web", None, WAITS).await;
    // The test itself, which is not a child of a run.
    let Listener::Other(holder) = listener_at(&host, address, &web).await else {
        panic!("it is ours")
    };
    assert_eq!((holder.pid, holder.process), (std::process::id(), None));
    end(web).await;
}

#[tokio::test]
async fn a_daemon_that_has_left_its_group_is_known_by_its_marks() {
    let host = host();
    let (socket, address) = listen((Ipv4Addr::LOCALHOST, 0));
    // An orphan in a separate session.
    let script =
        "exec 3<&0 </dev/null; (setsid sleep 1000 <&3 &); exec 3<&-; echo up; exec sleep 1000";
    let mut db = run(&host, "db", Some(socket), script).await;
    line(&mut db).await;
    // `setsid` may have to exec first.
    let mut seen = listener_at(&host, address, &db).await;
    for _ in 0..200 {
        if seen == Listener::Own {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        seen = listener_at(&host, address, &db).await;
    }
    assert_eq!(seen, Listener::Own);
    end(db).await;
}

#[tokio::test]
async fn a_server_whose_master_has_ended_is_still_the_run_s() {
    let host = host();
    let (socket, address) = listen((Ipv4Addr::LOCALHOST, 0));
    // Master and worker hold the socket; the master exits.
    let script = "exec 3<&0 </dev/null; sh -c 'sleep 1000 <&3 & echo $$; wait' & exec 3<&-; wait";
    let mut db = run(&host, "db", Some(socket), script).await;
    let master: u32 = line(&mut db).await.parse().unwrap();
    assert_eq!(listener_at(&host, address, &db).await, Listener::Own);
    db.signal_these(Signal::KILL, vec![master]).await;
    assert_eq!(listener_at(&host, address, &db).await, Listener::Own);
    end(db).await;
}

#[tokio::test]
async fn addresses_are_distinguished() {
    let host = host();
    let (first, v4) = listen((Ipv4Addr::LOCALHOST, 0));
    let Ok(other) = TcpListener::bind((Ipv6Addr::LOCALHOST, v4.port())) else {
        eprintln!("no IPv6 here, or the port is taken: not tested");
        return;
    };
    let v6 = other.local_addr().unwrap();
    let mut a = run(&host, "a", Some(first), WAITS).await;
    let mut b = run(&host, "b", Some(other.into()), WAITS).await;
    line(&mut a).await;
    line(&mut b).await;
    assert_eq!(listener_at(&host, v4, &a).await, Listener::Own);
    assert_eq!(listener_at(&host, v6, &b).await, Listener::Own);
    assert!(matches!(listener_at(&host, v6, &a).await, Listener::Other(_)));
    assert!(matches!(listener_at(&host, v4, &b).await, Listener::Other(_)));
    end(a).await;
    end(b).await;
    // One for everything answers on both.
    let (all, address) = listen((Ipv6Addr::UNSPECIFIED, 0));
    let mut c = run(&host, "c", Some(all), WAITS).await;
    line(&mut c).await;
    for ip in [Ipv4Addr::LOCALHOST.into(), std::net::IpAddr::from(Ipv6Addr::LOCALHOST)] {
        assert_eq!(
            listener_at(&host, (ip, address.port()).into(), &c).await,
            Listener::Own,
            "{ip}"
        );
    }
    end(c).await;
}

#[tokio::test]
async fn two_that_share_a_port_are_both_seen() {
    use rustix::net::sockopt::set_socket_reuseport;
    use rustix::net::{AddressFamily, SocketAddrV4, SocketType, bind, getsockname, socket};

    let host = host();
    let shared = |port: u16| {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        set_socket_reuseport(&socket, true).unwrap();
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).unwrap();
        rustix::net::listen(&socket, 8).unwrap();
        let address = SocketAddrV4::try_from(getsockname(&socket).unwrap()).unwrap();
        (socket, address)
    };
    let (first, address) = shared(0);
    let (second, _) = shared(address.port());
    let mut a = run(&host, "a", Some(first), WAITS).await;
    let mut b = run(&host, "b", Some(second), WAITS).await;
    line(&mut a).await;
    line(&mut b).await;
    for (one, other) in [(&a, "b"), (&b, "a")] {
        let Listener::Shared(holder) = listener_at(&host, address.into(), one).await else {
            panic!("both listen")
        };
        assert_eq!(holder.process.as_deref(), Some(other));
    }
    end(a).await;
    end(b).await;
}

#[tokio::test]
async fn a_socket_in_the_file_system_belongs_to_its_holder() {
    let host = host();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    // Opened by the test, so the kernel reports the test as the peer of a connection; held by the
    // run.
    let mut db = run(&host, "db", Some(UnixListener::bind(&path).unwrap().into()), WAITS).await;
    let web = run(&host, "web", None, WAITS).await;
    line(&mut db).await;
    let place = ListenPlace::Unix { path: path.clone(), peer: Some(std::process::id()) };
    assert_eq!(host.listener(place.clone(), Some(db.pid())).await, Listener::Own);
    let Listener::Other(holder) = host.listener(place, Some(web.pid())).await else {
        panic!("it is not that of web")
    };
    assert_eq!(holder.process.as_deref(), Some("db"));
    drop(UnixStream::connect(&path).unwrap());
    end(db).await;
    end(web).await;
}

/// A child of the test that is not part of a run: a copy of `sleep` with this name and these
/// permissions, which has the socket as its input.
struct Stranger {
    child: std::process::Child,
    _folder: tempfile::TempDir,
}

impl Stranger {
    fn start(name: &str, mode: u32, socket: OwnedFd) -> Self {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(name);
        // By another program: a file that this process has had open for writing cannot be executed while a
        // child that is being made by another test still holds the descriptor.
        let copied = std::process::Command::new("cp").arg("/bin/sleep").arg(&program).status();
        assert!(copied.unwrap().success());
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).unwrap();
        let child = std::process::Command::new(&program).arg("1000").stdin(socket).spawn().unwrap();
        Self { child, _folder: folder }
    }

    fn shown(&self, name: &str) -> String {
        format!("{name} (pid {})", self.child.id())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What is seen on a thread that may not look into the processes of others, by a run that is not there.
fn seen_without_privileges(place: ListenPlace) -> Listener {
    let look = move || {
        if rustix::process::geteuid().is_root() {
            let nobody = rustix::process::Uid::from_raw(65534);
            // The credentials of this thread alone.
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        Listeners::new(Arc::default()).look_up(&place, None).listener
    };
    std::thread::spawn(look).join().unwrap()
}

#[tokio::test]
async fn the_proxy_of_a_container_may_forward_to_any_process() {
    let host = host();
    let (socket, address) = listen((Ipv4Addr::LOCALHOST, 0));
    let web = run(&host, "web", None, WAITS).await;
    let proxy = Stranger::start("docker-proxy", 0o755, socket);
    let wanted = format!("{}, which forwards connections", proxy.shown("docker-proxy"));
    // It is seen as soon as it has got past its exec.
    let mut seen = listener_at(&host, address, &web).await;
    for _ in 0..200 {
        if seen == Listener::Hidden(wanted.clone()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        seen = listener_at(&host, address, &web).await;
    }
    assert_eq!(seen, Listener::Hidden(wanted));
    end(web).await;
}

/// A program that may be executed and not read is closed to others, and so are root's to a thread without
/// privileges; so this needs neither root nor another user.
#[test]
fn a_process_that_may_not_be_looked_into_is_hidden() {
    let (socket, address) = listen((Ipv4Addr::LOCALHOST, 0));
    let server = Stranger::start("server", 0o111, socket);
    let Listener::Hidden(text) = seen_without_privileges(ListenPlace::Tcp(address)) else {
        panic!("its descriptors may not be read")
    };
    let known = ["a process of another user (uid ", "a process that is not visible from here"];
    assert!(known.iter().any(|known| text.starts_with(known)), "{text}");
    // For a socket in the file system the kernel reports the process itself.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let socket = UnixListener::bind(&path).unwrap();
    let other = Stranger::start("server", 0o111, socket.into());
    let place = ListenPlace::Unix { path, peer: Some(other.child.id()) };
    let Listener::Hidden(text) = seen_without_privileges(place) else {
        panic!("its descriptors may not be read")
    };
    assert_eq!(text, format!("{} of another user", other.shown("server")));
    drop(server);
}

#[test]
fn an_owner_that_is_not_visible_is_described() {
    let uid = crate::sys::user() + 1;
    let text = format!("a process of another user (uid {uid})");
    assert_eq!(owner::unseen(Some(uid)), Listener::Hidden(text));
    let text = "a process that is not visible from here".to_owned();
    assert_eq!(owner::unseen(None), Listener::Hidden(text));
}
