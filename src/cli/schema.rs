//! `schema`: prints the JSON schema of the file.

use clap::Args;

use super::{ExitResult, ProgramExit, messages, stdout};
use crate::spec;

#[derive(Debug, Clone, Args)]
pub(super) struct SchemaArgs {
    /// No effect: the schema is always JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn schema(SchemaArgs { json: _ }: &SchemaArgs) -> ExitResult {
    let text = serde_json::to_string_pretty(&spec::schema())
        .map_err(|error| messages::cannot("write the schema", &error.into()))?;
    stdout::print(&format!("{text}\n"));
    Ok(ProgramExit::SUCCESS)
}
