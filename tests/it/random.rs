//! Random projects of small real processes, compared with a small model: which processes run, in which order, how
//! often, and the exit code.
//!
//! Seeds are fixed, so a failure identifies the project.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::events::{about, is_end, kind, name, of};
use crate::common::{Project, times};
use serde_json::Value;

/// A generator of numbers that is the same everywhere (xorshift).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Started,
    Succeeded,
    Completed,
}

#[derive(Debug)]
struct One {
    name: String,
    /// Ends well in this run, from 1; never when there is none.
    good_in: Option<u32>,
    /// Cannot even be started.
    missing: bool,
    /// Extra tries.
    retries: u32,
    needs: Vec<(usize, Condition)>,
    pool: Option<usize>,
}

#[derive(Debug)]
struct World {
    all: Vec<One>,
    pools: Vec<u32>,
    text: String,
}

/// The expectation of the model for one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Succeeded { runs: u32 },
    Failed { runs: u32 },
    Skipped,
}

impl One {
    /// How it ends if its dependencies let it run.
    fn fate(&self) -> Fate {
        if self.missing {
            // No retry: a missing program is still missing a second later.
            return Fate::Failed { runs: 1 };
        }
        match self.good_in {
            Some(run) if run <= self.retries + 1 => Fate::Succeeded { runs: run },
            _ => Fate::Failed { runs: self.retries + 1 },
        }
    }
}

fn invent(seed: u64) -> World {
    let mut dice = Dice::new(seed);
    let pools: Vec<u32> = (0..dice.below(3)).map(|_| 1 + dice.below(3) as u32).collect();
    let count = 2 + dice.below(9) as usize;
    let mut all: Vec<One> = Vec::new();
    for number in 0..count {
        let mut needs = Vec::new();
        for other in 0..number {
            if dice.chance(25) {
                let condition = match dice.below(3) {
                    0 => Condition::Started,
                    1 => Condition::Succeeded,
                    _ => Condition::Completed,
                };
                needs.push((other, condition));
            }
        }
        let good_in = match dice.below(10) {
            0..=5 => Some(1),
            6..=7 => Some(2 + dice.below(2) as u32),
            _ => None,
        };
        all.push(One {
            name: format!("p{number}"),
            good_in,
            missing: dice.chance(6),
            retries: if dice.chance(50) { dice.below(3) as u32 } else { 0 },
            needs,
            pool: (!pools.is_empty() && dice.chance(40))
                .then(|| dice.below(pools.len() as u64) as usize),
        });
    }
    let text = write(&mut dice, &all, &pools);
    World { all, pools, text }
}

fn write(dice: &mut Dice, all: &[One], pools: &[u32]) -> String {
    let mut text = String::new();
    for (number, slots) in pools.iter().enumerate() {
        writeln!(text, "[pool.q{number}]\nconcurrency = {slots}").unwrap();
    }
    // In the file, the order is another.
    let mut order: Vec<usize> = (0..all.len()).collect();
    for place in (1..order.len()).rev() {
        order.swap(place, dice.below(place as u64 + 1) as usize);
    }
    for one in order.into_iter().map(|number| &all[number]) {
        let sleep = [0, 0, 5, 20, 50][dice.below(5) as usize];
        let code = 1 + dice.below(5);
        let end = match one.good_in {
            Some(1) => "exit 0".to_owned(),
            Some(run) => format!("[ $PITCREW_RUN -ge {run} ] || exit {code}"),
            None => format!("exit {code}"),
        };
        let command = match (one.missing, one.good_in, sleep) {
            (true, ..) => "['no-such-program-here']".to_owned(),
            (false, Some(1), 0) => "['true']".to_owned(),
            (false, _, 0) => format!("'{end}'"),
            (false, _, ms) => format!("'sleep 0.{ms:03}; {end}'"),
        };
        writeln!(text, "[process.{}]\ncommand = {command}", one.name).unwrap();
        if one.retries > 0 {
            writeln!(
                text,
                "restart = 'on-failure'\nretry = {{ attempts = {}, backoff = {{ initial = '{}ms', \
                 factor = 2.0, max = '20ms', jitter = 0.5 }} }}",
                one.retries,
                1 + dice.below(10)
            )
            .unwrap();
        }
        if let Some(pool) = one.pool {
            writeln!(text, "pool = 'q{pool}'").unwrap();
        }
        if !one.needs.is_empty() {
            let needs: Vec<String> = one
                .needs
                .iter()
                .map(|(other, condition)| {
                    let word = format!("{condition:?}").to_lowercase();
                    format!("{} = '{word}'", all[*other].name)
                })
                .collect();
            writeln!(text, "depends_on = {{ {} }}", needs.join(", ")).unwrap();
        }
    }
    text
}

/// How each process ends. Dependencies come earlier in the list; a skipped process never ends, so
/// a process that waits for its end is skipped too.
fn fates(world: &World) -> Vec<Fate> {
    let mut fates: Vec<Fate> = Vec::new();
    for one in &world.all {
        let possible =
            one.needs.iter().all(|(other, condition)| match (condition, fates[*other]) {
                (Condition::Succeeded, Fate::Succeeded { .. }) => true,
                (Condition::Completed, fate) => fate != Fate::Skipped,
                (Condition::Started, fate) => fate != Fate::Skipped && !world.all[*other].missing,
                (Condition::Succeeded, Fate::Failed { .. } | Fate::Skipped) => false,
            });
        fates.push(if possible { one.fate() } else { Fate::Skipped });
    }
    fates
}

fn verify(world: &World, events: &[Value], code: i32) {
    let fates = fates(world);
    for (one, fate) in world.all.iter().zip(&fates) {
        let started = about(events, "process_started", &one.name);
        let ends: Vec<&Value> =
            events.iter().filter(|e| is_end(e) && name(e) == one.name).collect();
        let skipped = about(events, "process_skipped", &one.name);
        let (runs, gave_up) = match fate {
            Fate::Skipped => (0, false),
            Fate::Succeeded { runs } => (*runs, false),
            Fate::Failed { runs } => (*runs, one.retries > 0 && !one.missing),
        };
        assert_eq!(ends.len() as u32, runs, "runs of {}, {fate:?}", one.name);
        assert_eq!(started.len() as u32, if one.missing { 0 } else { runs }, "{}", one.name);
        assert_eq!(skipped.len(), usize::from(*fate == Fate::Skipped), "{}", one.name);
        let reported = about(events, "process_gave_up", &one.name).len();
        if gave_up {
            assert_eq!(reported, 1, "{}", one.name);
        }
        if runs > 0 {
            let well = ends.last().unwrap()["success"] == true;
            assert_eq!(well, matches!(fate, Fate::Succeeded { .. }), "{}", one.name);
        }
        for (at, start) in started.iter().enumerate() {
            assert_eq!(start["run"], at + 1);
            assert_eq!(start["attempt"], at + 1);
        }
        verify_order(world, one, events);
    }
    verify_slots(world, events);
    let well = fates.iter().all(|fate| matches!(fate, Fate::Succeeded { .. }));
    assert_eq!(code, i32::from(!well));
    assert_eq!(kind(events.last().unwrap()), "project_stopped");
}

/// Its first start comes after its dependencies.
fn verify_order(world: &World, one: &One, events: &[Value]) {
    let seq = |event: &Value| event["seq"].as_u64().unwrap();
    let Some(start) = about(events, "process_started", &one.name).first().map(|e| seq(e)) else {
        return;
    };
    for (other, condition) in &one.needs {
        let other = &world.all[*other].name;
        let met = events.iter().filter(|e| name(e) == other).filter(|event| match condition {
            Condition::Started => kind(event) == "process_started",
            Condition::Succeeded => is_end(event) && event["success"] == true,
            Condition::Completed => is_end(event),
        });
        let met = match condition {
            Condition::Completed => met.max_by_key(|event| seq(event)),
            Condition::Started | Condition::Succeeded => met.min_by_key(|event| seq(event)),
        };
        let met = met.map_or_else(|| panic!("{other} never {condition:?}"), seq);
        assert!(met < start, "{} before {other} {condition:?}", one.name);
    }
}

/// Never more alive than slots, and starts in the order of queueing.
fn verify_slots(world: &World, events: &[Value]) {
    for (number, slots) in world.pools.iter().enumerate() {
        let members: BTreeMap<&str, &One> = world
            .all
            .iter()
            .filter(|one| one.pool == Some(number))
            .map(|one| (one.name.as_str(), one))
            .collect();
        let (mut alive, mut queue) = (0_i64, std::collections::VecDeque::new());
        for event in events.iter().filter(|event| members.contains_key(name(event))) {
            match kind(event) {
                "process_queued" => queue.push_back(name(event)),
                "process_started" => {
                    alive += 1;
                    assert_eq!(queue.pop_front(), Some(name(event)), "not in queue order");
                    assert!(alive <= i64::from(*slots), "more alive than slots");
                }
                "process_completed" => alive -= 1,
                "process_failed" => assert_eq!(queue.pop_front(), Some(name(event))),
                // What it needs has got a new run, or cannot get there any more.
                "process_waiting" | "process_skipped" => queue.retain(|one| *one != name(event)),
                _ => {}
            }
        }
        assert_eq!(alive, 0);
    }
}

#[test]
fn random_projects_do_what_the_model_says() {
    let wanted = u64::from(times(300));
    let next = AtomicU64::new(1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > wanted {
                        return;
                    }
                    let world = invent(seed);
                    let project = Project::new(&world.text);
                    let done = project.up_done(["--quiet", "--events", "events"]);
                    let events = project.events("events");
                    let verdict = std::panic::catch_unwind(|| {
                        verify(&world, &events, done.code());
                    });
                    if let Err(panic) = verdict {
                        println!("seed {seed}\n{}\n{done}", world.text);
                        for event in &events {
                            println!("{event}");
                        }
                        std::panic::resume_unwind(panic);
                    }
                    assert!(of(&events, "process_killed").is_empty(), "seed {seed}");
                }
            });
        }
    });
}
