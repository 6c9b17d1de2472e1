//! `restart`: restarts processes of the running project, with the arguments of `start`.

use super::start::StartArgs;
use super::{ExitResult, GlobalOptions, outcome};
use crate::control::wire::ControlCommand;

pub(super) fn restart(global: &GlobalOptions, args: StartArgs) -> ExitResult {
    let (timeout, json) = (args.timeout, args.json);
    outcome::send_command(global, ControlCommand::Restart(args.into()), timeout, json)
}
