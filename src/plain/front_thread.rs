//! A thread of a front end. Waiting for its end needs no other thread, because at the end of a
//! project the system may be unable to create one.

use std::convert::Infallible;
use std::io;

use tokio::sync::oneshot;

/// A running thread.
#[derive(Debug)]
pub struct FrontThread(oneshot::Receiver<Infallible>);

impl FrontThread {
    /// Runs `work` on a thread of this name.
    ///
    /// # Errors
    ///
    /// The system cannot create a thread.
    pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (sender, ended) = oneshot::channel();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped when the work is over, also by a panic.
            let _sender = sender;
            work();
        })?;
        Ok(Self(ended))
    }

    /// Waits until the work is done. Cancel safe; the thread continues if this is dropped.
    pub async fn done(self) {
        _ = self.0.await;
    }
}
