//! Output of processes: on stdout, in log files and in memory; complete, safe for terminals, and bounded.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::common::pty::Terminal;
use crate::common::{self, Oddity, Project, hash, long_sleep, memory_kib, wait_until};

#[test]
fn names_are_padded_to_the_longest() {
    let project = Project::new(
        "[process.a]\ncommand = 'echo one'\n\
         [process.longer]\ncommand = 'echo two; echo three >&2'\ndepends_on = { a = 'completed' }\n",
    );
    let done = project.up_done([]);
    let mut lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(lines[0], "a      | one");
    lines.sort_unstable();
    assert_eq!(lines, ["a      | one", "longer | three", "longer | two"]);
    done.assert_err("pitcrew | longer started");
}

#[test]
fn the_last_line_without_a_newline_is_printed_too() {
    let project = Project::new("[process]\na = 'printf \"one\\ntwo\"'\n");
    assert_eq!(project.up_done([]).out, "a | one\na | two\n");
}

#[test]
fn an_empty_line_is_a_line() {
    let project = Project::new("[process]\na = 'echo; echo x; echo'\n");
    assert_eq!(project.up_done([]).out, "a | \na | x\na | \n");
}

#[test]
fn lines_of_two_processes_are_never_mixed() {
    let line = |name: char| name.to_string().repeat(3_000);
    let command = |name| format!("for i in $(seq 300); do echo {}; done", line(name));
    let project =
        Project::new(&format!("[process]\na = '{}'\nb = '{}'\n", command('x'), command('y')));
    let out = project.up_done([]).out;
    let (a, b) = (format!("a | {}", line('x')), format!("b | {}", line('y')));
    assert!(out.lines().all(|line| line == a || line == b));
    assert_eq!(out.lines().count(), 600);
}

#[test]
fn a_line_over_the_limit_comes_in_pieces_and_is_whole() {
    let project = Project::new(
        "[process]\na = '''head -c 200000 /dev/zero | tr '\\0' x; echo; echo end'''\n",
    );
    let out = project.up_done([]).out;
    let pieces: Vec<&str> = out.lines().map(|line| line.strip_prefix("a | ").unwrap()).collect();
    assert_eq!(*pieces.last().unwrap(), "end");
    let long = &pieces[..pieces.len() - 1];
    assert!(long.len() >= 4 && long.iter().all(|piece| piece.len() <= 64 << 10));
    assert_eq!(long.concat(), "x".repeat(200_000));
}

#[test]
fn into_a_pipe_the_bytes_are_as_they_came() {
    let project = Project::new(
        "[process]\na = 'printf \"\\000\\001\\033[31mred\\033]0;title\\007\\377\\376\\r\\n\"'\n",
    );
    let done = project.up_done([]);
    assert_eq!(done.raw, b"a | \0\x01\x1b[31mred\x1b]0;title\x07\xff\xfe\r\n");
}

#[test]
fn to_a_terminal_hostile_bytes_are_made_safe() {
    let project = Project::new(
        "[process]\na = '''printf '\\033[2J\\033[10;10Hx\\033]0;owned\\007\\033[31mred\\033[0m\\033[?1049h\\233\\377\\177 \\033Pq\\033\\\\end\\n' '''\n",
    );
    let mut command = project.pitcrew(["up", "--no-tui"]);
    command.env("TERM", "xterm");
    let mut terminal = Terminal::start(command);
    terminal.wait("end");
    assert_eq!(terminal.ended().code(), Some(0));
    let shown = terminal.shown.bytes();
    let line = shown.split(|b| *b == b'\n').find(|line| line.ends_with(b"end\r")).unwrap();
    let line = String::from_utf8(line.to_vec()).unwrap();
    assert!(line.contains("\x1b[31m") || line.contains("\x1b[0;31m"), "colours stay: {line:?}");
    for bad in ["\x1b[2J", "\x1b[10;10H", "\x1b]", "\x07", "\x1b[?1049h", "\x1bP", "\x7f", "\u{9b}"]
    {
        assert!(!line.contains(bad), "{bad:?} in {line:?}");
    }
}

#[test]
fn to_a_terminal_names_have_colours_unless_no_color_is_set() {
    let project = Project::new("[process]\na = 'echo text'\n");
    let mut command = project.pitcrew(["up", "--no-tui"]);
    command.env("TERM", "xterm");
    let mut terminal = Terminal::start(command);
    terminal.wait("text");
    terminal.ended();
    assert!(terminal.shown.lossy().contains("a |\x1b[0m text"));
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut command = project.pitcrew(["up", "--no-tui"]);
        command.env("TERM", "xterm").env(name, value);
        let mut terminal = Terminal::start(command);
        terminal.wait("text");
        terminal.ended();
        assert!(!terminal.shown.lossy().contains('\x1b'), "{name}");
    }
}

#[test]
fn a_prompt_without_a_newline_is_shown_when_the_next_line_or_the_end_comes() {
    let project = Project::new("[process]\na = '''printf 'Name? '; sleep 0.3; echo 'thanks' '''\n");
    assert_eq!(project.up_done([]).out, "a | Name? thanks\n");
}

#[test]
fn a_closed_output_ends_it_quietly_and_leaves_nothing() {
    let project = Project::new(&format!(
        "[process]\na = 'while :; do echo line; sleep 0.01; done'\nb = 'exec sleep {}'\n",
        long_sleep()
    ));
    let mut shell = project.command("bash");
    let script = format!("{} up --no-tui | head -n 1; echo ${{PIPESTATUS[0]}}", common::binary());
    shell.args(["-c", &script]);
    let done = project.finished(shell);
    assert_eq!(done.out, "a | line\n141\n");
    assert!(!done.err.contains("panic"), "{done}");
}

#[test]
fn stderr_that_is_closed_stops_nothing() {
    let project = Project::new("[process]\na = 'echo fine; echo more >&2'\n");
    let mut shell = project.command("bash");
    shell.args(["-c", &format!("{} up --no-tui 2>&-; echo code $?", common::binary())]);
    let done = project.finished(shell);
    done.assert_out("| fine");
    done.assert_out("| more");
    done.assert_out("code 0");
}

#[test]
fn a_full_disk_under_stdout_stops_no_child() {
    let project = Project::new("[process]\na = 'echo line; touch ran'\n");
    let mut shell = project.command("bash");
    shell.args(["-c", &format!("{} up --no-tui >/dev/full", common::binary())]);
    let done = project.finished(shell);
    done.assert_code(0);
    done.assert_err("cannot write to stdout");
    assert!(project.path("ran").exists(), "{done}");
}

// ---- log files ----------------------------------------------------------------------------------

/// All files of a log, the oldest first.
fn whole_log(project: &Project, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in (1..=9).rev() {
        bytes.extend(project.read(&format!("{name}.{number}")));
    }
    bytes.extend(project.read(name));
    bytes
}

#[test]
fn a_log_file_is_byte_exact_whatever_is_printed() {
    let project = Project::new(
        "[process.a]\ncommand = '''printf 'a\\377\\376b\\000\\033[2J\\r\\n\\n'; \
         head -c 300000 /dev/urandom > random; cat random; printf '\\nlast' '''\n\
         log = { file = 'logs/a.log' }\n",
    );
    project.up_done(["--quiet"]).assert_code(0);
    let mut wanted = b"a\xff\xfeb\0\x1b[2J\r\n\n".to_vec();
    wanted.extend(project.read("random"));
    wanted.extend(b"\nlast");
    let got = project.read("logs/a.log");
    // A last line that is not ended may be ended in the file.
    let got = if got.len() > wanted.len() { &got[..wanted.len()] } else { &got[..] };
    assert!(got == wanted, "{} {}", got.len(), wanted.len());
}

#[test]
fn a_log_file_is_appended_to_over_restarts_and_sessions() {
    let project = Project::new(
        "[process.a]\ncommand = 'echo run $PITCREW_RUN; exit 1'\nrestart = 'on-failure'\n\
         retry = { attempts = 2, backoff = { initial = '1ms' } }\nlog = { file = 'a.log' }\n",
    );
    for _ in 0..2 {
        project.up_done([]).assert_code(1);
    }
    assert_eq!(project.text("a.log"), "run 1\nrun 2\nrun 3\n".repeat(2));
    let mode = std::fs::metadata(project.path("a.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn fifty_megabytes_of_lines_are_in_the_log_to_the_byte_over_rotations() {
    let project = Project::new("[process.a]\ncommand = 'seq 6500000'\nlog = { file = 'a.log' }\n");
    project.up_done(["--quiet"]).assert_code(0);
    let mut wanted = String::new();
    for number in 1..=6_500_000 {
        writeln!(wanted, "{number}").unwrap();
    }
    let got = whole_log(&project, "a.log");
    assert_eq!(got.len(), wanted.len());
    assert_eq!(hash(&got), hash(wanted.as_bytes()));
    for number in 1..=4 {
        let part = project.read(&format!("a.log.{number}"));
        assert!(part.ends_with(b"\n") && part.len() <= 10 << 20, "whole lines in each file");
    }
}

#[test]
fn one_very_long_line_takes_no_memory_and_is_in_the_log() {
    let project = Project::new(
        "[project]\noutput = { memory = '8MiB' }\n\
         [process.a]\ncommand = '''head -c 64000000 /dev/zero | tr '\\0' x; echo; echo end; \
         until [ -e go ]; do sleep 0.05; done'''\nlog = { file = 'a.log', max_size = '1GiB' }\n",
    );
    let up = project.up(["--quiet"]);
    wait_until("it is written", || project.read("a.log").ends_with(b"end\n"));
    let most = memory_kib(up.engine(), "VmHWM");
    println!("VmHWM {most} KiB");
    assert!(most < (8 + 64) * 1024, "{most} KiB");
    project.write("go", "");
    up.done().assert_code(0);
    let got = project.read("a.log");
    assert_eq!(got.len(), 64_000_000 + 5);
    assert!(got[..64_000_000].iter().all(|b| *b == b'x'));
}

#[test]
fn a_log_is_rotated_by_size_and_only_so_many_are_kept() {
    let project = Project::new(
        "[project]\nlog = { dir = 'logs', max_size = '64KiB', keep = 3 }\n\
         [process]\na = 'seq 100000'\n[process.b]\ncommand = 'echo none'\nlog = false\n",
    );
    project.up_done(["--quiet"]).assert_code(0);
    let mut names: Vec<String> = std::fs::read_dir(project.path("logs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a.log", "a.log.1", "a.log.2", "a.log.3"]);
    let kept = whole_log(&project, "logs/a.log");
    let text = String::from_utf8(kept).unwrap();
    let first: u32 = text.lines().next().unwrap().parse().unwrap();
    let mut wanted = String::new();
    for number in first..=100_000 {
        writeln!(wanted, "{number}").unwrap();
    }
    assert!(text == wanted, "the end of what was printed, without a gap");
    for name in &names {
        assert!(project.read(&format!("logs/{name}")).len() <= 64 << 10, "{name}");
    }
}

#[test]
fn a_slow_reader_learns_what_it_missed() {
    let project = Project::new(
        "[project]\noutput = { memory = '1MiB' }\n\
         [process]\na = 'seq 1000000; touch ran'\n",
    );
    let mut shell = project.command("bash");
    let script = format!(
        "{} up --no-tui | {{ until [ -e ran ]; do sleep 0.02; done; cat; }}",
        common::binary()
    );
    shell.args(["-c", &script]);
    let done = project.finished(shell);
    done.assert_err("lines not shown, the reader is too slow");
    assert!(done.out.ends_with("a | 1000000\n"));
}

#[test]
fn a_full_disk_is_reported_and_stops_nothing() {
    let project = Project::new("[process.a]\ncommand = 'seq 100000'\nlog = { file = 'a.log' }\n");
    std::os::unix::fs::symlink("/dev/full", project.path("a.log")).unwrap();
    let done = project.up_done([]);
    done.assert_code(0);
    assert_eq!(done.out.lines().count(), 100_000);
    done.assert_err("cannot be written");
}

#[test]
fn a_log_folder_that_is_removed_comes_back() {
    let project = Project::new(
        "[process.a]\ncommand = 'echo first; until [ -e go ]; do sleep 0.02; done; \
         for i in $(seq 60); do echo more $i; sleep 0.05; done; echo last'\n\
         log = { file = 'logs/a.log' }\n",
    );
    let up = project.up([]);
    wait_until("the first line is written", || project.text("logs/a.log") == "first\n");
    std::fs::remove_dir_all(project.path("logs")).unwrap();
    project.write("go", "");
    up.done().assert_code(0);
    let text = project.text("logs/a.log");
    assert!(text.ends_with("last\n"), "{text:?}");
}

// ---- how much, how fast -------------------------------------------------------------------------

#[test]
fn a_child_that_prints_300_megabytes_takes_bounded_memory_and_delays_no_other() {
    let project = Project::new(
        "[project]\noutput = { memory = '32MiB' }\n\
         [process.loud]\ncommand = '''yes 'a line of some length, as programs print them' | \
         head -c 300000000; touch loud-done'''\n\
         [process.calm]\ncommand = '''while [ ! -e loud-done ]; do date +%s%N > said; \
         echo tick; sleep 0.1; done'''\nlog = { file = 'calm.log' }\n",
    );
    let mut up = project.up(["--quiet"]);
    let engine = up.engine();
    let (mut most, mut worst) = (0, Duration::ZERO);
    let mut lines = 0;
    let mut since = Instant::now();
    while !project.path("loud-done").exists() {
        most = most.max(memory_kib(engine, "VmHWM"));
        let now = project.text("calm.log").lines().count();
        if now > lines {
            (lines, since) = (now, Instant::now());
        }
        worst = worst.max(since.elapsed());
        assert!(worst < Duration::from_secs(8), "its line does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(up.ended().code(), Some(0));
    println!("VmHWM {most} KiB, longest gap {worst:?}");
    assert!(most < (32 + 64) * 1024, "{most} KiB");
    up.done();
}

#[test]
fn a_reader_that_reads_nothing_delays_no_child() {
    let project = Project::new("[process]\na = 'seq 200000; touch ran; exit 0'\n");
    let mut shell = project.command("bash");
    shell.args([
        "-c",
        &format!(
            "{} up --no-tui 2>/dev/null | {{ until [ -e ran ]; do sleep 0.02; done; wc -l; }}",
            common::binary()
        ),
    ]);
    let done = project.finished(shell);
    assert_eq!(done.out.trim(), "200000");
}

#[test]
fn many_short_lines_of_many_are_all_printed() {
    let project = Project::new("[process.a]\ncommand = 'seq 3000'\nreplicas = 20\n");
    let out = project.up_done([]).out;
    for replica in 1..=20 {
        let label = format!("{:4} | ", format!("a.{replica}"));
        let lines = out.lines().filter_map(|line| line.strip_prefix(&label));
        assert!(lines.eq((1..=3000).map(|n: u32| n.to_string()).collect::<Vec<_>>()), "{label}");
    }
}

// ---- what a child starts with -------------------------------------------------------------------

#[test]
fn a_child_has_default_signals_an_empty_mask_three_descriptors_and_our_limits() {
    let project = Project::new(
        "[process]\na = ['sh', '-c', '''grep -E 'Sig(Blk|Ign)' /proc/self/status; ls -l /proc/self/fd | \
         wc -l; ulimit -Sn; ulimit -Hn; readlink /proc/self/fd/0''']\n",
    );
    let mut command = project.pitcrew(["up", "--no-tui"]);
    common::with_oddities(
        &mut command,
        &[
            Oddity::Ignores(libc::SIGPIPE),
            Oddity::Ignores(libc::SIGUSR1),
            Oddity::Ignores(libc::SIGCHLD),
            Oddity::Blocks(libc::SIGTERM),
            Oddity::Blocks(libc::SIGUSR2),
            Oddity::Blocks(libc::SIGCHLD),
            Oddity::Descriptors(200, 300),
        ],
    );
    let done = project.finished(command);
    done.assert_code(0);
    let lines: Vec<&str> =
        done.out.lines().map(|line| line.strip_prefix("a | ").unwrap()).collect();
    let value = |name: &str| {
        let line = lines.iter().find(|line| line.starts_with(name)).unwrap();
        u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    };
    assert_eq!(value("SigBlk"), 0, "{done}");
    assert_eq!(value("SigIgn"), 0, "{done}");
    // A line for the total, 0, 1, 2, and the folder that is being listed.
    assert_eq!(&lines[2..5], ["5", "200", "300"], "{done}");
    assert!(lines[5].starts_with("pipe:"), "an input that stays open: {done}");
}

#[test]
fn a_log_file_that_was_there_is_the_users_alone_from_then_on() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::new("[process.a]\ncommand = 'echo new'\nlog = { file = 'a.log' }\n");
    project.write("a.log", "old\n");
    let log = project.path("a.log");
    std::fs::set_permissions(&log, std::fs::Permissions::from_mode(0o644)).unwrap();
    project.up_done([]).assert_code(0);
    assert_eq!(std::fs::read(&log).unwrap(), b"old\nnew\n");
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn descriptors_that_pitcrew_inherits_reach_no_child() {
    let project = Project::new("[process]\na = ['sh', '-c', 'ls /proc/self/fd | wc -l']\n");
    let mut shell = project.command("bash");
    shell.args([
        "-c",
        &format!("exec 7</dev/null 9>/dev/null; exec {} up --no-tui", common::binary()),
    ]);
    assert_eq!(project.finished(shell).out, "a | 4\n");
}
