//! The listening side: connections, who may make one, and how long one may take for what.

use std::io;
use std::os::unix::net::UnixListener as Listener;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::Local;
use super::routes::router;

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
    pub fn start(listener: Listener, user: u32, project: Local) -> io::Result<Self> {
        let listener = UnixListener::from_std(listener)?;
        let (over, ends) = watch::channel(false);
        Ok(Self { task: tokio::spawn(serve(listener, user, project, ends)), over })
    }

    /// Takes no more connections, and lets the answers under way go out.
    pub async fn finish(self) {
        _ = self.over.send(true);
        _ = self.task.await;
    }
}

async fn serve(listener: UnixListener, user: u32, project: Local, mut ends: watch::Receiver<bool>) {
    let router = router(project);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ends.changed() => break,
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        if !is_allowed(&stream, user) {
            continue;
        }
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
