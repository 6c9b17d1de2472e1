//! Runs with a terminal: with real children where the kernel matters, else scripted in invented time.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::*;
use crate::engine::EngineHandle;
use crate::engine::terminal::{ProcessTerminal, TerminalInputEvent, ViewerSize};
use crate::machine::{Intent, ProcessView, ProjectExit, ShutdownReason};
use crate::output::SourceSelection;
use crate::spec::Signal;
use crate::sys::Host;
use crate::terminal::Size;
use crate::terminal::key::parse_word;
use crate::testing::{Script, ScriptedHost};

/// A running engine of one process.
struct Running {
    handle: EngineHandle,
    ended: JoinHandle<ProjectExit>,
}

impl Running {
    fn start<H: Host>(engine: Engine<H>) -> Self {
        let (handle, chosen) = (engine.handle(), engine.supervisor.autostart());
        Self { handle, ended: tokio::spawn(engine.run(chosen, true)) }
    }

    fn scripted(host: &ScriptedHost, keys: &str) -> Self {
        let supervisor = Supervisor::new(project(keys), SupervisorOptions::default());
        Self::start(Engine::new(Arc::new(host.clone()), supervisor, EngineOptions::default()))
    }

    fn lines(&self) -> Vec<String> {
        let slice = self.handle.store().tail(&SourceSelection::All, 1000);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        slice.lines().map(|line| text(line.bytes)).collect()
    }

    fn view(&self) -> Arc<ProcessView> {
        Arc::clone(&self.handle.snapshot().processes[0])
    }

    fn terminal(&self) -> Arc<ProcessTerminal> {
        let id = self.view().id;
        self.handle.terminals().get(id).expect("it has a terminal")
    }

    async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let holds = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let wait = timeout(LIMIT, holds).await;
        assert!(wait.is_ok(), "{what}: {:?}, {:?}", self.lines(), self.view().record);
    }

    async fn until_screen(&self, text: &str) {
        self.until(text, |running| {
            let terminals = running.handle.terminals();
            terminals.get(running.view().id).is_some_and(|seen| seen.text().contains(text))
        })
        .await;
    }

    fn type_keys(&self, words: &[&str]) {
        let terminal = self.terminal();
        for event in words.iter().flat_map(|word| parse_word(word).unwrap()) {
            terminal.send(TerminalInputEvent::Key(event)).unwrap();
        }
    }

    /// Waits for its end by itself.
    async fn end(self) -> Vec<String> {
        timeout(LIMIT, self.ended).await.expect("it has to end").unwrap();
        let slice = self.handle.store().tail(&SourceSelection::All, 1000);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        slice.lines().map(|line| text(line.bytes)).collect()
    }

    async fn stop(self) -> Vec<String> {
        self.handle.send(Intent::Shutdown(ShutdownReason::Asked));
        self.end().await
    }
}

fn script(text: &str) -> String {
    format!("command = '''\n{text}'''\ntty = true")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_input_and_outputs_are_a_terminal_and_what_it_prints_is_in_the_log() {
    let text = "test -t 0 && test -t 1 && test -t 2 && echo yes; stty size; echo err >&2; \
                echo $TERM ${COLUMNS-none}; printf last";
    let running = Running::start(engine(&script(text), None));
    let lines = running.end().await;
    assert_eq!(lines, ["yes\r", "24 80\r", "err\r", "xterm-256color none\r", "last"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_screen_program_is_a_mark_in_the_log_and_nothing_in_the_log_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.log");
    let text = r"printf 'before\nhalf\033[?1049h drawn\n'; sleep 0.1; printf '\033[?1049l done\n'";
    let keys = format!("{}\nlog = {{ file = '{}' }}", script(text), file.display());
    let running = Running::start(engine(&keys, None));
    let lines = running.end().await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "before\r");
    assert!(lines[1].starts_with("── full screen for ") && lines[1].ends_with(" ──"), "{lines:?}");
    assert_eq!(lines[2], "half done\r");
    assert_eq!(std::fs::read(file).unwrap(), b"before\r\nhalf done\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_were_kept_back_are_in_the_log_at_the_end() {
    let running = Running::start(engine(&script(r"printf 'one\n\033[?10'"), None));
    assert_eq!(running.end().await, ["one\r", "\u{1b}[?10"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_answered_though_nobody_looks() {
    let text =
        r"stty raw -echo; printf '\033[5n'; r=$(head -c 4 | tail -c 2); stty sane; echo got $r";
    let running = Running::start(engine(&script(text), None));
    let lines = running.end().await;
    assert!(lines[0].ends_with("got 0n\r"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_arrive_and_the_screen_outlives_the_run() {
    let running = Running::start(engine(&script("read x; echo \"<$x>\""), None));
    running.until("it runs", |running| running.view().pid.is_some()).await;
    running.type_keys(&["ab", "BSpace", "c", "Enter"]);
    running.until_screen("<ac>").await;
    let terminal = running.terminal();
    assert_eq!(running.end().await.last().unwrap(), "<ac>\r");
    assert!(terminal.text().contains("<ac>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_reads_nothing_stops_neither_its_output_nor_its_stop() {
    let text = "stty raw -echo; while :; do echo more; done";
    let running = Running::start(engine(&script(text), None));
    running.until("output", |running| running.handle.store().next_seq() > 100).await;
    let terminal = running.terminal();
    for _ in 0..100 {
        _ = terminal.send(TerminalInputEvent::Bytes(vec![b'x'; 10_000]));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let seq = running.handle.store().next_seq();
    running.until("more", |running| running.handle.store().next_seq() > seq + 1000).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interactive_shell_ends_at_a_stop_with_its_jobs() {
    let keys = "command = ['bash', '--norc', '-i']\ntty = true\nenv = { PS1 = 'prompt> ' }";
    let running = Running::start(engine(keys, None));
    running.until_screen("prompt>").await;
    running.type_keys(&["sleep 4321 & echo job $!", "Enter"]);
    let job = |running: &Running| {
        let text = running.terminal().text();
        text.lines().find_map(|line| line.strip_prefix("job ")).map(str::to_owned)
    };
    running.until("its job", |running| job(running).is_some()).await;
    let job = format!("/proc/{}", job(&running).unwrap());
    // The grace period of ten seconds is longer than the limit of this test.
    running.stop().await;
    let gone = async {
        while std::path::Path::new(&job).exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(LIMIT, gone).await.is_ok(), "{job} is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_input_says_so_until_it_gets_some() {
    for input in ["tty = true", "stdin = 'pipe'"] {
        let keys = format!(
            "command = '''printf \"Port 3000 is taken, use another? (Y/n) \"; read x; echo got; \
             exec sleep 1000'''\n{input}"
        );
        let running = Running::start(engine(&keys, None));
        running.until("it waits", |running| running.view().waiting_for_input).await;
        let why = running.view().reason().to_owned();
        let wanted = "waits for input: “Port 3000 is taken, use another? (Y/n)”";
        assert_eq!(why, wanted, "{input}");
        if input.starts_with("tty") {
            running.type_keys(&["y", "Enter"]);
            running.until("it goes on", |running| !running.view().waiting_for_input).await;
            running.until_screen("got").await;
        }
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn title_bell_and_kind_of_screen_are_in_the_record_until_the_run_ends() {
    let seconds = Duration::from_secs;
    let script = Script::new()
        .out_bytes("\x1b]2;editor\x07\x07\x07\x1b[?1049h")
        .wait(seconds(5))
        .out_bytes("\x1b[?1049l")
        .wait(seconds(5))
        .exit(0);
    let host = ScriptedHost::new().on("*", script);
    let running = Running::scripted(&host, "command = 'x'\ntty = true");
    running.until("the title", |running| running.view().title.is_some()).await;
    let view = running.view();
    assert_eq!(
        (view.title.as_deref(), view.bells, view.alternate_screen),
        (Some("editor"), 2, true)
    );
    running.until("the end of the full screen", |running| !running.view().alternate_screen).await;
    assert_eq!(running.view().title.as_deref(), Some("editor"));
    running.until("the end", |running| running.view().pid.is_none()).await;
    assert_eq!((running.view().title.clone(), running.view().bells), (None, 2));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_something_else_is_not_said_to_wait() {
    let running = Running::start(engine(&script("exec sleep 1000"), None));
    running.until("it runs", |running| running.view().pid.is_some()).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!running.view().waiting_for_input);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn hup_follows_term_unless_the_file_names_a_signal() {
    let table = [
        ("tty = true", vec![(Signal::TERM, 0), (Signal::HUP, 100)]),
        ("tty = true\nstop = { grace = '2s' }", vec![(Signal::TERM, 0), (Signal::HUP, 100)]),
        ("tty = true\nstop = { signal = 'TERM', grace = '1s' }", vec![(Signal::TERM, 0)]),
        ("tty = true\nstop = { signal = 'INT' }", vec![(Signal::INT, 0)]),
        ("stop = { grace = '1s' }", vec![(Signal::TERM, 0)]),
    ];
    for (keys, wanted) in table {
        let bye = Script::new().wait(Duration::from_millis(300));
        let script = Script::forever()
            .on_signal(Signal::TERM, bye.clone())
            .on_signal(Signal::INT, bye)
            .ignore(Signal::CONT)
            .ignore(Signal::HUP);
        let host = ScriptedHost::new().on("*", script);
        let running = Running::scripted(&host, &format!("command = 'x'\n{keys}"));
        tokio::time::sleep(Duration::from_secs(5)).await;
        running.stop().await;
        let mut sent = host.ran()[0].signals();
        sent.retain(|sent| sent.signal != Signal::CONT);
        let first = sent[0].after;
        let sent =
            sent.iter().map(|sent| (sent.signal, sent.after.saturating_sub(first).as_millis()));
        let sent: Vec<_> = sent.collect();
        assert_eq!(sent, wanted, "{keys}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_begins_with_the_size_of_its_viewers_and_follows_them_after_a_moment() {
    let told = Script::new().out("resized");
    let script = Script::forever().out("up").interrupted_by(Signal::WINCH, told);
    let host = ScriptedHost::new().on("*", script);
    let running = Running::scripted(&host, "command = 'x'\ntty = true");
    running.until_screen("up").await;
    assert_eq!(host.ran()[0].terminal_size(), Some((80, 24)));
    let viewer = running.terminal().attach();
    let size =
        |columns| ViewerSize { size: Size::new(columns, 30), cell: None, is_interactive: true };
    for columns in 90..=100 {
        viewer.set_size(size(columns));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(host.ran()[0].terminal_size(), Some((80, 24)), "too early");
    running.until_screen("resized").await;
    assert_eq!(host.ran()[0].terminal_size(), Some((100, 30)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(running.terminal().text(), "up\nresized", "once");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_typed_is_written_in_order_and_a_line_of_send_too() {
    let script = Script::new().out("\u{1b}[?1h").read_line().run_on();
    let host = ScriptedHost::new().on("*", script);
    let running = Running::scripted(&host, "command = 'x'\ntty = true");
    tokio::time::sleep(Duration::from_millis(10)).await;
    running.type_keys(&["a", "Up", "C-c", "Enter"]);
    running.terminal().send(TerminalInputEvent::Paste("b\nc".to_owned())).unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    // In the application mode of the cursor keys, which the program has asked for.
    assert_eq!(host.ran()[0].input(), b"a\x1bOA\x03\rb\rc");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_scripted_run_waits_for_input_after_a_second_of_silence() {
    let script = Script::new().out_bytes("Name: ").read_line().out("thanks").run_on();
    let host = ScriptedHost::new().on("*", script);
    let running = Running::scripted(&host, "command = 'x'\ntty = true");
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert!(!running.view().waiting_for_input, "too early");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(running.view().waiting_for_input);
    assert_eq!(running.view().reason(), "waits for input: “Name:”");
    running.terminal().send(TerminalInputEvent::Bytes(b"x\n".to_vec())).unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(!running.view().waiting_for_input);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(!running.view().waiting_for_input);
    running.stop().await;
}
