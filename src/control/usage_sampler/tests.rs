use std::sync::Mutex as Lock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};

use super::*;
use crate::control::{Control as _, LocalControl, Measure, wire::StateUpdate};
use crate::engine::terminal::Terminals;
use crate::engine::{Clock, EngineMessage};
use crate::machine::{Supervisor, SupervisorOptions};
use crate::output::LogStore;
use crate::spec::{OutputLimits, ProjectLocator};

/// A project without an engine: each sample returns the next usage.
struct World {
    local: LocalControl,
    samples: Arc<AtomicUsize>,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

const PID: u32 = 7;

/// A snapshot of one process with this pid.
pub(in crate::control) fn snapshot(pid: Option<u32>, run: u32) -> Arc<Snapshot> {
    let file = tempfile::tempdir().unwrap();
    let path = file.path().join("procfile.toml");
    std::fs::write(&path, "[process]\nweb = 'true'\n").unwrap();
    let locate = ProjectLocator { files: vec![path], dir: file.path().to_owned(), stdin: None };
    let spec = crate::spec::load(&locate).unwrap();
    let mut supervisor = Supervisor::new(spec.spec, SupervisorOptions::default());
    let mut snapshot = supervisor.snapshot(Moment::default());
    for view in &mut snapshot.processes {
        let view = Arc::make_mut(view);
        (view.record.pid, view.record.run, view.alive_since) =
            (pid, run, pid.map(|_| Moment::default()));
    }
    Arc::new(snapshot)
}

fn world(usages: impl IntoIterator<Item = (u64, u64)>) -> World {
    let (messages, mut requests) = mpsc::unbounded_channel();
    let (snapshots, seen) = watch::channel(snapshot(Some(PID), 1));
    let store = LogStore::new(OutputLimits::default());
    let (terminals, clock) = (Terminals::default(), Clock::start());
    let engine = EngineHandle { messages, snapshots: seen, store, terminals, clock };
    let locate = ProjectLocator { files: Vec::new(), dir: std::env::temp_dir(), stdin: None };
    let (_, events) = mpsc::unbounded_channel();
    let local = LocalControl::new(engine, "shop", 1, locate, events);
    let samples = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&samples);
    let usages = Lock::new(usages.into_iter().collect::<Vec<_>>().into_iter());
    tokio::spawn(async move {
        while let Some(message) = requests.recv().await {
            let EngineMessage::Request(Request::Measure { reply }) = message else { continue };
            counted.fetch_add(1, Ordering::SeqCst);
            let next = usages.lock().unwrap().next().unwrap();
            let usage = Usage { cpu: Duration::from_millis(next.0), memory: next.1 };
            reply.send(HashMap::from([(PID, usage)])).unwrap();
        }
    });
    World { local, samples, snapshots }
}

fn current_run(world: &World) -> MeasuredRun {
    let snapshot = world.snapshots.borrow();
    (snapshot.processes[0].id, snapshot.processes[0].run)
}

fn sample(at: u64, cpu: u64, run: MeasuredRun) -> UsageSample {
    let usage = Usage { cpu: Duration::from_millis(cpu), memory: 5 };
    UsageSample {
        at: Moment::after_start(Duration::from_millis(at)),
        counters: HashMap::from([(run, usage)]),
    }
}

#[tokio::test]
async fn a_share_is_that_between_two_looks() {
    let world = world([]);
    let run = current_run(&world);
    let snapshot = Arc::clone(&world.snapshots.borrow());
    let share = |before: &UsageSample, now: &UsageSample| {
        usage_between(before, now, &snapshot)[&run].cpu_percent
    };
    let near = |share: f64, expected: f64| assert!((share - expected).abs() < 1e-9, "{share}");
    near(share(&sample(1000, 400, run), &sample(3000, 900, run)), 25.0);
    // Two processors and a half.
    near(share(&sample(0, 0, run), &sample(1000, 2500, run)), 250.0);
    // A descendant has ended without being waited for.
    near(share(&sample(0, 900, run), &sample(1000, 100, run)), 0.0);
    // The run started at 0, after the first sample.
    near(share(&UsageSample::default(), &sample(2000, 500, run)), 25.0);
    near(share(&sample(0, 0, run), &sample(3000, 1, run)), 0.0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_measured_without_a_request() {
    let world = world([]);
    let mut updates = world.local.watch(Measure::No).await.unwrap();
    let Some(Ok(StateUpdate::Whole(whole))) = updates.next().await else { panic!("no whole") };
    assert_eq!(whole.processes[0].cpu_percent, None);
    world.local.status(Measure::No).await.unwrap();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(world.samples.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_watches_with_usage_gets_it_every_five_seconds() {
    let world = world((0..20).map(|at| (at * 10, 1 << 20)));
    let mut first = world.local.watch(Measure::Yes).await.unwrap();
    let mut second = world.local.watch(Measure::Yes).await.unwrap();
    for stream in [&mut first, &mut second] {
        let Some(Ok(StateUpdate::Whole(_))) = stream.next().await else { panic!("no whole") };
        let Some(Ok(StateUpdate::Changed(changes))) = stream.next().await else {
            panic!("no change")
        };
        assert_eq!(changes.changed[0].memory_bytes, Some(1 << 20));
        assert!(changes.changed[0].cpu_percent.is_some());
    }
    // Two samples at first, however many clients there are, then one every five seconds.
    assert_eq!(world.samples.load(Ordering::SeqCst), 2);
    tokio::time::sleep(Duration::from_secs(21)).await;
    let samples = world.samples.load(Ordering::SeqCst);
    drop((first, second));
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(world.samples.load(Ordering::SeqCst), samples, "nobody watches any more");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_costs_nothing_and_delays_no_other() {
    let world = world((0..20).map(|at| (at * 10, at)));
    // The client does not take any item.
    let later = [snapshot(Some(PID), 2), snapshot(Some(PID), 3)];
    let mut stalled = world.local.watch(Measure::Yes).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let samples = world.samples.load(Ordering::SeqCst);
    assert!(samples <= 2, "{samples} samples for a client that takes nothing");
    for run in 2..1000 {
        world.snapshots.send_replace(Arc::clone(&later[run % 2]));
        tokio::task::yield_now().await;
    }
    let status = world.local.status(Measure::Yes).await.unwrap();
    assert!(status.processes[0].memory_bytes.is_some());
    // The first item was produced before; the later changes are merged into a second.
    let Some(Ok(StateUpdate::Whole(_))) = stalled.next().await else { panic!("no whole") };
    let Some(Ok(StateUpdate::Changed(sum))) = stalled.next().await else { panic!("no sum") };
    assert_eq!((sum.changed.len(), sum.changed[0].run), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_takes_nothing() {
    let world = world([(0, 1), (10, 1), (20, 1), (30, 1)]);
    let status = world.local.status(Measure::Yes).await.unwrap();
    assert_eq!(status.processes[0].memory_bytes, Some(1));
    world.snapshots.send_replace(snapshot(None, 1));
    let status = world.local.status(Measure::Yes).await.unwrap();
    assert_eq!((status.processes[0].memory_bytes, status.processes[0].cpu_percent), (None, None));
    // The next run does not inherit the usage of the run before.
    world.snapshots.send_replace(snapshot(Some(PID), 2));
    let status = world.local.status(Measure::Yes).await.unwrap();
    assert_eq!(status.processes[0].memory_bytes, None, "measured for the run before");
}
