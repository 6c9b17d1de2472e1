//! `why` and `events`: what is, and what has happened.

use std::fmt::Write as _;

use clap::Args;

use super::manual::names;
use super::paint::{BOLD, DIM, Paper, of_state};
use super::{Ending, Global, last_output, ps, remote};
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
        Ok(why) => {
            remote::print(&chain(&why, Paper::of(global)));
            remote::tell_file_gone(why.file_gone.as_deref());
        }
        Err(ending) => return ending,
    }
    Ending::GOOD
}

fn chain(why: &Why, paper: Paper) -> String {
    let Why { name, state, why, checked, cause, suspended_by, last_output, file_gone: _, chain } =
        why;
    let first = Because {
        depth: 0,
        name: name.clone(),
        condition: None,
        state: *state,
        why: why.clone(),
        checked: *checked,
        cause: cause.clone(),
        suspended_by: suspended_by.clone(),
        last_output: last_output.clone(),
    };
    std::iter::once(&first).chain(chain).map(|one| link(one, paper)).collect()
}

/// One of them in a sentence: where it is, why, and where that came from.
fn link(one: &Because, paper: Paper) -> String {
    let indent = "  ".repeat(one.depth as usize);
    let word = ps::word(one.state, one.checked);
    let head = format!(
        "{} is {}",
        paper.paint(&safe_name(&one.name), BOLD),
        paper.paint(word, of_state(one.state))
    );
    let mut text = String::new();
    if let Some(why) = ps::reason(word, &one.why) {
        _ = write!(text, ": {why}");
    }
    // Of one that waits to be tried again its end says it.
    let cause = one.cause.as_ref().filter(|_| one.state != StateName::Backoff);
    if let Some(origin) = cause.and_then(Cause::origin) {
        _ = write!(text, "; {origin}");
    }
    if let Some(path) = one.suspended_by.as_ref().filter(|path| !one.why.contains(*path)) {
        _ = write!(text, "; its files are not watched any more, because of {path}");
    }
    let mut text = format!("{indent}{head}{}\n", safe_name(&text));
    for line in one.last_output.iter().flat_map(|last| last_output::lines(last, paper.colour)) {
        _ = writeln!(text, "{indent}  {line}");
    }
    text
}

pub(super) fn events(global: &Global, args: &EventsArgs) -> Ending {
    // There is one form for people and for programs; people may have colours.
    let paper = if args.json { Paper::PLAIN } else { Paper::of(global) };
    match remote::with(global, async |client| show(&client, args, paper).await) {
        Ok(()) => Ending::GOOD,
        Err(ending) => ending,
    }
}

async fn show(client: &Client, args: &EventsArgs, paper: Paper) -> Result<(), Problem> {
    let mut events = client.events(args.after, args.follow).await?;
    while let Some(told) = events.next().await {
        for one in told? {
            let written = match one {
                Told::Event { event, .. } => remote::write(painted(&event, paper).as_bytes()),
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

/// An event in a line: what happened and to whom stand out, all else does not.
fn painted(event: &str, paper: Paper) -> String {
    let value = |key: &str| {
        let (before, rest) = event.split_once(&format!("\"{key}\":\""))?;
        let start = before.len() + key.len() + 4;
        Some(start..start + rest.find('"')?)
    };
    // In this order they stand in it.
    let told = [(value("event"), BOLD), (value("name"), "36")];
    let (mut text, mut at) = (String::new(), 0);
    for (range, colour) in told {
        let Some(range) = range.filter(|range| paper.colour && range.start >= at) else { continue };
        text.push_str(&paper.paint(event.get(at..range.start).unwrap_or_default(), DIM));
        text.push_str(&paper.paint(event.get(range.clone()).unwrap_or_default(), colour));
        at = range.end;
    }
    let rest = event.get(at..).unwrap_or_default();
    text.push_str(&if at > 0 { paper.paint(rest, DIM) } else { rest.to_owned() });
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOUR: Paper = Paper { colour: true, width: None };

    fn because(depth: u32, name: &str, state: StateName, why: &str) -> Because {
        Because {
            depth,
            name: name.to_owned(),
            condition: None,
            state,
            why: why.to_owned(),
            checked: false,
            cause: None,
            suspended_by: None,
            last_output: None,
        }
    }

    #[test]
    fn a_chain_has_colours_on_a_terminal_and_none_in_a_pipe() {
        let first = because(0, "api", StateName::Waiting, "waits for db (ready)");
        let why = Why {
            name: first.name,
            state: first.state,
            why: first.why,
            checked: first.checked,
            cause: None,
            suspended_by: None,
            last_output: None,
            file_gone: None,
            chain: vec![because(1, "d\u{1b}b", StateName::Failed, "exit 1 after \u{1b}8.1s")],
        };
        assert_eq!(
            chain(&why, Paper::PLAIN),
            "api is waiting: waits for db (ready)\n  d\\x1bb is failed: exit 1 after \\x1b8.1s\n"
        );
        assert_eq!(
            chain(&why, COLOUR).replace('\u{1b}', "^"),
            "^[1mapi^[0m is ^[2mwaiting^[0m: waits for db (ready)\n  \
             ^[1md\\x1bb^[0m is ^[31mfailed^[0m: exit 1 after \\x1b8.1s\n"
        );
    }

    #[test]
    fn an_event_is_the_same_text_whatever_its_colours_are() {
        for event in [
            r#"{"seq":12,"event":"process_started","name":"api","process":"api","run":3}"#,
            r#"{"seq":13,"event":"project_ready"}"#,
            r#"{"seq":14}"#,
            "",
        ] {
            assert_eq!(painted(event, Paper::PLAIN), format!("{event}\n"));
            let coloured = painted(event, COLOUR);
            let plain = crate::output::safe_line(coloured.as_bytes(), crate::output::Styles::Drop);
            assert_eq!(plain, event, "{coloured}");
        }
        let event = r#"{"seq":13,"event":"project_ready","time":"x"}"#;
        assert!(painted(event, COLOUR).contains("\u{1b}[1mproject_ready\u{1b}[0m"));
    }
}
