//! The `unix` and `file` probes: sockets and files of this machine.

use std::io;
use std::path::Path;
use std::sync::LazyLock;

use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::{ProbeSession, reason, result_of};
use crate::spec::ProbeResult;
use crate::sys::{Host, SocketAddress};

/// The maximum number of threads for calls that can hang (a dead network folder, a name server).
const MAX_HANGING: usize = 16;

static SLOTS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(MAX_HANGING));

/// Runs a call that may hang on a separate thread. If the caller gives up, the thread's slot stays taken
/// until the call returns.
pub(super) async fn blocking_call<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let slot = SLOTS.acquire().await.map_err(io::Error::other)?;
    let called = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        call()
    });
    called.await.map_err(io::Error::other)?
}

pub(super) async fn probe_unix<H: Host>(session: &ProbeSession<'_, H>, path: &Path) -> ProbeResult {
    let connecting = async {
        let address = SocketAddress::of(path)?;
        UnixStream::connect(address.path()).await
    };
    let stream = match connecting.await {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return ProbeResult::bad("the socket does not exist");
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return ProbeResult::bad("connection refused: nothing listens on the socket");
        }
        Err(error) => return ProbeResult::bad(reason(&error)),
    };
    // The kernel reports 0 for a process that is not visible from here.
    let peer = stream.peer_cred().ok().and_then(|peer| u32::try_from(peer.pid()?).ok());
    let verdict = session.verdict_on_socket(path, peer.filter(|pid| *pid > 0)).await;
    result_of(verdict.into_note(session.run).map(|note| ("connected".to_owned(), note)))
}

pub(super) async fn probe_file<H>(session: &ProbeSession<'_, H>, path: &Path) -> ProbeResult {
    session.set_stage("the file system does not respond");
    let path = path.to_owned();
    match blocking_call(move || std::fs::metadata(path)).await {
        Ok(_) => ProbeResult::good("exists"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => ProbeResult::bad("does not exist"),
        Err(error) => ProbeResult::bad(reason(&error)),
    }
}
