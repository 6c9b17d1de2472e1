use jiff::Timestamp;
use std::time::Instant;

use super::*;
use crate::output::{Intake, Selection, Stream};
use crate::spec::{Name, OutputLimits};

fn store(lines: usize, text: impl Fn(usize) -> String) -> Arc<LogStore> {
    let store = LogStore::new(OutputLimits::default());
    let source = store.source(&Name::new("web"));
    let mut intake = Intake::new(&store, source, 1, None);
    let lines: Vec<String> = (0..lines).map(text).collect();
    for chunk in lines.chunks(1000) {
        intake.push(Stream::Out, chunk.concat().as_bytes(), Timestamp::UNIX_EPOCH);
    }
    store
}

fn million() -> Arc<LogStore> {
    store(1_000_000, |number| format!("INFO GET /v1/items/{number} 200 {}ms\n", number % 97))
}

fn all() -> Choice {
    Choice { selection: Selection::All, names: None }
}

fn search(store: &Arc<LogStore>, asked: &SearchAsked) -> Search {
    Search::new(Arc::clone(store), all(), asked).unwrap()
}

fn asked(search: &str, at: Option<u64>) -> SearchAsked {
    SearchAsked { search: search.to_owned(), at, ..SearchAsked::default() }
}

async fn last(mut flow: Flow<Found>) -> Found {
    let mut last = Found::default();
    while let Some(found) = flow.next().await {
        last = found.unwrap();
    }
    last
}

#[tokio::test]
async fn hits_are_counted_on_both_sides_and_the_nearest_are_named() {
    let store = store(10_000, |number| format!("line {number}\n"));
    let places = || Arc::new(Semaphore::new(1));
    let found = last(search(&store, &asked("00$", Some(5000))).flow(places())).await;
    let wanted = Found {
        looked: 10_000,
        of: 10_000,
        hits: 99,
        before: 49,
        next: Some(5000),
        previous: Some(4900),
        over: true,
    };
    assert_eq!(found, wanted);
    let found = last(search(&store, &asked("00$", None)).flow(places())).await;
    assert_eq!((found.before, found.next, found.previous), (99, None, Some(9900)));
    let from = SearchAsked { from: Some(9000), ..asked("00$", Some(9850)) };
    let found = last(search(&store, &from).flow(places())).await;
    assert_eq!((found.looked, found.hits, found.before), (1000, 10, 9));
    let within = SearchAsked { grep: Some("^line 1".into()), ..asked("00$", Some(0)) };
    let found = last(search(&store, &within).flow(places())).await;
    assert_eq!((found.hits, found.next), (11, Some(100)));
    let none = last(search(&store, &asked("nothing", Some(7))).flow(places())).await;
    assert_eq!((none.hits, none.next, none.previous, none.over), (0, None, None, true));
    assert!(Search::new(store, all(), &asked("(", None)).is_err());
}

/// The store is full, so that all the work there is shows in how long it takes.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a measurement")]
async fn a_million_lines_are_searched_from_the_middle_outwards() {
    let store = million();
    for (what, pattern) in
        [("literal", "items/400000 "), ("none", "nothing like it"), ("class", "[0-9]{6} 200 96ms")]
    {
        let start = Instant::now();
        let mut flow =
            search(&store, &asked(pattern, Some(500_000))).flow(Arc::new(Semaphore::new(1)));
        let (mut first, mut end) = (None, Found::default());
        while let Some(found) = flow.next().await {
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
async fn a_search_that_nobody_waits_for_ends() {
    let store = million();
    let places = Arc::new(Semaphore::new(1));
    let mut flow = search(&store, &asked("no such line", None)).flow(Arc::clone(&places));
    let first = flow.next().await.unwrap().unwrap();
    drop(flow);
    // The place is given back by the thread that looks, once it has stopped.
    let _place = places.acquire().await.unwrap();
    assert!(!first.over && first.looked < 1_000_000, "{first:?}");
}

#[test]
fn a_search_that_is_not_wanted_any_more_looks_at_nothing() {
    let store = store(10_000, |number| format!("line {number}\n"));
    let (told, found) = watch::channel(Found::default());
    drop(found);
    search(&store, &asked("line", None)).look(&told);
    assert_eq!(told.borrow().looked, 0);
}

#[test]
fn the_next_line_or_error_is_found_in_either_direction() {
    let store = store(5000, |number| match number {
        100 | 4000 => "ERROR no\n".to_owned(),
        _ => format!("INFO {number}\n"),
    });
    let sought = |asked: SeekAsked| {
        let seek = seek((Arc::clone(&store), Marks::default()), all(), &asked).unwrap();
        seek(&|| false).place
    };
    let error =
        SeekAsked { level: Some(crate::control::wire::Level::Error), ..SeekAsked::default() };
    let at = |from: &str, back| SeekAsked { from: Some(from.into()), back, ..error.clone() };
    assert_eq!(sought(error.clone()), Some("100".into()));
    assert_eq!(sought(at("100", false)), Some("4000".into()));
    assert_eq!(sought(at("4000", false)), None);
    assert_eq!(sought(at("4000", true)), Some("100".into()));
    assert_eq!(sought(SeekAsked { back: true, ..error.clone() }), Some("4000".into()));
    let line = SeekAsked { search: Some(" 42$".into()), ..SeekAsked::default() };
    assert_eq!(sought(line), Some("42".into()));
    assert_eq!(sought(SeekAsked { run: true, ..SeekAsked::default() }), None);
}
