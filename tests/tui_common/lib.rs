//! What the tests of the interface share: a terminal with a screen that can be read, and a judge of
//! every byte that is written to it.
//!
//! A test waits for what the screen shows, never for a time.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    missing_docs,
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::struct_excessive_bools,
    reason = "each test uses a part"
)]

pub mod screen;
pub mod strict;
pub mod svg;

pub use screen::Screen;
pub use strict::Strict;
