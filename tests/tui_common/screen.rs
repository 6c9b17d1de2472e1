//! A program on a terminal, and the screen as a person sees it.

use std::process::{Command, ExitStatus};
use std::sync::Mutex;

use super::strict::Strict;
use crate::common::pty::Terminal;

/// A terminal with a screen.
pub struct Screen {
    pub terminal: Terminal,
    seen: Mutex<Seen>,
}

struct Seen {
    parser: vt100::Parser,
    strict: Strict,
    fault: Option<String>,
    /// So many bytes have been looked at.
    taken: usize,
}

impl Seen {
    /// Looks at what has come since.
    fn take(&mut self, bytes: &[u8]) {
        let new = &bytes[self.taken..];
        self.taken = bytes.len();
        self.parser.process(new);
        if self.fault.is_none() {
            self.fault = self.strict.feed(new).err();
        }
    }

    fn text(&self) -> String {
        let (_, columns) = self.parser.screen().size();
        let rows: Vec<String> =
            self.parser.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n")
    }
}

impl Screen {
    /// Starts it on a terminal of so many rows and columns.
    pub fn start(command: Command, rows: u16, columns: u16) -> Self {
        let terminal = Terminal::start_sized(command, rows, columns);
        let seen = Seen {
            parser: vt100::Parser::new(rows, columns, 0),
            strict: Strict::new(rows, columns),
            fault: None,
            taken: 0,
        };
        Self { terminal, seen: Mutex::new(seen) }
    }

    /// Types this. `\r` is Enter, `\x1b` Escape.
    pub fn keys(&mut self, keys: &str) {
        self.terminal.type_in(keys);
    }

    /// A button of the mouse: 0 is the left one, 64 and 65 the wheel; from 0.
    pub fn click(&mut self, button: u8, column: u16, row: u16) {
        let (column, row) = (column + 1, row + 1);
        self.terminal
            .type_in(&format!("\x1b[<{button};{column};{row}M\x1b[<{button};{column};{row}m"));
    }

    /// Makes the window larger or smaller.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        {
            let mut seen = self.seen.lock().unwrap();
            seen.strict.resize(rows, columns);
            seen.parser.screen_mut().set_size(rows, columns);
        }
        self.terminal.resize(rows, columns);
    }

    /// What is shown now, without blanks at the ends of rows.
    pub fn text(&self) -> String {
        self.seen(Seen::text)
    }

    /// Waits until this is somewhere on the screen.
    #[track_caller]
    pub fn wait(&self, wanted: &str) -> String {
        self.wait_until(&format!("{wanted:?}"), |text| text.contains(wanted))
    }

    /// Waits until this is nowhere on the screen.
    #[track_caller]
    pub fn wait_gone(&self, unwanted: &str) -> String {
        self.wait_until(&format!("{unwanted:?} to go"), |text| !text.contains(unwanted))
    }

    /// Waits until the screen is so, and gives it.
    #[track_caller]
    pub fn wait_until(&self, what: &str, so: impl Fn(&str) -> bool) -> String {
        let there = self.terminal.shown.wait_for(|bytes| {
            let mut seen = self.seen.lock().unwrap();
            seen.take(bytes);
            so(&seen.text())
        });
        self.check();
        assert!(there, "waited in vain for {what}; shown:\n{}", self.text());
        self.text()
    }

    /// Whether a mode of the terminal is on.
    pub fn is_on(&self, mode: &str) -> bool {
        self.seen(|seen| seen.strict.is_on(mode))
    }

    /// What was copied, in base64.
    pub fn copied(&self) -> Vec<String> {
        self.seen(|seen| seen.strict.copied.clone())
    }

    /// How many bytes were written.
    pub fn bytes(&self) -> usize {
        self.seen(|seen| seen.taken)
    }

    /// Where the cursor is: row and column.
    pub fn cursor(&self) -> (u16, u16) {
        self.seen(|seen| seen.parser.screen().cursor_position())
    }

    /// Nothing was written that is not ours to write.
    #[track_caller]
    pub fn check(&self) {
        if let Some(fault) = self.seen(|seen| seen.fault.clone()) {
            panic!("written to the terminal: {fault}; shown:\n{}", self.text());
        }
    }

    /// Waits for its end: the terminal is as it was before.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let status = self.terminal.ended();
        self.terminal.shown.wait_end();
        self.check();
        if let Err(fault) = self.seen(|seen| seen.strict.finish()) {
            panic!("left behind on the terminal: {fault}; shown:\n{}", self.text());
        }
        status
    }

    /// Looks at the screen itself: colours, cursor.
    pub fn look<T>(&self, look: impl Fn(&vt100::Screen) -> T) -> T {
        self.seen(|seen| look(seen.parser.screen()))
    }

    fn seen<T>(&self, look: impl Fn(&Seen) -> T) -> T {
        let found = std::cell::Cell::new(None);
        self.terminal.shown.wait_for(|bytes| {
            let mut seen = self.seen.lock().unwrap();
            seen.take(bytes);
            found.set(Some(look(&seen)));
            true
        });
        found.into_inner().unwrap()
    }
}
