//! Terminals of processes.

mod cli;
mod exec;
mod input_wait;
mod library;
mod pty;
