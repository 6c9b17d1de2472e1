use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::output::{LineSplitter, WakeReason};

const EVERYTHING: ReadLimit = ReadLimit { lines: usize::MAX, bytes: usize::MAX };

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn store(memory: u64) -> Arc<LogStore> {
    LogStore::new(OutputLimits { memory, line: 1000 })
}

fn put(store: &Arc<LogStore>, source: SourceId, text: &str) {
    let mut splitter = LineSplitter::new(store, source, 1, None);
    splitter.push(Stream::Out, text.as_bytes(), at(0));
}

fn texts(slice: &Slice) -> Vec<String> {
    slice.lines().map(|line| String::from_utf8_lossy(line.bytes).trim_end().to_owned()).collect()
}

#[test]
fn a_line_knows_all_about_itself() {
    let store = store(1 << 20);
    let (web, api) = (store.source(&"web".into()), store.source(&"api".into()));
    assert_eq!(store.source(&"web".into()), web);
    assert_eq!(store.name(api), Some("api".into()));
    LineSplitter::new(&store, web, 1, None).push(Stream::Out, b"a\nb\n", at(1000));
    LineSplitter::new(&store, api, 7, None).push(Stream::Err, b"c\n", at(2500));
    LineSplitter::new(&store, web, 2, None).push(Stream::Out, b"d\n", at(500));
    let all = store.read(&SourceSelection::All, 0, EVERYTHING);
    let seen: Vec<_> = all
        .lines()
        .map(|line| (line.seq, line.source, line.run, line.stream, line.at, line.bytes))
        .collect();
    let expected: [(_, _, _, _, _, &[u8]); 4] = [
        (0, web, 1, Stream::Out, at(1000), b"a\n"),
        (1, web, 1, Stream::Out, at(1000), b"b\n"),
        (2, api, 7, Stream::Err, at(2500), b"c\n"),
        (3, web, 2, Stream::Out, at(500), b"d\n"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(all.next(), 4);
}

#[test]
fn windows_go_both_ways() {
    let store = store(1 << 20);
    let (a, b) = (store.source(&"a".into()), store.source(&"b".into()));
    for (source, text) in [(a, "a0\na1\n"), (b, "b2\n"), (a, "a3\n"), (b, "b4\nb5\n")] {
        put(&store, source, text);
    }
    let all = SourceSelection::All;
    assert_eq!(texts(&store.tail(&all, 3)), ["a3", "b4", "b5"]);
    assert_eq!(texts(&store.tail(&a.into(), 2)), ["a1", "a3"]);
    assert_eq!(texts(&store.read_back(&all, 3, ReadLimit::lines(2))), ["a1", "b2"]);
    let slice = store.read(&all, 1, ReadLimit::lines(2));
    assert_eq!((texts(&slice), slice.next()), (vec!["a1".into(), "b2".into()], 3));
    let slice = store.read(&SourceSelection::only([b]), 0, ReadLimit { lines: 10, bytes: 1 });
    assert_eq!((texts(&slice), slice.next()), (vec!["b2".into()], 4));
    assert!(store.read(&all, 6, EVERYTHING).is_empty());
}

#[test]
fn the_biggest_loses_its_oldest_first() {
    let store = store(1 << 20);
    let (small, big) = (store.source(&"small".into()), store.source(&"big".into()));
    put(&store, small, "first\n");
    for number in 0..50_000 {
        put(&store, big, &format!("{number} some line of the usual length, more or less\n"));
    }
    assert_eq!(texts(&store.tail(&small.into(), 10)), ["first"]);
    let kept = store.read(&big.into(), 0, EVERYTHING);
    assert!((5_000..20_000).contains(&kept.len()), "{}", kept.len());
    let first = 50_000 - kept.len();
    for (number, line) in (first..).zip(texts(&kept)) {
        assert!(line.starts_with(&format!("{number} ")));
    }
    assert_eq!(store.gauge().lines, kept.len() as u64 + 1);
}

/// An operation on a store in the random tests.
#[derive(Debug, Clone)]
enum Step {
    Append { source: usize, lines: usize, length: usize },
    Read { lines: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let append = (0usize..4, 1usize..300, 0usize..400);
    prop_oneof![
        4 => append.prop_map(|(source, lines, length)| Step::Append { source, lines, length }),
        1 => (0usize..500).prop_map(|lines| Step::Read { lines }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn read_and_missed_are_all_that_came(
        steps in prop::collection::vec(step(), 1..80),
        budget in 0u64..500_000,
        few in any::<bool>(),
        by_turns in any::<bool>(),
    ) {
        let store = store(budget);
        let sources: Vec<_> = (0..4).map(|n| store.source(&Name::new(&n.to_string()))).collect();
        let selection =
            if few { SourceSelection::only([sources[1], sources[2]]) } else { SourceSelection::All };
        let mut reader = store.reader(selection.clone(), ReadFrom::Oldest);
        let mut came = BTreeMap::new();
        let mut seen = BTreeMap::new();
        let mut last = BTreeMap::new();
        let mut read = |reader: &mut Reader, limit| {
            let slice = if by_turns { reader.read_by_turns(limit) } else { reader.read(limit) };
            for missed in slice.missed() {
                *seen.entry(missed.source).or_insert(0) += missed.lines;
            }
            for line in slice.lines() {
                // When reading by turns, lines are ordered within each source.
                let last = last.entry(by_turns.then_some(line.source)).or_insert(None);
                assert!(*last < Some(line.seq));
                *last = Some(line.seq);
                *seen.entry(line.source).or_insert(0) += 1;
            }
        };
        for step in steps {
            match step {
                Step::Append { source, lines, length } => {
                    let line = "x".repeat(length) + "\n";
                    put(&store, sources[source], &line.repeat(lines));
                    if selection.contains(sources[source]) {
                        *came.entry(sources[source]).or_insert(0) += lines as u64;
                    }
                    prop_assert!(store.gauge().memory <= budget);
                }
                Step::Read { lines } => read(&mut reader, ReadLimit::lines(lines)),
            }
            let inner = store.lock();
            prop_assert_eq!(inner.memory, inner.sources.iter().map(|s| s.memory).sum::<usize>());
            for source in &inner.sources {
                prop_assert_eq!(source.memory, source.blocks.iter().map(Block::memory).sum::<usize>());
            }
        }
        read(&mut reader, EVERYTHING);
        prop_assert_eq!(seen, came);
    }
}

#[test]
fn a_quiet_source_read_in_turns_is_not_delayed_by_a_flood() {
    let store = store(64 << 20);
    let [flood, quiet] = ["flood", "quiet"].map(|name| store.source(&Name::new(name)));
    put(&store, flood, &"x\n".repeat(5_000));
    put(&store, quiet, "here\n");
    put(&store, flood, &"y\n".repeat(5_000));
    let mut reader = store.reader(SourceSelection::All, ReadFrom::Oldest);
    let mut read = || texts(&reader.read_by_turns(ReadLimit::lines(1_000)));
    // Only now the reader knows that there is more than one read returns.
    let mut all = read();
    assert!(all.len() == 1_000 && all.iter().all(|line| line == "x"));
    let second = read();
    assert_eq!((second.len(), second.last().unwrap().as_str()), (501, "here"));
    all.extend(second);
    loop {
        let more = read();
        if more.is_empty() {
            break;
        }
        assert!(more.len() <= 1_000);
        all.extend(more);
    }
    assert_eq!(all.len(), 10_001);
    assert_eq!(all.iter().filter(|line| *line == "here").count(), 1);
    all.retain(|line| line != "here");
    assert!(all.is_sorted());
    // Once it has caught up, the order is that of arrival again.
    put(&store, flood, "1\n");
    put(&store, quiet, "2\n");
    put(&store, flood, "3\n");
    assert_eq!(read(), ["1", "2", "3"]);
}

#[test]
fn long_lines_read_in_turns_respect_the_limit_and_starve_no_source() {
    let store = store(64 << 20);
    let sources = ["a", "b", "c", "d"].map(|name| store.source(&Name::new(name)));
    for source in sources {
        put(&store, source, &("x".repeat(999) + "\n").repeat(10));
    }
    let mut reader = store.reader(SourceSelection::All, ReadFrom::Oldest);
    let limit = ReadLimit { lines: 100, bytes: 2_000 };
    assert_eq!(reader.read_by_turns(limit).len(), 2);
    // Two lines fit, so the two sources that have waited longest get their turn.
    let mut whose = BTreeMap::new();
    let mut reads = 0;
    loop {
        let slice = reader.read_by_turns(limit);
        if slice.is_empty() {
            break;
        }
        reads += 1;
        assert!(slice.len() <= 2);
        slice.lines().for_each(|line| *whose.entry(line.source).or_insert(0) += 1);
    }
    assert_eq!(reads, 19);
    assert_eq!(whose.into_values().collect::<Vec<_>>(), [8, 10, 10, 10]);
}

#[test]
fn an_idle_source_takes_little() {
    let store = store(64 << 20);
    for number in 0..1000 {
        put(&store, store.source(&Name::new(&format!("p{number}"))), "ready\n");
    }
    assert!(store.gauge().memory < 1_000_000, "{:?}", store.gauge());
}

#[test]
fn a_waiting_thread_is_woken_by_its_sources_only_and_by_the_end() {
    let store = store(1 << 20);
    let (web, api) = (store.source(&"web".into()), store.source(&"api".into()));
    let mut reader = store.reader(web.into(), ReadFrom::Now);
    put(&store, api, "not for you\n");
    assert_eq!(reader.wait_newer(Some(Duration::ZERO)), None);
    std::thread::scope(|scope| {
        let follower = scope.spawn(move || {
            let mut lines = Vec::new();
            while reader.wait_newer(None) == Some(WakeReason::Lines) {
                lines.extend(texts(&reader.read(ReadLimit::lines(10))));
            }
            lines
        });
        put(&store, web, "1\n");
        put(&store, web, "2\n");
        store.close();
        assert_eq!(follower.join().unwrap(), ["1", "2"]);
    });
    assert!(store.lock().waiters.is_empty());
}

#[test]
fn a_reader_that_is_gone_leaves_nothing_behind() {
    let store = store(1 << 20);
    let reader = store.reader(SourceSelection::All, ReadFrom::Oldest);
    assert_eq!(reader.wait_newer(Some(Duration::ZERO)), None);
    assert_eq!(reader.wait_newer(Some(Duration::ZERO)), None);
    assert_eq!(store.lock().waiters.len(), 1);
    drop(reader);
    assert!(store.lock().waiters.is_empty());
}

#[test]
fn a_late_reader_does_not_count_lines_dropped_before() {
    let store = store(1 << 20);
    let web = store.source(&"web".into());
    put(&store, web, &"0123456789\n".repeat(100_000));
    let mut reader = store.reader(SourceSelection::All, ReadFrom::Oldest);
    let slice = reader.read(EVERYTHING);
    assert!(slice.missed().is_empty() && !slice.is_empty());
    assert_eq!(slice.next(), 100_000);
}

#[test]
fn many_threads_append_in_one_order() {
    let store = store(64 << 20);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let store = &store;
            let id = store.source(&Name::new(&number.to_string()));
            scope.spawn(move || {
                for line in 0..2000 {
                    put(store, id, &format!("{line}\n"));
                }
            });
        }
    });
    let all = store.read(&SourceSelection::All, 0, EVERYTHING);
    assert!(all.lines().zip(0..).all(|(line, seq)| line.seq == seq));
    assert_eq!(all.len(), 8000);
    for number in 0..4 {
        let own = store.tail(&store.source(&Name::new(&number.to_string())).into(), 2000);
        assert!(texts(&own).iter().zip(0..).all(|(text, line)| *text == line.to_string()));
    }
}
