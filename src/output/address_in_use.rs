//! Recognises "address already in use" errors in the output of servers, and the ports they name.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// Matches the messages with which servers report that their port is in use.
static TAKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)address (already )?in use|EADDRINUSE|port \S+ is (already )?(in use|taken|used)|port is already allocated").ok()
});
/// Matches a port number in such a message.
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?::|\bport[ =:]*)(\d{2,5})\b").ok());

/// Whether any line reports that a port is in use.
pub(crate) fn reports_address_in_use(text: &[u8]) -> bool {
    TAKEN.as_ref().is_some_and(|taken| taken.is_match(text))
}

/// Returns the ports named in lines that report a port in use, or else in adjacent lines.
pub(crate) fn taken_ports(text: &[u8]) -> Vec<u16> {
    let (Some(taken), Some(number)) = (TAKEN.as_ref(), NUMBER.as_ref()) else { return Vec::new() };
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let numbers = |line: &&[u8]| {
        let found = number.captures_iter(line).filter_map(|one| port(one.get(1)?.as_bytes()));
        found.collect::<Vec<u16>>()
    };
    let says = |line: &&[u8]| taken.is_match(line);
    let first: Vec<u16> = lines.iter().filter(|line| says(line)).flat_map(numbers).collect();
    if !first.is_empty() {
        return first;
    }
    // PostgreSQL names the port in the hint that follows.
    let near = lines.windows(3).filter(|near| near.iter().any(&says));
    near.flatten().flat_map(numbers).collect()
}

fn port(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_servers_say_which_port_is_taken() {
        for (text, ports) in [
            ("OSError: [Errno 98] Address already in use", vec![]),
            (
                "Error: listen EADDRINUSE: address already in use :::3000\n    at Server:1:22",
                vec![3000],
            ),
            (
                "nginx: [emerg] bind() to 0.0.0.0:8080 failed (98: Address already in use)",
                vec![8080],
            ),
            (
                "Could not create server TCP listening socket *:6379: bind: Address already in use",
                vec![6379],
            ),
            ("listen tcp :8081: bind: address already in use", vec![8081]),
            ("Error: Port 5173 is already in use", vec![5173]),
            (
                "Address already in use - bind(2) for \"127.0.0.1\" port 3001 (Errno::EADDRINUSE)",
                vec![3001],
            ),
            ("hello\nready on :8080", vec![]),
        ] {
            assert_eq!(taken_ports(text.as_bytes()), ports, "{text}");
        }
        let postgres = "LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use\n\
                        HINT:  Is another postmaster already running on port 5432? If not, wait\n";
        assert!(taken_ports(postgres.as_bytes()).contains(&5432));
    }
}
