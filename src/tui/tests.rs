//! Tests of model and screen together, with a fake project.

mod commands;
mod copying;
mod details;
mod fake;
mod full_screens;
mod navigation;
mod random;
mod screens;
mod searching;
mod terminals;
mod usage;
