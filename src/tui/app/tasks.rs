//! What is asked of the project, each as a task of its own whose answer is a message.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{find, output};
use crate::control::wire::{Told, Whose};
use crate::control::{Control, Kind, Problem};
use crate::machine::Event;
use crate::tui::msg::{Msg, Wish};
use crate::tui::ui::logs::Whom;

/// The tasks.
#[derive(Debug)]
pub(super) struct Tasks<C> {
    control: C,
    sender: mpsc::Sender<Msg>,
    growth: Option<JoinHandle<()>>,
    looking: Option<JoinHandle<()>>,
}

impl<C: Control + Clone + 'static> Tasks<C> {
    pub(super) fn new(control: C, sender: mpsc::Sender<Msg>) -> Self {
        Self { control, sender, growth: None, looking: None }
    }

    /// Begins to listen to the project.
    pub(super) fn begin(&self) {
        let (control, sender) = (self.control.clone(), self.sender.clone());
        tokio::spawn(async move {
            let problem = watch(&control, &sender).await;
            _ = sender.send(Msg::Lost(problem)).await;
        });
        let (control, sender) = (self.control.clone(), self.sender.clone());
        tokio::spawn(async move {
            // That it has ended is told by the other one.
            _ = events(&control, &sender).await;
        });
    }

    /// Does one thing; what becomes of it is a message.
    pub(super) fn perform(&mut self, wish: Wish) {
        let control = self.control.clone();
        match wish {
            Wish::Slice(ask) => self.spawn(async move {
                Msg::Sliced(ask.generation, ask.from, control.slice(ask.slice).await)
            }),
            Wish::Follow(whom) => self.follow(whom),
            Wish::Find { question, slice, target, from, back } => {
                if let Some(before) = self.looking.take() {
                    before.abort();
                }
                let look = find::Look { question, slice, target, from, back };
                let sender = self.sender.clone();
                self.looking = Some(tokio::spawn(async move {
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
            Wish::Reload => self.said(Err("reload: not there yet in this version".to_owned())),
            Wish::Edit(name) => {
                self.said(Err(format!("edit: where {name} is declared is not known")));
            }
            // What the terminal does is done elsewhere.
            Wish::Leave(_) | Wish::Terminal(_) | Wish::Copy(_) | Wish::Show(_) => {}
        }
    }

    fn spawn(&self, work: impl Future<Output = Msg> + Send + 'static) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            _ = sender.send(work.await).await;
        });
    }

    fn said(&self, said: Result<String, String>) {
        self.spawn(async move { Msg::Said(said) });
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
        self.growth = Some(tokio::spawn(async move {
            let Ok(mut flow) =
                control.growth(Whose { names: whom.names(), ..Whose::default() }).await
            else {
                return;
            };
            while let Some(Ok(grown)) = flow.next().await {
                if sender.send(Msg::Grown(whom.clone(), grown)).await.is_err() {
                    return;
                }
            }
        }));
    }
}

async fn watch(control: &impl Control, sender: &mpsc::Sender<Msg>) -> Problem {
    let mut flow = match control.watch().await {
        Ok(flow) => flow,
        Err(problem) => return problem,
    };
    while let Some(pushed) = flow.next().await {
        match pushed {
            Ok(pushed) => {
                if sender.send(Msg::Pushed(Box::new(pushed))).await.is_err() {
                    break;
                }
            }
            Err(problem) => return problem,
        }
    }
    Problem::new(Kind::Ended, "the project has ended")
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
