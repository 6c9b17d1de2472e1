use super::*;

/// Lines that are made while they are taken, and how many portions were made.
fn lines(portions: usize) -> (Receiver<Vec<u8>>, std::thread::JoinHandle<usize>) {
    let (sender, receiver) = mpsc::channel(1);
    let made = std::thread::spawn(move || {
        let portion = b"0123456789 abc\n".repeat(1000);
        (0..portions).take_while(|_| sender.blocking_send(portion.clone()).is_ok()).count()
    });
    (receiver, made)
}

#[test]
fn a_command_gets_all_lines_and_its_first_words_are_shown() {
    let (portions, made) = lines(100);
    assert_eq!(pipe("wc -l", portions), Ok("100000".to_owned()));
    assert_eq!(made.join().unwrap(), 100);
}

#[test]
fn a_command_that_wants_no_more_ends_it() {
    let (portions, made) = lines(100_000);
    let said = pipe("head -n 1", portions);
    assert_eq!(said, Ok("0123456789 abc".to_owned()));
    assert!(made.join().unwrap() < 1000);
}

#[test]
fn what_a_command_says_is_not_held() {
    let (portions, _made) = lines(2000);
    let said = pipe("cat; printf '\\033]52;c;aGk=\\007' >&2", portions);
    assert_eq!(said, Ok("0123456789 abc".to_owned()));
    let (portions, _made) = lines(1);
    let failed = pipe("printf '\\033[2Jno\\nmore' >&2; exit 3", portions).unwrap_err();
    assert!(failed.contains('3') && failed.contains("no"), "{failed}");
    assert!(!failed.contains('\x1b') && !failed.contains("more"), "{failed}");
}

#[test]
fn lines_are_saved_once_and_nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.log");
    let (portions, _made) = lines(200);
    let said = save(&path, portions).unwrap();
    assert!(said.starts_with("saved 200,000 lines to "), "{said}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 3_000_000);
    let (portions, _made) = lines(1);
    assert!(save(&path, portions).unwrap_err().contains("already exists"));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 3_000_000);
}

#[test]
fn what_is_too_long_to_be_held_goes_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept");
    let open = || Ok((path.clone(), File::create_new(&path)?));
    let (portions, _made) = lines(2);
    let Ok(ExportBuffer::Text(text)) = collect(portions, 30_000, open) else { panic!("it fits") };
    assert_eq!(text.len(), 30_000);
    let (portions, _made) = lines(40);
    assert_eq!(collect(portions, 30_000, open), Ok(ExportBuffer::File(path.clone())));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 600_000);
}
