//! Requests to the project, each as a task whose result is a message.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::paging::fetch_rows;
use crate::control::wire::{
    DetailsQuery, EventItem, ProgressQuery, SearchQuery, SeekQuery, SliceQuery,
};
use crate::control::{Control, ControlError, ControlErrorKind, Measure};
use crate::machine::Event;
use crate::tui::model::details::DetailsData;
use crate::tui::model::log_window::RowKey;
use crate::tui::msg::{Msg, SeekHit};

#[derive(Debug)]
pub(super) struct Tasks<C> {
    pub(super) control: C,
    sender: mpsc::Sender<Msg>,
    /// Whether the project is up: until then every request waits.
    is_up: watch::Sender<bool>,
    pub(super) measure: watch::Sender<Measure>,
    latest: BTreeMap<RequestKind, AbortHandle>,
}

/// A kind of request of which only the latest one matters: a new one cancels the one that runs,
/// also in the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RequestKind {
    Progress,
    Search,
    Seek,
    Rows,
    Details,
}

impl<C: Control + Clone + 'static> Tasks<C> {
    pub(super) fn new(control: C, sender: mpsc::Sender<Msg>, is_up: bool) -> Self {
        let (is_up, measure) = (watch::Sender::new(is_up), watch::Sender::new(Measure::No));
        Self { control, sender, is_up, measure, latest: BTreeMap::new() }
    }

    /// Starts the requests that wait for the project to be up.
    pub(super) fn start(&self) {
        self.is_up.send_replace(true);
    }

    /// Subscribes to the state and the events of the project.
    pub(super) fn subscribe(&self) {
        let measure = self.measure.subscribe();
        self.spawn_with(async move |control, sender| {
            let problem = follow_state(&control, &sender, measure).await;
            _ = sender.send(Msg::Disconnected(problem)).await;
        });
        self.spawn_with(async move |control, sender| {
            // The other subscription reports the end of the project.
            _ = follow_events(&control, &sender).await;
        });
    }

    /// Starts a task as soon as the project is up.
    pub(super) fn spawn_with<F: Future<Output = ()> + Send + 'static>(
        &self,
        work: impl FnOnce(C, mpsc::Sender<Msg>) -> F,
    ) -> AbortHandle {
        let mut is_up = self.is_up.subscribe();
        let work = work(self.control.clone(), self.sender.clone());
        let task = tokio::spawn(async move {
            if is_up.wait_for(|is_up| *is_up).await.is_ok() {
                work.await;
            }
        });
        task.abort_handle()
    }

    pub(super) fn replace<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        kind: RequestKind,
        work: impl FnOnce(C, mpsc::Sender<Msg>) -> F,
    ) {
        self.cancel(kind);
        self.latest.insert(kind, self.spawn_with(work));
    }

    pub(super) fn cancel(&mut self, kind: RequestKind) {
        if let Some(task) = self.latest.remove(&kind) {
            task.abort();
        }
    }

    pub(super) fn spawn(&self, work: impl Future<Output = Msg> + Send + 'static) {
        self.spawn_with(async move |_, sender| _ = sender.send(work.await).await);
    }
}

/// Reports the progress of the output.
pub(super) async fn follow_progress(
    control: &impl Control,
    sender: &mpsc::Sender<Msg>,
    query: ProgressQuery,
) {
    let Ok(mut stream) = control.growth(query.clone()).await else { return };
    while let Some(Ok(progress)) = stream.next().await {
        if sender.send(Msg::Progress(query.clone(), progress)).await.is_err() {
            return;
        }
    }
}

pub(super) async fn search(
    control: &impl Control,
    sender: &mpsc::Sender<Msg>,
    question: u64,
    query: SearchQuery,
) {
    let mut stream = match control.search(query).await {
        Ok(stream) => stream,
        Err(problem) => {
            _ = sender.send(Msg::Notice(Err(problem.message))).await;
            return;
        }
    };
    while let Some(Ok(progress)) = stream.next().await {
        if sender.send(Msg::SearchProgress(question, progress)).await.is_err() {
            return;
        }
    }
}

pub(super) async fn fetch_details(
    control: &impl Control,
    name: &str,
    reveal: bool,
) -> Result<DetailsData, ControlError> {
    let details = control.details(name, DetailsQuery { reveal }).await?;
    let why = control.why(name).await?;
    let names = Some(name.to_owned());
    let query = SliceQuery { names, rows: Some(20), no_marks: true, ..SliceQuery::default() };
    let last_lines = fetch_rows(control, query).await?;
    Ok(DetailsData { name: name.to_owned(), reveal, details, why, last_lines })
}

/// Finds the next row, and searches once more from the other end if there is none.
pub(super) async fn seek(control: &impl Control, question: u64, query: SeekQuery) -> Msg {
    let from_end = SeekQuery { from: None, ..query.clone() };
    let queries = if query == from_end { vec![query] } else { vec![query, from_end] };
    for (at, query) in queries.into_iter().enumerate() {
        match control.seek(query).await {
            Ok(response) => {
                if let Some(row) = &response.row {
                    let (place, wrapped) = (Some(RowKey::of_row(row)), at > 0);
                    return Msg::SeekDone(SeekHit { question, place, wrapped });
                }
            }
            Err(problem) => return Msg::Notice(Err(problem.message)),
        }
    }
    Msg::SeekDone(SeekHit { question, place: None, wrapped: false })
}

/// Forwards the state of the project until that fails. Resource usage needs another stream, which
/// begins with the whole state again.
async fn follow_state(
    control: &impl Control,
    sender: &mpsc::Sender<Msg>,
    mut measure: watch::Receiver<Measure>,
) -> ControlError {
    loop {
        let measured = *measure.borrow_and_update();
        let mut stream = match control.watch(measured).await {
            Ok(stream) => stream,
            Err(problem) if problem.error == ControlErrorKind::Suspended => {
                if sender.send(Msg::Suspended(Some(problem))).await.is_err() {
                    return ControlError::ended();
                }
                continue;
            }
            Err(problem) => return problem,
        };
        loop {
            let update = tokio::select! {
                update = stream.next() => update,
                changed = measure.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return ControlError::ended(),
                },
            };
            match update {
                Some(Ok(update)) => {
                    if sender.send(Msg::State(Box::new(update))).await.is_err() {
                        return ControlError::ended();
                    }
                }
                Some(Err(problem)) => return problem,
                None => return ControlError::ended(),
            }
        }
    }
}

async fn follow_events(
    control: &impl Control,
    sender: &mpsc::Sender<Msg>,
) -> Result<(), ControlError> {
    let mut stream = control.events(0, true).await?;
    while let Some(items) = stream.next().await {
        let events = items?.into_iter().filter_map(|item| match item {
            EventItem::Event { event, .. } => serde_json::from_str::<Event>(&event).ok(),
            EventItem::Missed { .. } => None,
        });
        if sender.send(Msg::Events(events.collect())).await.is_err() {
            break;
        }
    }
    Ok(())
}
