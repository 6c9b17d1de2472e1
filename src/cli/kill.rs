//! `kill`: kills the process trees of processes, with the arguments of `stop`.

use super::stop::StopArgs;
use super::{ExitResult, GlobalOptions, outcome};
use crate::control::wire::ControlCommand;

pub(super) fn kill(global: &GlobalOptions, args: StopArgs) -> ExitResult {
    let json = args.json;
    outcome::send_command(global, ControlCommand::Kill(args.into()), None, json)
}
