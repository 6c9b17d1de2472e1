//! Recognises "address already in use" errors in the output of servers, and the ports they name.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// Matches the messages with which servers report that their port is in use.
static IN_USE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)address (already )?in use|EADDRINUSE|port \S+ is (already )?(in use|taken|used)|port is already allocated").ok()
});
/// Matches a port number in such a message.
static PORT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?::|\bport[ =:]*)(\d{2,5})\b").ok());

/// Whether any line reports that a port is in use.
pub(crate) fn reports_address_in_use(text: &[u8]) -> bool {
    IN_USE.as_ref().is_some_and(|in_use| in_use.is_match(text))
}

/// Returns the ports named in lines that report a port in use, or else in adjacent lines.
pub(crate) fn taken_ports(text: &[u8]) -> Vec<u16> {
    let (Some(in_use), Some(port)) = (IN_USE.as_ref(), PORT.as_ref()) else { return Vec::new() };
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let ports_in = |line: &&[u8]| {
        let digits = port.captures_iter(line).filter_map(|captures| captures.get(1));
        let numbers = digits.filter_map(|digits| std::str::from_utf8(digits.as_bytes()).ok());
        let ports = numbers.filter_map(|number| number.parse().ok());
        ports.filter(|port| *port > 0).collect::<Vec<u16>>()
    };
    let reports = |line: &&[u8]| in_use.is_match(line);
    let same_line: Vec<u16> =
        lines.iter().filter(|line| reports(line)).flat_map(ports_in).collect();
    if !same_line.is_empty() {
        return same_line;
    }
    // PostgreSQL names the port in the hint that follows.
    let adjacent = lines.windows(3).filter(|lines| lines.iter().any(&reports));
    adjacent.flatten().flat_map(ports_in).collect()
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
