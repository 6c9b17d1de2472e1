//! Requests to the project, each as a task whose result is a message.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::paging::fetch_rows;
use super::{copy, export, programs};
use crate::control::wire::{
    DetailsQuery, EventItem, ProgressQuery, ReloadRequest, SearchQuery, SeekQuery, SliceQuery,
};
use crate::control::{Control, ControlError, ControlErrorKind, Measure};
use crate::machine::Event;
use crate::tui::model::details::DetailsData;
use crate::tui::model::log_window::RowKey;
use crate::tui::model::logs::LogsQuery;
use crate::tui::msg::{Cmd, Msg, SeekHit};

#[derive(Debug)]
pub(super) struct Tasks<C> {
    control: C,
    sender: mpsc::Sender<Msg>,
    /// Whether the project is up: until then every request waits.
    is_up: watch::Sender<bool>,
    measure: watch::Sender<Measure>,
    latest: BTreeMap<RequestKind, AbortHandle>,
}

/// A kind of request of which only the latest is of use: a new one cancels the one that runs, also in
/// the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RequestKind {
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

    pub(super) fn perform(&mut self, cmd: Cmd) {
        let control = self.control.clone();
        match cmd {
            Cmd::FetchRows(LogsQuery { generation, from, slice }) => {
                self.replace(RequestKind::Rows, async move |control, sender| {
                    let rows = fetch_rows(&control, slice).await;
                    _ = sender.send(Msg::Rows(generation, from, rows)).await;
                });
            }
            Cmd::Measure(measure) => _ = self.measure.send_replace(measure),
            Cmd::FollowProgress(query) => {
                self.replace(RequestKind::Progress, async move |control, sender| {
                    follow_progress(&control, &sender, query).await;
                });
            }
            Cmd::Search(question, query) => {
                self.replace(RequestKind::Search, async move |control, sender| {
                    search(&control, &sender, question, query).await;
                });
            }
            Cmd::Seek(question, query) => {
                self.replace(RequestKind::Seek, async move |control, sender| {
                    _ = sender.send(seek(&control, question, query).await).await;
                });
            }
            Cmd::FetchDetails(name, reveal) => {
                self.replace(RequestKind::Details, async move |control, sender| {
                    let details = fetch_details(&control, &name, reveal).await.ok().map(Box::new);
                    _ = sender.send(Msg::Details(name, reveal, details)).await;
                });
            }
            Cmd::CancelSearch => self.cancel(RequestKind::Search),
            Cmd::CancelSeek => self.cancel(RequestKind::Seek),
            Cmd::Execute(command, description) => self.spawn(async move {
                Msg::CommandDone(description, control.execute(command).await.map(Some))
            }),
            Cmd::Shutdown(request) => self.spawn(async move {
                let result = control.shutdown(request).await;
                Msg::CommandDone("shutdown".to_owned(), result.map(|()| None))
            }),
            Cmd::Export(query, target) => {
                self.spawn(async move { export::export(&control, query, target).await });
            }
            Cmd::CopyFrom(source) => {
                self.spawn(async move { copy::fetch(&control, source).await });
            }
            Cmd::Browse(url) => self.spawn(programs::browse(url)),
            Cmd::Reload { dry_run } => self.spawn(async move {
                let request = ReloadRequest { dry_run, colour: false };
                Msg::Reloaded(control.reload(request).await)
            }),
            Cmd::Edit(name) => self.spawn(async move {
                match control.details(&name, DetailsQuery::default()).await {
                    Ok(details) => match details.defined {
                        Some(place) => Msg::Perform(Cmd::EditAt(place)),
                        None => Msg::Notice(Err(format!("edit: {name} is in no file"))),
                    },
                    Err(problem) => Msg::Notice(Err(problem.message)),
                }
            }),
            // The application loop performs these.
            Cmd::Leave(_)
            | Cmd::Suspend
            | Cmd::Redraw
            | Cmd::SetMouse(_)
            | Cmd::Copy(_)
            | Cmd::Page(_)
            | Cmd::EditAt(_) => {}
        }
    }

    /// Starts a task as soon as the project is up.
    fn spawn_with<F: Future<Output = ()> + Send + 'static>(
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

    fn replace<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        kind: RequestKind,
        work: impl FnOnce(C, mpsc::Sender<Msg>) -> F,
    ) {
        self.cancel(kind);
        self.latest.insert(kind, self.spawn_with(work));
    }

    fn cancel(&mut self, kind: RequestKind) {
        if let Some(task) = self.latest.remove(&kind) {
            task.abort();
        }
    }

    pub(super) fn spawn(&self, work: impl Future<Output = Msg> + Send + 'static) {
        self.spawn_with(async move |_, sender| _ = sender.send(work.await).await);
    }
}

/// Reports the progress of the output.
async fn follow_progress(control: &impl Control, sender: &mpsc::Sender<Msg>, query: ProgressQuery) {
    let Ok(mut stream) = control.growth(query.clone()).await else { return };
    while let Some(Ok(progress)) = stream.next().await {
        if sender.send(Msg::Progress(query.clone(), progress)).await.is_err() {
            return;
        }
    }
}

async fn search(
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

async fn fetch_details(
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
async fn seek(control: &impl Control, question: u64, query: SeekQuery) -> Msg {
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
