//! Pseudo-terminals with real programs, put into a session of their own by `setsid --ctty`.
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::time::Duration;

use pitcrew::sys::pty::{LineModes, Pty, foreground, is_end, line_modes, resize};
use pitcrew::terminal::{Size, TerminalScreen};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

struct Run {
    master: OwnedFd,
    child: Child,
    output: Vec<u8>,
}

fn start(script: &str, size: Size) -> Run {
    let Pty { master, slave } = Pty::open(size).unwrap();
    let copy = || slave.try_clone().unwrap();
    let child = Command::new("setsid")
        .args(["--ctty", "--wait", "bash", "--norc", "-c", script])
        .stdin(copy())
        .stdout(copy())
        .stderr(copy())
        .spawn()
        .unwrap();
    Run { master, child, output: Vec::new() }
}

impl Run {
    /// Reads what there is; false at the end.
    fn read(&mut self) -> bool {
        let timeout = Timespec { tv_sec: 10, tv_nsec: 0 };
        let mut ready = [PollFd::new(&self.master, PollFlags::IN)];
        assert_ne!(poll(&mut ready, Some(&timeout)).unwrap(), 0, "nothing for 10 s");
        let mut buffer = [0; 4096];
        match rustix::io::read(&self.master, &mut buffer).map_err(io::Error::from) {
            Ok(0) => false,
            Ok(length) => {
                self.output.extend(&buffer[..length]);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
            Err(error) => {
                assert!(is_end(&error), "{error}");
                false
            }
        }
    }

    fn wait_for(&mut self, text: &str) {
        while !self.text().contains(text) {
            assert!(self.read(), "{:?} without {text:?}", self.text());
        }
    }

    fn rest(mut self) -> String {
        while self.read() {}
        self.child.wait().unwrap();
        self.text()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    fn write(&self, bytes: &[u8]) {
        assert_eq!(rustix::io::write(&self.master, bytes).unwrap(), bytes.len());
    }
}

#[test]
fn the_size_is_there_from_the_first_moment_and_can_be_changed() {
    let script = "stty size; trap 'stty size; exit' WINCH; echo set; while :; do sleep 0.01; done";
    let mut run = start(script, Size::new(101, 37));
    run.wait_for("37 101");
    run.wait_for("set");
    resize(&run.master, Size::new(90, 20), Some((8, 16))).unwrap();
    assert!(run.rest().contains("20 90"));
}

#[test]
fn it_is_the_controlling_terminal_and_a_terminal_on_all_three() {
    let script = "test -t 0 && test -t 1 && test -t 2 && echo yes > /dev/tty; ps -o tpgid= -p $$";
    let mut run = start(script, Size::default());
    run.wait_for("yes");
    let group = foreground(&run.master);
    let text = run.rest();
    let last = text.split_whitespace().last().unwrap();
    assert_eq!(group.unwrap().to_string(), last);
}

#[test]
fn the_last_bytes_are_read_after_the_end() {
    let run = start("seq 1 500; printf end", Size::default());
    let text = run.rest();
    assert!(text.ends_with("end"));
    assert_eq!(text.matches('\n').count(), 500);
}

#[test]
fn line_modes_tell_when_a_secret_is_asked_for() {
    let script =
        "printf one; read x; stty -echo; printf two; read x; stty -icanon; printf three; read x";
    let mut run = start(script, Size::default());
    let modes = |run: &Run| line_modes(&run.master).unwrap();
    run.wait_for("one");
    assert_eq!(modes(&run), LineModes { canonical: true, echo: true });
    run.write(b"a\n");
    run.wait_for("two");
    assert!(modes(&run).is_secret());
    run.write(b"b\n");
    run.wait_for("three");
    assert_eq!(modes(&run), LineModes { canonical: false, echo: false });
    run.write(b"c\n");
    run.rest();
}

#[test]
fn closing_our_end_hangs_up() {
    let mut run =
        start("trap 'exit 7' HUP; echo set; while :; do sleep 0.01; done", Size::default());
    run.wait_for("set");
    drop(run.master);
    assert_eq!(run.child.wait().unwrap().code(), Some(7));
}

#[test]
fn whole_characters_are_erased() {
    let mut run = start("echo set; read x; echo \"<$x>\"", Size::default());
    run.wait_for("set");
    run.write("aä\x7fb\n".as_bytes());
    assert!(run.rest().contains("<ab>"));
}

#[test]
fn queries_of_a_program_are_answered() {
    let script = r#"stty raw -echo; printf '\033[c'; IFS= read -rd c x; printf '\033[5;9H\033[6n'; IFS= read -rd R y; stty cooked; printf '%q %q' "$x" "$y""#;
    let mut run = start(script, Size::default());
    let mut screen = TerminalScreen::new(Size::default());
    let mut seen = 0;
    while run.read() {
        let replies = screen.advance(&run.output[seen..]).replies;
        seen = run.output.len();
        if !replies.is_empty() {
            run.write(&replies);
        }
    }
    run.child.wait().unwrap();
    assert!(screen.text().contains("?62;22"), "{}", screen.text());
    assert!(screen.text().contains("[5;9"), "{}", screen.text());
}

#[test]
fn a_program_that_is_not_read_waits_and_loses_nothing() {
    let mut run = start("head -c 1000000 /dev/zero | tr '\\0' x; printf done", Size::default());
    std::thread::sleep(Duration::from_millis(100));
    assert!(run.child.try_wait().unwrap().is_none());
    assert_eq!(run.rest().len(), 1_000_004);
}
