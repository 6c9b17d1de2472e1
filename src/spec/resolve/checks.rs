//! Resolves `ready` and `health` to a [`Check`].

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::super::procfile::tree::{TableNode, ValueNode};
use super::super::{Check, CommandLine, Endpoint, OutputPattern, Port, Probe, Url};

/// The host name for both loopback addresses.
const LOCALHOST: &str = "localhost";

/// Builds the check of these keys, if they have a valid one; `dir` is the base of its paths.
pub(super) fn check(
    keys: &TableNode,
    dir: &Path,
    command: impl FnOnce(&ValueNode) -> Option<CommandLine>,
) -> Option<Check> {
    let probe = if let Some(node) = keys.get("exec") {
        Probe::Exec(command(node)?)
    } else if let Some(url) = keys.text("http") {
        Probe::Http(parse_url(url)?, keys.integers("status").collect())
    } else if let Some(node) = keys.get("tcp") {
        Probe::Tcp(endpoint(node)?)
    } else if let Some(path) = keys.text("unix") {
        Probe::Unix(dir.join(path))
    } else if let Some(path) = keys.text("file") {
        Probe::File(dir.join(path))
    } else if let Some(pattern) = keys.text("log") {
        Probe::Log(OutputPattern::new(pattern).ok()?)
    } else if let Some(delay) = keys.duration("delay") {
        Probe::Delay(delay)
    } else if keys.boolean("notify")? {
        Probe::Notify
    } else {
        return None;
    };
    Some(Check {
        probe,
        interval: keys.duration("interval").unwrap_or(Duration::from_secs(1)),
        probe_timeout: keys.duration("probe_timeout").unwrap_or(Duration::from_secs(5)),
        initial_delay: keys.duration("initial_delay").unwrap_or_default(),
        successes: keys.integer("successes").unwrap_or(1),
        failures: keys.integer("failures").unwrap_or(3),
        timeout: keys.duration("timeout"),
        foreign: keys.boolean("foreign").unwrap_or(false),
    })
}

/// Parses a port number, `"port"`, or `host:port`.
fn endpoint(node: &ValueNode) -> Option<Endpoint> {
    let local = |port| Some(Endpoint { host: LOCALHOST.to_owned(), port });
    if let Some(port) = node.integer() {
        return local(Port::Number(port));
    }
    let text = node.text()?;
    if text == "port" {
        return local(Port::Own);
    }
    let (host, port) = text.rsplit_once(':')?;
    Some(Endpoint { host: without_brackets(host), port: Port::Number(port.parse().ok()?) })
}

fn without_brackets(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn parse_url(text: &str) -> Option<Url> {
    let Some(rest) = text.strip_prefix("http://") else {
        let server = Endpoint { host: LOCALHOST.to_owned(), port: Port::Own };
        return text.starts_with('/').then(|| Url { server, target: target(text) });
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let (host, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()?),
        _ => (host, 80),
    };
    let server = Endpoint { host: without_brackets(host), port: Port::Number(port) };
    Some(Url { server, target: target(path) })
}

/// Returns path and query for a request: with a leading slash, without a fragment, and escaped where
/// necessary.
fn target(text: &str) -> String {
    let text = text.split('#').next().unwrap_or_default();
    let mut target = if text.starts_with('/') { String::new() } else { "/".to_owned() };
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%[]".contains(&byte) {
            target.push(char::from(byte));
        } else {
            _ = write!(target, "%{byte:02X}");
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let shown = |text: &str| parse_url(text).map(|url| (url.server.shown(Some(9)), url.target));
        let wanted = |server: &str, target: &str| Some((server.to_owned(), target.to_owned()));
        assert_eq!(shown("/healthz"), wanted("localhost:9", "/healthz"));
        assert_eq!(shown("http://a"), wanted("a:80", "/"));
        assert_eq!(shown("http://a:81?x=1#y"), wanted("a:81", "/?x=1"));
        assert_eq!(shown("http://[::1]/é|"), wanted("[::1]:80", "/%C3%A9%7C"));
        assert_eq!(shown("http://[::1]:8080/a"), wanted("[::1]:8080", "/a"));
    }
}
