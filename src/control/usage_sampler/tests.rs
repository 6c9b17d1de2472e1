use std::sync::Mutex as Lock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};

use super::*;
use crate::control::{Control as _, LocalControl, Measure, wire::StateUpdate};
use crate::engine::{Clock, EngineMessage};
use crate::machine::{Supervisor, SupervisorOptions};
use crate::output::LogStore;
use crate::spec::{OutputLimits, ProjectLocator};

/// A project of which only what is measured is real: each look finds what is given next.
struct World {
    local: LocalControl,
    looks: Arc<AtomicUsize>,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

const PID: u32 = 7;

/// One process that runs under [`PID`], or that does not.
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
    let (wishes, mut asked) = mpsc::unbounded_channel();
    let (snapshots, seen) = watch::channel(snapshot(Some(PID), 1));
    let store = LogStore::new(OutputLimits::default());
    let engine = EngineHandle { messages: wishes, snapshots: seen, store, clock: Clock::start() };
    let locate = ProjectLocator { files: Vec::new(), dir: std::env::temp_dir(), stdin: None };
    let (_, events) = mpsc::unbounded_channel();
    let local = LocalControl::new(engine, "shop", 1, locate, events);
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let usages = Lock::new(usages.into_iter().collect::<Vec<_>>().into_iter());
    tokio::spawn(async move {
        while let Some(wish) = asked.recv().await {
            let EngineMessage::Request(Request::Measure { reply }) = wish else { continue };
            counted.fetch_add(1, Ordering::SeqCst);
            let next = usages.lock().unwrap().next().unwrap();
            let usage = Usage { cpu: Duration::from_millis(next.0), memory: next.1 };
            reply.send(HashMap::from([(PID, usage)])).unwrap();
        }
    });
    World { local, looks, snapshots }
}

fn run(world: &World) -> MeasuredRun {
    let snapshot = world.snapshots.borrow();
    (snapshot.processes[0].id, snapshot.processes[0].run)
}

fn look(at: u64, cpu: u64, run: MeasuredRun) -> UsageSample {
    let usage = Usage { cpu: Duration::from_millis(cpu), memory: 5 };
    UsageSample {
        at: Moment::after_start(Duration::from_millis(at)),
        used: HashMap::from([(run, usage)]),
    }
}

#[tokio::test]
async fn a_share_is_that_between_two_looks() {
    let world = world([]);
    let one = run(&world);
    let snapshot = Arc::clone(&world.snapshots.borrow());
    let share =
        |before: &UsageSample, now: &UsageSample| figures(before, now, &snapshot)[&one].cpu_percent;
    let near = |share: f64, expected: f64| assert!((share - expected).abs() < 1e-9, "{share}");
    near(share(&look(1000, 400, one), &look(3000, 900, one)), 25.0);
    // Two processors and a half.
    near(share(&look(0, 0, one), &look(1000, 2500, one)), 250.0);
    // Somebody ended and was counted by nobody.
    near(share(&look(0, 900, one), &look(1000, 100, one)), 0.0);
    // It began at 0, after the first look.
    near(share(&UsageSample::default(), &look(2000, 500, one)), 25.0);
    near(share(&look(0, 0, one), &look(3000, 1, one)), 0.0);
}

#[tokio::test(start_paused = true)]
async fn without_anybody_who_asks_nothing_is_measured() {
    let world = world([]);
    let mut pushed = world.local.watch(Measure::No).await.unwrap();
    let Some(Ok(StateUpdate::Whole(whole))) = pushed.next().await else { panic!("no whole") };
    assert_eq!(whole.processes[0].cpu_percent, None);
    world.local.status(Measure::No).await.unwrap();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(world.looks.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn who_watches_with_figures_gets_them_every_five_seconds_until_he_goes() {
    let world = world((0..20).map(|at| (at * 10, 1 << 20)));
    let mut first = world.local.watch(Measure::Yes).await.unwrap();
    let mut second = world.local.watch(Measure::Yes).await.unwrap();
    for flow in [&mut first, &mut second] {
        let Some(Ok(StateUpdate::Whole(_))) = flow.next().await else { panic!("no whole") };
        let Some(Ok(StateUpdate::Changed(changes))) = flow.next().await else {
            panic!("no change")
        };
        assert_eq!(changes.changed[0].memory_bytes, Some(1 << 20));
        assert!(changes.changed[0].cpu_percent.is_some());
    }
    // Two looks to begin with, whoever asks, and one each five seconds after.
    assert_eq!(world.looks.load(Ordering::SeqCst), 2);
    tokio::time::sleep(Duration::from_secs(21)).await;
    let looks = world.looks.load(Ordering::SeqCst);
    drop((first, second));
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(world.looks.load(Ordering::SeqCst), looks, "nobody watches any more");
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_nothing_costs_nothing_and_holds_up_nobody() {
    let world = world((0..20).map(|at| (at * 10, at)));
    // Takes the first piece of two that are made, and then no more.
    let later = [snapshot(Some(PID), 2), snapshot(Some(PID), 3)];
    let mut stalled = world.local.watch(Measure::Yes).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let looks = world.looks.load(Ordering::SeqCst);
    assert!(looks <= 2, "{looks} looks for somebody who takes nothing");
    for run in 2..1000 {
        world.snapshots.send_replace(Arc::clone(&later[run % 2]));
        tokio::task::yield_now().await;
    }
    let status = world.local.status(Measure::Yes).await.unwrap();
    assert!(status.processes[0].memory_bytes.is_some());
    // One piece was made before, and what came meanwhile is one more.
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
    // Nor does its next run take what the one before it took.
    world.snapshots.send_replace(snapshot(Some(PID), 2));
    let status = world.local.status(Measure::Yes).await.unwrap();
    assert_eq!(status.processes[0].memory_bytes, None, "measured for the run before");
}
