//! What holds for any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Pieces that terminals are fed with, more often than chance would have it.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![0..12u16, Just(99), Just(65535)];
    let csi = (
        prop_oneof![Just(""), Just("?"), Just(">"), Just("="), Just("<")],
        vec(number, 0..4),
        prop_oneof![Just(""), Just("!"), Just("$"), Just(" ")],
        "[@A-Za-z`~]",
    )
        .prop_map(|(prefix, numbers, middle, last)| {
            let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
            format!("\x1b[{prefix}{}{middle}{last}", numbers.join(";")).into_bytes()
        });
    let mode = (
        prop_oneof![
            Just(1),
            Just(3),
            Just(4),
            Just(6),
            Just(7),
            Just(20),
            Just(25),
            Just(47),
            Just(1000),
            Just(1047),
            Just(1048),
            Just(1049),
            Just(2004),
            Just(2026)
        ],
        "[hl]",
    )
        .prop_map(|(mode, last)| format!("\x1b[?{mode}{last}").into_bytes());
    let osc = ("(0|2|4|8|10|11|52|104)", "[;a-z0-9?#/=\u{e9}]{0,12}", "(\x07|\x1b\\\\|)")
        .prop_map(|(code, text, end)| format!("\x1b]{code};{text}{end}").into_bytes());
    prop_oneof![
        4 => "[a-z ]{0,15}".prop_map(String::into_bytes),
        2 => "[漢字e\u{301}⚠\u{fe0f}😀\u{200d}äß\u{7f}]{0,6}".prop_map(String::into_bytes),
        2 => "[\r\n\t\x08\x0b\x0e\x0f\x07\x18]{1,3}".prop_map(String::into_bytes),
        6 => csi,
        4 => mode,
        2 => osc,
        2 => "\x1b[78DEHMcZ=>#()]".prop_map(String::into_bytes),
        1 => "\x1b(P|_|X|\\^)[$+]?[a-z0-9;]{0,6}(\x1b\\\\)?".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..8),
    ]
}

/// Bytes that are shown as text where a property fails.
#[derive(Clone, PartialEq)]
struct Bytes(Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "b\"{}\"", self.0.escape_ascii())
    }
}

fn stream() -> impl Strategy<Value = Bytes> {
    vec(piece(), 0..40).prop_map(|pieces| Bytes(pieces.concat()))
}

fn size() -> impl Strategy<Value = Size> {
    (1..30u16, 0..12u16).prop_map(|(columns, rows)| Size::new(columns, rows))
}

/// Everything that can be seen of a screen, and its log.
#[derive(Debug, PartialEq)]
struct Seen {
    frame: Frame,
    modes: InputModes,
    log: Bytes,
    replies: Bytes,
    bells: u32,
}

fn run(size: Size, bytes: &[u8], cuts: &[usize]) -> Seen {
    let mut screen = TerminalScreen::new(size);
    let (mut log, mut replies, mut bells, mut from) = (Vec::new(), Vec::new(), 0, 0);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    for cut in cuts {
        let chunk = &bytes[from..cut];
        from = cut;
        let advance = screen.advance(chunk);
        assert!(!advance.failed, "{:?}", String::from_utf8_lossy(chunk));
        for segment in advance.segments {
            match segment {
                Segment::Held(held) => log.extend(held),
                Segment::Output(range) => log.extend(&chunk[range]),
                Segment::AlternateEntered => log.extend(b"<alternate>"),
                Segment::AlternateLeft => log.extend(b"</alternate>"),
            }
        }
        replies.extend(advance.replies);
        bells += advance.bells;
    }
    log.extend(screen.finish());
    let (log, replies) = (Bytes(log), Bytes(replies));
    Seen { frame: screen.frame(Version(0)), modes: screen.input_modes(), log, replies, bells }
}

/// What an operation on a screen can be.
#[derive(Debug, Clone)]
enum Step {
    Bytes(Bytes),
    Resize(Size),
    /// A viewer takes a frame.
    Take(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => vec(piece(), 0..6).prop_map(|pieces| Step::Bytes(Bytes(pieces.concat()))),
        1 => size().prop_map(Step::Resize),
        3 => (0..3usize).prop_map(Step::Take),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_into_chunks_gives_the_same(
        size in size(), bytes in stream(), cuts in vec(any::<usize>(), 0..12)
    ) {
        prop_assert_eq!(run(size, &bytes.0, &cuts), run(size, &bytes.0, &[]));
    }

    #[test]
    fn byte_by_byte_gives_the_same(size in size(), bytes in stream()) {
        let all: Vec<usize> = (0..bytes.0.len()).collect();
        prop_assert_eq!(run(size, &bytes.0, &all), run(size, &bytes.0, &[]));
    }

    #[test]
    fn frames_of_any_schedule_give_the_whole_screen(
        start in size(), steps in vec(step(), 0..30)
    ) {
        let mut screen = TerminalScreen::new(start);
        let mut views = [View::default(), View::default(), View::default()];
        for step in steps {
            match step {
                Step::Bytes(bytes) => { prop_assert!(!screen.advance(&bytes.0).failed); }
                Step::Resize(size) => screen.resize(size),
                Step::Take(which) => {
                    let frame = screen.frame(views[which].version());
                    let mut bytes = Vec::new();
                    frame.encode(&mut bytes);
                    views[which].apply(Frame::decode(&bytes).unwrap());
                }
            }
        }
        prop_assert_eq!(screen.failures(), 0);
        let mut whole = View::default();
        whole.apply(screen.frame(Version(0)));
        for mut view in views {
            view.apply(screen.frame(view.version()));
            prop_assert_eq!(&view, &whole);
        }
        let text: Vec<String> = whole.rows().iter().map(Row::text).collect();
        let text = text.join("\n");
        prop_assert_eq!(text.trim_end_matches('\n'), screen.text());
    }

    #[test]
    fn rows_are_as_wide_as_the_screen_at_most(size in size(), bytes in stream()) {
        let mut screen = TerminalScreen::new(size);
        screen.advance(&bytes.0);
        let frame = screen.frame(Version(0));
        prop_assert!(frame.cursor.row < size.rows() && frame.cursor.column < size.columns());
        for row in &frame.rows {
            let columns: u16 = row.content.runs.iter().map(CellRun::columns).sum();
            prop_assert!(columns <= size.columns());
            for run in &row.content.runs {
                prop_assert!(!run.text.contains(char::is_control));
                let count = run.text.chars().count();
                prop_assert!(run.cells == 1 && count >= 1 || usize::from(run.cells) == count);
            }
        }
    }

    #[test]
    fn what_is_printed_never_holds_more_than_styles_and_links(size in size(), bytes in stream()) {
        let mut screen = TerminalScreen::new(size);
        screen.advance(&bytes.0);
        let ansi = screen.ansi();
        let mut rest = ansi.as_str();
        while let Some(at) = rest.find(|c: char| c.is_control() && c != '\n') {
            rest = &rest[at..];
            let end = if rest.starts_with("\x1b[0") {
                rest.find('m').unwrap()
            } else if rest.starts_with("\x1b]8;;") {
                rest.find("\x1b\\").unwrap() + 1
            } else {
                panic!("{ansi:?}")
            };
            rest = &rest[end + 1..];
        }
    }

    #[test]
    fn any_bytes_do_no_harm(size in size(), bytes in vec(any::<u8>(), 0..400).prop_map(Bytes)) {
        let mut screen = TerminalScreen::new(size);
        let advance = screen.advance(&bytes.0);
        prop_assert!(!advance.failed);
        _ = (screen.frame(Version(0)), screen.ansi());
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(frame) = Frame::decode(&bytes) {
            View::default().apply(frame);
        }
    }

    #[test]
    fn a_frame_that_was_changed_is_decoded_or_refused(
        bytes in stream(), at in any::<usize>(), new in any::<u8>()
    ) {
        let mut screen = TerminalScreen::new(Size::new(20, 5));
        screen.advance(&bytes.0);
        let mut encoded = Vec::new();
        screen.frame(Version(0)).encode(&mut encoded);
        let at = at % encoded.len();
        encoded[at] = new;
        if let Ok(frame) = Frame::decode(&encoded) {
            View::default().apply(frame);
        }
    }
}
