//! `why`: explains the state of a process.

use std::fmt::Write as _;

use clap::Args;

use super::completions::{NameKind, names};
use super::style::{BOLD, OutputStyle, reason, state_colour};
use super::{
    ExitResult, GlobalOptions, ProgramExit, last_output, messages, running_project, stdout,
};
use crate::control::Control as _;
use crate::control::wire::{WhyLink, WhyResponse};
use crate::machine::event_text::{StateReason, origin_and_watch};
use crate::output::safe_name;

#[derive(Debug, Clone, Args)]
pub(super) struct WhyArgs {
    /// NAME or NAME.N
    #[arg(add = names(NameKind::One))]
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn why(global: &GlobalOptions, args: &WhyArgs) -> ExitResult {
    let why = running_project::request(global, async |client| client.why(&args.name).await)?;
    if args.json {
        stdout::print_json(&why);
    } else {
        stdout::print(&chain(&why, OutputStyle::of(global)));
        messages::file_gone(why.file_gone.as_deref());
    }
    Ok(ProgramExit::SUCCESS)
}

fn chain(why: &WhyResponse, style: OutputStyle) -> String {
    let WhyResponse {
        name,
        state,
        why,
        checked,
        cause,
        suspended_by,
        last_output,
        file_gone: _,
        chain,
    } = why;
    let first = WhyLink {
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
    std::iter::once(&first).chain(chain).map(|link| sentence(link, style)).collect()
}

/// A process in a sentence: its state, the reason, and the origin; then its last output.
fn sentence(link: &WhyLink, style: OutputStyle) -> String {
    let indent = "  ".repeat(link.depth as usize);
    let (state, why) = (link.state, &*link.why);
    let word = state.word(link.checked);
    let head = format!(
        "{}{}{}",
        style.paint(&safe_name(&link.name), BOLD),
        state.verb(),
        style.paint(word, state_colour(state))
    );
    let (cause, suspended_by) = (link.cause.as_ref(), link.suspended_by.as_deref());
    let origin = origin_and_watch(StateReason { state, why, cause, suspended_by });
    let reason = format!("{}{origin}", reason(word, why));
    let mut text = format!("{indent}{head}{}\n", safe_name(&reason));
    for line in link.last_output.iter().flat_map(|last| last_output::lines(last, style.colour)) {
        _ = writeln!(text, "{indent}  {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::StateName;

    const COLOUR: OutputStyle = OutputStyle { colour: true, width: None };

    fn because(depth: u32, name: &str, state: StateName, why: &str) -> WhyLink {
        WhyLink {
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
        let why = WhyResponse {
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
            chain(&why, OutputStyle::PLAIN),
            "api is waiting: waits for db (ready)\n  d\\x1bb failed: exit 1 after \\x1b8.1s\n"
        );
        assert_eq!(
            chain(&why, COLOUR).replace('\u{1b}', "^"),
            "^[1mapi^[0m is ^[2mwaiting^[0m: waits for db (ready)\n  \
             ^[1md\\x1bb^[0m ^[31mfailed^[0m: exit 1 after \\x1b8.1s\n"
        );
    }
}
