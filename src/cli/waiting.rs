//! Waiting for processes of a running project, and what is said meanwhile.

use std::time::Duration;

use super::project;
use crate::control::wire::{Order, Outcome, Waited};
use crate::control::{Client, Control as _, Kind, Problem};
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
) -> Result<Outcome, Problem> {
    let clock = Clock::start();
    let (mut patience, mut said) = (PATIENCE, String::new());
    loop {
        let left = limit.map(|limit| limit.saturating_sub(clock.now().since_start()));
        let time = left.map_or(patience, |left| left.min(patience));
        let timeout_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let waited = Waited { names: names.to_vec(), until, timeout_ms };
        // A project that does not answer at all is no reason to wait longer than was asked.
        let answer = client.order(Order::Wait(waited));
        let answer = match left {
            None => answer.await,
            Some(left) => match tokio::time::timeout(left + GRACE, answer).await {
                Ok(answer) => answer,
                Err(_) => return Err(late(limit, "the project does not answer")),
            },
        };
        match answer {
            Err(problem) if problem.error == Kind::Timeout => {
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

/// What an answer may take beyond the time that is waited.
const GRACE: Duration = Duration::from_secs(2);

fn late(limit: Option<Duration>, why: &str) -> Problem {
    let limit = limit.unwrap_or_default();
    Problem::new(Kind::Timeout, format!("not there after {limit:?}; {why}"))
}
