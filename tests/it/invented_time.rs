//! The whole engine on the scripted host, in invented time: minutes pass in no time at all, and all
//! moments are exact.

mod ending;
mod order;
mod project;
mod random;
mod retrying;
mod stopping;
