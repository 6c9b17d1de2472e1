//! `wait`: waits until processes of the running project reach a state.

use std::time::Duration;

use clap::Args;

use super::completions::{NameKind, names};
use super::waiting::CommandTimeout;
use super::{
    ExitResult, GlobalOptions, messages, outcome, running_project, screen_wait, value_parsers,
    waiting,
};
use crate::spec::Condition;

#[derive(Debug, Clone, Args)]
pub(super) struct WaitArgs {
    /// NAME, NAME.N, @TAG, POOL or all
    #[arg(required = true, add = names(NameKind::Several))]
    names: Vec<String>,
    /// The state to wait for; default: ready or succeeded
    #[arg(long = "for", value_parser = value_parsers::condition(), value_name = "CONDITION")]
    until: Option<Condition>,
    /// Wait until the screen of a process with `tty = true` matches this regular expression
    #[arg(long, value_name = "REGEX", conflicts_with = "until")]
    screen: Option<String>,
    /// Stop waiting after this long; exit code 124
    #[arg(long, value_parser = value_parsers::duration, value_name = "DURATION")]
    timeout: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn wait(global: &GlobalOptions, args: &WaitArgs) -> ExitResult {
    let WaitArgs { names, until, screen, timeout, json } = args;
    let timeout = CommandTimeout::start(*timeout);
    if let Some(pattern) = screen {
        let [name] = names.as_slice() else {
            return Err(messages::usage_error("`--screen` takes one process"));
        };
        return screen_wait::wait(global, name, pattern, &timeout, *json);
    }
    let response = running_project::request(global, async |client| {
        waiting::wait_for(&client, names, *until, &timeout).await
    })?;
    Ok(outcome::report(&response, *json, global))
}
