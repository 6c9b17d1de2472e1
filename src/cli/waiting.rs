//! Waits for processes of a running project, and reports progress.

use std::time::Duration;

use super::project;
use crate::control::wire::{CommandResponse, ControlCommand, WaitRequest};
use crate::control::{Client, Control as _, ControlError, ControlErrorKind};
use crate::engine::Clock;
use crate::spec::Condition;

/// After how long it is said first what is still waited for. Each later time takes twice as long:
/// every time is a question to the project, which answers by itself when it is over.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest time between two of them.
const LONGEST: Duration = Duration::from_secs(64);

/// Waits until these are there, or cannot be any more; says after a while what for.
pub(super) async fn wait_for(
    client: &Client,
    names: &[String],
    until: Option<Condition>,
    limit: Option<Duration>,
) -> Result<CommandResponse, ControlError> {
    let clock = Clock::start();
    let (mut patience, mut said) = (PATIENCE, String::new());
    loop {
        let left = limit.map(|limit| limit.saturating_sub(clock.now().since_start()));
        let time = left.map_or(patience, |left| left.min(patience));
        let timeout_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let waited = WaitRequest { names: names.to_vec(), until, timeout_ms };
        // A project that does not answer at all is no reason to wait longer than was asked.
        let answer = client.execute(ControlCommand::Wait(waited));
        let answer = match left {
            None => answer.await,
            Some(left) => match tokio::time::timeout(left + GRACE, answer).await {
                Ok(answer) => answer,
                Err(_) => return Err(late(limit, "the project does not answer")),
            },
        };
        match answer {
            Err(problem) if problem.error == ControlErrorKind::Timeout => {
                if left.is_some_and(|left| left <= patience) {
                    return Err(late(limit, &problem.message));
                }
                if problem.message != said {
                    project::say(&problem.message);
                    said = problem.message;
                }
                patience = (patience * 2).min(LONGEST);
            }
            answer => return answer,
        }
    }
}

/// Which of these are not there yet and why, such as `waiting for web (starting: being spawned)`.
pub(super) async fn waits_for(client: &Client, names: &[String]) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let order = WaitRequest { names: names.to_vec(), until: None, timeout_ms: Some(0) };
    let answer = client.execute(ControlCommand::Wait(order));
    match tokio::time::timeout(GRACE, answer).await {
        Ok(Err(problem)) if problem.error == ControlErrorKind::Timeout => Some(problem.message),
        Ok(_) | Err(_) => None,
    }
}

/// What an answer may take beyond the time that is waited.
const GRACE: Duration = Duration::from_secs(2);

fn late(limit: Option<Duration>, why: &str) -> ControlError {
    let limit = rounded(limit.unwrap_or_default());
    ControlError::new(ControlErrorKind::Timeout, format!("timed out after {limit:?}; {why}"))
}

/// A part of a limit may have been spent on the start, so what is left is no round number.
fn rounded(limit: Duration) -> Duration {
    const STEP: Duration = Duration::from_millis(100);
    if limit < STEP * 5 {
        return Duration::from_millis(limit.as_millis().try_into().unwrap_or(u64::MAX));
    }
    let steps = (limit + STEP / 2).as_millis() / STEP.as_millis();
    STEP * u32::try_from(steps).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::control::{PROTOCOL, PROTOCOL_HEADER};

    /// A project that is not there for so many questions, and then is; and how long each was to take.
    fn project(times: usize) -> (Client, Arc<Mutex<Vec<u64>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&asked);
        let client = Client::new("shop", move || {
            let (own, other) = UnixStream::pair()?;
            own.set_nonblocking(true)?;
            let known = Arc::clone(&known);
            std::thread::spawn(move || answer(other, &known, times));
            Ok(own)
        });
        (client, asked)
    }

    fn answer(mut stream: UnixStream, known: &Mutex<Vec<u64>>, times: usize) {
        let (mut text, mut buffer) = (String::new(), [0; 1024]);
        while !text.ends_with('}') {
            let length = stream.read(&mut buffer).unwrap();
            text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let waited: WaitRequest = serde_json::from_str(body).unwrap();
        let mut known = known.lock().unwrap();
        known.push(waited.timeout_ms.unwrap());
        let (status, body) = if known.len() <= times {
            ("408 Request Timeout", r#"{"error":"timeout","message":"waiting for web"}"#)
        } else {
            ("200 OK", r#"{"ok":true,"processes":[],"ending":null}"#)
        };
        let head = format!("HTTP/1.1 {status}\r\n{PROTOCOL_HEADER}: {PROTOCOL}\r\n");
        let length = body.len();
        write!(stream, "{head}content-length: {length}\r\n\r\n{body}").unwrap();
    }

    #[tokio::test]
    async fn who_waits_asks_less_and_less_often() {
        let (client, asked) = project(7);
        let names = ["web".to_owned()];
        assert!(wait_for(&client, &names, None, None).await.unwrap().ok);
        let seconds = [2, 4, 8, 16, 32, 64, 64, 64];
        assert_eq!(*asked.lock().unwrap(), seconds.map(|s| s * 1000));
    }

    #[tokio::test]
    async fn the_end_of_the_time_says_who_is_missing() {
        let (client, asked) = project(1);
        let names = ["web".to_owned()];
        let limit = Some(Duration::from_secs(1));
        let late = wait_for(&client, &names, None, limit).await.unwrap_err();
        assert_eq!(late.message, "timed out after 1s; waiting for web");
        assert_eq!(asked.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_limit_is_told_as_it_was_given() {
        for (left, told) in [(2_970_970_876, "3s"), (976_499_502, "1s"), (1_480_000_000, "1.5s")] {
            assert_eq!(format!("{:?}", rounded(Duration::from_nanos(left))), told);
        }
        assert_eq!(format!("{:?}", rounded(Duration::from_micros(50_900))), "50ms");
    }
}
