//! Many clients of the control socket at the same time: conflicting commands, slow and reconnecting clients.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::common::events::{is_end, kind, name};
use crate::common::{BOUND, Project, Running, long_sleep, times, wait_until};
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["a", "b", "c"];
/// The code of a run that finds another one of its process alive.
const OVERLAP: i64 = 99;

/// Each run holds a lock for as long as it lives, which the kernel lets go with its last process.
fn up() -> (Project, Running) {
    let sleep = long_sleep();
    let processes = NAMES.map(|name| {
        format!(
            "[process.{name}]\nstop = {{ grace = '5s' }}\n\
             command = ['flock', '-n', '-E', '{OVERLAP}', 'lock.{name}', 'sleep', '{sleep}']\n"
        )
    });
    let project = Project::new(&format!("[project]\nname = 'shop'\n{}", processes.concat()));
    let running = project.up(["--keep", "--quiet", "--events", "events"]);
    for name in NAMES {
        running.wait_err(&format!("{name} started"));
    }
    (project, running)
}

/// One request on a separate connection; status and body.
fn ask(project: &Project, line: &str, body: &str) -> (u16, Value) {
    let mut stream = project.connect();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn order(project: &Project, verb: &str, name: &str, no_wait: bool) {
    let body = json!({ "names": [name], "no_wait": no_wait }).to_string();
    let (status, answer) = ask(project, &format!("POST /v1/{verb}"), &body);
    assert_eq!(status, 200, "{verb} {name}: {answer}");
    if no_wait {
        assert_eq!(answer["ok"], true, "{verb} {name}: {answer}");
    }
}

fn states(project: &Project) -> BTreeMap<String, String> {
    let (_, status) = ask(project, "GET /v1/snapshot", "");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = status["processes"].as_array().unwrap();
    all.iter().map(|one| (text(&one["name"]), text(&one["state"]))).collect()
}

/// A generator of numbers that is the same everywhere (xorshift).
struct Dice(u64);

impl Dice {
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        all[((self.0 >> 11) % all.len() as u64) as usize]
    }
}

/// The final state after a command that no other one contradicts.
fn leads_to(verb: &str) -> &'static str {
    if matches!(verb, "start" | "restart") { "ready" } else { "stopped" }
}

/// All concurrently: the command that was accepted last counts, so if the last commands of
/// all clients about a process have the same effect, that is its final state.
#[test]
fn conflicting_commands_of_eight_clients_end_in_the_last_one_without_overlapping_runs() {
    let (project, running) = up();
    for round in 0..u64::from(times(6)) {
        let mut dice = Dice(round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let agreed: BTreeMap<&str, &str> =
            NAMES.iter().map(|name| (*name, dice.pick(&["ready", "stopped"]))).collect();
        std::thread::scope(|scope| {
            for client in 0..8_u64 {
                let (project, agreed) = (&project, &agreed);
                let mut dice = Dice((round << 8 | client).wrapping_mul(0x2545_f491_4f6c_dd1d) | 1);
                scope.spawn(move || {
                    for _ in 0..12 {
                        let verb = dice.pick(&["start", "stop", "restart", "kill"]);
                        let name = dice.pick(&NAMES);
                        order(project, verb, name, dice.pick(&[true, true, false]));
                    }
                    for name in NAMES {
                        let verbs: &[&str] = if agreed[name] == "ready" {
                            &["start", "restart"]
                        } else {
                            &["stop", "kill"]
                        };
                        let verb = dice.pick(verbs);
                        assert_eq!(leads_to(verb), agreed[name]);
                        order(project, verb, name, dice.pick(&[true, false]));
                    }
                });
            }
        });
        let wanted: BTreeMap<String, String> =
            agreed.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect();
        wait_until(&format!("all is as agreed in round {round}: {wanted:?}"), || {
            states(&project) == wanted
        });
    }
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
    one_life_at_a_time(&project.events("events"));
}

/// By the events: a run starts after the previous one has ended, and no two runs overlap.
fn one_life_at_a_time(events: &[Value]) {
    let mut alive: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut lives = 0;
    for event in events {
        if kind(event) == "process_started" {
            let before = alive.insert(name(event), &event["run"]);
            assert_eq!(before, None, "two at once: {event}");
            lives += 1;
        } else if is_end(event) {
            assert_eq!(alive.remove(name(event)), Some(&event["run"]), "{event}");
            assert_ne!(event["exit_code"], OVERLAP, "it met the run before: {event}");
        }
    }
    assert!(alive.is_empty(), "{alive:?}");
    assert!(lives > 20, "there was hardly anything to see: {lives}");
}

/// Events from after this number on, until the connection is cut after so many of them; their
/// numbers, and whether the stream came to its own end.
fn follow(mut stream: UnixStream, after: u64, most: usize, how: &str) -> (Vec<u64>, bool) {
    let head = match how {
        "header" => format!("GET /v1/events HTTP/1.1\r\nhost: x\r\nlast-event-id: {after}\r\n\r\n"),
        _ => format!("GET /v1/events?after={after} HTTP/1.1\r\nhost: x\r\n\r\n"),
    };
    stream.write_all(head.as_bytes()).unwrap();
    let mut numbers = Vec::new();
    for line in BufReader::new(&stream).lines() {
        let Ok(line) = line else { break };
        assert!(!line.starts_with("event: missed"), "nothing was dropped yet");
        if let Some(number) = line.strip_prefix("id: ") {
            numbers.push(number.parse().unwrap());
            if numbers.len() == most {
                // In the midst of whatever comes.
                return (numbers, false);
            }
        } else if line == "0" {
            return (numbers, true);
        }
    }
    (numbers, true)
}

#[test]
fn a_reconnecting_client_gets_every_event_once() {
    let (project, running) = up();
    let over = AtomicBool::new(false);
    let got = Mutex::new(Vec::new());
    let (settled, stays) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let settled = settled;
            let mut dice = Dice(1);
            let mut all: Vec<u64> = Vec::new();
            loop {
                let how = dice.pick(&["header", "query"]);
                let mut most = dice.pick(&[1, 2, 5, 17]);
                let stream = project.connect();
                // A client cannot reconnect to a project that has ended.
                if over.load(Ordering::Acquire) {
                    most = usize::MAX;
                    settled.send(()).unwrap();
                }
                let (numbers, ended) = follow(stream, all.last().copied().unwrap_or(0), most, how);
                all.extend(numbers);
                if ended {
                    break;
                }
            }
            *got.lock().unwrap() = all;
        });
        for round in 0..40 {
            order(&project, "restart", NAMES[round % 3], round % 2 == 0);
        }
        over.store(true, Ordering::Release);
        while stays.recv_timeout(Duration::from_millis(50)).is_err() {
            order(&project, "restart", NAMES[0], true);
        }
        project.ask(["down"]).code(0);
    });
    running.done().assert_code(0);
    let events = project.events("events");
    let last = events.last().unwrap()["seq"].as_u64().unwrap();
    let got = got.into_inner().unwrap();
    assert_eq!(got, (1..=last).collect::<Vec<u64>>());
    assert!(over.into_inner() && last > 80);
}

/// A client that sends its request in small pieces takes a connection only for a limited time.
#[test]
fn a_client_that_sends_byte_by_byte_is_disconnected_and_blocks_no_other() {
    let (project, running) = up();
    let mut head = project.connect();
    let mut body = project.connect();
    head.write_all(b"GET /v1/snapshot HTTP/1.1\r\nx: ").unwrap();
    let start =
        "POST /v1/kill HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"names\":[\"a\"], ";
    body.write_all(start.as_bytes()).unwrap();
    let begun = Instant::now();
    for stream in [&head, &body] {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    }
    let (mut answers, mut open) = ([Vec::new(), Vec::new()], [true, true]);
    while open.contains(&true) {
        assert!(begun.elapsed() < BOUND, "still open: {open:?}");
        for (at, stream) in [&mut head, &mut body].into_iter().enumerate() {
            if !open[at] {
                continue;
            }
            let mut bytes = [0; 4096];
            // A constant trickle of data does not prevent this.
            let writes = stream.write_all(b" ").is_ok();
            match stream.read(&mut bytes) {
                Ok(0) => open[at] = false,
                Ok(length) => answers[at].extend_from_slice(&bytes[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => open[at] = false,
            }
            open[at] &= writes;
        }
        // All other clients are served.
        assert_eq!(ask(&project, "GET /v1/snapshot", "").0, 200);
    }
    let said = String::from_utf8_lossy(&answers[1]).into_owned();
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    assert_eq!(states(&project)["a"], "ready");
    project.ask(["down"]).code(0);
    running.done().assert_code(0);
}
