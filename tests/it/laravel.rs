//! What the process tests of Laravel hold a process library to, case by case. The table in
//! `docs/library-cases.md` names the original of each.

mod asserts;
mod fakes;
mod live;
mod pool;
mod queue;
mod results;
