//! Tests of probes against well-behaved and misbehaving servers.
#![expect(clippy::disallowed_methods, reason = "servers that are slow on purpose")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::{ProbeContext, ProbeFailure, run_probe};
use crate::spec::{CommandLine, Endpoint, Port, Probe, ProbeResult, Url};
use crate::sys::{HostOptions, Launch, OutputFd, RealHost, StdinTarget};

/// Nothing here takes so long unless it hangs.
const LONG: Duration = Duration::from_mins(1);
/// A limit for probes that are expected to time out.
const SHORT: Duration = Duration::from_secs(2);

fn host() -> RealHost {
    RealHost::new(HostOptions::default()).unwrap()
}

/// Returns the result of one probe.
async fn probe(probe: Probe, limit: Duration) -> ProbeResult {
    let end = async {
        tokio::time::sleep(limit).await;
        ProbeFailure::TimedOut(limit)
    };
    let context = ProbeContext { probe: &probe, own_port: None, launch: None, run: None };
    run_probe(&host(), context, end).await.unwrap()
}

fn good(text: &str) -> ProbeResult {
    ProbeResult::Good(text.to_owned())
}

fn bad(text: &str) -> ProbeResult {
    ProbeResult::Bad(text.to_owned())
}

fn endpoint(host: &str, port: u16) -> Endpoint {
    Endpoint { host: host.to_owned(), port: Port::Number(port) }
}

fn page(host: &str, port: u16, target: &str) -> Probe {
    let server = endpoint(host, port);
    Probe::Http(Url { server, target: target.to_owned() }, Vec::new())
}

/// Serves each connection like this, on a separate thread; counts them.
fn server(
    address: impl Into<SocketAddr>,
    serve: impl Fn(TcpStream) + Send + Sync + 'static,
) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(address.into()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let (counted, serve) = (Arc::clone(&count), Arc::new(serve));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    (port, count)
}

fn on_v4() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Reads a request to its empty line.
fn request(stream: &mut TcpStream) -> String {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
        bytes.push(byte[0]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Answers each request with this text.
fn answering(text: &'static str) -> (u16, Arc<AtomicUsize>) {
    server(on_v4(), move |mut stream| {
        request(&mut stream);
        _ = stream.write_all(text.as_bytes());
    })
}

#[tokio::test]
async fn a_status_decides() {
    for (text, wanted) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", good("200 OK")),
        ("HTTP/1.0 204 No Content\r\n\r\n", good("204 No Content")),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", good("302 Found")),
        (
            "HTTP/1.1 503 Nope\r\nContent-Length: 11\r\n\r\n\n starting\n",
            bad("503 Service Unavailable: starting"),
        ),
        ("HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", bad("404 Not Found")),
        ("HTTP/1.1 799 x\r\nContent-Length: 0\r\n\r\n", bad("799")),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            good("200 OK"),
        ),
    ] {
        let (port, _) = answering(text);
        assert_eq!(probe(page("127.0.0.1", port, "/"), LONG).await, wanted);
    }
}

#[tokio::test]
async fn named_statuses_replace_the_usual_ones() {
    let (port, _) = answering("HTTP/1.1 401 x\r\nContent-Length: 0\r\n\r\n");
    let url = Url { server: endpoint("127.0.0.1", port), target: "/".to_owned() };
    let probe_for = |status| probe(Probe::Http(url.clone(), vec![status]), LONG);
    assert_eq!(probe_for(401).await, good("401 Unauthorized"));
    assert_eq!(probe_for(200).await, bad("401 Unauthorized"));
}

#[tokio::test]
async fn a_request_is_what_a_server_expects() {
    let (send, received) = mpsc::channel();
    let (port, _) = server(on_v4(), move |mut stream| {
        send.send(request(&mut stream)).unwrap();
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    });
    probe(page("127.0.0.1", port, "/a?b=c"), LONG).await;
    let request = received.recv().unwrap();
    assert!(request.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{request}");
    assert!(request.contains("connection: close\r\n"), "{request}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (port, count) =
        answering("HTTP/1.1 301 x\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(probe(page("127.0.0.1", port, "/"), LONG).await, good("301 Moved Permanently"));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_connection_is_a_miss() {
    // Taken, so that no other process can take it, but nothing listens.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind(on_v4()).unwrap();
    let free = taken.local_addr().unwrap().port();
    assert_eq!(probe(page("127.0.0.1", free, "/"), LONG).await, bad("connection refused"));
    let also = tokio::net::TcpSocket::new_v6().unwrap();
    if also.bind((Ipv6Addr::LOCALHOST, free).into()).is_ok() {
        assert_eq!(probe(page("localhost", free, "/"), LONG).await, bad("connection refused"));
    }
    let tcp = Probe::Tcp(endpoint("127.0.0.1", free));
    assert_eq!(probe(tcp, LONG).await, bad("connection refused"));
    let nowhere = Probe::Tcp(endpoint("no-such-host.invalid", 80));
    let ProbeResult::Bad(text) = probe(nowhere, LONG).await else { panic!("it is nowhere") };
    assert!(text.starts_with("cannot look up the name"), "{text}");
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    let (port, _) = server(on_v4(), |stream| {
        std::thread::sleep(LONG);
        drop(stream);
    });
    assert_eq!(
        probe(page("127.0.0.1", port, "/"), SHORT).await,
        bad("no answer within 2s (connected, no answer yet)")
    );
    // A connection is all that tcp asks for.
    assert_eq!(probe(Probe::Tcp(endpoint("127.0.0.1", port)), LONG).await, good("connected"));
}

#[tokio::test]
async fn headers_that_trickle_are_given_up() {
    let (port, _) = server(on_v4(), |mut stream| {
        request(&mut stream);
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-More: 1\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let answer = probe(page("127.0.0.1", port, "/"), SHORT).await;
    assert_eq!(answer, bad("no answer within 2s (connected, no answer yet)"));
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let (port, _) = server(on_v4(), |mut stream| {
        request(&mut stream);
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let ProbeResult::Bad(text) = probe(page("127.0.0.1", port, "/"), LONG).await else {
        panic!("that is no answer")
    };
    assert!(text.starts_with("the answer is not HTTP"), "{text}");
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    let (closed, is_closed) = mpsc::channel();
    let (port, _) = server(on_v4(), move |mut stream| {
        request(&mut stream);
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let mut sent = 0_u64;
        while stream.write_all(&[b'x'; 4096]).is_ok() {
            sent += 4096;
        }
        closed.send(sent).unwrap();
    });
    assert_eq!(probe(page("127.0.0.1", port, "/"), LONG).await, good("200 OK"));
    let sent = is_closed.recv_timeout(LONG).unwrap();
    assert!(sent < 64 << 20, "{sent} bytes were taken");
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_keep_the_status_back() {
    let (port, _) = server(on_v4(), |mut stream| {
        request(&mut stream);
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        std::thread::sleep(LONG);
    });
    assert_eq!(probe(page("127.0.0.1", port, "/"), LONG).await, good("200 OK"));
}

#[tokio::test]
async fn a_response_that_is_not_http_is_reported() {
    for (text, wanted) in [
        ("+PONG\r\n", "the answer is not HTTP"),
        ("\x15\x03\x01\x00\x02\x02\x0a", "the answer is not HTTP"),
        ("HTTP/9.9 200 OK\r\n\r\n", "the answer is not HTTP"),
        ("", "the connection was closed before an answer"),
        ("HTTP/1.1 20", "the connection was closed before an answer"),
    ] {
        let (port, _) = answering(text);
        let ProbeResult::Bad(message) = probe(page("127.0.0.1", port, "/"), LONG).await else {
            panic!("{text:?} is no answer")
        };
        assert!(message.starts_with(wanted), "{text:?}: {message}");
    }
}

#[tokio::test]
async fn localhost_is_both_of_its_addresses() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        println!("there is no IPv6 here");
        return;
    };
    drop(listener);
    let serve = |mut stream: TcpStream| {
        request(&mut stream);
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    };
    let (port, _) = server((Ipv6Addr::LOCALHOST, 0), serve);
    assert_eq!(probe(page("localhost", port, "/"), LONG).await, good("200 OK"));
    assert_eq!(probe(page("::1", port, "/"), LONG).await, good("200 OK"));
    assert_eq!(probe(Probe::Tcp(endpoint("LocalHost", port)), LONG).await, good("connected"));
    // Another process has the same port at the other address.
    if let Ok(other) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        std::thread::spawn(move || {
            for mut stream in other.incoming().flatten() {
                request(&mut stream);
                _ = stream.write_all(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n");
            }
        });
        assert_eq!(probe(page("localhost", port, "/"), LONG).await, good("200 OK"));
    }
}

#[tokio::test]
async fn the_own_port_is_probed() {
    let listener = TcpListener::bind(on_v4()).unwrap();
    let own = Some(listener.local_addr().unwrap().port());
    let probe = Probe::Tcp(Endpoint { host: "localhost".to_owned(), port: Port::Own });
    let probe_with = |own_port| {
        let context = ProbeContext { probe: &probe, own_port, launch: None, run: None };
        async { run_probe(&host(), context, std::future::pending()).await }
    };
    assert_eq!(probe_with(own).await, Some(good("connected")));
    assert_eq!(probe_with(None).await, Some(bad("the process has no port")));
}

#[tokio::test]
async fn a_connection_to_itself_does_not_count() {
    // Among the ports for outgoing connections, one is hit by chance after some tens of thousands
    // of tries; here both ends are bound to the same one.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(on_v4()).unwrap();
    let own = socket.local_addr().unwrap();
    let stream = socket.connect(own).await.unwrap();
    assert!(super::address::is_own(&stream).unwrap());
}

#[tokio::test]
async fn sockets_and_files_exist_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sock");
    assert_eq!(probe(Probe::Unix(path.clone()), LONG).await, bad("the socket does not exist"));
    assert_eq!(probe(Probe::File(path.clone()), LONG).await, bad("does not exist"));
    let _listener = UnixListener::bind(&path).unwrap();
    assert_eq!(probe(Probe::Unix(path.clone()), LONG).await, good("connected"));
    assert_eq!(probe(Probe::File(path.clone()), LONG).await, good("exists"));
    // A closed listener would not do: a child that another test has just forked can still hold it.
    let silent = folder.path().join("silent.sock");
    let socket = tokio::net::UnixSocket::new_stream().unwrap();
    socket.bind(&silent).unwrap();
    assert_eq!(
        probe(Probe::Unix(silent), LONG).await,
        bad("connection refused: nothing listens on the socket")
    );
    let long = folder.path().join("x".repeat(200));
    assert!(matches!(probe(Probe::Unix(long), LONG).await, ProbeResult::Bad(_)));
    std::os::unix::fs::symlink("/none", folder.path().join("link")).unwrap();
    let link = Probe::File(folder.path().join("link"));
    assert_eq!(probe(link, LONG).await, bad("does not exist"));
}

fn launch(script: &str, mark: &str) -> Launch {
    let argv = ["/bin/sh", "-c", script].map(Into::into).to_vec();
    let mut env: Vec<_> = std::env::vars_os().collect();
    env.retain(|(name, _)| !name.to_string_lossy().starts_with("PITCREW_"));
    env.push(("PITCREW_PROBE_TEST".into(), mark.into()));
    for (name, value) in [("SESSION", mark), ("PROCESS", "x"), ("RUN", "1"), ("ROLE", "ready")] {
        env.push((format!("PITCREW_{name}").into(), value.into()));
    }
    let (stdout, stderr) = (OutputFd::Pipe, OutputFd::Pipe);
    Launch {
        argv,
        cwd: "/".into(),
        env,
        stdin: StdinTarget::Null,
        stdout,
        stderr,
        foreground: false,
        terminal: None,
    }
}

/// The result of an `exec` probe.
async fn exec(script: &str, mark: &str, end: impl Future<Output = ProbeFailure>) -> ProbeResult {
    let probe = Probe::Exec(CommandLine::Argv(vec!["x".to_owned()]));
    let context = ProbeContext {
        probe: &probe,
        own_port: None,
        launch: Some(launch(script, mark)),
        run: None,
    };
    run_probe(&host(), context, end).await.unwrap()
}

/// How many carry the mark and are alive.
fn carriers(mark: &str) -> usize {
    let wanted = format!("PITCREW_PROBE_TEST={mark}");
    let carries = |entry: &std::fs::DirEntry| {
        let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter(carries).count()
}

#[tokio::test]
async fn a_command_says_by_its_code() {
    for (script, wanted) in [
        ("true", good("exit 0")),
        ("echo accepting", good("exit 0: accepting")),
        ("echo out; echo no >&2; echo; exit 3", bad("exit 3: no")),
        ("printf '\\033[31mred\\033[0m\\n'; exit 1", bad("exit 1: red")),
        ("kill -9 $$", bad("signal KILL")),
    ] {
        assert_eq!(exec(script, "code", std::future::pending()).await, wanted, "{script}");
    }
    let missing = Launch { argv: vec!["no-such-program-at-all".into()], ..launch("", "missing") };
    let probe = Probe::Exec(CommandLine::Argv(vec!["x".to_owned()]));
    let context = ProbeContext { probe: &probe, own_port: None, launch: Some(missing), run: None };
    let answer = run_probe(&host(), context, std::future::pending()).await.unwrap();
    assert!(answer.text().starts_with("cannot start: "), "{answer:?}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended_with_all_it_started() {
    let script = "trap '' TERM HUP; echo waiting; (trap '' TERM; sleep 1000) & \
                  setsid sh -c 'trap \"\" TERM; sleep 1000' & sleep 1000; sleep 1000";
    let all_there = async {
        while carriers("slow") < 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        ProbeFailure::TimedOut(SHORT)
    };
    let answer = exec(script, "slow", all_there).await;
    assert_eq!(answer, bad("timed out after 2s, killed: waiting"));
    assert_eq!(carriers("slow"), 0);
}

#[tokio::test]
async fn strays_of_a_check_command_are_ended_without_delay() {
    let script = "(sleep 1000) & echo done; exit 0";
    assert_eq!(exec(script, "leaves", std::future::pending()).await, good("exit 0: done"));
    assert_eq!(carriers("leaves"), 0);
}

#[tokio::test]
async fn what_a_command_prints_is_bounded() {
    let script = "yes 'all work and no play' | head -c 20000000; echo; echo the end; exit 1";
    assert_eq!(exec(script, "prints", std::future::pending()).await, bad("exit 1: the end"));
}

#[tokio::test]
async fn a_command_that_is_called_off_is_ended_without_an_answer() {
    let probe = Probe::Exec(CommandLine::Argv(vec!["x".to_owned()]));
    let (started, has_started) = tokio::sync::oneshot::channel::<()>();
    let end = async {
        _ = has_started.await;
        ProbeFailure::Cancelled
    };
    let context = ProbeContext {
        probe: &probe,
        own_port: None,
        launch: Some(launch("sleep 1000", "off")),
        run: None,
    };
    let watch = async {
        while carriers("off") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        _ = started.send(());
    };
    let host = host();
    let (answer, ()) = tokio::join!(run_probe(&host, context, end), watch);
    assert_eq!(answer, None);
    assert_eq!(carriers("off"), 0);
}
