use jiff::Timestamp;

use super::*;
use crate::control::wire::RunMarkerKind;
use crate::machine::event::{
    Cause, EndDetails, Event, EventStamp, EventSubject, ProcessCompleted, ProcessStarted,
};
use crate::output::LineSplitter;
use crate::spec::{Name, OutputLimits};

struct Fixture {
    store: Arc<LogStore>,
    markers: RunMarkers,
    events: u64,
}

impl Fixture {
    fn new() -> Self {
        let store = LogStore::new(OutputLimits::default());
        Self { store, markers: RunMarkers::default(), events: 0 }
    }

    fn print(&self, name: &str, run: u32, text: &str) {
        let source = self.store.source(&Name::new(name));
        let mut intake = LineSplitter::new(&self.store, source, run, None);
        intake.push(Stream::Out, text.as_bytes(), Timestamp::UNIX_EPOCH);
    }

    fn stamp(&mut self, output: u64) -> EventStamp {
        self.events += 1;
        EventStamp { seq: self.events, output, ..EventStamp::default() }
    }

    fn started(&mut self, name: &str, run: u32, output: u64) {
        let (stamp, of) = (self.stamp(output), subject(name, run));
        self.markers.record(&ProcessStarted { stamp, of, pid: 1, cause: Cause::Start }.into());
    }

    fn ended(&mut self, name: &str, run: u32) {
        let (stamp, of) = (self.stamp(self.store.next_seq()), subject(name, run));
        let end = EndDetails { exit_code: Some(1), duration_ms: 8100, ..EndDetails::default() };
        let cause = Cause::Exit { exit_code: 1 };
        self.markers.record(&Event::from(ProcessCompleted { stamp, of, end, hint: None, cause }));
    }

    fn slice(&self, names: Option<&[&str]>, query: &SliceQuery) -> SliceResponse {
        let selection = match names {
            None => SourceSelection::All,
            Some(names) => {
                SourceSelection::only(names.iter().map(|name| self.store.source(&Name::new(name))))
            }
        };
        let names = names.map(|names| {
            Arc::new(names.iter().map(|&name| name.to_owned()).collect::<HashSet<_>>())
        });
        let of = (Arc::clone(&self.store), self.markers.clone());
        SliceJob::new(of, SourceChoice { selection, names }, query).unwrap().run(&ScanLimit::NONE)
    }
}

fn subject(name: &str, run: u32) -> EventSubject {
    EventSubject { id: None, name: Name::new(name), process: Name::new(name), run, attempt: 1 }
}

/// Each row as a short text.
fn texts(response: &SliceResponse) -> Vec<String> {
    let text = |row: &OutputRow| match row {
        OutputRow::Line { line, .. } => line.text.clone().unwrap(),
        OutputRow::Mark(mark) => {
            let kind = if mark.kind == RunMarkerKind::Started { '>' } else { '<' };
            format!("{kind}{}#{}", mark.name, mark.run)
        }
    };
    response.rows.iter().map(text).collect()
}

fn rows(rows: usize) -> SliceQuery {
    SliceQuery { rows: Some(rows), ..SliceQuery::default() }
}

/// Output of `a` and `b`, and two runs of `mute` without output.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.started("a", 1, 0);
    fixture.print("a", 1, "a1\n");
    fixture.started("mute", 1, 1);
    fixture.ended("mute", 1);
    fixture.print("b", 1, "b1\n");
    fixture.started("mute", 2, 2);
    fixture.ended("mute", 2);
    fixture.print("a", 1, "a2\n");
    fixture.ended("a", 1);
    // The first line of the run arrives before its start event.
    fixture.print("a", 2, "a3\n");
    fixture.started("a", 2, 3);
    fixture
}

const ALL: [&str; 11] =
    [">a#1", "a1", ">mute#1", "<mute#1", "b1", ">mute#2", "<mute#2", "a2", "<a#1", ">a#2", "a3"];

#[test]
fn runs_stand_between_the_lines_that_came_before_and_after() {
    let response = fixture().slice(None, &rows(100));
    assert_eq!(texts(&response), ALL);
    assert!(!response.before && !response.after);
    assert_eq!((response.lines, response.above, response.first, response.next), (4, 0, Some(0), 4));
}

#[test]
fn pages_of_every_size_meet_without_a_gap_or_a_repetition() {
    let fixture = fixture();
    for size in 1..=12 {
        let mut place = None;
        let mut all = Vec::new();
        for _ in 0..20 {
            let response = fixture.slice(None, &SliceQuery { before: place.clone(), ..rows(size) });
            let more = response.before;
            place = response.rows.first().map(OutputRow::position);
            all.splice(0..0, texts(&response));
            if !more {
                break;
            }
        }
        assert_eq!(all, ALL, "backward by {size}");
        let first = fixture.slice(None, &SliceQuery { at: Some("0.0".into()), ..rows(size) });
        let (mut all, mut response) = (texts(&first), first);
        while response.after {
            let after = response.rows.last().map(OutputRow::position);
            response = fixture.slice(None, &SliceQuery { after, ..rows(size) });
            all.extend(texts(&response));
        }
        assert_eq!(all, ALL, "forward by {size}");
    }
}

#[test]
fn a_place_in_the_middle_has_rows_above_it_and_fills_the_page() {
    let fixture = fixture();
    let at = |at: &str, above, size| {
        let query = SliceQuery { at: Some(at.into()), above: Some(above), ..rows(size) };
        texts(&fixture.slice(None, &query))
    };
    assert_eq!(at("1", 2, 5), ALL[2..7]);
    assert_eq!(at("0", 3, 4), ALL[0..4]);
    assert_eq!(at("3", 0, 4), ALL[7..11]);
    assert_eq!(at("99", 0, 2), ALL[9..11]);
}

#[test]
fn only_what_was_chosen_is_there_and_counted() {
    let fixture = fixture();
    let response = fixture.slice(Some(&["b", "mute"]), &rows(100));
    assert_eq!(texts(&response), [">mute#1", "<mute#1", "b1", ">mute#2", "<mute#2"]);
    assert_eq!((response.lines, response.first), (1, Some(1)));
    let query = SliceQuery { grep: Some("[13]".into()), no_marks: true, ..rows(100) };
    assert_eq!(texts(&fixture.slice(None, &query)), ["a1", "b1", "a3"]);
    let query = SliceQuery { invert: true, ..query };
    assert_eq!(texts(&fixture.slice(None, &query)), ["a2"]);
    let query = SliceQuery { cleared: Some("1".into()), ..rows(100) };
    let response = fixture.slice(None, &query);
    assert_eq!(texts(&response), ALL[5..]);
    assert!(!response.before);
    fixture.print("c", 1, "WARN hm\nINFO ok\nsilent\nERROR no\n");
    let query = SliceQuery { level: Some(Severity::Warn), no_marks: true, ..rows(100) };
    assert_eq!(texts(&fixture.slice(None, &query)), ["WARN hm", "ERROR no"]);
}

#[test]
fn a_filter_pages_through_many_chunks_too() {
    let fixture = Fixture::new();
    let lines: Vec<String> = (0..30_000).map(|number| format!("line {number}\n")).collect();
    fixture.print("a", 1, &lines.concat());
    let query = SliceQuery { grep: Some("7777$".into()), ..rows(2) };
    let last = fixture.slice(None, &query);
    assert_eq!(texts(&last), ["line 17777", "line 27777"]);
    assert!(last.before && !last.after);
    let before =
        fixture.slice(None, &SliceQuery { before: Some(last.rows[0].position()), ..query.clone() });
    assert_eq!(texts(&before), ["line 7777"]);
    assert!(!before.before && before.after);
    let after = fixture.slice(None, &SliceQuery { after: Some("7777".into()), ..query });
    assert_eq!(texts(&after), ["line 17777", "line 27777"]);
}

#[test]
fn forty_rows_of_a_million_lines_take_a_moment_wherever_they_are() {
    let fixture = Fixture::new();
    let chunk: Vec<String> =
        (0..1000).map(|number| format!("INFO GET /v1/items {number}\n")).collect();
    for number in 0..1000 {
        fixture.print(
            ["web", "api", "db", "rare"][if number % 100 == 0 { 3 } else { number % 3 }],
            1,
            &chunk.concat(),
        );
    }
    for (what, names) in
        [("all", None), ("one", Some(&["rare"][..])), ("two", Some(&["web", "rare"]))]
    {
        for (where_, query) in [
            ("end", rows(40)),
            ("start", SliceQuery { after: Some("0".into()), ..rows(40) }),
            ("middle", SliceQuery { at: Some("500500".into()), above: Some(20), ..rows(40) }),
            ("before", SliceQuery { before: Some("300000".into()), ..rows(40) }),
        ] {
            #[expect(clippy::disallowed_methods, reason = "a measurement")]
            let start = std::time::Instant::now();
            let response = fixture.slice(names, &query);
            let took = start.elapsed();
            assert_eq!(response.rows.len(), 40, "{what} {where_}");
            println!("{what} {where_}: {took:?}");
            // Generous; a scan of everything takes far longer than this.
            assert!(took < std::time::Duration::from_millis(50), "{what} {where_}: {took:?}");
        }
    }
}

#[test]
fn whoever_goes_on_where_time_ran_out_sees_everything_once() {
    let mut fixture = Fixture::new();
    let mut expected = Vec::new();
    for number in 0..20 {
        let place = fixture.store.next_seq();
        fixture.started("a", number, place);
        expected.push(format!(">a#{number}"));
        let lines: Vec<String> = (0..700).map(|line| format!("{number} {line}\n")).collect();
        fixture.print("a", number, &lines.concat());
        let found = (0..700).filter(|line| line % 100 == 77);
        expected.extend(found.map(|line| format!("{number} {line}")));
        fixture.ended("a", number);
        expected.push(format!("<a#{number}"));
    }
    let late = ScanLimit { is_late: &|| true, ..ScanLimit::NONE };
    for size in [1, 3, 50, 5000] {
        let query = SliceQuery { grep: Some("77$".into()), ..rows(size) };
        let slice = |query: &SliceQuery| {
            let of = (Arc::clone(&fixture.store), fixture.markers.clone());
            let choice = SourceChoice { selection: SourceSelection::All, names: None };
            SliceJob::new(of, choice, query).unwrap().run(&late)
        };
        let (mut all, mut before, mut steps) = (Vec::new(), None, 0);
        loop {
            let response = slice(&SliceQuery { before: before.clone(), ..query.clone() });
            assert!(response.rows.len() <= size);
            let first = response.rows.first().map(OutputRow::position);
            before = response.before_from.clone().or(first);
            all.splice(0..0, texts(&response));
            steps += 1;
            if !response.before {
                break;
            }
        }
        assert_eq!(all, expected, "backward by {size}");
        assert!(steps > 10, "each looks at a part only");
        let (mut all, mut response) =
            (Vec::new(), slice(&SliceQuery { at: Some("0.0".into()), ..query.clone() }));
        loop {
            all.extend(texts(&response));
            if !response.after {
                break;
            }
            let last = response.rows.last().map(OutputRow::position);
            let after = response.after_from.clone().or(last);
            response = slice(&SliceQuery { after, ..query.clone() });
        }
        assert_eq!(all, expected, "forward by {size}");
    }
}
