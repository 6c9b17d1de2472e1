//! `why`: explains the state of a process.

use std::fmt::Write as _;

use clap::Args;

use super::completions::{NameKind, names};
use super::style::{BOLD, OutputStyle, state_colour};
use super::{
    ExitResult, GlobalOptions, ProgramExit, last_output, messages, running_project, stdout,
};
use crate::control::Control as _;
use crate::control::wire::{WhyLink, WhyResponse};
use crate::machine::event_text::{StateReason, origin_of_run};
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
    std::iter::once(&why.root).chain(&why.chain).map(|link| sentence(link, style)).collect()
}

/// A process in a sentence: its state, the reason, and the origin; then its last output.
fn sentence(link: &WhyLink, style: OutputStyle) -> String {
    let indent = "  ".repeat(link.depth as usize);
    let state = link.state;
    let word = state.word(link.checked);
    let reason = StateReason { word, why: &link.why, names_state: link.why_names_state };
    let head = format!(
        "{}{}{}",
        style.paint(&safe_name(&link.name), BOLD),
        state.verb(),
        style.paint(word, state_colour(state))
    );
    let reason = format!("{}{}", reason.after_word(), origin_of_run(state, link.cause.as_ref()));
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
            why_names_state: false,
            checked: false,
            cause: None,
            suspended_by: None,
            last_output: None,
        }
    }

    #[test]
    fn a_chain_has_colours_on_a_terminal_and_none_in_a_pipe() {
        let why = WhyResponse {
            root: because(0, "api", StateName::Waiting, "waits for db (ready)"),
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
