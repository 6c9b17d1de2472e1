use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use super::*;
use crate::control::{PROTOCOL, PROTOCOL_HEADER};

/// A client of a project whose first `times` responses are timeouts; and the timeouts of its requests.
fn project(times: usize) -> (Client, Arc<Mutex<Vec<u64>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let known = Arc::clone(&asked);
    let client = Client::new("shop", move || {
        let (own, other) = UnixStream::pair()?;
        own.set_nonblocking(true)?;
        let known = Arc::clone(&known);
        std::thread::spawn(move || answer(other, &known, times));
        Ok(own)
    });
    (client, asked)
}

fn answer(mut stream: UnixStream, known: &Mutex<Vec<u64>>, times: usize) {
    let (mut text, mut buffer) = (String::new(), [0; 1024]);
    while !text.ends_with('}') {
        let length = stream.read(&mut buffer).unwrap();
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let waited: WaitRequest = serde_json::from_str(body).unwrap();
    let mut known = known.lock().unwrap();
    known.push(waited.timeout_ms.unwrap());
    let (status, body) = if known.len() <= times {
        ("408 Request Timeout", r#"{"error":"timeout","message":"waiting for web"}"#)
    } else {
        ("200 OK", r#"{"ok":true,"processes":[],"ending":null}"#)
    };
    let head = format!("HTTP/1.1 {status}\r\n{PROTOCOL_HEADER}: {PROTOCOL}\r\n");
    let length = body.len();
    write!(stream, "{head}content-length: {length}\r\n\r\n{body}").unwrap();
}

#[tokio::test]
async fn polling_slows_down_over_time() {
    let (client, asked) = project(7);
    let names = ["web".to_owned()];
    assert!(wait_for(&client, &names, None, &CommandTimeout::start(None)).await.unwrap().ok);
    let seconds = [2, 4, 8, 16, 32, 64, 64, 64];
    assert_eq!(*asked.lock().unwrap(), seconds.map(|s| s * 1000));
}

#[tokio::test]
async fn a_timeout_names_the_processes_that_are_waited_for() {
    let (client, asked) = project(1);
    let names = ["web".to_owned()];
    let limit = CommandTimeout::start(Some(Duration::from_secs(1)));
    let late = wait_for(&client, &names, None, &limit).await.unwrap_err();
    assert_eq!(late.message, "timed out after 1s; waiting for web");
    assert_eq!(asked.lock().unwrap().len(), 1);
}
