//! To whom the project belongs: the connection whose end without a word is a hang-up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::flow::Taker;
use super::wire::Owned;
use super::{Flow, Kind, Local, Problem};
use crate::engine::Question;

/// Which owner there is. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Owner(Arc<Mutex<Numbers>>);

#[derive(Debug, Default)]
struct Numbers {
    now: Option<u64>,
    last: u64,
}

impl Owner {
    /// Becomes the owner, if there is none.
    fn take(&self) -> Result<Owned, Problem> {
        let mut numbers = self.numbers();
        if numbers.now.is_some() {
            let text = "the project belongs to another interface; look at it without owning it";
            return Err(Problem::new(Kind::Conflict, text));
        }
        numbers.last += 1;
        numbers.now = Some(numbers.last);
        Ok(Owned { owner: numbers.last })
    }

    /// Is the owner no more; false when it was not.
    pub(super) fn leave(&self, owned: Owned) -> bool {
        let mut numbers = self.numbers();
        let is_owner = numbers.now == Some(owned.owner);
        if is_owner {
            numbers.now = None;
        }
        is_owner
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Local {
    /// Owns the project as long as what is given is held.
    pub(super) fn owned(&self) -> Result<Flow<Owned>, Problem> {
        let owned = self.owner.take()?;
        let local = self.clone();
        Ok(Flow::latest(move |taker| local.hold(owned, taker)))
    }

    async fn hold(self, owned: Owned, taker: Taker<Owned>) {
        let mut snapshots = self.session.snapshots();
        if taker.put(Ok(owned)).await {
            let over = async { while snapshots.changed().await.is_ok() {} };
            tokio::select! {
                () = taker.gone() => {}
                () = over => return,
            }
        }
        if self.owner.leave(owned) {
            _ = self.session.ask(Question::HangUp);
        }
    }
}
