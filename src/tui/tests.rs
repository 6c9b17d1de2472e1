//! Tests of model and screen together, with a fake project.

mod copying;
mod details;
mod fake;
mod full_screens;
mod moving;
mod random;
mod screens;
mod searching;
mod steering;
mod usage;
