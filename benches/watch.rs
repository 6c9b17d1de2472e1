//! Watching files: `cargo bench --bench watch`. The time from a save (after the debounce) to the new
//! run, compared with watchexec and entr; and the cost of a tree of 200,000 folders at the start.
//!
//! The command first writes the time, so both are measured by the same clock.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

#[expect(dead_code, reason = "each program uses its part of it")]
mod support;
use support::{
    Budget, Held, Project, beside, errand, find, head, median, pause, percentile, row, until, wall,
};

/// The debounce of both.
const DEBOUNCE: f64 = 0.2;
const SAVES: usize = 100;
/// The number of folders of the large tree: `FOLDERS`, or this default.
const FOLDERS: usize = 200_000;

fn main() -> io::Result<()> {
    if let Some((what, arguments)) = errand() {
        return match (what.as_str(), arguments.first()) {
            ("stamp", Some(file)) => stamp(Path::new(file)),
            _ => Err(io::Error::other(format!("unknown errand {what}"))),
        };
    }
    let ours = saves(&mut |project| {
        let procfile = format!(
            "[process.a]\ncommand = {:?}\nwatch = {{ paths = [\"src\"], suspend_after = 0 }}\n",
            stamping(project)?
        );
        fs::write(project.path("procfile.toml"), procfile)?;
        Held::start(&mut project.up(&["--quiet"])).map(|held| Some((held, DEBOUNCE)))
    })?;
    let theirs = saves(&mut with_watchexec)?;
    let at_once = saves(&mut with_entr)?;
    head("a saved file, beyond 200 ms of silence", SAVES);
    for (name, percent, most) in [("p50", 50, Budget::None), ("p99", 99, Budget::Most(50.0))] {
        let of = |all: &Option<Vec<f64>>| Some(percentile(&mut all.clone()?, percent) * 1e3);
        let value = of(&ours).unwrap_or(f64::NAN);
        row(&format!("new run, {name}"), value, "ms", most);
        beside(&format!("the same, {name}"), value, "ms", ("watchexec", of(&theirs)), Budget::None);
        // entr has no debounce: this is the time from the save itself.
        beside(&format!("the same, {name}"), value, "ms", ("entr", of(&at_once)), Budget::None);
    }
    tree()
}

/// Writes the time and keeps running.
fn stamp(file: &Path) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(file, "{}", wall())?;
    loop {
        pause(1_000_000);
    }
}

fn stamping(project: &Project) -> io::Result<Vec<String>> {
    let program = support::again()?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Ok(vec![text(&program), "stamp".to_owned(), text(&project.path("stamps"))])
}

fn with_watchexec(project: &Project) -> io::Result<Option<Watcher>> {
    let Some(program) = find("watchexec") else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(["--restart", "--debounce", "200ms", "--shell=none", "--watch", "src", "--"]);
    command.args(stamping(project)?).current_dir(project.path(""));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Held::start(&mut command).map(|held| Some((held, DEBOUNCE)))
}

fn with_entr(project: &Project) -> io::Result<Option<Watcher>> {
    let Some(program) = find("entr") else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(["-n", "-r"]).args(stamping(project)?).current_dir(project.path(""));
    fs::write(project.path("files"), "src/main.rs\n")?;
    command.stdin(fs::File::open(project.path("files"))?);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Held::start(&mut command).map(|held| Some((held, 0.0)))
}

/// A tool that watches, and its debounce.
type Watcher = (Held, f64);

/// The time from each save, without the debounce, to the next run.
fn saves(
    start: &mut dyn FnMut(&Project) -> io::Result<Option<Watcher>>,
) -> io::Result<Option<Vec<f64>>> {
    let project = Project::new("")?;
    fs::create_dir(project.path("src"))?;
    let file = project.path("src/main.rs");
    fs::write(&file, "")?;
    let Some((manager, silence)) = start(&project)? else { return Ok(None) };
    let stamps = || -> Vec<f64> {
        let text = fs::read_to_string(project.path("stamps")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    };
    let runs = |count| until(30, 1, || stamps().len() >= count);
    if !runs(1) {
        return Err(io::Error::other("nothing was started"));
    }
    pause(500);
    let mut late = Vec::new();
    for save in 1..=SAVES {
        fs::write(&file, format!("{save}"))?;
        let saved = wall();
        if !runs(save + 1) {
            return Err(io::Error::other(format!("save {save} was missed")));
        }
        late.push(stamps().last().copied().unwrap_or(f64::NAN) - saved - silence);
        // entr misses changes right after it has started a command.
        pause(150);
    }
    drop(manager);
    Ok(Some(late))
}

/// The start of a project that watches a huge tree.
fn tree() -> io::Result<()> {
    let folders =
        std::env::var("FOLDERS").ok().and_then(|text| text.parse().ok()).unwrap_or(FOLDERS);
    let project = Project::new(
        "[process.a]\ncommand = [\"sleep\", \"100000\"]\nwatch = [\"tree/**/*.rs\"]\n",
    )?;
    for number in 0..folders {
        fs::create_dir_all(project.path(&format!(
            "tree/{}/{}/{number}",
            number % 20,
            number % 400
        )))?;
    }
    let runs = support::runs(5);
    let (mut watching, mut without, mut seen, mut memory) = (vec![], vec![], vec![], vec![]);
    for round in 0..runs {
        without.push(started(&project, &["--no-watch"], "plain", round)?.0);
        let (start, manager) = started(&project, &[], "watching", round)?;
        watching.push(start);
        // Its folder may not be watched yet.
        let last = folders.saturating_sub(1);
        let file = format!("tree/{}/{}/{last}/new{round}.rs", last % 20, last % 400);
        fs::write(project.path(&file), "")?;
        let (written, events) = (wall(), project.path(&format!("watching{round}")));
        if !until(120, 5, || support::count(&events, "file_changed") > 0) {
            return Err(io::Error::other("the change was missed"));
        }
        seen.push(wall() - written);
        let engine = support::engine(manager.pid());
        memory.push(engine.and_then(|pid| support::status(pid, "VmRSS")).unwrap_or(0) as f64 / 1e3);
    }
    let (watching, without) = (median(watching) * 1e3, median(without) * 1e3);
    head(&format!("a tree of {folders} folders"), runs);
    beside("first process up", watching, "ms", ("without", Some(without)), Budget::None);
    row("later than without watching", watching - without, "ms", Budget::Most(100.0));
    row("a file in the last folder is seen", median(seen), "s", Budget::None);
    row("memory of the engine", median(memory), "MB", Budget::None);
    Ok(())
}

/// Seconds from the start of pitcrew to the start of its process.
fn started(project: &Project, more: &[&str], name: &str, round: usize) -> io::Result<(f64, Held)> {
    let events = project.path(&format!("{name}{round}"));
    let begun = wall();
    let manager = Held::start(project.up(&["--quiet"]).args(more).arg("--events").arg(&events))?;
    if !until(60, 1, || support::count(&events, "process_started") > 0) {
        return Err(io::Error::other("nothing was started"));
    }
    let all = support::events(&events, "process_started");
    let at = all.first().and_then(support::time_of).unwrap_or(f64::NAN);
    Ok((at - begun, manager))
}
