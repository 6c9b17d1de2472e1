//! A program on a pseudo-terminal, and its screen as a user sees it.

use std::num::NonZeroU16;
use std::process::{Command, ExitStatus};
use std::sync::Mutex;

use super::pty::Terminal;
use super::strict::Strict;

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

/// A screen of this many rows and columns, without a scrollback.
pub fn parser(rows: u16, columns: u16) -> vt100::Parser {
    vt100::Parser::new(cells(rows), cells(columns), 0)
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
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
        let columns = self.parser.screen().size().1.get();
        let rows: Vec<String> =
            self.parser.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n")
    }
}

impl Screen {
    /// Starts it on a terminal with this number of rows and columns.
    pub fn start(command: Command, rows: u16, columns: u16) -> Self {
        let terminal = Terminal::start_sized(command, rows, columns);
        let seen = Seen {
            parser: parser(rows, columns),
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

    /// Makes the window larger or smaller.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        {
            let mut seen = self.seen.lock().unwrap();
            seen.strict.resize(rows, columns);
            seen.parser.screen_mut().set_size(cells(rows), cells(columns));
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
