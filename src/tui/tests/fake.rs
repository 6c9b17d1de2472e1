//! A fake project with processes and lines.
#![expect(clippy::wildcard_enum_match_arm, clippy::cast_possible_wrap, reason = "tests")]

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use serde_json::{Value, json};

use crate::control::wire::{
    OutputLine, OutputProgress, OutputRow, PoolStatus, ProcessState, ProgressQuery, ProjectState,
    SearchProgress, SearchQuery, SeekQuery, Severity, SliceQuery, SliceResponse, StateUpdate,
};
use crate::output::Stream;
use crate::tui::appearance::Appearance;
use crate::tui::clock::ClockReading;
use crate::tui::config::Config;
use crate::tui::model::details::DetailsData;
use crate::tui::model::log_window::RowKey;
use crate::tui::model::{ClientRole, Model};
use crate::tui::msg::{Cmd, Msg, SeekHit};
use crate::tui::render;
use crate::tui::test_render;
use crate::tui::theme::ThemeName;
use crate::tui::update::{begin, update};

/// The moment everything begins at.
pub(super) const START: i64 = 1_767_323_045;

/// A process in a state.
pub(super) fn member(id: u64, name: &str, state: &str) -> ProcessState {
    let (process, replica) = match name.rsplit_once('.') {
        Some((process, number)) if number.parse::<u32>().is_ok() => {
            (process.to_owned(), number.parse::<u32>().ok())
        }
        _ => (name.to_owned(), None),
    };
    let alive = matches!(state, "starting" | "ready" | "unhealthy" | "stopping");
    serde_json::from_value(json!({
        "id": id, "name": name, "process": process, "replica": replica, "pool": null,
        "state": state, "ready": state == "ready", "pid": alive.then_some(4711), "run": 1,
        "attempt": 1, "restarts": 0, "since": "2026-01-02T03:04:05.000Z",
        "uptime_ms": alive.then_some(180_000), "exit_code": null, "signal": null,
        "why": "it was started with the project", "port": null, "cpu_percent": null,
        "memory_bytes": null, "kind": "process", "since_ms": 180_000, "until": null,
        "until_ms": null, "started": alive, "checked": true, "killed": false, "cause": null,
        "error": null, "retry": 0, "retries": 5, "watch": null, "suspended_by": null,
        "autostart": true, "log_file": null, "stdin": false,
        "stop_signal": "TERM", "grace_ms": 10_000,
    }))
    .unwrap()
}

/// The same process with other values in these fields.
pub(super) fn with(process: ProcessState, fields: &Value) -> ProcessState {
    let mut process = serde_json::to_value(process).unwrap();
    for (key, value) in fields.as_object().unwrap() {
        process[key] = value.clone();
    }
    serde_json::from_value(process).unwrap()
}

/// The interface and its project.
pub(super) struct World {
    pub(super) ui: Model,
    pub(super) lines: Vec<(String, Vec<u8>)>,
    /// What is wished for and not done.
    pub(super) cmds: VecDeque<Cmd>,
    /// What was wished for beside output.
    pub(super) orders: Vec<Cmd>,
    /// Fields of the details that replace the usual ones.
    pub(super) details: serde_json::Map<String, Value>,
    followed: Option<ProgressQuery>,
    now: Duration,
}

impl World {
    pub(super) fn new(members: Vec<ProcessState>, size: (u16, u16)) -> Self {
        let look = Appearance::new(ThemeName::None, true);
        let size = Size::new(size.0, size.1);
        let ui = Model::new(Config::default(), look, ClientRole::Owner, size);
        let mut world = Self {
            ui,
            lines: Vec::new(),
            cmds: VecDeque::new(),
            orders: Vec::new(),
            details: serde_json::Map::new(),
            followed: None,
            now: Duration::ZERO,
        };
        world.cmds.extend(begin(&mut world.ui));
        world.push(members, Vec::new());
        world
    }

    pub(super) fn shop(size: (u16, u16)) -> Self {
        let mut all = vec![member(1, "db", "ready"), member(2, "api", "ready")];
        all.extend((1..=3).map(|at| member(2 + at, &format!("web.{at}"), "ready")));
        all.push(member(6, "worker", "backoff"));
        all.push(member(7, "docs", "idle"));
        if let Some(worker) = all.get_mut(5) {
            worker.until_ms = Some(8000);
            worker.record.restarts = 4;
            worker.record.run = 5;
            worker.why = "exit 1 after 8.1s; retry 5 of 8".to_owned();
        }
        if let Some(api) = all.get_mut(1) {
            api.record.port = Some(8080);
            api.options.url = Some("http://127.0.0.1:8080".to_owned());
            api.record.checked = false;
        }
        let mut world = Self::new(all, size);
        for at in 0..200 {
            let name = ["db", "api", "web.1", "worker"][at % 4];
            let text = match at % 10 {
                3 => format!("ERROR smtp connect refused {at}"),
                _ => format!("GET /v1/cart {at}"),
            };
            world.lines.push((name.to_owned(), text.into_bytes()));
        }
        world.grow();
        world.settle();
        world
    }

    pub(super) fn push(&mut self, members: Vec<ProcessState>, pools: Vec<PoolStatus>) {
        let overview = ProjectState {
            project: "shop".to_owned(),
            ready: true,
            processes: members,
            pools,
            ..ProjectState::default()
        };
        self.tell(Msg::State(Box::new(StateUpdate::Whole(overview))));
    }

    pub(super) fn tell(&mut self, msg: Msg) {
        let wall = Timestamp::from_second(START).unwrap();
        let wall = wall + jiff::SignedDuration::try_from(self.now).unwrap();
        let now = ClockReading { since_start: self.now, wall };
        self.cmds.extend(update(&mut self.ui, now, msg));
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.tell(Msg::Tick);
    }

    pub(super) fn grow(&mut self) {
        if let Some(whose) = self.followed.clone() {
            self.tell(Msg::Progress(whose.clone(), self.grown(&whose)));
        }
    }

    fn grown(&self, whose: &ProgressQuery) -> OutputProgress {
        let names = whose.names.as_deref();
        let ours = self.lines.iter().filter(|(name, _)| is_in(names, name));
        let counted = SliceQuery::of(whose.criteria());
        let since = whose.since.unwrap_or(u64::MAX);
        OutputProgress {
            next: self.lines.len() as u64,
            lines: ours.count() as u64,
            new: self.places(&counted).into_iter().filter(|at| *at as u64 >= since).count() as u64,
            ..OutputProgress::default()
        }
    }

    fn known(&self, name: &str, reveal: bool) -> Option<DetailsData> {
        let member = self.ui.process(name)?;
        let token = if reveal { json!("hunter2") } else { json!(null) };
        let mut details = json!({
            "command": ["sh", "-c", "exec serve 'a b'"], "script": "exec serve 'a b'",
            "cwd": "/srv/shop", "env_inherited": true, "restart": "on-failure",
            "env": [{"name": "MODE", "value": "dev"}, {"name": "API_TOKEN", "value": token}],
            "retry": {"attempts": 8, "initial_ms": 1000, "max_ms": 1000, "factor": 1.0,
                "jitter": 0.0, "reset_after_ms": 30_000}, "timeout_ms": null, "idle_timeout_ms": 30_000,
            "success_exit_codes": [0], "shutdown_on": "never",
            "stop": {"signal": "TERM", "grace_ms": 10_000, "command": null, "strays": "kill"},
            "checks": [{"which": "ready", "kind": "tcp", "probe": "tcp :8080", "interval_ms": 1000,
                "timeout_ms": 20_000, "successes": 1, "failures": 3, "answer": "connected",
                "good": true, "in_a_row": 4}],
            "watch": null, "needed_by": [{"name": "web.1", "condition": "ready"}],
            "defined": {"file": "/srv/shop/procfile.toml", "line": 42},
            "runs": [
                {"run": 2, "started": "2026-01-02T03:04:05.000Z", "ended": null, "end": null,
                    "cause": {"kind": "retry", "retry": 1, "retries": 8}, "duration_ms": null,
                    "success": null, "next": null},
                {"run": 1, "started": "2026-01-02T03:03:00.000Z", "duration_ms": 8100,
                    "ended": "2026-01-02T03:03:08.100Z", "end": "failed: exit 1 after 8.1s",
                    "cause": {"kind": "start"}, "success": false, "next": "retry 1 of 8 in 1s"},
            ],
        });
        details["member"] = serde_json::to_value(member).unwrap();
        for (key, value) in &self.details {
            details[key] = value.clone();
        }
        let why = json!({
            "name": name, "state": "ready", "why": "", "checked": true, "cause": null,
            "suspended_by": null,
            "chain": [{"depth": 1, "name": "db", "condition": "ready", "state": "failed",
                "why": "exit 7", "checked": true, "cause": null, "suspended_by": null}],
        });
        let asked = SliceQuery { names: Some(name.to_owned()), ..SliceQuery::default() };
        Some(DetailsData {
            name: name.to_owned(),
            reveal,
            details: serde_json::from_value(details).unwrap(),
            why: serde_json::from_value(why).unwrap(),
            last_lines: self.slice(&asked),
        })
    }

    /// How far a search has come at its end.
    pub(super) fn found(&self, asked: &SearchQuery) -> SearchProgress {
        let lines = SliceQuery::of(asked.criteria());
        let regex = regex::bytes::Regex::new(&asked.search).unwrap();
        let all = self.places(&lines);
        let hits: Vec<u64> = all
            .iter()
            .filter(|at| regex.is_match(&self.lines[**at].1))
            .map(|at| *at as u64)
            .filter(|at| asked.from.is_none_or(|from| *at >= from))
            .collect();
        let before = hits.partition_point(|hit| *hit < asked.at.unwrap_or(u64::MAX));
        SearchProgress {
            looked: all.len() as u64,
            of: all.len() as u64,
            hits: hits.len() as u64,
            before: before as u64,
            next: hits.get(before).copied(),
            previous: before.checked_sub(1).map(|at| hits[at]),
            first: hits.first().copied(),
            last: hits.last().copied(),
            over: true,
        }
    }

    /// The next line, once more from the other end where there is none; runs are not known here.
    fn sought(&self, question: u64, asked: &SeekQuery) -> SeekHit {
        let lines = SliceQuery::of(asked.criteria());
        let all = self.places(&lines);
        let from = asked.from.as_deref().map(|place| (number(place), place.ends_with(".0")));
        let (near, far) = match (asked.back, from) {
            (true, Some((seq, _))) => (all.iter().rfind(|at| (**at as u64) < seq), all.last()),
            (true, None) => (all.last(), None),
            (false, Some((seq, before))) => {
                let is_on = |at: &&usize| **at as u64 > seq || before && **at as u64 == seq;
                (all.iter().find(is_on), all.first())
            }
            (false, None) => (all.first(), None),
        };
        let place = |at: &usize| RowKey::line(*at as u64);
        let wrapped = near.is_none() && far.is_some();
        SeekHit { question, place: near.or(far).map(place), wrapped }
    }

    /// Answers requests until there are none.
    pub(super) fn settle(&mut self) {
        let mut rounds = 0;
        while let Some(wish) = self.cmds.pop_front() {
            rounds += 1;
            assert!(rounds < 1000, "it asks for ever: {wish:?}");
            self.answer(wish);
        }
    }

    pub(super) fn answer(&mut self, wish: Cmd) {
        match wish {
            Cmd::FetchRows(ask) => {
                let given = self.slice(&ask.slice);
                self.tell(Msg::Rows(ask.generation, ask.from, Ok(given)));
            }
            Cmd::FollowProgress(whose) => {
                self.followed = Some(whose);
                self.grow();
            }
            Cmd::Search(question, asked) => {
                let found = self.found(&asked);
                self.tell(Msg::SearchProgress(question, found));
            }
            Cmd::Seek(question, asked) => {
                let sighting = self.sought(question, &asked);
                self.tell(Msg::SeekDone(sighting));
            }
            Cmd::FetchDetails(name, reveal) => {
                let known = self.known(&name, reveal).map(Box::new);
                self.tell(Msg::Details(name, reveal, known));
            }
            Cmd::CancelSearch | Cmd::CancelSeek | Cmd::Measure(_) => {}
            other => self.orders.push(other),
        }
    }

    pub(super) fn slice(&self, asked: &SliceQuery) -> SliceResponse {
        let all = self.places(asked);
        let rows = asked.rows.unwrap_or(100);
        let before = |place: &String| all.partition_point(|at| (*at as u64) < number(place));
        let (from, to) = match (&asked.at, &asked.before, &asked.after) {
            (Some(at), ..) => {
                let from = before(at).saturating_sub(asked.above.unwrap_or(0));
                let from = from.min(all.len().saturating_sub(rows));
                (from, from + rows)
            }
            (_, Some(place), _) => (before(place).saturating_sub(rows), before(place)),
            (.., Some(place)) => {
                let from = all.partition_point(|at| *at as u64 <= number(place));
                (from, from + rows)
            }
            _ => (all.len().saturating_sub(rows), all.len()),
        };
        let to = to.min(all.len());
        SliceResponse {
            rows: all.get(from..to).unwrap_or_default().iter().map(|at| self.row(*at)).collect(),
            before: from > 0,
            after: to < all.len(),
            lines: self
                .places(&SliceQuery { names: asked.names.clone(), ..SliceQuery::default() })
                .len() as u64,
            next: self.lines.len() as u64,
            ..SliceResponse::default()
        }
    }

    fn places(&self, asked: &SliceQuery) -> Vec<usize> {
        let regex = asked.grep.as_ref().map(|grep| regex::bytes::Regex::new(grep).unwrap());
        let cleared = asked.cleared.as_ref().map(|place| number(place));
        let fits = |at: usize, (name, text): &(String, Vec<u8>)| {
            is_in(asked.names.as_deref(), name)
                && regex.as_ref().is_none_or(|regex| regex.is_match(text) != asked.invert)
                && asked.level.is_none_or(|least| level(text).unwrap_or(Severity::Info) >= least)
                && cleared.is_none_or(|cleared| at as u64 > cleared)
        };
        let all = self.lines.iter().enumerate();
        all.filter(|(at, one)| fits(*at, one)).map(|(at, _)| at).collect()
    }

    fn row(&self, at: usize) -> OutputRow {
        let (name, text) = &self.lines[at];
        let time = Timestamp::from_second(START + at as i64).unwrap();
        OutputRow::Line {
            line: OutputLine {
                seq: at as u64,
                time: format!("{time:.3}"),
                name: name.clone(),
                run: 1,
                stream: Stream::Out,
                text: Some(String::from_utf8_lossy(text).into_owned()),
                base64: None,
                partial: false,
            },
            level: level(text),
            continues: false,
        }
    }

    /// Keys, as they are written in the user's file.
    pub(super) fn keys(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.tell(Msg::Key(key.parse().unwrap()));
            self.settle();
        }
    }

    pub(super) fn typed(&mut self, text: &str) {
        for char in text.chars() {
            self.tell(Msg::Key(crate::tui::keys::Chord::char(char)));
            self.settle();
        }
    }

    pub(super) fn screen(&self) -> String {
        let size = (self.ui.size.width, self.ui.size.height);
        test_render::text(&self.buffer(size))
    }

    pub(super) fn buffer(&self, size: (u16, u16)) -> Buffer {
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        render::draw(&self.ui, area, &mut buffer);
        buffer
    }

    /// The texts of the lines on the screen.
    pub(super) fn visible(&self) -> Vec<String> {
        let items = self.ui.logs.items();
        let rows = self.ui.logs.shown(self.ui.logs_area());
        rows.iter()
            .filter_map(|row| items[row.item].1.line())
            .map(|line| line.text.plain())
            .collect()
    }
}

fn level(text: &[u8]) -> Option<Severity> {
    text.starts_with(b"ERROR").then_some(Severity::Error)
}

fn is_in(names: Option<&str>, name: &str) -> bool {
    names.is_none_or(|names| names.split(',').any(|one| one == name))
}

fn number(place: &str) -> u64 {
    place.split('.').next().unwrap().parse().unwrap()
}
