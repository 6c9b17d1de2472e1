//! `keys`: types into the terminal of a process.

use clap::Args;

use super::completions::{NameKind, names};
use super::{ExitResult, GlobalOptions, outcome};
use crate::control::wire::{ControlCommand, KeysRequest};

#[derive(Debug, Clone, Args)]
pub(super) struct KeysArgs {
    /// A process or replica with `tty = true`
    #[arg(add = names(NameKind::Terminal))]
    name: String,
    /// Keys as of tmux's send-keys: C-c, Enter, Up, M-x, F5; anything else is text, as is '"Enter"'; options
    /// go before them
    #[arg(required = true, value_name = "KEY", allow_hyphen_values = true)]
    keys: Vec<String>,
    /// Type the words as text, separated by spaces
    #[arg(long, conflicts_with = "paste")]
    literal: bool,
    /// Paste the words as text, separated by spaces
    #[arg(long)]
    paste: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn keys(global: &GlobalOptions, args: KeysArgs) -> ExitResult {
    let KeysArgs { name, keys, literal, paste, json } = args;
    let request = KeysRequest { name, ..KeysRequest::default() };
    let request = if literal {
        KeysRequest { text: Some(keys.join(" ")), ..request }
    } else if paste {
        KeysRequest { paste: Some(keys.join(" ")), ..request }
    } else {
        KeysRequest { keys, ..request }
    };
    let command = ControlCommand::Keys(request);
    outcome::send_input(global, command, json)
}
