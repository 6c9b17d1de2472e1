//! The whole engine on the scripted host, in invented time: minutes pass in no time at all, and all
//! moments are exact.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

#[path = "invented_time/lib.rs"]
mod common;
#[path = "invented_time/ending.rs"]
mod ending;
#[path = "invented_time/order.rs"]
mod order;
#[path = "invented_time/random.rs"]
mod random;
#[path = "invented_time/retrying.rs"]
mod retrying;
#[path = "invented_time/stopping.rs"]
mod stopping;
