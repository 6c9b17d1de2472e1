//! The model and the screen together, against a project made up for it.

mod copying;
mod details;
mod fake;
mod moving;
mod random;
mod screens;
mod searching;
mod steering;
