//! A front end thread. Waiting for its end needs no other thread, because at the end of a project
//! the system may have none to give.

use std::convert::Infallible;
use std::io;

use tokio::sync::oneshot;

#[derive(Debug)]
pub struct FrontThread(oneshot::Receiver<Infallible>);

impl FrontThread {
    /// Has `work` done on a thread of this name.
    ///
    /// # Errors
    ///
    /// The system has no thread to give.
    pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (ends, ended) = oneshot::channel();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Goes when the work is over, however that happens.
            let _ends = ends;
            work();
        })?;
        Ok(Self(ended))
    }

    /// Waits until the work is done. Cancel safe; who does not wait lets it go on.
    pub async fn done(self) {
        _ = self.0.await;
    }
}
