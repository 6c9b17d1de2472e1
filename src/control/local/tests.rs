use tokio::sync::watch;

use super::*;
use crate::control::usage_sampler::tests::snapshot;
use crate::output::{LineSplitter, LogStore, Stream};
use crate::spec::OutputLimits;

/// A project without an engine: all there is of it is what was printed.
fn local(store: Arc<LogStore>) -> LocalControl {
    let (wishes, _) = mpsc::unbounded_channel();
    let (_, snapshots) = watch::channel(snapshot(None, 0));
    let session = Session { wishes, snapshots, store, clock: Clock::start() };
    let files = ProjectLocator { files: Vec::new(), dir: std::env::temp_dir(), stdin: None };
    let (_, events) = mpsc::unbounded_channel();
    LocalControl::new(session, "shop", 1, files, events)
}

/// A million lines, of which the first and none else says `needle`.
fn haystack() -> Arc<LogStore> {
    let store = LogStore::new(OutputLimits::default());
    let source = store.source(&Name::new("web"));
    let mut intake = LineSplitter::new(&store, source, 1, None);
    intake.push(Stream::Out, b"needle\n", Timestamp::UNIX_EPOCH);
    let lines: Vec<String> = (0..1000).map(|line| format!("GET /v1/items/{line} 200\n")).collect();
    let lines = lines.concat();
    for _ in 0..1000 {
        intake.push(Stream::Out, lines.as_bytes(), Timestamp::UNIX_EPOCH);
    }
    drop(intake);
    store
}

#[tokio::test]
async fn a_filter_that_finds_little_in_a_million_lines_answers_in_time_and_says_where_to_go_on() {
    let local = local(haystack());
    let mut asked = SliceQuery {
        // Slow, so that it is not through in no time on any machine.
        grep: Some("(?i)n.{0,8}e.{0,8}edle".to_owned()),
        rows: Some(5),
        ..SliceQuery::default()
    };
    let mut answers = 0;
    loop {
        #[expect(clippy::disallowed_methods, reason = "a measurement")]
        let start = std::time::Instant::now();
        let given = local.slice(asked.clone()).await.unwrap();
        let took = start.elapsed();
        println!("{took:?}, on to {:?}", given.before_from);
        // A quarter of a second is allowed for it; a machine may be busy.
        assert!(took < Duration::from_secs(10), "{took:?}");
        answers += 1;
        let Some(place) = given.before_from else {
            assert_eq!((given.rows.len(), given.before), (1, false));
            break;
        };
        assert!(given.before && given.rows.is_empty());
        asked.before = Some(place);
    }
    println!("{answers} answers");
}
