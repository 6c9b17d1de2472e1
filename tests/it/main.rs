//! The integration tests: one program, a module for each subject.
//!
//! A test that changes or counts what the threads of a process share (signals, limits, descriptors, children,
//! adopted orphans) runs again in a separate process (`common/own_process.rs`). `sys_guardian` and `embedded` are
//! separate programs, because no other thread may exist in them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "tests"
)]

#[path = "common/lib.rs"]
mod common;

// The library.
mod examples;
mod features;
mod host_contract;
mod laravel;
mod layers;
mod library;
mod library_events;
mod library_live;
mod library_pool;
mod procfile;
mod reload_request;
mod simulated_time;
mod symfony;
mod sys_spawn;
mod sys_stdio;
mod sys_strays;
mod terminal;
mod testing;

// The program.
#[cfg(feature = "cli")]
mod checks;
#[cfg(feature = "cli")]
mod clients;
#[cfg(feature = "cli")]
mod command_line;
#[cfg(feature = "cli")]
mod completions;
#[cfg(feature = "cli")]
mod control;
#[cfg(feature = "cli")]
mod control_socket;
#[cfg(feature = "cli")]
mod control_view;
#[cfg(feature = "cli")]
mod crash;
#[cfg(feature = "cli")]
mod engine;
#[cfg(feature = "cli")]
mod env_files;
#[cfg(feature = "cli")]
mod environment;
#[cfg(feature = "cli")]
mod exec;
#[cfg(feature = "cli")]
mod json_output;
#[cfg(feature = "cli")]
mod limits;
#[cfg(feature = "cli")]
mod listen;
#[cfg(feature = "cli")]
mod mcp;
#[cfg(feature = "cli")]
mod notify;
#[cfg(feature = "cli")]
mod openapi;
#[cfg(feature = "cli")]
mod output;
#[cfg(feature = "cli")]
mod ports;
#[cfg(feature = "cli")]
mod random;
#[cfg(feature = "cli")]
mod readme;
#[cfg(feature = "cli")]
mod reload;
#[cfg(feature = "cli")]
mod reload_command;
#[cfg(feature = "cli")]
mod run;
#[cfg(feature = "cli")]
mod stop;
#[cfg(feature = "cli")]
mod stop_trees;
#[cfg(feature = "cli")]
mod terminal_output;
#[cfg(feature = "cli")]
mod up;
#[cfg(feature = "cli")]
mod up_events;
#[cfg(feature = "cli")]
mod usage;
#[cfg(feature = "cli")]
mod waiting;
#[cfg(feature = "cli")]
mod watch;

// The interface on a terminal.
#[cfg(feature = "tui")]
mod tui;
#[cfg(feature = "tui")]
mod tui_screens;
#[cfg(feature = "tui")]
mod tui_terminal;
#[cfg(feature = "tui")]
mod tui_terminals;
#[cfg(feature = "tui")]
mod tui_tmux;
