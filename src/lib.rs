//! pitcrew runs the processes of a project: declared in one file or built in code, started in the
//! right order, kept alive, and always able to say why they are in the state they are in.

#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
pub mod machine;
pub mod output;
pub mod plain;
pub mod spec;
pub mod sys;
