use jiff::Timestamp;

use super::*;
use crate::control::wire::RunMarkerKind;
use crate::machine::event::{
    Cause, EndDetails, Event, EventStamp, EventSubject, ProcessCompleted, ProcessStarted,
};
use crate::output::LineSplitter;
use crate::spec::{Name, OutputLimits};

struct Desk {
    store: Arc<LogStore>,
    marks: RunMarkers,
    events: u64,
}

impl Desk {
    fn new() -> Self {
        let store = LogStore::new(OutputLimits::default());
        Self { store, marks: RunMarkers::default(), events: 0 }
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
        self.marks.note(&ProcessStarted { stamp, of, pid: 1, cause: Cause::Start }.into());
    }

    fn ended(&mut self, name: &str, run: u32) {
        let (stamp, of) = (self.stamp(self.store.next_seq()), subject(name, run));
        let end = EndDetails { exit_code: Some(1), duration_ms: 8100, ..EndDetails::default() };
        let cause = Cause::Exit { exit_code: 1 };
        self.marks.note(&Event::from(ProcessCompleted { stamp, of, end, hint: None, cause }));
    }

    fn cut(&self, names: Option<&[&str]>, asked: &SliceQuery) -> SliceResponse {
        let selection = match names {
            None => SourceSelection::All,
            Some(names) => {
                SourceSelection::only(names.iter().map(|name| self.store.source(&Name::new(name))))
            }
        };
        let names = names.map(|names| {
            Arc::new(names.iter().map(|&name| name.to_owned()).collect::<HashSet<_>>())
        });
        let of = (Arc::clone(&self.store), self.marks.clone());
        SliceJob::new(of, SourceChoice { selection, names }, asked).unwrap().cut(&ScanLimit::NEVER)
    }
}

fn subject(name: &str, run: u32) -> EventSubject {
    EventSubject { id: None, name: Name::new(name), process: Name::new(name), run, attempt: 1 }
}

/// Each row in a few letters.
fn words(given: &SliceResponse) -> Vec<String> {
    let word = |row: &OutputRow| match row {
        OutputRow::Line { line, .. } => line.text.clone().unwrap(),
        OutputRow::Mark(mark) => {
            let kind = if mark.kind == RunMarkerKind::Started { '>' } else { '<' };
            format!("{kind}{}#{}", mark.name, mark.run)
        }
    };
    given.rows.iter().map(word).collect()
}

fn rows(rows: usize) -> SliceQuery {
    SliceQuery { rows: Some(rows), ..SliceQuery::default() }
}

/// `a` and `b` in turns, and `mute`, which runs twice and prints nothing.
fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.started("a", 1, 0);
    desk.print("a", 1, "a1\n");
    desk.started("mute", 1, 1);
    desk.ended("mute", 1);
    desk.print("b", 1, "b1\n");
    desk.started("mute", 2, 2);
    desk.ended("mute", 2);
    desk.print("a", 1, "a2\n");
    desk.ended("a", 1);
    // Its first line came before its start was told.
    desk.print("a", 2, "a3\n");
    desk.started("a", 2, 3);
    desk
}

const ALL: [&str; 11] =
    [">a#1", "a1", ">mute#1", "<mute#1", "b1", ">mute#2", "<mute#2", "a2", "<a#1", ">a#2", "a3"];

#[test]
fn runs_stand_between_the_lines_that_came_before_and_after() {
    let given = desk().cut(None, &rows(100));
    assert_eq!(words(&given), ALL);
    assert!(!given.before && !given.after);
    assert_eq!((given.lines, given.above, given.first, given.next), (4, 0, Some(0), 4));
}

#[test]
fn pages_of_every_size_meet_without_a_gap_or_a_repetition() {
    let desk = desk();
    for size in 1..=12 {
        let mut place = None;
        let mut all = Vec::new();
        for _ in 0..20 {
            let given = desk.cut(None, &SliceQuery { before: place.clone(), ..rows(size) });
            let more = given.before;
            place = given.rows.first().map(OutputRow::place);
            all.splice(0..0, words(&given));
            if !more {
                break;
            }
        }
        assert_eq!(all, ALL, "backward by {size}");
        let first = desk.cut(None, &SliceQuery { at: Some("0.0".into()), ..rows(size) });
        let (mut all, mut given) = (words(&first), first);
        while given.after {
            let after = given.rows.last().map(OutputRow::place);
            given = desk.cut(None, &SliceQuery { after, ..rows(size) });
            all.extend(words(&given));
        }
        assert_eq!(all, ALL, "forward by {size}");
    }
}

#[test]
fn a_place_in_the_middle_has_rows_above_it_and_fills_the_page() {
    let desk = desk();
    let at = |at: &str, above, size| {
        let asked = SliceQuery { at: Some(at.into()), above: Some(above), ..rows(size) };
        words(&desk.cut(None, &asked))
    };
    assert_eq!(at("1", 2, 5), ALL[2..7]);
    assert_eq!(at("0", 3, 4), ALL[0..4]);
    assert_eq!(at("3", 0, 4), ALL[7..11]);
    assert_eq!(at("99", 0, 2), ALL[9..11]);
}

#[test]
fn only_what_was_chosen_is_there_and_counted() {
    let desk = desk();
    let given = desk.cut(Some(&["b", "mute"]), &rows(100));
    assert_eq!(words(&given), [">mute#1", "<mute#1", "b1", ">mute#2", "<mute#2"]);
    assert_eq!((given.lines, given.first), (1, Some(1)));
    let asked = SliceQuery { grep: Some("[13]".into()), no_marks: true, ..rows(100) };
    assert_eq!(words(&desk.cut(None, &asked)), ["a1", "b1", "a3"]);
    let asked = SliceQuery { invert: true, ..asked };
    assert_eq!(words(&desk.cut(None, &asked)), ["a2"]);
    let asked = SliceQuery { cleared: Some("1".into()), ..rows(100) };
    let given = desk.cut(None, &asked);
    assert_eq!(words(&given), ALL[5..]);
    assert!(!given.before);
    desk.print("c", 1, "WARN hm\nINFO ok\nsilent\nERROR no\n");
    let asked = SliceQuery { level: Some(Severity::Warn), no_marks: true, ..rows(100) };
    assert_eq!(words(&desk.cut(None, &asked)), ["WARN hm", "ERROR no"]);
}

#[test]
fn a_filter_pages_through_many_chunks_too() {
    let desk = Desk::new();
    let lines: Vec<String> = (0..30_000).map(|number| format!("line {number}\n")).collect();
    desk.print("a", 1, &lines.concat());
    let asked = SliceQuery { grep: Some("7777$".into()), ..rows(2) };
    let last = desk.cut(None, &asked);
    assert_eq!(words(&last), ["line 17777", "line 27777"]);
    assert!(last.before && !last.after);
    let before =
        desk.cut(None, &SliceQuery { before: Some(last.rows[0].place()), ..asked.clone() });
    assert_eq!(words(&before), ["line 7777"]);
    assert!(!before.before && before.after);
    let after = desk.cut(None, &SliceQuery { after: Some("7777".into()), ..asked });
    assert_eq!(words(&after), ["line 17777", "line 27777"]);
}

#[test]
fn forty_rows_of_a_million_lines_take_a_moment_wherever_they_are() {
    let desk = Desk::new();
    let chunk: Vec<String> =
        (0..1000).map(|number| format!("INFO GET /v1/items {number}\n")).collect();
    for number in 0..1000 {
        desk.print(
            ["web", "api", "db", "rare"][if number % 100 == 0 { 3 } else { number % 3 }],
            1,
            &chunk.concat(),
        );
    }
    for (what, names) in
        [("all", None), ("one", Some(&["rare"][..])), ("two", Some(&["web", "rare"]))]
    {
        for (where_, asked) in [
            ("end", rows(40)),
            ("start", SliceQuery { after: Some("0".into()), ..rows(40) }),
            ("middle", SliceQuery { at: Some("500500".into()), above: Some(20), ..rows(40) }),
            ("before", SliceQuery { before: Some("300000".into()), ..rows(40) }),
        ] {
            #[expect(clippy::disallowed_methods, reason = "a measurement")]
            let start = std::time::Instant::now();
            let given = desk.cut(names, &asked);
            let took = start.elapsed();
            assert_eq!(given.rows.len(), 40, "{what} {where_}");
            println!("{what} {where_}: {took:?}");
            // Generous; a scan of everything takes far longer than this.
            assert!(took < std::time::Duration::from_millis(50), "{what} {where_}: {took:?}");
        }
    }
}

#[test]
fn whoever_goes_on_where_time_ran_out_sees_everything_once() {
    let mut desk = Desk::new();
    let mut expected = Vec::new();
    for number in 0..20 {
        let place = desk.store.next_seq();
        desk.started("a", number, place);
        expected.push(format!(">a#{number}"));
        let lines: Vec<String> = (0..700).map(|line| format!("{number} {line}\n")).collect();
        desk.print("a", number, &lines.concat());
        let found = (0..700).filter(|line| line % 100 == 77);
        expected.extend(found.map(|line| format!("{number} {line}")));
        desk.ended("a", number);
        expected.push(format!("<a#{number}"));
    }
    let late = ScanLimit { late: &|| true, ..ScanLimit::NEVER };
    for size in [1, 3, 50, 5000] {
        let asked = SliceQuery { grep: Some("77$".into()), ..rows(size) };
        let cut = |asked: &SliceQuery| {
            let of = (Arc::clone(&desk.store), desk.marks.clone());
            let choice = SourceChoice { selection: SourceSelection::All, names: None };
            SliceJob::new(of, choice, asked).unwrap().cut(&late)
        };
        let (mut all, mut before, mut steps) = (Vec::new(), None, 0);
        loop {
            let given = cut(&SliceQuery { before: before.clone(), ..asked.clone() });
            assert!(given.rows.len() <= size);
            let first = given.rows.first().map(OutputRow::place);
            before = given.before_from.clone().or(first);
            all.splice(0..0, words(&given));
            steps += 1;
            if !given.before {
                break;
            }
        }
        assert_eq!(all, expected, "backward by {size}");
        assert!(steps > 10, "each looks at a part only");
        let (mut all, mut given) =
            (Vec::new(), cut(&SliceQuery { at: Some("0.0".into()), ..asked.clone() }));
        loop {
            all.extend(words(&given));
            if !given.after {
                break;
            }
            let last = given.rows.last().map(OutputRow::place);
            let after = given.after_from.clone().or(last);
            given = cut(&SliceQuery { after, ..asked.clone() });
        }
        assert_eq!(all, expected, "forward by {size}");
    }
}
