//! Performs the commands of the update function: on the terminal, or as a task that sends a request.

use super::tasks::{self, RequestKind};
use super::terminal_link::TerminalLink;
use super::{App, copy, export, paging, programs};
use crate::control::Control;
use crate::control::wire::{DetailsQuery, ReloadRequest};
use crate::tui::clipboard::primary_selection;
use crate::tui::model::logs::LogsQuery;
use crate::tui::msg::{Cmd, CommandTicket, Msg};

impl<C: Control + Clone + 'static> App<C> {
    pub(super) fn perform(&mut self, cmds: Vec<Cmd>) {
        for cmd in cmds {
            self.perform_one(cmd);
        }
    }

    /// Writes a sequence to the terminal.
    pub(super) fn tell(&self, bytes: Vec<u8>) {
        if let Some(terminal) = &self.terminal {
            terminal.tell(bytes);
        }
    }

    fn perform_one(&mut self, cmd: Cmd) {
        let tasks = &mut self.tasks;
        let control = tasks.control.clone();
        match cmd {
            Cmd::Leave(reason) => self.exit = Some(reason),
            Cmd::Suspend => self.suspend(),
            Cmd::Redraw => self.resize(),
            Cmd::SetMouse(on) => {
                if let Some(terminal) = &mut self.terminal {
                    terminal.set_mouse(on);
                }
            }
            Cmd::SetTyping(on) => {
                if let Some(terminal) = &mut self.terminal {
                    terminal.set_typing(on);
                }
            }
            Cmd::Bell => self.tell(b"\x07".to_vec()),
            Cmd::SelectPrimary(text) => self.tell(primary_selection(&text)),
            Cmd::OpenTerminal(stream, name) => {
                if let Some(terminal) = &mut self.terminal {
                    terminal.ask_for_colors();
                }
                self.link = Some(TerminalLink::open(tasks, stream, name));
            }
            Cmd::CloseTerminal => self.link = None,
            Cmd::Viewer(message) => {
                if self.link.as_ref().is_some_and(|link| !link.send(message)) {
                    let text = "what you type is lost: the project does not take it".to_owned();
                    tasks.spawn(async move { Msg::Notice(Err(text)) });
                }
            }
            Cmd::Copy(text) => self.copy(&text),
            Cmd::Page(file) => self.page(&file),
            Cmd::EditAt(place) => self.edit(&place),
            Cmd::FetchRows(LogsQuery { generation, from, slice }) => {
                tasks.replace(RequestKind::Rows, async move |control, sender| {
                    let rows = paging::fetch_rows(&control, slice).await;
                    _ = sender.send(Msg::Rows(generation, from, rows)).await;
                });
            }
            Cmd::Measure(measure) => _ = tasks.measure.send_replace(measure),
            Cmd::FollowProgress(query) => {
                tasks.replace(RequestKind::Progress, async move |control, sender| {
                    tasks::follow_progress(&control, &sender, query).await;
                });
            }
            Cmd::Search(question, query) => {
                tasks.replace(RequestKind::Search, async move |control, sender| {
                    tasks::search(&control, &sender, question, query).await;
                });
            }
            Cmd::Seek(question, query) => {
                tasks.replace(RequestKind::Seek, async move |control, sender| {
                    _ = sender.send(tasks::seek(&control, question, query).await).await;
                });
            }
            Cmd::FetchDetails(name, reveal) => {
                tasks.replace(RequestKind::Details, async move |control, sender| {
                    let details = tasks::fetch_details(&control, &name, reveal).await;
                    let details = details.ok().map(Box::new);
                    _ = sender.send(Msg::Details(name, reveal, details)).await;
                });
            }
            Cmd::CancelSearch => tasks.cancel(RequestKind::Search),
            Cmd::CancelSeek => tasks.cancel(RequestKind::Seek),
            Cmd::Execute(command, ticket) => tasks.spawn(async move {
                Msg::CommandDone(ticket, control.execute(command).await.map(Some))
            }),
            Cmd::Shutdown(request) => tasks.spawn(async move {
                let result = control.shutdown(request).await;
                let ticket = CommandTicket { number: 0, description: "shutdown".to_owned() };
                Msg::CommandDone(ticket, result.map(|()| None))
            }),
            Cmd::Export(query, target) => {
                tasks.spawn(async move { export::export(&control, query, target).await });
            }
            Cmd::CopyFrom(source) => {
                tasks.spawn(async move { copy::fetch(&control, source).await });
            }
            Cmd::Browse(url) => tasks.spawn(programs::browse(url)),
            Cmd::Reload { dry_run } => tasks.spawn(async move {
                let request = ReloadRequest { dry_run, colour: false };
                Msg::Reloaded(control.reload(request).await)
            }),
            Cmd::Edit(name) => tasks.spawn(async move {
                match control.details(&name, DetailsQuery::default()).await {
                    Ok(details) => match details.defined {
                        Some(place) => Msg::Perform(Cmd::EditAt(place)),
                        None => Msg::Notice(Err(format!("edit: {name} is not declared in a file"))),
                    },
                    Err(problem) => Msg::Notice(Err(problem.message)),
                }
            }),
        }
    }
}
