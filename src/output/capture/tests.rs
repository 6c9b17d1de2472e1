use proptest::prelude::*;

use super::{Capture, CaptureLimit, CapturePosition, KeepSide, MAX_CHUNKS, WINDOW};
use crate::output::Stream::{self, Err, Out};

fn tail(bytes: usize) -> Capture {
    Capture::new(CaptureLimit { bytes, keep: KeepSide::Tail })
}

fn head(bytes: usize) -> Capture {
    Capture::new(CaptureLimit { bytes, keep: KeepSide::Head })
}

fn read(capture: &Capture, at: &mut CapturePosition) -> Vec<(Stream, String, u64)> {
    let next = || capture.next(at, usize::MAX);
    std::iter::from_fn(next)
        .map(|chunk| (chunk.stream, String::from_utf8(chunk.bytes).unwrap(), chunk.missed))
        .collect()
}

#[test]
fn the_end_or_the_beginning_is_kept_and_the_rest_counted() {
    let (tail, head) = (tail(4), head(4));
    for capture in [&tail, &head] {
        capture.push(Out, b"abc");
        capture.push(Out, b"defg");
        capture.push(Err, b"x");
    }
    assert_eq!((tail.kept(Out).bytes.as_slice(), tail.kept(Out).dropped), (&b"defg"[..], 3));
    assert_eq!((head.kept(Out).bytes.as_slice(), head.kept(Out).dropped), (&b"abcd"[..], 3));
    assert_eq!((tail.kept(Err).bytes.as_slice(), tail.kept(Err).dropped), (&b"x"[..], 0));
}

#[test]
fn with_nothing_to_keep_it_can_still_be_read_along() {
    let capture = tail(0);
    capture.push(Out, b"abc");
    assert_eq!((capture.kept(Out).bytes, capture.kept(Out).dropped), (vec![], 3));
    assert_eq!(read(&capture, &mut CapturePosition::default()), [(Out, "abc".to_owned(), 0)]);
}

#[test]
fn the_result_is_about_the_latest_run_and_readers_see_all() {
    let capture = tail(100);
    capture.begin();
    capture.push(Out, b"one ");
    capture.begin();
    capture.push(Out, b"two");
    assert_eq!((capture.kept(Out).bytes.as_slice(), capture.kept(Out).dropped), (&b"two"[..], 0));
    assert_eq!(read(&capture, &mut CapturePosition::default()), [(Out, "one two".to_owned(), 0)]);
}

#[test]
fn pieces_come_in_the_order_of_arrival() {
    let capture = tail(100);
    for (stream, text) in [(Out, "a"), (Out, "b"), (Err, "1"), (Out, "c"), (Err, "2")] {
        capture.push(stream, text.as_bytes());
    }
    let mut at = CapturePosition::default();
    let got: Vec<String> = read(&capture, &mut at).into_iter().map(|(_, text, _)| text).collect();
    assert_eq!(got, ["ab", "1", "c", "2"]);
    capture.push(Err, b"3");
    assert_eq!(read(&capture, &mut at), [(Err, "3".to_owned(), 0)]);
}

#[test]
fn a_slow_reader_learns_how_much_it_missed() {
    let capture = tail(1);
    let mut at = CapturePosition::default();
    capture.push(Out, &vec![b'x'; WINDOW]);
    capture.push(Out, b"yz");
    let piece = capture.next(&mut at, 10).unwrap();
    assert_eq!((piece.missed, piece.bytes.len()), (2, 10));
    assert_eq!(capture.next(&mut at, usize::MAX).unwrap().bytes.len(), WINDOW - 10);
}

#[test]
fn a_million_turns_take_bounded_memory() {
    let capture = tail(8 << 20);
    for _ in 0..500_000 {
        capture.push(Out, b"o");
        capture.push(Err, b"e");
    }
    assert_eq!(super::lock(&capture.state).chunks.len(), MAX_CHUNKS);
    let mut at = CapturePosition::default();
    let (mut out, mut err) = (0, 0);
    while let Some(piece) = capture.next(&mut at, usize::MAX) {
        assert_eq!(piece.missed, 0);
        *(if piece.stream == Out { &mut out } else { &mut err }) += piece.bytes.len();
    }
    assert_eq!((out, err), (500_000, 500_000));
}

proptest! {
    #[test]
    fn a_reader_gets_every_byte_in_order_or_a_count_of_missed_bytes(
        pushes in proptest::collection::vec((any::<bool>(), 0_usize..200, any::<bool>()), 0..60),
        bound in 0_usize..300, keeps_head in any::<bool>(),
    ) {
        let keep = if keeps_head { KeepSide::Head } else { KeepSide::Tail };
        let capture = Capture::new(CaptureLimit { bytes: bound, keep });
        let (mut at, mut number) = (CapturePosition::default(), 0_u8);
        let (mut all, mut seen) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for (is_err, length, reads) in pushes {
            let stream = if is_err { Err } else { Out };
            let bytes: Vec<u8> = (0..length).map(|_| { number = number.wrapping_add(1); number }).collect();
            capture.push(stream, &bytes);
            all[usize::from(is_err)].extend(bytes);
            while reads && let Some(piece) = capture.next(&mut at, 70) {
                prop_assert_eq!(piece.missed, 0);
                seen[usize::from(piece.stream == Err)].extend(piece.bytes);
            }
        }
        while let Some(piece) = capture.next(&mut at, 70) {
            seen[usize::from(piece.stream == Err)].extend(piece.bytes);
        }
        prop_assert_eq!(&all, &seen);
        for (stream, all) in [(Out, &all[0]), (Err, &all[1])] {
            let kept = capture.kept(stream);
            prop_assert_eq!(kept.bytes.len(), all.len().min(bound));
            prop_assert_eq!(kept.dropped as usize, all.len() - kept.bytes.len());
            let whole = if keeps_head { all.starts_with(&kept.bytes) } else { all.ends_with(&kept.bytes) };
            prop_assert!(whole);
        }
    }
}
