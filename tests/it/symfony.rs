//! The cases of the tests of Symfony's process component. The table in `docs/library-cases.md` names the original of
//! each.

mod input;
mod lifecycle;
mod limits;
mod output;
mod spawn;
mod terminal;
