//! `why`: explains the state of a process.

use std::fmt::Write as _;

use clap::Args;

use super::completion::{NameKind, names};
use super::style::{BOLD, OutputStyle, of_state};
use super::{GlobalOptions, ProgramExit, last_output, ps, remote};
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

pub(super) fn why(global: &GlobalOptions, args: &WhyArgs) -> ProgramExit {
    match remote::with(global, async |client| client.why(&args.name).await) {
        Ok(why) if args.json => remote::print_json(&why),
        Ok(why) => {
            remote::print(&chain(&why, OutputStyle::of(global)));
            remote::tell_file_gone(why.file_gone.as_deref());
        }
        Err(ending) => return ending,
    }
    ProgramExit::GOOD
}

fn chain(why: &WhyResponse, paper: OutputStyle) -> String {
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
    std::iter::once(&first).chain(chain).map(|one| link(one, paper)).collect()
}

/// One of them in a sentence: where it is, why, and where that came from.
fn link(one: &WhyLink, paper: OutputStyle) -> String {
    let indent = "  ".repeat(one.depth as usize);
    let word = one.state.word(one.checked);
    let head = format!(
        "{}{}{}",
        paper.paint(&safe_name(&one.name), BOLD),
        one.state.verb(),
        paper.paint(word, of_state(one.state))
    );
    let why = ps::reason(word, &one.why);
    let (cause, suspended_by) = (one.cause.as_ref(), one.suspended_by.as_deref());
    let reason = StateReason { state: one.state, why: &one.why, cause, suspended_by };
    let text = format!("{why}{}", origin_and_watch(reason));
    let mut text = format!("{indent}{head}{}\n", safe_name(&text));
    for line in one.last_output.iter().flat_map(|last| last_output::lines(last, paper.colour)) {
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
