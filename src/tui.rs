//! Terminal interface: a client of the control socket, in a separate process.
//!
//! ```text
//!  keys, mouse, signals --+               +--> requests to the project (over the socket)
//!                         +--> update ----+
//!  state updates, answers +      |        +--> the terminal: suspend, editor, clipboard
//!                                v
//!                             render: draws from the model alone
//! ```
//!
//! Keys become an [`action::Action`] by way of one table, which also feeds the keymap, the hints,
//! the help, the palette and `docs/tui.md`.

pub mod action;
pub mod app;
pub mod appearance;
pub mod clipboard;
pub mod clock;
pub mod config;
mod cycle;
pub mod fuzzy;
pub mod glyphs;
pub mod keymap;
pub mod keys;
pub mod model;
mod motion;
pub mod msg;
pub mod overlay;
pub mod pattern;
pub mod prompt;
pub mod render;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod update;

#[cfg(test)]
mod test_render;
#[cfg(test)]
mod tests;
