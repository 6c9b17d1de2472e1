//! The cases of Laravel's process tests. The table in `docs/library-cases.md` names the original of each.

mod asserts;
mod fakes;
mod live;
mod pool;
mod queue;
mod results;
