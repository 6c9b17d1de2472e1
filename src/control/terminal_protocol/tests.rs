use tokio::io::duplex;

use super::*;
use crate::terminal::key::{KeyCode, KeyEvent, Modifiers};
use crate::terminal::{Size, View};

struct Attached {
    reader: TerminalReceiver,
    writer: TerminalSender,
    view: View,
}

impl Attached {
    fn to(terminal: &Arc<ProcessTerminal>) -> Self {
        let (ours, theirs) = duplex(1 << 16);
        tokio::spawn(serve(Arc::clone(terminal), theirs));
        let TerminalStream { sender: writer, receiver: reader } = TerminalStream::new(ours);
        Self { reader, writer, view: View::default() }
    }

    async fn take(&mut self) -> Vec<TerminalNote> {
        self.writer.send(&ViewerMessage::Take(self.view.version())).await.unwrap();
        let mut notes = Vec::new();
        loop {
            match self.reader.next().await.unwrap().expect("the connection is open") {
                TerminalMessage::Note(note) => notes.push(note),
                TerminalMessage::Frame(frame) => {
                    self.view.apply(frame);
                    return notes;
                }
            }
        }
    }

    fn rows(&self) -> Vec<String> {
        let rows = self.view.rows().iter().map(crate::terminal::Row::text);
        rows.filter(|row| !row.is_empty()).collect()
    }
}

fn key(character: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(character), Modifiers::NONE)
}

#[tokio::test]
async fn a_viewer_gets_the_screen_and_then_what_changes() {
    let terminal = Arc::new(ProcessTerminal::new());
    terminal.advance(0, b"one\r\n");
    let mut viewer = Attached::to(&terminal);
    viewer.take().await;
    assert_eq!(viewer.rows(), ["one"]);
    let writer = Arc::clone(&terminal);
    let (_, ()) = tokio::join!(viewer.take(), async move {
        tokio::task::yield_now().await;
        writer.advance(0, b"two");
    });
    assert_eq!(viewer.rows(), ["one", "two"]);
}

#[expect(clippy::disallowed_methods, reason = "paused time")]
#[tokio::test(start_paused = true)]
async fn a_frame_waits_for_the_end_of_an_announced_change_but_not_for_ever() {
    let terminal = Arc::new(ProcessTerminal::new());
    let mut viewer = Attached::to(&terminal);
    viewer.take().await;
    terminal.advance(0, b"\x1b[?2026hhalf");
    let begun = tokio::time::Instant::now();
    viewer.take().await;
    assert_eq!(begun.elapsed(), MAX_UPDATE);
    assert_eq!(viewer.rows(), ["half"], "a program that never ends its change is shown as it is");
    terminal.advance(0, b" whole\x1b[?2026l");
    viewer.take().await;
    assert_eq!(viewer.rows(), ["half whole"]);
}

#[tokio::test]
async fn input_reaches_the_run_and_a_refusal_comes_back() {
    let terminal = Arc::new(ProcessTerminal::new());
    let mut viewer = Attached::to(&terminal);
    viewer.writer.send(&ViewerMessage::Key(key('x'))).await.unwrap();
    let answer = viewer.reader.next().await.unwrap();
    let refused = TerminalNote::Refused("is not running".to_owned());
    assert_eq!(answer, Some(TerminalMessage::Note(refused)));
    let mut input = terminal.begin_run().input;
    let size = Size::new(100, 30);
    let messages = [
        ViewerMessage::Size { size, cell: None, interactive: true },
        ViewerMessage::Key(key('x')),
        ViewerMessage::Paste("text".to_owned()),
        ViewerMessage::Focus(true),
    ];
    for message in &messages {
        viewer.writer.send(message).await.unwrap();
    }
    assert_eq!(input.recv().await, Some(TerminalInputEvent::Resize));
    assert_eq!(input.recv().await, Some(TerminalInputEvent::Key(key('x'))));
    assert_eq!(input.recv().await, Some(TerminalInputEvent::Paste("text".to_owned())));
    assert_eq!(input.recv().await, Some(TerminalInputEvent::Focus(true)));
    assert_eq!(terminal.resize().map(|wanted| wanted.size), Some(size));
}

#[tokio::test]
async fn a_clipboard_write_reaches_those_who_look_and_not_those_who_come_later() {
    let terminal = Arc::new(ProcessTerminal::new());
    let mut viewer = Attached::to(&terminal);
    viewer.take().await;
    terminal.advance(0, b"\x1b]52;c;aGVsbG8=\x07.");
    let note = TerminalNote::Clipboard { primary: false, text: "hello".to_owned() };
    assert_eq!(viewer.take().await, [note]);
    let mut later = Attached::to(&terminal);
    assert_eq!(later.take().await, []);
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection() {
    for bytes in [&[0, 0, 0, 0][..], b"\xff\xff\xff\xff....", b"\x03\0\0\0jno"] {
        let terminal = Arc::new(ProcessTerminal::new());
        let (mut ours, theirs) = duplex(1 << 10);
        let served = tokio::spawn(serve(terminal, theirs));
        ours.write_all(bytes).await.unwrap();
        assert!(served.await.unwrap().is_err(), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_message_whose_sending_was_cancelled_is_sent_with_the_next_one() {
    let (ours, mut theirs) = duplex(8);
    let TerminalStream { mut sender, receiver: _receiver } = TerminalStream::new(ours);
    let first = ViewerMessage::Paste("first".to_owned());
    let sending = sender.send(&first);
    assert!(tokio::time::timeout(Duration::from_millis(10), sending).await.is_err());
    let next = ViewerMessage::Focus(true);
    let received = async {
        let mut reader = MessageReader::new(&mut theirs, MAX_FROM_VIEWER);
        let mut messages = Vec::new();
        for _ in 0..2 {
            let (_, body) = reader.next().await.unwrap().unwrap();
            messages.push(parse::<ViewerMessage>(&body).unwrap());
        }
        messages
    };
    let (sent, received) = tokio::join!(sender.send(&next), received);
    sent.unwrap();
    assert_eq!(received, [first, next]);
}
