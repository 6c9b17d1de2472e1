//! Requests to the project, each as a task whose result is a message.

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::paging::whole;
use super::{copy, export, programs};
use crate::control::wire::{
    DetailsQuery, EventItem, ProgressQuery, ReloadRequest, SearchQuery, SeekQuery, SliceQuery,
};
use crate::control::{Control, ControlError, ControlErrorKind, Measure};
use crate::machine::Event;
use crate::tui::model::details::DetailsData;
use crate::tui::model::log_window::RowKey;
use crate::tui::model::logs::LogsQuery;
use crate::tui::msg::{Cmd, Msg, SeekHit, SeekTarget};

#[derive(Debug)]
pub(super) struct Tasks<C> {
    control: C,
    sender: mpsc::Sender<Msg>,
    /// The project is up: until then everything waits.
    up: watch::Sender<bool>,
    /// Whether it is measured what the processes take.
    measure: watch::Sender<Measure>,
    growth: ReplaceableTask,
    search: ReplaceableTask,
    seek: ReplaceableTask,
    slice: ReplaceableTask,
    inquiry: ReplaceableTask,
}

/// Something whose answer is wanted until something else is asked. Let go, it ends here, and by that
/// in the project.
#[derive(Debug, Default)]
struct ReplaceableTask(Option<JoinHandle<()>>);

impl ReplaceableTask {
    /// This instead of what went on.
    fn is(&mut self, task: JoinHandle<()>) {
        self.end();
        self.0 = Some(task);
    }

    fn end(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

impl<C: Control + Clone + 'static> Tasks<C> {
    pub(super) fn new(control: C, sender: mpsc::Sender<Msg>, is_up: bool) -> Self {
        let ongoing = ReplaceableTask::default;
        let (growth, search, seek) = (ongoing(), ongoing(), ongoing());
        let (slice, inquiry) = (ongoing(), ongoing());
        let (up, measure) = (watch::Sender::new(is_up), watch::Sender::new(Measure::No));
        Self { control, sender, up, measure, growth, search, seek, slice, inquiry }
    }

    /// The project is up: what waited for that goes on.
    pub(super) fn open(&self) {
        self.up.send_replace(true);
    }

    /// Does it as soon as the project is up.
    fn once_up(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let mut up = self.up.subscribe();
        tokio::spawn(async move {
            if up.wait_for(|up| *up).await.is_ok() {
                work.await;
            }
        })
    }

    /// Begins to listen to the project.
    pub(super) fn begin(&self) {
        let (control, sender) = (self.control.clone(), self.sender.clone());
        let measure = self.measure.subscribe();
        self.once_up(async move {
            let problem = follow(&control, &sender, measure).await;
            _ = sender.send(Msg::Lost(problem)).await;
        });
        let (control, sender) = (self.control.clone(), self.sender.clone());
        self.once_up(async move {
            // That it has ended is told by the other one.
            _ = events(&control, &sender).await;
        });
    }

    /// Does one thing; what becomes of it is a message.
    pub(super) fn perform(&mut self, wish: Cmd) {
        let control = self.control.clone();
        match wish {
            Cmd::Slice(ask) => self.slice(ask),
            Cmd::Measure(measure) => _ = self.measure.send_replace(measure),
            Cmd::Follow(whose) => self.follow(whose),
            Cmd::Search(question, asked) => self.search(question, asked),
            Cmd::Seek(question, asked) => self.seek(question, asked),
            Cmd::Inquire(name, reveal) => self.inquire(name, reveal),
            Cmd::Forget(SeekTarget::Search) => self.search.end(),
            Cmd::Forget(SeekTarget::Seek) => self.seek.end(),
            Cmd::Execute(command, words) => self
                .spawn(async move { Msg::Done(words, control.execute(command).await.map(Some)) }),
            Cmd::Shutdown(how) => self.spawn(async move {
                let done = control.shutdown(how).await;
                Msg::Done("shutdown".to_owned(), done.map(|()| None))
            }),
            Cmd::Output(asked, used) => {
                self.spawn(async move { export::used(&control, asked, used).await });
            }
            Cmd::Fetch(what) => self.spawn(async move { copy::fetched(&control, what).await }),
            Cmd::Browse(url) => self.spawn(async move { programs::browse(url).await }),
            Cmd::Reload { dry_run } => self.spawn(async move {
                let how = ReloadRequest { dry_run, colour: false };
                Msg::Reloaded(control.reload(how).await)
            }),
            Cmd::Edit(name) => self.spawn(async move {
                match control.details(&name, DetailsQuery::default()).await.map(|all| all.defined) {
                    Ok(Some(place)) => Msg::Do(Cmd::EditAt(place)),
                    Ok(None) => Msg::Said(Err(format!("edit: {name} is in no file"))),
                    Err(problem) => Msg::Said(Err(problem.message)),
                }
            }),
            // What the terminal does is done elsewhere.
            Cmd::Leave(_) | Cmd::Terminal(_) | Cmd::Copy(_) | Cmd::Show(_) | Cmd::EditAt(_) => {}
        }
    }

    fn spawn(&self, work: impl Future<Output = Msg> + Send + 'static) {
        let sender = self.sender.clone();
        self.once_up(async move {
            _ = sender.send(work.await).await;
        });
    }

    /// Runs a command that gets the text as its input.
    pub(super) fn feed(&self, command: &'static [&'static str], text: String) {
        tokio::task::spawn_blocking(move || programs::feed(command, &text));
        _ = self;
    }

    /// A text that is too long for the clipboard goes to a file.
    pub(super) fn too_long(&self, text: String) {
        self.spawn(async move { Msg::Said(programs::keep(&text)) });
    }

    /// Asks for rows; what was asked for another question is of no use any more.
    fn slice(&mut self, ask: LogsQuery) {
        let (control, sender) = (self.control.clone(), self.sender.clone());
        let LogsQuery { generation, from, slice } = ask;
        let task = self.once_up(async move {
            let given = whole(&control, slice).await;
            _ = sender.send(Msg::Sliced(generation, from, given)).await;
        });
        self.slice.is(task);
    }

    /// Listens to the growth of other lines.
    fn follow(&mut self, whose: ProgressQuery) {
        let (control, sender) = (self.control.clone(), self.sender.clone());
        let task = self.once_up(async move {
            let Ok(mut flow) = control.growth(whose.clone()).await else { return };
            while let Some(Ok(grown)) = flow.next().await {
                if sender.send(Msg::Grown(whose.clone(), grown)).await.is_err() {
                    return;
                }
            }
        });
        self.growth.is(task);
    }

    /// Searches all, and tells how far that has come.
    fn search(&mut self, question: u64, asked: SearchQuery) {
        let (control, sender) = (self.control.clone(), self.sender.clone());
        let task = self.once_up(async move {
            let mut flow = match control.search(asked).await {
                Ok(flow) => flow,
                Err(problem) => {
                    _ = sender.send(Msg::Said(Err(problem.message))).await;
                    return;
                }
            };
            while let Some(Ok(found)) = flow.next().await {
                if sender.send(Msg::Found(question, found)).await.is_err() {
                    return;
                }
            }
        });
        self.search.is(task);
    }

    /// Asks for all about a process.
    fn inquire(&mut self, name: String, reveal: bool) {
        let (control, sender) = (self.control.clone(), self.sender.clone());
        let task = self.once_up(async move {
            let known = known(&control, &name, reveal).await.ok().map(Box::new);
            _ = sender.send(Msg::Known(name, reveal, known)).await;
        });
        self.inquiry.is(task);
    }

    /// Looks for the next one, and then once more from the other end.
    fn seek(&mut self, question: u64, asked: SeekQuery) {
        let (control, sender) = (self.control.clone(), self.sender.clone());
        let task = self.once_up(async move {
            let msg = match sought(&control, asked).await {
                Ok((place, wrapped)) => Msg::Sought(SeekHit { question, place, wrapped }),
                Err(problem) => Msg::Said(Err(problem.message)),
            };
            _ = sender.send(msg).await;
        });
        self.seek.is(task);
    }
}

async fn known(
    control: &impl Control,
    name: &str,
    reveal: bool,
) -> Result<DetailsData, ControlError> {
    let details = control.details(name, DetailsQuery { reveal }).await?;
    let why = control.why(name).await?;
    let names = Some(name.to_owned());
    let asked = SliceQuery { names, rows: Some(20), no_marks: true, ..SliceQuery::default() };
    let last = whole(control, asked).await?;
    Ok(DetailsData { name: name.to_owned(), reveal, details, why, last })
}

async fn sought(
    control: &impl Control,
    asked: SeekQuery,
) -> Result<(Option<RowKey>, bool), ControlError> {
    let from_end = SeekQuery { from: None, ..asked.clone() };
    let is_from_end = asked == from_end;
    let place = control.seek(asked).await?.row.as_ref().map(RowKey::of);
    if place.is_some() || is_from_end {
        return Ok((place, false));
    }
    let place = control.seek(from_end).await?.row.as_ref().map(RowKey::of);
    Ok((place, place.is_some()))
}

/// Passes on what is pushed. What is measured comes in a stream of its own, whole first again.
async fn follow(
    control: &impl Control,
    sender: &mpsc::Sender<Msg>,
    mut measure: watch::Receiver<Measure>,
) -> ControlError {
    let ended = || ControlError::new(ControlErrorKind::Ended, "the project has ended");
    loop {
        let wanted = *measure.borrow_and_update();
        let mut flow = match control.watch(wanted).await {
            Ok(flow) => flow,
            Err(problem) => return problem,
        };
        loop {
            let pushed = tokio::select! {
                pushed = flow.next() => pushed,
                changed = measure.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return ended(),
                },
            };
            match pushed {
                Some(Ok(pushed)) => {
                    if sender.send(Msg::Pushed(Box::new(pushed))).await.is_err() {
                        return ended();
                    }
                }
                Some(Err(problem)) => return problem,
                None => return ended(),
            }
        }
    }
}

async fn events(control: &impl Control, sender: &mpsc::Sender<Msg>) -> Result<(), ControlError> {
    let mut flow = control.events(0, true).await?;
    while let Some(told) = flow.next().await {
        let events = told?.into_iter().filter_map(|told| match told {
            EventItem::Event { event, .. } => serde_json::from_str::<Event>(&event).ok(),
            EventItem::Missed { .. } => None,
        });
        if sender.send(Msg::Events(events.collect())).await.is_err() {
            break;
        }
    }
    Ok(())
}
