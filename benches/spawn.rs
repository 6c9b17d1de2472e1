//! The cost of a start and of a search for strays, compared with fork.
//!
//! `cargo bench --bench spawn` prints one line for each figure.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a benchmark")]

use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pitcrew::spec::StraysPolicy;
use pitcrew::sys::{
    Child, Host, HostOptions, Launch, OutputFd, RealChild, RealHost, StdinTarget, own_process,
};

const ROUNDS: u32 = 500;

fn launch(argv: &[&str]) -> Launch {
    Launch {
        argv: argv.iter().map(Into::into).collect(),
        cwd: "/".into(),
        env: std::env::vars_os().collect(),
        stdin: StdinTarget::Null,
        stdout: OutputFd::Pipe,
        stderr: OutputFd::Pipe,
        foreground: false,
        terminal: None,
    }
}

fn report(what: &str, total: Duration, count: u32) {
    println!("{what:<58} {:>9.1} µs", total.as_secs_f64() * 1e6 / f64::from(count));
}

async fn end(mut child: RealChild) {
    child.exited().await.unwrap();
    child.reap().unwrap();
}

/// Sequential starts, exits and reaps of `true`.
async fn cycles(host: &RealHost, what: &str) {
    let (mut starting, begun) = (Duration::ZERO, Instant::now());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let child = host.launch(launch(&["/bin/true"])).await.unwrap();
        starting += start.elapsed();
        end(child).await;
    }
    report(&format!("{what}: start"), starting, ROUNDS);
    report(&format!("{what}: start, end, reap"), begun.elapsed(), ROUNDS);
}

fn std_cycles(what: &str, fork: bool, rounds: u32) {
    let begun = Instant::now();
    for _ in 0..rounds {
        let mut command = std::process::Command::new("/bin/true");
        if fork {
            // A `uid` makes std use fork; a process group does not.
            command.uid(rustix::process::getuid().as_raw());
        }
        command.status().unwrap();
    }
    report(what, begun.elapsed(), rounds);
}

fn main() {
    own_process::set_subreaper().unwrap();
    let limit = own_process::raise_descriptor_limit().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let host =
            RealHost::new(HostOptions { soft_nofile: limit, ..HostOptions::default() }).unwrap();
        cycles(&host, "pitcrew").await;
        std_cycles("std (posix_spawn): start, end, reap", false, ROUNDS);
        std_cycles("std (fork): start, end, reap", true, ROUNDS);
        let ballast = vec![1_u8; 256 << 20];
        cycles(&host, "pitcrew, 256 MiB resident").await;
        std_cycles("std (fork), 256 MiB resident: start, end, reap", true, 50);
        drop(ballast);

        let begun = Instant::now();
        let starts: Vec<_> =
            (0..1000).map(|_| host.launch(launch(&["/bin/sleep", "1000"]))).collect();
        let mut children = Vec::new();
        for start in starts {
            children.push(start.await.unwrap());
        }
        println!("1,000 sleeping children started in {:?}", begun.elapsed());
        let mut one = host.launch(launch(&["/bin/true"])).await.unwrap();
        one.exited().await.unwrap();
        let begun = Instant::now();
        for _ in 0..100 {
            assert!(one.strays(StraysPolicy::Kill, &Arc::default()).await.to_end.is_empty());
        }
        report("strays of one ended run beside 1,000 live ones", begun.elapsed(), 100);
        one.reap().unwrap();
        let begun = Instant::now();
        for child in &children {
            child.signal(pitcrew::spec::Signal::TERM).unwrap();
        }
        let tasks: Vec<_> = children
            .into_iter()
            .map(|mut child| {
                tokio::spawn(async move {
                    child.exited().await.unwrap();
                    assert!(
                        child.strays(StraysPolicy::Kill, &Arc::default()).await.to_end.is_empty()
                    );
                    child.reap().unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        println!("1,000 stopped, looked at for strays, reaped in {:?}", begun.elapsed());
    });
}
