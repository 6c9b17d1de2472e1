//! Speed, memory and frames of screens, with the emulator crate alone beside it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench"
)]

use std::fmt::Write as _;
use std::io;
use std::process::Command;
use std::time::Instant;

use alacritty_terminal::Term;
use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::term::Config;
use alacritty_terminal::vte::ansi::{Processor, StdSyncHandler};
use pitcrew::sys::pty::Pty;
use pitcrew::terminal::{Segment, Size, TerminalScreen, Version};
use rustix::event::{PollFd, PollFlags, poll};

const MEGABYTES: usize = 33;
const COLUMNS: u16 = 120;
const ROWS: u16 = 40;
/// What a read of a terminal gives at most.
const CHUNK: usize = 4096;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
    fn word(&mut self) -> String {
        let length = 2 + self.below(8);
        (0..length).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }
}

fn plain() -> String {
    let mut random = Random(1);
    let words: Vec<String> = (0..10).map(|_| random.word()).collect();
    words.join(" ") + "\r\n"
}

fn stream(kind: &str, bytes: usize) -> String {
    let mut random = Random(7);
    let mut text = String::with_capacity(bytes + 4096);
    while text.len() < bytes {
        match kind {
            "plain" => {
                for _ in 0..10 {
                    text += &random.word();
                    text.push(' ');
                }
                text += "\r\n";
            }
            "colour" => {
                for _ in 0..10 {
                    let color = 30 + random.below(8);
                    _ = write!(text, "\x1b[{color}m{}\x1b[0m ", random.word());
                }
                text += "\r\n";
            }
            "truecolour" => {
                for _ in 0..30 {
                    let (r, g, b) = (random.below(256), random.below(256), random.below(256));
                    _ = write!(text, "\x1b[38;2;{r};{g};{b}m{} ", &random.word()[..2]);
                }
                text += "\r\n";
            }
            "unicode" => {
                for _ in 0..10 {
                    text += ["漢字", "äöü", "→", "😀", "e\u{301}", "плов"][random.below(6)];
                    text += &random.word();
                    text.push(' ');
                }
                text += "\r\n";
            }
            _ => {
                let (row, column) = (1 + random.below(40), 1 + random.below(100));
                let (fore, back) = (30 + random.below(8), 40 + random.below(8));
                let word = random.word();
                _ = write!(
                    text,
                    "\x1b[{row};{column}H\x1b[{fore};{back}m{word}\x1b[1m%\x1b[0m\x1b[K"
                );
            }
        }
    }
    text
}

struct Cells;

impl Dimensions for Cells {
    fn total_lines(&self) -> usize {
        ROWS.into()
    }
    fn screen_lines(&self) -> usize {
        ROWS.into()
    }
    fn columns(&self) -> usize {
        COLUMNS.into()
    }
}

fn crate_alone(bytes: &[u8]) -> f64 {
    let config = Config { scrolling_history: 0, ..Config::default() };
    let mut term = Term::new(config, &Cells, VoidListener);
    let mut parser = Processor::<StdSyncHandler>::new();
    let start = cpu();
    for chunk in bytes.chunks(CHUNK) {
        parser.advance(&mut term, chunk);
    }
    bytes.len() as f64 / 1e6 / (cpu() - start)
}

fn screen(bytes: &[u8]) -> f64 {
    let mut screen = TerminalScreen::new(Size::new(COLUMNS, ROWS));
    let start = cpu();
    let mut output = 0;
    for chunk in bytes.chunks(CHUNK) {
        for segment in screen.advance(chunk).segments {
            if let Segment::Output(range) = segment {
                output += range.len();
            }
        }
    }
    assert!(output > 0);
    bytes.len() as f64 / 1e6 / (cpu() - start)
}

/// Seconds of processor time of this thread: others are busy on this machine.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Memory of a screen that was made with `first` and is 120×40 in the end, in MiB.
fn memory(first: Size) -> f64 {
    let count = 100;
    let before = resident();
    let text = plain().repeat(100);
    let mut screens: Vec<TerminalScreen> = (0..count).map(|_| TerminalScreen::new(first)).collect();
    for screen in &mut screens {
        screen.advance(text.as_bytes());
        screen.resize(Size::new(COLUMNS, ROWS));
        screen.advance(text.as_bytes());
        screen.frame(Version(0));
    }
    (resident() - before) as f64 / f64::from(count) / f64::from(1 << 20)
}

/// The same in a process of its own, which has nothing to reuse.
fn memory_alone(argument: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).arg(argument).output().unwrap().stdout;
    String::from_utf8(output).unwrap().trim().to_owned()
}

fn frames(kind: &str) {
    let mut screen = TerminalScreen::new(Size::new(COLUMNS, ROWS));
    screen.advance(stream(kind, 200_000).as_bytes());
    let mut bytes = Vec::new();
    let rounds = 2000;
    let start = cpu();
    for _ in 0..rounds {
        bytes.clear();
        screen.frame(Version(0)).encode(&mut bytes);
    }
    let full = (cpu() - start) / f64::from(rounds) * 1e6;
    let size = bytes.len();
    let json = serde_json::to_vec(&screen.frame(Version(0))).unwrap().len();
    let mut version = screen.version();
    let mut small = 0;
    let start = cpu();
    for round in 0..rounds {
        screen.advance(format!("\x1b[20;10H{round:5}").as_bytes());
        bytes.clear();
        let frame = screen.frame(version);
        version = frame.version;
        frame.encode(&mut bytes);
        small += bytes.len();
    }
    let one = (cpu() - start) / f64::from(rounds) * 1e6;
    println!(
        "frame {kind:10} full {size:6} bytes {full:5.1} µs, JSON {json:6} bytes; one row {:4} bytes {one:5.1} µs",
        small / rounds as usize
    );
}

/// `cat` of a file in a real terminal, its screen kept.
fn terminal(kind: &str, text: &str) {
    let file = std::env::temp_dir().join(format!("terminal-bench-{}", std::process::id()));
    std::fs::write(&file, text.replace("\r\n", "\n")).unwrap();
    let Pty { master, slave } = Pty::open(Size::new(COLUMNS, ROWS)).unwrap();
    let (start, busy) = (Instant::now(), cpu());
    let mut child = Command::new("setsid")
        .args(["--ctty", "--wait", "cat"])
        .arg(&file)
        .stdin(slave.try_clone().unwrap())
        .stdout(slave.try_clone().unwrap())
        .stderr(slave)
        .spawn()
        .unwrap();
    let mut screen = TerminalScreen::new(Size::new(COLUMNS, ROWS));
    let (mut buffer, mut length) = (vec![0; 64 << 10], 0);
    let mut reads = 0_u32;
    loop {
        match rustix::io::read(&master, &mut buffer).map_err(io::Error::from) {
            Ok(read) => {
                length += read;
                reads += 1;
                screen.advance(&buffer[..read]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                _ = poll(&mut [PollFd::new(&master, PollFlags::IN)], None);
            }
            Err(_) => break,
        }
    }
    let megabytes = length as f64 / 1e6;
    let (speed, own) = (megabytes / start.elapsed().as_secs_f64(), megabytes / (cpu() - busy));
    child.wait().unwrap();
    std::fs::remove_file(file).unwrap();
    println!(
        "cat in a terminal, {kind:8} {speed:4.0} MB/s; {own:4.0} MB a second of our processor time, \
         {} bytes a read",
        length / reads as usize
    );
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("made") => return println!("{:.3}", memory(Size::new(COLUMNS, ROWS))),
        Some("grown") => return println!("{:.3}", memory(Size::default())),
        _ => {}
    }
    println!(
        "{MEGABYTES} MB in chunks of {CHUNK} bytes, screen of {COLUMNS}×{ROWS}, best of 3, by processor time"
    );
    for kind in ["plain", "colour", "htop-like", "unicode"] {
        let text = stream(kind, MEGABYTES << 20);
        let best = |run: fn(&[u8]) -> f64| (0..3).map(|_| run(text.as_bytes())).fold(0.0, f64::max);
        println!(
            "advance {kind:10} {:4.0} MB/s, the crate alone {:4.0} MB/s",
            best(screen),
            best(crate_alone)
        );
    }
    println!("memory of a screen of 120×40 {} MiB", memory_alone("made"));
    println!("the same, grown from 80×24   {} MiB", memory_alone("grown"));
    for kind in ["plain", "unicode", "htop-like", "truecolour"] {
        frames(kind);
    }
    for kind in ["plain", "colour"] {
        terminal(kind, &stream(kind, MEGABYTES << 20));
    }
}
