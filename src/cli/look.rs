//! `why` and `events`: what is, and what has happened.

use std::fmt::Write as _;

use clap::Args;

use super::manual::names;
use super::{Ending, Global, ps, remote};
use crate::control::wire::{Because, Told, Why};
use crate::control::{Client, Control as _, Problem};
use crate::machine::StateName;
use crate::machine::event::Cause;
use crate::output::safe_name;

#[derive(Debug, Clone, Args)]
pub(super) struct WhyArgs {
    /// NAME or NAME.N
    #[arg(add = names())]
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct EventsArgs {
    /// Go on with those that come
    #[arg(short, long)]
    follow: bool,
    /// Only those with a higher number
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    after: u64,
    /// Print JSON; events are never anything else
    #[arg(long)]
    json: bool,
}

pub(super) fn why(global: &Global, args: &WhyArgs) -> Ending {
    match remote::with(global, async |client| client.why(&args.name).await) {
        Ok(why) if args.json => remote::print_json(&why),
        Ok(why) => remote::print(&chain(&why)),
        Err(ending) => return ending,
    }
    Ending::GOOD
}

fn chain(why: &Why) -> String {
    let Why { name, state, why, checked, cause, suspended_by, chain } = why;
    let first = Because {
        depth: 0,
        name: name.clone(),
        condition: None,
        state: *state,
        why: why.clone(),
        checked: *checked,
        cause: cause.clone(),
        suspended_by: suspended_by.clone(),
    };
    std::iter::once(&first).chain(chain).map(link).collect()
}

/// One of them in a sentence: where it is, why, and where that came from.
fn link(one: &Because) -> String {
    let indent = "  ".repeat(one.depth as usize);
    let mut text = format!("{} is {}", one.name, ps::word(one.state, one.checked));
    if ps::word(one.state, one.checked) != one.why {
        _ = write!(text, ": {}", one.why);
    }
    // Of one that waits to be tried again its end says it.
    let cause = one.cause.as_ref().filter(|_| one.state != StateName::Backoff);
    if let Some(origin) = cause.and_then(Cause::origin) {
        _ = write!(text, "; {origin}");
    }
    if let Some(path) = one.suspended_by.as_ref().filter(|path| !one.why.contains(*path)) {
        _ = write!(text, "; its files are not watched any more, because of {path}");
    }
    format!("{indent}{}\n", safe_name(&text))
}

pub(super) fn events(global: &Global, args: &EventsArgs) -> Ending {
    // There is one form for people and for programs.
    let _ = args.json;
    match remote::with(global, async |client| show(&client, args).await) {
        Ok(()) => Ending::GOOD,
        Err(ending) => ending,
    }
}

async fn show(client: &Client, args: &EventsArgs) -> Result<(), Problem> {
    let mut events = client.events(args.after, args.follow).await?;
    while let Some(told) = events.next().await {
        for one in told? {
            let written = match one {
                Told::Event { event, .. } => remote::write(format!("{event}\n").as_bytes()),
                Told::Missed { from, to } => {
                    remote::remark(&format!("events {from} to {to} are not kept any more"));
                    true
                }
            };
            if !written {
                return Ok(());
            }
        }
    }
    Ok(())
}
