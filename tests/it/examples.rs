//! The examples of the library run and print the expected output.

use std::process::Command;

/// Runs it and returns its output.
fn example(name: &str) -> String {
    cargo("run", name)
}

fn cargo(verb: &str, name: &str) -> String {
    // An example that hangs is ended.
    let mut cargo = Command::new("timeout");
    cargo.args(["-k", "1", "300", env!("CARGO"), verb, "--quiet", "--example", name]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn run_shows_a_result_a_failure_a_time_limit_and_a_missing_program() {
    let text = example("run");
    assert!(text.contains("failed: exit 2\nstdout:\n    compiling\nstderr:\n    no such file"));
    assert!(text.contains("it ran longer than 200ms and was stopped; it had printed \"working"));
    assert!(text.contains("cannot start `ech`"), "{text}");
}

#[test]
fn pool_works_off_ten_jobs_and_one_fails() {
    let text = example("pool");
    assert!(text.contains("10/10") && text.contains("9 succeeded, 1 failed"), "{text}");
    assert!(text.ends_with("job 7 ended with 1\n"), "{text}");
}

#[test]
fn events_are_lines_of_json_numbered_without_a_gap() {
    let text = example("events");
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"process_killed") && kinds.contains(&"process_gave_up"), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"project_stopped"));
}

#[test]
fn pipeline_counts_words() {
    let text = example("pipeline");
    assert!(text.contains("Command\n") && text.contains("sort -rn"), "{text}");
}

#[test]
fn server_listens_answers_and_is_stopped() {
    let text = example("server");
    assert!(text.contains("200 OK") && text.contains("it logged 1 request"), "{text}");
}

#[test]
fn service_comes_back_after_three_crashes() {
    let text = example("service");
    assert_eq!(text.matches("ended: Some(70)").count(), 3, "{text}");
    assert!(text.contains("again in 200 ms") && text.ends_with("4 attempts\n"), "{text}");
}

#[test]
fn testing_runs_nothing_and_its_tests_pass() {
    let text = example("testing");
    let last = "would run: cross build --target riscv64\nwould run: upload 1.2.0\n";
    assert!(
        text.starts_with("would run: cargo test --workspace\n") && text.ends_with(last),
        "{text}"
    );
    let text = cargo("test", "testing");
    assert!(text.contains("3 passed; 0 failed"), "{text}");
}
