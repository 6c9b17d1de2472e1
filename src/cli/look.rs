//! `why` and `events`: what is, and what has happened.

use clap::Args;

use super::manual::names;
use super::{Ending, Global, ps, remote};
use crate::control::wire::{Told, Why};
use crate::control::{Client, Control as _, Problem};
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
    let line = |depth: u32, name: &str, state, why: &str| {
        let indent = "  ".repeat(depth as usize);
        let state = ps::word(state, why);
        let why = if state == why { String::new() } else { format!(": {why}") };
        format!("{indent}{}\n", safe_name(&format!("{name} is {state}{why}")))
    };
    let mut text = line(0, &why.name, why.state, &why.why);
    for one in &why.chain {
        text.push_str(&line(one.depth, &one.name, one.state, &one.why));
    }
    text
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
