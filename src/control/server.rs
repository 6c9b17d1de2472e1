//! Server of the control socket: connections, peer checks, and time limits.

use std::io;
use std::net::TcpListener as PortListener;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::LocalControl;
use super::connection_guard::ConnectionGuard;
use super::routes::router;
use super::tcp_auth::{self, TcpAuth};

/// How long the header of a request may take to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The most connections at the same time; further connections are closed immediately.
const MAX_CONNECTIONS: usize = 512;
/// How long responses in progress may take when the project has ended.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause after a failed accept, such as without a free file descriptor.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The server of a project, on the control socket or on a TCP port.
#[derive(Debug)]
pub struct Server {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Serves clients that run as `user` or as root. Must be called in a Tokio runtime.
    pub fn start(
        listener: std::os::unix::net::UnixListener,
        user: u32,
        project: LocalControl,
    ) -> io::Result<Self> {
        let listener = UnixSocketListener { listener: UnixListener::from_std(listener)?, user };
        Ok(Self::run(listener, router(project)))
    }

    /// Serves clients of this machine that send the token. Must be called in a Tokio runtime.
    ///
    /// # Errors
    /// If the listener's address is not a loopback address.
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
        let (stop, stopped) = watch::channel(false);
        Self { task: tokio::spawn(serve(listener, router, stopped)), stop }
    }

    /// Stops accepting connections, and waits until the responses in progress are sent.
    pub async fn finish(self) {
        _ = self.stop.send(true);
        _ = self.task.await;
    }
}

trait Acceptor: Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Accepts the next connection; returns `None` if the peer is not allowed.
    fn accept(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;
}

/// The control socket.
struct UnixSocketListener {
    listener: UnixListener,
    user: u32,
}

impl Acceptor for UnixSocketListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<Option<UnixStream>> {
        let (stream, _) = self.listener.accept().await?;
        // The folder's mode keeps other users out; this check covers a folder whose mode was changed manually.
        let is_allowed =
            stream.peer_cred().is_ok_and(|peer| peer.uid() == self.user || peer.uid() == 0);
        Ok(is_allowed.then_some(stream))
    }
}

impl Acceptor for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<Option<TcpStream>> {
        self.accept().await.map(|(stream, _)| Some(stream))
    }
}

async fn serve<A: Acceptor>(listener: A, router: Router, mut stopped: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = Acceptor::accept(&listener) => accepted,
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok(Some(stream)) => stream,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
        let guard = ConnectionGuard::new(permit, stopped.clone());
        let service = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(guard.clone());
            service.call(request)
        });
        let mut stopped = stopped.clone();
        connections.spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(64 << 10);
            let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                _ = &mut connection => {}
                _ = stopped.changed() => {
                    connection.as_mut().graceful_shutdown();
                    _ = connection.await;
                }
            }
        });
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, rest).await;
}
