//! Server of the control socket: connections, peer checks, and time limits.

use std::io;
use std::net::TcpListener as PortListener;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::LocalControl;
use super::routes::router;
use super::tcp_auth::{self, TcpAuth};

/// How long the head of a request may take to come.
const HEAD: Duration = Duration::from_secs(10);
/// Connections at the same time. One more is closed at once.
const CONNECTIONS: usize = 512;
/// How long answers may take to leave when the project has ended.
const FAREWELL: Duration = Duration::from_secs(1);
/// When no connection can be taken (no descriptor is free), the next try comes after this.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers for a project until it is finished.
#[derive(Debug)]
pub struct Server {
    task: JoinHandle<()>,
    over: watch::Sender<bool>,
}

impl Server {
    /// Answers whoever connects as `user` or as root. Needs a runtime.
    pub fn start(
        listener: std::os::unix::net::UnixListener,
        user: u32,
        project: LocalControl,
    ) -> io::Result<Self> {
        let listener = UnixSocketListener { listener: UnixListener::from_std(listener)?, user };
        Ok(Self::run(listener, router(project)))
    }

    /// Answers whoever connects to a port of this machine and knows the token. Needs a runtime.
    ///
    /// # Errors
    /// When it listens on more than this machine.
    pub fn start_on_port(
        listener: PortListener,
        token: &str,
        project: LocalControl,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            return Err(io::Error::other(format!("{address} can be reached from other machines")));
        }
        listener.set_nonblocking(true)?;
        let guard = middleware::from_fn_with_state(TcpAuth::new(address, token), tcp_auth::guard);
        Ok(Self::run(TcpListener::from_std(listener)?, router(project).layer(guard)))
    }

    fn run(listener: impl Acceptor, router: Router) -> Self {
        let (over, ends) = watch::channel(false);
        Self { task: tokio::spawn(serve(listener, router, ends)), over }
    }

    /// Takes no more connections, and lets the answers under way go out.
    pub async fn finish(self) {
        _ = self.over.send(true);
        _ = self.task.await;
    }
}

trait Acceptor: Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next one; nothing where who connects may not.
    fn accept(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;
}

/// The socket in the folder of the user.
struct UnixSocketListener {
    listener: UnixListener,
    user: u32,
}

impl Acceptor for UnixSocketListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<Option<UnixStream>> {
        let (stream, _) = self.listener.accept().await?;
        Ok(is_allowed(&stream, self.user).then_some(stream))
    }
}

impl Acceptor for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<Option<TcpStream>> {
        self.accept().await.map(|(stream, _)| Some(stream))
    }
}

async fn serve<A: Acceptor>(listener: A, router: Router, mut ends: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = Acceptor::accept(&listener) => accepted,
            _ = ends.changed() => break,
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok(Some(stream)) => stream,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let service = TowerToHyperService::new(router.clone());
        let mut ends = ends.clone();
        connections.spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10);
            let connection = http.serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                _ = &mut connection => {}
                _ = ends.changed() => {
                    connection.as_mut().graceful_shutdown();
                    _ = connection.await;
                }
            }
            drop(place);
        });
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    _ = tokio::time::timeout(FAREWELL, rest).await;
}

/// The folder lets nobody else in; this is for a folder that was opened up by hand.
fn is_allowed(stream: &UnixStream, user: u32) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == user || peer.uid() == 0)
}
