//! Runs a program on a pseudo-terminal, sends keys to it, and prints the screen as text and as an SVG
//! picture. The picture in the README is created with it from the demo:
//!
//! ```text
//! cargo build && cargo run --example screenshot -- --size 120x36 \
//!     --wait "listening on port" --wait "replica 2 did" \
//!     --svg docs/screen.svg -- target/debug/pitcrew
//! ```
//!
//! Steps run in order. `--wait` waits for a text on the screen, `--keys` sends keys, with `\r` for Enter
//! and `\e` for Escape. The screen is printed after the last step; then the program gets a SIGHUP.
#![expect(clippy::unwrap_used, reason = "a tool")]

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
