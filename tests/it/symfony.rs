//! What the tests of Symfony's process component hold a process library to, case by case. The table in
//! `docs/library-cases.md` names the original of each.

mod input;
mod lifecycle;
mod limits;
mod output;
mod spawn;
mod terminal;
