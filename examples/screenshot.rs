//! Runs a program on a terminal of its own, types at it, and draws what it shows, as text and as a
//! picture. The picture of the README is made by it, of the demo after some seconds:
//!
//! ```text
//! cargo build && cargo run --example screenshot -- --size 120x36 \
//!     --wait "listening on port" --wait "replica 2 did" \
//!     --svg docs/screen.svg -- target/debug/pitcrew
//! ```
//!
//! Steps are taken in their order. `--wait` waits for a text on the screen, `--keys` types, with `\r`
//! for Enter and `\e` for Escape; the screen is drawn after the last step, and the program is then hung up on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    missing_docs,
    reason = "a tool"
)]

#[path = "../tests/it/common/lib.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod common;

use std::process::{Command, ExitCode};

use common::screen::Screen;
use common::svg;

const USAGE: &str =
    "screenshot [--size 120x36] [--svg FILE] [--wait TEXT | --keys KEYS]… -- PROGRAM [ARGS…]";

enum Step {
    Wait(String),
    Keys(String),
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (mut size, mut steps, mut file) = ((120, 36), Vec::new(), None);
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        let Some(value) = words.next() else { return wrong() };
        match word.as_str() {
            "--size" => match value.split_once('x').map(|(x, y)| (x.parse(), y.parse())) {
                Some((Ok(columns), Ok(rows))) => size = (columns, rows),
                _ => return wrong(),
            },
            "--svg" => file = Some(value),
            "--wait" => steps.push(Step::Wait(value)),
            "--keys" => steps.push(Step::Keys(value.replace("\\r", "\r").replace("\\e", "\x1b"))),
            _ => return wrong(),
        }
    }
    let Some(program) = words.next() else { return wrong() };
    let mut command = Command::new(program);
    command.args(words).env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
    let mut screen = Screen::start(command, size.1, size.0);
    for step in steps {
        match step {
            Step::Wait(text) => drop(screen.wait(&text)),
            Step::Keys(keys) => screen.keys(&keys),
        }
    }
    println!("{}", screen.text());
    if let Some(file) = file {
        std::fs::write(&file, screen.look(svg::svg)).unwrap();
    }
    screen.terminal.hang_up();
    screen.terminal.ended();
    ExitCode::SUCCESS
}

fn wrong() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
