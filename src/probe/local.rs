//! What is on this machine: sockets and files.

use std::io;
use std::path::Path;
use std::sync::LazyLock;

use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::Stage;
use super::address::reason;
use crate::spec::Answer;
use crate::sys::SocketAddress;

/// Looks that can hang for good (a dead network folder, a name server) take at most so many threads.
const HANGING: usize = 16;

static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(HANGING));

/// Does something that may hang, where it holds up nobody. Whoever stops waiting leaves it behind,
/// and its place is taken until it is done.
pub(super) async fn patiently<T: Send + 'static>(
    look: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let place = PLACES.acquire().await.map_err(io::Error::other)?;
    let looking = tokio::task::spawn_blocking(move || {
        let _place = place;
        look()
    });
    looking.await.map_err(io::Error::other)?
}

pub(super) async fn unix(path: &Path) -> Answer {
    let connecting = async {
        let address = SocketAddress::of(path)?;
        UnixStream::connect(address.path()).await
    };
    match connecting.await {
        Ok(_) => Answer::good("connected"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Answer::bad("there is no socket"),
        Err(error) => Answer::bad(reason(&error)),
    }
}

pub(super) async fn file(path: &Path, stage: &Stage) -> Answer {
    stage.reach("the disk does not answer");
    let path = path.to_owned();
    match patiently(move || std::fs::metadata(path)).await {
        Ok(_) => Answer::good("it is there"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Answer::bad("it is not there"),
        Err(error) => Answer::bad(reason(&error)),
    }
}
