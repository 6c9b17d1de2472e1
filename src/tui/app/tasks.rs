//! What is asked of the project, each as a task of its own whose answer is a message.

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::whole::whole;
use super::{find, output};
use crate::control::wire::{Looked, Reload, Told, Whose};
use crate::control::{Control, Kind, Measure, Problem};
use crate::machine::Event;
use crate::tui::msg::{Msg, Wish};
use crate::tui::ui::logs::Whom;

/// The tasks.
#[derive(Debug)]
pub(super) struct Tasks<C> {
    control: C,
    sender: mpsc::Sender<Msg>,
    /// The project is up: until then everything waits.
    up: watch::Sender<bool>,
    /// Whether it is measured what the processes take.
    measure: watch::Sender<Measure>,
    growth: Option<JoinHandle<()>>,
    looking: Option<JoinHandle<()>>,
}

impl<C: Control + Clone + 'static> Tasks<C> {
    pub(super) fn new(control: C, sender: mpsc::Sender<Msg>, is_up: bool) -> Self {
        let (up, measure) = (watch::Sender::new(is_up), watch::Sender::new(Measure::No));
        Self { control, sender, up, measure, growth: None, looking: None }
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
    pub(super) fn perform(&mut self, wish: Wish) {
        let control = self.control.clone();
        match wish {
            Wish::Slice(ask) => self.spawn(async move {
                Msg::Sliced(ask.generation, ask.from, whole(&control, ask.slice).await)
            }),
            Wish::Measure(measure) => _ = self.measure.send_replace(measure),
            Wish::Follow(whom) => self.follow(whom),
            Wish::Find { question, slice, target, from, back } => {
                if let Some(before) = self.looking.take() {
                    before.abort();
                }
                let look = find::Look { question, slice, target, from, back };
                let sender = self.sender.clone();
                self.looking = Some(self.once_up(async move {
                    let msg = match look.run(&control).await {
                        Ok(found) => Msg::Found(found),
                        Err(problem) => Msg::Said(Err(problem.message)),
                    };
                    _ = sender.send(msg).await;
                }));
            }
            Wish::Order(order, words) => {
                self.spawn(async move { Msg::Done(words, control.order(order).await.map(Some)) });
            }
            Wish::Send(sent) => self.spawn(async move {
                let words = format!("sent to {}", sent.name);
                Msg::Done(words, control.send(sent).await.map(|()| None))
            }),
            Wish::Shutdown(how) => self.spawn(async move {
                let done = control.shutdown(how).await;
                Msg::Done("shutdown".to_owned(), done.map(|()| None))
            }),
            Wish::Output(whom, used) => {
                self.spawn(async move { output::used(&control, &whom, used).await });
            }
            Wish::Browse(url) => self.spawn(async move { output::browse(url).await }),
            Wish::Reload { dry_run } => self.spawn(async move {
                let how = Reload { dry_run, colour: false };
                Msg::Reloaded(control.reload(how).await)
            }),
            Wish::Edit(name) => self.spawn(async move {
                match control.details(&name, Looked::default()).await.map(|all| all.defined) {
                    Ok(Some(place)) => Msg::Do(Wish::EditAt(place)),
                    Ok(None) => Msg::Said(Err(format!("edit: {name} is in no file"))),
                    Err(problem) => Msg::Said(Err(problem.message)),
                }
            }),
            // What the terminal does is done elsewhere.
            Wish::Leave(_)
            | Wish::Terminal(_)
            | Wish::Copy(_)
            | Wish::Show(_)
            | Wish::EditAt(_) => {}
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
        tokio::task::spawn_blocking(move || output::feed(command, &text));
        _ = self;
    }

    /// A text that is too long for the clipboard goes to a file.
    pub(super) fn too_long(&self, text: String) {
        self.spawn(async move { Msg::Said(output::keep(&text)) });
    }

    /// Listens to the growth of other lines.
    fn follow(&mut self, whom: Whom) {
        if let Some(before) = self.growth.take() {
            before.abort();
        }
        let (control, sender) = (self.control.clone(), self.sender.clone());
        self.growth = Some(self.once_up(async move {
            let Ok(mut flow) = control.growth(Whose { names: whom.names() }).await else { return };
            while let Some(Ok(grown)) = flow.next().await {
                if sender.send(Msg::Grown(whom.clone(), grown)).await.is_err() {
                    return;
                }
            }
        }));
    }
}

/// Passes on what is pushed. What is measured comes in a stream of its own, whole first again.
async fn follow(
    control: &impl Control,
    sender: &mpsc::Sender<Msg>,
    mut measure: watch::Receiver<Measure>,
) -> Problem {
    let ended = || Problem::new(Kind::Ended, "the project has ended");
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

async fn events(control: &impl Control, sender: &mpsc::Sender<Msg>) -> Result<(), Problem> {
    let mut flow = control.events(0, true).await?;
    while let Some(told) = flow.next().await {
        let events = told?.into_iter().filter_map(|told| match told {
            Told::Event { event, .. } => serde_json::from_str::<Event>(&event).ok(),
            Told::Missed { .. } => None,
        });
        if sender.send(Msg::Events(events.collect())).await.is_err() {
            break;
        }
    }
    Ok(())
}
