//! Runs with a terminal.

use pitcrew::terminal::Size;

use super::*;

/// Reads until this text has come.
async fn until(out: &mut (impl tokio::io::AsyncRead + Unpin), text: &str) -> String {
    let mut all = String::new();
    let mut buffer = [0; 1000];
    while !all.contains(text) {
        let read = tokio::time::timeout(BOUND, out.read(&mut buffer)).await;
        let length = read.expect("no output in time").unwrap();
        assert_ne!(length, 0, "{all:?} without {text:?}");
        all.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    all
}

fn in_terminal(mut launch: Launch) -> Launch {
    launch.terminal = Some(Size::new(90, 30));
    // Not looked at.
    launch.stdin = StdinTarget::Null;
    launch
}

pub(super) async fn a_terminal_is_input_and_output(world: impl World) {
    let shell = "test -t 0 && test -t 1 && test -t 2 && echo yes; echo err >&2; \
                 read x; echo got; test \"$x\" = typed && exit 3";
    let script = Script::new().out("yes").err("err").read_line().out("got").exit(3);
    let launch = in_terminal(world.program(shell, script));
    let mut child = world.host().launch(launch).await.unwrap();
    let (mut out, mut input) = (child.stdout().unwrap(), child.stdin().unwrap());
    assert!(child.stderr().is_none() && child.stdout().is_none() && child.stdin().is_none());
    let text = until(&mut out, "err\r\n").await;
    assert_eq!(text, "yes\r\nerr\r\n");
    input.write_all(b"typed\n").await.unwrap();
    until(&mut out, "got\r\n").await;
    assert_eq!(rest(out).await, b"", "the end of a terminal is no error");
    assert_eq!(ended(&mut child).await, Exit::Code(3));
    over(child).await;
}

pub(super) async fn a_terminal_has_its_size_first_and_can_be_resized(world: impl World) {
    let shell = "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.02; done";
    let resized = Script::new().out("20 101");
    let script = Script::forever().out("30 90").on_signal(Signal::WINCH, resized);
    let launch = in_terminal(world.program(shell, script));
    let mut child = world.host().launch(launch).await.unwrap();
    let mut out = child.stdout().unwrap();
    until(&mut out, "30 90\r\n").await;
    child.resize(Size::new(101, 20), Some((8, 16))).unwrap();
    until(&mut out, "20 101\r\n").await;
    assert_eq!(rest(out).await, b"");
    assert_eq!(ended(&mut child).await, Exit::Code(0));
    over(child).await;
}

pub(super) async fn the_last_bytes_of_a_terminal_are_read_after_the_end(world: impl World) {
    let shell = "i=0; while [ $i -lt 200 ]; do echo $i; i=$((i+1)); done; printf end";
    let numbers = (0..200).map(|number| number.to_string() + "\n");
    let lines: String = numbers.collect();
    let script = Script::new().out_bytes(lines.clone() + "end");
    let launch = in_terminal(world.program(shell, script));
    let mut child = world.host().launch(launch).await.unwrap();
    assert_eq!(ended(&mut child).await, Exit::Code(0));
    let text = String::from_utf8(rest(child.stdout().unwrap()).await).unwrap();
    assert_eq!(text, lines.replace('\n', "\r\n") + "end");
    over(child).await;
}

pub(super) async fn what_waits_for_input_is_seen(world: impl World) {
    let shell = "echo up; read x; echo on; sleep 1000";
    let script = Script::forever().out("up").read_line().out("on");
    for is_terminal in [true, false] {
        let mut launch = in_terminal(world.program(shell, script.clone()));
        if !is_terminal {
            (launch.terminal, launch.stdin) = (None, StdinTarget::Pipe);
        }
        let mut child = world.host().launch(launch).await.unwrap();
        let (mut out, mut input) = (child.stdout().unwrap(), child.stdin().unwrap());
        until(&mut out, "up").await;
        let look = child.input_looker().unwrap();
        let waiting = async {
            while look().await.is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(BOUND, waiting).await.expect("it does not wait");
        input.write_all(b"x\n").await.unwrap();
        until(&mut out, "on").await;
        let busy = async {
            while look().await.is_some() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(BOUND, busy).await.expect("it still waits");
        child.kill_tree().await.unwrap();
        ended(&mut child).await;
        over(child).await;
    }
}
