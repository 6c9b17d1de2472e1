use super::*;
use crate::output::{StyleMode, safe_line};

mod event_texts;

fn table(colour: bool) -> EventTable {
    let style = OutputStyle { colour, width: None };
    let today = "2026-01-02T12:00:00Z".parse().unwrap();
    EventTable { style, zone: TimeZone::UTC, today, name_width: 7 }
}

const EVENTS: &[(&str, &str)] = &[
    (
        r#"{"seq":1,"time":"2026-01-02T03:04:05.678Z","event":"process_started","name":"api","process":"api","run":3,"attempt":1,"pid":47,"cause":{"kind":"file_changed","path":"src/main.rs"}}"#,
        "03:04:05.678  api      started, pid 47, run 3                src/main.rs changed",
    ),
    (
        r#"{"seq":2,"time":"2026-01-02T03:04:05.700Z","event":"process_queued","name":"b.1","process":"b.1","run":0,"attempt":1,"pool":"b","cause":{"kind":"start"}}"#,
        "03:04:05.700  b.1      queued in b                           project start",
    ),
    (
        r#"{"seq":3,"time":"2026-01-02T03:04:05.700Z","event":"process_stopping","name":"api","process":"api","run":3,"attempt":1,"signal":"TERM","cause":{"kind":"user"}}"#,
        "03:04:05.700  api      is stopping (TERM)                    manual",
    ),
    (
        r#"{"seq":4,"time":"2026-01-01T03:04:05.700Z","event":"process_completed","name":"api","process":"api","run":3,"attempt":1,"exit_code":1,"success":false,"duration_ms":8100,"leaked":false,"cause":{"kind":"exit","exit_code":1}}"#,
        "01-01 03:04:05  api      failed: exit 1 after 8.1s",
    ),
    (
        r#"{"seq":5,"time":"2026-01-02T03:04:05.700Z","event":"pool_drained","pool":"b","succeeded":3,"failed":0}"#,
        "03:04:05.700  b        finished: 3 succeeded",
    ),
    (
        r#"{"seq":6,"time":"2026-01-02T03:04:05.700Z","event":"project_ready"}"#,
        "03:04:05.700  project  project ready",
    ),
    (
        r#"{"seq":7,"time":"2026-01-02T03:04:05.700Z","event":"config_rejected","faults":[{"file":"procfile.toml","line":1,"column":1,"message":"x","hint":null}],"cause":{"kind":"user"}}"#,
        "03:04:05.700  project  procfile rejected: 1 mistake; nothing has changed  manual",
    ),
    (
        r#"{"seq":8,"time":"2026-01-02T03:04:05.700Z","event":"project_stopping","cause":{"kind":"shutdown","reason":"asked"}}"#,
        "03:04:05.700  project  is stopping                           stop requested",
    ),
    (r#"{"seq":9,"event":"of_another_version"}"#, r#"{"seq":9,"event":"of_another_version"}"#),
    ("", ""),
];

/// The columns of an event after its time.
fn words_of(event: &Event) -> Vec<String> {
    let (style, zone) = (OutputStyle::PLAIN, TimeZone::UTC);
    let table = EventTable { style, zone, today: Timestamp::UNIX_EPOCH, name_width: 7 };
    let row = table.row(&serde_json::to_string(event).unwrap());
    row.trim_end()
        .split("  ")
        .filter(|text| !text.is_empty())
        .map(str::trim)
        .map(str::to_owned)
        .skip(1)
        .collect()
}

#[test]
fn an_event_is_a_row_for_people() {
    assert_eq!(
        table(false).head(),
        "TIME          NAME     EVENT                                 CAUSE\n"
    );
    for (event, row) in EVENTS {
        assert_eq!(table(false).row(event), format!("{row}\n"), "{event}");
    }
}

#[test]
fn colours_change_no_word_of_a_row() {
    for (event, row) in EVENTS {
        let coloured = table(true).row(event);
        assert_eq!(safe_line(coloured.trim_end().as_bytes(), StyleMode::Drop), *row, "{coloured}");
    }
    let failed = table(true).row(EVENTS.get(3).unwrap().0);
    assert!(failed.contains("\u{1b}[31m"), "{failed:?}");
}
