use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::output::{LogWriters, ReadLimit, SourceSelection};
use crate::spec::{LogPolicy, OutputLimits};

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn store(line: u64) -> Arc<LogStore> {
    LogStore::new(OutputLimits { memory: 64 << 20, line })
}

fn kept(store: &LogStore) -> Vec<(Stream, bool, Vec<u8>)> {
    let all =
        store.read(&SourceSelection::All, 0, ReadLimit { lines: usize::MAX, bytes: usize::MAX });
    all.lines().map(|line| (line.stream, line.continues, line.bytes.to_vec())).collect()
}

/// Computes the expected lines in the simplest way.
fn expected(bytes: &[u8], longest: usize) -> Vec<(Stream, bool, Vec<u8>)> {
    let mut lines = Vec::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let mut rest = line;
        while rest.strip_suffix(b"\n").unwrap_or(rest).len() > longest {
            let (piece, more) = rest.split_at(longest);
            lines.push((Stream::Out, true, piece.to_vec()));
            rest = more;
        }
        lines.push((Stream::Out, false, rest.to_vec()));
    }
    lines
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![2 => Just(b'\n'), 6 => Just(b'a'), 1 => any::<u8>()];
    prop::collection::vec(byte, 0..400)
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_lines(
        text in text(),
        sizes in prop::collection::vec(1usize..60, 1..40),
        longest in 1usize..40,
    ) {
        let store = store(longest as u64);
        let mut splitter = LineSplitter::new(&store, store.source(&"web".into()), 1, None);
        let mut rest = text.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, more) = rest.split_at((*size).min(rest.len()));
            splitter.push(Stream::Out, chunk, AT);
            rest = more;
        }
        splitter.finish(Stream::Out, AT);
        prop_assert_eq!(kept(&store), expected(&text, longest));
    }
}

/// Lines of a given length, up to a given total size.
fn stretch() -> impl Strategy<Value = (usize, usize)> {
    let length = prop_oneof![1 => 0usize..20, 4 => 20usize..300, 1 => 1_000usize..20_000];
    (length, 1usize..300_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the size of a read, and whether it is copied or kept in its page.
    #[test]
    fn what_is_taken_is_kept_and_logged_as_it_came(
        stretches in prop::collection::vec(stretch(), 1..6),
        sizes in prop::collection::vec(prop_oneof![1usize..page::SIZE, Just(page::SIZE)], 1..10),
        longest in 100usize..10_000,
        ends in any::<bool>(),
    ) {
        let mut text = Vec::new();
        for (number, (length, bytes)) in (0u8..).zip(stretches) {
            let line = [vec![b'a' + number; length], vec![b'\n']].concat();
            text.extend(line.iter().cycle().take(bytes));
            if ends {
                text.push(b'\n');
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("web.log");
        let policy = LogPolicy { file: file.clone(), max_size: u64::MAX, keep: 0 };
        let log = LogWriters::new(|notice| panic!("{notice:?}")).open(&"web".into(), &policy, None);
        let store = store(longest as u64);
        let mut splitter = LineSplitter::new(&store, store.source(&"web".into()), 1, Some(log.clone()));
        let mut scratch = ReadBuffer::default();
        let mut rest = text.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let room = scratch.room();
            let read = (*size).min(room.len()).min(rest.len());
            room[..read].copy_from_slice(&rest[..read]);
            splitter.take(Stream::Out, &mut scratch, read, AT);
            rest = &rest[read..];
            // The next read must not change the lines that were taken.
            scratch.room().fill(b'!');
        }
        splitter.finish(Stream::Out, AT);
        prop_assert!(log.close(Duration::from_mins(1)));
        prop_assert!(std::fs::read(&file).unwrap() == text);
        prop_assert!(kept(&store) == expected(&text, longest));
    }
}

#[test]
fn a_flood_is_kept_where_it_was_read_to_and_its_memory_used_again() {
    let store = LogStore::new(OutputLimits { memory: 8 << 20, line: 64 << 10 });
    let mut splitter = LineSplitter::new(&store, store.source(&"web".into()), 1, None);
    let mut scratch = ReadBuffer::default();
    let line = [vec![b'x'; 99], vec![b'\n']].concat();
    let mut places = std::collections::BTreeSet::new();
    for _ in 0..1_000 {
        let room = scratch.room();
        room.iter_mut().zip(line.iter().cycle()).for_each(|(to, from)| *to = *from);
        let (place, read) = (room.as_ptr().addr(), room.len());
        assert_eq!(place % 4096, 0);
        places.insert(place);
        splitter.take(Stream::Out, &mut scratch, read, AT);
        assert_ne!(scratch.room().as_ptr().addr(), place, "it was copied");
        assert!(store.gauge().memory <= 8 << 20);
    }
    // As many as fit, and those between them.
    assert!(places.len() <= 32 + 2, "{}", places.len());
}

#[test]
fn streams_do_not_mix_within_a_line() {
    let store = store(100);
    let mut splitter = LineSplitter::new(&store, store.source(&"web".into()), 1, None);
    splitter.push(Stream::Out, b"out ", AT);
    splitter.push(Stream::Err, b"err 1\nerr", AT);
    splitter.push(Stream::Out, b"1\n", AT);
    splitter.push(Stream::Err, b" 2", AT);
    splitter.finish(Stream::Err, AT);
    let lines: Vec<_> =
        kept(&store).into_iter().map(|(stream, _, bytes)| (stream, bytes)).collect();
    let expected = [(Stream::Err, "err 1\n"), (Stream::Out, "out 1\n"), (Stream::Err, "err 2")];
    assert_eq!(lines, expected.map(|(stream, text)| (stream, text.as_bytes().to_vec())));
}

#[test]
fn an_unfinished_line_is_shown_on_request_until_it_ends() {
    let store = store(100);
    let mut splitter = LineSplitter::new(&store, store.source(&"web".into()), 3, None);
    assert!(!splitter.show_partial(AT));
    splitter.push(Stream::Out, b"Continue? ", AT);
    assert!(store.partials(&SourceSelection::All).is_empty());
    assert!(splitter.show_partial(AT));
    let shown = store.partials(&SourceSelection::All);
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].1.run, shown[0].1.bytes.as_slice()), (3, b"Continue? ".as_slice()));
    splitter.push(Stream::Out, b"yes\n", AT);
    assert!(store.partials(&SourceSelection::All).is_empty());
    assert_eq!(kept(&store), [(Stream::Out, false, b"Continue? yes\n".to_vec())]);
}

#[test]
fn a_line_without_end_takes_no_more_than_one_piece() {
    let store = LogStore::new(OutputLimits { memory: 1 << 20, line: 64 << 10 });
    let mut splitter = LineSplitter::new(&store, store.source(&"web".into()), 1, None);
    let chunk = vec![b'x'; 100_000];
    for _ in 0..500 {
        splitter.push(Stream::Out, &chunk, AT);
        assert!(splitter.carry.out.capacity() <= 256 << 10);
        assert!(store.gauge().memory <= 1 << 20);
    }
    assert_eq!(store.next_seq(), 500 * 100_000 / (64 << 10));
}
