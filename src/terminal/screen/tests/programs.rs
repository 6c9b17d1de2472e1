//! Recorded programs against the screens that tmux shows for the same bytes.

use super::*;

macro_rules! recordings {
    ($($name:literal),*) => {
        [$((
            $name,
            include_bytes!(concat!("../../../../tests/recordings/", $name, ".bin")).as_slice(),
            include_str!(concat!("../../../../tests/recordings/", $name, ".txt")),
        )),*]
    };
}

fn recordings() -> impl Iterator<Item = (&'static str, &'static [u8], &'static str)> {
    recordings!("bash", "htop", "less", "node", "python", "tmux", "top", "vim").into_iter()
}

#[test]
fn programs_look_as_they_do_in_tmux() {
    for (name, bytes, expected) in recordings() {
        let screen = screen(80, 24, bytes);
        assert_eq!(screen.text(), expected.trim_end_matches('\n'), "{name}");
    }
}

#[test]
fn programs_look_the_same_however_they_are_cut() {
    for (name, bytes, _) in recordings() {
        let mut whole = screen(80, 24, bytes);
        for length in [1, 2, 3, 7, 64, 1000] {
            let mut cut = screen(80, 24, "");
            let mut view = View::default();
            for chunk in bytes.chunks(length) {
                cut.advance(chunk);
                if length >= 64 {
                    view.apply(cut.frame(view.version()));
                }
            }
            let whole = whole.frame(Version(0));
            view.apply(cut.frame(view.version()));
            let mut expected = View::default();
            expected.apply(Frame { version: view.version(), ..whole });
            assert_eq!(view, expected, "{name} by {length}");
        }
    }
}

#[test]
fn full_screen_programs_leave_no_output() {
    for (name, bytes, _) in recordings() {
        let mut screen = screen(80, 24, "");
        let segments = screen.advance(bytes).segments;
        let is_full = ["htop", "less", "tmux", "vim"].contains(&name);
        let entered = segments.contains(&Segment::AlternateEntered);
        assert_eq!((entered, screen.is_alternate()), (is_full, is_full), "{name}");
        let output: usize = segments
            .iter()
            .map(|segment| if let Segment::Output(range) = segment { range.len() } else { 0 })
            .sum();
        assert!(if is_full { output < 100 } else { output == bytes.len() }, "{name} {output}");
    }
}

#[test]
fn programs_are_resized_in_the_middle() {
    for (_, bytes, _) in recordings() {
        for at in [bytes.len() / 3, bytes.len() / 2] {
            let mut screen = screen(80, 24, &bytes[..at]);
            for (columns, rows) in [(40, 10), (132, 50), (2, 1), (80, 24)] {
                screen.resize(Size::new(columns, rows));
            }
            screen.advance(&bytes[at..]);
            assert_eq!(screen.failures(), 0);
        }
    }
}
