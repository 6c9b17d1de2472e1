//! The whole engine on the scripted host under paused time: all times are exact, and no test waits for them.

mod ending;
mod order;
mod project;
mod random;
mod retrying;
mod stopping;
