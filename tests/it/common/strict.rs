//! Validator of bytes written to a terminal: accepts only the sequences that the interface may write. It shares no
//! code with the interface.

use std::collections::BTreeSet;

/// Modes that are switched on and have to be switched off again.
const MODES: &[&str] = &["25", "1000", "1002", "1004", "1006", "1049", "2004"];

/// The judge.
#[derive(Debug, Clone)]
pub struct Strict {
    state: State,
    /// Bytes of a character or of a sequence that is not whole yet.
    held: Vec<u8>,
    /// Modes that are on; 25, the cursor, is on to begin with.
    on: BTreeSet<String>,
    /// Texts that were given to the clipboard, in base64.
    pub copied: Vec<String>,
    /// Number of bells.
    pub bells: usize,
    /// How many bytes there were.
    pub bytes: usize,
    /// What is right of and below all that is drawn.
    size: (u16, u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    Escape,
    Control,
    Command,
}

impl Strict {
    /// For a terminal with this number of rows and columns.
    pub fn new(rows: u16, columns: u16) -> Self {
        Self {
            state: State::Text,
            held: Vec::new(),
            on: BTreeSet::from(["25".to_owned()]),
            copied: Vec::new(),
            bells: 0,
            bytes: 0,
            size: (rows, columns),
        }
    }

    /// The window has another size. What is larger stays allowed: a frame may be on its way.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        self.size = (self.size.0.max(rows), self.size.1.max(columns));
    }

    /// More bytes, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        for byte in bytes {
            self.bytes += 1;
            self.take(*byte).map_err(|fault| {
                let held = String::from_utf8_lossy(&self.held).into_owned();
                format!("byte {}: {fault}; in {held:?}", self.bytes)
            })?;
        }
        Ok(())
    }

    /// The terminal is as it was before: no mode is left on, nothing is half written.
    pub fn finish(&self) -> Result<(), String> {
        if self.state != State::Text || !self.held.is_empty() {
            return Err(format!("something is half written: {:?}", self.held));
        }
        let left: Vec<_> = self.on.iter().filter(|mode| *mode != "25").collect();
        if !left.is_empty() {
            return Err(format!("modes are left on: {left:?}"));
        }
        if !self.on.contains("25") {
            return Err("the cursor is left hidden".to_owned());
        }
        Ok(())
    }

    /// Whether a mode is on: `1049` is the alternate screen.
    pub fn is_on(&self, mode: &str) -> bool {
        self.on.contains(mode)
    }

    fn take(&mut self, byte: u8) -> Result<(), String> {
        self.held.push(byte);
        match self.state {
            State::Text => self.text(byte)?,
            State::Escape => match byte {
                b'[' => self.state = State::Control,
                b']' => self.state = State::Command,
                _ => return Err("an escape that is no sequence of ours".to_owned()),
            },
            State::Control => match byte {
                b'0'..=b'9' | b';' | b'?' | b'<' | b'>' | b' ' => {
                    if self.held.len() > 40 {
                        return Err("a sequence that does not end".to_owned());
                    }
                }
                _ => {
                    let held = std::mem::take(&mut self.held);
                    self.state = State::Text;
                    let text = String::from_utf8_lossy(&held[2..]).into_owned();
                    if let Err(fault) = self.control(&text) {
                        self.held = held;
                        return Err(fault);
                    }
                }
            },
            State::Command => {
                if byte == 0x07 || byte == b'\\' && self.held.ends_with(b"\x1b\\") {
                    let end = if byte == 0x07 { 1 } else { 2 };
                    let text = String::from_utf8_lossy(&self.held[2..self.held.len() - end]);
                    let text = text.into_owned();
                    // Only queries end as xterm writes them.
                    if end == 2 && !text.ends_with(";?") {
                        return Err("a command that ends with ST".to_owned());
                    }
                    self.command(&text)?;
                    self.held.clear();
                    self.state = State::Text;
                } else if byte != 0x1b && !(b' '..=b'~').contains(&byte) {
                    return Err("a command with something else than text".to_owned());
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, byte: u8) -> Result<(), String> {
        let first = self.held[0];
        match byte {
            0x1b if self.held.len() == 1 => self.state = State::Escape,
            // Lines end on the normal screen alone: a frame puts the cursor where it wants it.
            b'\r' | b'\n' if self.held.len() == 1 && !self.is_on("1049") => self.held.clear(),
            b' '..=b'~' if self.held.len() == 1 => self.held.clear(),
            0x07 if self.held.len() == 1 => {
                self.bells += 1;
                self.held.clear();
            }
            0x80..=0xff => {
                let length = match first {
                    0xc2..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0..=0xf4 => 4,
                    _ => return Err("no UTF-8".to_owned()),
                };
                if self.held.len() == length {
                    let text = std::str::from_utf8(&self.held).map_err(|_| "no UTF-8")?;
                    let char = text.chars().next().unwrap();
                    if char.is_control() {
                        return Err(format!("the control character {char:?}"));
                    }
                    if matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
                        return Err(format!("the direction {char:?}"));
                    }
                    self.held.clear();
                }
            }
            _ => return Err("a control character".to_owned()),
        }
        Ok(())
    }

    /// After `ESC [`, with the final byte.
    fn control(&mut self, text: &str) -> Result<(), String> {
        let (params, end) = text.split_at(text.len() - 1);
        match end {
            "m" => style(params),
            "H" => self.place(params),
            "J" if params == "2" => Ok(()),
            // Whether the terminal knows the keyboard protocol of kitty, and what it is.
            "u" if params == "?" => Ok(()),
            "c" if params.is_empty() => Ok(()),
            "u" if params == ">3" => self.switch("kitty", true),
            "u" if params == "<" => self.switch("kitty", false),
            "q" if ["0 ", "1 ", "3 ", "4 ", "5 ", "6 "].contains(&params) => {
                self.switch("shape", params != "0 ")
            }
            "h" | "l" => {
                let mode = params.strip_prefix('?').filter(|mode| MODES.contains(mode));
                let mode = mode.ok_or("a mode that is none of ours")?.to_owned();
                if end == "h" {
                    self.on.insert(mode);
                } else {
                    self.on.remove(&mode);
                }
                Ok(())
            }
            _ => Err("a sequence that is none of ours".to_owned()),
        }
    }

    fn switch(&mut self, mode: &str, on: bool) -> Result<(), String> {
        if on {
            self.on.insert(mode.to_owned());
        } else if !self.on.remove(mode) {
            return Err(format!("{mode} is off already"));
        }
        Ok(())
    }

    fn place(&self, params: &str) -> Result<(), String> {
        let (row, column) = params.split_once(';').unwrap_or(("1", "1"));
        let (row, column): (u16, u16) =
            (row.parse().map_err(|_| "no row")?, column.parse().map_err(|_| "no column")?);
        let inside =
            (1..=self.size.0.max(1)).contains(&row) && (1..=self.size.1.max(1)).contains(&column);
        if inside { Ok(()) } else { Err(format!("{row};{column} is not on the screen")) }
    }

    fn command(&mut self, text: &str) -> Result<(), String> {
        // Which colours the terminal has.
        if ["10;?", "11;?"].contains(&text) {
            return Ok(());
        }
        let copied = text
            .strip_prefix("52;c;")
            .or_else(|| text.strip_prefix("52;p;"))
            .ok_or("a command that is none of ours")?;
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        if !copied.bytes().all(base64) {
            return Err("something else than base64 for the clipboard".to_owned());
        }
        self.copied.push(copied.to_owned());
        Ok(())
    }
}

/// Colours and attributes, each number known.
fn style(params: &str) -> Result<(), String> {
    let mut numbers = params.split(';').map(|number| match number {
        "" => Ok(0),
        number => number.parse::<u16>().map_err(|_| format!("no number: {number:?}")),
    });
    while let Some(number) = numbers.next() {
        match number? {
            // Hidden text, 8, is not for a log.
            0..=7 | 9 | 22..=25 | 27 | 29..=37 | 39..=47 | 49 | 59 | 90..=97 | 100..=107 => {}
            38 | 48 => {
                let kind = numbers.next().ok_or("a colour that is cut off")??;
                let count = match kind {
                    5 => 1,
                    2 => 3,
                    _ => return Err("a colour of no kind".to_owned()),
                };
                for _ in 0..count {
                    let part = numbers.next().ok_or("a colour that is cut off")??;
                    if part > 255 {
                        return Err("a colour beyond 255".to_owned());
                    }
                }
            }
            other => return Err(format!("the attribute {other}")),
        }
    }
    Ok(())
}
