use jiff::Timestamp;
use std::time::Instant;

use super::*;
use crate::engine::Clock;
use crate::machine::Moment;
use crate::output::{LineSplitter, SourceSelection, Stream};
use crate::spec::{Name, OutputLimits};

fn store(lines: usize, text: impl Fn(usize) -> String) -> Arc<LogStore> {
    let store = LogStore::new(OutputLimits::default());
    let source = store.source(&Name::new("web"));
    let mut intake = LineSplitter::new(&store, source, 1, None);
    let lines: Vec<String> = (0..lines).map(text).collect();
    for chunk in lines.chunks(1000) {
        intake.push(Stream::Out, chunk.concat().as_bytes(), Timestamp::UNIX_EPOCH);
    }
    store
}

fn million() -> Arc<LogStore> {
    store(1_000_000, |number| format!("INFO GET /v1/items/{number} 200 {}ms\n", number % 97))
}

fn all() -> SourceChoice {
    SourceChoice { selection: SourceSelection::All, names: None }
}

fn search(store: &Arc<LogStore>, query: &SearchQuery) -> SearchJob {
    SearchJob::new(Arc::clone(store), all(), query).unwrap()
}

fn query(search: &str, at: Option<u64>) -> SearchQuery {
    SearchQuery { search: search.to_owned(), at, ..SearchQuery::default() }
}

async fn last(mut stream: ResponseStream<SearchProgress>) -> SearchProgress {
    let mut last = SearchProgress::default();
    while let Some(found) = stream.next().await {
        last = found.unwrap();
    }
    last
}

/// The clock is paused, so every delay of a report would show.
#[tokio::test(start_paused = true)]
async fn the_first_hit_and_the_end_are_reported_immediately() {
    let store = store(100_000, |number| format!("line {number}\n"));
    for wanted in ["^line 3$", "nowhere", "line"] {
        let clock = Clock::start();
        let found =
            last(search(&store, &query(wanted, None)).stream(Arc::new(Semaphore::new(1)))).await;
        assert!(found.over);
        assert_eq!(clock.now(), Moment::after_start(Duration::ZERO), "{wanted}");
    }
}

#[tokio::test]
async fn hits_are_counted_on_both_sides_and_the_nearest_are_named() {
    let store = store(10_000, |number| format!("line {number}\n"));
    let permits = || Arc::new(Semaphore::new(1));
    let found = last(search(&store, &query("00$", Some(5000))).stream(permits())).await;
    let wanted = SearchProgress {
        looked: 10_000,
        of: 10_000,
        hits: 99,
        before: 49,
        next: Some(5000),
        previous: Some(4900),
        first: Some(100),
        last: Some(9900),
        over: true,
    };
    assert_eq!(found, wanted);
    let found = last(search(&store, &query("00$", None)).stream(permits())).await;
    assert_eq!((found.before, found.next, found.previous), (99, None, Some(9900)));
    assert_eq!((found.first, found.last), (Some(100), Some(9900)));
    let found = last(search(&store, &query("00$", Some(0))).stream(permits())).await;
    assert_eq!((found.next, found.first, found.last), (Some(100), Some(100), Some(9900)));
    let from = SearchQuery { from: Some(9000), ..query("00$", Some(9850)) };
    let found = last(search(&store, &from).stream(permits())).await;
    assert_eq!((found.looked, found.hits, found.before), (1000, 10, 9));
    let within = SearchQuery { grep: Some("^line 1".into()), ..query("00$", Some(0)) };
    let found = last(search(&store, &within).stream(permits())).await;
    assert_eq!((found.hits, found.next), (11, Some(100)));
    let none = last(search(&store, &query("nothing", Some(7))).stream(permits())).await;
    assert_eq!((none.hits, none.next, none.previous, none.over), (0, None, None, true));
    assert!(SearchJob::new(store, all(), &query("(", None)).is_err());
}

/// The store is full, so the printed times are those of the largest search.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a measurement")]
async fn a_million_lines_are_searched_from_the_middle_outwards() {
    let store = million();
    for (what, pattern) in
        [("literal", "items/400000 "), ("none", "nothing like it"), ("class", "[0-9]{6} 200 96ms")]
    {
        let start = Instant::now();
        let mut stream =
            search(&store, &query(pattern, Some(500_000))).stream(Arc::new(Semaphore::new(1)));
        let (mut first, mut end) = (None, SearchProgress::default());
        while let Some(found) = stream.next().await {
            end = found.unwrap();
            if end.next.is_some() || end.previous.is_some() {
                first.get_or_insert(start.elapsed());
            }
        }
        println!("{what}: first {first:?}, all {:?}, {} hits", start.elapsed(), end.hits);
        assert!(end.over && end.looked == 1_000_000, "{end:?}");
    }
}

#[tokio::test]
async fn an_abandoned_search_ends() {
    let store = million();
    let permits = Arc::new(Semaphore::new(1));
    let mut stream = search(&store, &query("no such line", None)).stream(Arc::clone(&permits));
    let first = stream.next().await.unwrap().unwrap();
    drop(stream);
    // The search thread releases the permit when it has stopped.
    let _permit = permits.acquire().await.unwrap();
    assert!(!first.over && first.looked < 1_000_000, "{first:?}");
}

#[tokio::test]
async fn one_that_follows_goes_on_counting_as_lines_come_and_go() {
    let limits = OutputLimits { memory: 256 << 10, ..OutputLimits::default() };
    let store = LogStore::new(limits);
    let intake = |name| LineSplitter::new(&store, store.source(&Name::new(name)), 1, None);
    let (mut web, mut db) = (intake("web"), intake("db"));
    let now = Timestamp::UNIX_EPOCH;
    db.push(Stream::Out, b"a hit\nno\n", now);
    web.push(Stream::Out, b"a hit\na hit\n", now);
    let query = SearchQuery { follow: true, ..query("hit", Some(2)) };
    let mut stream = search(&store, &query).stream(Arc::new(Semaphore::new(1)));
    let mut until = async |hits: u64| {
        loop {
            let found = stream.next().await.unwrap().unwrap();
            if found.over && found.hits == hits {
                return found;
            }
        }
    };
    let found = until(3).await;
    assert_eq!((found.looked, found.before, found.next, found.last), (4, 1, Some(2), Some(3)));
    db.push(Stream::Out, b"no\nno\n", now);
    db.push(Stream::Out, b"another hit\n", now);
    let found = until(4).await;
    assert_eq!((found.before, found.previous, found.next), (1, Some(0), Some(2)));
    assert_eq!((found.first, found.last, found.looked), (Some(0), Some(6), 7));
    // New lines of web push out its old lines, but not those of db.
    let line = [&[b'.'; 99][..], b"\n"].concat().repeat(8000);
    web.push(Stream::Out, &line, now);
    web.push(Stream::Out, b"the last hit\n", now);
    let found = until(3).await;
    assert_eq!((found.before, found.first, found.next), (1, Some(0), Some(6)));
    drop(stream);
}

#[test]
fn a_search_that_is_not_wanted_any_more_looks_at_nothing() {
    let store = store(10_000, |number| format!("line {number}\n"));
    let (reports, progress) = watch::channel(SearchProgress::default());
    drop(progress);
    search(&store, &query("line", None)).search_all(&reports);
    assert_eq!(reports.borrow().looked, 0);
}

#[test]
fn the_next_line_or_error_is_found_in_either_direction() {
    let store = store(5000, |number| match number {
        100 | 4000 => "ERROR no\n".to_owned(),
        _ => format!("INFO {number}\n"),
    });
    let found = |query: SeekQuery| {
        let seek = seek((Arc::clone(&store), RunMarkers::default()), all(), &query).unwrap();
        seek(&|| false).place
    };
    let error =
        SeekQuery { level: Some(crate::control::wire::Severity::Error), ..SeekQuery::default() };
    let at = |from: &str, back| SeekQuery { from: Some(from.into()), back, ..error.clone() };
    assert_eq!(found(error.clone()), Some("100".into()));
    assert_eq!(found(at("100", false)), Some("4000".into()));
    assert_eq!(found(at("4000", false)), None);
    assert_eq!(found(at("4000", true)), Some("100".into()));
    assert_eq!(found(SeekQuery { back: true, ..error.clone() }), Some("4000".into()));
    let line = SeekQuery { search: Some(" 42$".into()), ..SeekQuery::default() };
    assert_eq!(found(line), Some("42".into()));
    assert_eq!(found(SeekQuery { run: true, ..SeekQuery::default() }), None);
    let cleared = |back| SeekQuery { cleared: Some("100".into()), back, ..error.clone() };
    assert_eq!(found(cleared(false)), Some("4000".into()), "what is cleared away is not found");
    let before = SeekQuery { from: Some("4000".into()), ..cleared(true) };
    assert_eq!(found(before), None);
}

#[test]
fn colours_are_not_searched() {
    let store = store(1, |_| "\x1b[31mERROR\x1b[0m no\n".to_owned());
    let found = |search: &str| {
        let query = SeekQuery { search: Some(search.into()), ..SeekQuery::default() };
        let seek = seek((Arc::clone(&store), RunMarkers::default()), all(), &query).unwrap();
        seek(&|| false).place
    };
    assert_eq!(found("^ERROR no$"), Some("0".into()));
    assert_eq!(found("31m"), None);
}

fn started(seq: u64, output: u64, name: &str) -> crate::machine::Event {
    let mut event = serde_json::from_value(serde_json::json!({
        "event": "process_started", "seq": seq, "time": "2026-01-02T03:04:05Z",
        "name": name, "process": name, "run": 1, "attempt": 1, "pid": 7,
        "cause": {"kind": "start"},
    }))
    .unwrap();
    if let crate::machine::Event::ProcessStarted(started) = &mut event {
        started.stamp.output = output;
    }
    event
}

#[test]
fn runs_and_events_are_found_by_their_marks() {
    let (store, markers) = (store(10, |number| format!("{number}\n")), RunMarkers::default());
    for (seq, output) in [(1, 0), (4, 3), (9, 7)] {
        markers.record(&started(seq, output, "web"));
    }
    let found = |query: SeekQuery| {
        let seek = seek((Arc::clone(&store), markers.clone()), all(), &query).unwrap();
        seek(&|| false).place
    };
    let run = |from: Option<&str>, back| SeekQuery {
        run: true,
        from: from.map(str::to_owned),
        back,
        ..SeekQuery::default()
    };
    assert_eq!(found(run(None, false)), Some("0.1".into()));
    assert_eq!(found(run(Some("0.1"), false)), Some("3.4".into()));
    assert_eq!(found(run(Some("5"), true)), Some("3.4".into()));
    assert_eq!(found(run(Some("7.9"), false)), None);
    let event = |event| SeekQuery { event: Some(event), ..SeekQuery::default() };
    assert_eq!(found(event(4)), Some("3.4".into()));
    assert_eq!(found(event(8)), Some("3.4".into()), "what did nothing to a run: the one before");
    assert_eq!(found(event(0)), None);
    let cleared = SeekQuery { cleared: Some("5".into()), ..event(8) };
    assert_eq!(found(cleared), None);
}
