use super::*;

#[test]
fn an_event_is_one_flat_object_that_begins_with_number_time_and_kind() {
    let event = Event::from(ProcessStarted {
        stamp: EventStamp { seq: 12, time: "2026-01-02T03:04:05.678Z".parse().unwrap(), output: 0 },
        of: EventSubject {
            id: None,
            name: "api".into(),
            process: "api".into(),
            run: 3,
            attempt: 1,
        },
        pid: 4711,
        cause: Cause::Start,
    });
    let json = serde_json::to_string(&event).unwrap();
    assert_eq!(
        json,
        r#"{"seq":12,"time":"2026-01-02T03:04:05.678Z","event":"process_started","name":"api","process":"api","run":3,"attempt":1,"pid":4711,"cause":{"kind":"start"}}"#
    );
    assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
}
